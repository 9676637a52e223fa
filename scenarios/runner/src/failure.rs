//! Why a step fails: what was expected and what came, in words for the author of the script.

use std::{fmt, future::Future, time::Duration};

use tokio::time::{Instant, sleep};

/// For how long is waited for what must come: a message through the centre, the bank's answer, a payment's end.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked.
const PAUSE: Duration = Duration::from_millis(40);

/// A step's failure.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Failure(String);

/// What a step comes to.
pub(crate) type Outcome = Result<(), Failure>;

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// Expected was one thing, and another came.
    pub(crate) fn expected(expected: impl fmt::Display, came: impl fmt::Display) -> Self {
        Self(format!("expected: {expected}\ncame:     {came}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Failure {
    fn from(what: String) -> Self {
        Self(what)
    }
}

/// Fails unless both are the same.
pub(crate) fn same<T: fmt::Debug + PartialEq>(what: &str, came: T, expected: T) -> Outcome {
    if came == expected {
        return Ok(());
    }
    Err(Failure::expected(format_args!("{what} {expected:?}"), format_args!("{came:?}")))
}

/// Looks again and again until it is so; the last failure when it does not come to be so.
pub(crate) async fn eventually<T, Looked>(mut look: impl FnMut() -> Looked) -> Result<T, Failure>
where
    Looked: Future<Output = Result<T, Failure>>,
{
    let end = Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(so) => return Ok(so),
            Err(failure) if Instant::now() >= end => {
                let seconds = PATIENCE.as_secs();
                return Err(Failure(format!("{failure}\n(looked for {seconds} seconds)")));
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

//! Running a step to its end: a client that hangs up tears nothing off half done.

use thiserror::Error;
use tracing::Instrument as _;

use crate::problem::Problem;

/// A step did not come to its end: it panicked, or the process is ending.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error("a step did not come to its end")]
pub struct StepLost;

impl From<StepLost> for Problem {
    fn from(StepLost: StepLost) -> Self {
        // What it had committed until then is resumed.
        Self::outcome_unknown()
    }
}

/// Runs a step that changes something, and gives its answer. The step runs to completion even if the client disconnects
/// and its request is dropped; if the process itself ends, what was begun is resumed as after a crash.
///
/// # Errors
/// The step's own, and [`StepLost`].
pub async fn to_the_end<T, E>(
    step: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StepLost> + Send + 'static,
{
    let running = tokio::spawn(step.in_current_span());
    running.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a step did not come to its end");
        Err(StepLost.into())
    })
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_client_that_hangs_up_does_not_tear_the_step_off() {
        let (go, gone) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel();
        let (begun, begins) = oneshot::channel();
        let request = tokio::spawn(to_the_end(async move {
            begun.send(()).unwrap();
            gone.await.unwrap();
            done.send("committed").unwrap();
            Ok::<_, StepLost>(())
        }));
        begins.await.unwrap();
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
        go.send(()).unwrap();
        assert_eq!(ended.await, Ok("committed"));
    }

    #[tokio::test]
    async fn a_step_that_panics_is_lost_and_nobody_knows_how_far_it_came() {
        let broken = to_the_end(async {
            assert_eq!(1, 2);
            Ok::<(), StepLost>(())
        });
        assert_eq!(broken.await, Err(StepLost));
        assert!(Problem::from(StepLost).is_outcome_unknown());
    }
}

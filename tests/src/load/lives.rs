//! Challenges from start to finish on a store, one part after the other, so that each has its time: a code can only be read in
//! between.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use countersign_domain::{challenge::Challenge, code::TypedCode, error::Error, id::SessionId};
use tokio::task::JoinSet;

use crate::desk::{Desk, PAYEE};

/// How long each part of so many lives took.
pub struct Lives {
    /// Codes that were accepted: all, or something is wrong.
    pub accepted: u32,
    /// Challenges started.
    pub started: Duration,
    /// Messages claimed and settled.
    pub read: Duration,
    /// Right codes checked.
    pub finished: Duration,
}

impl Lives {
    /// So many lives by each of so many clients at once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn by(desk: &Arc<Desk>, clients: u32, each: u32) -> Result<Self, Error> {
        let begun = Instant::now();
        let start = |desk: Arc<Desk>, ()| async move {
            let mut share = Vec::new();
            for _ in 0..each {
                let session = desk.session()?;
                let challenge = desk.ask(&session, "49.90", PAYEE).await?;
                share.push((session, challenge));
            }
            Ok(share)
        };
        let shares = at_once(desk, (0..clients).map(|_| ()), start).await?;
        let started = begun.elapsed();

        let begun = Instant::now();
        let read = |desk: Arc<Desk>, share: Vec<(SessionId, Challenge)>| async move {
            let mut codes = Vec::new();
            for (session, challenge) in share {
                codes.push((desk.read(&challenge).await?, session, challenge));
            }
            Ok(codes)
        };
        let shares = at_once(desk, shares, read).await?;
        let read = begun.elapsed();

        let begun = Instant::now();
        let finish = |desk: Arc<Desk>, share: Vec<(Option<TypedCode>, SessionId, Challenge)>| async move {
            let mut accepted = 0;
            for (code, session, challenge) in share {
                let Some(code) = code else { continue };
                let refusal = desk.type_code(challenge.id(), &session, &code).await?;
                accepted += u32::from(refusal.is_none());
            }
            Ok(accepted)
        };
        let accepted = at_once(desk, shares, finish).await?.into_iter().sum();
        Ok(Self { accepted, started, read, finished: begun.elapsed() })
    }

    /// How many a second, when each takes that part of the time.
    pub fn rate(&self, time: Duration) -> f64 {
        f64::from(self.accepted) / time.as_secs_f64()
    }
}

async fn at_once<S, T: Send + 'static, F: Future<Output = Result<T, Error>> + Send + 'static>(
    desk: &Arc<Desk>,
    shares: impl IntoIterator<Item = S>,
    part: impl Fn(Arc<Desk>, S) -> F,
) -> Result<Vec<T>, Error> {
    let parts = shares.into_iter().map(|share| part(Arc::clone(desk), share));
    parts.collect::<JoinSet<_>>().join_all().await.into_iter().collect()
}

//! Revocation lists in files, read again when they change, so that a revoked certificate is refused without a restart.

use std::{sync::Arc, time::Duration};

use countersign_certs::RevocationList;
use countersign_domain::ports::Clock;
use tokio::{
    sync::{Mutex, watch},
    time::sleep,
};

use crate::{
    backbone::Backbone, error::ConfigError, mount::Mount, seen_lists::SeenLists, trust::Authorities,
};

/// How often the files are looked at.
const PAUSE: Duration = Duration::from_secs(2);

/// Keeps what goes by the lists at what the files say. What cannot be used changes nothing: the lists that
/// were read before stay, until they are past their next update and no certificate is trusted any more.
struct Follower {
    authorities: Authorities,
    /// What the files had when they were last read.
    lists: Vec<RevocationList>,
    /// Puts others in force.
    put: PutInForce,
    /// Those that were ever in force, by this process or another.
    seen: SeenLists,
    /// How many of the lists were verified when they were last kept among those.
    kept: usize,
    clock: Arc<dyn Clock>,
}

/// Puts revocation lists in force.
pub(crate) type PutInForce = Box<dyn FnMut(&[RevocationList]) -> Result<(), ConfigError> + Send>;

/// Refuses lists that are older than those that were in force before, and follows them while the server runs, where there
/// are any.
pub(crate) fn follow(
    authorities: Authorities,
    lists: Vec<RevocationList>,
    put: PutInForce,
    backbone: &Backbone,
) -> Mount {
    if lists.is_empty() {
        return Mount::default();
    }
    let seen = SeenLists { store: Arc::clone(&backbone.ports.store), key: authorities.lists_key };
    let clock = Arc::clone(&backbone.ports.clock);
    let follower = Follower { authorities, lists, put, seen, kept: 0, clock };
    let follower = Arc::new(Mutex::new(follower));
    let (first, stop) = (Arc::clone(&follower), backbone.signals.stopping.clone());
    Mount {
        checks: vec![Box::pin(async move { Ok(first.lock().await.begin().await?) })],
        tasks: vec![Box::pin(async move { follower.lock().await.run(stop).await })],
        ..Mount::default()
    }
}

impl Follower {
    /// Follows until `stop` turns true.
    async fn run(&mut self, mut stop: watch::Receiver<bool>) {
        let mut complaint = None;
        loop {
            tokio::select! {
                () = sleep(PAUSE) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            let now = match self.look().await {
                Ok(()) => late(&self.lists, self.clock.as_ref()),
                Err(error) => Some(error.to_string()),
            };
            // Once for each trouble, not once for each look.
            if let Some(trouble) = &now
                && complaint.as_ref() != Some(trouble)
            {
                tracing::error!(trouble, "revocation lists");
            }
            complaint = now;
        }
    }

    /// Takes those out of force that are older than what was in force before.
    async fn begin(&mut self) -> Result<(), ConfigError> {
        let current = self.seen.current(&self.lists).await?;
        if current.len() < self.lists.len() {
            (self.put)(&current)?;
        }
        self.keep().await
    }

    /// Puts the lists in force that the files have now.
    async fn look(&mut self) -> Result<(), ConfigError> {
        let lists = self.authorities.lists()?;
        if lists != self.lists {
            let current = self.seen.current(&lists).await?;
            (self.put)(&current)?;
            tracing::info!(lists = current.len(), "revocation lists were read again");
            (self.lists, self.kept) = (lists, 0);
        }
        self.keep().await
    }

    /// Keeps which lists are in force, once more of them are verified: those of authorities below the trusted ones are when
    /// the first client brings their certificate.
    async fn keep(&mut self) -> Result<(), ConfigError> {
        let verified = self.lists.iter().filter(|list| list.is_verified()).count();
        if verified != self.kept {
            self.seen.keep(&self.lists).await?;
            self.kept = verified;
        }
        Ok(())
    }
}

/// What to say when a list that counts is past its next update.
fn late(lists: &[RevocationList], clock: &dyn Clock) -> Option<String> {
    let now = clock.now().unix_seconds();
    let is_late = |list: &&RevocationList| list.next_update().as_secs() < now;
    let late = RevocationList::newest(lists).into_iter().filter(is_late).count();
    (late > 0).then(|| {
        format!("{late} are past their next update: client certificates are refused until they are renewed")
    })
}

//! Revocation lists in files, read again when they change, so that a revoked certificate is refused without a restart.

use std::{sync::Arc, time::Duration};

use countersign_certs::RevocationList;
use countersign_domain::ports::Clock;
use tokio::{sync::watch, time::sleep};

use crate::{
    backbone::Backbone, error::ConfigError, mount::Mount, seen_lists::SeenLists, trust::Authorities,
};

/// How often the files are looked at.
const PAUSE: Duration = Duration::from_secs(2);

/// Keeps what goes by the lists at what the files say. What cannot be used changes nothing: the lists that
/// were read before stay, until they are past their next update and no certificate is trusted any more.
struct Follower {
    authorities: Authorities,
    /// Those in force.
    lists: Vec<RevocationList>,
    /// Puts others in force.
    put: PutInForce,
    /// Those that were ever in force, by this process or another.
    seen: Arc<SeenLists>,
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
    let (store, key) = (Arc::clone(&backbone.ports.store), authorities.lists_key);
    let seen = Arc::new(SeenLists { store, key });
    let (kept, first) = (Arc::clone(&seen), lists.clone());
    let clock = Arc::clone(&backbone.ports.clock);
    let follower = Follower { authorities, lists, put, seen, clock };
    Mount {
        checks: vec![Box::pin(async move { Ok(kept.keep(&first).await?) })],
        tasks: vec![Box::pin(follower.run(backbone.signals.stopping.clone()))],
        ..Mount::default()
    }
}

impl Follower {
    /// Follows until `stop` turns true.
    async fn run(mut self, mut stop: watch::Receiver<bool>) {
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

    /// Puts the lists in force that the files have now.
    async fn look(&mut self) -> Result<(), ConfigError> {
        let lists = self.authorities.lists()?;
        if lists == self.lists {
            return Ok(());
        }
        self.never_back(&lists)?;
        self.seen.check(&lists).await?;
        (self.put)(&lists)?;
        self.seen.keep(&lists).await?;
        tracing::info!(lists = lists.len(), "revocation lists were read again");
        self.lists = lists;
        Ok(())
    }

    /// A list that is older than the one in force is a mistake or an attack: what it lacks was revoked since.
    /// Older ones beside it do no harm.
    fn never_back(&self, lists: &[RevocationList]) -> Result<(), ConfigError> {
        let in_force = RevocationList::newest(&self.lists);
        let is_older = |list: &RevocationList| {
            let mut known = in_force.iter().filter(|known| known.is_of_the_same_authority(list));
            known.any(|known| known.is_newer_than(list))
        };
        if RevocationList::newest(lists).into_iter().any(is_older) {
            let why = "names a list that is older than the one in force";
            return Err(ConfigError::unusable(self.authorities.lists_key, why));
        }
        Ok(())
    }
}

/// What to say when a list that counts is past its next update.
fn late(lists: &[RevocationList], clock: &dyn Clock) -> Option<String> {
    let now = clock.now().unix_seconds();
    let is_late =
        |list: &&RevocationList| list.next_update().is_some_and(|next| next.as_secs() < now);
    let late = RevocationList::newest(lists).into_iter().filter(is_late).count();
    (late > 0).then(|| {
        format!("{late} are past their next update: client certificates are refused until they are renewed")
    })
}

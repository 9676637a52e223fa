//! What authorities have revoked: lists in files, read again when they change, so that a revoked certificate is refused
//! without a restart.

use std::{sync::Arc, time::Duration};

use countersign_certs::RevocationList;
use countersign_checkout::Checkouts;
use countersign_domain::ports::Clock;
use rustls::ServerConfig;
use tokio::{sync::watch, task::JoinHandle, time::sleep};

use crate::{
    config::Config,
    error::ConfigError,
    tls,
    trust::{REVOCATION_LISTS, revocation_lists, trust_anchors},
};

/// How often the files are looked at.
const PAUSE: Duration = Duration::from_secs(2);

/// Keeps TLS and checkout at what the files say, until `stop` turns true. What cannot be used changes nothing: the lists
/// that were read before stay, until they are past their next update and nobody is believed any more.
pub(crate) fn follow(
    config: Config,
    mut current: Vec<RevocationList>,
    checkouts: Arc<Checkouts>,
    tls: watch::Sender<Arc<ServerConfig>>,
    mut stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut complaint = None;
        loop {
            tokio::select! {
                () = sleep(PAUSE) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            let looked = look(&config, &current, &checkouts, &tls);
            let now = match looked {
                Ok(Some(lists)) => {
                    tracing::info!(lists = lists.len(), "revocation lists were read again");
                    current = lists;
                    late(&current, checkouts.ports.clock.as_ref())
                }
                Ok(None) => late(&current, checkouts.ports.clock.as_ref()),
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
    })
}

/// The lists, if they are others than before; they are in force then.
fn look(
    config: &Config,
    before: &[RevocationList],
    checkouts: &Checkouts,
    tls: &watch::Sender<Arc<ServerConfig>>,
) -> Result<Option<Vec<RevocationList>>, ConfigError> {
    let lists = revocation_lists(config)?;
    if lists == before {
        return Ok(None);
    }
    never_back(before, &lists)?;
    // First where it needs nothing else: a key that cannot be read now must not keep a revocation from being in force.
    if let (Some(reader), Some(anchors)) = (&checkouts.certificates, trust_anchors(config, &lists)?)
    {
        reader.trust(anchors);
    }
    let renewed = tls::for_payers(config, &lists)?;
    tls.send_replace(renewed);
    Ok(Some(lists))
}

/// A list that is older than the one in force is somebody's mistake, or somebody's attack: what it lacks was revoked since.
/// Older ones beside it do no harm.
fn never_back(before: &[RevocationList], lists: &[RevocationList]) -> Result<(), ConfigError> {
    let in_force = RevocationList::newest(before);
    let is_older = |list: &RevocationList| {
        let mut known = in_force.iter().filter(|known| known.is_of_the_same_authority(list));
        known.any(|known| known.is_newer_than(list))
    };
    if RevocationList::newest(lists).into_iter().any(is_older) {
        let why = "names a list that is older than the one in force";
        return Err(ConfigError::unusable(REVOCATION_LISTS, why));
    }
    Ok(())
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

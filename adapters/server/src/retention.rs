//! What is removed once it is final, and when: `[retention]`.

use std::{sync::Arc, time::Duration};

use countersign_domain::{
    policy::Policy,
    ports::{Ports, Store},
    retention::{COLLECTIONS, Kept, Retention},
};
use countersign_web::idempotency;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::{
    config::RetentionSection,
    error::ConfigError,
    workers::{Signals, Task},
};

const DAY_SECONDS: u32 = 86_400;

/// A hold that is captured later is final after 7 days at most; until then its checkout and its challenge are looked at.
const MIN_DAYS: u32 = 30;
/// A century: more is a mistake.
const MAX_DAYS: u32 = 36_500;

/// Records of each collection that are removed in one commit, which holds up others for a few milliseconds.
const AT_ONCE: usize = 256;
/// It rests for so many times as long as it worked, while there is more.
const REST: u32 = 3;
/// Between two looks when there was nothing more.
const LONG_PAUSE: Duration = Duration::from_secs(60);

/// For how long what is kept.
pub(crate) fn kept(section: &RetentionSection, policy: &Policy) -> Result<Vec<Kept>, ConfigError> {
    let RetentionSection { days, idempotency_days } = *section;
    if !(MIN_DAYS..=MAX_DAYS).contains(&days) {
        let why = format!("must be {MIN_DAYS} to {MAX_DAYS}");
        return Err(ConfigError::unusable("retention.days", why));
    }
    if days <= policy.limits().credit_days {
        let why = "must be more than policy.credit_days: until then a payment can be credited";
        return Err(ConfigError::unusable("retention.days", why));
    }
    if !(1..=MAX_DAYS).contains(&idempotency_days) {
        let why = format!("must be 1 to {MAX_DAYS}");
        return Err(ConfigError::unusable("retention.idempotency_days", why));
    }
    let seconds = days.saturating_mul(DAY_SECONDS);
    let single = [countersign_checkout::CHECKOUTS, countersign_operator::ORDERS];
    let flows = single
        .into_iter()
        .chain(countersign_authority::FINAL)
        .chain(countersign_wallet::FINAL)
        .chain(countersign_set::FINAL);
    let collections = flows.chain(COLLECTIONS);
    let keys = Kept {
        collection: idempotency::COLLECTION,
        seconds: idempotency_days.saturating_mul(DAY_SECONDS),
    };
    Ok(collections.map(|collection| Kept { collection, seconds }).chain([keys]).collect())
}

/// What removes what is final from that store, until the server stops; nothing where everything is kept for ever.
pub(crate) fn task(
    store: &Arc<dyn Store>,
    ports: &Ports,
    kept: &[Kept],
    signals: &Signals,
) -> Option<Task> {
    let retention =
        Retention::new(Ports { store: Arc::clone(store), ..ports.clone() }, kept.to_vec());
    let stop = signals.stopping.clone();
    (!kept.is_empty()).then(|| -> Task { Box::pin(sweep(retention, stop)) })
}

/// Removes what is final until that turns true. While there is more it rests, after a commit for each collection, for three times
/// as long as those took: one server leaves three quarters of the time to people who wait.
pub async fn sweep(mut retention: Retention, mut stop: watch::Receiver<bool>) {
    loop {
        let begun = Instant::now();
        let removed = retention.remove(AT_ONCE).await.unwrap_or_else(|error| {
            tracing::error!(%error, "cannot remove what is final");
            0
        });
        if removed > 0 {
            tracing::debug!(removed, "removed what is final");
        }
        let pause = if retention.has_more() { begun.elapsed() * REST } else { LONG_PAUSE };
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
}

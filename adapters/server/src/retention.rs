//! What is removed once it is final, and when: `[retention]`.

use std::{sync::Arc, time::Duration};

use countersign_domain::{
    error::Error,
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
const AT_ONCE: usize = 64;
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
        let removed = retention.remove(AT_ONCE).await;
        let pause = pause(&removed, begun.elapsed(), retention.has_more());
        match removed {
            Ok(0) => {}
            Ok(removed) => tracing::debug!(removed, "removed what is final"),
            Err(error) => tracing::error!(%error, "cannot remove what is final"),
        }
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
}

/// A store that cannot remove is not asked again at once, however soon it said so.
fn pause(removed: &Result<usize, Error>, took: Duration, has_more: bool) -> Duration {
    match removed {
        Ok(_) if has_more => took * REST,
        Ok(_) | Err(_) => LONG_PAUSE,
    }
}

#[cfg(test)]
mod tests {
    use countersign_domain::{
        record::{Batch, Record, RecordKey, StoreError, Version},
        testing::{MemoryStore, ports},
        time::Timestamp,
    };
    use tokio::time::timeout;

    use super::*;

    fn ended(number: usize) -> Record {
        let key = RecordKey { collection: "checkout", id: format!("co_{number}") };
        let final_at = Some(Timestamp::from_unix_millis(u64::try_from(number / 3).unwrap()));
        Record { key, version: Version::FIRST, due_at: None, final_at, body: "{}".to_owned() }
    }

    #[tokio::test]
    async fn all_that_is_final_is_removed_a_part_after_the_other_until_the_server_stops() {
        let store = Arc::new(MemoryStore::default());
        let kept = Kept { collection: "checkout", seconds: 1 };
        let open = Record { final_at: None, ..ended(0) };
        let records = (1..=3 * AT_ONCE).map(ended).chain([open.clone()]).collect();
        store.commit(Batch { inserts: records, ..Batch::default() }).await.unwrap();
        let retention = Retention::new(Ports { store: store.clone(), ..ports() }, vec![kept]);
        let (end, stop) = watch::channel(false);
        let before = store.commits();
        let sweeping = tokio::spawn(sweep(retention, stop));
        let removed = async {
            while store.records() != [open.clone()] {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(30), removed).await.unwrap();
        assert!(store.commits() - before >= 3, "removed in one commit");
        // It waits for the next look, and a stop does not wait for it.
        end.send_replace(true);
        sweeping.await.unwrap();
    }

    #[test]
    fn a_store_that_fails_at_once_is_not_asked_again_at_once() {
        let failed = Err(StoreError::Unavailable { cause: "the disk is full".to_owned() }.into());
        let took = Duration::from_micros(10);
        for (removed, has_more, expected) in [
            (Ok(AT_ONCE), true, took * REST),
            (Ok(AT_ONCE), false, LONG_PAUSE),
            (Ok(0), false, LONG_PAUSE),
            (failed, true, LONG_PAUSE),
        ] {
            assert_eq!(pause(&removed, took, has_more), expected, "{removed:?}");
        }
    }
}

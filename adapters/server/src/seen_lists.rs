//! The newest revocation list of each authority that was ever in force here: kept, so that no older one comes in force again,
//! also after a restart. What an older list lacks was revoked since. Only lists that their authority was found to have signed
//! are kept: another one could say of itself that it is newer than all that will ever come.

use std::sync::Arc;

use countersign_certs::RevocationList;
use countersign_domain::{
    hex,
    ports::Store,
    record::{Batch, StoreError, Stored, Version, Versioned},
};
use serde::{Deserialize, Serialize};

use crate::error::ConfigError;

/// How often it is looked again because another process has kept one at the same time.
const MAX_CONTENTION: usize = 16;

/// The newest list of one authority, key and scope.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct SeenList {
    /// Of which: see [`RevocationList::source_sha256`].
    source_sha256: String,
    /// Big-endian, without zeros in front, as hexadecimal digits: numbers have up to 20 octets (RFC 5280 section 5.2.3).
    number: String,
    /// Seconds since the Unix epoch: of two lists with one number the later is the newer.
    this_update: i64,
}

impl Stored for SeenList {
    const COLLECTION: &'static str = "seen_revocation_list";

    fn id(&self) -> &str {
        &self.source_sha256
    }
}

impl SeenList {
    fn of(list: &RevocationList) -> Self {
        Self {
            source_sha256: hex::encode(&list.source_sha256()),
            number: hex::encode(list.number_octets()),
            this_update: list.this_update(),
        }
    }

    /// Orders lists of one authority, the newest last.
    fn age(&self) -> impl Ord {
        (self.number.len(), &self.number, self.this_update)
    }
}

/// What was seen, and the configuration's key that names what is there now.
pub(crate) struct SeenLists {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) key: &'static str,
}

impl SeenLists {
    /// Those that are not older than one that was in force before. Others beside them do no harm.
    ///
    /// # Errors
    /// When an authority has none that is left.
    pub(crate) async fn current(
        &self,
        lists: &[RevocationList],
    ) -> Result<Vec<RevocationList>, ConfigError> {
        let (mut current, mut older) = (Vec::new(), Vec::new());
        for list in lists {
            let now = SeenList::of(list);
            match self.find(&now).await? {
                Some(seen) if seen.value.age() > now.age() => {
                    older.push((list, self.older(&now, &seen.value)));
                }
                _ => current.push(list.clone()),
            }
        }
        let has_current = |list: &RevocationList| {
            current.iter().any(|kept: &RevocationList| kept.is_of_the_same_authority(list))
        };
        match older.into_iter().find(|(list, _)| !has_current(list)) {
            Some((_, refused)) => Err(refused),
            None => Ok(current),
        }
    }

    /// Keeps those that are in force from now on, as far as they are verified.
    pub(crate) async fn keep(&self, lists: &[RevocationList]) -> Result<(), ConfigError> {
        let verified: Vec<_> = lists.iter().filter(|list| list.is_verified()).cloned().collect();
        for _ in 0..MAX_CONTENTION {
            let mut batch = Batch::default();
            let newer = self.newer(&verified).await?;
            if newer.is_empty() {
                return Ok(());
            }
            for (version, seen) in newer {
                batch.put(version, seen).map_err(|error| self.lost(&error))?;
            }
            match self.store.commit(batch).await {
                Err(StoreError::Conflict { .. }) => {}
                committed => return committed.map_err(|error| self.lost(&error)),
            }
        }
        Err(ConfigError::unusable(self.key, "are kept by too many processes at once"))
    }

    /// Those that are newer than what was seen of their authority, each with the record that it replaces.
    async fn newer(
        &self,
        lists: &[RevocationList],
    ) -> Result<Vec<(Option<Version>, SeenList)>, ConfigError> {
        let mut newer = Vec::new();
        for list in RevocationList::newest(lists) {
            let now = SeenList::of(list);
            // Two files may have one list.
            if newer.iter().any(|(_, seen)| *seen == now) {
                continue;
            }
            match self.find(&now).await? {
                None => newer.push((None, now)),
                Some(seen) if seen.value.age() < now.age() => {
                    newer.push((Some(seen.version), now));
                }
                Some(seen) if seen.value.age() > now.age() => {
                    return Err(self.older(&now, &seen.value));
                }
                Some(_) => {}
            }
        }
        Ok(newer)
    }

    /// What was seen of the same authority.
    async fn find(&self, list: &SeenList) -> Result<Option<Versioned<SeenList>>, ConfigError> {
        let found = self.store.find::<SeenList>(&list.source_sha256).await;
        found.map_err(|error| self.lost(&error))
    }

    fn older(&self, now: &SeenList, seen: &SeenList) -> ConfigError {
        let why = format!(
            "names a list (number 0x{}) that is older than one that was in force here before (number 0x{}): put the newer \
             one back in its place. If its authority was restored from an older copy, have it sign lists until the number \
             is higher (countersign ca crl)",
            now.number, seen.number
        );
        ConfigError::unusable(self.key, why)
    }

    fn lost(&self, error: &StoreError) -> ConfigError {
        let why = format!("cannot be compared with the lists that were in force before: {error}");
        ConfigError::unusable(self.key, why)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use countersign_certs::{Authority, TrustAnchors, UnixTime, Validity};
    use countersign_domain::testing::MemoryStore;

    use super::*;

    const KEY: &str = "checkout.revocation_lists";

    /// Lists of an authority that is made anew under one name.
    struct Lists(Authority);

    impl Lists {
        fn new() -> Self {
            Self(Authority::root("Root", validity(0)).unwrap())
        }

        /// One that was found to be its authority's.
        fn list(&self, number: u64, from: u64) -> RevocationList {
            let list = self.unverified(number, from);
            let anchors = TrustAnchors::new(&[self.0.certificate().clone()]).unwrap();
            assert!(!anchors.disown(&list).unwrap());
            list
        }

        fn unverified(&self, number: u64, from: u64) -> RevocationList {
            self.0.revocation_list(&[], number, validity(from)).unwrap()
        }
    }

    fn validity(from: u64) -> Validity {
        let begin = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000 + from));
        Validity::new(begin, Duration::from_secs(86_400 * 300)).unwrap()
    }

    fn process(store: &Arc<dyn Store>) -> SeenLists {
        SeenLists { store: Arc::clone(store), key: KEY }
    }

    #[tokio::test]
    async fn after_a_restart_an_older_list_than_was_in_force_is_refused_and_what_to_do_is_said() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let root = Lists::new();
        process(&store).keep(&[root.list(0xff, 0), root.list(0x0100, 0)]).await.unwrap();
        let refused = process(&store).current(&[root.list(0xff, 9)]).await.unwrap_err().to_string();
        for said in [KEY, "number 0xff", "number 0x0100", "put the newer one back", "ca crl"] {
            assert!(refused.contains(said), "{said}: {refused}");
        }
        for (number, from, is_refused) in
            [(0x0100, 0, false), (0x0100, 9, false), (0x0100, 8, true), (0x0101, 0, false)]
        {
            let list = [root.list(number, from)];
            let process = process(&store);
            assert_eq!(process.current(&list).await.is_err(), is_refused, "{number} {from}");
            assert_eq!(process.keep(&list).await.is_err(), is_refused, "{number} {from}");
        }
    }

    #[tokio::test]
    async fn of_a_list_that_nobody_was_found_to_have_signed_nothing_is_kept() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let root = Lists::new();
        let process = process(&store);
        let unverified = root.unverified(900, 0);
        process.keep(&[unverified.clone(), root.list(1, 0)]).await.unwrap();
        let second = root.list(2, 0);
        process.keep(std::slice::from_ref(&second)).await.unwrap();
        // It is no company for one that is older than what was seen, and that one is left out.
        let current = process.current(&[root.list(1, 0), unverified.clone()]).await.unwrap();
        assert_eq!(current, [unverified]);
        let current = process.current(&[root.list(1, 0), second.clone()]).await.unwrap();
        assert_eq!(current, [second]);
    }

    #[tokio::test]
    async fn each_key_of_an_authority_counts_for_itself() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let (before, after) = (Lists::new(), Lists::new());
        process(&store).keep(&[before.list(20, 0), after.list(1, 0)]).await.unwrap();
        process(&store).keep(&[before.list(20, 0), after.list(2, 0)]).await.unwrap();
        assert!(process(&store).keep(&[after.list(1, 0)]).await.is_err());
    }
}

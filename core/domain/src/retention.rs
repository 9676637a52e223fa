//! What is final is removed after a time, a few records at once: an index finds them, and nobody waits for it.
//!
//! Facts and postings are no records, and stay.

use crate::{
    challenge::Challenge,
    error::Error,
    message::Message,
    outbox,
    payment::Payment,
    ports::Ports,
    record::{Batch, StoreError, Stored as _},
};

/// The records of the domain that become final.
pub const COLLECTIONS: [&str; 4] =
    [Payment::COLLECTION, Challenge::COLLECTION, Message::COLLECTION, outbox::NETWORK_REFERENCES];

/// For how long the records of a collection are kept once they are final.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Kept {
    /// Which records.
    pub collection: &'static str,
    /// For how long.
    pub seconds: u32,
}

/// Removes what has been final for long enough.
pub struct Retention {
    ports: Ports,
    kept: Vec<Kept>,
}

impl Retention {
    /// Those records, each kept for its time. Of other collections nothing is removed.
    pub const fn new(ports: Ports, kept: Vec<Kept>) -> Self {
        Self { ports, kept }
    }

    /// Removes up to `limit` records of each collection, and tells how many were removed. What somebody changes at the same
    /// time is left for the next look.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove(&self, limit: usize) -> Result<usize, Error> {
        let Ports { store, clock, .. } = &self.ports;
        let mut removed = 0_usize;
        for Kept { collection, seconds } in &self.kept {
            let before = clock.now().minus_seconds(*seconds);
            let removals = store.final_before(collection, before, limit).await?;
            if removals.is_empty() {
                continue;
            }
            let count = removals.len();
            match store.commit(Batch { removals, ..Batch::default() }).await {
                Ok(()) => removed = removed.saturating_add(count),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(removed)
    }
}

//! What is final is removed after a time, a range of it at once: an index finds it, and nobody waits for it.
//!
//! Facts and postings are no records, and stay.

use crate::{
    challenge::Challenge,
    error::Error,
    message::Message,
    outbox,
    payment::Payment,
    ports::Ports,
    record::{Batch, Stored as _, Sweep},
    time::Timestamp,
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
    /// And from which time on there may be more of it: a database may have to pass over what was removed before that.
    kept: Vec<(Kept, Timestamp)>,
}

impl Retention {
    /// Those records, each kept for its time. Of other collections nothing is removed.
    pub fn new(ports: Ports, kept: Vec<Kept>) -> Self {
        Self { ports, kept: kept.into_iter().map(|kept| (kept, Timestamp::EPOCH)).collect() }
    }

    /// Removes up to `limit` records of each collection, and tells of how many it found. What becomes final at the same time
    /// may be left for the next look.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove(&mut self, limit: usize) -> Result<usize, Error> {
        let Ports { store, clock, .. } = &self.ports;
        let mut removed = 0_usize;
        for (Kept { collection, seconds }, more_from) in &mut self.kept {
            let before = clock.now().minus_seconds(*seconds);
            let ends = store.final_between(collection, *more_from, before, limit).await?;
            let at_most = ends.len();
            let (Some(&from), Some(&to)) = (ends.first(), ends.last()) else {
                *more_from = Timestamp::EPOCH;
                continue;
            };
            let sweep = Some(Sweep { collection, from, to, at_most });
            store.commit(Batch { sweep, ..Batch::default() }).await?;
            // The next look begins anew: what became final later may have done so at an earlier time.
            *more_from = if at_most < limit { Timestamp::EPOCH } else { to };
            removed = removed.saturating_add(at_most);
        }
        Ok(removed)
    }
}

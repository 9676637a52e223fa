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

/// What was looked at to its end is looked at again after so long: a database may have to pass over all that was removed there.
const AGAIN_SECONDS: u32 = 60;

/// Removes what has been final for long enough.
pub struct Retention {
    ports: Ports,
    /// And from which time on there may be more of it; none where the last look came to the end.
    kept: Vec<(Kept, Option<Timestamp>)>,
    /// When those at their end were looked at from the beginning.
    begun: Timestamp,
}

impl Retention {
    /// Those records, each kept for its time. Of other collections nothing is removed.
    pub fn new(ports: Ports, kept: Vec<Kept>) -> Self {
        let kept = kept.into_iter().map(|kept| (kept, None)).collect();
        Self { ports, kept, begun: Timestamp::EPOCH }
    }

    /// Removes up to `limit` records of each collection that may have more, each in a commit of its own, and tells how many it
    /// found. What becomes final at the same time may be left for a later look.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove(&mut self, limit: usize) -> Result<usize, Error> {
        let now = self.ports.clock.now();
        if !self.has_more() || self.begun.plus_seconds(AGAIN_SECONDS) <= now {
            self.begun = now;
            // What became final later may have done so at an earlier time.
            for (_, more_from) in &mut self.kept {
                more_from.get_or_insert(Timestamp::EPOCH);
            }
        }
        let mut removed = 0_usize;
        for (Kept { collection, seconds }, more_from) in &mut self.kept {
            let Some(from) = *more_from else { continue };
            let before = now.minus_seconds(*seconds);
            let ends = self.ports.store.final_between(collection, from, before, limit).await?;
            let at_most = ends.len();
            if let (Some(&from), Some(&to)) = (ends.first(), ends.last()) {
                let sweep = Some(Sweep { collection, from, to, at_most });
                self.ports.store.commit(Batch { sweep, ..Batch::default() }).await?;
            }
            *more_from = ends.last().copied().filter(|_| at_most >= limit);
            removed = removed.saturating_add(at_most);
        }
        Ok(removed)
    }

    /// Whether the last look left some collection before its end.
    pub fn has_more(&self) -> bool {
        self.kept.iter().any(|(_, more_from)| more_from.is_some())
    }
}

//! Submissions that were written and wait for their answers.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{Outcome, Submission};
use crate::smpp::pdu::MAX_SEQUENCE;

/// What waits for its answer, in the order of writing; and the sequence numbers that follow from that order.
pub(super) struct Window {
    pending: BTreeMap<u64, Pending>,
    /// The place in the order of the next request. The bind had place 0, and sequence number 1.
    next: u64,
}

/// A submission that waits.
pub(super) struct Pending {
    /// What was submitted: it is submitted again when the centre has no room for it.
    pub(super) submission: Submission,
    /// How many octets of the stream are written when this is.
    pub(super) written_at: u64,
    /// Until when its answer is waited for.
    pub(super) deadline: Instant,
}

impl Window {
    /// The window of a session that has just been bound.
    pub(super) const fn new() -> Self {
        Self { pending: BTreeMap::new(), next: 1 }
    }

    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// The place in the order of the next request.
    pub(super) const fn next_order(&self) -> u64 {
        self.next
    }

    /// The sequence number of the next request.
    pub(super) fn next_sequence(&mut self) -> u32 {
        let sequence = sequence_of(self.next);
        self.next += 1;
        sequence
    }

    /// Adds a submission and gives it its sequence number.
    pub(super) fn add(&mut self, pending: Pending) -> u32 {
        self.pending.insert(self.next, pending);
        self.next_sequence()
    }

    /// Takes out the submission with that sequence number, if there is one that waits.
    pub(super) fn take(&mut self, sequence: u32) -> Option<Pending> {
        self.pending.remove(&latest_order(sequence, self.next)?)
    }

    /// Takes out a submission that has waited for too long.
    pub(super) fn take_overdue(&mut self, now: Instant) -> Option<Pending> {
        // All wait equally long: the first written is the first overdue.
        let first = self.pending.first_entry().filter(|first| first.get().deadline <= now)?;
        Some(first.remove())
    }

    /// Settles what still waits when the session ends, after `written` octets of the stream.
    pub(super) fn end(self, written: u64) {
        for pending in self.pending.into_values() {
            let whole = pending.written_at <= written;
            let outcome = if whole { Outcome::InDoubt } else { Outcome::NotWritten };
            pending.submission.end(outcome("the session ended"));
        }
    }
}

/// 1 to [`MAX_SEQUENCE`] and again.
fn sequence_of(order: u64) -> u32 {
    u32::try_from(order % u64::from(MAX_SEQUENCE)).map_or(1, |below| below + 1)
}

/// The latest place before `next` in the order that has this sequence number.
fn latest_order(sequence: u32, next: u64) -> Option<u64> {
    let span = u64::from(MAX_SEQUENCE);
    let below = u64::from(sequence.checked_sub(1)?);
    let behind = (next % span + span).checked_sub(below)? % span;
    let valid = below < span && behind > 0;
    next.checked_sub(behind).filter(|_| valid)
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::sync::{Semaphore, oneshot};

    use super::*;
    use crate::smpp::pdu::ShortMessage;

    #[test]
    fn a_sequence_number_names_the_latest_request_that_had_it() {
        let max = u64::from(MAX_SEQUENCE);
        let around = [1, max - 1, max].map(sequence_of);
        assert_eq!(around, [2, MAX_SEQUENCE, 1]);
        for (order, next) in
            [(1, 2), (1, 1_000), (max, max + 1), (max - 1, max + 5), (3 * max + 7, 3 * max + 9)]
        {
            assert_eq!(latest_order(sequence_of(order), next), Some(order), "{order} {next}");
        }
    }

    #[test]
    fn a_sequence_number_that_was_not_used_names_nothing() {
        for sequence in [0, 7, MAX_SEQUENCE, MAX_SEQUENCE + 1, MAX_SEQUENCE + 3, u32::MAX] {
            let order = latest_order(sequence, 6);
            assert_eq!(order, None, "{sequence}");
        }
    }

    #[tokio::test]
    async fn at_the_end_only_what_was_written_whole_is_in_doubt() {
        let places = Arc::new(Semaphore::new(2));
        let mut window = Window::new();
        let mut waiting = Vec::new();
        for written_at in [100, 200] {
            let (outcome, answer) = oneshot::channel();
            let place = Arc::clone(&places).acquire_owned().await.unwrap();
            let deadline = Instant::now() + Duration::from_secs(9);
            let submission =
                Submission::new(ShortMessage::default(), deadline, deadline, outcome, place);
            window.add(Pending { submission, written_at, deadline });
            waiting.push(answer);
        }
        window.end(199);
        let mut outcomes = Vec::new();
        for answer in waiting {
            outcomes.push(answer.await.unwrap().0);
        }
        assert_eq!(
            outcomes,
            [Outcome::InDoubt("the session ended"), Outcome::NotWritten("the session ended")]
        );
        assert_eq!(places.available_permits(), 2);
    }
}

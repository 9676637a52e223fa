//! Messages of several parts, put together again.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;
use zeroize::Zeroizing;

use super::header::Concatenation;

/// Names a message of several parts until it is whole.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Key {
    /// The sender's address.
    pub from: String,
    /// The receiver's address.
    pub to: String,
    /// The coding of the parts, which is the same for all.
    pub data_coding: u8,
    /// The reference that the parts have in common.
    pub reference: u16,
    /// How many parts there are.
    pub total: u8,
}

/// Parts that wait for the others: bounded in number and in age.
pub struct Reassembly {
    max_messages: usize,
    max_octets: usize,
    max_age: Duration,
    waiting: HashMap<Key, Waiting>,
}

struct Waiting {
    since: Instant,
    parts: Vec<Option<Zeroizing<Vec<u8>>>>,
}

impl Reassembly {
    /// Keeps up to `max_messages` incomplete messages, each for `max_age` at most; the oldest gives way.
    pub fn new(max_messages: usize, max_age: Duration) -> Self {
        Self { max_messages, max_octets: usize::MAX, max_age, waiting: HashMap::new() }
    }

    /// Keeps up to so many octets of parts and addresses, too; the oldest messages give way, and one that is longer itself.
    #[must_use]
    pub fn with_max_octets(self, max_octets: usize) -> Self {
        Self { max_octets, ..self }
    }

    /// Adds a part and returns the whole message's octets once all parts are there. A part that comes twice replaces
    /// itself.
    ///
    /// A whole message stays until [`Self::forget`], so that an inbox that could not keep it may be offered its
    /// last part again.
    pub fn add(
        &mut self,
        key: &Key,
        part: u8,
        octets: Zeroizing<Vec<u8>>,
        now: Instant,
    ) -> Option<Zeroizing<Vec<u8>>> {
        self.waiting.retain(|_, waiting| now.duration_since(waiting.since) < self.max_age);
        if !self.waiting.contains_key(key) && self.waiting.len() >= self.max_messages {
            self.drop_oldest();
        }
        let waiting = self
            .waiting
            .entry(key.clone())
            .or_insert_with(|| Waiting { since: now, parts: vec![None; usize::from(key.total)] });
        *waiting.parts.get_mut(usize::from(part).checked_sub(1)?)? = Some(octets);
        while self.octets() > self.max_octets {
            self.drop_oldest();
        }
        let waiting = self.waiting.get(key)?;
        let length =
            waiting.parts.iter().map(|part| Some(part.as_ref()?.len())).sum::<Option<_>>()?;
        let mut whole = Zeroizing::new(Vec::with_capacity(length));
        for part in waiting.parts.iter().flatten() {
            whole.extend_from_slice(part);
        }
        Some(whole)
    }

    fn octets(&self) -> usize {
        self.waiting.iter().map(|(key, waiting)| key.octets() + waiting.octets()).sum()
    }

    /// Drops a message's parts.
    pub fn forget(&mut self, key: &Key) {
        self.waiting.remove(key);
    }

    fn drop_oldest(&mut self) {
        let oldest = self.waiting.iter().min_by_key(|(_, waiting)| waiting.since);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.waiting.remove(&key);
        }
    }
}

impl Waiting {
    fn octets(&self) -> usize {
        self.parts.iter().flatten().map(|part| part.len()).sum()
    }
}

impl Key {
    fn octets(&self) -> usize {
        self.from.len() + self.to.len()
    }

    /// The key of a part from `from` to `to`.
    pub fn new(from: &str, to: &str, data_coding: u8, part: Concatenation) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            data_coding,
            reference: part.reference,
            total: part.total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(from: &str) -> Key {
        Key::new(from, "3800", 0, Concatenation { reference: 1, total: 2, part: 1 })
    }

    fn part(text: &str) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(text.as_bytes().to_vec())
    }

    fn whole(text: &str) -> Option<Zeroizing<Vec<u8>>> {
        Some(part(text))
    }

    #[test]
    fn parts_in_any_order_make_the_message() {
        let (mut parts, now) = (Reassembly::new(9, Duration::from_secs(9)), Instant::now());
        assert_eq!(parts.add(&key("a"), 2, part("two"), now), None);
        assert_eq!(parts.add(&key("b"), 1, part("other"), now), None);
        assert_eq!(parts.add(&key("a"), 1, part("one"), now), whole("onetwo"));
    }

    #[test]
    fn a_repeated_part_does_not_complete_a_message() {
        let (mut parts, now) = (Reassembly::new(9, Duration::from_secs(9)), Instant::now());
        assert_eq!(parts.add(&key("a"), 1, part("one"), now), None);
        assert_eq!(parts.add(&key("a"), 1, part("one"), now), None);
    }

    #[test]
    fn a_whole_message_is_whole_again_until_it_is_forgotten() {
        let (mut parts, now) = (Reassembly::new(9, Duration::from_secs(9)), Instant::now());
        parts.add(&key("a"), 1, part("one"), now);
        assert_eq!(parts.add(&key("a"), 2, part("two"), now), whole("onetwo"));
        assert_eq!(parts.add(&key("a"), 2, part("two"), now), whole("onetwo"));
        parts.forget(&key("a"));
        assert_eq!(parts.add(&key("a"), 2, part("two"), now), None);
    }

    #[test]
    fn a_part_that_cannot_be_is_ignored() {
        let (mut parts, now) = (Reassembly::new(9, Duration::from_secs(9)), Instant::now());
        assert_eq!(parts.add(&key("a"), 0, part("zero"), now), None);
        assert_eq!(parts.add(&key("a"), 3, part("three"), now), None);
        parts.add(&key("a"), 1, part("one"), now);
        assert_eq!(parts.add(&key("a"), 2, part("two"), now), whole("onetwo"));
    }

    #[test]
    fn the_oldest_gives_way_when_there_are_too_many() {
        let (mut parts, now) = (Reassembly::new(2, Duration::from_secs(9)), Instant::now());
        for (from, after) in [("a", 0), ("b", 1), ("c", 2)] {
            parts.add(&key(from), 1, part("one"), now + Duration::from_secs(after));
        }
        let now = now + Duration::from_secs(3);
        assert_eq!(parts.add(&key("c"), 2, part("two"), now), whole("onetwo"));
        assert_eq!(parts.add(&key("b"), 2, part("two"), now), whole("onetwo"));
        assert_eq!(parts.add(&key("a"), 2, part("two"), now), None);
    }

    #[test]
    fn the_oldest_gives_way_when_there_are_too_many_octets() {
        let now = Instant::now();
        let mut parts = Reassembly::new(9, Duration::from_secs(9)).with_max_octets(20);
        for (from, after) in [("a", 0), ("b", 1)] {
            // With the addresses: ten octets.
            parts.add(&key(from), 1, part("fives"), now + Duration::from_secs(after));
        }
        let later = now + Duration::from_secs(2);
        assert_eq!(parts.add(&key("b"), 2, part("!"), later), whole("fives!"));
        assert_eq!(parts.add(&key("a"), 2, part("!"), later), None);
        assert_eq!(parts.add(&key("c"), 1, part("more octets than all"), later), None);
        assert_eq!(parts.add(&key("c"), 2, part("!"), later), None);
    }

    #[test]
    fn a_message_too_old_is_dropped() {
        let (mut parts, now) = (Reassembly::new(9, Duration::from_secs(9)), Instant::now());
        parts.add(&key("a"), 1, part("one"), now);
        let later = now + Duration::from_secs(9);
        assert_eq!(parts.add(&key("a"), 2, part("two"), later), None);
    }
}

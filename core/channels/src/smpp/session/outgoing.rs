//! Octets on their way to the connection.

use zeroize::Zeroize;

/// A buffer that knows its place in the stream, and wipes what was written.
#[derive(Default)]
pub(super) struct Outgoing {
    octets: Vec<u8>,
    /// How many of `octets` were written.
    start: usize,
    /// How many octets of the whole stream were written.
    written: u64,
}

impl Outgoing {
    pub(super) fn push(&mut self, octets: &[u8]) {
        if self.octets.capacity() - self.octets.len() < octets.len() {
            self.grow(octets.len());
        }
        self.octets.extend_from_slice(octets);
    }

    /// Moves to a larger buffer by hand: a vector that grows leaves an unwiped copy behind.
    fn grow(&mut self, more: usize) {
        let mut larger =
            Vec::with_capacity((self.unwritten().len() + more).next_power_of_two().max(4_096));
        larger.extend_from_slice(self.unwritten());
        self.octets.zeroize();
        self.octets = larger;
        self.start = 0;
    }

    pub(super) fn unwritten(&self) -> &[u8] {
        self.octets.get(self.start..).unwrap_or_default()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.start == self.octets.len()
    }

    /// Notes that `count` more octets were written.
    pub(super) fn advance(&mut self, count: usize) {
        let end = self.start + count;
        if let Some(done) = self.octets.get_mut(self.start..end) {
            done.zeroize();
        }
        self.start = end;
        self.written += u64::try_from(count).unwrap_or(u64::MAX);
        if self.is_empty() {
            self.octets.clear();
            self.start = 0;
        }
    }

    /// How many octets of the stream were written.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// How many will have been written once the buffer is empty.
    pub(super) fn end(&self) -> u64 {
        self.written + u64::try_from(self.unwritten().len()).unwrap_or(u64::MAX)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_wiped_and_counted() {
        let mut outgoing = Outgoing::default();
        outgoing.push(b"secret");
        outgoing.push(b"more");
        assert_eq!((outgoing.written(), outgoing.end()), (0, 10));
        outgoing.advance(6);
        assert_eq!((outgoing.written(), outgoing.end()), (6, 10));
        assert_eq!(outgoing.octets, b"\0\0\0\0\0\0more");
        assert_eq!(outgoing.unwritten(), b"more");
        outgoing.advance(4);
        assert!(outgoing.is_empty() && outgoing.octets.is_empty());
        assert_eq!((outgoing.written(), outgoing.end()), (10, 10));
    }

    #[test]
    fn growing_keeps_what_is_not_written() {
        let mut outgoing = Outgoing::default();
        outgoing.push(b"abc");
        outgoing.advance(1);
        outgoing.push(&[b'x'; 10_000]);
        assert_eq!(outgoing.unwritten().len(), 10_002);
        assert!(outgoing.unwritten().starts_with(b"bcx"));
        assert_eq!(outgoing.end(), 10_003);
    }
}

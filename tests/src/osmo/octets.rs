//! Reading a message from the front, never past its end.

use super::error::PduError;

/// What is left of a message.
pub(super) struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// The next octet.
    pub(super) fn octet(&mut self, field: &'static str) -> Result<u8, PduError> {
        let (first, rest) = self.0.split_first().ok_or(PduError::Truncated { field })?;
        self.0 = rest;
        Ok(*first)
    }

    /// The next `count` octets.
    pub(super) fn take(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], PduError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(PduError::Truncated { field })?;
        self.0 = rest;
        Ok(taken)
    }

    /// An octet of length, then that many octets.
    pub(super) fn length_prefixed(&mut self, field: &'static str) -> Result<&'a [u8], PduError> {
        let length = self.octet(field)?;
        self.take(length.into(), field)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_longer_than_the_message_is_refused() {
        assert_eq!(
            Octets::new(&[3, 1, 2]).length_prefixed("x"),
            Err(PduError::Truncated { field: "x" })
        );
    }

    #[test]
    fn fields_are_read_in_order() {
        let mut octets = Octets::new(&[7, 2, 8, 9]);
        assert_eq!(octets.octet("a"), Ok(7));
        assert_eq!(octets.length_prefixed("b"), Ok(&[8, 9][..]));
        assert!(octets.is_empty());
    }
}

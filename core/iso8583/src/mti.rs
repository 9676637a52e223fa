//! The message type indicator: four digits that say what a message is for.

use std::fmt;

use thiserror::Error;

/// A message type of ISO 8583:1987: version `0`, then class, function and origin, one digit each.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Mti {
    class: u8,
    function: u8,
    origin: u8,
}

impl Mti {
    /// `0100`: the acquirer asks for an authorization.
    pub const AUTHORIZATION_REQUEST: Self = Self::new(1, 0);
    /// `0110`: the issuer's answer.
    pub const AUTHORIZATION_RESPONSE: Self = Self::new(1, 1);
    /// `0200`: the acquirer asks for money to be moved at once, such as a return.
    pub const FINANCIAL_REQUEST: Self = Self::new(2, 0);
    /// `0210`: the issuer's answer.
    pub const FINANCIAL_RESPONSE: Self = Self::new(2, 1);
    /// `0220`: the acquirer tells of a purchase that was authorized and is now to be debited.
    pub const COMPLETION_ADVICE: Self = Self::new(2, 2);
    /// `0230`: the issuer has accepted the completion.
    pub const COMPLETION_RESPONSE: Self = Self::new(2, 3);
    /// `0400`: the acquirer reverses a purchase.
    pub const REVERSAL_REQUEST: Self = Self::new(4, 0);
    /// `0410`: the issuer has accepted the reversal.
    pub const REVERSAL_RESPONSE: Self = Self::new(4, 1);
    /// `0800`: network management, such as an echo test (field 70).
    pub const NETWORK_REQUEST: Self = Self::new(8, 0);
    /// `0810`: the answer to it.
    pub const NETWORK_RESPONSE: Self = Self::new(8, 1);

    /// A message type of the acquirer.
    const fn new(class: u8, function: u8) -> Self {
        Self { class, function, origin: 0 }
    }

    /// The second digit: 1 authorization, 2 financial, 4 reversal, 8 network management.
    pub const fn class(self) -> u8 {
        self.class
    }

    /// The same message said once more: `0100` becomes `0101`. A repeat stays as it is.
    #[must_use]
    pub const fn repeat(self) -> Self {
        Self { origin: self.origin | 1, ..self }
    }

    /// The same message said the first time: `0101` becomes `0100`.
    #[must_use]
    pub const fn first(self) -> Self {
        Self { origin: self.origin & !1, ..self }
    }

    /// What answers it: `0110` answers both `0100` and `0101`. `None` when it is an answer itself.
    pub const fn response(self) -> Option<Self> {
        if self.is_response() {
            return None;
        }
        Some(Self { function: self.function + 1, ..self.first() })
    }

    /// Whether it answers another message: its third digit is odd.
    pub const fn is_response(self) -> bool {
        self.function % 2 == 1
    }

    /// The four digits as they are sent.
    pub(crate) const fn to_ascii(self) -> [u8; 4] {
        [b'0', b'0' + self.class, b'0' + self.function, b'0' + self.origin]
    }
}

impl TryFrom<&[u8]> for Mti {
    type Error = InvalidMti;

    fn try_from(text: &[u8]) -> Result<Self, InvalidMti> {
        let &[version, class, function, origin] = text else {
            return Err(InvalidMti::CutShort);
        };
        if !text.iter().all(u8::is_ascii_digit) {
            return Err(InvalidMti::NotDigits);
        }
        if version != b'0' {
            return Err(InvalidMti::NotVersion1987);
        }
        // Digits were checked: none is below b'0'.
        let digit = |byte: u8| byte.saturating_sub(b'0');
        Ok(Self { class: digit(class), function: digit(function), origin: digit(origin) })
    }
}

impl fmt::Display for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0{}{}{}", self.class, self.function, self.origin)
    }
}

impl fmt::Debug for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mti({self})")
    }
}

/// Four bytes that are no message type of ISO 8583:1987.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InvalidMti {
    /// There are fewer than four bytes.
    #[error("the message type is cut short")]
    CutShort,
    /// A byte is no digit.
    #[error("the message type is not four digits")]
    NotDigits,
    /// The first digit is not `0`: another edition of the standard.
    #[error("the message type is not of ISO 8583:1987")]
    NotVersion1987,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_differs_in_the_last_digit_and_has_the_same_answer() {
        for (first, repeat, response) in [
            (Mti::AUTHORIZATION_REQUEST, "0101", Mti::AUTHORIZATION_RESPONSE),
            (Mti::FINANCIAL_REQUEST, "0201", Mti::FINANCIAL_RESPONSE),
            (Mti::COMPLETION_ADVICE, "0221", Mti::COMPLETION_RESPONSE),
            (Mti::REVERSAL_REQUEST, "0401", Mti::REVERSAL_RESPONSE),
        ] {
            assert_eq!(first.repeat().to_string(), repeat);
            assert_eq!(first.repeat().repeat(), first.repeat());
            assert_eq!(first.repeat().first(), first);
            assert_eq!(first.response(), Some(response));
            assert_eq!(first.repeat().response(), Some(response));
        }
    }

    #[test]
    fn an_answer_has_no_answer() {
        assert_eq!(Mti::AUTHORIZATION_RESPONSE.response(), None);
        assert_eq!(Mti::COMPLETION_RESPONSE.response(), None);
    }

    #[test]
    fn the_largest_digits_do_not_overflow() {
        let mti = Mti::try_from(b"0989".as_slice()).unwrap();
        assert_eq!(mti.response().unwrap().to_string(), "0998");
        assert_eq!(mti.repeat(), mti);
    }
}

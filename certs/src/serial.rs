//! Serial numbers.

use std::{fmt, str::FromStr};

use crate::error::Error;

/// A certificate's serial number: 16 bytes with 126 random bits, positive and always of full length, so that it is
/// unique without a register and the next cannot be guessed (RFC 5280 section 4.1.2.2). Shown as hexadecimal.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Serial([u8; 16]);

impl Serial {
    /// From 16 random bytes.
    #[must_use]
    pub const fn from_random(mut bytes: [u8; 16]) -> Self {
        let [first, ..] = &mut bytes;
        *first = (*first & 0x7f) | 0x40;
        Self(bytes)
    }

    /// A new one, from the cryptographic library's own randomness.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; 16];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Failed("drawing a serial number"))?;
        Ok(Self::from_random(bytes))
    }

    /// The 16 bytes, as they stand in the certificate.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    pub(crate) fn to_rcgen(self) -> rcgen::SerialNumber {
        rcgen::SerialNumber::from_slice(&self.0)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Serial {
    type Err = Error;

    /// From 32 hexadecimal digits, with or without colons between bytes, as OpenSSL prints them.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut bytes = [0; 16];
        let digits: String = text.chars().filter(|character| *character != ':').collect();
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if digits.len() != 2 * bytes.len() || !is_hex {
            return Err(Error::InvalidSerial);
        }
        let number = u128::from_str_radix(&digits, 16).map_err(|_| Error::InvalidSerial)?;
        bytes = number.to_be_bytes();
        if Self::from_random(bytes).0 == bytes {
            Ok(Self(bytes))
        } else {
            Err(Error::InvalidSerial)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_read_as_it_is_shown() {
        let serial = Serial::from_random([0xab; 16]);
        let shown = serial.to_string();
        assert_eq!(shown, format!("6b{}", "ab".repeat(15)));
        assert_eq!(shown.parse(), Ok(serial));
        assert_eq!(shown.to_uppercase().parse(), Ok(serial));
    }

    #[test]
    fn a_serial_number_that_none_of_ours_can_have_is_refused() {
        for text in ["", "6b", "+b", "zz", &"00".repeat(16), &"ff".repeat(16), &"6b".repeat(17)] {
            assert_eq!(text.parse::<Serial>(), Err(Error::InvalidSerial), "{text}");
        }
    }
}

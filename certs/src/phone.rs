//! What a certificate says of its holder: a phone number and, when asked for, a card.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::Error;

/// What a certificate says of its holder.
///
/// Patent: figure 13, the client certificate with mobile number, card number and expiry.
#[derive(Debug)]
pub struct Holder {
    /// The number that codes are sent to.
    pub number: PhoneNumber,
    /// The card to charge; only an encrypted number brings one.
    pub card: Option<Card>,
}

/// An E.164 number: `+`, a digit that is not 0, 6 to 14 more. Never printed, wiped when dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct PhoneNumber(Zeroizing<String>);

impl PhoneNumber {
    /// A number from its canonical text, without separators.
    ///
    /// # Errors
    /// [`Error::InvalidPhoneNumber`].
    pub fn new(text: &str) -> Result<Self, Error> {
        let digits = text.strip_prefix('+').ok_or(Error::InvalidPhoneNumber)?;
        let well_formed = digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0')
            && (7..=15).contains(&digits.len());
        if !well_formed {
            return Err(Error::InvalidPhoneNumber);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The number with its `+`. Not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(..)")
    }
}

/// A payment card. Never printed, wiped when dropped.
pub struct Card {
    number: Zeroizing<String>,
    expiry: Zeroizing<String>,
}

impl Card {
    /// A card from its number (12 to 19 digits, no separators) and its last good month, `YYYY-MM`.
    ///
    /// # Errors
    /// [`Error::InvalidCardNumber`], [`Error::InvalidCardExpiry`].
    pub fn new(number: &str, expiry: &str) -> Result<Self, Error> {
        let digits_only = number.bytes().all(|byte| byte.is_ascii_digit());
        if !digits_only || !(12..=19).contains(&number.len()) || !passes_luhn(number) {
            return Err(Error::InvalidCardNumber);
        }
        if !is_year_and_month(expiry) {
            return Err(Error::InvalidCardExpiry);
        }
        Ok(Self {
            number: Zeroizing::new(number.to_owned()),
            expiry: Zeroizing::new(expiry.to_owned()),
        })
    }

    /// The full number. Not for logs.
    pub fn expose_number(&self) -> &str {
        &self.number
    }

    /// The last month in which the card is good, `YYYY-MM`. Not for logs.
    pub fn expose_expiry(&self) -> &str {
        &self.expiry
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Card(..)")
    }
}

fn is_year_and_month(text: &str) -> bool {
    text.split_once('-').is_some_and(|(year, month)| {
        year.len() == 4
            && month.len() == 2
            && year.bytes().chain(month.bytes()).all(|byte| byte.is_ascii_digit())
            && ("01"..="12").contains(&month)
    })
}

/// ISO/IEC 7812-1 annex B: every second digit from the right counts double, its digits summed.
fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte.saturating_sub(b'0'));
            if place % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_e164_is_refused() {
        for text in [
            "33612345678",
            "+0612345678",
            "+33 612345678",
            "+33-612345678",
            "+336123",
            "+3361234567890123",
            "+3361234567\u{0661}",
            "+",
            "",
        ] {
            assert_eq!(PhoneNumber::new(text), Err(Error::InvalidPhoneNumber), "{text}");
        }
        assert_eq!(PhoneNumber::new("+33612345678").unwrap().expose(), "+33612345678");
    }

    #[test]
    fn a_card_is_refused_by_the_rule_it_breaks() {
        for (number, expiry, error) in [
            ("4970 1000 0000 0154", "2029-12", Error::InvalidCardNumber),
            ("49701000000", "2029-12", Error::InvalidCardNumber),
            ("49701000000001540000", "2029-12", Error::InvalidCardNumber),
            ("4970100000000155", "2029-12", Error::InvalidCardNumber),
            ("4970100000000154", "2029-13", Error::InvalidCardExpiry),
            ("4970100000000154", "2029-00", Error::InvalidCardExpiry),
            ("4970100000000154", "12/29", Error::InvalidCardExpiry),
            ("4970100000000154", "29-12", Error::InvalidCardExpiry),
        ] {
            assert_eq!(Card::new(number, expiry).unwrap_err(), error, "{number} {expiry}");
        }
    }

    #[test]
    fn a_holder_shows_neither_number_nor_card() {
        let holder = Holder {
            number: PhoneNumber::new("+33612345678").unwrap(),
            card: Some(Card::new("4970100000000154", "2029-12").unwrap()),
        };
        assert_eq!(
            format!("{holder:?}"),
            "Holder { number: PhoneNumber(..), card: Some(Card(..)) }"
        );
    }
}

//! Payment cards.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    invalid::{Field, InvalidInput},
    secret::Secret,
    typed,
};

/// A card's number (PAN) and expiry. Never printed in full, wiped when dropped; see [`Card::masked`].
#[derive(Clone, Eq, PartialEq)]
pub struct Card {
    number: Secret<String>,
    expiry: CardExpiry,
}

impl Card {
    /// A card from its number (digits of any script, with spaces, dashes and invisible characters among them) and expiry.
    ///
    /// # Errors
    /// When the number has not 12 to 19 digits or its check digit (ISO/IEC 7812, Luhn) is wrong.
    pub fn new(number: &str, expiry: CardExpiry) -> Result<Self, InvalidInput> {
        let digits = typed::plain(number);
        let refuse = |why| Err(InvalidInput::new(Field::CardNumber, why));
        if !digits.expose().bytes().all(|b| b.is_ascii_digit()) {
            return refuse("must hold digits only");
        }
        if !(12..=19).contains(&digits.expose().len()) {
            return refuse("must have 12 to 19 digits");
        }
        if !passes_luhn(digits.expose()) {
            return refuse("has a wrong check digit: it was mistyped");
        }
        Ok(Self { number: digits, expiry })
    }

    /// The full number. Only the bank and the sealing of it have a use for it.
    pub fn expose_number(&self) -> &str {
        self.number.expose()
    }

    /// When it expires.
    pub const fn expiry(&self) -> CardExpiry {
        self.expiry
    }

    /// What may be displayed and stored: the last four digits (PCI DSS 3.4.1 allows no more than BIN and last four).
    pub fn masked(&self) -> MaskedCard {
        let number = self.number.expose();
        MaskedCard(format!(
            "•••• {}",
            number.get(number.len().saturating_sub(4)..).unwrap_or_default()
        ))
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Card({})", self.masked())
    }
}

/// A card as it may be shown.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct MaskedCard(String);

impl MaskedCard {
    /// No digit of it.
    pub fn hidden() -> Self {
        Self("••••".to_owned())
    }
}

impl fmt::Display for MaskedCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The last month in which a card is good.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct CardExpiry {
    /// Four digits.
    year: u16,
    /// 1 to 12.
    month: u8,
}

impl CardExpiry {
    /// The year, four digits.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }
}

impl TryFrom<String> for CardExpiry {
    type Error = InvalidInput;

    /// From `MM/YY`, `MM/YYYY` or `YYYY-MM`, as people type them.
    fn try_from(text: String) -> Result<Self, InvalidInput> {
        let refuse = InvalidInput::new(Field::CardExpiry, "is not MM/YY, MM/YYYY or YYYY-MM");
        let text = typed::unspaced(&text);
        let (first, slash, second) =
            match (text.expose().split_once('/'), text.expose().split_once('-')) {
                (Some((first, second)), None) => (first, true, second),
                (None, Some((first, second))) => (first, false, second),
                _ => return Err(refuse),
            };
        let (year, month) = match (slash, first.len(), second.len()) {
            (true, 2, 2) => (format!("20{second}"), first),
            (true, 2, 4) => (second.to_owned(), first),
            (false, 4, 2) => (first.to_owned(), second),
            _ => return Err(refuse),
        };
        if !year.bytes().chain(month.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(refuse);
        }
        match (year.parse(), month.parse()) {
            (Ok(year), Ok(month @ 1..=12)) => Ok(Self { year, month }),
            _ => Err(refuse),
        }
    }
}

impl TryFrom<&str> for CardExpiry {
    type Error = InvalidInput;

    fn try_from(text: &str) -> Result<Self, InvalidInput> {
        Self::try_from(text.to_owned())
    }
}

impl From<CardExpiry> for String {
    fn from(expiry: CardExpiry) -> Self {
        expiry.to_string()
    }
}

impl fmt::Display for CardExpiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// ISO/IEC 7812-1 annex B: every second digit from the right counts double, its digits summed.
#[expect(clippy::arithmetic_side_effects, reason = "twice a digit is at most 18")]
pub(crate) fn passes_luhn(digits: &str) -> bool {
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
    fn a_card_number_is_refused_by_the_rule_it_breaks() {
        let expiry = CardExpiry::try_from("12/29").unwrap();
        for (number, why) in [
            ("4970 1000 0000 015X", "must hold digits only"),
            ("49701000000", "must have 12 to 19 digits"),
            ("4970100000000155", "has a wrong check digit: it was mistyped"),
        ] {
            assert_eq!(Card::new(number, expiry), Err(InvalidInput::new(Field::CardNumber, why)));
        }
    }

    #[test]
    fn a_card_is_shown_by_its_last_four_digits_only() {
        let card =
            Card::new("4970 1000 0000 0154", CardExpiry::try_from("12/29").unwrap()).unwrap();
        assert_eq!(format!("{card:?}"), "Card(•••• 0154)");
        assert_eq!(card.expose_number(), "4970100000000154");
    }

    #[test]
    fn an_expiry_is_read_in_the_usual_forms_and_no_other() {
        for text in [
            "12/29",
            "2029-12",
            "12/2029",
            " 12 / 29 ",
            "12/\u{200b}29",
            "\u{ff11}\u{ff12}/\u{ff12}\u{ff19}",
        ] {
            let expiry = CardExpiry::try_from(text).map(|expiry| expiry.to_string());
            assert_eq!(expiry.as_deref(), Ok("2029-12"), "{text:?}");
        }
        for text in [
            "13/29",
            "00/29",
            "1/29",
            "12-29",
            "12/029",
            "12/12/29",
            "2029/12",
            "+1/29",
            "2029-1",
            "2029-1-2",
            "2029-1\u{2013}2",
            "12\u{2013}29",
            "",
        ] {
            assert!(CardExpiry::try_from(text).is_err(), "{text}");
        }
    }
}

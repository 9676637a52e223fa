//! Somebody who pays in the sandbox, with phone, card and account.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_domain::{
    amount::Currency,
    card::{Card, CardExpiry},
    invalid::InvalidInput,
};
use serde::Serialize;

/// What is on an account that is opened, in minor units.
pub(crate) const BALANCE_MINOR: u64 = 100_000;

/// Somebody who pays in the sandbox. Number and card are nobody's.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Person {
    /// As the directory knows him or her.
    pub user_id: String,
    /// The phone, E.164.
    pub number: String,
    /// The one to debit.
    pub card: PlainCard,
}

/// A card for trying: it opens no account but the sandbox's.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PlainCard {
    /// All digits.
    pub number: String,
    /// `YYYY-MM`.
    pub expiry: String,
}

impl Person {
    /// Somebody whose number is one that the French regulator keeps for fiction, and whose card no bank has issued.
    pub(crate) fn numbered(user_id: &str, number: usize) -> Self {
        Self {
            user_id: user_id.to_owned(),
            number: format!("+3363998{number:04}"),
            card: PlainCard {
                number: with_check_digit(&format!("4970100000{:05}", 14 + number)),
                expiry: "2035-12".to_owned(),
            },
        }
    }
}

impl Person {
    /// The card, as the domain knows one.
    pub(crate) fn card(&self) -> Result<Card, InvalidInput> {
        Card::new(&self.card.number, CardExpiry::try_from(self.card.expiry.as_str())?)
    }
}

/// Everybody who has phone, card and account. Its clones are one.
#[derive(Clone, Default)]
pub(crate) struct People(Arc<Mutex<Vec<Person>>>);

impl People {
    /// In the order in which they came.
    pub(crate) fn all(&self) -> Vec<Person> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn add(&self, person: Person) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(person);
    }
}

/// The person that every sandbox begins with.
pub(crate) fn alice() -> Person {
    Person::numbered("alice", 1)
}

/// The digits with the one that makes them a card's number (ISO/IEC 7812-1 annex B).
pub fn with_check_digit(digits: &str) -> String {
    let weigh = |(digit, weight): (char, u32)| {
        let weighed = digit.to_digit(10).unwrap_or_default() * weight;
        weighed / 10 + weighed % 10
    };
    let weights = [2, 1].into_iter().cycle();
    let sum: u32 = digits.chars().rev().zip(weights).map(weigh).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

pub(crate) fn euro() -> Result<Currency, InvalidInput> {
    Currency::try_from("EUR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_card_has_the_right_check_digit() {
        assert_eq!(with_check_digit("497010000000015"), "4970100000000154");
        assert_eq!(Person::numbered("alice", 1).card.number, "4970100000000154");
    }
}

//! Subscribers: whose receiver is whose.

use thiserror::Error;

use crate::{address::Address, card::Card, id::Identifier};

/// Somebody whose number is vouched for. Patent: *abonné*, in the *base de données d'abonnés* 107, 1305.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscriber {
    /// By which the directory knows the person.
    pub identifier: Identifier,
    /// The receiver's address.
    pub address: Address,
    /// The card kept since the subscription, if any (figure 8).
    pub card: Option<Card>,
}

/// The directory cannot answer.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("the directory cannot answer: {cause}")]
pub struct DirectoryError {
    /// What failed; no number, no card.
    pub cause: String,
}

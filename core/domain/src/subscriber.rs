//! Subscribers: whose receiver is whose.

use ring::digest::{SHA256, digest};
use thiserror::Error;

use crate::{
    address::{Address, Msisdn},
    card::{Card, CardExpiry},
    id::Identifier,
    invalid::InvalidInput,
};

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

impl Subscriber {
    /// A person whom nobody knows, with a number that nobody has (ITU-T E.164: 999 is assigned to no country) and a card
    /// that no bank issued. What was asked for `by`, a name or a keyed hash, has a number of its own, so that wrong codes are
    /// counted as they are for others.
    ///
    /// # Errors
    /// None: the values are good.
    pub fn nobody(identifier: Identifier, by: &str) -> Result<Self, InvalidInput> {
        let digest = digest(&SHA256, by.as_bytes());
        let digits: String =
            digest.as_ref().iter().take(4).map(|byte| format!("{byte:03}")).collect();
        let address = Msisdn::try_from(format!("+999{digits}"))?.into();
        let expiry = CardExpiry::try_from("2099-12".to_owned())?;
        let card = Some(Card::new("9999900000000005", expiry)?);
        Ok(Self { identifier, address, card })
    }
}

/// The directory cannot answer.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("the directory cannot answer: {cause}")]
pub struct DirectoryError {
    /// What failed; no number, no card.
    pub cause: String,
}

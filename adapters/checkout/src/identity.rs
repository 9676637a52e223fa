//! The payer: from what the payer gave to an identifier, a vouched-for number and a card.
//!
//! One rule is behind all of it: a card is debited only with the consent of the phone that is vouched for *that card*,
//! by the directory or by the authority that put both into one certificate. A stolen card number alone, or an own phone
//! beside another person's card, is of no use.

use countersign_domain::{
    address::Address, card::Card, id::Identifier, keys::KeyRing, plan::KnownBy, ports::Directory,
    subscriber::Subscriber, time::Timestamp,
};
use countersign_web::{
    holder::{CertificateHolder, CertificateReader},
    peer_certificate::PeerCertificates,
};

use crate::error::CheckoutError;

/// What the payer is to be known by.
#[derive(Clone, Debug)]
pub enum PayerHint {
    /// A `userId` (F13.3), with a card when none is kept for it.
    UserId(Identifier, Option<Card>),
    /// A card: the directory is indexed by card number (F13.v2).
    Card(Card),
    /// Nothing but the TLS client certificate (F13.v1), with a card when it bears none.
    Certificate(Option<Card>),
}

impl PayerHint {
    /// How the payer becomes known by it.
    pub(crate) const fn known_by(&self) -> KnownBy {
        match self {
            Self::UserId(_, None) => KnownBy::UserId,
            // A card that is typed is what the bank is asked about, whoever typed it.
            Self::UserId(_, Some(_)) | Self::Card(_) => KnownBy::Card,
            Self::Certificate(_) => KnownBy::Certificate,
        }
    }
}

/// A payer: identifier, the address that is vouched for, and the card to debit.
#[derive(Clone, Debug)]
pub(crate) struct Payer {
    pub(crate) identifier: Identifier,
    pub(crate) address: Address,
    pub(crate) card: Card,
}

impl Payer {
    /// Nobody, under what was typed.
    pub(crate) fn nobody(hint: PayerHint, keys: &KeyRing) -> Result<Self, CheckoutError> {
        let (identifier, by, typed) = match hint {
            PayerHint::UserId(identifier, card) => {
                let by = identifier.as_str().to_owned();
                (identifier, by, card)
            }
            PayerHint::Card(card) => {
                let by = keys.card_index(&card)?;
                ("nobody".try_into()?, by, Some(card))
            }
            // The holder of a certificate is known, and learns nothing of others.
            PayerHint::Certificate(_) => return Err(CheckoutError::UnknownPayer),
        };
        let Subscriber { identifier, address, card } = Subscriber::nobody(identifier, &by)?;
        Ok(Self { identifier, address, card: typed.or(card).ok_or(CheckoutError::CardNeeded)? })
    }
}

/// Resolves the hint.
pub(crate) async fn identify(
    hint: PayerHint,
    peer: &PeerCertificates,
    directory: &dyn Directory,
    reader: Option<&CertificateReader>,
    now: Timestamp,
) -> Result<Payer, CheckoutError> {
    match hint {
        PayerHint::UserId(identifier, card) => {
            let found = directory.by_identifier(&identifier).await?;
            let subscriber = found.ok_or(CheckoutError::UnknownPayer)?;
            let card = match card {
                None => subscriber.card.clone().ok_or(CheckoutError::CardNeeded)?,
                Some(card) => {
                    vouched(directory, &card, |holder| holder.identifier == identifier).await?;
                    card
                }
            };
            Ok(Payer { identifier, address: subscriber.address, card })
        }
        PayerHint::Card(card) => {
            let holder = vouched(directory, &card, |_| true).await?;
            Ok(Payer { identifier: holder.identifier, address: holder.address, card })
        }
        PayerHint::Certificate(typed) => {
            let reader = reader.ok_or(CheckoutError::NothingGiven)?;
            if peer.0.is_empty() {
                return Err(CheckoutError::NothingGiven);
            }
            let CertificateHolder { identifier, number, card } = reader.holder(peer, now)?;
            let address = Address::from(number);
            let card = match (card, typed) {
                (Some(card), _) => card,
                (None, None) => return Err(CheckoutError::CardNeeded),
                (None, Some(card)) => {
                    vouched(directory, &card, |holder| holder.address == address).await?;
                    card
                }
            };
            Ok(Payer { identifier, address, card })
        }
    }
}

/// The holder of a card, who must be as expected. That the card is unknown and that it is another person's is one answer.
async fn vouched(
    directory: &dyn Directory,
    card: &Card,
    expected: impl Fn(&Subscriber) -> bool,
) -> Result<Subscriber, CheckoutError> {
    directory.by_card(card).await?.filter(expected).ok_or(CheckoutError::UnknownPayer)
}

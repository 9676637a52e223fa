//! A payment as a person begins it.

use crate::{
    address::Msisdn,
    card::Card,
    id::{CorrelationId, Identifier, PaymentId, RelyingPartyId, SessionId},
    locale::Locale,
    transaction::Transaction,
};

/// Who pays: an identifier, the receiver that is vouched for, and the card to debit.
#[derive(Clone, Debug)]
pub struct Payer {
    /// Who.
    pub identifier: Identifier,
    /// The receiver.
    pub number: Msisdn,
    /// The card.
    pub card: Card,
}

/// A payment that a person began in a session.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// The payment's id, made by the caller so that its own records can name it.
    pub payment: PaymentId,
    /// On whose behalf.
    pub relying_party: RelyingPartyId,
    /// In which session the code must be typed back.
    pub session: SessionId,
    /// Who pays.
    pub payer: Payer,
    /// What for.
    pub transaction: Transaction,
    /// The language of the message.
    pub locale: Locale,
    /// The host of the page that asks for the code.
    pub origin: String,
    /// Follows it through logs.
    pub correlation: Option<CorrelationId>,
}

//! What goes over the wire: JSON, without a member too many.

use aws_lc_rs::digest::{SHA256, digest};
use countersign_domain::{
    address::{Address, Msisdn},
    amount::{Amount, Currency},
    digest::Sha256Digest,
    id::{ChallengeId, MessageId},
    invalid::InvalidInput,
    locale::Locale,
    operator::{CodeOrder, Verdict},
    origin::Origin,
    refusal::Refusal,
    secret::Secret,
    transaction::Payee,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// All that an operator is told of a payment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The client's name for it.
    pub challenge: ChallengeId,
    /// The subscriber.
    pub number: Msisdn,
    /// The language of the message.
    pub locale: Locale,
    /// The page that asks for the code: the last line of the message is bound to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// In minor units.
    pub amount_minor: u64,
    /// Of the amount.
    pub currency: Currency,
    /// To whom, as the subscriber reads it.
    pub payee: Payee,
    /// The digest of the client's own order, such as a ticket.
    pub digest: Sha256Digest,
    /// What the short reference is made of.
    pub name: Sha256Digest,
}

/// The code of an order is to be sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sending {
    /// The client's name for the message: one is sent for each.
    pub message: MessageId,
    /// What of.
    pub order: Order,
}

/// Whether that was typed is the code of an order.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Checking {
    /// The client's name for the order.
    pub challenge: ChallengeId,
    /// The digest of all of it.
    pub order_sha256: Sha256Digest,
    /// 6 to 10 digits.
    #[serde(serialize_with = "in_clear", deserialize_with = "secret")]
    pub code: Secret<String>,
}

/// What the operator says of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// It is the code; the operator's word for it, signed (see [`statement`](crate::statement)).
    Accepted(String),
    /// It is not, or no code is accepted any more.
    Refused(Refusal),
}

impl Order {
    /// The digest of all of it, as it is written in JSON.
    pub fn sha256(&self) -> Sha256Digest {
        // Nothing in it that JSON could not have.
        let written = serde_json::to_vec(self).unwrap_or_default();
        let mut octets = [0; 32];
        octets.copy_from_slice(digest(&SHA256, &written).as_ref());
        Sha256Digest::new(octets)
    }

    /// As the domain has it.
    ///
    /// # Errors
    /// When the amount is out of bounds.
    pub fn amount(&self) -> Result<Amount, InvalidInput> {
        Amount::new(self.amount_minor, self.currency)
    }
}

impl From<&CodeOrder> for Order {
    fn from(order: &CodeOrder) -> Self {
        let Address::Msisdn(number) = &order.to;
        Self {
            challenge: order.challenge.clone(),
            number: number.clone(),
            locale: order.locale.clone(),
            origin: order.origin.clone(),
            amount_minor: order.amount.amount_minor(),
            currency: order.amount.currency(),
            payee: order.payee.clone(),
            digest: order.digest.clone(),
            name: order.name.clone(),
        }
    }
}

impl From<Verdict> for Answer {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accepted { statement } => Self::Accepted(statement),
            Verdict::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

/// For the wire, and for nothing else.
fn in_clear<S: Serializer>(code: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    code.expose().serialize(serializer)
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

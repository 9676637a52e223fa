//! What is kept of a purchase.

use async_trait::async_trait;
use countersign_domain::{
    error::Error,
    id::KeyId,
    keys::SealedSecret,
    ordered_id,
    ports::Ports,
    record::{Batch, Stored},
    reseal::Sealed,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    asn1::Random,
    cardholder::{Asked, WalletError},
    record::Bytes,
};

ordered_id! {
    /// A purchase of a cardholder's program. It is all that is needed to type a code; to pay, the password is.
    capability HeldId, "buy_"
}

/// A purchase.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Held {
    pub(super) id: HeldId,
    /// The offer, as the merchant signed it.
    pub(super) wake_up: Bytes,
    /// When it came: the time at which signatures in it are looked at.
    pub(super) begun_at: Timestamp,
    pub(super) reference: Option<String>,
    pub(super) step: Step,
}

/// How far it is.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum Step {
    /// The wallet is locked.
    Offered,
    /// The purchase is signed, and kept until it is answered; or it is answered, and not over.
    UnderWay { sent: SealedSecret, unanswered: Option<Question> },
    /// A code is on its way to the phone.
    CodeAsked(CodeAsked),
    /// It is over; with the gateway's receipt if it is paid.
    Over(Outcome, Option<Bytes>),
}

/// How a purchase ended.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Outcome {
    /// It is paid, or authorized and debited later.
    Paid,
    /// It will not be paid; why, by the protocol's name.
    NotPaid(String),
}

/// A code that is waited for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct CodeAsked {
    pub(super) sent: SealedSecret,
    /// Masked.
    pub(crate) phone: String,
    pub(super) digits: u8,
    pub(crate) attempts_left: u8,
    pub(crate) expires_at: Timestamp,
    #[serde(default)]
    pub(crate) asks_pin: bool,
}

/// A message that is not answered yet, and what its answer must give back.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Question {
    pub(super) message: Bytes,
    rrpid: Bytes,
    chall_c: Bytes,
}

impl Held {
    pub(super) const fn offered(id: HeldId, wake_up: Vec<u8>, begun_at: Timestamp) -> Self {
        Self { id, wake_up: Bytes(wake_up), begun_at, reference: None, step: Step::Offered }
    }
}

impl Stored for Held {
    const COLLECTION: &'static str = "set_cardholder_purchase";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    /// An offer that nobody paid, and what is over. What was sent and has no last word is asked about again.
    fn final_at(&self) -> Option<Timestamp> {
        match &self.step {
            Step::Offered | Step::Over(..) => Some(self.begun_at),
            Step::UnderWay { .. } | Step::CodeAsked(_) => None,
        }
    }
}

#[async_trait]
impl Sealed for Held {
    fn keys(&self) -> Vec<&KeyId> {
        match &self.step {
            Step::UnderWay { sent, .. } | Step::CodeAsked(CodeAsked { sent, .. }) => {
                vec![sent.key()]
            }
            Step::Offered | Step::Over(..) => Vec::new(),
        }
    }

    async fn resealed(mut self, ports: &Ports, _: &mut Batch) -> Result<Self, Error> {
        let reseal = |sent| ports.keys.reseal(sent, self.id.as_str(), ports.entropy.as_ref());
        self.step = match self.step {
            Step::UnderWay { sent, unanswered } => {
                Step::UnderWay { sent: reseal(sent)?, unanswered }
            }
            Step::CodeAsked(asked) => {
                let sent = reseal(asked.sent)?;
                Step::CodeAsked(CodeAsked { sent, ..asked })
            }
            step @ (Step::Offered | Step::Over(..)) => step,
        };
        Ok(self)
    }
}

impl Question {
    pub(super) fn new(asked: &Asked, message: Vec<u8>) -> Self {
        let bytes = |random: &Random| Bytes(random.as_bytes().to_vec());
        Self { message: Bytes(message), rrpid: bytes(&asked.rrpid), chall_c: bytes(&asked.chall_c) }
    }

    pub(super) fn asked(&self) -> Result<Asked, WalletError> {
        let random = |bytes: &Bytes| Random::try_from(bytes.0.clone());
        Ok(Asked { rrpid: random(&self.rrpid)?, chall_c: random(&self.chall_c)? })
    }
}

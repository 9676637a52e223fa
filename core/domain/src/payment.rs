//! The state machine of a payment: `select -> authorize -> challenge -> capture | void`.
//!
//! ```text
//!                 bank first (C9, C10)                 code first (F7.v1)
//!   start ------> Authorizing --approved--> AwaitingCode <------ start
//!     | normal (C23)   | declined               | agreed
//!     |                v                        v
//!     |            Declined <--declined-- Authorizing, then
//!     +-- Authorizing --approved---------> Capturing --> Captured
//!
//!   from every state before Capturing: --> Voiding --> Voided
//! ```
//!
//! Pure: a transition takes the payment and gives back the next one. What a state asks of the bank is asked by the
//! [`Gateway`](crate::gateway::Gateway), as often as it takes, always under the same [`BankReference`].

use serde::{Deserialize, Serialize};

use crate::{
    address::Msisdn,
    bank::{ApprovalCode, BankReference, ResponseCode},
    card::MaskedCard,
    challenge::{Challenge, Refusal},
    error::Error,
    gateway::Purchase,
    id::{ChallengeId, CorrelationId, Identifier, PaymentId, RelyingPartyId, SessionId},
    keys::SealedCard,
    policy::{Exempt, Order, Selection},
    record::Stored,
    register::{Account, Posting},
    summary::Locale,
    time::Timestamp,
    transaction::Transaction,
    verifier::Verified,
};

/// For how long whoever put a payment into a state that asks something of the bank has it to itself, in seconds. After
/// that it is taken for dead, and any process may go on.
const LEASE_SECONDS: u32 = 60;

/// Why a payment was not made, when neither the bank nor the payer said no.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[non_exhaustive]
pub enum VoidCause {
    /// The challenge ended without an accepted response.
    NotVerified {
        /// How it ended.
        refusal: Refusal,
    },
    /// The bank did not answer, or the server stopped before the person could be asked.
    Interrupted,
    /// The bank refused to debit what it had authorized.
    CaptureRefused {
        /// Why, in the bank's terms.
        response: ResponseCode,
    },
}

impl VoidCause {
    /// Its name, in figures: a promise.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotVerified { refusal } => refusal.name(),
            Self::Interrupted => "interrupted",
            Self::CaptureRefused { .. } => "capture-refused",
        }
    }
}

/// Where a payment stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PaymentState {
    /// The bank is asked to hold the amount.
    Authorizing {
        /// Whether the person agreed, or was not to be asked.
        agreed: bool,
    },
    /// The person has the next action.
    AwaitingCode {
        /// What the bank holds already, when it was asked first.
        approval: Option<ApprovalCode>,
    },
    /// The bank is told to debit the amount.
    Capturing {
        /// What the bank holds.
        approval: ApprovalCode,
    },
    /// The amount is debited and posted.
    Captured {
        /// What the bank held.
        approval: ApprovalCode,
        /// When it was posted.
        at: Timestamp,
    },
    /// The bank refused.
    Declined {
        /// Why, in the bank's terms.
        response: ResponseCode,
        /// When.
        at: Timestamp,
    },
    /// The bank is told to release what it holds, or may hold.
    Voiding {
        /// Why.
        cause: VoidCause,
        /// What the bank holds, if it said so.
        approval: Option<ApprovalCode>,
    },
    /// No amount is taken, none is held.
    Voided {
        /// Why.
        cause: VoidCause,
        /// When.
        at: Timestamp,
    },
}

impl PaymentState {
    /// The state's name, as the API and the errors give it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Authorizing { .. } => "authorizing",
            Self::AwaitingCode { .. } => "awaiting_code",
            Self::Capturing { .. } => "capturing",
            Self::Captured { .. } => "captured",
            Self::Declined { .. } => "declined",
            Self::Voiding { .. } => "voiding",
            Self::Voided { .. } => "voided",
        }
    }

    /// Whether nothing more can happen.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Captured { .. } | Self::Declined { .. } | Self::Voided { .. })
    }
}

/// One payment, from the selection to the end.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Payment {
    pub(crate) id: PaymentId,
    pub(crate) relying_party: RelyingPartyId,
    pub(crate) identifier: Identifier,
    pub(crate) number: Msisdn,
    pub(crate) session: SessionId,
    pub(crate) transaction: Transaction,
    pub(crate) locale: Locale,
    pub(crate) origin: String,
    pub(crate) selection: Selection,
    pub(crate) order: Order,
    pub(crate) card: MaskedCard,
    /// Kept only as long as the bank may have to be asked something.
    pub(crate) sealed_card: Option<SealedCard>,
    pub(crate) bank: BankReference,
    pub(crate) challenge: Option<ChallengeId>,
    /// Follows it through logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) correlation: Option<CorrelationId>,
    pub(crate) state: PaymentState,
    /// When any process may go on with it.
    pub(crate) next_at: Option<Timestamp>,
}

impl Payment {
    /// A secured payment that the bank is to be asked for.
    pub(crate) fn new(
        purchase: Purchase,
        order: Order,
        card: SealedCard,
        bank: BankReference,
    ) -> Self {
        Self {
            id: purchase.payment,
            relying_party: purchase.relying_party,
            identifier: purchase.payer.identifier,
            number: purchase.payer.number,
            session: purchase.session,
            transaction: purchase.transaction,
            locale: purchase.locale,
            origin: purchase.origin,
            selection: Selection::Secured,
            order,
            card: card.masked().clone(),
            sealed_card: Some(card),
            next_at: Some(bank.transmitted_at.plus_seconds(LEASE_SECONDS)),
            bank,
            challenge: None,
            correlation: purchase.correlation,
            state: PaymentState::Authorizing { agreed: false },
        }
    }

    /// The policy asks no code for it (C23).
    pub(crate) fn exempted(mut self, _proof: Exempt) -> Self {
        self.selection = Selection::Normal;
        self.with(PaymentState::Authorizing { agreed: true })
    }

    /// Its id.
    pub const fn id(&self) -> &PaymentId {
        &self.id
    }

    /// Where it stands.
    pub const fn state(&self) -> &PaymentState {
        &self.state
    }

    /// What is paid for.
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Secured or normal.
    pub const fn selection(&self) -> Selection {
        self.selection
    }

    /// The card, as it may be shown.
    pub const fn card(&self) -> &MaskedCard {
        &self.card
    }

    /// By which the bank knows it (ISO 8583 field 37).
    pub fn bank_reference(&self) -> &str {
        &self.bank.retrieval
    }

    /// The challenge that it waits or waited for, if a code was asked for.
    pub const fn challenge(&self) -> Option<&ChallengeId> {
        self.challenge.as_ref()
    }

    /// The session that it was started in.
    pub const fn session(&self) -> &SessionId {
        &self.session
    }

    /// The person is to be asked, with the bank's approval at hand or not (code first): from `Authorizing`, not agreed.
    pub(crate) fn ask_code(
        self,
        approval: Option<ApprovalCode>,
        challenge: &Challenge,
    ) -> Result<Self, Error> {
        let until = challenge.expires_at();
        match self.state {
            PaymentState::Authorizing { agreed: false } => {
                let asked = Self { challenge: Some(challenge.id().clone()), ..self };
                Ok(asked.with(PaymentState::AwaitingCode { approval }).due(Some(until)))
            }
            _ => Err(self.not_now()),
        }
    }

    /// The bank holds the amount, and the person has agreed: from `Authorizing`, agreed.
    pub(crate) fn authorized(self, approval: ApprovalCode, now: Timestamp) -> Result<Self, Error> {
        match self.state {
            PaymentState::Authorizing { agreed: true } => {
                Ok(self.with(PaymentState::Capturing { approval }).leased(now))
            }
            _ => Err(self.not_now()),
        }
    }

    /// The bank refuses: from `Authorizing`.
    pub(crate) fn declined(self, response: ResponseCode, now: Timestamp) -> Result<Self, Error> {
        match self.state {
            PaymentState::Authorizing { .. } => {
                Ok(self.ended(PaymentState::Declined { response, at: now }))
            }
            _ => Err(self.not_now()),
        }
    }

    /// The person typed back the code: from `AwaitingCode`. The proof is used up, and must be of this payment's
    /// challenge, which is bound to this payment's amount and payee (RTS art. 5(1)(c)).
    pub(crate) fn agree(self, verified: Verified, now: Timestamp) -> Result<Self, Error> {
        match self.state.clone() {
            PaymentState::AwaitingCode { approval }
                if self.challenge.as_ref() == Some(verified.challenge()) =>
            {
                let next = match approval {
                    Some(approval) => PaymentState::Capturing { approval },
                    None => PaymentState::Authorizing { agreed: true },
                };
                Ok(self.with(next).leased(now))
            }
            _ => Err(self.not_now()),
        }
    }

    /// The bank has debited the amount: from `Capturing`. The posting belongs into the same batch.
    pub(crate) fn captured(self, now: Timestamp) -> Result<(Self, Posting), Error> {
        let PaymentState::Capturing { approval } = self.state.clone() else {
            return Err(self.not_now());
        };
        let posting = Posting::capture(
            &self.id,
            Account::payer(&self.identifier),
            Account::relying_party(&self.relying_party),
            self.transaction.amount(),
            now,
        );
        Ok((self.ended(PaymentState::Captured { approval, at: now }), posting))
    }

    /// The payment will not be made: from every state before `Capturing`, and from there when the bank refuses.
    pub(crate) fn void(self, cause: VoidCause, now: Timestamp) -> Result<Self, Error> {
        let approval = match &self.state {
            PaymentState::Authorizing { .. } => None,
            // Code first: the bank was never asked, so there is nothing to release.
            PaymentState::AwaitingCode { approval: None } => {
                return Ok(self.ended(PaymentState::Voided { cause, at: now }));
            }
            PaymentState::AwaitingCode { approval } => approval.clone(),
            PaymentState::Capturing { approval }
                if matches!(cause, VoidCause::CaptureRefused { .. }) =>
            {
                Some(approval.clone())
            }
            _ => return Err(self.not_now()),
        };
        Ok(self.with(PaymentState::Voiding { cause, approval }).due(Some(now)))
    }

    /// The bank has released what it held: from `Voiding`.
    pub(crate) fn voided(self, now: Timestamp) -> Result<Self, Error> {
        match self.state.clone() {
            PaymentState::Voiding { cause, .. } => {
                Ok(self.ended(PaymentState::Voided { cause, at: now }))
            }
            _ => Err(self.not_now()),
        }
    }

    /// The bank could not be asked; it will be again, not before `at`.
    pub(crate) fn later(self, at: Timestamp) -> Self {
        self.due(Some(at))
    }

    fn with(mut self, state: PaymentState) -> Self {
        self.state = state;
        self
    }

    /// Nothing more is asked of the bank, so the card is forgotten.
    fn ended(mut self, state: PaymentState) -> Self {
        self.sealed_card = None;
        self.with(state).due(None)
    }

    /// Whoever calls this, and commits it, has the payment to itself for a while.
    pub(crate) fn leased(self, now: Timestamp) -> Self {
        self.due(Some(now.plus_seconds(LEASE_SECONDS)))
    }

    fn due(mut self, at: Option<Timestamp>) -> Self {
        self.next_at = at;
        self
    }

    pub(crate) fn not_now(&self) -> Error {
        Error::NotNow {
            collection: Self::COLLECTION,
            id: self.id.to_string(),
            state: self.state.name(),
        }
    }
}

impl Stored for Payment {
    const COLLECTION: &'static str = "payment";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn due_at(&self) -> Option<Timestamp> {
        self.next_at
    }

    fn correlation(&self) -> Option<&CorrelationId> {
        self.correlation.as_ref()
    }
}

#[cfg(test)]
mod tests;

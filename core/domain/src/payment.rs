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
    bank::{ApprovalCode, BankReference, ResponseCode},
    card::{Card, MaskedCard},
    challenge::{Challenge, Verified},
    digest::Sha256Digest,
    error::Error,
    event::Event,
    id::{ChallengeId, CorrelationId, PaymentId, RelyingPartyId, SessionId},
    keys::SealedCard,
    person::Person,
    plan::{Order, Selection},
    policy::Exempt,
    record::{Step, Stored},
    refusal::VoidCause,
    register::{Account, Posting},
    time::Timestamp,
    transaction::Transaction,
};

/// Lease, in seconds: how long a process owns a payment that it has moved into a state that calls the bank. After that the
/// process is presumed dead, and any other may resume the payment.
const LEASE_SECONDS: u32 = 60;

/// A payment that a person begins in a session.
#[derive(Clone, Debug)]
pub struct PaymentRequest {
    /// The payment's id, made by the caller so that its own records can name it.
    pub payment: PaymentId,
    /// On whose behalf.
    pub relying_party: RelyingPartyId,
    /// The payer.
    pub person: Person,
    /// The card to debit.
    pub card: Card,
    /// What for.
    pub transaction: Transaction,
    /// The digest of the protocol's own order, where there is one; the code is linked to it.
    pub order_digest: Option<Sha256Digest>,
    /// Follows it through logs.
    pub correlation: Option<CorrelationId>,
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
    pub(crate) person: Person,
    pub(crate) transaction: Transaction,
    pub(crate) order_digest: Option<Sha256Digest>,
    pub(crate) selection: Selection,
    pub(crate) order: Order,
    pub(crate) card: MaskedCard,
    /// Kept only as long as the bank may have to be asked something.
    pub(crate) sealed_card: Option<SealedCard>,
    pub(crate) bank: BankReference,
    pub(crate) challenge: Option<ChallengeId>,
    /// Follows it through logs.
    pub(crate) correlation: Option<CorrelationId>,
    pub(crate) state: PaymentState,
    /// When any process may go on with it.
    pub(crate) next_at: Option<Timestamp>,
}

impl Payment {
    /// A payment that the bank is to be asked for; the person too, unless there is proof that the policy exempts it (C23).
    pub(crate) fn begin(
        request: PaymentRequest,
        order: Order,
        exempt: Option<Exempt>,
        card: SealedCard,
        bank: BankReference,
    ) -> Step<Self> {
        let selection = if exempt.is_some() { Selection::Normal } else { Selection::Secured };
        let started = Event::PaymentStarted {
            amount: request.transaction.amount(),
            selection,
            card: card.masked().clone(),
        };
        let payment = Self {
            id: request.payment,
            relying_party: request.relying_party,
            person: request.person,
            transaction: request.transaction,
            order_digest: request.order_digest,
            selection,
            order,
            card: card.masked().clone(),
            sealed_card: Some(card),
            next_at: Some(bank.transmitted_at.plus_seconds(LEASE_SECONDS)),
            bank,
            challenge: None,
            correlation: request.correlation,
            state: PaymentState::Authorizing { agreed: exempt.is_some() },
        };
        Step::new(payment, started)
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
        &self.person.session
    }

    /// The person is to be asked, with the bank's approval at hand or not (code first): from `Authorizing`, not agreed.
    pub(crate) fn ask_code(
        self,
        approval: Option<ApprovalCode>,
        challenge: &Challenge,
    ) -> Result<Step<Self>, Error> {
        let PaymentState::Authorizing { agreed: false } = self.state else {
            return Err(self.not_now());
        };
        let id = challenge.id().clone();
        let authorized = approval.clone().map(|approval| Event::PaymentAuthorized { approval });
        let asked = Self { challenge: Some(id.clone()), ..self }
            .with(PaymentState::AwaitingCode { approval })
            .due(Some(challenge.expires_at()));
        let events = authorized.into_iter().chain([Event::CodeAsked { challenge: id }]);
        Ok(events.fold(Step::silent(asked), Step::and))
    }

    /// The bank holds the amount, and the person has agreed: from `Authorizing`, agreed.
    pub(crate) fn authorized(
        self,
        approval: ApprovalCode,
        now: Timestamp,
    ) -> Result<Step<Self>, Error> {
        let PaymentState::Authorizing { agreed: true } = self.state else {
            return Err(self.not_now());
        };
        let event = Event::PaymentAuthorized { approval: approval.clone() };
        Ok(Step::new(self.with(PaymentState::Capturing { approval }).leased(now), event))
    }

    /// The bank refuses: from `Authorizing`.
    pub(crate) fn declined(
        self,
        response: ResponseCode,
        now: Timestamp,
    ) -> Result<Step<Self>, Error> {
        let PaymentState::Authorizing { .. } = self.state else { return Err(self.not_now()) };
        let event = Event::PaymentDeclined { response: response.clone() };
        Ok(Step::new(self.ended(PaymentState::Declined { response, at: now }), event))
    }

    /// The person typed back the code: from `AwaitingCode`. The proof must be of this payment's challenge, which is bound
    /// to this payment's amount and payee (RTS art. 5(1)(c)).
    pub(crate) fn agree(self, verified: &Verified, now: Timestamp) -> Result<Step<Self>, Error> {
        match self.state.clone() {
            PaymentState::AwaitingCode { approval }
                if self.challenge.as_ref() == Some(verified.challenge()) =>
            {
                let next = match approval {
                    Some(approval) => PaymentState::Capturing { approval },
                    None => PaymentState::Authorizing { agreed: true },
                };
                Ok(Step::new(self.with(next).leased(now), Event::PaymentAgreed))
            }
            _ => Err(self.not_now()),
        }
    }

    /// The bank has debited the amount, which is posted: from `Capturing`.
    pub(crate) fn captured(self, now: Timestamp) -> Result<Step<Self>, Error> {
        let PaymentState::Capturing { approval } = self.state.clone() else {
            return Err(self.not_now());
        };
        let posting = Posting::capture(
            &self.id,
            Account::payer(&self.person.identifier),
            Account::relying_party(&self.relying_party),
            self.transaction.amount(),
            now,
        );
        let captured = self.ended(PaymentState::Captured { approval, at: now });
        Ok(Step::new(captured, Event::PaymentCaptured).posting(posting))
    }

    /// The payment will not be made: from every state before `Capturing`, and from there when the bank refuses.
    pub(crate) fn void(self, cause: VoidCause, now: Timestamp) -> Result<Step<Self>, Error> {
        let event = Event::PaymentVoiding { cause: cause.clone() };
        let approval = match &self.state {
            PaymentState::Authorizing { .. } => None,
            // Code first: the bank was never asked, so there is nothing to release.
            PaymentState::AwaitingCode { approval: None } => {
                let voided = self.ended(PaymentState::Voided { cause, at: now });
                return Ok(Step::new(voided, event).and(Event::PaymentVoided));
            }
            PaymentState::AwaitingCode { approval } => approval.clone(),
            PaymentState::Capturing { approval }
                if matches!(cause, VoidCause::CaptureRefused { .. }) =>
            {
                Some(approval.clone())
            }
            _ => return Err(self.not_now()),
        };
        let voiding = self.with(PaymentState::Voiding { cause, approval }).due(Some(now));
        Ok(Step::new(voiding, event))
    }

    /// The bank has released what it held: from `Voiding`.
    pub(crate) fn voided(self, now: Timestamp) -> Result<Step<Self>, Error> {
        let PaymentState::Voiding { cause, .. } = self.state.clone() else {
            return Err(self.not_now());
        };
        Ok(Step::new(self.ended(PaymentState::Voided { cause, at: now }), Event::PaymentVoided))
    }

    /// The bank was unreachable; retry no earlier than `at`.
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

    /// Committed, it gives the payment to this process for a while.
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

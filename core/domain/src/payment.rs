//! The state machine of a payment: `plan -> authorize -> challenge -> capture (whole, part, later) | void`, `credit` and its
//! reversal after it.
//!
//! ```text
//!                 bank first (C9, C10)                 bank last (F7.v1)
//!   start ------> Authorizing --approved--> AwaitingCode <------ start
//!     | exempt (C23)   | declined               | agreed
//!     |                v                        v
//!     |            Declined <--declined-- Authorizing, then
//!     +-- Authorizing --approved---------> Capturing --> Captured <--> Crediting, ReversingCredit
//!                          |                   ^
//!                          +--> Authorized ----+  capture later, all or a part
//!
//!   from every state before Capturing: --> Voiding --> Voided
//! ```
//!
//! Where the plan skips the bank (F10.1006) nothing is authorized and the capture is its posting alone.
//!
//! Pure: a transition takes the payment and gives back the next one. What a state asks of the bank is asked by the
//! [`Gateway`](crate::gateway::Gateway), as often as it takes, always under the same [`BankReference`].

mod credit;
mod state;
mod unsettled;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use self::{
    state::{Capture, Credited, PaymentState},
    unsettled::{Stuck, in_vain},
};
use crate::{
    agreement::ProtocolOrder,
    amount::Amount,
    bank::{ApprovalCode, BankReference, ResponseCode},
    card::{Card, MaskedCard},
    challenge::{Challenge, Verified},
    element::Element,
    error::Error,
    event::Event,
    id::{ChallengeId, CorrelationId, PaymentId, RelyingPartyId, SessionId},
    invalid::{Field, InvalidInput},
    keys::SealedCard,
    person::Person,
    plan::{BankTurn, CaptureTime, CodeDemand, KnownBy, Plan},
    record::{Step, Stored},
    refusal::{Refusal, VoidCause},
    register::{Account, Posting},
    settlement::Told,
    time::Timestamp,
    transaction::Transaction,
};

/// Lease, in seconds: how long a process owns a payment that it has moved into a state that calls the bank. After that the
/// process is presumed dead, and any other may resume the payment.
const LEASE_SECONDS: u32 = 60;

/// How long a hold is good that is captured later, in seconds: what card schemes grant for purchases from afar (7 days).
const HOLD_SECONDS: u32 = 7 * DAY_SECONDS;
const DAY_SECONDS: u32 = 86_400;

/// What a new payment is given beside the request.
pub(crate) struct Opening {
    pub(crate) plan: Plan,
    pub(crate) counted_at: Vec<String>,
    pub(crate) credit_days: u32,
}

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
    /// The protocol's own order, where there is one; the code is linked to it.
    pub order: Option<ProtocolOrder>,
    /// How the payer became known.
    pub known_by: KnownBy,
    /// From which address of the first network, where the flow knows it: messages are limited for each. It is not kept.
    pub from: Option<IpAddr>,
    /// When the amount is to be debited.
    pub capture: CaptureTime,
    /// Follows it through logs.
    pub correlation: Option<CorrelationId>,
}

/// One payment, from the selection to the end.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Payment {
    pub(crate) id: PaymentId,
    pub(crate) relying_party: RelyingPartyId,
    pub(crate) person: Person,
    pub(crate) transaction: Transaction,
    pub(crate) order: Option<ProtocolOrder>,
    pub(crate) plan: Plan,
    /// What was proved of the payer before the code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) elements: Vec<Element>,
    /// Where payments without a code are counted, when the policy exempts any: a code makes an end of the count.
    pub(crate) counted_at: Vec<String>,
    /// For how long after the capture the card is kept.
    pub(crate) credit_days: u32,
    pub(crate) card: MaskedCard,
    /// Kept only as long as the bank may have to be asked something, or may be asked for a credit.
    pub(crate) sealed_card: Option<SealedCard>,
    pub(crate) bank: BankReference,
    pub(crate) challenge: Option<ChallengeId>,
    /// Follows it through logs.
    pub(crate) correlation: Option<CorrelationId>,
    pub(crate) state: PaymentState,
    /// How far it is with what the state asks of the bank.
    #[serde(flatten)]
    pub(crate) told: Told,
    /// When any process may resume it.
    pub(crate) next_at: Option<Timestamp>,
}

impl Payment {
    /// A payment that is to be made according to that plan.
    pub(crate) fn begin(
        request: PaymentRequest,
        opening: Opening,
        card: SealedCard,
        bank: BankReference,
    ) -> Step<Self> {
        let now = bank.transmitted_at;
        let Opening { plan, counted_at, credit_days } = opening;
        let amount = request.transaction.amount();
        let elements = request.known_by.elements();
        let (card_shown, shown) = (card.masked().clone(), elements.clone());
        let started = Event::PaymentStarted { amount, plan, card: card_shown, elements: shown };
        let agreed = matches!(plan.code, CodeDemand::Exempt(_));
        let payment = Self {
            id: request.payment,
            relying_party: request.relying_party,
            person: request.person,
            transaction: request.transaction,
            order: request.order,
            plan,
            elements,
            counted_at,
            credit_days,
            card: card.masked().clone(),
            // A bank that is not asked needs no card.
            sealed_card: (plan.bank != BankTurn::Skip).then_some(card),
            next_at: Some(now.plus_seconds(LEASE_SECONDS)),
            bank,
            challenge: None,
            told: Told::default(),
            correlation: request.correlation,
            state: PaymentState::Authorizing { agreed },
        };
        let begun = Step::new(payment, started);
        match (agreed, plan.bank) {
            (true, BankTurn::Skip) => {
                let settled = begun.next.held(None, now);
                Step { events: [begun.events, settled.events].concat(), ..settled }
            }
            (true, BankTurn::First | BankTurn::Last) | (false, _) => begun,
        }
    }

    /// What was proved of the payer before the code: where no code is asked for, all that was.
    pub fn elements(&self) -> &[Element] {
        &self.elements
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

    /// How it is made.
    pub const fn plan(&self) -> Plan {
        self.plan
    }

    /// Whether the payer typed back the right code, as far as the state tells.
    pub const fn is_agreed(&self) -> bool {
        let is_asked = matches!(self.plan.code, CodeDemand::Ask);
        let after_code = match &self.state {
            PaymentState::Authorizing { agreed } => *agreed,
            PaymentState::Authorized { .. }
            | PaymentState::Capturing { .. }
            | PaymentState::Captured(_)
            | PaymentState::Crediting { .. }
            | PaymentState::ReversingCredit { .. } => true,
            PaymentState::Declined { .. } => matches!(self.plan.bank, BankTurn::Last),
            PaymentState::AwaitingCode { .. }
            | PaymentState::Voiding { .. }
            | PaymentState::Voided { .. } => false,
        };
        is_asked && after_code
    }

    /// The payer.
    pub const fn person(&self) -> &Person {
        &self.person
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
        Ok(self.held(Some(approval), now).after(event))
    }

    /// All that was to be had is there: bank, if it is asked, and person.
    fn held(self, approval: Option<ApprovalCode>, now: Timestamp) -> Step<Self> {
        match (self.plan.capture, approval) {
            (CaptureTime::Later, approval) => {
                let until = now.plus_seconds(HOLD_SECONDS);
                Step::silent(
                    self.with(PaymentState::Authorized { approval, until }).due(Some(until)),
                )
            }
            (CaptureTime::AtOnce, Some(approval)) => {
                let amount = self.transaction.amount();
                let capturing = self.with(PaymentState::Capturing { approval, amount });
                Step::silent(capturing.leased(now))
            }
            (CaptureTime::AtOnce, None) => {
                let amount = self.transaction.amount();
                self.debited(amount, now)
            }
        }
    }

    /// The relying party wants the amount, or a part of it: from `Authorized`.
    pub(crate) fn start_capture(self, amount: Amount, now: Timestamp) -> Result<Step<Self>, Error> {
        let PaymentState::Authorized { approval, until } = self.state.clone() else {
            return Err(self.not_now());
        };
        if now >= until {
            return Err(self.not_now());
        }
        let held = self.transaction.amount();
        if amount.currency() != held.currency() || amount.amount_minor() > held.amount_minor() {
            return Err(InvalidInput::new(Field::Amount, "is not within what is held").into());
        }
        let asked = Event::CaptureAsked { amount };
        Ok(match approval {
            Some(approval) => Step::new(
                self.with(PaymentState::Capturing { approval, amount }).leased(now),
                asked,
            ),
            None => self.debited(amount, now).after(asked),
        })
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
        let PaymentState::AwaitingCode { approval } = self.state.clone() else {
            return Err(self.not_now());
        };
        if self.challenge.as_ref() != Some(verified.challenge()) {
            return Err(self.not_now());
        }
        let next = match (approval, self.plan.bank) {
            (None, BankTurn::First | BankTurn::Last) => {
                Step::silent(self.with(PaymentState::Authorizing { agreed: true }).leased(now))
            }
            (approval, BankTurn::First | BankTurn::Last | BankTurn::Skip) => {
                self.held(approval, now)
            }
        };
        Ok(next.after(Event::PaymentAgreed))
    }

    /// The bank has debited the amount, which is posted: from `Capturing`.
    pub(crate) fn captured(self, now: Timestamp) -> Result<Step<Self>, Error> {
        let PaymentState::Capturing { amount, .. } = self.state else {
            return Err(self.not_now());
        };
        Ok(self.debited(amount, now))
    }

    fn debited(self, amount: Amount, now: Timestamp) -> Step<Self> {
        let posting = Posting::capture(
            &self.id,
            Account::payer(&self.person.identifier),
            Account::relying_party(&self.relying_party),
            amount,
            now,
        );
        let captured = self.rests(Capture::new(amount, now), now);
        Step::new(captured, Event::PaymentCaptured { amount }).posting(posting)
    }

    /// Captured: the card is kept as long as it may be credited or a credit be reversed, and forgotten then.
    fn rests(self, capture: Capture, now: Timestamp) -> Self {
        let until = self.creditable_until(&capture);
        let is_open = capture.left_minor() > 0 || capture.reversibles() > 0;
        let is_needed = until > now && is_open;
        let captured = PaymentState::Captured(capture);
        match self.sealed_card {
            Some(_) if is_needed => self.with(captured).due(Some(until)),
            Some(_) | None => self.ended(captured),
        }
    }

    fn creditable_until(&self, capture: &Capture) -> Timestamp {
        capture.at.plus_seconds(self.credit_days.saturating_mul(DAY_SECONDS))
    }

    /// Nothing more will be credited: from `Captured`, whose card is forgotten.
    pub(crate) fn forget_card(self) -> Result<Step<Self>, Error> {
        let PaymentState::Captured(_) = &self.state else { return Err(self.not_now()) };
        let captured = self.state.clone();
        Ok(Step::silent(self.ended(captured)))
    }

    /// The payment will not be made: from every state before `Capturing`, and from there when the bank refuses.
    pub(crate) fn void(self, cause: VoidCause, now: Timestamp) -> Result<Step<Self>, Error> {
        let event = Event::PaymentVoiding { cause: cause.clone() };
        let approval = match &self.state {
            PaymentState::Authorizing { .. } => None,
            // The bank was never asked, so there is nothing to release.
            PaymentState::AwaitingCode { approval: None }
            | PaymentState::Authorized { approval: None, .. } => {
                let voided = self.ended(PaymentState::Voided { cause, at: now });
                return Ok(Step::new(voided, event).and(Event::PaymentVoided));
            }
            PaymentState::AwaitingCode { approval } | PaymentState::Authorized { approval, .. } => {
                approval.clone()
            }
            PaymentState::Capturing { approval, .. }
                if matches!(cause, VoidCause::CaptureRefused { .. }) =>
            {
                Some(approval.clone())
            }
            PaymentState::Capturing { .. }
            | PaymentState::Captured(_)
            | PaymentState::Crediting { .. }
            | PaymentState::ReversingCredit { .. }
            | PaymentState::Declined { .. }
            | PaymentState::Voiding { .. }
            | PaymentState::Voided { .. } => return Err(self.not_now()),
        };
        let voiding = self.with(PaymentState::Voiding { cause, approval }).due(Some(now));
        Ok(Step::new(voiding, event))
    }

    /// No code may be asked for: from `Authorizing`, before the bank was asked.
    pub(crate) fn not_asked(self, refusal: Refusal, now: Timestamp) -> Result<Step<Self>, Error> {
        let PaymentState::Authorizing { agreed: false } = self.state else {
            return Err(self.not_now());
        };
        let cause = VoidCause::NotVerified { refusal };
        let event = Event::PaymentVoiding { cause: cause.clone() };
        let voided = self.ended(PaymentState::Voided { cause, at: now });
        Ok(Step::new(voided, event).and(Event::PaymentVoided))
    }

    /// The bank has released what it held: from `Voiding`.
    pub(crate) fn voided(self, now: Timestamp) -> Result<Step<Self>, Error> {
        let PaymentState::Voiding { cause, .. } = self.state.clone() else {
            return Err(self.not_now());
        };
        Ok(Step::new(self.ended(PaymentState::Voided { cause, at: now }), Event::PaymentVoided))
    }

    fn with(mut self, state: PaymentState) -> Self {
        self.state = state;
        self.told = Told::default();
        self
    }

    /// Nothing more is asked of the bank, so the card is forgotten.
    fn ended(mut self, state: PaymentState) -> Self {
        self.sealed_card = None;
        self.with(state).due(None)
    }

    /// Committed, it gives the payment to this process for a while; at its end there is nothing to have.
    pub(crate) fn leased(self, now: Timestamp) -> Self {
        if self.state.is_final() {
            return self;
        }
        self.due(Some(now.plus_seconds(LEASE_SECONDS)))
    }

    /// As `leased`, of a payment that another process may have left in the middle of a question.
    pub(crate) fn resumed(self, now: Timestamp) -> Self {
        Self { told: self.told.taken_up(), ..self }.leased(now)
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

    /// Final is what the bank will not be asked about again: neither for the payment itself nor for a credit.
    fn final_at(&self) -> Option<Timestamp> {
        if self.next_at.is_some() || self.sealed_card.is_some() {
            return None;
        }
        match &self.state {
            PaymentState::Captured(capture) => Some(capture.at),
            PaymentState::Declined { at, .. } | PaymentState::Voided { at, .. } => Some(*at),
            PaymentState::Authorizing { .. }
            | PaymentState::AwaitingCode { .. }
            | PaymentState::Authorized { .. }
            | PaymentState::Capturing { .. }
            | PaymentState::Crediting { .. }
            | PaymentState::ReversingCredit { .. }
            | PaymentState::Voiding { .. } => None,
        }
    }

    fn correlation(&self) -> Option<&CorrelationId> {
        self.correlation.as_ref()
    }
}

#[cfg(test)]
mod tests;

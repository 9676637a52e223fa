//! What the bank must do for a payment and does not: it is told again, until a person must look and ends it.

use std::mem;

use serde::{Deserialize, Serialize};

use super::{Payment, PaymentState};
use crate::{
    bank::{BankError, BankReference, ResponseCode},
    error::Error,
    event::Event,
    id::{CorrelationId, RelyingPartyId},
    record::{Step, Stored},
    refusal::VoidCause,
    settlement::{BankOperation, Because, InVain, Settlement, Told, Tries},
    time::Timestamp,
};

/// A payment that the bank is told nothing about any more until a person has looked: its place in a list that is short, so
/// that nobody looks through all payments for it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Stuck {
    /// The payment's.
    pub id: String,
    /// What the bank was told.
    pub operation: BankOperation,
    /// By which the bank knows it (ISO 8583 field 37).
    pub bank_reference: String,
    /// On whose behalf.
    pub relying_party: RelyingPartyId,
    /// When the bank was told for the last time.
    pub at: Timestamp,
    /// When it did not do it for the first time.
    pub since: Timestamp,
    /// How often it was told.
    pub tries: u32,
    /// What it said when it refused, if it did.
    pub response: Option<ResponseCode>,
    /// Whether it could not be told any more, for want of the key that the card is sealed under.
    #[serde(default)]
    pub card_does_not_open: bool,
    /// Follows it through logs.
    pub correlation: Option<CorrelationId>,
}

impl Stored for Stuck {
    const COLLECTION: &'static str = "stuck_payment";

    fn id(&self) -> &str {
        &self.id
    }

    fn due_at(&self) -> Option<Timestamp> {
        Some(self.at)
    }

    fn correlation(&self) -> Option<&CorrelationId> {
        self.correlation.as_ref()
    }
}

impl Stuck {
    /// The place of what waits under that id for what the bank was told in vain; none before it was told.
    pub fn of(
        id: String,
        (operation, reference): (BankOperation, &BankReference),
        relying_party: RelyingPartyId,
        told: &Told,
    ) -> Option<Self> {
        let tries = told.tries()?;
        Some(Self {
            id,
            operation,
            bank_reference: reference.retrieval.clone(),
            relying_party,
            at: told.tried_at()?,
            since: tries.since,
            tries: tries.count,
            response: tries.response.clone(),
            card_does_not_open: tries.card_does_not_open,
            correlation: None,
        })
    }
}

/// The bank did not do what it must: it is told again, or a person must look. `next` makes the record of what is kept, and of
/// when it is due.
pub fn in_vain<T>(
    (operation, told): (BankOperation, Told),
    cause: &InVain,
    now: Timestamp,
    next: impl FnOnce(Told, Option<Timestamp>) -> T,
) -> Step<T> {
    let (told, next_at) = told.in_vain(cause, now);
    let mut step = Step::silent(next(told, next_at));
    if let InVain::Bank(BankError::Refused { response }) = cause {
        step = step.and(Event::BankRefused { operation, response: response.clone() });
    }
    match next_at {
        Some(_) => step,
        None => step.and(Event::PaymentStuck { operation }),
    }
}

impl Payment {
    /// What the bank is being told, where it is told something that it must do.
    pub(crate) const fn operation(&self) -> Option<BankOperation> {
        match &self.state {
            PaymentState::Capturing { .. } => Some(BankOperation::Capture),
            PaymentState::Crediting { .. } => Some(BankOperation::Credit),
            PaymentState::ReversingCredit { .. } => Some(BankOperation::ReverseCredit),
            PaymentState::Voiding { .. } => Some(BankOperation::Void),
            PaymentState::Authorizing { .. }
            | PaymentState::AwaitingCode { .. }
            | PaymentState::Authorized { .. }
            | PaymentState::Captured(_)
            | PaymentState::Declined { .. }
            | PaymentState::Voided { .. } => None,
        }
    }

    /// How often the bank was told in vain what the payment's state asks of it.
    pub const fn tries(&self) -> Option<&Tries> {
        self.told.tries()
    }

    /// Its place in the list of those at which a person must look, if it is stuck.
    pub fn stuck(&self) -> Option<Stuck> {
        let (Some(operation), None) = (self.operation(), self.next_at) else { return None };
        let reference = match &self.state {
            PaymentState::Crediting { reference, .. } => reference,
            PaymentState::ReversingCredit { credit, .. } => &credit.reference,
            PaymentState::Authorizing { .. }
            | PaymentState::AwaitingCode { .. }
            | PaymentState::Authorized { .. }
            | PaymentState::Capturing { .. }
            | PaymentState::Captured(_)
            | PaymentState::Declined { .. }
            | PaymentState::Voiding { .. }
            | PaymentState::Voided { .. } => &self.bank,
        };
        let relying_party = self.relying_party.clone();
        let stuck =
            Stuck::of(self.id.to_string(), (operation, reference), relying_party, &self.told)?;
        Some(Stuck { correlation: self.correlation.clone(), ..stuck })
    }

    /// The bank did not do what it must: it is told again, or a person must look.
    pub(crate) fn not_done(mut self, cause: &InVain, now: Timestamp) -> Result<Step<Self>, Error> {
        let Some(operation) = self.operation() else { return Err(self.not_now()) };
        let told = mem::take(&mut self.told);
        let next = |told, next_at| Self { told, ..self }.due(next_at);
        Ok(in_vain((operation, told), cause, now, next))
    }

    /// A person wants the bank to be told again, from the first pause on: of a payment that is stuck.
    pub(crate) fn told_again(self, now: Timestamp) -> Result<Step<Self>, Error> {
        let (Some(_), Some(operation)) = (self.stuck(), self.operation()) else {
            return Err(self.not_now());
        };
        let next = Self { told: self.told.from_the_start(), ..self };
        Ok(Step::new(next.due(Some(now)), Event::RetryAsked { operation }))
    }

    /// A person confirms what became of it: of a payment that is stuck.
    pub(crate) fn settled(
        self,
        settlement: Settlement,
        because: Because,
        now: Timestamp,
    ) -> Result<Step<Self>, Error> {
        if self.stuck().is_none() {
            return Err(self.not_now());
        }
        let step = match settlement {
            Settlement::Captured => self.captured(now)?,
            Settlement::Voided => self.confirmed_voided(now)?,
            Settlement::Credited => self.credited(now)?,
            Settlement::NotCredited => self.not_credited(now)?,
            Settlement::CreditReversed => self.credit_reversed(now)?,
            Settlement::CreditNotReversed => self.credit_not_reversed(now)?,
        };
        Ok(step.after(Event::PaymentSettled { settlement, because }))
    }

    /// Nothing is held and nothing debited: from `Voiding`, and from `Capturing`.
    fn confirmed_voided(self, now: Timestamp) -> Result<Step<Self>, Error> {
        if let PaymentState::Capturing { approval, .. } = self.state.clone() {
            let cause = VoidCause::Interrupted;
            let voiding = PaymentState::Voiding { cause: cause.clone(), approval: Some(approval) };
            let voiding = Step::new(self.with(voiding), Event::PaymentVoiding { cause });
            return voiding.then(|voiding| voiding.voided(now));
        }
        self.voided(now)
    }
}

//! What the bank must do for a payment and does not: it is told again, until a person must look and ends it.

use serde::{Deserialize, Serialize};

use super::{Payment, PaymentState};
use crate::{
    bank::{BankError, ResponseCode},
    error::Error,
    event::Event,
    id::{CorrelationId, RelyingPartyId},
    record::{Step, Stored},
    refusal::VoidCause,
    settlement::{BankOperation, Because, Settlement, Tries},
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
        self.tries.as_ref()
    }

    /// Its place in the list of those at which a person must look, if it is stuck.
    pub fn stuck(&self) -> Option<Stuck> {
        let (Some(operation), Some(tries), None) = (self.operation(), &self.tries, self.next_at)
        else {
            return None;
        };
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
        Some(Stuck {
            id: self.id.to_string(),
            operation,
            bank_reference: reference.retrieval.clone(),
            relying_party: self.relying_party.clone(),
            at: self.tried_at?,
            since: tries.since,
            tries: tries.count,
            response: tries.response.clone(),
            correlation: self.correlation.clone(),
        })
    }

    /// The bank did not do what it must: it is told again, or a person must look.
    pub(crate) fn not_done(
        mut self,
        error: &BankError,
        now: Timestamp,
    ) -> Result<Step<Self>, Error> {
        let Some(operation) = self.operation() else { return Err(self.not_now()) };
        let tries = Tries::more(self.tries.take(), error, now);
        let next_at = tries.next_at(now);
        // What was not sent, or was refused, left nothing open.
        let asked_before = self.asked_before || matches!(error, BankError::Unknown { .. });
        let next = Self { tries: Some(tries), tried_at: Some(now), asked_before, ..self };
        let mut step = Step::silent(next.due(next_at));
        if let BankError::Refused { response } = error {
            step = step.and(Event::BankRefused { operation, response: response.clone() });
        }
        Ok(match next_at {
            Some(_) => step,
            None => step.and(Event::PaymentStuck { operation }),
        })
    }

    /// A person wants the bank to be told again, from the first pause on: of a payment that is stuck.
    pub(crate) fn told_again(self, now: Timestamp) -> Result<Step<Self>, Error> {
        let (Some(_), Some(operation)) = (self.stuck(), self.operation()) else {
            return Err(self.not_now());
        };
        // What became of the earlier tries is as open as it was.
        let next = Self { tries: None, asked_before: true, ..self };
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

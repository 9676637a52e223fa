//! Challenges whose code an operator computes, sends and compares (F12.v1). It counts the attempts; the conclusion of what it
//! says is drawn here.

use super::{Attempt, Challenge, State, Transition, Verified};
use crate::{
    agreement::{Agreement, ProtocolOrder},
    element::Element,
    operator::{CodeOrder, Verdict},
    pin::PinDemand,
    refusal::Refusal,
    time::Timestamp,
    transaction::Transaction,
};

impl Challenge {
    /// The operator's signed word that it accepted the code, if it did.
    pub fn statement(&self) -> Option<&str> {
        self.statement.as_deref()
    }

    /// Whether a response counts for the phone only with the operator's verdict. Beside a PIN it is counted between the verdict and
    /// the PIN, and all others are before they are looked at.
    pub(crate) fn counts_with_verdict(&self) -> bool {
        self.key.is_none() && self.pin == PinDemand::No
    }

    /// What an operator is told of it, where it is one that an operator can be told of.
    pub(crate) fn code_order(&self) -> Option<CodeOrder> {
        let (transaction, order) = orderable(self.agreement())?;
        let person = self.person();
        Some(CodeOrder {
            challenge: self.id().clone(),
            to: person.address.clone(),
            locale: person.locale.clone(),
            origin: person.origin.clone(),
            amount: transaction.amount(),
            payee: transaction.payee().clone(),
            digest: order.digest.clone(),
            name: order.name.clone(),
        })
    }

    /// Draws the conclusion of what an operator said of a response, on the challenge as it stands by now. The proof is good
    /// once its step is committed, and it is the only one ever.
    pub(crate) fn judged(
        mut self,
        verdict: &Verdict,
        elements: Vec<Element>,
        now: Timestamp,
    ) -> Transition<Verified> {
        if let Some(refusal) = self.over() {
            return Transition::Refused(refusal);
        }
        match verdict {
            Verdict::Accepted { statement } => {
                self.statement = Some(statement.clone());
                self.elements = elements;
                let proof = Verified::of(&self);
                Transition::Made(self.end(State::Verified { at: now }), proof)
            }
            Verdict::Refused(refusal) if is_final(refusal) => {
                let reason = refusal.clone();
                let ended = self.end(State::Refused { reason: reason.clone(), at: now });
                Transition::Ended(ended, reason)
            }
            Verdict::Refused(refusal) => Transition::Refused(refusal.clone()),
        }
    }

    /// The same of a counted response with a PIN, which proved that element or none. Whatever the operator says of a code that it
    /// does not accept, or has accepted before with another PIN, is said as of a wrong PIN (RTS art. 4(3)(a)).
    pub(crate) fn judged_with(
        self,
        attempt: Attempt,
        verdict: &Verdict,
        pin: Option<Element>,
        now: Timestamp,
    ) -> Transition<Verified> {
        match (verdict, pin) {
            (Verdict::Accepted { .. }, Some(pin)) => {
                self.judged(verdict, vec![Element::Phone, pin], now)
            }
            (Verdict::Refused(refusal), _) if is_final(refusal) => {
                self.judged(verdict, Vec::new(), now)
            }
            (Verdict::Accepted { .. }, None) | (Verdict::Refused(_), _) => {
                self.conclude_with(attempt, false, Vec::new(), now)
            }
        }
    }
}

/// A payment with an order of its own: the short reference is of the order's name, so that both sides show the same.
pub(crate) const fn orderable(agreement: &Agreement) -> Option<(&Transaction, &ProtocolOrder)> {
    match agreement {
        Agreement::Payment { transaction, order: Some(order), .. } => Some((transaction, order)),
        Agreement::Payment { order: None, .. }
        | Agreement::Access { .. }
        | Agreement::Certificate { .. }
        | Agreement::Document(_) => None,
    }
}

/// Whether an operator that says so accepts no code any more. One that accepted a code before may be asked again with it.
const fn is_final(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::TooManyAttempts
        | Refusal::Late
        | Refusal::Undeliverable
        | Refusal::Cancelled
        | Refusal::Locked
        | Refusal::PhoneNotServed => true,
        Refusal::WrongCode { .. }
        | Refusal::AlreadyUsed
        | Refusal::OtherSession
        | Refusal::PinSet
        | Refusal::TooManySends
        | Refusal::TooSoon { .. }
        | Refusal::Blocked { .. }
        | Refusal::MessageLimit { .. }
        | Refusal::TooManyWaiting { .. } => false,
    }
}

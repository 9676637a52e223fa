//! What is given back of a captured payment, and what of that is debited again.

use super::{Payment, PaymentState};
use crate::{
    amount::Amount,
    bank::{BankReference, ResponseCode},
    error::Error,
    event::Event,
    invalid::{Field, InvalidInput},
    plan::BankTurn,
    record::Step,
    register::{Account, Posting},
    time::Timestamp,
};

impl Payment {
    /// The relying party gives some of it back: from `Captured`, in the time that the policy gives.
    pub(crate) fn start_credit(
        self,
        amount: Amount,
        reference: BankReference,
        now: Timestamp,
    ) -> Result<Step<Self>, Error> {
        let PaymentState::Captured(capture) = self.state.clone() else {
            return Err(self.not_now());
        };
        if now >= self.creditable_until(&capture) {
            return Err(self.not_now());
        }
        let is_other = amount.currency() != capture.amount.currency();
        if is_other || amount.amount_minor() > capture.left_minor() {
            return Err(
                InvalidInput::new(Field::Amount, "is more than is left of the capture").into()
            );
        }
        let asked = Event::CreditAsked { amount };
        let crediting = self.with(PaymentState::Crediting { capture, amount, reference });
        match crediting.plan.bank {
            // What no bank debited, no bank gives back: it is posted, as the debit was.
            BankTurn::Skip => Ok(crediting.credited(now)?.after(asked)),
            BankTurn::First | BankTurn::Last => Ok(Step::new(crediting.leased(now), asked)),
        }
    }

    /// The bank has given it back, which is posted: from `Crediting`.
    pub(crate) fn credited(self, now: Timestamp) -> Result<Step<Self>, Error> {
        let PaymentState::Crediting { capture, amount, reference } = self.state.clone() else {
            return Err(self.not_now());
        };
        let capture = capture.with_credit(amount, reference);
        let posting = Posting::credit(
            &self.id,
            capture.credits,
            Account::relying_party(&self.relying_party),
            Account::payer(&self.person.identifier),
            amount,
            now,
        );
        let rests = self.rests(capture, now);
        Ok(Step::new(rests, Event::PaymentCredited { amount }).posting(posting))
    }

    /// The bank refuses to give it back: from `Crediting`.
    pub(crate) fn credit_refused(
        self,
        response: ResponseCode,
        now: Timestamp,
    ) -> Result<Step<Self>, Error> {
        let PaymentState::Crediting { capture, .. } = self.state.clone() else {
            return Err(self.not_now());
        };
        Ok(Step::new(self.rests(capture, now), Event::CreditRefused { response }))
    }

    /// It is not given back, as a person confirms: from `Crediting`.
    pub(crate) fn not_credited(self, now: Timestamp) -> Result<Step<Self>, Error> {
        let PaymentState::Crediting { capture, .. } = self.state.clone() else {
            return Err(self.not_now());
        };
        Ok(Step::silent(self.rests(capture, now)))
    }

    /// The relying party wants a credit of that amount undone, as a whole: from `Captured`, in the time that the policy gives
    /// for credits.
    pub(crate) fn start_credit_reversal(
        self,
        amount: Amount,
        now: Timestamp,
    ) -> Result<Step<Self>, Error> {
        let PaymentState::Captured(capture) = self.state.clone() else {
            return Err(self.not_now());
        };
        if now >= self.creditable_until(&capture) {
            return Err(self.not_now());
        }
        let Some(credit) = capture.reversible(amount).cloned() else {
            return Err(InvalidInput::new(Field::Amount, "is not that of a credit").into());
        };
        let asked = Event::CreditReversalAsked { amount };
        let reversing = self.with(PaymentState::ReversingCredit { capture, credit });
        match reversing.plan.bank {
            BankTurn::Skip => Ok(reversing.credit_reversed(now)?.after(asked)),
            BankTurn::First | BankTurn::Last => Ok(Step::new(reversing.leased(now), asked)),
        }
    }

    /// The bank has debited again what it gave back, which is posted: from `ReversingCredit`.
    pub(crate) fn credit_reversed(self, now: Timestamp) -> Result<Step<Self>, Error> {
        let PaymentState::ReversingCredit { capture, credit } = self.state.clone() else {
            return Err(self.not_now());
        };
        let amount = credit.amount;
        let posting = Posting::credit_reversal(
            &self.id,
            credit.number,
            Account::payer(&self.person.identifier),
            Account::relying_party(&self.relying_party),
            amount,
            now,
        );
        let rests = self.rests(capture.without_credit(&credit), now);
        Ok(Step::new(rests, Event::CreditReversed { amount }).posting(posting))
    }

    /// The bank refuses to debit it again: from `ReversingCredit`.
    pub(crate) fn credit_reversal_refused(
        self,
        response: ResponseCode,
        now: Timestamp,
    ) -> Result<Step<Self>, Error> {
        let PaymentState::ReversingCredit { capture, .. } = self.state.clone() else {
            return Err(self.not_now());
        };
        Ok(Step::new(self.rests(capture, now), Event::CreditReversalRefused { response }))
    }

    /// It is not debited again, as a person confirms: from `ReversingCredit`.
    pub(crate) fn credit_not_reversed(self, now: Timestamp) -> Result<Step<Self>, Error> {
        let PaymentState::ReversingCredit { capture, .. } = self.state.clone() else {
            return Err(self.not_now());
        };
        Ok(Step::silent(self.rests(capture, now)))
    }
}

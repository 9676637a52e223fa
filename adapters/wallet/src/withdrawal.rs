//! The state machine of a movement from a wallet to a card, pure.
//!
//! ```text
//!   hold --> Pending --- the bank credits the card, or a person confirms it ---> Done
//!             |  |  ^
//!             |  +--+ not answered, or refused after an answer was lost: told again, ever later, then stuck
//!             v
//!          NotMade    refused at once, or a person confirms that it is not credited
//! ```

use countersign_domain::{
    bank::BankReference,
    error::Error,
    event::Event,
    id::RelyingPartyId,
    keys::SealedCard,
    payment::{Stuck, in_vain},
    record::Step,
    refusal::VoidCause,
    settlement::{BankOperation, Because, InVain, Settlement, Told},
    time::Timestamp,
};

use crate::{
    purchase::with,
    purse::Movement,
    record::{Direction, NotPaid, Transfer, TransferState},
};

type Transition = Result<Step<Transfer>, Error>;

impl Transfer {
    /// By which the bank knows it, and the card that it is told of; as long as it is to be told.
    pub(crate) const fn on_its_way_out(&self) -> Option<(&BankReference, &SealedCard)> {
        match (&self.state, &self.direction) {
            (TransferState::Pending, Direction::Out { reference, sealed, .. }) => {
                Some((reference, sealed))
            }
            (
                TransferState::Pending | TransferState::Done { .. } | TransferState::NotMade { .. },
                Direction::In { .. } | Direction::Out { .. },
            ) => None,
        }
    }

    /// A process takes it up, which another may have left in the middle of a question.
    pub(crate) fn taken_up(self) -> Self {
        self.telling(Told::taken_up)
    }

    /// Whether the bank may have done it already, for all that is known.
    pub(crate) const fn may_be_done(&self) -> bool {
        match &self.direction {
            Direction::In { .. } => false,
            Direction::Out { told, .. } => told.asked_before(),
        }
    }

    /// The bank did not do it: it is told again, or a person must look.
    pub(crate) fn in_vain(self, cause: &InVain, now: Timestamp) -> Transition {
        let told = self.told()?;
        let next = |told, next_at| Self { next_at, ..self.telling(|_| told) };
        Ok(in_vain((BankOperation::Credit, told), cause, now, next))
    }

    /// The card is credited.
    pub(crate) fn withdrawn(self, balance_minor: u64, now: Timestamp) -> Transition {
        self.told()?;
        let postings = self.movement(now).withdrawn(&self.wallet, &self.holder)?;
        let event = Event::PaymentCredited { amount: self.amount };
        let done = self.ended(TransferState::Done { balance_minor, at: now });
        Ok(with(Step::new(done, event), postings))
    }

    /// It is not, and will not be.
    pub(crate) fn not_withdrawn(self, cause: NotPaid, now: Timestamp) -> Transition {
        self.told()?;
        let postings = self.movement(now).not_withdrawn(&self.wallet, &self.card)?;
        let not_made = self.ended(TransferState::NotMade { cause, at: now });
        Ok(with(Step::new(not_made, Event::PaymentVoided), postings))
    }

    /// Its place in the list of those at which a person must look, if it is stuck.
    pub(crate) fn stuck(&self, house: &RelyingPartyId) -> Option<Stuck> {
        let (Direction::Out { reference, told, .. }, true) = (&self.direction, self.is_stuck())
        else {
            return None;
        };
        let asked = (BankOperation::Credit, reference);
        Stuck::of(self.id.to_string(), asked, house.clone(), told)
    }

    /// A person wants the bank to be told again, from the first pause on: of one that is stuck.
    pub(crate) fn told_again(self, now: Timestamp) -> Transition {
        if !self.is_stuck() {
            return Err(self.not_now());
        }
        let next = Self { next_at: Some(now), ..self.telling(Told::from_the_start) };
        Ok(Step::new(next, Event::RetryAsked { operation: BankOperation::Credit }))
    }

    /// A person confirms what became of it: of one that is stuck.
    pub(crate) fn settled(
        self,
        settlement: Settlement,
        because: Because,
        balance_minor: u64,
        now: Timestamp,
    ) -> Transition {
        if !self.is_stuck() {
            return Err(self.not_now());
        }
        let step = match settlement {
            Settlement::Credited => self.withdrawn(balance_minor, now)?,
            Settlement::NotCredited => {
                let refused = self.told()?.tries().and_then(|tries| tries.response.clone());
                let interrupted = NotPaid::Voided { cause: VoidCause::Interrupted };
                let cause = refused.map_or(interrupted, |response| NotPaid::Bank { response });
                self.not_withdrawn(cause, now)?
            }
            Settlement::Captured
            | Settlement::Voided
            | Settlement::CreditReversed
            | Settlement::CreditNotReversed => return Err(self.not_now()),
        };
        Ok(step.after(Event::PaymentSettled { settlement, because }))
    }

    /// Nobody tells the bank any more.
    const fn is_stuck(&self) -> bool {
        self.on_its_way_out().is_some() && self.next_at.is_none()
    }

    pub(crate) fn movement(&self, at: Timestamp) -> Movement<'_> {
        Movement { id: self.id.as_str(), amount: self.amount, at }
    }

    fn told(&self) -> Result<Told, Error> {
        match &self.direction {
            Direction::Out { told, .. } if self.on_its_way_out().is_some() => Ok(told.clone()),
            Direction::In { .. } | Direction::Out { .. } => Err(self.not_now()),
        }
    }

    fn telling(self, next: impl FnOnce(Told) -> Told) -> Self {
        let direction = match self.direction {
            Direction::Out { reference, sealed, told } => {
                Direction::Out { reference, sealed, told: next(told) }
            }
            comes_in @ Direction::In { .. } => comes_in,
        };
        Self { direction, ..self }
    }

    fn ended(self, state: TransferState) -> Self {
        Self { state, next_at: None, ..self }
    }
}

//! The state machine of a ticket's payment, pure.
//!
//! ```text
//!   wallet: hold --> Pending ------ code -----------> Paid
//!                       | refused, late, cancelled
//!                       v
//!                    NotPaid --another try--> Pending
//!                       ^
//!                       | declined, voided
//!   card: ask ----> Pending ------ captured --------> Paid
//! ```
//!
//! A transition gives the next state with its facts and postings. What is posted names ticket and try, and the posting that
//! ends a hold has one name whatever ends it: a hold ends once.

use countersign_domain::{
    challenge::Verified,
    error::Error,
    event::Event,
    id::ChallengeId,
    invalid::InvalidInput,
    ports::{Entropy, EntropyError},
    record::Step,
    refusal::{Refusal, VoidCause},
    register::Posting,
    time::Timestamp,
};

use crate::{
    error::WalletError,
    house::House,
    jws::KeyFault,
    message::{CodeTyped, Elements, Receipt, ReceiptNumber, WalletNumber},
    purse::{Limits, Movement},
    record::{NotPaid, Purchase, PurchaseState, Way},
};

type Transition = Result<Step<Purchase>, Error>;

impl Purchase {
    /// The amount is held, and the person is asked for the code: a try from a wallet begins.
    pub(crate) fn hold(self, limits: &Limits, now: Timestamp) -> Result<Step<Self>, WalletError> {
        let (wallet, challenge, day) = self.held()?;
        let postings = self.movement(now, |movement| movement.hold(&wallet, day, limits))?;
        Ok(with(Step::new(self, Event::CodeAsked { challenge }), postings))
    }

    /// The code was typed, and that of this try.
    pub(crate) fn debit(
        self,
        proof: &Verified,
        receipt: String,
        balance_minor: u64,
        now: Timestamp,
    ) -> Transition {
        let (wallet, challenge, _) = self.held()?;
        if challenge != *proof.challenge() {
            return Err(self.not_now());
        }
        let merchant = &self.ticket.iss;
        let postings = self.movement(now, |movement| movement.debit(&wallet, merchant))?;
        let amount = self.transaction.amount();
        let balance_minor = Some(balance_minor);
        let paid = self.ended(PurchaseState::Paid { receipt, balance_minor, at: now });
        let step = Step::new(paid, Event::PaymentAgreed).and(Event::PaymentCaptured { amount });
        Ok(with(step, postings))
    }

    /// The code was not typed, and will not be.
    pub(crate) fn release(self, refusal: &Refusal, now: Timestamp) -> Transition {
        let (wallet, _, day) = self.held()?;
        let postings = self.movement(now, |movement| movement.release(&wallet, day))?;
        let cause = NotPaid::Code { refusal: refusal.clone() };
        let ended = self.ended(PurchaseState::NotPaid { cause, at: now });
        let cause = VoidCause::NotVerified { refusal: refusal.clone() };
        let step = Step::new(ended, Event::PaymentVoiding { cause }).and(Event::PaymentVoided);
        Ok(with(step, postings))
    }

    /// The bank captured the price. The card's payment has the facts of it.
    pub(crate) fn charge(self, house: &House, receipt: String, now: Timestamp) -> Transition {
        self.must_be_of_card()?;
        let merchant = &self.ticket.iss;
        let postings = self.movement(now, |movement| movement.charge(&house.party, merchant))?;
        let paid = self.ended(PurchaseState::Paid { receipt, balance_minor: None, at: now });
        Ok(with(Step::silent(paid), postings))
    }

    /// The bank captured nothing, and will not.
    pub(crate) fn give_up(self, cause: NotPaid, now: Timestamp) -> Transition {
        self.must_be_of_card()?;
        Ok(Step::silent(self.ended(PurchaseState::NotPaid { cause, at: now })))
    }

    /// The receipt that says that it is paid, and what was proved for it.
    ///
    /// # Errors
    /// When there is no randomness: for its number, and for its signature.
    pub(crate) fn receipt(
        &self,
        house: &House,
        elements: Elements,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<String, EntropyError> {
        let receipt = Receipt {
            iss: house.origin.clone(),
            aud: self.ticket.iss.clone(),
            jti: ReceiptNumber::random(entropy)?,
            iat: now.into(),
            ticket: self.ticket.jti.clone(),
            ticket_sha256: self.ticket_sha256.clone(),
            amount_minor: self.ticket.amount_minor,
            currency: self.ticket.currency,
            elements: Some(elements),
        };
        house.key.sign(&receipt).map_err(|KeyFault| EntropyError)
    }

    /// Whether the code was joined to this, and to nothing else (F12.5).
    pub(crate) fn is_of(&self, typed: &CodeTyped) -> bool {
        self.id == typed.payment
            && self.ticket_sha256 == typed.ticket_sha256
            && self.ticket.iss == typed.merchant
            && self.ticket.amount_minor == typed.amount_minor
            && self.ticket.currency == typed.currency
    }

    fn ended(self, state: PurchaseState) -> Self {
        Self { state, next_at: None, ..self }
    }

    fn held(&self) -> Result<(WalletNumber, ChallengeId, u64), Error> {
        match (&self.state, &self.current.way) {
            (PurchaseState::Pending, Way::Wallet { wallet, challenge, day }) => {
                Ok((wallet.clone(), challenge.clone(), *day))
            }
            (
                PurchaseState::Pending | PurchaseState::Paid { .. } | PurchaseState::NotPaid { .. },
                Way::Wallet { .. } | Way::Card { .. },
            ) => Err(self.not_now()),
        }
    }

    fn must_be_of_card(&self) -> Result<(), Error> {
        match (&self.state, &self.current.way) {
            (PurchaseState::Pending, Way::Card { .. }) => Ok(()),
            (
                PurchaseState::Pending | PurchaseState::Paid { .. } | PurchaseState::NotPaid { .. },
                Way::Wallet { .. } | Way::Card { .. },
            ) => Err(self.not_now()),
        }
    }

    fn movement<E: From<InvalidInput>>(
        &self,
        at: Timestamp,
        postings: impl FnOnce(Movement<'_>) -> Result<Vec<Posting>, E>,
    ) -> Result<Vec<Posting>, E> {
        let id = format!("{}/{}", self.id, self.earlier.len());
        postings(Movement { id: &id, amount: self.transaction.amount(), at })
    }
}

/// The same, with postings.
pub(crate) fn with<T>(step: Step<T>, postings: Vec<Posting>) -> Step<T> {
    postings.into_iter().fold(step, Step::posting)
}

//! The payment gateway: runs a payment from the selection to its end, through bank and verifier.
//!
//! Patent: *logiciel de télépaiement* 1103, 1303.

mod awaited;
mod start;
mod stuck;
mod told;

use std::sync::Arc;

use tracing::{Instrument as _, Span, field::display, info_span};

use self::{awaited::is_there, start::Payer};
use crate::{
    amount::Amount,
    bank::{ApprovalCode, BankError, BankReference, BankRequest, Decision},
    challenge::{Challenge, ChallengeRequest},
    element::Element,
    error::Error,
    id::{ChallengeId, PaymentId, SessionId},
    limits,
    payment::{Payment, PaymentRequest, PaymentState},
    ports::{IssuingBank, MAX_CONTENTION, Ports},
    record::{Batch, Step, StoreError, Stored, Version, Versioned},
    refusal::{Outcome, Refusal, VoidCause},
    response::Response,
    time::Timestamp,
    verifier::Verifier,
};
pub use awaited::AwaitedPayments;
pub use stuck::StuckPayments;

/// Steps that one call takes a payment: more than any way from its start to its end has.
const MAX_STEPS: usize = 16;

/// Runs payments. Holds no state of its own: any process with the same store, keys and bank can resume what another
/// began, see [`Gateway::resume_one`].
pub struct Gateway {
    ports: Ports,
    bank: Arc<dyn IssuingBank>,
    verifier: Arc<Verifier>,
}

impl Gateway {
    /// A gateway over those ports and that bank. Its verifier must know the payments that wait, see [`AwaitedPayments`].
    pub const fn new(ports: Ports, bank: Arc<dyn IssuingBank>, verifier: Arc<Verifier>) -> Self {
        Self { ports, bank, verifier }
    }

    /// Plans (C23), then asks the bank and the person as the plan says. Returns the payment when the person or the relying
    /// party has the next action, or at its end. The caller's `batch` is committed together with the payment's first record.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the caller's batch is out of date; otherwise when a port fails. What the bank does
    /// not answer is no error: the payment is voided.
    pub async fn start_payment(
        &self,
        request: PaymentRequest,
        batch: Batch,
    ) -> Result<Payment, Error> {
        self.start(request, batch, Payer::Known).await
    }

    /// The same where the payer may not be told whether he or she is known (ASVS 6.3.8). The payment of one who is not, or not
    /// with that card, or whose number no message goes to, waits for a code that nobody gets, and all else is as for others. For
    /// one who is not known the bank is never asked.
    ///
    /// # Errors
    /// As [`Self::start_payment`].
    pub async fn start_untold_payment(
        &self,
        request: PaymentRequest,
        is_known: bool,
        batch: Batch,
    ) -> Result<Payment, Error> {
        let payer = if is_known { Payer::Untold } else { Payer::Nobody };
        self.start(request, batch, payer).await
    }

    /// Checks what was typed back, and takes the payment to its end when it corresponds.
    ///
    /// # Errors
    /// [`Error::NotNow`] when no code was asked for, and when a port fails.
    pub async fn finish_payment(
        &self,
        payment: &Payment,
        session: &SessionId,
        response: impl Into<Response>,
    ) -> Result<Outcome<Payment>, Error> {
        let challenge = challenge_of(payment)?;
        match self.verifier.finish_challenge(challenge, session, response).await? {
            Outcome::Done(_) => {
                let agreed = self.ports.store.expect(payment.id().as_str()).await?;
                Ok(Outcome::Done(self.advance(agreed).await?))
            }
            Outcome::Refused(refusal) => {
                // What the refusal ended is voided at once. A right code may be at work on it: then it is not due.
                self.take_over(payment.id()).await?;
                Ok(Outcome::Refused(refusal))
            }
        }
    }

    /// Sends the code once more.
    ///
    /// # Errors
    /// [`Error::NotNow`] when no code was asked for, and when a port fails.
    pub async fn resend_code(
        &self,
        payment: &Payment,
        session: &SessionId,
    ) -> Result<Outcome<Challenge>, Error> {
        self.verifier.resend(challenge_of(payment)?, session).await
    }

    /// Captures a payment that was to be captured later: all of what is held, or a part, the rest of which is released. The
    /// caller's `batch`, such as the answer to an idempotency key, is committed together with the first step.
    ///
    /// # Errors
    /// [`Error::NotNow`] when it is not authorized or not held any more, [`Error::Invalid`] when more is asked than is held,
    /// [`StoreError::Conflict`] when it is changed at the same time, and when a port fails.
    pub async fn capture_payment(
        &self,
        id: &PaymentId,
        amount: Amount,
        batch: Batch,
    ) -> Result<Payment, Error> {
        self.begin_step(id, batch, |payment, now| payment.start_capture(amount, now)).await
    }

    /// Gives back some or all of what was captured, as long as the policy's `credit_days` last. The caller's `batch` is
    /// committed together with the first step: a credit has no state that keeps it from being asked for twice.
    ///
    /// # Errors
    /// [`Error::NotNow`] when nothing can be credited, [`Error::Invalid`] when more is asked than is left,
    /// [`StoreError::Conflict`] when it is changed at the same time, and when a port fails.
    pub async fn credit_payment(
        &self,
        id: &PaymentId,
        amount: Amount,
        batch: Batch,
    ) -> Result<Credit, Error> {
        let Ports { entropy, clock, .. } = &self.ports;
        let reference = BankReference::random(entropy.as_ref(), clock.now())?;
        let start = |payment: Payment, now| payment.start_credit(amount, reference, now);
        self.begin_credit(id, batch, start).await
    }

    /// Undoes a credit of that amount as a whole, as long as the policy's `credit_days` last. The caller's `batch` is
    /// committed together with the first step.
    ///
    /// # Errors
    /// [`Error::NotNow`] when nothing can be credited, [`Error::Invalid`] when there is no such credit,
    /// [`StoreError::Conflict`] when it is changed at the same time, and when a port fails.
    pub async fn reverse_credit(
        &self,
        id: &PaymentId,
        amount: Amount,
        batch: Batch,
    ) -> Result<Credit, Error> {
        let start = |payment: Payment, now| payment.start_credit_reversal(amount, now);
        self.begin_credit(id, batch, start).await
    }

    /// Begins a credit or its reversal; what is credited in all says whether it was done.
    async fn begin_credit(
        &self,
        id: &PaymentId,
        batch: Batch,
        step: impl FnOnce(Payment, Timestamp) -> Result<Step<Payment>, Error>,
    ) -> Result<Credit, Error> {
        let credited =
            |payment: &Payment| payment.state().capture().map(|capture| capture.credited_minor);
        let mut before = None;
        let start = |payment: Payment, now| {
            before = credited(&payment);
            step(payment, now)
        };
        let payment = self.begin_step(id, batch, start).await?;
        Ok(match payment.state() {
            PaymentState::Crediting { .. } | PaymentState::ReversingCredit { .. } => {
                Credit::UnderWay(payment)
            }
            _ if credited(&payment) == before => Credit::Refused(payment),
            _ => Credit::Done(payment),
        })
    }

    /// Commits the first step of what the relying party asks for, and takes the payment on from there.
    async fn begin_step(
        &self,
        id: &PaymentId,
        mut batch: Batch,
        step: impl FnOnce(Payment, Timestamp) -> Result<Step<Payment>, Error>,
    ) -> Result<Payment, Error> {
        let Ports { store, clock, .. } = &self.ports;
        let Versioned { version, value } = store.expect::<Payment>(id.as_str()).await?;
        let now = clock.now();
        let next = batch.step(version, step(value, now)?, now)?;
        store.commit(batch).await?;
        self.advance(next).await
    }

    /// Calls a payment off before it is captured; releases what the bank holds.
    ///
    /// # Errors
    /// [`Error::NotNow`] when it is too late for that, and when a port fails.
    pub async fn cancel_payment(&self, payment: &Payment) -> Result<Payment, Error> {
        if let Some(challenge) = payment.challenge() {
            is_there(self.verifier.cancel(challenge).await)?;
        }
        let payment = self.take_over(payment.id()).await?;
        match payment.state() {
            PaymentState::Voiding { .. } | PaymentState::Voided { .. } => Ok(payment),
            PaymentState::Authorized { .. } => {
                let call_off = |payment: Payment, now| {
                    let step = payment.void(VoidCause::CalledOff, now)?;
                    Ok(step.map(|next| next.leased(now)))
                };
                self.begin_step(payment.id(), Batch::default(), call_off).await
            }
            PaymentState::Authorizing { .. }
            | PaymentState::AwaitingCode { .. }
            | PaymentState::Capturing { .. }
            | PaymentState::Captured(_)
            | PaymentState::Crediting { .. }
            | PaymentState::ReversingCredit { .. }
            | PaymentState::Declined { .. } => Err(payment.not_now()),
        }
    }

    /// Up to `limit` payments that nobody is at, in the order in which they are to be resumed: whose person's time has run out,
    /// or whose process has crashed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn due(&self, limit: usize) -> Result<Vec<PaymentId>, Error> {
        let Ports { store, clock, .. } = &self.ports;
        let due = store.due(Payment::COLLECTION, clock.now(), limit).await?;
        due.into_iter().map(|record| Ok(record.key.id.try_into()?)).collect()
    }

    /// Resumes a payment that nobody is at; false when it cannot be yet, which is logged.
    pub async fn resume_one(&self, id: &PaymentId) -> bool {
        let resumed = self.take_over(id).await;
        if let Err(error) = &resumed {
            tracing::error!(payment = %id, %error, "cannot resume this payment yet");
        }
        resumed.is_ok()
    }

    /// The payment as it stands.
    ///
    /// # Errors
    /// [`Error::NotFound`], and when the store fails.
    pub async fn payment(&self, id: &PaymentId) -> Result<Payment, Error> {
        Ok(self.ports.store.expect::<Payment>(id.as_str()).await?.value)
    }

    /// The challenge that a payment waits or waited for.
    ///
    /// # Errors
    /// [`Error::NotNow`] when no code was asked for, and when the store fails.
    pub async fn challenge_of(&self, payment: &Payment) -> Result<Challenge, Error> {
        let challenge = challenge_of(payment)?;
        Ok(self.ports.store.expect::<Challenge>(challenge.as_str()).await?.value)
    }

    /// What was proved of the payer, before the code and by it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn elements_of(&self, payment: &Payment) -> Result<Vec<Element>, Error> {
        let mut elements = payment.elements().to_vec();
        if payment.challenge().is_some() {
            elements.extend_from_slice(self.challenge_of(payment).await?.elements());
        }
        Ok(elements)
    }

    /// Resumes a payment that nobody is at, as long as there is something to do: what was not agreed is voided, what was
    /// agreed is taken to its end.
    async fn take_over(&self, id: &PaymentId) -> Result<Payment, Error> {
        loop {
            let found = self.ports.store.expect::<Payment>(id.as_str()).await?;
            if !found.value.is_due(self.ports.clock.now()) {
                return Ok(found.value);
            }
            let Some(leased) = self.lease(found).await? else { continue };
            match leased.value.state() {
                PaymentState::AwaitingCode { .. } => {
                    let expired = self.verifier.expire(challenge_of(&leased.value)?).await;
                    if !is_there(expired)? {
                        let cause = VoidCause::NotVerified { refusal: Refusal::Late };
                        self.void_and_release(leased, cause).await?;
                    }
                }
                PaymentState::Authorizing { agreed: false } => {
                    self.void_and_release(leased, VoidCause::Interrupted).await?;
                }
                PaymentState::Authorized { .. } => {
                    self.void_and_release(leased, VoidCause::NotCaptured).await?;
                }
                PaymentState::Captured(_) => {
                    let step = leased.value.forget_card()?;
                    self.commit(leased.version, step, Batch::default()).await?;
                }
                PaymentState::Authorizing { agreed: true }
                | PaymentState::Capturing { .. }
                | PaymentState::Crediting { .. }
                | PaymentState::ReversingCredit { .. }
                | PaymentState::Declined { .. }
                | PaymentState::Voiding { .. }
                | PaymentState::Voided { .. } => {
                    self.advance(leased).await?;
                }
            }
        }
    }

    async fn void_and_release(
        &self,
        leased: Versioned<Payment>,
        cause: VoidCause,
    ) -> Result<(), Error> {
        if let Next::Goes(voiding) = self.void(leased, cause).await? {
            self.advance(voiding).await?;
        }
        Ok(())
    }

    /// Takes a due payment for this process by a commit; `None` when another was faster.
    async fn lease(&self, found: Versioned<Payment>) -> Result<Option<Versioned<Payment>>, Error> {
        let now = self.ports.clock.now();
        let mut batch = Batch::default();
        let leased = batch.step(found.version, Step::silent(found.value.resumed(now)), now)?;
        match self.ports.store.commit(batch).await {
            Ok(()) => Ok(Some(leased)),
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Does what the payment's state asks of the bank, until the person has the next action or it is over.
    async fn advance(&self, mut found: Versioned<Payment>) -> Result<Payment, Error> {
        let id = found.value.id().clone();
        for _ in 0..MAX_STEPS {
            let span = span_of(&found.value);
            match self.next(found).instrument(span).await {
                Ok(Next::Goes(next)) => found = next,
                Ok(Next::Rests(payment)) => return Ok(payment),
                // Our lease ran out, and another process has taken over.
                Err(Error::Store(StoreError::Conflict { .. })) => return self.payment(&id).await,
                Err(error) => return Err(error),
            }
        }
        Err(Error::Contention)
    }

    async fn next(&self, found: Versioned<Payment>) -> Result<Next, Error> {
        let state = found.value.state().clone();
        if !state.asks_bank() {
            return Ok(Next::Rests(found.value));
        }
        let request = match self.bank_request(&found.value) {
            Ok(request) => request,
            // Only a person puts a key back.
            Err(Error::Sealed | Error::UnknownKey(_)) => return self.cannot_ask(found).await,
            Err(error) => return Err(error),
        };
        match state {
            PaymentState::Authorizing { agreed } => self.authorize(found, &request, agreed).await,
            PaymentState::Capturing { approval, amount } => {
                self.capture(found, &request, &approval, amount).await
            }
            PaymentState::Crediting { amount, reference, .. } => {
                let request = credit_request(request, amount, reference);
                self.credit(found, &request).await
            }
            PaymentState::ReversingCredit { credit, .. } => {
                let request = credit_request(request, credit.amount, credit.reference);
                self.undo_credit(found, &request).await
            }
            PaymentState::Voiding { approval, .. } => {
                self.release(found, &request, approval.as_ref()).await
            }
            PaymentState::AwaitingCode { .. }
            | PaymentState::Authorized { .. }
            | PaymentState::Captured(_)
            | PaymentState::Declined { .. }
            | PaymentState::Voided { .. } => Ok(Next::Rests(found.value)),
        }
    }

    async fn authorize(
        &self,
        found: Versioned<Payment>,
        request: &BankRequest,
        agreed: bool,
    ) -> Result<Next, Error> {
        let decision = self.bank.authorize(request).await;
        let now = self.ports.clock.now();
        let step = match decision {
            Ok(Decision::Approved { approval }) if agreed => {
                found.value.authorized(approval, now)?
            }
            Ok(Decision::Approved { approval }) => return self.ask_code(found, &approval).await,
            Ok(Decision::Declined { response }) if found.value.told.asked_before() => {
                let payment = found.value.id().clone();
                let next = self.void(found, VoidCause::Interrupted).await?;
                tracing::warn!(%payment, %response, "declined only when asked again: the payment is voided");
                return Ok(next);
            }
            Ok(Decision::Declined { response }) => found.value.declined(response, now)?,
            Err(error) => {
                let payment = found.value.id().clone();
                let next = self.void(found, VoidCause::Interrupted).await?;
                tracing::warn!(%payment, %error, "the bank did not answer: the payment is voided");
                return Ok(next);
            }
        };
        self.commit(found.version, step, Batch::default()).await
    }

    /// Asks the person for what the bank holds; when that is refused, it is released.
    async fn ask_code(
        &self,
        found: Versioned<Payment>,
        approval: &ApprovalCode,
    ) -> Result<Next, Error> {
        for _ in 0..MAX_CONTENTION {
            let mut batch = Batch::default();
            let asked = ChallengeRequest::of(&found.value);
            let asked = match self.verifier.add_challenge(asked, &mut batch).await? {
                Outcome::Done(challenge) => {
                    let step = found.value.clone().ask_code(Some(approval.clone()), &challenge)?;
                    Outcome::of(self.commit(found.version, step, batch).await)
                }
                Outcome::Refused(refusal) => Ok(Outcome::Refused(refusal)),
            };
            match asked {
                Ok(Outcome::Done(next)) => return Ok(next),
                Ok(Outcome::Refused(refusal)) => {
                    return self.void(found, VoidCause::NotVerified { refusal }).await;
                }
                Err(error) if limits::is_contended(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Contention)
    }

    /// The debit and its posting are one batch: an amount is posted once, however often the bank is told.
    async fn capture(
        &self,
        found: Versioned<Payment>,
        request: &BankRequest,
        approval: &ApprovalCode,
        amount: Amount,
    ) -> Result<Next, Error> {
        match self.bank.capture(request, approval, amount).await {
            Ok(()) => {
                let step = found.value.captured(self.ports.clock.now())?;
                self.commit(found.version, step, Batch::default()).await
            }
            Err(BankError::Refused { response }) => {
                self.void(found, VoidCause::CaptureRefused { response }).await
            }
            Err(error @ (BankError::Unreachable { .. } | BankError::Unknown { .. })) => {
                self.later(found, &error.into()).await
            }
        }
    }

    /// As a capture: what is given back is posted once, however often the bank is told.
    async fn credit(
        &self,
        found: Versioned<Payment>,
        request: &BankRequest,
    ) -> Result<Next, Error> {
        let now = self.ports.clock.now();
        let step = match self.bank.credit(request).await {
            Ok(()) => found.value.credited(now)?,
            // What was asked before may have been done: then a refusal is the answer to the repeat.
            Err(BankError::Refused { response }) if !found.value.told.asked_before() => {
                found.value.credit_refused(response, now)?
            }
            Err(error) => return self.later(found, &error.into()).await,
        };
        self.commit(found.version, step, Batch::default()).await
    }

    /// As a credit, the other way round.
    async fn undo_credit(
        &self,
        found: Versioned<Payment>,
        request: &BankRequest,
    ) -> Result<Next, Error> {
        let now = self.ports.clock.now();
        let step = match self.bank.reverse_credit(request).await {
            Ok(()) => found.value.credit_reversed(now)?,
            Err(BankError::Refused { response }) if !found.value.told.asked_before() => {
                found.value.credit_reversal_refused(response, now)?
            }
            Err(error) => return self.later(found, &error.into()).await,
        };
        self.commit(found.version, step, Batch::default()).await
    }

    async fn release(
        &self,
        found: Versioned<Payment>,
        request: &BankRequest,
        approval: Option<&ApprovalCode>,
    ) -> Result<Next, Error> {
        match self.bank.void(request, approval).await {
            Ok(()) => {
                let step = found.value.voided(self.ports.clock.now())?;
                self.commit(found.version, step, Batch::default()).await
            }
            Err(error) => self.later(found, &error.into()).await,
        }
    }

    async fn void(&self, found: Versioned<Payment>, cause: VoidCause) -> Result<Next, Error> {
        let now = self.ports.clock.now();
        let step = found.value.void(cause, now)?.map(|voiding| voiding.leased(now));
        self.commit(found.version, step, Batch::default()).await
    }

    async fn commit(
        &self,
        version: Version,
        step: Step<Payment>,
        mut batch: Batch,
    ) -> Result<Next, Error> {
        let next = batch.step(version, step, self.ports.clock.now())?;
        self.ports.store.commit(batch).await?;
        Ok(Next::Goes(next))
    }

    fn bank_request(&self, payment: &Payment) -> Result<BankRequest, Error> {
        let sealed = payment.sealed_card.as_ref().ok_or(Error::Sealed)?;
        let card = self.ports.keys.open_card(sealed, payment.id().as_str())?;
        let (transaction, relying_party) = (payment.transaction(), payment.relying_party.clone());
        Ok(BankRequest::new(
            payment.bank.clone(),
            card,
            transaction.amount(),
            transaction.payee().clone(),
            relying_party,
        ))
    }
}

/// A credit is another message than the purchase.
fn credit_request(purchase: BankRequest, amount: Amount, reference: BankReference) -> BankRequest {
    let BankRequest { card, payee, relying_party, .. } = purchase;
    BankRequest::new(reference, card, amount, payee, relying_party)
}

fn challenge_of(payment: &Payment) -> Result<&ChallengeId, Error> {
    payment.challenge().ok_or_else(|| payment.not_now())
}

/// What drivers log while they are at a payment is said to be of it.
fn span_of(payment: &Payment) -> Span {
    let correlation = payment.correlation.as_ref().map(display);
    info_span!("payment", payment = %payment.id(), correlation)
}

/// What became of a credit, or of its reversal.
#[derive(Clone, Debug)]
#[must_use]
pub enum Credit {
    /// It is given back, or debited again, and posted.
    Done(Payment),
    /// The bank refuses; its response is in the payment's facts.
    Refused(Payment),
    /// The bank did not answer, and is told again.
    UnderWay(Payment),
}

/// What one step of [`Gateway::advance`] came to.
enum Next {
    /// The payment has another state now.
    Goes(Versioned<Payment>),
    /// There is nothing to do now: the person has the next action, it is over, or the bank is told later.
    Rests(Payment),
}

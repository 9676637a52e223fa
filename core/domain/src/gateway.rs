//! The payment gateway: runs a payment from the selection to its end, through bank and verifier.
//!
//! Patent: *logiciel de télépaiement* 1103, 1303.

use std::sync::Arc;

use tracing::{Instrument as _, Span, field::display, info_span};

#[doc(hidden)]
pub use crate::purchase::{Payer, Purchase};
use crate::{
    agreement::Purpose,
    bank::{ApprovalCode, BankError, BankReference, BankRequest, Decision},
    challenge::Challenge,
    code::TypedCode,
    error::Error,
    event::Event,
    id::{PaymentId, SessionId},
    keys::KeyRing,
    payment::{Payment, PaymentState},
    plan::{Order, Selection},
    policy::Policy,
    ports::{Clock, IssuingBank, Store},
    randomness::Entropy,
    record::{Batch, StoreError, Stored, Versioned},
    refusal::{Refusal, VoidCause},
    time::Timestamp,
    verifier::{Answer, ChallengeRequest, MAX_CONTENTION, Verifier, end},
};

/// Seconds after which a bank that did not take a capture or a void is told again.
const RETRY_SECONDS: u32 = 15;

/// Runs payments. Holds no state of its own: any process with the same store, keys and bank can go on with what another
/// began, see [`Gateway::resume`].
pub struct Gateway {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    bank: Arc<dyn IssuingBank>,
    keys: Arc<KeyRing>,
    policy: Policy,
    verifier: Verifier,
}

impl Gateway {
    /// A gateway over those ports, under that policy.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        bank: Arc<dyn IssuingBank>,
        keys: Arc<KeyRing>,
        policy: Policy,
    ) -> Self {
        let (for_store, for_clock, for_entropy) =
            (Arc::clone(&store), Arc::clone(&clock), Arc::clone(&entropy));
        let verifier =
            Verifier::new(for_store, for_clock, for_entropy, Arc::clone(&keys), policy.clone());
        Self { store, clock, entropy, bank, keys, policy, verifier }
    }

    /// Selects (C23), then asks the bank and the person in the policy's order. Returns the payment when the person has
    /// the next action, or at its end. The caller's `batch` is committed together with the payment's first record.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the caller's batch is out of date; otherwise when a port fails. What the bank does
    /// not answer is no error: the payment is voided.
    pub async fn start_payment(
        &self,
        purchase: Purchase,
        mut batch: Batch,
    ) -> Result<Payment, Error> {
        let now = self.clock.now();
        let id = purchase.payment.clone();
        let card = self.keys.seal_card(&purchase.payer.card, id.as_str(), self.entropy.as_ref())?;
        let bank = BankReference::random(self.entropy.as_ref(), now)?;
        let exempt = self.policy.select(&purchase.transaction);
        let mut payment = Payment::new(purchase, self.policy.limits().order, card, bank);
        if let Some(exempt) = exempt {
            payment = payment.exempted(exempt);
        }
        let (amount, selection, card) =
            (payment.transaction().amount(), payment.selection(), payment.card().clone());
        let started = Event::PaymentStarted { amount, selection, card };
        batch.fact(payment.key(), now, started);
        if (selection, payment.order) == (Selection::Secured, Order::CodeFirst) {
            payment = self.ask_code(payment, None, &mut batch)?;
        }
        batch.insert(&payment)?;
        self.store.commit(batch).await?;
        self.advance(&id).await
    }

    /// Checks what was typed back, and takes the payment to its end when it corresponds.
    ///
    /// # Errors
    /// [`Error::NotNow`] when no code was asked for, and when a port fails.
    pub async fn finish_payment(
        &self,
        id: &PaymentId,
        session: &SessionId,
        typed: &TypedCode,
    ) -> Result<(Payment, Option<Refusal>), Error> {
        let challenge = self.challenge_of(id).await?;
        let answer = self.verifier.finish_challenge(challenge.id(), session, typed).await?;
        match answer {
            Answer::Verified(_) => Ok((self.advance(id).await?, None)),
            // Whoever typed the right code may still be at it.
            Answer::Refused(refusal) => Ok((self.take_over(id).await?, Some(refusal))),
        }
    }

    /// Sends the same code once more.
    ///
    /// # Errors
    /// [`Error::NotNow`] when no code was asked for, and when a port fails.
    pub async fn resend_code(
        &self,
        id: &PaymentId,
        session: &SessionId,
    ) -> Result<Result<Challenge, Refusal>, Error> {
        let challenge = self.challenge_of(id).await?;
        self.verifier.resend(challenge.id(), session).await
    }

    /// Calls a payment off before the person has agreed; releases what the bank holds.
    ///
    /// # Errors
    /// [`Error::NotNow`] when it is too late for that, and when a port fails.
    pub async fn cancel_payment(&self, id: &PaymentId) -> Result<Payment, Error> {
        let challenge = self.challenge_of(id).await?;
        self.end_challenge(&challenge, |challenge, now| challenge.refuse(Refusal::Cancelled, now))
            .await?;
        let payment = self.take_over(id).await?;
        match payment.state() {
            PaymentState::Voiding { .. } | PaymentState::Voided { .. } => Ok(payment),
            _ => Err(payment.not_now()),
        }
    }

    /// Goes on with up to `limit` payments that nobody else is at: whose person's time has run out, or whose process
    /// has died. Returns how many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume(&self, limit: usize) -> Result<usize, Error> {
        let due = self.store.due(Payment::COLLECTION, self.clock.now(), limit).await?;
        for record in &due {
            if let Err(error) = self.take_over(&record.key.id.clone().try_into()?).await {
                tracing::error!(payment = record.key.id, %error, "cannot go on with this payment yet");
            }
        }
        Ok(due.len())
    }

    /// The payment as it stands.
    ///
    /// # Errors
    /// [`Error::NotFound`], and when the store fails.
    pub async fn payment(&self, id: &PaymentId) -> Result<Payment, Error> {
        Ok(self.store.expect::<Payment>(id.as_str()).await?.value)
    }

    /// The challenge that a payment waits or waited for.
    ///
    /// # Errors
    /// [`Error::NotNow`] when no code was asked for, and when the store fails.
    pub async fn challenge_of(&self, id: &PaymentId) -> Result<Challenge, Error> {
        let payment = self.payment(id).await?;
        let challenge = payment.challenge().ok_or_else(|| payment.not_now())?;
        Ok(self.store.expect::<Challenge>(challenge.as_str()).await?.value)
    }

    /// Goes on with a payment that nobody else is at, as long as there is something to do: what was not agreed is
    /// voided, what was agreed is taken to its end.
    async fn take_over(&self, id: &PaymentId) -> Result<Payment, Error> {
        while let Some(leased) = self.lease(id).await? {
            match leased.value.state() {
                PaymentState::AwaitingCode { .. } => {
                    let challenge = self.challenge_of(id).await?;
                    self.end_challenge(&challenge, Challenge::expire).await?;
                }
                PaymentState::Authorizing { agreed: false } => {
                    self.void(leased, VoidCause::Interrupted).await?;
                    self.advance(id).await?;
                }
                _ => {
                    self.advance(id).await?;
                }
            }
        }
        self.payment(id).await
    }

    /// Takes a due payment for this process by a commit; `None` when it is not due or somebody else was faster.
    async fn lease(&self, id: &PaymentId) -> Result<Option<Versioned<Payment>>, Error> {
        let now = self.clock.now();
        let Versioned { version, value } = self.store.expect::<Payment>(id.as_str()).await?;
        if !value.is_due(now) {
            return Ok(None);
        }
        let value = value.leased(now);
        let mut batch = Batch::default();
        let replaced = Versioned { version, value };
        batch.replace(&replaced)?;
        match self.store.commit(batch).await {
            Ok(()) => Ok(Some(Versioned { version: version.next(), value: replaced.value })),
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Does what the payment's state asks of the bank, until the person has the next action or it is over.
    async fn advance(&self, id: &PaymentId) -> Result<Payment, Error> {
        for _ in 0..MAX_CONTENTION {
            let found: Versioned<Payment> = self.store.expect(id.as_str()).await?;
            let span = span_of(&found.value);
            let stepped = match found.value.state().clone() {
                PaymentState::Authorizing { agreed } => {
                    self.authorize(found, agreed).instrument(span).await
                }
                PaymentState::Capturing { approval } => {
                    self.capture(found, &approval).instrument(span).await
                }
                PaymentState::Voiding { approval, .. } => {
                    self.release(found, approval.as_ref()).instrument(span).await
                }
                PaymentState::AwaitingCode { .. }
                | PaymentState::Captured { .. }
                | PaymentState::Declined { .. }
                | PaymentState::Voided { .. } => return Ok(found.value),
            };
            match stepped {
                Ok(Step::Done) => {}
                Ok(Step::Later(payment)) => return Ok(*payment),
                // Our lease ran out, and somebody else has taken over.
                Err(Error::Store(StoreError::Conflict { .. })) => return self.payment(id).await,
                Err(error) => return Err(error),
            }
        }
        Err(Error::Contention)
    }

    async fn authorize(&self, found: Versioned<Payment>, agreed: bool) -> Result<Step, Error> {
        let decision = self.bank.authorize(&self.bank_request(&found.value)?).await;
        let now = self.clock.now();
        let Versioned { version, value: payment } = found;
        let mut batch = Batch::default();
        let next = match decision {
            Ok(Decision::Approved { approval }) => {
                batch.fact(
                    payment.key(),
                    now,
                    Event::PaymentAuthorized { approval: approval.clone() },
                );
                if agreed {
                    payment.authorized(approval, now)?
                } else {
                    self.ask_code(payment, Some(approval), &mut batch)?
                }
            }
            Ok(Decision::Declined { response }) => {
                batch.fact(
                    payment.key(),
                    now,
                    Event::PaymentDeclined { response: response.clone() },
                );
                payment.declined(response, now)?
            }
            Err(error) => {
                tracing::warn!(payment = %payment.id(), %error, "no authorization");
                return self
                    .void(Versioned { version, value: payment }, VoidCause::Interrupted)
                    .await;
            }
        };
        batch.replace(&Versioned { version, value: next })?;
        self.store.commit(batch).await?;
        Ok(Step::Done)
    }

    /// The debit and its posting are one batch: an amount is posted once, whoever asks the bank how often.
    async fn capture(
        &self,
        found: Versioned<Payment>,
        approval: &ApprovalCode,
    ) -> Result<Step, Error> {
        match self.bank.capture(&self.bank_request(&found.value)?, approval).await {
            Ok(()) => {
                let now = self.clock.now();
                let (captured, posting) = found.value.captured(now)?;
                let mut batch = Batch::default();
                batch.post(posting);
                batch.fact(captured.key(), now, Event::PaymentCaptured);
                batch.replace(&Versioned { version: found.version, value: captured })?;
                self.store.commit(batch).await?;
                Ok(Step::Done)
            }
            Err(BankError::Refused { response }) => {
                self.void(found, VoidCause::CaptureRefused { response }).await
            }
            Err(error) => self.later(found, &error).await,
        }
    }

    async fn release(
        &self,
        found: Versioned<Payment>,
        approval: Option<&ApprovalCode>,
    ) -> Result<Step, Error> {
        match self.bank.void(&self.bank_request(&found.value)?, approval).await {
            Ok(()) => {
                let now = self.clock.now();
                let voided = found.value.voided(now)?;
                let mut batch = Batch::default();
                batch.fact(voided.key(), now, Event::PaymentVoided);
                batch.replace(&Versioned { version: found.version, value: voided })?;
                self.store.commit(batch).await?;
                Ok(Step::Done)
            }
            Err(error) => self.later(found, &error).await,
        }
    }

    async fn void(&self, found: Versioned<Payment>, cause: VoidCause) -> Result<Step, Error> {
        let now = self.clock.now();
        let voiding = found.value.void(cause.clone(), now)?.leased(now);
        let mut batch = Batch::default();
        batch.fact(voiding.key(), now, Event::PaymentVoiding { cause });
        batch.replace(&Versioned { version: found.version, value: voiding })?;
        self.store.commit(batch).await?;
        Ok(Step::Done)
    }

    /// Leaves the payment to [`Gateway::resume`].
    async fn later(&self, found: Versioned<Payment>, error: &BankError) -> Result<Step, Error> {
        tracing::warn!(payment = %found.value.id(), %error, "the bank will be told again");
        let next = found.value.later(self.clock.now().plus_seconds(RETRY_SECONDS));
        let mut batch = Batch::default();
        batch.replace(&Versioned { version: found.version, value: next.clone() })?;
        self.store.commit(batch).await?;
        Ok(Step::Later(Box::new(next)))
    }

    /// Ends a pending challenge, and with it the payment that waits for it.
    async fn end_challenge(
        &self,
        challenge: &Challenge,
        transition: impl Fn(Challenge, Timestamp) -> Option<Challenge> + Send + Sync,
    ) -> Result<(), Error> {
        for _ in 0..MAX_CONTENTION {
            let now = self.clock.now();
            let Versioned { version, value } =
                self.store.expect::<Challenge>(challenge.id().as_str()).await?;
            let Some(ended) = transition(value, now) else {
                return Ok(());
            };
            let refusal = ended.over().unwrap_or(Refusal::Cancelled);
            let mut batch = Batch::default();
            let ended = Versioned { version, value: ended };
            end(self.store.as_ref(), &ended, &refusal, now, &mut batch).await?;
            match self.store.commit(batch).await {
                Err(StoreError::Conflict { .. }) => {}
                committed => return Ok(committed?),
            }
        }
        Err(Error::Contention)
    }

    /// Adds a challenge with its message to the batch, for the payment to wait for.
    fn ask_code(
        &self,
        payment: Payment,
        approval: Option<ApprovalCode>,
        batch: &mut Batch,
    ) -> Result<Payment, Error> {
        let challenge = self.verifier.open(ChallengeRequest::of(&payment), batch)?;
        let asked = Event::CodeAsked { challenge: challenge.id().clone() };
        batch.fact(payment.key(), self.clock.now(), asked);
        payment.ask_code(approval, &challenge)
    }

    fn bank_request(&self, payment: &Payment) -> Result<BankRequest, Error> {
        let sealed = payment.sealed_card.as_ref().ok_or(Error::Sealed)?;
        let card = self.keys.open_card(sealed, payment.id().as_str())?;
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

/// What drivers log while they are at a payment is said to be of it.
fn span_of(payment: &Payment) -> Span {
    let correlation = payment.correlation.as_ref().map(display);
    info_span!("payment", payment = %payment.id(), correlation)
}

/// What one step of [`Gateway::advance`] came to.
enum Step {
    /// The payment has another state now.
    Done,
    /// The bank cannot be told now; somebody will go on later.
    Later(Box<Payment>),
}

impl ChallengeRequest {
    fn of(payment: &Payment) -> Self {
        Self {
            relying_party: payment.relying_party.clone(),
            identifier: payment.identifier.clone(),
            session: payment.session.clone(),
            number: payment.number.clone(),
            account: Some(payment.card.clone()),
            transaction: Some(payment.transaction.clone()),
            payment: Some(payment.id.clone()),
            purpose: Purpose::Access,
            locale: payment.locale,
            origin: payment.origin.clone(),
            correlation: payment.correlation.clone(),
        }
    }
}

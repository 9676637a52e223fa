//! The main flow: [`Verifier::start_challenge`] and [`Verifier::finish_challenge`].

use std::sync::Arc;

use crate::{
    address::Msisdn,
    binding::Binding,
    card::MaskedCard,
    challenge::{Attempt, Challenge, Conclusion, Opening, Refusal},
    code::{AuthenticationCode, TypedCode},
    error::Error,
    event::Event,
    id::{ChallengeId, CorrelationId, Identifier, MessageId, PaymentId, RelyingPartyId, SessionId},
    keys::KeyRing,
    outbox::Message,
    payment::{Payment, VoidCause},
    policy::Policy,
    ports::{Clock, Entropy, Store, StoreError},
    record::{Batch, Stored as _, Versioned},
    summary::{Locale, Purpose},
    time::Timestamp,
    transaction::Transaction,
};

/// How often a transition is made anew because somebody else changed the same record in between.
pub(crate) const MAX_CONTENTION: usize = 64;

/// Makes and checks codes. Holds no state of its own: any process with the same store and keys can finish what another
/// began.
///
/// Patent: *serveur de données*, *serveur d'authentification* 1306.
pub struct Verifier {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    keys: Arc<KeyRing>,
    policy: Policy,
}

/// Who is asked to agree to what.
#[derive(Clone, Debug)]
pub struct ChallengeRequest {
    /// On whose behalf.
    pub relying_party: RelyingPartyId,
    /// Who.
    pub identifier: Identifier,
    /// In which session the code must be typed back.
    pub session: SessionId,
    /// The receiver.
    pub number: Msisdn,
    /// The account to debit, if any.
    pub account: Option<MaskedCard>,
    /// What the person agrees to; nothing when only access is asked for.
    pub transaction: Option<Transaction>,
    /// The payment that waits for it, if any.
    pub payment: Option<PaymentId>,
    /// What the person agrees to, where there is no transaction.
    pub purpose: Purpose,
    /// The language of the message.
    pub locale: Locale,
    /// The host of the page that asks for the code, for the message's origin-bound last line.
    pub origin: String,
    /// Follows it through logs.
    pub correlation: Option<CorrelationId>,
}

/// The answer to a response.
#[derive(Debug)]
#[non_exhaustive]
pub enum Answer {
    /// It corresponds.
    Verified(Verified),
    /// It does not, or not any more.
    Refused(Refusal),
}

/// Proof that the person typed back the code of a challenge. Only the [`Verifier`] makes it, once for a challenge; it
/// cannot be copied, stored or read back.
#[derive(Debug)]
#[must_use]
pub struct Verified {
    challenge: ChallengeId,
    identifier: Identifier,
    number: Msisdn,
}

impl Verified {
    /// The challenge.
    pub const fn challenge(&self) -> &ChallengeId {
        &self.challenge
    }

    /// Who typed it back.
    pub const fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    /// The receiver that had the code: whoever typed it back can read what is sent there.
    pub const fn number(&self) -> &Msisdn {
        &self.number
    }

    fn of(challenge: &Challenge) -> Self {
        Self {
            challenge: challenge.id().clone(),
            identifier: challenge.binding.identifier.clone(),
            number: challenge.number.clone(),
        }
    }
}

impl Verifier {
    /// A verifier over those ports, under that policy.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        keys: Arc<KeyRing>,
        policy: Policy,
    ) -> Self {
        Self { store, clock, entropy, keys, policy }
    }

    /// Makes a code and puts the message with it into the outbox, both in one commit (F4.202 to F4.204).
    ///
    /// # Errors
    /// When a port fails.
    pub async fn start_challenge(&self, request: ChallengeRequest) -> Result<Challenge, Error> {
        let mut batch = Batch::default();
        let challenge = self.open(request, &mut batch)?;
        self.store.commit(batch).await?;
        Ok(challenge)
    }

    /// Checks what was typed back (F4.208 to F4.210). The attempt is counted, durably, before the code is compared, and
    /// the answer is given after what it says is durable.
    ///
    /// # Errors
    /// When there is no such challenge, or a port fails.
    pub async fn finish_challenge(
        &self,
        id: &ChallengeId,
        session: &SessionId,
        typed: &TypedCode,
    ) -> Result<Answer, Error> {
        let (counted, attempt) = match self.count(id, session).await? {
            Ok(counted) => counted,
            Err(refusal) => return Ok(Answer::Refused(refusal)),
        };
        let key = self.keys.code_key(&counted.key)?;
        let corresponds =
            AuthenticationCode::derive(key, &counted.binding, counted.digits)?.matches(typed);
        self.conclude(id, attempt, corresponds).await
    }

    /// Sends the same code once more; neither time nor attempts begin anew.
    ///
    /// # Errors
    /// When there is no such challenge, or a port fails.
    pub async fn resend(
        &self,
        id: &ChallengeId,
        session: &SessionId,
    ) -> Result<Result<Challenge, Refusal>, Error> {
        for _ in 0..MAX_CONTENTION {
            let now = self.clock.now();
            let found: Versioned<Challenge> = self.store.expect(id.as_str()).await?;
            let message_id = MessageId::random(self.entropy.as_ref())?;
            let challenge = match found.value.count_send(session, message_id, now) {
                Ok(challenge) => challenge,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let mut batch = Batch::default();
            let message = Message::with_code(&challenge, now);
            message.insert_into(&mut batch)?;
            batch.fact(challenge.key(), now, Event::CodeResent { message: message.id().clone() });
            batch.replace(&Versioned { version: found.version, value: challenge.clone() })?;
            match self.store.commit(batch).await {
                Err(StoreError::Conflict { .. }) => {}
                committed => return Ok(committed.map(|()| Ok(challenge))?),
            }
        }
        Err(Error::Contention)
    }

    /// Adds a new challenge and its message to a batch.
    pub(crate) fn open(
        &self,
        request: ChallengeRequest,
        batch: &mut Batch,
    ) -> Result<Challenge, Error> {
        let entropy = self.entropy.as_ref();
        let now = self.clock.now();
        let binding = Binding {
            challenge: ChallengeId::random(entropy)?,
            relying_party: request.relying_party,
            identifier: request.identifier,
            session: request.session,
            issued_at: now,
            account: request.account,
            transaction: request.transaction,
        };
        let opening = Opening {
            binding,
            payment: request.payment,
            number: request.number,
            key: self.keys.current().clone(),
            purpose: request.purpose,
            locale: request.locale,
            origin: request.origin,
            correlation: request.correlation,
            message: MessageId::random(entropy)?,
        };
        let challenge = opening.under(self.policy.limits());
        let message = Message::with_code(&challenge, now);
        message.insert_into(batch)?;
        let started = Event::ChallengeStarted {
            to: challenge.masked_number(),
            message: message.id().clone(),
        };
        batch.fact(challenge.key(), now, started);
        batch.insert(&challenge)?;
        Ok(challenge)
    }

    /// Counts an attempt and commits the count.
    async fn count(
        &self,
        id: &ChallengeId,
        session: &SessionId,
    ) -> Result<Result<(Challenge, Attempt), Refusal>, Error> {
        for _ in 0..MAX_CONTENTION {
            let now = self.clock.now();
            let Versioned { version, value } = self.store.expect::<Challenge>(id.as_str()).await?;
            let mut batch = Batch::default();
            let counted = match value.count_attempt(session, now) {
                Ok((counted, attempt)) => {
                    batch.replace(&Versioned { version, value: counted.clone() })?;
                    batch.fact(
                        counted.key(),
                        now,
                        Event::AttemptCounted { number: attempt.number() },
                    );
                    Ok((counted, attempt))
                }
                Err((None, refusal)) => return Ok(Err(refusal)),
                Err((Some(ended), refusal)) => {
                    let ended = Versioned { version, value: ended };
                    end(self.store.as_ref(), &ended, &refusal, now, &mut batch).await?;
                    Err(refusal)
                }
            };
            match self.store.commit(batch).await {
                Err(StoreError::Conflict { .. }) => {}
                committed => return Ok(committed.map(|()| counted)?),
            }
        }
        Err(Error::Contention)
    }

    /// Commits what a counted attempt comes to, together with what it means to the payment that waits for it.
    async fn conclude(
        &self,
        id: &ChallengeId,
        attempt: Attempt,
        corresponds: bool,
    ) -> Result<Answer, Error> {
        for _ in 0..MAX_CONTENTION {
            let now = self.clock.now();
            let Versioned { version, value } = self.store.expect::<Challenge>(id.as_str()).await?;
            let mut batch = Batch::default();
            let answer = match value.conclude(attempt, corresponds, now) {
                Conclusion::Refused(refusal) => return Ok(Answer::Refused(refusal)),
                Conclusion::Ended(ended, refusal) => {
                    let ended = Versioned { version, value: ended };
                    end(self.store.as_ref(), &ended, &refusal, now, &mut batch).await?;
                    Answer::Refused(refusal)
                }
                Conclusion::Accepted(accepted) => {
                    batch.replace(&Versioned { version, value: accepted.clone() })?;
                    batch.fact(accepted.key(), now, Event::ChallengeVerified);
                    if let Some(payment) = &accepted.payment {
                        let proof = Verified::of(&accepted);
                        let payment: Versioned<Payment> =
                            self.store.expect(payment.as_str()).await?;
                        // The challenge was ended, and the payment with it, after we read it: look again.
                        let Ok(value) = payment.value.agree(proof, now) else {
                            continue;
                        };
                        let agreed = Versioned { version: payment.version, value };
                        batch.replace(&agreed)?;
                        batch.fact(agreed.value.key(), now, Event::PaymentAgreed);
                    }
                    Answer::Verified(Verified::of(&accepted))
                }
            };
            match self.store.commit(batch).await {
                Err(StoreError::Conflict { .. }) => {}
                committed => return Ok(committed.map(|()| answer)?),
            }
        }
        Err(Error::Contention)
    }
}

/// Adds the end of a challenge that was not verified to a batch, together with the end of the payment that waits for it.
pub(crate) async fn end(
    store: &dyn Store,
    ended: &Versioned<Challenge>,
    refusal: &Refusal,
    now: Timestamp,
    batch: &mut Batch,
) -> Result<(), Error> {
    batch.replace(ended)?;
    batch.fact(ended.value.key(), now, Event::ChallengeRefused { cause: refusal.clone() });
    if let Some(payment) = &ended.value.payment {
        let payment: Versioned<Payment> = store.expect(payment.as_str()).await?;
        let cause = VoidCause::NotVerified { refusal: refusal.clone() };
        // The challenge was ended, and the payment with it, after we read it: the commit will be a conflict.
        let Ok(value) = payment.value.void(cause.clone(), now) else {
            return Ok(());
        };
        let voiding = Versioned { version: payment.version, value };
        batch.replace(&voiding)?;
        batch.fact(voiding.value.key(), now, Event::PaymentVoiding { cause });
        if voiding.value.state().is_final() {
            batch.fact(voiding.value.key(), now, Event::PaymentVoided);
        }
    }
    Ok(())
}

//! The state machine of a challenge: `Pending -> Verified | Refused | Expired`.
//!
//! Pure: no port, no key, no clock. A transition takes the challenge and gives back the next one. The
//! [`Verifier`](crate::verifier::Verifier) commits each transition against the version that it was made from, so that of
//! two made at once one is made again on what the other left; the model in `tests/challenge_model.rs` tries every order.

mod ordered;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub(crate) use self::ordered::orderable;
use crate::{
    agreement::Agreement,
    binding::{Binding, ShortReference},
    element::Element,
    event::Event,
    id::{ChallengeId, CorrelationId, KeyId, MessageId, RelyingPartyId, SessionId},
    lane::Lane,
    message::{Message, MessageState, Says},
    person::Person,
    pin::PinDemand,
    policy::PolicySettings,
    record::{Step, Stored},
    refusal::Refusal,
    time::Timestamp,
};

/// What is asked for, and what the person may do in which time.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Challenge {
    /// What the code is linked to; it holds the challenge's id.
    pub(crate) binding: Binding,
    /// What waits for it, if anything does.
    pub(crate) waiting: Option<Waiting>,
    /// The key that the code is computed with; none where an operator computes it.
    pub(crate) key: Option<KeyId>,
    /// Digits of the code, where we compute it.
    pub(crate) digits: u8,
    /// Follows it through logs.
    pub(crate) correlation: Option<CorrelationId>,
    /// From when on no response is accepted.
    pub(crate) expires_at: Timestamp,
    /// Messages sent so far, the first included.
    pub(crate) sends: u8,
    /// The last message, and when it was put into the outbox.
    pub(crate) last_message: MessageId,
    pub(crate) last_sent_at: Timestamp,
    /// Responses counted so far.
    pub(crate) attempts: u8,
    pub(crate) state: State,
    /// Nobody is known here, or no message may go there: none is sent, and no code is right. Written in any case: what is
    /// shorter is faster.
    #[serde(default)]
    pub(crate) of_nobody: bool,
    /// A keyed hash of the client that asked for it, where it is known: its messages are limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<String>,
    /// What an operator signed when it accepted the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) statement: Option<String>,
    /// Whether a PIN is asked for beside the code.
    #[serde(default)]
    pub(crate) pin: PinDemand,
    /// What the accepted response proved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) elements: Vec<Element>,
    /// Limits, as the policy had them at the start.
    pub(crate) max_attempts: u8,
    pub(crate) max_sends: u8,
    pub(crate) resend_after_seconds: u32,
}

/// Where a challenge stands.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// The person has the next action.
    Pending,
    /// A response was accepted.
    Verified {
        /// When that happened.
        at: Timestamp,
    },
    /// It was ended without an accepted response.
    Refused {
        /// What ended it.
        reason: Refusal,
        /// When that happened.
        at: Timestamp,
    },
    /// Its time ran out.
    Expired {
        /// When that was noticed.
        at: Timestamp,
    },
}

/// The number of a response that was counted, needed to conclude it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Attempt(u8);

impl Attempt {
    /// 1 for the first response.
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// What a response came to.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub enum Transition<A> {
    /// It is taken: commit the step, then use what it gave.
    Made(Step<Challenge>, A),
    /// It is refused, and that ends the challenge: commit the step.
    Ended(Step<Challenge>, Refusal),
    /// It is refused, and nothing is to be committed.
    Refused(Refusal),
}

/// What waits for a challenge: a record that is told, in the same commit, how the challenge ended.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Waiting {
    /// The kind of record.
    pub collection: String,
    /// Its id.
    pub id: String,
}

impl Waiting {
    /// That record waits.
    pub fn of<T: Stored>(record: &T) -> Self {
        Self { collection: T::COLLECTION.to_owned(), id: record.id().to_owned() }
    }
}

impl Challenge {
    /// Its id.
    pub const fn id(&self) -> &ChallengeId {
        &self.binding.challenge
    }

    /// Where it stands. One whose time has run out may still say [`State::Pending`] until somebody looks.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// From when on no response is accepted.
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// How many responses are still accepted.
    pub const fn attempts_left(&self) -> u8 {
        self.max_attempts.saturating_sub(self.attempts)
    }

    /// Whether a PIN is asked for beside the code.
    pub const fn pin(&self) -> PinDemand {
        self.pin
    }

    /// What the accepted response proved; nothing before it.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// How many digits its code has.
    pub const fn digits(&self) -> u8 {
        self.digits
    }

    /// The receiver's address, as it may be shown.
    pub fn masked_address(&self) -> String {
        self.person().address.masked()
    }

    /// The person who is asked.
    pub const fn person(&self) -> &Person {
        &self.binding.person
    }

    /// What the person is asked to agree to.
    pub const fn agreement(&self) -> &Agreement {
        &self.binding.agreement
    }

    /// On whose behalf.
    pub const fn relying_party(&self) -> &RelyingPartyId {
        &self.binding.relying_party
    }

    /// What waits for it, if anything does: its end is another flow's business, too.
    pub const fn waiting(&self) -> Option<&Waiting> {
        self.waiting.as_ref()
    }

    /// By which it is followed through logs.
    pub const fn correlation(&self) -> Option<&CorrelationId> {
        self.correlation.as_ref()
    }

    /// What stands in the message, to be compared with what stands beside the code's field.
    pub fn reference(&self) -> ShortReference {
        self.binding.reference()
    }

    /// Whether it is answered in this session.
    pub fn is_of(&self, session: &SessionId) -> bool {
        self.person().session == *session
    }

    /// The last message with the code.
    pub const fn last_message(&self) -> &MessageId {
        &self.last_message
    }

    /// Its last message, to be sent at once, where there is somebody to send it to.
    pub(crate) fn message(&self, now: Timestamp) -> Message {
        let state = match self.of_nobody {
            true => MessageState::Withheld { at: now },
            false => MessageState::Queued { not_before: now },
        };
        Message {
            id: self.last_message.clone(),
            challenge: self.id().clone(),
            lane: if self.key.is_some() { self.binding.agreement.lane() } else { Lane::Operator },
            to: self.person().address.clone(),
            expires_at: self.expires_at,
            tries: 0,
            state,
            place: None,
            says: Says::Code,
            correlation: self.correlation.clone(),
        }
    }

    /// Counts a response before it is looked at: nobody may be told what it comes to before the step is committed.
    pub fn count_attempt(mut self, session: &SessionId, now: Timestamp) -> Transition<Attempt> {
        // A stranger to the session can neither guess nor use up the attempts of its owner.
        if *session != self.binding.person.session {
            return Transition::Refused(Refusal::OtherSession);
        }
        if let Some(refusal) = self.over() {
            return Transition::Refused(refusal);
        }
        if now >= self.expires_at {
            return Transition::Ended(self.end(State::Expired { at: now }), Refusal::Late);
        }
        // Beside a PIN all may be counted and not all concluded: one of them may still be right, so this does not end the
        // challenge. After a crash in between nothing concludes them; they are not given back, and time ends the challenge.
        if self.attempts >= self.max_attempts {
            return Transition::Refused(Refusal::TooManyAttempts);
        }
        self.attempts = self.attempts.saturating_add(1);
        let attempt = Attempt(self.attempts);
        Transition::Made(Step::new(self, Event::AttemptCounted { number: attempt.0 }), attempt)
    }

    /// Draws the conclusion of a counted response with a code alone, on the challenge as it stands by now. The proof is good
    /// once its step is committed, and it is the only one ever.
    pub fn conclude(
        self,
        attempt: Attempt,
        corresponds: bool,
        now: Timestamp,
    ) -> Transition<Verified> {
        self.conclude_with(attempt, corresponds, vec![Element::Phone], now)
    }

    /// The same of a response which, when it corresponds, proves those elements.
    pub(crate) fn conclude_with(
        mut self,
        attempt: Attempt,
        corresponds: bool,
        elements: Vec<Element>,
        now: Timestamp,
    ) -> Transition<Verified> {
        if let Some(refusal) = self.over() {
            return Transition::Refused(refusal);
        }
        if corresponds {
            self.elements = elements;
            let proof = Verified::of(&self);
            return Transition::Made(self.end(State::Verified { at: now }), proof);
        }
        if attempt.0 >= self.max_attempts {
            let reason = Refusal::TooManyAttempts;
            let ended = self.end(State::Refused { reason: reason.clone(), at: now });
            return Transition::Ended(ended, reason);
        }
        Transition::Refused(Refusal::WrongCode { attempts_left: self.attempts_left() })
    }

    /// Whether the proof of a verified challenge may be given again for its code. Only that of a certificate may, which is issued
    /// once for it: in another flow a second proof would be a second login. It may not where more than a code of ours was asked
    /// for, or as many wrong codes were typed as the policy allows; the response that was right is one of the attempts.
    pub fn may_prove_again(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Verified { .. })
            && matches!(self.binding.agreement, Agreement::Certificate { .. })
            && self.key.is_some()
            && self.pin == PinDemand::No
            && now < self.expires_at
            && self.attempts <= self.max_attempts
    }

    /// Counts a wrong code of a challenge that was verified.
    pub(crate) fn count_wrong_again(mut self) -> Step<Self> {
        self.attempts = self.attempts.saturating_add(1);
        let number = self.attempts;
        Step::new(self, Event::AttemptCounted { number })
    }

    /// Ends a challenge with whose code a PIN was set.
    pub(crate) fn conclude_pin_set<A>(self, now: Timestamp) -> Transition<A> {
        match self.over() {
            Some(refusal) => Transition::Refused(refusal),
            None => {
                let reason = Refusal::PinSet;
                let ended = self.end(State::Refused { reason: reason.clone(), at: now });
                Transition::Ended(ended, reason)
            }
        }
    }

    /// Counts a further message with the same code. Neither time nor attempts begin anew.
    ///
    /// # Errors
    /// The refusal; nothing is to be committed.
    pub fn count_send(
        mut self,
        session: &SessionId,
        message: MessageId,
        now: Timestamp,
    ) -> Result<Step<Self>, Refusal> {
        if *session != self.binding.person.session {
            return Err(Refusal::OtherSession);
        }
        if let Some(refusal) = self.over() {
            return Err(refusal);
        }
        if now >= self.expires_at {
            return Err(Refusal::Late);
        }
        match self.resend_wait_seconds(now) {
            None => return Err(Refusal::TooManySends),
            Some(0) => {}
            Some(wait_seconds) => return Err(Refusal::TooSoon { wait_seconds }),
        }
        self.sends = self.sends.saturating_add(1);
        self.last_message = message.clone();
        self.last_sent_at = now;
        Ok(Step::new(self, Event::CodeResent { message }))
    }

    /// In how many seconds another message may be asked for; `None` when none will be sent any more.
    pub fn resend_wait_seconds(&self, now: Timestamp) -> Option<u32> {
        let again_at = self.last_sent_at.plus_seconds(self.resend_after_seconds);
        (self.sends < self.max_sends).then(|| again_at.seconds_from(now))
    }

    /// Ends a challenge that was not answered in time; `None` when there is nothing to end.
    pub fn expire(self, now: Timestamp) -> Option<Step<Self>> {
        (self.state == State::Pending && now >= self.expires_at)
            .then(|| self.end(State::Expired { at: now }))
    }

    /// Ends a challenge for a reason that is not a response; `None` when it is over already. One whose time has run out
    /// ends for that.
    pub fn refuse(self, reason: Refusal, now: Timestamp) -> Option<Step<Self>> {
        if now >= self.expires_at {
            return self.expire(now);
        }
        (self.state == State::Pending).then(|| self.end(State::Refused { reason, at: now }))
    }

    /// Why no response is accepted any more, if so.
    pub fn over(&self) -> Option<Refusal> {
        match &self.state {
            State::Pending => None,
            State::Verified { .. } => Some(Refusal::AlreadyUsed),
            State::Refused { reason, .. } => Some(reason.clone()),
            State::Expired { .. } => Some(Refusal::Late),
        }
    }

    fn end(mut self, state: State) -> Step<Self> {
        self.state = state;
        let event = match self.over() {
            Some(cause) if !matches!(self.state, State::Verified { .. }) => {
                Event::ChallengeRefused { cause }
            }
            Some(_) | None => Event::ChallengeVerified { elements: self.elements.clone() },
        };
        Step::new(self, event)
    }
}

/// Proof that the person typed back the code of a challenge. Only the conclusion of a challenge makes it, once for each, and
/// [`Verifier::verified_again`](crate::verifier::Verifier::verified_again) for the same code; it cannot be copied, stored or
/// read back.
#[derive(Debug)]
#[must_use]
pub struct Verified {
    challenge: ChallengeId,
    person: Person,
    elements: Vec<Element>,
}

impl Verified {
    /// The challenge.
    pub const fn challenge(&self) -> &ChallengeId {
        &self.challenge
    }

    /// The person who typed it back, and can read what is sent to that address.
    pub const fn person(&self) -> &Person {
        &self.person
    }

    /// What it proves.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    pub(crate) fn of(challenge: &Challenge) -> Self {
        Self {
            challenge: challenge.id().clone(),
            person: challenge.person().clone(),
            elements: challenge.elements.clone(),
        }
    }
}

/// The person to be asked, and what to agree to.
#[derive(Clone, Debug)]
pub struct ChallengeRequest {
    /// On whose behalf.
    pub relying_party: RelyingPartyId,
    /// Asked by the second network, in a session of the first.
    pub person: Person,
    /// What the person is asked to agree to.
    pub agreement: Agreement,
    /// From which address of the first network, where the flow knows it: messages are limited for each.
    pub from: Option<IpAddr>,
    /// What waits for it, if anything does: a record of a collection that the verifier knows.
    pub waiting: Option<Waiting>,
    /// Follows it through logs.
    pub correlation: Option<CorrelationId>,
}

/// What a new challenge is given beside the request.
pub(crate) struct Opening {
    pub(crate) id: ChallengeId,
    /// None where an operator computes the code.
    pub(crate) key: Option<KeyId>,
    pub(crate) message: MessageId,
    pub(crate) pin: PinDemand,
    /// A keyed hash of the client.
    pub(crate) client: Option<String>,
}

impl Challenge {
    /// The pending challenge of a request, under those limits.
    pub(crate) fn begin(
        request: ChallengeRequest,
        opening: Opening,
        limits: &PolicySettings,
        now: Timestamp,
    ) -> Step<Self> {
        let to = request.person.address.masked();
        let started = Event::ChallengeStarted { to, message: opening.message.clone() };
        let binding = Binding {
            challenge: opening.id,
            relying_party: request.relying_party,
            person: request.person,
            issued_at: now,
            agreement: request.agreement,
        };
        let challenge = Self {
            binding,
            waiting: request.waiting,
            key: opening.key,
            digits: limits.code_digits,
            correlation: request.correlation,
            expires_at: now.plus_seconds(limits.ttl_seconds),
            sends: 1,
            last_message: opening.message,
            last_sent_at: now,
            attempts: 0,
            state: State::Pending,
            of_nobody: false,
            client: opening.client,
            statement: None,
            pin: opening.pin,
            elements: Vec::new(),
            max_attempts: limits.max_attempts,
            max_sends: limits.max_sends,
            resend_after_seconds: limits.resend_after_seconds,
        };
        Step::new(challenge, started)
    }
}

impl Stored for Challenge {
    const COLLECTION: &'static str = "challenge";

    fn id(&self) -> &str {
        self.binding.challenge.as_str()
    }

    /// After its time nothing becomes of it, whether somebody noticed or not.
    fn final_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }

    fn correlation(&self) -> Option<&CorrelationId> {
        self.correlation.as_ref()
    }
}

#[cfg(test)]
mod tests;

//! The state machine of a challenge: `Pending -> Verified | Refused | Expired`.
//!
//! Pure: no port, no key, no clock. A transition takes the challenge and gives back the next one. The
//! [`Verifier`](crate::verifier::Verifier) commits each transition against the version that it was made from, so that of
//! two made at once one is made again on what the other left; the model in `tests/challenge_model.rs` tries every order.

use serde::{Deserialize, Serialize};

use crate::{
    address::Msisdn,
    binding::Binding,
    id::{ChallengeId, CorrelationId, Identifier, KeyId, MessageId, PaymentId, SessionId},
    policy::PolicySettings,
    record::Stored,
    summary::{Locale, Purpose},
    time::Timestamp,
};

/// A correct "no", with its cause. Not an error.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// The code is not the one that was sent.
    WrongCode {
        /// How many responses are still accepted.
        attempts_left: u8,
    },
    /// As many wrong codes as the policy allows were typed (RTS art. 4(3)(b)).
    TooManyAttempts,
    /// The code's time has run out.
    Late,
    /// A response was accepted before: a code is good once (RTS art. 4(1)).
    AlreadyUsed,
    /// The response came in another session than the one the code was made for (F4.s).
    OtherSession,
    /// No message reached the phone.
    Undeliverable,
    /// The payer or the relying party called it off.
    Cancelled,
    /// As many messages were sent as the policy allows.
    TooManySends,
    /// The last message is too recent for another one.
    TooSoon {
        /// After how many seconds another one may be asked for.
        wait_seconds: u32,
    },
}

impl Refusal {
    /// Its name, in problems, views and figures: a promise.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::WrongCode { .. } => "wrong-code",
            Self::TooManyAttempts => "too-many-attempts",
            Self::Late => "late-code",
            Self::AlreadyUsed => "code-already-used",
            Self::OtherSession => "other-session",
            Self::Undeliverable => "phone-unreachable",
            Self::Cancelled => "cancelled",
            Self::TooManySends => "too-many-messages",
            Self::TooSoon { .. } => "message-too-soon",
        }
    }
}

/// What is asked for, and what the person may do in which time.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Challenge {
    /// What the code is linked to; it holds the challenge's id.
    pub(crate) binding: Binding,
    /// Which payment waits for it, if any.
    pub(crate) payment: Option<PaymentId>,
    /// The receiver.
    pub(crate) number: Msisdn,
    /// The key that the code is computed with.
    pub(crate) key: KeyId,
    /// Digits of the code.
    pub(crate) digits: u8,
    /// What is agreed to, where there is no transaction.
    #[serde(default)]
    pub(crate) purpose: Purpose,
    /// The language of the message.
    pub(crate) locale: Locale,
    /// The host for which the last line of the message is bound.
    pub(crate) origin: String,
    /// Follows it through logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
        /// When.
        at: Timestamp,
    },
    /// It was ended without an accepted response.
    Refused {
        /// Why.
        reason: Refusal,
        /// When.
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

/// What [`Challenge::conclude`] came to.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Conclusion {
    /// The response is accepted: commit this challenge, and it is the only one ever.
    Accepted(Challenge),
    /// The response is refused and ends the challenge: commit it.
    Ended(Challenge, Refusal),
    /// The response is refused, and nothing is to be committed.
    Refused(Refusal),
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

    /// The receiver's number, as it may be shown.
    pub fn masked_number(&self) -> String {
        self.number.masked()
    }

    /// Who is asked.
    pub const fn identifier(&self) -> &Identifier {
        &self.binding.identifier
    }

    /// The receiver.
    pub const fn number(&self) -> &Msisdn {
        &self.number
    }

    /// Whether it is answered in this session.
    pub fn is_of(&self, session: &SessionId) -> bool {
        self.binding.session == *session
    }

    /// The last message with the code.
    pub const fn last_message(&self) -> &MessageId {
        &self.last_message
    }

    /// Counts a response before it is looked at: `Ok` must be committed before the code is compared.
    ///
    /// # Errors
    /// The refusal, and the challenge to commit where the refusal ends it.
    #[expect(clippy::result_large_err, reason = "it is moved once, and matched where it is made")]
    pub fn count_attempt(
        mut self,
        session: &SessionId,
        now: Timestamp,
    ) -> Result<(Self, Attempt), (Option<Self>, Refusal)> {
        // Whoever is not in the session can neither guess nor use up the attempts of who is.
        if *session != self.binding.session {
            return Err((None, Refusal::OtherSession));
        }
        if let Some(refusal) = self.over() {
            return Err((None, refusal));
        }
        if now >= self.expires_at {
            return Err((Some(self.end(State::Expired { at: now })), Refusal::Late));
        }
        // All are counted, not all concluded: one of them may still be right, so this does not end the challenge. After a
        // crash in between nobody concludes them; they are not given back, and time ends the challenge.
        if self.attempts >= self.max_attempts {
            return Err((None, Refusal::TooManyAttempts));
        }
        self.attempts = self.attempts.saturating_add(1);
        let attempt = Attempt(self.attempts);
        Ok((self, attempt))
    }

    /// Draws the conclusion of a counted response, on the challenge as it stands by now.
    pub fn conclude(self, attempt: Attempt, corresponds: bool, now: Timestamp) -> Conclusion {
        if let Some(refusal) = self.over() {
            return Conclusion::Refused(refusal);
        }
        if corresponds {
            return Conclusion::Accepted(self.end(State::Verified { at: now }));
        }
        if attempt.0 >= self.max_attempts {
            let reason = Refusal::TooManyAttempts;
            return Conclusion::Ended(
                self.end(State::Refused { reason: reason.clone(), at: now }),
                reason,
            );
        }
        Conclusion::Refused(Refusal::WrongCode { attempts_left: self.attempts_left() })
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
    ) -> Result<Self, Refusal> {
        if *session != self.binding.session {
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
        self.last_message = message;
        self.last_sent_at = now;
        Ok(self)
    }

    /// In how many seconds another message may be asked for; `None` when none will be sent any more.
    pub fn resend_wait_seconds(&self, now: Timestamp) -> Option<u32> {
        let again_at = self.last_sent_at.plus_seconds(self.resend_after_seconds);
        (self.sends < self.max_sends).then(|| again_at.seconds_from(now))
    }

    /// Ends a challenge that nobody answered in time; `None` when there is nothing to end.
    pub fn expire(self, now: Timestamp) -> Option<Self> {
        (self.state == State::Pending && now >= self.expires_at)
            .then(|| self.end(State::Expired { at: now }))
    }

    /// Ends a challenge for a reason that is not a response; `None` when it is over already.
    pub fn refuse(self, reason: Refusal, now: Timestamp) -> Option<Self> {
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

    fn end(mut self, state: State) -> Self {
        self.state = state;
        self
    }
}

/// What a challenge begins with.
pub(crate) struct Opening {
    pub(crate) binding: Binding,
    pub(crate) payment: Option<PaymentId>,
    pub(crate) number: Msisdn,
    pub(crate) key: KeyId,
    pub(crate) purpose: Purpose,
    pub(crate) locale: Locale,
    pub(crate) origin: String,
    pub(crate) correlation: Option<CorrelationId>,
    pub(crate) message: MessageId,
}

impl Opening {
    /// The pending challenge, under those limits.
    pub(crate) fn under(self, limits: &PolicySettings) -> Challenge {
        let issued_at = self.binding.issued_at;
        Challenge {
            binding: self.binding,
            payment: self.payment,
            number: self.number,
            key: self.key,
            digits: limits.code_digits,
            purpose: self.purpose,
            locale: self.locale,
            origin: self.origin,
            correlation: self.correlation,
            expires_at: issued_at.plus_seconds(limits.ttl_seconds),
            sends: 1,
            last_message: self.message,
            last_sent_at: issued_at,
            attempts: 0,
            state: State::Pending,
            max_attempts: limits.max_attempts,
            max_sends: limits.max_sends,
            resend_after_seconds: limits.resend_after_seconds,
        }
    }
}

impl Stored for Challenge {
    const COLLECTION: &'static str = "challenge";

    fn id(&self) -> &str {
        self.binding.challenge.as_str()
    }

    fn correlation(&self) -> Option<&CorrelationId> {
        self.correlation.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{binding, challenge};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_010);

    fn session() -> SessionId {
        binding().session
    }

    fn other_session() -> SessionId {
        "ses_ffffffffffffffffffffffffffffffff".to_owned().try_into().unwrap()
    }

    #[test]
    fn a_right_response_verifies_once() {
        let (counted, attempt) = challenge().count_attempt(&session(), NOW).unwrap();
        let Conclusion::Accepted(verified) = counted.conclude(attempt, true, NOW) else {
            panic!("not accepted")
        };
        assert_eq!(
            verified.clone().count_attempt(&session(), NOW),
            Err((None, Refusal::AlreadyUsed))
        );
        assert_eq!(
            verified.conclude(attempt, true, NOW),
            Conclusion::Refused(Refusal::AlreadyUsed)
        );
    }

    #[test]
    fn the_third_wrong_response_ends_the_challenge() {
        let mut standing = challenge();
        for attempts_left in [2, 1] {
            let (counted, attempt) = standing.count_attempt(&session(), NOW).unwrap();
            let refused = Conclusion::Refused(Refusal::WrongCode { attempts_left });
            assert_eq!(counted.clone().conclude(attempt, false, NOW), refused);
            standing = counted;
        }
        let (counted, attempt) = standing.count_attempt(&session(), NOW).unwrap();
        let Conclusion::Ended(ended, Refusal::TooManyAttempts) =
            counted.conclude(attempt, false, NOW)
        else {
            panic!("not ended")
        };
        assert_eq!(ended.count_attempt(&session(), NOW), Err((None, Refusal::TooManyAttempts)));
    }

    #[test]
    fn attempts_that_a_crash_left_without_conclusion_are_used_up() {
        let mut standing = challenge();
        for _ in 0..3 {
            standing = standing.count_attempt(&session(), NOW).unwrap().0;
        }
        assert_eq!(standing.count_attempt(&session(), NOW), Err((None, Refusal::TooManyAttempts)));
    }

    #[test]
    fn a_response_of_another_session_is_refused_and_not_counted() {
        assert_eq!(
            challenge().count_attempt(&other_session(), NOW),
            Err((None, Refusal::OtherSession))
        );
    }

    #[test]
    fn a_response_at_the_end_of_the_time_is_late() {
        let end = challenge().expires_at();
        let Err((Some(expired), Refusal::Late)) = challenge().count_attempt(&session(), end) else {
            panic!("not late")
        };
        assert_eq!(expired.state(), &State::Expired { at: end });
    }

    #[test]
    fn a_resend_gives_back_neither_attempts_nor_time() {
        let (counted, _) = challenge().count_attempt(&session(), NOW).unwrap();
        let later = NOW.plus_seconds(60);
        let again =
            counted.clone().count_send(&session(), counted.last_message.clone(), later).unwrap();
        assert_eq!((again.attempts_left(), again.expires_at()), (2, counted.expires_at()));
    }

    #[test]
    fn a_resend_is_refused_by_the_rule_it_breaks() {
        let message = challenge().last_message;
        let send = |challenge: Challenge, session, now| {
            challenge.count_send(&session, message.clone(), now).map(|_| ())
        };
        let later = NOW.plus_seconds(60);
        let spent = Challenge { sends: 3, ..challenge() };
        assert_eq!(send(challenge(), other_session(), later), Err(Refusal::OtherSession));
        assert_eq!(
            send(challenge().refuse(Refusal::Cancelled, NOW).unwrap(), session(), later),
            Err(Refusal::Cancelled)
        );
        assert_eq!(send(challenge(), session(), challenge().expires_at()), Err(Refusal::Late));
        assert_eq!(send(spent, session(), later), Err(Refusal::TooManySends));
        assert_eq!(send(challenge(), session(), NOW), Err(Refusal::TooSoon { wait_seconds: 20 }));
    }

    #[test]
    fn what_is_over_is_not_ended_again() {
        let over = challenge().refuse(Refusal::Cancelled, NOW).unwrap();
        assert_eq!(over.clone().refuse(Refusal::Undeliverable, NOW), None);
        assert_eq!(over.expire(challenge().expires_at()), None);
        assert_eq!(challenge().expire(NOW), None);
    }
}

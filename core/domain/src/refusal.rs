//! Why something is refused or not made: a correct "no", with its cause. Not an error.

use serde::{Deserialize, Serialize};

use crate::{bank::ResponseCode, time::Timestamp};

/// A correct "no", with its cause. Not an error.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
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
    /// The code was used to set a PIN: nothing else is done for it.
    PinSet,
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
    /// So many wrong codes in a row were typed for this phone that none is accepted for a while (RTS art. 4(3)(b)).
    Blocked {
        /// After how many seconds a code may be asked for again.
        wait_seconds: u32,
    },
    /// A hundred wrong codes in a row: an operator must unlock the phone (NIST SP 800-63B section 5.2.2).
    Locked,
    /// As many messages as may be sent to this number, to its range, for this client or for this relying party in an hour or a
    /// day were sent.
    MessageLimit {
        /// After how many seconds there may be one again.
        wait_seconds: u32,
    },
    /// No message is sent to numbers of that country or kind.
    PhoneNotServed,
    /// As many payments as may be wait for this phone's code already.
    TooManyWaiting {
        /// After how many seconds the time of the first of them has run out.
        wait_seconds: u32,
    },
}

/// What the counter of the pause between two messages to one number is called.
pub(crate) const PAUSE: &str = "pause";

impl Refusal {
    /// What it means that a counter is exhausted.
    pub fn of_counter(counter: &str, wait_seconds: u32) -> Self {
        match counter {
            PAUSE => Self::TooSoon { wait_seconds },
            _ => Self::MessageLimit { wait_seconds },
        }
    }

    /// After how many seconds the answer may be another, where time alone can make it one.
    pub const fn wait_seconds(&self) -> Option<u32> {
        match self {
            Self::TooSoon { wait_seconds }
            | Self::Blocked { wait_seconds }
            | Self::MessageLimit { wait_seconds }
            | Self::TooManyWaiting { wait_seconds } => Some(*wait_seconds),
            Self::WrongCode { .. }
            | Self::TooManyAttempts
            | Self::Late
            | Self::AlreadyUsed
            | Self::OtherSession
            | Self::PinSet
            | Self::Undeliverable
            | Self::Cancelled
            | Self::TooManySends
            | Self::Locked
            | Self::PhoneNotServed => None,
        }
    }

    /// What is left of it now, of what was said then.
    #[must_use]
    pub fn since(mut self, then: Timestamp, now: Timestamp) -> Self {
        if let Self::TooSoon { wait_seconds }
        | Self::Blocked { wait_seconds }
        | Self::MessageLimit { wait_seconds }
        | Self::TooManyWaiting { wait_seconds } = &mut self
        {
            *wait_seconds = then.plus_seconds(*wait_seconds).seconds_from(now);
        }
        self
    }

    /// Its name, in problems, views and metrics: a promise.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::WrongCode { .. } => "wrong-code",
            Self::TooManyAttempts => "too-many-attempts",
            Self::Late => "late-code",
            Self::AlreadyUsed => "code-already-used",
            Self::OtherSession => "other-session",
            Self::PinSet => "pin-set",
            Self::Undeliverable => "phone-unreachable",
            Self::Cancelled => "cancelled",
            Self::TooManySends => "too-many-messages",
            Self::TooSoon { .. } => "message-too-soon",
            Self::Blocked { .. } => "blocked",
            Self::Locked => "locked",
            Self::MessageLimit { .. } => "message-limit",
            Self::PhoneNotServed => "phone-not-served",
            Self::TooManyWaiting { .. } => "too-many-waiting",
        }
    }
}

/// What was asked is done, or refused. A fault is neither: it is the `Err` around this.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub enum Outcome<T> {
    /// Yes, and what came of it.
    Done(T),
    /// No, and why.
    Refused(Refusal),
}

impl<T> Outcome<Outcome<T>> {
    /// Of two, the inner one, unless the outer one is a refusal.
    pub fn flat(self) -> Outcome<T> {
        match self {
            Self::Done(outcome) => outcome,
            Self::Refused(refusal) => Outcome::Refused(refusal),
        }
    }
}

impl<T> Outcome<T> {
    /// The same outcome, of something else.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Done(done) => Outcome::Done(f(done)),
            Self::Refused(refusal) => Outcome::Refused(refusal),
        }
    }

    /// What was done, or the refusal.
    ///
    /// # Errors
    /// The refusal.
    pub fn done(self) -> Result<T, Refusal> {
        match self {
            Self::Done(done) => Ok(done),
            Self::Refused(refusal) => Err(refusal),
        }
    }
}

/// Why a payment was not made, when neither the bank nor the payer said no.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum VoidCause {
    /// The challenge ended without an accepted response.
    NotVerified {
        /// How it ended.
        refusal: Refusal,
    },
    /// The bank did not answer, or the server stopped before the person could be asked.
    Interrupted,
    /// The relying party called it off after the person had agreed.
    CalledOff,
    /// The relying party did not capture it in time.
    NotCaptured,
    /// The bank refused to debit what it had authorized.
    CaptureRefused {
        /// Why, in the bank's terms.
        response: ResponseCode,
    },
}

impl VoidCause {
    /// Its name, in metrics: a promise.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotVerified { refusal } => refusal.name(),
            Self::Interrupted => "interrupted",
            Self::CalledOff => "called-off",
            Self::NotCaptured => "not-captured",
            Self::CaptureRefused { .. } => "capture-refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_time_of_a_limit_what_is_left_is_told_and_never_less_than_nothing() {
        let then = Timestamp::from_unix_seconds(1_000);
        for (passed, left) in [(0, 900), (60, 840), (900, 0), (901, 0)] {
            let refusal =
                Refusal::Blocked { wait_seconds: 900 }.since(then, then.plus_seconds(passed));
            assert_eq!(refusal.wait_seconds(), Some(left), "{passed}");
        }
        assert_eq!(Refusal::Locked.since(then, then), Refusal::Locked);
        assert_eq!(Refusal::Locked.wait_seconds(), None);
    }
}

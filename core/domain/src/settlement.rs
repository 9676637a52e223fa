//! What the bank must do and does not: how often it is told, when a person must look, and how a person ends it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    bank::{BankError, ResponseCode},
    invalid::{Field, InvalidInput},
    shown::is_unshowable,
    time::Timestamp,
    typed,
};

/// Seconds after which a bank that did not do what it must is told again; each further pause is twice as long.
const FIRST_PAUSE_SECONDS: u32 = 15;
/// The longest pause between two tries.
const MAX_PAUSE_SECONDS: u32 = 3_600;
/// For how long a bank that does not answer is told again, in seconds: hosts keep for some seven days what a reversal or an
/// advice is about, and scheme holds lapse after as many.
const GIVE_UP_AFTER_SECONDS: u32 = 7 * 86_400;
/// How often it may refuse before a person must look: one that refuses thrice, ever later, does so for a reason.
const MAX_REFUSALS: u32 = 3;

/// What the bank is told until it has done it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BankOperation {
    /// To debit what it holds.
    Capture,
    /// To give some of it back.
    Credit,
    /// To debit again what it gave back.
    ReverseCredit,
    /// To release what it holds, or may hold.
    Void,
}

impl BankOperation {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Capture, Self::Credit, Self::ReverseCredit, Self::Void];

    /// Its name, in facts and metrics: a promise.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Credit => "credit",
            Self::ReverseCredit => "reverse_credit",
            Self::Void => "void",
        }
    }
}

/// What a person confirms that became of it, having asked the bank.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// The amount of a capture is debited.
    Captured,
    /// Nothing is held and nothing is debited: of a void or a capture.
    Voided,
    /// The amount of a credit is given back.
    Credited,
    /// It is not given back.
    NotCredited,
    /// What was given back is debited again.
    CreditReversed,
    /// It is not debited again.
    CreditNotReversed,
}

impl Settlement {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::Captured,
        Self::Voided,
        Self::Credited,
        Self::NotCredited,
        Self::CreditReversed,
        Self::CreditNotReversed,
    ];

    /// Its name, in facts and at the command line: a promise.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Voided => "voided",
            Self::Credited => "credited",
            Self::NotCredited => "not_credited",
            Self::CreditReversed => "credit_reversed",
            Self::CreditNotReversed => "credit_not_reversed",
        }
    }
}

/// Why a person settles something: 1 to 200 characters, kept for ever as a fact. Nothing that could be a card number is in it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String")]
pub struct Because(String);

impl Because {
    /// The longest, in characters.
    const MAX_CHARS: usize = 200;
    /// A card number has 13 digits or more; a bank's reference (ISO 8583 field 37) has twelve.
    const DIGITS_OF_A_CARD: usize = 13;
}

impl TryFrom<String> for Because {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        let refuse = |why| Err(InvalidInput::new(Field::Because, why));
        if text.trim().is_empty() || text.chars().count() > Self::MAX_CHARS {
            return refuse("is not 1 to 200 characters");
        }
        if text.chars().any(is_unshowable) {
            return refuse("has a control or invisible character");
        }
        let plain = typed::plain(&text);
        let mut digits = plain.expose().split(|c: char| !c.is_ascii_digit());
        if digits.any(|run| run.len() >= Self::DIGITS_OF_A_CARD) {
            return refuse("has as many digits in a row as a card number");
        }
        Ok(Self(text))
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How often the bank was told the same and did not do it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tries {
    /// How many came to nothing.
    pub count: u32,
    /// When the first of them did.
    pub since: Timestamp,
    /// How many of them the bank refused.
    pub refusals: u32,
    /// What it said to the last of those.
    pub response: Option<ResponseCode>,
}

impl Tries {
    /// Those before, and one more that came to that.
    pub fn more(before: Option<Self>, error: &BankError, now: Timestamp) -> Self {
        let first = Self { count: 0, since: now, refusals: 0, response: None };
        let before = before.unwrap_or(first);
        let count = before.count.saturating_add(1);
        match error {
            BankError::Unreachable { .. } | BankError::Unknown { .. } => Self { count, ..before },
            BankError::Refused { response } => Self {
                count,
                refusals: before.refusals.saturating_add(1),
                response: Some(response.clone()),
                ..before
            },
        }
    }

    /// When the bank is told again; never by itself once it refused too often, or has not done it for too long.
    pub fn next_at(&self, now: Timestamp) -> Option<Timestamp> {
        let gives_up = self.since.plus_seconds(GIVE_UP_AFTER_SECONDS);
        if self.refusals >= MAX_REFUSALS || now >= gives_up {
            return None;
        }
        let doublings = self.count.saturating_sub(1).min(16);
        let pause = FIRST_PAUSE_SECONDS.saturating_mul(1 << doublings).min(MAX_PAUSE_SECONDS);
        Some(now.plus_seconds(pause).min(gives_up))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn silent() -> BankError {
        BankError::Unknown { cause: "silent".to_owned() }
    }

    #[test]
    fn a_silent_bank_is_told_ever_later_for_seven_days_and_then_no_more() {
        let (mut now, mut tries, mut pauses) = (START, None, Vec::new());
        let told = loop {
            let more = Tries::more(tries, &silent(), now);
            let Some(next_at) = more.next_at(now) else { break more };
            pauses.push(next_at.unix_seconds() - now.unix_seconds());
            (now, tries) = (next_at, Some(more));
        };
        assert_eq!(pauses[..10], [15, 30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
        assert!(pauses[10..pauses.len() - 1].iter().all(|pause| *pause == 3_600));
        assert_eq!(now, START.plus_seconds(7 * 86_400), "the last try is at the end of the week");
        assert_eq!((told.since, told.refusals, told.response), (START, 0, None));
    }

    #[test]
    fn the_third_refusal_is_the_last_whatever_was_between() {
        let refused =
            |code: &str| BankError::Refused { response: code.to_owned().try_into().unwrap() };
        let mut tries = None;
        for (error, is_last) in [
            (refused("12"), false),
            (silent(), false),
            (refused("12"), false),
            (BankError::Unreachable { cause: "down".to_owned() }, false),
            (refused("57"), true),
        ] {
            let more = Tries::more(tries, &error, START);
            assert_eq!(more.next_at(START).is_none(), is_last, "{more:?}");
            tries = Some(more);
        }
        let tries = tries.unwrap();
        assert_eq!((tries.count, tries.refusals), (5, 3));
        assert_eq!(tries.response.unwrap().as_str(), "57");
    }

    #[test]
    fn a_reason_is_short_text_that_could_hold_no_card_number() {
        let because = |text: &str| Because::try_from(text.to_owned());
        assert!(because("Bank told us by phone; their ref. 123456789012").is_ok());
        for (text, why) in [
            (" ".to_owned(), "is not 1 to 200 characters"),
            ("x".repeat(201), "is not 1 to 200 characters"),
            ("two\nlines".to_owned(), "has a control or invisible character"),
            ("a\u{202e}b".to_owned(), "has a control or invisible character"),
            ("card 4970 1000-0000 0154".to_owned(), "has as many digits in a row as a card number"),
            (
                "4970\u{2013}1000\u{a0}0000\u{a0}0154".to_owned(),
                "has as many digits in a row as a card number",
            ),
            ("\u{ff14}970100000000154".to_owned(), "has as many digits in a row as a card number"),
        ] {
            assert_eq!(because(&text), Err(InvalidInput::new(Field::Because, why)), "{text}");
        }
    }
}

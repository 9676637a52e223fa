//! What the bank must do and does not: how often it is told, when a person must look, and how a person ends it.

use std::{fmt, ops::RangeInclusive};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    bank::{BankError, ResponseCode},
    card::passes_luhn,
    invalid::{Field, InvalidInput},
    shown::is_unshowable,
    time::Timestamp,
    typed,
};

/// How many digits a card's number has.
const CARD_DIGITS: RangeInclusive<usize> = 13..=19;
/// So many characters between two groups of a card's digits at most.
const MAX_BETWEEN: u32 = 2;

/// Seconds after which a bank that did not do what it must is told again; each further pause is twice as long.
const FIRST_PAUSE_SECONDS: u32 = 15;
/// The longest pause between two tries.
const MAX_PAUSE_SECONDS: u32 = 3_600;
/// For how long a bank that does not answer is told again, in seconds: hosts keep for some seven days what a reversal or an
/// advice is about, and scheme holds lapse after as many.
const GIVE_UP_AFTER_SECONDS: u32 = 7 * 86_400;
/// How often it may refuse before a person must look: one that refuses thrice, ever later, does so for a reason. A card that
/// does not open counts as much: nobody but a person puts its key back.
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
}

/// Whether there is a card's number in it: 13 to 19 digits that pass its check digit (ISO/IEC 7812-1), in one piece, or in pieces
/// with a character or two between them that are no words. A bank's reference (ISO 8583 field 37) has twelve.
fn may_hold_a_card(text: &str) -> bool {
    let (mut pieces, mut between) = (vec![String::new()], 0);
    for c in text.chars() {
        match pieces.last_mut() {
            Some(piece) if c.is_ascii_digit() && between == 0 => piece.push(c),
            _ if c.is_ascii_digit() => {
                if between > MAX_BETWEEN {
                    pieces.push(String::new());
                }
                pieces.push(c.to_string());
                between = 0;
            }
            _ if c.is_alphabetic() => between = MAX_BETWEEN + 1,
            _ => between = between.saturating_add(1),
        }
    }
    let is_card = |digits: &str| CARD_DIGITS.contains(&digits.len()) && passes_luhn(digits);
    let in_pieces = |from: usize| {
        let more = pieces.iter().skip(from).take_while(|piece| !piece.is_empty());
        let joined = more.scan(String::new(), |digits, piece| {
            digits.push_str(piece);
            Some(digits.clone())
        });
        joined
            .take_while(|digits| digits.len() <= *CARD_DIGITS.end())
            .any(|digits| is_card(&digits))
    };
    (0..pieces.len()).any(in_pieces)
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
        if may_hold_a_card(typed::with_ascii_digits(&text).expose()) {
            return refuse("has digits that may be a card number's");
        }
        Ok(Self(text))
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why what the bank must do is not done.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InVain {
    /// The bank's no, or its silence.
    #[error(transparent)]
    Bank(#[from] BankError),
    /// The bank cannot be told: the card is sealed under a key that is not in the key ring, or was changed.
    #[error("the sealed card does not open")]
    CardDoesNotOpen,
}

/// How often the bank was told the same and did not do it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tries {
    /// How many came to nothing.
    pub count: u32,
    /// When the first of them did.
    pub since: Timestamp,
    /// How many of them the bank refused, or could not be told of.
    pub refusals: u32,
    /// What it said to the last that it refused.
    pub response: Option<ResponseCode>,
    /// Whether the last was not told, for want of the card's key.
    #[serde(default)]
    pub card_does_not_open: bool,
}

impl Tries {
    /// Those before, and one more that came to that.
    fn more(before: Option<Self>, cause: &InVain, now: Timestamp) -> Self {
        let first =
            Self { count: 0, since: now, refusals: 0, response: None, card_does_not_open: false };
        let before = before.unwrap_or(first);
        let (count, refusals) = (before.count.saturating_add(1), before.refusals.saturating_add(1));
        let told = Self { count, card_does_not_open: false, ..before };
        match cause {
            InVain::Bank(BankError::Unreachable { .. } | BankError::Unknown { .. }) => told,
            InVain::Bank(BankError::Refused { response }) => {
                Self { refusals, response: Some(response.clone()), ..told }
            }
            InVain::CardDoesNotOpen => Self { refusals, card_does_not_open: true, ..told },
        }
    }

    /// When the bank is told again; never by itself once it refused too often, or has not done it for too long.
    fn next_at(&self, now: Timestamp) -> Option<Timestamp> {
        let gives_up = self.since.plus_seconds(GIVE_UP_AFTER_SECONDS);
        if self.refusals >= MAX_REFUSALS || now >= gives_up {
            return None;
        }
        let doublings = self.count.saturating_sub(1).min(16);
        let pause = FIRST_PAUSE_SECONDS.saturating_mul(1 << doublings).min(MAX_PAUSE_SECONDS);
        Some(now.plus_seconds(pause).min(gives_up))
    }
}

/// How far it is with something that the bank is told until it has done it: kept with whatever waits for that.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Told {
    /// Whether the bank may have been asked before, and its answer was lost: then a refusal is not the answer to the first
    /// question.
    #[serde(default)]
    asked_before: bool,
    /// How often the bank was told in vain.
    #[serde(default)]
    tries: Option<Tries>,
    /// When the bank was told for the last time, while nobody is telling it: a process that takes it up then finds no question
    /// half asked.
    #[serde(default)]
    tried_at: Option<Timestamp>,
}

impl Told {
    /// Whether the bank may have been asked before, and its answer was lost.
    pub const fn asked_before(&self) -> bool {
        self.asked_before
    }

    /// How often the bank was told in vain.
    pub const fn tries(&self) -> Option<&Tries> {
        self.tries.as_ref()
    }

    /// When the bank was told for the last time, while nobody is telling it.
    pub const fn tried_at(&self) -> Option<Timestamp> {
        self.tried_at
    }

    /// A process takes it up, which another may have left in the middle of a question.
    #[must_use]
    pub fn taken_up(self) -> Self {
        let asked_before = self.asked_before || self.tried_at.is_none();
        Self { asked_before, tried_at: None, ..self }
    }

    /// The bank did not do it; and when it is told again, unless a person must look.
    pub fn in_vain(self, cause: &InVain, now: Timestamp) -> (Self, Option<Timestamp>) {
        let tries = Tries::more(self.tries, cause, now);
        let next_at = tries.next_at(now);
        // What was not sent, or was refused, left nothing open.
        let is_open = matches!(cause, InVain::Bank(BankError::Unknown { .. }));
        let asked_before = self.asked_before || is_open;
        (Self { asked_before, tries: Some(tries), tried_at: Some(now) }, next_at)
    }

    /// From the first pause on. What became of the earlier tries is as open as it was.
    #[must_use]
    pub fn from_the_start(self) -> Self {
        Self { asked_before: true, tries: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn silent() -> InVain {
        BankError::Unknown { cause: "silent".to_owned() }.into()
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
        let refused = |code: &str| {
            InVain::from(BankError::Refused { response: code.to_owned().try_into().unwrap() })
        };
        let mut tries = None;
        for (error, is_last) in [
            (refused("12"), false),
            (silent(), false),
            (refused("12"), false),
            (BankError::Unreachable { cause: "down".to_owned() }.into(), false),
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
    fn a_card_that_does_not_open_three_times_is_for_a_person_and_says_nothing_of_the_bank() {
        let mut told = Told::default();
        for is_last in [false, false, true] {
            let (more, next_at) = told.in_vain(&InVain::CardDoesNotOpen, START);
            assert_eq!(next_at.is_none(), is_last, "{more:?}");
            told = more;
        }
        assert!(!told.asked_before(), "the bank was told nothing");
        let tries = told.tries().unwrap();
        assert_eq!((tries.response.as_ref(), tries.card_does_not_open), (None, true));
    }

    #[test]
    fn a_reason_is_short_text_that_could_hold_no_card_number() {
        let because = |text: &str| Because::try_from(text.to_owned());
        const CARD: &str = "has digits that may be a card number's";
        for text in [
            "Bank told us by phone; their ref. 123456789012",
            "RRN 123456789012, 27/11/2026, 14:05",
            "case 2026-11-27/0001",
            "ARN 74537604221431003881234",
        ] {
            assert!(because(text).is_ok(), "{text}");
        }
        for (text, why) in [
            (" ".to_owned(), "is not 1 to 200 characters"),
            ("x".repeat(201), "is not 1 to 200 characters"),
            ("two\nlines".to_owned(), "has a control or invisible character"),
            ("a\u{202e}b".to_owned(), "has a control or invisible character"),
            ("card 4970 1000-0000 0154".to_owned(), CARD),
            ("4970\u{2013}1000\u{a0}0000\u{a0}0154".to_owned(), CARD),
            ("\u{ff14}970100000000154".to_owned(), CARD),
            ("card 4970.1000.0000.0154.".to_owned(), CARD),
            ("4970/1000/0000/0154".to_owned(), CARD),
            ("4970_1000_0000_0154".to_owned(), CARD),
            ("4970, 1000, 0000, 0154".to_owned(), CARD),
            ("ref004970100000000154x".to_owned(), CARD),
            ("12 4970 1000 0000 0154 27".to_owned(), CARD),
        ] {
            assert_eq!(because(&text), Err(InvalidInput::new(Field::Because, why)), "{text}");
        }
    }
}

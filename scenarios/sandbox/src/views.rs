//! What the pages show of messages, accounts and the register, as people read it.

use std::time::Duration;

use countersign_domain::{
    amount::{Amount, Currency},
    card::MaskedCard,
};
use tokio::time::Instant;

use crate::{
    bank::{Account, Movement, MovementKind},
    centre::HandsetMessage,
    journal::code_in,
};

/// How long a phone rings.
const RINGS: Duration = Duration::from_secs(5);

/// A message on a phone, with its code apart so that it can be shown large.
pub(crate) struct ShownMessage {
    pub(crate) from: String,
    pub(crate) age: String,
    /// Whether it came this moment: then the phone rings.
    pub(crate) is_new: bool,
    pub(crate) before: String,
    pub(crate) code: Option<String>,
    pub(crate) after: String,
}

impl ShownMessage {
    pub(crate) fn of(message: &HandsetMessage) -> Self {
        // The last line is for the browser of the phone, not for its owner.
        let text = message.text.rsplit_once("\n\n@").map_or(&*message.text, |(text, _)| text);
        let code = code_in(&message.text);
        let split = code.and_then(|code| Some((code, text.split_once(code)?)));
        let (before, code, after) = match split {
            Some((code, (before, after))) => (before, Some(code.to_owned()), after),
            None => (text, None, ""),
        };
        Self {
            from: message.from.clone(),
            age: age(message.at),
            is_new: message.at.elapsed() < RINGS,
            before: before.to_owned(),
            code,
            after: after.to_owned(),
        }
    }
}

/// An account at the bank.
pub(crate) struct AccountRow {
    pub(crate) card: String,
    pub(crate) balance: String,
    pub(crate) held: String,
    pub(crate) state: &'static str,
}

impl AccountRow {
    pub(crate) fn of(account: &Account) -> Self {
        Self {
            card: account.card.to_string(),
            balance: money(account.balance_minor, account.currency),
            held: money(account.held_minor, account.currency),
            state: match (account.blocked, account.refuses) {
                (true, _) => "blocked",
                (_, true) => "refuses",
                _ => "open",
            },
        }
    }
}

/// Something that moved on an account.
pub(crate) struct MovementRow {
    pub(crate) card: String,
    pub(crate) what: &'static str,
    pub(crate) amount: String,
    pub(crate) payee: String,
    pub(crate) retrieval: String,
}

impl MovementRow {
    pub(crate) fn of(card: &MaskedCard, movement: &Movement) -> Self {
        Self {
            card: card.to_string(),
            what: match movement.kind {
                MovementKind::Held => "held",
                MovementKind::Debited => "debited",
                MovementKind::Released => "released",
                MovementKind::GivenBack => "given back",
                MovementKind::Credited => "credited",
                MovementKind::DebitedAgain => "debited again",
            },
            amount: movement.amount.to_string(),
            payee: movement.payee.clone(),
            retrieval: movement.retrieval.clone(),
        }
    }
}

/// What is posted to an account of the register.
pub(crate) struct PostedRow {
    pub(crate) account: String,
    pub(crate) debit: String,
    pub(crate) credit: String,
}

/// An amount as people read it; none is written as it is.
pub(crate) fn money(minor: u64, currency: Currency) -> String {
    let code = currency.code();
    Amount::new(minor, currency).map_or_else(|_| format!("0 {code}"), |amount| amount.to_string())
}

/// How long ago that was.
pub(crate) fn age(at: Instant) -> String {
    match at.elapsed().as_secs() {
        0..=4 => "just now".to_owned(),
        seconds @ 5..=59 => format!("{seconds} s ago"),
        seconds => format!("{} min ago", seconds / 60),
    }
}

/// Something that was begun, and what became of it.
pub(crate) struct Begun {
    pub(crate) id: String,
    /// The path of its own page.
    pub(crate) page: String,
    pub(crate) what: String,
    pub(crate) at: Instant,
    pub(crate) age: String,
    pub(crate) became: Became,
}

/// What became of something, in a few words.
pub(crate) struct Became {
    pub(crate) tone: Tone,
    pub(crate) words: &'static str,
}

/// Whether that is well.
#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Open,
    Good,
    Bad,
}

impl Tone {
    /// The class of the style sheet.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

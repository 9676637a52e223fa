//! What was really sent, as its senders and receivers noted it: flows are drawn from it.
//!
//! Everything secret is masked here, before it is kept: see [`mask`].

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::Instant};

/// Notes that are kept; the oldest give way.
const MAX_NOTES: usize = 20_000;

/// A sender or a receiver, from left to right as a flow is drawn.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// The payer's browser.
    Payer,
    /// The merchant's back end.
    Merchant,
    /// The server: Countersign.
    Server,
    /// The issuing bank.
    Bank,
    /// The telecom operator that keeps the codes.
    Operator,
    /// The SMS centre.
    Centre,
    /// The payer's phone.
    Phone,
}

/// By what a note finds its purchase.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum About {
    /// The id of what a flow is about, such as a checkout's.
    Subject(String),
    /// The same, and another id by which it is known from then on.
    Named { subject: String, name: String },
    /// A challenge's order to an operator. Like a message, the outbox sends it beside what is asked and answered.
    Order(String),
    /// A retrieval reference number, ISO 8583 field 37.
    Bank(String),
    /// The centre's id of a message, and what all parts of a long one have in common.
    Message { id: String, whole: String },
    /// It is about no purchase.
    Nothing,
}

/// Something that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    /// In the order in which they were made.
    number: u64,
    pub(crate) at: Instant,
    pub(crate) from: Party,
    pub(crate) to: Party,
    /// Whether it answers another.
    pub(crate) is_answer: bool,
    /// In a few words; the same for the same purchase, whenever it is made.
    pub(crate) label: String,
    /// What was in it, name by name.
    pub(crate) detail: Detail,
    pub(crate) about: About,
}

/// What was in something, name by name.
pub(crate) type Detail = Vec<(String, String)>;

impl Note {
    fn new(
        from: Party,
        to: Party,
        is_answer: bool,
        label: String,
        detail: Detail,
        about: About,
    ) -> Self {
        Self { number: 0, at: Instant::now(), from, to, is_answer, label, detail, about }
    }
}

/// What a request to the server is, in the words of a flow.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) from: Party,
    /// To which of those that the server plays.
    pub(crate) to: Party,
    pub(crate) label: String,
    /// What was in it that is not in every request.
    pub(crate) detail: Detail,
    /// The id of what it is about, if the request names it.
    pub(crate) subject: Option<String>,
    /// Whether it begins something: then the answer names it.
    pub(crate) begins: bool,
    /// Whether the outbox sends it.
    pub(crate) from_outbox: bool,
}

/// What an answer of the server is, in the words of a flow.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) label: String,
    pub(crate) detail: Detail,
    /// Another id of what it is about.
    pub(crate) name: Option<String>,
}

/// All notes of a sandbox. Its clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    notes: Arc<Mutex<VecDeque<Note>>>,
    /// How many were ever made.
    made: watch::Sender<u64>,
}

/// Which note it is, for as long as it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted(u64);

impl Default for Journal {
    fn default() -> Self {
        Self { notes: Arc::default(), made: watch::Sender::new(0) }
    }
}

impl Journal {
    /// Notes what one side asks or tells.
    pub(crate) fn asked(
        &self,
        from: Party,
        to: Party,
        label: impl Into<String>,
        detail: Detail,
        about: About,
    ) -> Noted {
        self.note(Note::new(from, to, false, label.into(), detail, about))
    }

    /// A note finds what it is about: the answer has named it.
    pub(crate) fn find(&self, Noted(number): Noted, about: About) {
        let mut notes = self.notes();
        if let Some(note) = notes.iter_mut().rev().find(|note| note.number == number) {
            note.about = about;
        }
    }

    /// Notes what it is answered.
    pub(crate) fn answered(
        &self,
        from: Party,
        to: Party,
        label: impl Into<String>,
        detail: Detail,
        about: About,
    ) {
        self.note(Note::new(from, to, true, label.into(), detail, about));
    }

    fn note(&self, mut note: Note) -> Noted {
        let mut notes = self.notes();
        note.number = notes.back().map_or(0, |last| last.number.wrapping_add(1));
        let noted = Noted(note.number);
        if notes.len() >= MAX_NOTES {
            notes.pop_front();
        }
        notes.push_back(note);
        drop(notes);
        self.made.send_modify(|made| *made = made.wrapping_add(1));
        noted
    }

    /// Tells of every note that is made.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.made.subscribe()
    }

    /// All that are kept, oldest first.
    pub(crate) fn all(&self) -> Vec<Note> {
        self.notes().iter().cloned().collect()
    }

    fn notes(&self) -> MutexGuard<'_, VecDeque<Note>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Masks card numbers and phone numbers wherever they stand: of eleven digits or more in a row, all but the last two
/// (phones) or four (cards, of at least fourteen digits). People part long numbers by blanks and hyphens: digits that are
/// parted by one of these only are in a row.
pub(crate) fn mask(text: &str) -> String {
    let mut masked = String::new();
    let mut row = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let parts =
            matches!(character, ' ' | '-') && row.ends_with(|last: char| last.is_ascii_digit());
        let goes_on = characters.peek().is_some_and(char::is_ascii_digit);
        if character.is_ascii_digit() || (parts && goes_on) {
            row.push(character);
        } else {
            masked.push_str(&mask_row(&row));
            row.clear();
            masked.push(character);
        }
    }
    masked.push_str(&mask_row(&row));
    masked
}

fn mask_row(row: &str) -> String {
    let digits = row.chars().filter(char::is_ascii_digit).count();
    let shown = match digits {
        0..=10 => digits,
        11..=13 => 2,
        _ => 4,
    };
    let mut hidden = digits.saturating_sub(shown);
    let mask_one = |character: char| {
        if hidden == 0 || !character.is_ascii_digit() {
            return character;
        }
        hidden = hidden.saturating_sub(1);
        '•'
    };
    row.chars().map(mask_one).collect()
}

/// The code of a message: it follows the last `#`, for browsers; without that line, the word `Code`, for people.
pub(crate) fn code_in(text: &str) -> Option<&str> {
    let for_browsers = text.rsplit_once('#').map(|(_, code)| code.trim());
    let for_people = text.split_once("Code ").and_then(|(_, rest)| rest.split(',').next());
    let is_code =
        |found: &&str| found.len() >= 4 && found.bytes().all(|byte| byte.is_ascii_digit());
    for_browsers.filter(is_code).or_else(|| for_people.filter(is_code))
}

/// Masks the code of a message, wherever it stands in the text.
pub(crate) fn mask_code(text: &str) -> String {
    match code_in(text) {
        Some(code) => mask(&text.replace(code, &"•".repeat(code.len()))),
        None => mask(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_and_phones_are_masked_wherever_they_stand() {
        for (text, masked) in [
            ("card 4970100000000154.", "card ••••••••••••0154."),
            ("4970 1000 0000 0154", "•••• •••• •••• 0154"),
            ("4970-1000-0000-0154,", "••••-••••-••••-0154,"),
            ("+33639980001", "+•••••••••01"),
            ("+33 6 39 98 00 01", "+•• • •• •• •• 01"),
            ("0 - 1 and 2", "0 - 1 and 2"),
            ("1125181400 is a time", "1125181400 is a time"),
            ("", ""),
        ] {
            assert_eq!(mask(text), masked);
        }
    }

    #[test]
    fn a_code_is_masked_in_the_sentence_and_in_the_last_line() {
        let text =
            "Pay 49.90 EUR to Librairie Dupont\nCode 123456, valid 5 min.\n\n@localhost #123456";
        let masked = mask_code(text);
        assert!(!masked.contains("123456"), "{masked}");
        assert!(masked.contains("49.90 EUR"), "{masked}");
    }

    #[test]
    fn a_code_is_masked_where_no_last_line_repeats_it() {
        for text in [
            "Pay 8.90 EUR to Librairie Dupont\nCode 255934, ref RWFP, 5 min.",
            "Pay 8.90 EUR to Shop #1\nCode 255934, ref RWFP, 5 min.",
        ] {
            assert_eq!(code_in(text), Some("255934"));
            assert!(!mask_code(text).contains("255934"), "{}", mask_code(text));
        }
        assert_eq!(code_in("Dress Code 12, black"), None);
    }

    #[test]
    fn a_note_finds_what_it_is_about_and_stays_where_it_was_made() {
        let journal = Journal::default();
        let note =
            |label| journal.asked(Party::Payer, Party::Server, label, Vec::new(), About::Nothing);
        let (first, _) = (note("begins"), note("another"));
        journal.find(first, About::Subject("pur_1".to_owned()));
        let kept = journal.all();
        let about: Vec<_> = kept.iter().map(|note| (&*note.label, note.about.clone())).collect();
        let subject = About::Subject("pur_1".to_owned());
        assert_eq!(about, [("begins", subject), ("another", About::Nothing)]);
    }

    #[test]
    fn the_oldest_notes_give_way() {
        let journal = Journal::default();
        for number in 0..=MAX_NOTES {
            let label = number.to_string();
            journal.asked(Party::Payer, Party::Server, label, Vec::new(), About::Nothing);
        }
        let kept = journal.all();
        assert_eq!(kept.len(), MAX_NOTES);
        assert_eq!(kept.first().map(|note| note.label.as_str()), Some("1"));
    }
}

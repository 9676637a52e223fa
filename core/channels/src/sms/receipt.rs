//! Delivery receipts: the text form of SMPP 3.4 appendix B, and the states of section 5.2.28.

use std::fmt;

/// What a centre says about a message (SMPP 3.4 section 5.2.28).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// On its way.
    Enroute,
    /// The receiver has it.
    Delivered,
    /// Its validity ended before it could be delivered.
    Expired,
    /// Somebody deleted it at the centre.
    Deleted,
    /// It can never be delivered.
    Undeliverable,
    /// Somebody at the centre read it in the receiver's place.
    Accepted,
    /// The centre does not know.
    Unknown,
    /// The centre refused it after it had taken it.
    Rejected,
}

/// Every state with its message_state value and its word in the text form.
const STATES: [(State, u8, &str); 8] = [
    (State::Enroute, 1, "ENROUTE"),
    (State::Delivered, 2, "DELIVRD"),
    (State::Expired, 3, "EXPIRED"),
    (State::Deleted, 4, "DELETED"),
    (State::Undeliverable, 5, "UNDELIV"),
    (State::Accepted, 6, "ACCEPTD"),
    (State::Unknown, 7, "UNKNOWN"),
    (State::Rejected, 8, "REJECTD"),
];

impl State {
    /// The state of a message_state TLV.
    pub fn from_message_state(value: u8) -> Option<Self> {
        STATES.iter().find(|(_, known, _)| *known == value).map(|(state, ..)| *state)
    }

    /// The state of what follows `stat:`: the word of the norm, the whole word that it stands for, or its number.
    ///
    /// Centres cut and spell these words in their own way, so their beginnings count; what says that something did *not*
    /// happen is asked first, for it may hold the word of what did.
    fn from_words(words: &str) -> Option<Self> {
        if let Ok(value) = words.trim().parse() {
            return Self::from_message_state(value);
        }
        let letters = words.chars().filter(char::is_ascii_alphabetic);
        let word: String = letters.map(|letter| letter.to_ascii_uppercase()).collect();
        let begins = |any: &[&str]| any.iter().any(|begin| word.starts_with(begin));
        Some(match () {
            () if word.contains("FAIL") => Self::Undeliverable,
            () if begins(&["UNDEL", "UNDLV", "NOTDEL", "NONDEL"]) => Self::Undeliverable,
            () if word.contains("PENDING") => Self::Enroute,
            () if begins(&["ENROUT", "BUFFER", "BUFFRED", "SCHEDUL"]) => Self::Enroute,
            () if begins(&["DELIV", "DLVRD"]) => Self::Delivered,
            () if begins(&["EXPIR"]) => Self::Expired,
            () if begins(&["DELET", "CANCEL"]) => Self::Deleted,
            () if begins(&["ACCEPT", "ACKED"]) => Self::Accepted,
            () if begins(&["REJ", "REFUS"]) => Self::Rejected,
            () if begins(&["UNKNOW"]) => Self::Unknown,
            () => return None,
        })
    }

    /// The message_state value.
    pub fn message_state(self) -> u8 {
        STATES.iter().find(|(state, ..)| *state == self).map_or(0, |(_, value, _)| *value)
    }
}

/// The word of the text form.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = STATES.iter().find(|(state, ..)| state == self).map_or("", |(.., word)| *word);
        f.write_str(word)
    }
}

/// What the text form of a receipt says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReceiptText {
    /// The centre's id of the message, as it wrote it.
    pub id: Option<String>,
    /// What became of it.
    pub state: Option<State>,
    /// The network's error code; centres differ in what it means.
    pub error: Option<String>,
}

/// The names of the text form whose values end where the next name begins. Dates are not read, for centres do not agree on
/// them.
const NAMES: [&str; 7] = ["id", "sub", "dlvrd", "date", "stat", "err", "text"];

/// What stands between fields besides blanks.
const SEPARATORS: [char; 5] = [',', ';', '|', '"', '\''];

/// Reads `id:... sub:... dlvrd:... submit date:... done date:... stat:... err:... text:...`, in any order and case, with
/// fields missing, with blanks around the colon or `=` in its place, and with any separators. What follows `text:` is the
/// begin of the message itself, and never looked at: a message must not be able to forge its receipt.
pub fn read(text: &str) -> ReceiptText {
    let mut receipt = ReceiptText::default();
    let mut rest = text;
    while let Some((name, value)) = next_field(&mut rest) {
        let value = value.trim_matches(is_between);
        let first = || value.split(is_between).next().unwrap_or_default().to_owned();
        match name {
            "text" => break,
            _ if value.is_empty() => {}
            "id" => _ = receipt.id.get_or_insert_with(first),
            "stat" => receipt.state = receipt.state.or_else(|| State::from_words(&words(value))),
            "err" => _ = receipt.error.get_or_insert_with(first),
            _ => {}
        }
    }
    receipt
}

/// The one or two words of a state, before any field of the centre's own.
fn words(value: &str) -> String {
    let words = value.split(is_between).filter(|word| !word.is_empty());
    words.take_while(|word| !word.contains([':', '='])).take(2).collect::<Vec<_>>().join(" ")
}

/// Cuts the next field off: its name as in [`NAMES`], and what stands between its colon and the name of the next.
fn next_field<'a>(rest: &mut &'a str) -> Option<(&'static str, &'a str)> {
    let (_, name, value) = next_name(rest)?;
    let end = next_name(value).map_or(value.len(), |(begin, ..)| begin);
    let (value, behind) = value.split_at_checked(end)?;
    *rest = behind;
    Some((name, value))
}

/// The first name in a text: where it begins, which it is, and what follows its colon.
fn next_name(text: &str) -> Option<(usize, &'static str, &str)> {
    let words = text.char_indices().filter(|&(at, letter)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        letter.is_ascii_alphabetic() && before.is_none_or(is_between)
    });
    words.into_iter().find_map(|(at, _)| {
        let word = text.get(at..)?;
        NAMES.into_iter().find_map(|name| {
            let (begin, behind) = word.split_at_checked(name.len())?;
            let behind = behind.strip_prefix("us").filter(|_| name == "stat").unwrap_or(behind);
            let value = behind.trim_start().strip_prefix([':', '='])?;
            begin.eq_ignore_ascii_case(name).then_some((at, name, value))
        })
    })
}

fn is_between(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || SEPARATORS.contains(&letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(id: &str, state: State, error: &str) -> ReceiptText {
        ReceiptText {
            id: Some(id.to_owned()),
            state: Some(state),
            error: (!error.is_empty()).then(|| error.to_owned()),
        }
    }

    #[test]
    fn the_forms_of_several_centres_are_read() {
        for (text, expected) in [
            // SMPP 3.4 appendix B.
            (
                "id:0123456789 sub:001 dlvrd:001 submit date:2211231423 done date:2211231424 stat:DELIVRD err:000 text:Your code",
                receipt("0123456789", State::Delivered, "000"),
            ),
            // Dates with seconds, capital Text.
            (
                "id:7F3A sub:001 dlvrd:000 submit date:221123142300 done date:221123142459 stat:EXPIRED err:27 Text:",
                receipt("7F3A", State::Expired, "27"),
            ),
            // OsmoMSC: an id of its own, dates that are none.
            (
                "id:4711 sub:001 dlvrd:001 submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:DELIVRD err:000 text:",
                receipt("4711", State::Delivered, "000"),
            ),
            // Nothing but what matters, a UUID.
            (
                "id:3f2504e0-4f89-11d3-9a0c-0305e82c3301 stat:UNDELIV",
                receipt("3f2504e0-4f89-11d3-9a0c-0305e82c3301", State::Undeliverable, ""),
            ),
            // Lower case, another order, more space.
            ("ID:12  stat:rejectd   err:1a ", receipt("12", State::Rejected, "1a")),
            ("stat:DELIVERED id:12", receipt("12", State::Delivered, "")),
            // Blanks around the colon, and behind it.
            (
                "id: 1301 sub: 001 dlvrd: 001 submit date: 2611261423 done date: 2611261424 stat: DELIVRD err: 000 text: ",
                receipt("1301", State::Delivered, "000"),
            ),
            ("id : 1301 stat : EXPIRED err : 1", receipt("1301", State::Expired, "1")),
            // Other separators.
            ("id:12,sub:001,stat:DELIVRD,err:000,text:x", receipt("12", State::Delivered, "000")),
            ("id=12;stat=Rejected;err=9", receipt("12", State::Rejected, "9")),
            ("id:\"12\"|Status:\"Delivered\"", receipt("12", State::Delivered, "")),
            ("id:12\r\nstat:UNDELIV\r\nerr:1\r\n", receipt("12", State::Undeliverable, "1")),
            // A field of the centre's own, which says what is no state.
            ("id:12 stat:DELIVRD reason:no failure", receipt("12", State::Delivered, "")),
            // Nothing between a name and the next.
            ("id:12 sub: err: stat:DELIVRD", receipt("12", State::Delivered, "")),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn the_text_of_the_message_cannot_forge_the_receipt() {
        let text = "id:1 stat:UNDELIV err:001 text:id:2 stat:DELIVRD";
        assert_eq!(read(text), receipt("1", State::Undeliverable, "001"));
        assert_eq!(read("text: id:2 stat:DELIVRD"), ReceiptText::default());
    }

    #[test]
    fn the_first_of_two_equal_fields_counts() {
        assert_eq!(read("id:1 id:2 stat:EXPIRED stat:DELIVRD"), receipt("1", State::Expired, ""));
    }

    #[test]
    fn a_text_that_is_no_receipt_says_nothing() {
        for text in ["", "hello", "id: stat:", "stat:NONSENSE", "paid:1 upstat:DELIVRD", "é"] {
            assert_eq!(read(text), ReceiptText::default(), "{text}");
        }
    }

    #[test]
    fn a_state_is_known_by_whole_words_and_numbers() {
        for (words, state) in [
            ("DELIVERED", State::Delivered),
            ("Delivered", State::Delivered),
            ("DELIVERD", State::Delivered),
            ("dlvrd", State::Delivered),
            ("2", State::Delivered),
            ("UNDELIVERABLE", State::Undeliverable),
            ("undelivered", State::Undeliverable),
            ("Not Delivered", State::Undeliverable),
            ("FAILED", State::Undeliverable),
            ("Delivery failed", State::Undeliverable),
            ("5", State::Undeliverable),
            ("EXPIRED", State::Expired),
            ("Deleted", State::Deleted),
            ("CANCELLED", State::Deleted),
            ("REJECTED", State::Rejected),
            ("Accepted", State::Accepted),
            ("en route", State::Enroute),
            ("DELIVERY_PENDING", State::Enroute),
        ] {
            assert_eq!(read(&format!("stat:{words} err:0")).state, Some(state), "{words}");
        }
    }

    #[test]
    fn every_state_has_a_word_and_a_value() {
        for (state, value, word) in STATES {
            assert_eq!(State::from_message_state(value), Some(state));
            assert_eq!(State::from_words(word), Some(state));
            assert_eq!((state.message_state(), state.to_string().as_str()), (value, word));
        }
        assert_eq!(State::from_message_state(0), None);
        assert_eq!(State::from_message_state(9), None);
    }
}

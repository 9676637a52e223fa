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

    /// The state of the word after `stat:`, in any case. Some centres write the whole of `DELIVERED`.
    fn from_word(word: &str) -> Option<Self> {
        let is = |known: &str| word.eq_ignore_ascii_case(known);
        if is("DELIVERED") {
            return Some(Self::Delivered);
        }
        STATES.iter().find(|(.., known)| is(known)).map(|(state, ..)| *state)
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

/// Reads `id:... sub:... dlvrd:... submit date:... done date:... stat:... err:... text:...`, in any order and case, with
/// fields missing. Dates are not read, for centres do not agree on them. What follows `text:` is the begin of the
/// message itself, and never looked at: a message must not be able to forge its receipt.
pub fn read(text: &str) -> ReceiptText {
    let mut receipt = ReceiptText::default();
    for word in text.split_ascii_whitespace() {
        let Some((name, value)) = word.split_once(':') else {
            continue;
        };
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("text") {
            break;
        }
        if value.is_empty() {
            continue;
        }
        if is("id") {
            receipt.id.get_or_insert_with(|| value.to_owned());
        } else if is("stat") {
            receipt.state = receipt.state.or_else(|| State::from_word(value));
        } else if is("err") {
            receipt.error.get_or_insert_with(|| value.to_owned());
        }
    }
    receipt
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
        for text in ["", "hello", "id: stat:", "stat:NONSENSE"] {
            assert_eq!(read(text), ReceiptText::default(), "{text}");
        }
    }

    #[test]
    fn every_state_has_a_word_and_a_value() {
        for (state, value, word) in STATES {
            assert_eq!(State::from_message_state(value), Some(state));
            assert_eq!(State::from_word(word), Some(state));
            assert_eq!((state.message_state(), state.to_string().as_str()), (value, word));
        }
        assert_eq!(State::from_message_state(0), None);
        assert_eq!(State::from_message_state(9), None);
    }
}

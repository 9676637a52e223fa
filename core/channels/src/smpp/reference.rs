//! How a receipt finds its message.
//!
//! A receipt names its message by the centre's message_id, but centres write it in decimal in one place and in hexadecimal
//! in the other, with or without leading zeros, in either case. Some give every message the same id (OsmoMSC:
//! `msg_id_not_implemented`) and return our user_message_reference, cut to 8 bits. So:
//!
//! - [`of_submission`] makes the names of a message that the centre accepted: its id in its plainest form; and where the id
//!   may be everybody's, our reference modulo 256 with the number's last digits and the time.
//! - [`of_receipt`] makes the names that the receipt's message may have, in ranks, surest first.
//!
//! Nothing is needed in between, so that a receipt finds its message after a restart, and from another process. What is
//! kept ([`super::forms`]) says only how this centre writes its ids.

use countersign_domain::time::Timestamp;

use super::pdu::MAX_MESSAGE_ID_OCTETS;

/// Digits of the number in a name: what national and international forms of it have in common. For their sake no name is
/// logged.
const TAIL_DIGITS: usize = 6;

/// The grain of the time in a name, in seconds. A receipt is matched within one and two of these: longer than a code
/// lives, short enough that our reference has not come round for the same number.
const PERIOD_SECONDS: u64 = 900;

/// What centres answer that give no ids.
const NO_IDS: [&str; 1] = ["msg_id_not_implemented"];

/// How a centre writes in its receipts the ids that it gave in its answers.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum IdForm {
    /// In the same form.
    Same,
    /// Decimal in the answer, hexadecimal in the receipt.
    Hexadecimal,
    /// Hexadecimal in the answer, decimal in the receipt.
    Decimal,
}

impl IdForm {
    pub(super) const ALL: [Self; 3] = [Self::Same, Self::Hexadecimal, Self::Decimal];

    /// The id of the answer, in its plainest form, when the receipt's is `plain`.
    fn answered(self, plain: &str) -> Option<String> {
        match self {
            Self::Same => Some(plain.to_owned()),
            Self::Hexadecimal => {
                u128::from_str_radix(plain, 16).ok().map(|value| value.to_string())
            }
            Self::Decimal => plain.parse::<u128>().ok().map(|value| format!("{value:x}")),
        }
    }
}

/// The names of a message to `number` that the centre accepted as `message_id`.
pub(super) fn of_submission(
    message_id: &str,
    number: &str,
    user_reference: u16,
    now: Timestamp,
) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(id) = plain(message_id) {
        let any_case = id.to_ascii_lowercase();
        names.push(by_id(&id));
        if any_case != id {
            names.push(by_id(&any_case));
        }
    }
    if may_be_everybodys(message_id) {
        names.push(by_user_reference(user_reference, tail(number), period(now)));
    }
    names
}

/// The names that the message of a receipt may have, when its id is in one of these forms; `numbers` are the addresses that
/// the receipt bears.
pub(super) fn of_receipt(
    message_id: Option<&str>,
    forms: &[IdForm],
    numbers: &[&str],
    user_reference: Option<u16>,
    now: Timestamp,
) -> Vec<Vec<String>> {
    let id = message_id.and_then(plain);
    let readings = id.as_deref().map_or_else(Vec::new, |id| {
        readings(id, forms).into_iter().map(|(_, id)| by_id(&id)).collect()
    });
    let any_case = id.map(|id| id.to_ascii_lowercase()).filter(|_| forms.contains(&IdForm::Same));
    let any_case: Vec<_> =
        any_case.map(|id| by_id(&id)).into_iter().filter(|id| !readings.contains(id)).collect();
    let now = period(now);
    let periods = [now, now.saturating_sub(1)];
    let by_reference = user_reference.map_or_else(Vec::new, |reference| {
        let tails =
            numbers.iter().map(|number| tail(number)).filter(|tail| tail.len() == TAIL_DIGITS);
        tails
            .flat_map(|tail| periods.map(|period| by_user_reference(reference, tail, period)))
            .collect()
    });
    let ranks = if message_id.is_some_and(may_be_everybodys) {
        [by_reference, readings, any_case]
    } else {
        [readings, any_case, by_reference]
    };
    ranks.into_iter().filter(|rank| !rank.is_empty()).collect()
}

/// The different ids that a message may have been given when a receipt bears that one, each with the first form that says
/// so.
pub(super) fn readings(plain: &str, forms: &[IdForm]) -> Vec<(IdForm, String)> {
    let mut readings: Vec<(IdForm, String)> = Vec::new();
    for form in forms {
        let Some(id) = form.answered(plain) else {
            continue;
        };
        if readings.iter().all(|(_, known)| *known != id) {
            readings.push((*form, id));
        }
    }
    readings
}

/// Whether a plain id is a number, and no decimal one.
pub(super) fn is_hexadecimal_only(plain: &str) -> bool {
    plain.parse::<u128>().is_err() && u128::from_str_radix(plain, 16).is_ok()
}

/// An id without what centres add and leave out: blanks, quotes, leading zeros and the case of hexadecimal numbers. `None`
/// when it names nothing.
pub(super) fn plain(id: &str) -> Option<String> {
    let id = id.trim_matches(|letter: char| {
        letter.is_whitespace() || letter.is_control() || letter == '"' || letter == '\''
    });
    if id.is_empty() || NO_IDS.iter().any(|none| id.eq_ignore_ascii_case(none)) {
        return None;
    }
    let id: String = id.chars().take(MAX_MESSAGE_ID_OCTETS).collect();
    let number = id.strip_prefix("0x").or_else(|| id.strip_prefix("0X")).unwrap_or(&id);
    if !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        let number = number.to_ascii_lowercase();
        let significant = number.trim_start_matches('0');
        return Some(if significant.is_empty() { "0".to_owned() } else { significant.to_owned() });
    }
    let is_uuid = id.bytes().all(|octet| octet.is_ascii_hexdigit() || octet == b'-');
    Some(if is_uuid { id.to_ascii_lowercase() } else { id })
}

/// The number's last digits in a name.
pub(super) fn tail(number: &str) -> &str {
    let start = number.len().saturating_sub(TAIL_DIGITS);
    number.get(start..).unwrap_or_default()
}

/// Text without a digit may be the same for every message.
fn may_be_everybodys(id: &str) -> bool {
    !id.bytes().any(|octet| (b'1'..=b'9').contains(&octet))
}

fn by_id(plain_id: &str) -> String {
    format!("id:{plain_id}")
}

fn by_user_reference(user_reference: u16, tail: &str, period: u64) -> String {
    let [_, low] = user_reference.to_be_bytes();
    format!("ref:{low}:{tail}:{period}")
}

fn period(now: Timestamp) -> u64 {
    now.unix_seconds() / PERIOD_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
    const NUMBER: &str = "33612345678";

    /// The rank in which a receipt that names `receipt` finds the message that was accepted as `accepted`.
    fn found(accepted: &str, receipt: &str, forms: &[IdForm]) -> Option<usize> {
        let names = of_submission(accepted, NUMBER, 1, NOW);
        of_receipt(Some(receipt), forms, &[NUMBER], None, NOW)
            .iter()
            .position(|rank| rank.iter().any(|name| names.contains(name)))
    }

    #[test]
    fn an_id_is_found_in_any_of_its_forms() {
        for (accepted, receipt) in [
            ("1234", "1234"),
            ("7f3a", "7F3A"),
            ("0000001234", "1234"),
            ("1234", "0000001234"),
            ("0x4D2", "4d2"),
            (" 1234", "1234 "),
            ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", "3F2504E0-4F89-11D3-9A0C-0305E82C3301"),
            ("0", "000"),
            ("XkQzPwRs", "XkQzPwRs"),
            ("msg.1@centre", "msg.1@centre"),
            (&"9".repeat(64), &"9".repeat(70)),
        ] {
            assert_eq!(found(accepted, receipt, &[IdForm::Same]), Some(0), "{accepted} {receipt}");
        }
    }

    #[test]
    fn another_case_is_less_sure_than_the_same() {
        for (accepted, receipt, rank) in [
            ("XkQzPwRs", "XKQZPWRS", Some(1)),
            ("xkqzpwrs", "XkQzPwRs", Some(1)),
            ("XkQzPwRs", "xkqzpwrs", Some(0)),
            ("XkQz", "XkQy", None),
        ] {
            assert_eq!(found(accepted, receipt, &[IdForm::Same]), rank, "{accepted} {receipt}");
        }
    }

    #[test]
    fn an_id_is_found_across_decimal_and_hexadecimal() {
        for (accepted, receipt, form) in [
            ("7F3A", "32570", IdForm::Decimal),
            ("00007f3a", "0000032570", IdForm::Decimal),
            ("4D2", "1234", IdForm::Decimal),
            ("32570", "7F3A", IdForm::Hexadecimal),
            ("1234", "4d2", IdForm::Hexadecimal),
        ] {
            assert_eq!(found(accepted, receipt, &[form]), Some(0), "{accepted} {receipt}");
            assert_eq!(found(accepted, receipt, &IdForm::ALL), Some(0), "{accepted} {receipt}");
            assert_eq!(found(accepted, receipt, &[IdForm::Same]), None, "{accepted} {receipt}");
        }
    }

    #[test]
    fn as_long_as_the_form_is_not_known_no_reading_is_surer_than_another() {
        let ranks = of_receipt(Some("10"), &IdForm::ALL, &[NUMBER], None, NOW);
        assert_eq!(ranks, [["id:10", "id:16", "id:a"]]);
        let ranks = of_receipt(Some("10"), &[IdForm::Hexadecimal], &[NUMBER], None, NOW);
        assert_eq!(ranks, [["id:16"]]);
    }

    #[test]
    fn an_id_of_another_message_is_not_found() {
        assert_eq!(found("1234", "1235", &IdForm::ALL), None);
    }

    #[test]
    fn a_constant_id_is_replaced_by_our_reference_cut_to_8_bits() {
        for constant in ["msg_id_not_implemented", "", "NONE", "0"] {
            let names = of_submission(constant, NUMBER, 4_242, NOW);
            let receipt = |id, number, user_reference, now| {
                of_receipt(Some(id), &IdForm::ALL, &[number], Some(user_reference), now)
                    .iter()
                    .flatten()
                    .any(|name| names.contains(name))
            };
            assert!(receipt("77", NUMBER, 146, NOW));
            assert!(receipt("77", "0612345678", 4_242, NOW.plus_seconds(900)));
            assert!(!receipt("77", NUMBER, 147, NOW));
            assert!(!receipt("77", "33612349999", 146, NOW));
            assert!(!receipt("77", NUMBER, 146, NOW.plus_seconds(1_800)));
        }
    }

    #[test]
    fn of_an_id_that_may_be_everybodys_our_reference_is_surer() {
        let ranks = of_receipt(Some("none"), &[IdForm::Same], &[NUMBER], Some(1), NOW);
        assert!(ranks[0][0].starts_with("ref:") && ranks[1] == ["id:none"], "{ranks:?}");
    }

    #[test]
    fn a_receipt_that_names_nothing_has_no_name() {
        assert!(of_receipt(None, &IdForm::ALL, &[NUMBER], None, NOW).is_empty());
        assert!(of_receipt(Some(" "), &IdForm::ALL, &[NUMBER], None, NOW).is_empty());
    }

    #[test]
    fn a_name_is_short_and_has_no_full_number() {
        for id in ["f".repeat(64), "9".repeat(64), "msg_id_not_implemented".to_owned()] {
            for name in of_submission(&id, NUMBER, u16::MAX, NOW) {
                assert!(name.len() <= 128, "{name}");
                assert!(!name.contains(NUMBER));
            }
        }
    }
}

//! How a receipt finds its message.
//!
//! A receipt names its message by the centre's message_id, but centres write it in decimal in one place and in
//! hexadecimal in the other, with or without leading zeros, in either case. Some give every message the same id
//! (OsmoMSC: `msg_id_not_implemented`) and return our user_message_reference, cut to 8 bits. So:
//!
//! - [`of_submission`] makes one reference when the centre accepts a message: the id in its plainest form and the last
//!   digits of the number; or, when the id names nothing, those digits, our reference modulo 256, and the time.
//! - [`of_receipt`] makes every reference that the receipt's message may have, surest first.
//!
//! Nothing is kept in between, so that a receipt finds its message after a restart, and from another process.

use countersign_domain::time::Timestamp;

/// Digits of the number in a reference: what national and international forms of it have in common, and no more of it
/// than a log may show.
const TAIL_DIGITS: usize = 6;

/// The grain of the time in a reference, in seconds. A receipt is matched within one and two of these: longer than a
/// code lives, short enough that our reference has not come round for the same number.
const PERIOD_SECONDS: u64 = 900;

/// The reference of a message to `number` that the centre accepted as `message_id`.
pub(super) fn of_submission(
    message_id: &str,
    number: &str,
    user_reference: u16,
    now: Timestamp,
) -> String {
    let tail = tail(number);
    if names_a_message(message_id) {
        by_id(&plain(message_id), tail)
    } else {
        by_user_reference(user_reference, tail, period(now))
    }
}

/// The references that a receipt about a message to `number` may mean.
pub(super) fn of_receipt(
    message_id: Option<&str>,
    number: &str,
    user_reference: Option<u16>,
    now: Timestamp,
) -> Vec<String> {
    let tail = tail(number);
    let mut references = Vec::new();
    if let Some(id) = message_id.filter(|id| names_a_message(id)) {
        let id = plain(id);
        // Decimal here and hexadecimal there, or the other way round.
        let in_hexadecimal = id.parse::<u128>().ok().map(|value| format!("{value:x}"));
        let in_decimal = u128::from_str_radix(&id, 16).ok().map(|value| value.to_string());
        for id in [Some(id), in_hexadecimal, in_decimal].into_iter().flatten() {
            let reference = by_id(&id, tail);
            if !references.contains(&reference) {
                references.push(reference);
            }
        }
    }
    if let Some(user_reference) = user_reference {
        let now = period(now);
        references.extend(
            [now, now.saturating_sub(1)]
                .map(|period| by_user_reference(user_reference, tail, period)),
        );
    }
    references
}

fn by_id(plain_id: &str, tail: &str) -> String {
    format!("id:{plain_id}:{tail}")
}

fn by_user_reference(user_reference: u16, tail: &str, period: u64) -> String {
    let [_, low] = user_reference.to_be_bytes();
    format!("ref:{low}:{tail}:{period}")
}

/// Text without a digit is the same for every message, unless it is hexadecimal.
fn names_a_message(id: &str) -> bool {
    let hexadecimal = !id.is_empty() && id.bytes().all(|octet| octet.is_ascii_hexdigit());
    hexadecimal || id.bytes().any(|octet| octet.is_ascii_digit())
}

/// Lower case, no leading zeros.
fn plain(id: &str) -> String {
    let id = id.to_ascii_lowercase();
    let without_zeros = id.trim_start_matches('0');
    if without_zeros.is_empty() { "0".to_owned() } else { without_zeros.to_owned() }
}

fn tail(number: &str) -> &str {
    let start = number.len().saturating_sub(TAIL_DIGITS);
    number.get(start..).unwrap_or_default()
}

fn period(now: Timestamp) -> u64 {
    now.unix_seconds() / PERIOD_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    /// Whether a receipt that names `receipt` finds the message that was accepted as `accepted`; and how sure it is.
    fn found(accepted: &str, receipt: &str) -> Option<usize> {
        let reference = of_submission(accepted, "33612345678", 1, NOW);
        of_receipt(Some(receipt), "33612345678", None, NOW)
            .iter()
            .position(|found| *found == reference)
    }

    #[test]
    fn an_id_is_found_in_any_of_its_forms() {
        for (accepted, receipt) in [
            ("1234", "1234"),
            ("7f3a", "7F3A"),
            ("0000001234", "1234"),
            ("1234", "0000001234"),
            ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", "3F2504E0-4F89-11D3-9A0C-0305E82C3301"),
            ("0", "000"),
        ] {
            assert_eq!(found(accepted, receipt), Some(0), "{accepted} {receipt}");
        }
    }

    #[test]
    fn an_id_is_found_across_decimal_and_hexadecimal() {
        for (accepted, receipt) in [
            ("7F3A", "32570"),
            ("32570", "7F3A"),
            ("00007f3a", "0000032570"),
            ("4D2", "1234"),
            ("1234", "4d2"),
        ] {
            assert!(found(accepted, receipt).is_some(), "{accepted} {receipt}");
        }
    }

    #[test]
    fn the_same_id_is_surer_than_another_form_of_it() {
        let references = of_receipt(Some("10"), "33612345678", None, NOW);
        assert_eq!(references, ["id:10:345678", "id:a:345678", "id:16:345678"]);
    }

    #[test]
    fn an_id_of_another_message_is_not_found() {
        assert_eq!(found("1234", "1235"), None);
        let reference = of_submission("1234", "33612345678", 1, NOW);
        assert!(!of_receipt(Some("1234"), "33699999999", None, NOW).contains(&reference));
    }

    #[test]
    fn a_national_form_of_the_number_is_found() {
        let reference = of_submission("1234", "33612345678", 1, NOW);
        assert!(of_receipt(Some("1234"), "0612345678", None, NOW).contains(&reference));
    }

    #[test]
    fn a_constant_id_is_replaced_by_our_reference_cut_to_8_bits() {
        for constant in ["msg_id_not_implemented", ""] {
            let reference = of_submission(constant, "33612345678", 4_242, NOW);
            let receipt = |number, user_reference, now| {
                of_receipt(Some("77"), number, Some(user_reference), now)
            };
            assert!(receipt("33612345678", 146, NOW).contains(&reference));
            assert!(receipt("33612345678", 4_242, NOW.plus_seconds(900)).contains(&reference));
            assert!(!receipt("33612345678", 147, NOW).contains(&reference));
            assert!(!receipt("33612349999", 146, NOW).contains(&reference));
            assert!(!receipt("33612345678", 146, NOW.plus_seconds(1_800)).contains(&reference));
        }
    }

    #[test]
    fn a_receipt_that_names_nothing_has_no_reference() {
        assert!(of_receipt(None, "33612345678", None, NOW).is_empty());
        assert!(of_receipt(Some("none"), "33612345678", None, NOW).is_empty());
    }

    #[test]
    fn a_reference_is_short_and_has_no_full_number() {
        for id in ["f".repeat(64), "9".repeat(64), "msg_id_not_implemented".to_owned()] {
            let reference = of_submission(&id, "33612345678", u16::MAX, NOW);
            assert!(reference.len() <= 128, "{reference}");
            assert!(!reference.contains("33612345678"));
        }
    }
}

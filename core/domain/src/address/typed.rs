//! Telephone numbers as people type, dictate and paste them.

use crate::{
    invalid::{Field, InvalidInput},
    typed,
};

/// ITU-T E.123 forbids to write such a zero. Whether it belongs to the number differs from country to country: a guess would
/// send a code to somebody else.
const NATIONAL_ZERO: &str = "has a zero behind the country code, as in +33 (0)6 12 34 56 78: type it as it is dialled from abroad, +33 6 12 34 56 78";
const EXTENSION: &str =
    "has an extension, to which no code can be sent: type a mobile number alone";

/// A number of 15 digits, each with a separator and marks around it.
const MAX_CHARS: usize = 64;

/// How an extension begins, in a `tel:` URI (RFC 3966), behind a pause, or in the words of the larger languages.
const EXTENSIONS: [&str; 11] =
    ["ext", "isub", "x", "×", "#", "poste", "anexo", "ramal", "int", "dw", "доб"];

/// Country codes of two digits (ITU-T E.164, list of assigned codes). 1 and 7 have one, all others three.
const OF_TWO_DIGITS: [&str; 44] = [
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47",
    "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65",
    "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// Under these a number may begin with a zero: Italy, Ivory Coast, Burkina Faso, Benin, Gabon, Congo, San Marino and the Vatican;
/// and codes that are of no country.
const WITH_ZERO: [&str; 19] = [
    "39", "225", "226", "229", "241", "242", "378", "379", "800", "808", "870", "878", "881",
    "882", "883", "888", "979", "991", "999",
];

/// The text with what is no part of its number left out: separators of all kinds, `tel:`, and `00` for `+`. What is no
/// number stays, to be refused by the reader of the canonical form.
pub(super) fn canonical(text: &str) -> Result<String, InvalidInput> {
    let refuse = |why| Err(InvalidInput::new(Field::Msisdn, why));
    if text.chars().nth(MAX_CHARS).is_some() {
        return refuse("is longer than 64 characters");
    }
    let text: String = typed::plain(text).expose().chars().map(half_width).collect();
    let text = without_scheme(text);
    let (number, rest) = text.split_at(text.find(is_no_part).unwrap_or(text.len()));
    if !number.is_empty() && is_extension(rest) {
        return refuse(EXTENSION);
    }
    let mut canonical = number.replace(is_separator, "");
    // E.164 recommends this prefix for what is written as a plus.
    if let Some(abroad) = canonical.strip_prefix("00") {
        canonical = format!("+{abroad}");
    }
    // Brackets around the whole beginning hold a prefix or a country code.
    let bracketed = number.trim_start_matches(is_separator);
    let is_bracketed = bracketed.contains("(0)") || bracketed.contains("[0]");
    match canonical.strip_prefix('+') {
        Some(digits) if is_bracketed || has_national_zero(digits) => refuse(NATIONAL_ZERO),
        _ => Ok(canonical + rest),
    }
}

/// The forms for a wide line (Unicode block FF00) have ASCII's order.
fn half_width(c: char) -> char {
    let ascii = u32::from(c).checked_sub(0xfee0).and_then(char::from_u32);
    ascii.filter(char::is_ascii_graphic).unwrap_or(c)
}

fn without_scheme(text: String) -> String {
    match text.split_at_checked(4) {
        Some((scheme, number)) if scheme.eq_ignore_ascii_case("tel:") => {
            number.replace("%2B", "+").replace("%2b", "+").replace("%20", "")
        }
        _ => text,
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '(' | ')' | '[' | ']' | '.' | '/' | '·' | '•')
}

fn is_no_part(c: char) -> bool {
    c != '+' && !c.is_ascii_digit() && !is_separator(c)
}

fn is_extension(rest: &str) -> bool {
    // Phones write a pause as a comma, and a wait for the caller as a semicolon.
    let word = rest.trim_start_matches([',', ';', '.']).to_lowercase();
    (word.len() < rest.len() && word.starts_with(|c: char| c.is_ascii_digit()))
        || EXTENSIONS.iter().any(|extension| word.starts_with(extension))
}

fn has_national_zero(digits: &str) -> bool {
    if WITH_ZERO.iter().any(|code| digits.starts_with(code)) {
        return false;
    }
    let code = match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        _ if OF_TWO_DIGITS.iter().any(|code| digits.starts_with(code)) => 2,
        _ => 3,
    };
    digits.get(code..).is_some_and(|national| national.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use crate::{address::Msisdn, invalid::InvalidInput};

    use super::*;

    #[test]
    fn a_number_is_read_as_people_and_programs_write_it() {
        for typed in [
            "+33639990003",
            " +33 6 39 99 00 03\r\n",
            "+33-6-39-99-00-03",
            "+33.6.39.99.00.03",
            "+33/639/990003",
            "+33\u{a0}6\u{202f}39\u{2009}99\u{3000}00\t03",
            "+33\u{2011}6\u{2013}39\u{2014}99\u{2212}00\u{ff0d}03",
            "+33\u{30fc}639\u{ff70}990003",
            "\u{202d}+33 6 39 99 00 03\u{202c}",
            "\u{200e}+33639990003",
            "\u{2066}+33\u{200b}639\u{feff}990003\u{2069}",
            "+33 [6] 39 99 00 03",
            "(+33) 639 990 003",
            "+(33) 639 990 003",
            "+33·6·39·99·00·03",
            "\u{ff0b}\u{ff13}\u{ff13}\u{ff08}\u{ff16}\u{ff13}\u{ff19}\u{ff09}990003",
            "+\u{663}\u{663} \u{666}\u{663}\u{669}\u{669}\u{669}\u{660}\u{660}\u{660}\u{663}",
            "0033 6 39 99 00 03",
            "00 (33) 639990003",
            "(0033) 6 39 99 00 03",
            "tel:+33-6-39-99-00-03",
            "TEL:+33.6(39)990003",
            "tel:%2B33%20639990003",
            "tel:0033639990003",
        ] {
            assert_eq!(Msisdn::typed(typed).unwrap().expose(), "+33639990003", "{typed:?}");
        }
    }

    fn assert_refused(typed: &str, why: &'static str) {
        let refused = Err(InvalidInput::new(Field::Msisdn, why));
        assert_eq!(Msisdn::typed(typed), refused, "{typed:?}");
    }

    #[test]
    fn a_national_zero_is_asked_about() {
        for typed in [
            "+44 (0)7700 900106",
            "+44(0)7700900106",
            "+44 07700 900106",
            "+44 ( 0 ) 7700 900106",
            "0044 (0) 7700 900106",
            "+44\u{ff08}\u{ff10}\u{ff09}7700900106",
            "+44 [0] 7700 900106",
            "+44 (07700) 900106",
            "tel:+44(0)7700900106",
            "+49-0171-1234567",
            "+1 0212 555 0123",
            "+7 0912 345 67 89",
            "+420 0601 123 456",
            "+39 (0)6 1234 5678",
        ] {
            assert_refused(typed, NATIONAL_ZERO);
        }
    }

    #[test]
    fn a_zero_that_belongs_to_the_number_stays() {
        for (typed, read) in [
            ("+39 06 1234 5678", "+390612345678"),
            ("+225 07 12 34 56 78", "+2250712345678"),
            ("+242 06 612 34 56", "+242066123456"),
            ("+378 0549 123456", "+3780549123456"),
            ("+30 690 000 0000", "+306900000000"),
            ("+800 0123 4567", "+80001234567"),
        ] {
            assert_eq!(Msisdn::typed(typed).unwrap().expose(), read);
        }
    }

    #[test]
    fn an_extension_is_refused_as_one() {
        for typed in [
            "+33 1 23 45 67 89 ext. 12",
            "+33 1 23 45 67 89 x12",
            "+33 1 23 45 67 89 (Ext 12)",
            "+33 1 23 45 67 89 poste 12",
            "+33 1 23 45 67 89 #12",
            "+33123456789,,12",
            "+33123456789;12",
            "tel:+33123456789;ext=12",
            "tel:+33123456789;isub=12",
            "0033123456789\u{ff58}12",
        ] {
            assert_refused(typed, EXTENSION);
        }
    }

    #[test]
    fn what_is_no_number_is_refused_by_the_rule_that_it_breaks() {
        let no_plus = "must begin with + and the country code (E.164)";
        let digits_only = "must hold digits only after the + (E.164)";
        let bounds = "must have 7 to 15 digits (E.164)";
        for (typed, why) in [
            ("", no_plus),
            ("06 39 99 00 03", no_plus),
            ("(0)6 39 99 00 03", no_plus),
            ("33 639 990 003", no_plus),
            ("011 33 639 990 003", no_plus),
            ("tel:0639990003;phone-context=+33", no_plus),
            ("sms:+33639990003", no_plus),
            ("+33639990OO3", digits_only),
            ("++33639990003", digits_only),
            ("+33639990003+", digits_only),
            ("+33_639990003", digits_only),
            ("+33639990003 or +33639990004", digits_only),
            ("tel:+33639990003;npdi", digits_only),
            ("+33 \u{2467}39990003", digits_only),
            ("+00 33639990003", "has no country code that begins with 0 (E.164)"),
            ("000 33639990003", "has no country code that begins with 0 (E.164)"),
            ("+", bounds),
            ("+33 6 39 9", bounds),
            ("+33 6 39 99 00 03 04 05 06", bounds),
        ] {
            assert_refused(typed, why);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_is_canonical_and_reads_back(text in ".*", number in "[-+()0-9. ]{0,24}") {
            for text in [text, number] {
                if let Ok(read) = Msisdn::typed(&text) {
                    proptest::prop_assert_eq!(Msisdn::try_from(read.expose()), Ok(read.clone()));
                    proptest::prop_assert_eq!(Msisdn::typed(read.expose()), Ok(read));
                }
            }
        }
    }
}

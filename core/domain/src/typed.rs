//! What people type, dictate or paste where digits are asked for.

use icu_properties::{CodePointMapData, props::GeneralCategory};

use crate::{secret::Secret, shown::is_unshowable};

/// The text without what keyboards, messengers and autofill put between, before and behind digits: spaces, dashes, and characters
/// that nobody sees. Decimal digits of any script become those of ASCII; everything else stays, to be refused by its reader.
pub(crate) fn plain(text: &str) -> Secret<String> {
    without(text, |c| is_space(c) || is_dash(c))
}

/// The same, but with its dashes: for what they part.
pub(crate) fn unspaced(text: &str) -> Secret<String> {
    without(text, is_space)
}

/// The same text, its decimal digits those of ASCII.
pub(crate) fn with_ascii_digits(text: &str) -> Secret<String> {
    without(text, |_| false)
}

fn without(text: &str, dropped: impl Fn(char) -> bool) -> Secret<String> {
    // No character becomes a longer one: the buffer does not grow, and leaves no copy behind.
    let mut left = String::with_capacity(text.len());
    left.extend(text.chars().filter(|c| !dropped(*c)).map(ascii_digit));
    Secret::new(left)
}

fn is_space(c: char) -> bool {
    is_unshowable(c) || c.is_whitespace()
}

fn is_dash(c: char) -> bool {
    // The minus sign, and the long vowel mark that Japanese keyboards have in its place, are no dashes to Unicode.
    matches!(c, '\u{2212}' | '\u{30fc}' | '\u{ff70}')
        || CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::DashPunctuation
}

fn ascii_digit(c: char) -> char {
    let is_decimal = |point: u32| {
        CodePointMapData::<GeneralCategory>::new().get32(point) == GeneralCategory::DecimalNumber
    };
    if c.is_ascii() || !is_decimal(c.into()) {
        return c;
    }
    // Scripts have their digits in rows of ten, zero first (The Unicode Standard, section 4.6).
    let before = (0..u32::from(c)).rev().take_while(|point| is_decimal(*point)).count();
    u32::try_from(before % 10).ok().and_then(|digit| char::from_digit(digit, 10)).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_keyboards_and_messengers_write_them() {
        for typed in [
            "469330",
            " 469 330\t",
            "469-330",
            "469\u{2013}330",
            "469\u{2011}330",
            "469\u{2212}330",
            "469\u{202f}330",
            "469\u{a0}330",
            "469\u{3000}330",
            "\u{202d}469330\u{202c}",
            "\u{200b}469330",
            "\u{feff}469330\u{200e}",
            "469\u{ad}330\r\n",
            "\u{ff14}\u{ff16}\u{ff19}\u{ff13}\u{ff13}\u{ff10}",
            "\u{664}\u{666}\u{669}\u{663}\u{663}\u{660}",
            "\u{6f4}\u{6f6}\u{6f9}\u{6f3}\u{6f3}\u{6f0}",
            "\u{96a}\u{96c}\u{96f}\u{969}\u{969}\u{966}",
            // Mathematical digits: five rows without a gap.
            "\u{1d7d2}\u{1d7de}\u{1d7eb}\u{1d7ef}\u{1d7f9}\u{1d7ec}",
        ] {
            assert_eq!(plain(typed).expose(), "469330", "{typed:?}");
        }
    }

    #[test]
    fn what_is_no_digit_stays() {
        for typed in ["46933O", "469.330", "469_330", "\u{2460}69330", "٤٦٩٣٣a", "½"] {
            assert!(!plain(typed).expose().bytes().all(|b| b.is_ascii_digit()), "{typed:?}");
        }
    }
}

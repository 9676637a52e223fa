//! The GSM 7 bit default alphabet and its extension table (3GPP TS 23.038 sections 6.2.1 and 6.2.1.1), one octet for
//! each septet, as SMPP carries it with data_coding 0.

/// The escape to the extension table.
pub const ESCAPE: u8 = 0x1B;

/// The default alphabet by code. The escape itself stands as a no-break space, which TS 23.038 asks for when a receiver
/// does not understand it.
pub const DEFAULT_ALPHABET: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{A0}', 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// The extension table: the code that follows the escape, and what it means.
pub const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{0C}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// A character in the alphabet: one septet, or the escape and one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Septets {
    /// It is in the default alphabet.
    Default(u8),
    /// It is in the extension table, and takes two septets.
    Extension(u8),
}

/// The septets of a character, or `None` when the alphabet does not have it.
pub fn encode(character: char) -> Option<Septets> {
    // Most characters of most texts have the code that they have in ASCII: no search for these.
    if matches!(character, '\n' | '\r' | ' '..='#' | '%'..='?' | 'A'..='Z' | 'a'..='z') {
        return u8::try_from(character).ok().map(Septets::Default);
    }
    // The placeholder of the escape is not a character of the alphabet.
    if character == '\u{A0}' {
        return None;
    }
    let default = DEFAULT_ALPHABET.iter().position(|&known| known == character);
    if let Some(code) = default.and_then(|position| u8::try_from(position).ok()) {
        return Some(Septets::Default(code));
    }
    EXTENSION
        .iter()
        .find(|(_, known)| *known == character)
        .map(|(code, _)| Septets::Extension(*code))
}

/// The text of septets, one in each octet. An escape to a code that the extension table does not have is read as the
/// default alphabet's character of that code (TS 23.038 section 6.2.1.1, note 1); octets above 0x7F as `?`.
pub fn decode(septets: &[u8]) -> String {
    let mut text = String::with_capacity(septets.len());
    let mut codes = septets.iter().copied();
    while let Some(code) = codes.next() {
        if code != ESCAPE {
            text.push(default_character(code));
        } else if let Some(escaped) = codes.next() {
            let extended = EXTENSION.iter().find(|(known, _)| *known == escaped);
            text.push(extended.map_or_else(|| default_character(escaped), |(_, known)| *known));
        }
    }
    text
}

fn default_character(code: u8) -> char {
    DEFAULT_ALPHABET.get(usize::from(code)).copied().unwrap_or('?')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published table (3GPP TS 23.038 section 6.2.1), by Unicode code point, typed anew from the norm's columns.
    const PUBLISHED: &str = include_str!("gsm7_table.txt");

    fn published() -> impl Iterator<Item = (Vec<u8>, char)> {
        PUBLISHED.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (octets, rest) = line.split_once(" U+").unwrap();
            let code_point = rest.split_whitespace().next().unwrap();
            let septets = (0..octets.len() / 2)
                .map(|at| u8::from_str_radix(&octets[at * 2..at * 2 + 2], 16).unwrap())
                .collect();
            (septets, char::from_u32(u32::from_str_radix(code_point, 16).unwrap()).unwrap())
        })
    }

    #[test]
    fn every_character_of_the_published_table_is_written_and_read() {
        let mut seen = 0;
        for (septets, character) in published() {
            let written = match encode(character) {
                Some(Septets::Default(code)) => vec![code],
                Some(Septets::Extension(code)) => vec![ESCAPE, code],
                None => panic!("{character:?} is missing"),
            };
            assert_eq!(written, septets, "{character:?}");
            assert_eq!(decode(&septets), character.to_string());
            seen += 1;
        }
        // 128 codes less the escape, and 10 extensions.
        assert_eq!(seen, 127 + 10);
    }

    #[test]
    fn a_character_outside_the_alphabet_has_no_septets() {
        for character in ['ê', 'ç', '`', '\t', '\u{A0}', 'Ж', '😀'] {
            assert_eq!(encode(character), None, "{character:?}");
        }
    }

    #[test]
    fn an_unknown_escape_is_read_as_the_default_character() {
        assert_eq!(decode(&[ESCAPE, 0x41]), "A");
    }

    #[test]
    fn a_lone_escape_at_the_end_is_nothing() {
        assert_eq!(decode(&[0x41, ESCAPE]), "A");
    }

    #[test]
    fn an_octet_that_is_no_septet_is_read_as_a_question_mark() {
        assert_eq!(decode(&[0x80, 0xFF]), "??");
    }
}

//! Text to user data and back: the cheapest alphabet that has every character, in as few parts as can be.

use thiserror::Error;
use zeroize::Zeroizing;

use super::{
    gsm7::{self, Septets},
    header,
};

/// Parts that one message may have. Three lines with amount and payee need two at most; what asks for more than this is
/// a mistake that somebody would pay for.
pub const MAX_PARTS: usize = 10;

/// How the characters are coded: the data_coding of SMPP 3.4 section 5.2.19.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Alphabet {
    /// GSM 7 bit default alphabet, one septet in each octet: data_coding 0.
    Gsm7,
    /// The same characters in ISO 8859-1, for centres whose default alphabet that is: data_coding 0. The centre turns them
    /// into septets, so these are counted.
    Latin1,
    /// UTF-16, big-endian, surrogates included: data_coding 8.
    Ucs2,
}

impl Alphabet {
    /// The data_coding octet.
    pub const fn data_coding(self) -> u8 {
        match self {
            Self::Gsm7 | Self::Latin1 => 0,
            Self::Ucs2 => 8,
        }
    }

    /// Code units (septets, or UTF-16 units) in a message of one part: 140 octets.
    const fn units_alone(self) -> usize {
        match self {
            Self::Gsm7 | Self::Latin1 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// Code units in each of several parts: 140 octets less the header.
    const fn units_in_part(self) -> usize {
        match self {
            Self::Gsm7 | Self::Latin1 => 153,
            Self::Ucs2 => 67,
        }
    }

    /// The code units of a character as octets, in `octets`; returns how many octets they take, and how many code units.
    fn units_of(self, character: char, octets: &mut [u8; 4]) -> Option<(usize, usize)> {
        let [first, second, third, fourth] = octets;
        match self {
            Self::Gsm7 => match gsm7::encode(character)? {
                Septets::Default(code) => {
                    *first = code;
                    Some((1, 1))
                }
                Septets::Extension(code) => {
                    (*first, *second) = (gsm7::ESCAPE, code);
                    Some((2, 2))
                }
            },
            Self::Latin1 => {
                *first = u8::try_from(character).ok()?;
                match gsm7::encode(character)? {
                    Septets::Default(_) => Some((1, 1)),
                    Septets::Extension(_) => Some((1, 2)),
                }
            }
            Self::Ucs2 => {
                let mut units = [0; 2];
                let length = character.encode_utf16(&mut units).len();
                let [high, low] = units.map(u16::to_be_bytes);
                ([*first, *second], [*third, *fourth]) = (high, low);
                Some((length * 2, length))
            }
        }
    }

    const fn octets_in_unit(self) -> usize {
        match self {
            Self::Gsm7 | Self::Latin1 => 1,
            Self::Ucs2 => 2,
        }
    }

    fn has(self, text: &str) -> bool {
        let mut octets = Zeroizing::new([0; 4]);
        text.chars().all(|character| self.units_of(character, &mut octets).is_some())
    }
}

/// A text ready to be sent.
#[derive(Clone, PartialEq)]
pub struct Encoded {
    /// The alphabet of every part.
    pub alphabet: Alphabet,
    /// The user data of every part; each begins with a user data header when there is more than one. Wiped when dropped.
    pub parts: Vec<Zeroizing<Vec<u8>>>,
}

/// The text would need more than [`MAX_PARTS`] parts.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the text needs more than {MAX_PARTS} parts")]
pub struct TooLong;

/// Codes `text`, in GSM 7 bit when that has every character and in UTF-16 otherwise, and splits it if it must be.
///
/// A character is never split: neither an escape from what it escapes to, nor a surrogate from its pair. `reference` is
/// common to the parts; a text that is sent again with the same one completes what arrived of it before.
///
/// # Errors
/// When it would need more than [`MAX_PARTS`] parts.
pub fn encode(text: &str, reference: u8) -> Result<Encoded, TooLong> {
    encode_in(Alphabet::Gsm7, text, reference)
}

/// As [`encode`], for a network whose default alphabet is `default`.
///
/// # Errors
/// As [`encode`].
pub fn encode_in(default: Alphabet, text: &str, reference: u8) -> Result<Encoded, TooLong> {
    let alphabet = if default.has(text) { default } else { Alphabet::Ucs2 };

    let alone = split(text, alphabet, alphabet.units_alone(), 1, &[]);
    if let Ok(parts) = alone {
        return Ok(Encoded { alphabet, parts });
    }
    let room_for_header = [0; header::CONCATENATION_OCTETS];
    let mut parts = split(text, alphabet, alphabet.units_in_part(), MAX_PARTS, &room_for_header)?;
    let total = u8::try_from(parts.len()).map_err(|_| TooLong)?;
    for (number, part) in (1..=total).zip(&mut parts) {
        for (octet, value) in part.iter_mut().zip(header::write(reference, total, number)) {
            *octet = value;
        }
    }
    Ok(Encoded { alphabet, parts })
}

/// Fills parts of up to `units` code units after `head`, without splitting a character.
fn split(
    text: &str,
    alphabet: Alphabet,
    units: usize,
    max_parts: usize,
    head: &[u8],
) -> Result<Vec<Zeroizing<Vec<u8>>>, TooLong> {
    let full = head.len() + units * alphabet.octets_in_unit();
    // With its whole capacity from the start: a vector that grows leaves an unwiped copy behind.
    let begin = || {
        let mut part = Zeroizing::new(Vec::with_capacity(full));
        part.extend_from_slice(head);
        part
    };
    let mut parts = Vec::new();
    let (mut part, mut used) = (begin(), 0_usize);
    let mut octets = Zeroizing::new([0; 4]);
    for character in text.chars() {
        let (length, taken) = alphabet.units_of(character, &mut octets).unwrap_or((0, 0));
        if used + taken > units {
            parts.push(std::mem::replace(&mut part, begin()));
            used = 0;
        }
        used += taken;
        if parts.len() >= max_parts {
            return Err(TooLong);
        }
        part.extend(octets.iter().take(length));
    }
    parts.push(part);
    Ok(parts)
}

/// The text of user data without its header, or `None` when it is not text in a coding that we know.
///
/// Known are GSM 7 bit (0), IA5 (1), Latin-1 (3) and UCS-2 (8). What cannot be read within one of these becomes U+FFFD
/// or `?`: a receiver's reply is read as far as it can be.
pub fn decode(data_coding: u8, octets: &[u8]) -> Option<Zeroizing<String>> {
    let text = match data_coding {
        0 => gsm7::decode(octets),
        1 => octets
            .iter()
            .map(|&octet| if octet.is_ascii() { char::from(octet) } else { '?' })
            .collect(),
        3 => octets.iter().copied().map(char::from).collect(),
        8 => {
            let (pairs, _odd) = octets.as_chunks::<2>();
            char::decode_utf16(pairs.iter().map(|&pair| u16::from_be_bytes(pair)))
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        _ => return None,
    };
    Some(Zeroizing::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(text: &str) -> (Alphabet, Vec<usize>) {
        let encoded = encode(text, 1).unwrap();
        (encoded.alphabet, encoded.parts.iter().map(|part| part.len()).collect())
    }

    /// Every part without its header, decoded and joined.
    fn joined(encoded: &Encoded) -> String {
        let coding = encoded.alphabet.data_coding();
        let head = if encoded.parts.len() > 1 { header::CONCATENATION_OCTETS } else { 0 };
        encoded
            .parts
            .iter()
            .map(|part| decode(coding, &part[head..]).unwrap().to_string())
            .collect()
    }

    #[test]
    fn the_cheapest_alphabet_is_chosen() {
        assert_eq!(lengths("Code 123456, 49.99 €"), (Alphabet::Gsm7, vec![21]));
        assert_eq!(lengths("Votre code à vérifier: 123456 [Ñandú]").0, Alphabet::Ucs2);
        assert_eq!(lengths("ê"), (Alphabet::Ucs2, vec![2]));
        assert_eq!(lengths("😀"), (Alphabet::Ucs2, vec![4]));
    }

    #[test]
    fn no_text_is_one_empty_part() {
        assert_eq!(lengths(""), (Alphabet::Gsm7, vec![0]));
    }

    #[test]
    fn gsm7_takes_160_septets_alone_and_153_in_parts() {
        assert_eq!(lengths(&"a".repeat(160)).1, [160]);
        assert_eq!(lengths(&"a".repeat(161)).1, [6 + 153, 6 + 8]);
        assert_eq!(lengths(&"a".repeat(306)).1, [6 + 153, 6 + 153]);
        assert_eq!(lengths(&"a".repeat(307)).1, [6 + 153, 6 + 153, 6 + 1]);
    }

    #[test]
    fn an_extended_character_counts_twice() {
        assert_eq!(lengths(&"€".repeat(80)).1, [160]);
        assert_eq!(lengths(&"€".repeat(81)).1, [6 + 152, 6 + 10]);
    }

    #[test]
    fn ucs2_takes_70_units_alone_and_67_in_parts() {
        assert_eq!(lengths(&"ê".repeat(70)).1, [140]);
        assert_eq!(lengths(&"ê".repeat(71)).1, [6 + 134, 6 + 8]);
    }

    #[test]
    fn an_escape_is_never_split_from_what_it_escapes_to() {
        let text = format!("{}€{}", "a".repeat(152), "b".repeat(20));
        let encoded = encode(&text, 1).unwrap();
        assert_eq!(encoded.parts[0].len(), 6 + 152);
        assert_eq!(encoded.parts[1][6..8], [0x1B, 0x65]);
        assert_eq!(joined(&encoded), text);
    }

    #[test]
    fn a_surrogate_is_never_split_from_its_pair() {
        let text = format!("{}😀{}", "ê".repeat(66), "b".repeat(20));
        let encoded = encode(&text, 1).unwrap();
        assert_eq!(encoded.parts[0].len(), 6 + 132);
        assert_eq!(encoded.parts[1][6..10], [0xD8, 0x3D, 0xDE, 0x00]);
        assert_eq!(joined(&encoded), text);
    }

    #[test]
    fn every_part_says_which_it_is() {
        let encoded = encode(&"a".repeat(400), 0xA7).unwrap();
        let heads: Vec<_> = encoded.parts.iter().map(|part| part[..6].to_vec()).collect();
        assert_eq!(heads, [[5, 0, 3, 0xA7, 3, 1], [5, 0, 3, 0xA7, 3, 2], [5, 0, 3, 0xA7, 3, 3]]);
    }

    #[test]
    fn a_text_of_too_many_parts_is_refused() {
        assert!(encode(&"a".repeat(MAX_PARTS * 153), 1).is_ok());
        assert!(matches!(encode(&"a".repeat(MAX_PARTS * 153 + 1), 1), Err(TooLong)));
    }

    #[test]
    fn a_text_of_every_character_survives() {
        let alphabet = gsm7::DEFAULT_ALPHABET.iter().filter(|&&c| c != '\u{A0}');
        let text: String = alphabet.chain(gsm7::EXTENSION.iter().map(|(_, c)| c)).collect();
        let encoded = encode(&text.repeat(3), 1).unwrap();
        assert_eq!(encoded.alphabet, Alphabet::Gsm7);
        assert_eq!(joined(&encoded), text.repeat(3));
    }

    #[test]
    fn in_latin_1_a_text_has_the_characters_and_the_length_of_gsm7() {
        let latin1 = |text: &str| encode_in(Alphabet::Latin1, text, 1).unwrap();
        let short = latin1("Code à vérifier");
        assert_eq!((short.alphabet, short.alphabet.data_coding()), (Alphabet::Latin1, 0));
        assert_eq!(&**short.parts[0], b"Code \xE0 v\xE9rifier");
        // Not in GSM 03.38, and not in Latin-1.
        for text in ["ê", "€"] {
            assert_eq!(latin1(text).alphabet, Alphabet::Ucs2, "{text}");
        }
        assert_eq!(latin1(&"[".repeat(80)).parts.len(), 1);
        let long = latin1(&"[".repeat(81));
        assert_eq!(long.parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [6 + 76, 6 + 5]);
    }

    #[test]
    fn other_codings_are_read() {
        assert_eq!(**decode(1, b"a\xE9").unwrap(), *"a?");
        assert_eq!(**decode(3, b"a\xE9").unwrap(), *"aé");
        assert_eq!(**decode(8, &[0, b'a', 0xD8, 0x3D, 0]).unwrap(), *"a\u{FFFD}");
    }

    #[test]
    fn binary_data_is_no_text() {
        assert!(decode(4, b"a").is_none());
    }
}

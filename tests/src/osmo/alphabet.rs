//! The GSM 7-bit alphabet (3GPP TS 23.038 sections 6.1.2.1 and 6.2.1).
//!
//! The product has a table of its own. The phone does not use it, so that a mistake in one is not hidden by the other.

use super::error::PduError;

/// Character of each septet; ESC (0x1B) leads to the extension table.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1B}ÆæßÉ \
     !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// The extension table (section 6.2.1.1).
const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{C}'),
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

const ESCAPE: u8 = 0x1B;

/// Text of septets. An escape at the end has lost its character.
pub(super) fn text_of(septets: &[u8]) -> Result<String, PduError> {
    let mut text = String::new();
    let mut rest = septets.iter();
    while let Some(&septet) = rest.next() {
        if septet != ESCAPE {
            text.extend(BASIC.chars().nth(septet.into()));
            continue;
        }
        let &code = rest.next().ok_or(PduError::SplitCharacter)?;
        let extended =
            EXTENSION.iter().find(|(known, _)| *known == code).map(|(_, character)| *character);
        // An unknown extension is shown as the basic character (section 6.2.1.1, note 1).
        text.extend(extended.or_else(|| BASIC.chars().nth(code.into())));
    }
    Ok(text)
}

/// Septets of a text, or nothing when a character is in neither table.
pub(super) fn septets_of(text: &str) -> Option<Vec<u8>> {
    let mut septets = Vec::new();
    for character in text.chars() {
        if let Some((code, _)) = EXTENSION.iter().find(|(_, known)| *known == character) {
            septets.extend([ESCAPE, *code]);
        } else {
            let code = BASIC.chars().position(|known| known == character && known != '\u{1B}')?;
            septets.push(u8::try_from(code).ok()?);
        }
    }
    Some(septets)
}

/// Packs septets, least significant bit first (section 6.1.2.1.1).
pub(super) fn pack(septets: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    let (mut bits, mut held) = (0u32, 0u32);
    for &septet in septets {
        bits |= u32::from(septet & 0x7F) << held;
        held += 7;
        while held >= 8 {
            octets.push(low_octet(bits));
            bits >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        octets.push(low_octet(bits));
    }
    octets
}

/// Unpacks the first `count` septets.
pub(super) fn unpack(octets: &[u8], count: usize) -> Result<Vec<u8>, PduError> {
    let mut septets = Vec::new();
    let (mut bits, mut held) = (0u32, 0u32);
    for &octet in octets {
        bits |= u32::from(octet) << held;
        held += 8;
        while held >= 7 {
            septets.push(low_octet(bits) & 0x7F);
            bits >>= 7;
            held -= 7;
        }
    }
    if septets.len() < count {
        return Err(PduError::Truncated { field: "7-bit text" });
    }
    septets.truncate(count);
    Ok(septets)
}

fn low_octet(bits: u32) -> u8 {
    let [low, ..] = bits.to_le_bytes();
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basic_table_has_a_character_for_each_septet() {
        assert_eq!(BASIC.chars().count(), 128);
        for (septet, character) in [
            (0x00, '@'),
            (0x10, 'Δ'),
            (0x20, ' '),
            (0x24, '¤'),
            (0x40, '¡'),
            (0x60, '¿'),
            (0x7F, 'à'),
        ] {
            assert_eq!(BASIC.chars().nth(septet), Some(character));
        }
    }

    #[test]
    fn packing_is_that_of_the_standard() {
        // "hellohello", a widely published vector.
        let septets = septets_of("hellohello").unwrap();
        let packed = [0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37];
        assert_eq!(pack(&septets), packed);
        assert_eq!(unpack(&packed, 10).unwrap(), septets);
    }

    #[test]
    fn extended_characters_take_two_septets() {
        let septets = septets_of("9€").unwrap();
        assert_eq!(septets, [0x39, 0x1B, 0x65]);
        assert_eq!(text_of(&septets).unwrap(), "9€");
    }

    #[test]
    fn a_character_outside_both_tables_is_refused() {
        assert_eq!(septets_of("ô"), None);
    }

    #[test]
    fn an_escape_at_the_end_is_refused() {
        assert_eq!(text_of(&[0x41, 0x1B]), Err(PduError::SplitCharacter));
    }

    #[test]
    fn fewer_septets_than_announced_are_refused() {
        assert_eq!(unpack(&[0xE8], 2), Err(PduError::Truncated { field: "7-bit text" }));
    }
}

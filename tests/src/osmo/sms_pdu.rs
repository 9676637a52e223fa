//! The short message itself: SMS-DELIVER to the phone, SMS-SUBMIT from it (3GPP TS 23.040 section 9.2).

use super::alphabet;
use super::error::{PduError, PhoneError};
use super::octets::Octets;

/// What an SMS-DELIVER says (section 9.2.2.1).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Deliver {
    /// A name as it stands; a number in digits, with a plus sign when it is international.
    pub(super) from: String,
    /// The text of this part alone.
    pub(super) text: String,
    /// Its place in a longer text.
    pub(super) part: Option<Part>,
}

/// Concatenation (sections 9.2.3.24.1 and 9.2.3.24.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) reference: u16,
    pub(super) total: u8,
    pub(super) number: u8,
}

/// TP-DCS as far as text needs it (3GPP TS 23.038 section 4).
#[derive(Clone, Copy)]
enum Alphabet {
    Gsm7,
    Ucs2,
}

const USER_DATA_OCTETS: usize = 140;
const USER_DATA_SEPTETS: usize = 160;

/// Reads an SMS-DELIVER.
pub(super) fn read_deliver(tpdu: &[u8]) -> Result<Deliver, PduError> {
    let mut octets = Octets::new(tpdu);
    let first = octets.octet("first octet of SMS-DELIVER")?;
    if first & 0b11 != 0 {
        return Err(PduError::Unsupported { field: "TP-MTI", value: first & 0b11 });
    }
    let has_header = first & 0x40 != 0;
    let from = originating_address(&mut octets)?;
    octets.octet("TP-PID")?;
    let alphabet = alphabet_of(octets.octet("TP-DCS")?)?;
    octets.take(7, "TP-SCTS")?;
    let length = octets.octet("TP-UDL")?;
    let (text, part) = user_data(&mut octets, alphabet, length, has_header)?;
    Ok(Deliver { from, text, part })
}

/// TP-OA (section 9.1.2.5): semi-octets, or septets when it is alphanumeric.
fn originating_address(octets: &mut Octets<'_>) -> Result<String, PduError> {
    let semi_octets = usize::from(octets.octet("TP-OA length")?);
    let kind = octets.octet("TP-OA type")?;
    let value = octets.take(semi_octets.div_ceil(2), "TP-OA")?;
    match (kind >> 4) & 0b111 {
        0b101 => alphabet::text_of(&alphabet::unpack(value, semi_octets * 4 / 7)?),
        type_of_number => {
            let mut number = String::from(if type_of_number == 0b001 { "+" } else { "" });
            for semi_octet in
                value.iter().flat_map(|octet| [octet & 0xF, octet >> 4]).take(semi_octets)
            {
                number.push(digit(semi_octet)?);
            }
            Ok(number)
        }
    }
}

fn digit(semi_octet: u8) -> Result<char, PduError> {
    char::from_digit(semi_octet.into(), 10)
        .ok_or(PduError::Unsupported { field: "digit", value: semi_octet })
}

fn alphabet_of(dcs: u8) -> Result<Alphabet, PduError> {
    match dcs {
        // General coding, not compressed: bits 3 and 2 are the alphabet. Bit 6 marks a message for automatic deletion.
        0x00..=0x7F if dcs & 0x2C == 0x00 => Ok(Alphabet::Gsm7),
        0x00..=0x7F if dcs & 0x2C == 0x08 => Ok(Alphabet::Ucs2),
        // Message waiting groups.
        0xC0..=0xDF => Ok(Alphabet::Gsm7),
        0xE0..=0xEF => Ok(Alphabet::Ucs2),
        // Data coding and message class: bit 2 set is 8-bit data.
        0xF0..=0xFF if dcs & 0x04 == 0 => Ok(Alphabet::Gsm7),
        value => Err(PduError::Unsupported { field: "TP-DCS", value }),
    }
}

/// TP-UD (section 9.2.3.24): perhaps a header, then the text.
fn user_data(
    octets: &mut Octets<'_>,
    alphabet: Alphabet,
    length: u8,
    has_header: bool,
) -> Result<(String, Option<Part>), PduError> {
    let length = usize::from(length);
    let limit = match alphabet {
        Alphabet::Gsm7 => USER_DATA_SEPTETS,
        Alphabet::Ucs2 => USER_DATA_OCTETS,
    };
    if length > limit {
        return Err(PduError::Unsupported {
            field: "TP-UDL",
            value: length.try_into().unwrap_or(u8::MAX),
        });
    }
    let data = octets.take(
        if matches!(alphabet, Alphabet::Gsm7) { (length * 7).div_ceil(8) } else { length },
        "TP-UD",
    )?;

    let (header_octets, part) = if has_header {
        let header = Octets::new(data).length_prefixed("user data header")?;
        (header.len() + 1, concatenation(header)?)
    } else {
        (0, None)
    };
    let text = match alphabet {
        // The text begins at the septet boundary after the header.
        Alphabet::Gsm7 => {
            let septets = alphabet::unpack(data, length)?;
            let text = septets.get((header_octets * 8).div_ceil(7)..);
            alphabet::text_of(text.ok_or(PduError::Truncated { field: "7-bit text" })?)?
        }
        Alphabet::Ucs2 => ucs2_text(data.get(header_octets..).unwrap_or_default())?,
    };
    Ok((text, part))
}

/// The concatenation element of a user data header, with an 8-bit or a 16-bit reference.
fn concatenation(header: &[u8]) -> Result<Option<Part>, PduError> {
    let mut elements = Octets::new(header);
    let mut part = None;
    while !elements.is_empty() {
        let identifier = elements.octet("user data header element")?;
        let value = elements.length_prefixed("user data header element")?;
        let found = match (identifier, value) {
            (0x00, &[reference, total, number]) => {
                Part { reference: reference.into(), total, number }
            }
            (0x08, &[high, low, total, number]) => {
                Part { reference: u16::from_be_bytes([high, low]), total, number }
            }
            (0x00 | 0x08, _) => {
                return Err(PduError::Truncated { field: "concatenation element" });
            }
            _ => continue,
        };
        if found.number == 0 || found.number > found.total {
            return Err(PduError::Unsupported {
                field: "number of the concatenated part",
                value: found.number,
            });
        }
        part = Some(found);
    }
    Ok(part)
}

/// UCS-2, read as UTF-16 as phones do.
fn ucs2_text(octets: &[u8]) -> Result<String, PduError> {
    if !octets.len().is_multiple_of(2) {
        return Err(PduError::SplitCharacter);
    }
    let units =
        octets.chunks_exact(2).filter_map(|unit| unit.try_into().ok().map(u16::from_be_bytes));
    char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| PduError::SplitCharacter)
}

/// Writes an SMS-SUBMIT (section 9.2.2.2) in one part: GSM 7-bit if the alphabet has every character, else UCS-2.
pub(super) fn write_submit(reference: u8, to: &str, text: &str) -> Result<Vec<u8>, PhoneError> {
    let (coding, length, data) = match alphabet::septets_of(text) {
        Some(septets) => (0x00, septets.len(), alphabet::pack(&septets)),
        None => {
            let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            (0x08, units.len(), units)
        }
    };
    if data.len() > USER_DATA_OCTETS {
        return Err(PhoneError::TextTooLong);
    }
    let length = u8::try_from(length).map_err(|_| PhoneError::TextTooLong)?;

    // SMS-SUBMIT, no validity period, no header, no status report.
    let mut tpdu = vec![0x01, reference];
    tpdu.extend(destination_address(to)?);
    // TP-PID 0 (section 9.2.3.9: an ordinary short message), TP-DCS, TP-UDL.
    tpdu.extend([0x00, coding, length]);
    tpdu.extend(data);
    Ok(tpdu)
}

/// TP-DA (section 9.1.2.5): numbering plan E.164, type international with a plus sign and unknown without.
fn destination_address(to: &str) -> Result<Vec<u8>, PhoneError> {
    let (kind, digits) = to.strip_prefix('+').map_or((0x81, to), |digits| (0x91, digits));
    let values: Option<Vec<u8>> =
        digits.chars().map(|c| c.to_digit(10).and_then(|d| u8::try_from(d).ok())).collect();
    let values = values
        .filter(|values| (1..=20).contains(&values.len()))
        .ok_or(PhoneError::InvalidNumber)?;
    let length = u8::try_from(values.len()).map_err(|_| PhoneError::InvalidNumber)?;
    let mut address = vec![length, kind];
    address.extend(swapped_digits(&values));
    Ok(address)
}

/// Two digits an octet, the first in the low half; 0xF fills the last.
fn swapped_digits(digits: &[u8]) -> impl Iterator<Item = u8> {
    digits.chunks(2).map(|pair| match pair {
        [low, high] => high << 4 | low,
        [low] => 0xF0 | low,
        _ => 0xFF,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From "SHOP", no header, 19 septets of text.
    fn deliver(first: u8, dcs: u8, length: u8, data: &[u8]) -> Vec<u8> {
        let mut tpdu = vec![first, 7, 0xD0];
        tpdu.extend(alphabet::pack(&alphabet::septets_of("SHOP").unwrap()));
        tpdu.extend([0x00, dcs, 0x62, 0x11, 0x32, 0x21, 0x43, 0x65, 0x00, length]);
        tpdu.extend(data);
        tpdu
    }

    fn packed(text: &str) -> (u8, Vec<u8>) {
        let septets = alphabet::septets_of(text).unwrap();
        (septets.len().try_into().unwrap(), alphabet::pack(&septets))
    }

    #[test]
    fn a_seven_bit_text_from_a_name_is_read() {
        let (length, data) = packed("Pay 12€ [y/n]?");
        let read = read_deliver(&deliver(0x04, 0xF1, length, &data)).unwrap();
        assert_eq!(
            read,
            Deliver { from: "SHOP".into(), text: "Pay 12€ [y/n]?".into(), part: None }
        );
    }

    #[test]
    fn an_international_number_has_a_plus_sign() {
        let tpdu = [
            0x04, 11, 0x91, 0x33, 0x16, 0x32, 0x54, 0x76, 0xF8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x41,
        ];
        assert_eq!(read_deliver(&tpdu).unwrap().from, "+33612345678");
    }

    #[test]
    fn a_ucs2_text_is_read() {
        let data: Vec<u8> = "Œ😀".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(read_deliver(&deliver(0x04, 0x08, 6, &data)).unwrap().text, "Œ😀");
    }

    #[test]
    fn a_seven_bit_part_begins_after_the_fill_bits() {
        // Six octets of header fill seven septets but for one bit.
        let mut septets = alphabet::unpack(&[5, 0x00, 3, 0x2A, 2, 1, 0], 7).unwrap();
        septets.extend(alphabet::septets_of("part").unwrap());
        let read = read_deliver(&deliver(0x44, 0x00, 11, &alphabet::pack(&septets))).unwrap();
        assert_eq!(read.text, "part");
        assert_eq!(read.part, Some(Part { reference: 0x2A, total: 2, number: 1 }));
    }

    #[test]
    fn a_part_with_a_sixteen_bit_reference_is_read() {
        let read =
            read_deliver(&deliver(0x44, 0x08, 9, &[6, 0x08, 4, 0x12, 0x34, 3, 3, 0x00, 0x41]))
                .unwrap();
        assert_eq!(
            (read.text.as_str(), read.part),
            ("A", Some(Part { reference: 0x1234, total: 3, number: 3 }))
        );
    }

    #[test]
    fn what_is_not_a_deliver_is_refused() {
        assert_eq!(read_deliver(&[0x02]), Err(PduError::Unsupported { field: "TP-MTI", value: 2 }));
    }

    #[test]
    fn a_digit_above_nine_is_refused() {
        assert_eq!(
            read_deliver(&[0x04, 1, 0x91, 0xFA]),
            Err(PduError::Unsupported { field: "digit", value: 0xA })
        );
    }

    #[test]
    fn eight_bit_data_is_refused() {
        assert_eq!(
            read_deliver(&deliver(0x04, 0xF5, 1, &[0])),
            Err(PduError::Unsupported { field: "TP-DCS", value: 0xF5 })
        );
    }

    #[test]
    fn a_text_longer_than_one_message_is_refused() {
        assert_eq!(
            read_deliver(&deliver(0x04, 0x00, 161, &[0; 141])),
            Err(PduError::Unsupported { field: "TP-UDL", value: 161 })
        );
    }

    #[test]
    fn a_truncated_text_is_refused() {
        assert_eq!(
            read_deliver(&deliver(0x04, 0x08, 4, &[0, 0x41])),
            Err(PduError::Truncated { field: "TP-UD" })
        );
    }

    #[test]
    fn a_header_longer_than_the_data_is_refused() {
        assert_eq!(
            read_deliver(&deliver(0x44, 0x08, 2, &[9, 0])),
            Err(PduError::Truncated { field: "user data header" })
        );
    }

    #[test]
    fn a_part_number_beyond_the_total_is_refused() {
        let field = "number of the concatenated part";
        assert_eq!(
            read_deliver(&deliver(0x44, 0x08, 6, &[5, 0, 3, 1, 2, 3])),
            Err(PduError::Unsupported { field, value: 3 })
        );
    }

    #[test]
    fn half_a_surrogate_pair_is_refused() {
        assert_eq!(
            read_deliver(&deliver(0x04, 0x08, 2, &[0xD8, 0x3D])),
            Err(PduError::SplitCharacter)
        );
    }

    #[test]
    fn a_submit_to_a_short_code_is_written() {
        let tpdu = write_submit(5, "3800", "hellohello").unwrap();
        assert_eq!(tpdu[..10], [0x01, 5, 4, 0x81, 0x83, 0x00, 0x00, 0x00, 10, 0xE8]);
    }

    #[test]
    fn a_submit_outside_the_alphabet_is_ucs2() {
        let tpdu = write_submit(5, "+331", "ô").unwrap();
        assert_eq!(tpdu, [0x01, 5, 3, 0x91, 0x33, 0xF1, 0x00, 0x08, 2, 0x00, 0xF4]);
    }

    #[test]
    fn a_called_number_with_a_letter_is_refused() {
        assert_eq!(write_submit(0, "38O0", "x"), Err(PhoneError::InvalidNumber));
    }

    #[test]
    fn a_text_of_161_septets_is_refused() {
        assert!(write_submit(0, "3800", &"a".repeat(160)).is_ok());
        assert_eq!(write_submit(0, "3800", &"a".repeat(161)), Err(PhoneError::TextTooLong));
    }
}

//! The user data header of a concatenated message (3GPP TS 23.040 section 9.2.3.24).

/// Which part of which message this is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Concatenation {
    /// Common to the parts of one message from one sender to one receiver.
    pub reference: u16,
    /// How many parts there are, at least 1.
    pub total: u8,
    /// Which one this is, from 1 to `total`.
    pub part: u8,
}

/// Octets that [`write()`] writes.
pub const CONCATENATION_OCTETS: usize = 6;

/// Information element: concatenated short messages, 8-bit reference (section 9.2.3.24.1).
const CONCATENATION_8_BIT: u8 = 0x00;
/// Information element: concatenated short messages, 16-bit reference (section 9.2.3.24.8).
const CONCATENATION_16_BIT: u8 = 0x08;

/// The header of one part, with an 8-bit reference.
pub const fn write(reference: u8, total: u8, part: u8) -> [u8; CONCATENATION_OCTETS] {
    [5, CONCATENATION_8_BIT, 3, reference, total, part]
}

/// Splits user data into its header's concatenation, if it has one, and what follows the header.
///
/// `None` when the header is longer than the user data, or when an element is longer than the header. A concatenation
/// that makes no sense (no parts, or a part beyond the last) is ignored, as section 9.2.3.24.1 says.
pub fn read(user_data: &[u8]) -> Option<(Option<Concatenation>, &[u8])> {
    let (length, rest) = user_data.split_first()?;
    let (mut elements, text) = rest.split_at_checked(usize::from(*length))?;
    let mut concatenation = None;
    while let [identifier, length, rest @ ..] = elements {
        let (value, rest) = rest.split_at_checked(usize::from(*length))?;
        elements = rest;
        let found = match (*identifier, value) {
            (CONCATENATION_8_BIT, [reference, total, part]) => {
                (u16::from(*reference), *total, *part)
            }
            (CONCATENATION_16_BIT, [high, low, total, part]) => {
                (u16::from_be_bytes([*high, *low]), *total, *part)
            }
            _ => continue,
        };
        let (reference, total, part) = found;
        if (1..=total).contains(&part) {
            concatenation = Some(Concatenation { reference, total, part });
        }
    }
    Some((concatenation, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut data = write(7, 3, 2).to_vec();
        data.extend(b"text");
        let expected = Concatenation { reference: 7, total: 3, part: 2 };
        assert_eq!(read(&data), Some((Some(expected), b"text".as_slice())));
    }

    #[test]
    fn a_sixteen_bit_reference_is_read() {
        let data = [6, 0x08, 4, 0x12, 0x34, 2, 1, b'x'];
        let expected = Concatenation { reference: 0x1234, total: 2, part: 1 };
        assert_eq!(read(&data), Some((Some(expected), b"x".as_slice())));
    }

    #[test]
    fn other_elements_are_skipped() {
        // Application port addressing (16 bit), then the concatenation.
        let data = [11, 0x05, 4, 0, 1, 0, 2, 0x00, 3, 9, 2, 2, b'x'];
        let expected = Concatenation { reference: 9, total: 2, part: 2 };
        assert_eq!(read(&data), Some((Some(expected), b"x".as_slice())));
    }

    #[test]
    fn no_user_data_has_no_header() {
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn a_header_longer_than_the_user_data_is_refused() {
        assert_eq!(read(&[5, 0, 3, 1]), None);
    }

    #[test]
    fn an_element_longer_than_the_header_is_refused() {
        assert_eq!(read(&[3, 0, 9, 1, b'x']), None);
    }

    #[test]
    fn a_part_that_cannot_be_is_ignored() {
        for (total, part) in [(0, 0), (2, 0), (2, 3)] {
            assert_eq!(read(&[5, 0, 3, 1, total, part, b'x']), Some((None, b"x".as_slice())));
        }
    }
}

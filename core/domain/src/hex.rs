//! Hexadecimal, as keys, hashes and ids are written.

/// Lower case, two digits for each byte.
pub fn encode(bytes: &[u8]) -> String {
    // Whole messages are kept so: formatting each byte took a quarter of a gateway's time.
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    let ascii = digits.map(|digit| match digit {
        0..=9 => b'0'.wrapping_add(digit),
        _ => b'a'.wrapping_add(digit.wrapping_sub(10)),
    });
    String::from_utf8(ascii.collect()).unwrap_or_default()
}

/// The bytes, from digits in either case; `None` when it is not pairs of digits and nothing else.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |octet: &u8| char::from(*octet).to_digit(16);
    let byte = |pair: &[u8]| {
        let [high, low] = pair else { return None };
        u8::try_from(digit(high)?.checked_mul(16)?.checked_add(digit(low)?)?).ok()
    };
    text.as_bytes().chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_in_either_case() {
        assert_eq!(encode(&[0x00, 0x0a, 0xff]), "000aff");
        assert_eq!(decode("000aFF"), Some(vec![0x00, 0x0a, 0xff]));
        assert_eq!(decode(""), Some(Vec::new()));
    }

    #[test]
    fn what_is_not_pairs_of_digits_is_refused() {
        for text in ["0", "000", "0g", "+1", " 1", "0x", "é"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}

//! OCRA, the OATH challenge-response algorithm (RFC 6287).
//!
//! All of the RFC's suites can be computed, so that all of its test vectors check this file; our own codes use one
//! suite only, see [`code`](crate::code).

use std::fmt::Write as _;

use ring::hmac;

use crate::invalid::{Field, InvalidInput};

/// Bytes of the question field in the data that is hashed (RFC 6287 §5.1).
const QUESTION_BYTES: usize = 128;

/// What goes into a computation, as far as the suite asks for it (RFC 6287 §5.1).
#[derive(Clone, Copy, Default)]
pub(crate) struct DataInput<'a> {
    /// C: the counter.
    pub(crate) counter: u64,
    /// Q: the question, in the form that the suite names.
    pub(crate) question: &'a str,
    /// P: the hash of a PIN.
    pub(crate) password_hash: &'a [u8],
    /// S: what is said of the session; padded with zeros in front.
    pub(crate) session: &'a [u8],
    /// T: time, in steps of the suite.
    pub(crate) time_steps: u64,
}

/// How a question is written (RFC 6287 §6.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum QuestionForm {
    Alphanumeric,
    Numeric,
    Hexadecimal,
}

/// A suite: which hash, how many digits, which inputs (RFC 6287 §6).
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    text: String,
    algorithm: hmac::Algorithm,
    digits: u8,
    has_counter: bool,
    question: QuestionForm,
    password_bytes: Option<usize>,
    session_bytes: Option<usize>,
    has_time: bool,
}

impl Suite {
    /// Reads a suite such as `OCRA-1:HOTP-SHA256-8:C-QN08-PSHA1`.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidInput> {
        let refuse = |why| InvalidInput::new(Field::OcraSuite, why);
        let mut parts = text.split(':');
        let (Some("OCRA-1"), Some(function), Some(inputs), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(refuse("has not three parts, of which the first is OCRA-1"));
        };
        let (algorithm, digits) =
            parse_function(function).ok_or_else(|| refuse("names an unknown function"))?;
        let mut inputs = inputs.split('-').peekable();
        let has_counter = inputs.next_if_eq(&"C").is_some();
        let question = inputs
            .next()
            .and_then(parse_question)
            .ok_or_else(|| refuse("has no question of a known form"))?;
        let mut optional = |letter: char| inputs.next_if(|input| input.starts_with(letter));
        let password_bytes = match optional('P') {
            None => None,
            Some("PSHA1") => Some(20),
            Some("PSHA256") => Some(32),
            Some("PSHA512") => Some(64),
            Some(_) => return Err(refuse("names an unknown hash of the PIN")),
        };
        let session_bytes = match optional('S').map(|input| input.get(1..).map(str::parse)) {
            None => None,
            Some(Some(Ok(bytes @ 1..=512))) => Some(bytes),
            Some(_) => return Err(refuse("names a session of unknown length")),
        };
        let has_time = optional('T').is_some();
        if inputs.next().is_some() {
            return Err(refuse("has an input too many or out of order"));
        }
        let text = text.to_owned();
        Ok(Self {
            text,
            algorithm,
            digits,
            has_counter,
            question,
            password_bytes,
            session_bytes,
            has_time,
        })
    }

    /// The key for this suite's hash.
    pub(crate) fn key(&self, secret: &[u8]) -> hmac::Key {
        hmac::Key::new(self.algorithm, secret)
    }

    /// The OCRA value: this suite's number of decimal digits.
    pub(crate) fn compute(
        &self,
        key: &hmac::Key,
        input: &DataInput<'_>,
    ) -> Result<String, InvalidInput> {
        let tag = hmac::sign(key, &self.data(input)?);
        Ok(truncate(tag.as_ref(), self.digits))
    }

    /// `OCRASuite | 00 | C | Q | P | S | T` (RFC 6287 §5.1).
    fn data(&self, input: &DataInput<'_>) -> Result<Vec<u8>, InvalidInput> {
        let mut data = self.text.as_bytes().to_vec();
        data.push(0);
        if self.has_counter {
            data.extend(input.counter.to_be_bytes());
        }
        data.extend(question_bytes(self.question, input.question)?);
        if let Some(bytes) = self.password_bytes {
            if input.password_hash.len() != bytes {
                return Err(InvalidInput::new(
                    Field::OcraPinHash,
                    "has not the length of the suite's hash",
                ));
            }
            data.extend(input.password_hash);
        }
        if let Some(bytes) = self.session_bytes {
            let Some(padding) = bytes.checked_sub(input.session.len()) else {
                return Err(InvalidInput::new(Field::Session, "is longer than the suite says"));
            };
            data.extend(std::iter::repeat_n(0, padding));
            data.extend(input.session);
        }
        if self.has_time {
            data.extend(input.time_steps.to_be_bytes());
        }
        Ok(data)
    }
}

/// `HOTP-SHA256-8` and the like (RFC 6287 §6.2). A value that is not truncated (0 digits) is of no use here.
fn parse_function(text: &str) -> Option<(hmac::Algorithm, u8)> {
    let (hash, digits) = text.strip_prefix("HOTP-")?.split_once('-')?;
    let algorithm = match hash {
        "SHA1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "SHA256" => hmac::HMAC_SHA256,
        "SHA512" => hmac::HMAC_SHA512,
        _ => return None,
    };
    digits.parse().ok().filter(|digits| (4..=10).contains(digits)).map(|digits| (algorithm, digits))
}

/// `QN08` and the like (RFC 6287 §6.3).
fn parse_question(text: &str) -> Option<QuestionForm> {
    let length: u8 = text.get(2..)?.parse().ok()?;
    if !(4..=64).contains(&length) {
        return None;
    }
    match text.get(..2)? {
        "QA" => Some(QuestionForm::Alphanumeric),
        "QN" => Some(QuestionForm::Numeric),
        "QH" => Some(QuestionForm::Hexadecimal),
        _ => None,
    }
}

/// The question as bytes, zeros behind it up to [`QUESTION_BYTES`]. Hexadecimal digits are packed from the left, so that
/// an odd number of them leaves half a byte of zeros at the right, as the RFC's reference implementation does.
fn question_bytes(form: QuestionForm, question: &str) -> Result<Vec<u8>, InvalidInput> {
    let mut bytes = match form {
        QuestionForm::Alphanumeric => Some(question.as_bytes().to_vec()),
        QuestionForm::Hexadecimal => pack_hexadecimal(question),
        QuestionForm::Numeric => {
            decimal_to_hexadecimal(question).and_then(|digits| pack_hexadecimal(&digits))
        }
    }
    .filter(|bytes| bytes.len() <= QUESTION_BYTES)
    .ok_or(InvalidInput::new(Field::OcraQuestion, "is not in the form that the suite names"))?;
    bytes.resize(QUESTION_BYTES, 0);
    Ok(bytes)
}

fn pack_hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let nibbles =
        digits.chars().map(|digit| digit.to_digit(16).and_then(|nibble| u8::try_from(nibble).ok()));
    let nibbles: Vec<u8> = nibbles.collect::<Option<_>>()?;
    Some(
        nibbles
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, nibble| byte << 4 | nibble))
            .collect::<Vec<u8>>(),
    )
    .map(|mut bytes| {
        if let (1, Some(last)) = (nibbles.len() % 2, bytes.last_mut()) {
            *last <<= 4;
        }
        bytes
    })
}

/// A decimal number of up to 38 digits as hexadecimal digits.
fn decimal_to_hexadecimal(decimal: &str) -> Option<String> {
    let number: u128 = decimal.parse().ok()?;
    let mut digits = String::new();
    write!(digits, "{number:x}").ok()?;
    Some(digits)
}

/// Dynamic truncation (RFC 4226 §5.3), which RFC 6287 §5.2 refers to.
#[expect(clippy::arithmetic_side_effects, reason = "a power of ten is not zero")]
fn truncate(tag: &[u8], digits: u8) -> String {
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 0x0f);
    let word =
        tag.iter().skip(offset).take(4).fold(0, |word: u64, byte| word << 8 | u64::from(*byte));
    let value = (word & 0x7fff_ffff) % 10_u64.pow(u32::from(digits));
    format!("{value:0width$}", width = usize::from(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One vector a line: `suite key-bytes counter question pin-hash time expect`, `-` where the suite has no such input.
    const VECTORS: &str = include_str!("../tests/vectors/rfc6287.txt");

    /// The RFC's keys are the digits 1234567890 over and over.
    fn key_of(bytes: usize) -> Vec<u8> {
        b"1234567890".iter().copied().cycle().take(bytes).collect()
    }

    #[test]
    fn every_test_vector_of_rfc_6287_appendix_c_holds() {
        let mut held = 0;
        for line in VECTORS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [suite, key_bytes, counter, question, pin_hash, time, expect] = fields[..] else {
                panic!("{line}: not seven fields");
            };
            let suite = Suite::parse(suite).unwrap();
            let input = DataInput {
                counter: counter.parse().unwrap_or_default(),
                question,
                password_hash: &pack_hexadecimal(pin_hash.trim_matches('-')).unwrap(),
                session: &[],
                time_steps: u64::from_str_radix(time, 16).unwrap_or_default(),
            };
            let key = suite.key(&key_of(key_bytes.parse().unwrap()));
            assert_eq!(suite.compute(&key, &input).as_deref(), Ok(expect), "{line}");
            held += 1;
        }
        assert_eq!(held, 70, "the file has all vectors of appendix C.1 to C.3");
    }

    #[test]
    fn a_suite_is_refused_by_the_rule_it_breaks() {
        for (suite, why) in [
            ("OCRA-2:HOTP-SHA256-8:QN08", "has not three parts, of which the first is OCRA-1"),
            ("OCRA-1:HOTP-SHA256-8", "has not three parts, of which the first is OCRA-1"),
            ("OCRA-1:HOTP-MD5-8:QN08", "names an unknown function"),
            ("OCRA-1:HOTP-SHA256-3:QN08", "names an unknown function"),
            ("OCRA-1:HOTP-SHA256-11:QN08", "names an unknown function"),
            ("OCRA-1:HOTP-SHA256-8:C", "has no question of a known form"),
            ("OCRA-1:HOTP-SHA256-8:QX08", "has no question of a known form"),
            ("OCRA-1:HOTP-SHA256-8:QN65", "has no question of a known form"),
            ("OCRA-1:HOTP-SHA256-8:QN08-PMD5", "names an unknown hash of the PIN"),
            ("OCRA-1:HOTP-SHA256-8:QN08-S000", "names a session of unknown length"),
            ("OCRA-1:HOTP-SHA256-8:QN08-T1M-S064", "has an input too many or out of order"),
        ] {
            assert_eq!(
                Suite::parse(suite).map(|_| ()),
                Err(InvalidInput::new(Field::OcraSuite, why)),
                "{suite}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_of_suites_panic(text in ".*", inputs in "[CQPST0-9AHN-]{0,20}") {
            let _ = Suite::parse(&text);
            let _ = Suite::parse(&format!("OCRA-1:HOTP-SHA256-8:{inputs}"));
        }

        #[test]
        fn no_question_makes_a_computation_panic(question in ".*", form in "Q[AHN]64") {
            let suite = Suite::parse(&format!("OCRA-1:HOTP-SHA256-8:{form}")).unwrap();
            let _ = suite.compute(&suite.key(&[1; 32]), &DataInput { question: &question, ..DataInput::default() });
        }
    }

    #[test]
    fn a_question_in_another_form_is_refused() {
        let suite = Suite::parse("OCRA-1:HOTP-SHA256-8:QH64").unwrap();
        let input = DataInput { question: "xyz", ..DataInput::default() };
        assert!(suite.compute(&suite.key(&[1; 32]), &input).is_err());
    }
}

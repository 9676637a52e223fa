//! The phone record: the plaintext of an encrypted number, sealed (cms/sealed.rs) to the gateways that read it.
//!
//! ```text
//! PhoneRecord ::= SEQUENCE {
//!     version         INTEGER (1),
//!     number          IA5String (SIZE (16)),    -- E.164 with its "+", spaces to fixed length
//!     salt            OCTET STRING (SIZE (16)), -- no two records are alike
//!     subjectKeyHash  OCTET STRING (SIZE (32)), -- SHA-256 of the subject's SubjectPublicKeyInfo
//!     card            Card OPTIONAL }
//! Card ::= SEQUENCE {
//!     number          IA5String (SIZE (19)),    -- digits, spaces to fixed length
//!     expiry          IA5String (SIZE (7)) }    -- YYYY-MM
//! ```
//!
//! AES-GCM does not hide lengths; the padding does. That a card is there can be seen, how long its number is cannot.
//! The key hash ties the record to one certificate: an envelope copied into another one is refused.

use der::{Decode, Encode, Sequence, asn1::Ia5StringRef};
use zeroize::Zeroizing;

use crate::{
    cms::{RecipientCertificate, RecipientKey, sealed},
    error::{Error, RecordFault, Refusal, SealedFault},
    phone::{Card, Holder, PhoneNumber},
};

/// The largest envelope that is read. One gateway's has about 300 bytes, each further one adds about 200, or 620 if its
/// key is RSA with 4096 bits: eight of those fit.
pub const MAX_ENVELOPE_BYTES: usize = 6 * 1024;
const VERSION: u8 = 1;
/// `+` and the 15 digits that E.164 allows.
const NUMBER_CHARS: usize = 16;
/// ISO/IEC 7812-1 allows 19 digits.
const CARD_CHARS: usize = 19;
const SALT_BYTES: usize = 16;
/// SHA-256.
const KEY_HASH_BYTES: usize = 32;
const PADDING: char = ' ';

/// Encrypts the record to those recipients, for the certificate whose key has this hash.
pub(crate) fn seal(
    holder: &Holder,
    subject_key_hash: &[u8; KEY_HASH_BYTES],
    recipients: &[RecipientCertificate],
) -> Result<Vec<u8>, Error> {
    sealed::seal(&encode(holder, subject_key_hash)?, recipients)
}

/// Decrypts the record, and checks that it was made for the certificate whose key has this hash.
pub(crate) fn open(
    envelope: &[u8],
    subject_key_hash: &[u8; KEY_HASH_BYTES],
    keys: &[RecipientKey],
) -> Result<Holder, Refusal> {
    if envelope.len() > MAX_ENVELOPE_BYTES {
        return Err(SealedFault::TooLarge.into());
    }
    decode(&sealed::open(envelope, keys)?, subject_key_hash)
}

/// Encodes what is to be encrypted for the certificate whose key has this hash.
fn encode(
    holder: &Holder,
    subject_key_hash: &[u8; KEY_HASH_BYTES],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut salt = [0; SALT_BYTES];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| Error::Failed("drawing a salt"))?;
    let number = padded(holder.number.expose(), NUMBER_CHARS);
    let card_number = holder.card.as_ref().map(|card| padded(card.expose_number(), CARD_CHARS));

    let build = || -> der::Result<Vec<u8>> {
        let card = match (&card_number, &holder.card) {
            (Some(number), Some(card)) => Some(CardRecord {
                number: Ia5StringRef::new(number.as_str())?,
                expiry: Ia5StringRef::new(card.expose_expiry())?,
            }),
            _ => None,
        };
        PhoneRecord {
            version: VERSION,
            number: Ia5StringRef::new(number.as_str())?,
            salt: &salt,
            subject_key_hash,
            card,
        }
        .to_der()
    };
    build().map(Zeroizing::new).map_err(|_| Error::Failed("encoding the phone record"))
}

/// Decodes what was decrypted, and checks that it was made for the certificate whose key has this hash.
fn decode(plaintext: &[u8], subject_key_hash: &[u8; KEY_HASH_BYTES]) -> Result<Holder, Refusal> {
    let record = PhoneRecord::from_der(plaintext).map_err(|_| RecordFault::Malformed)?;
    if record.version != VERSION {
        return Err(RecordFault::Version.into());
    }
    let sizes_are_fixed = record.number.as_str().len() == NUMBER_CHARS
        && record.salt.len() == SALT_BYTES
        && record.subject_key_hash.len() == KEY_HASH_BYTES
        && record.card.as_ref().is_none_or(|card| card.number.as_str().len() == CARD_CHARS);
    if !sizes_are_fixed {
        return Err(RecordFault::Malformed.into());
    }
    if record.subject_key_hash != subject_key_hash {
        return Err(Refusal::MovedFromAnotherCertificate);
    }
    let number = PhoneNumber::new(record.number.as_str().trim_end_matches(PADDING))
        .map_err(|_| Refusal::NumberNotE164)?;
    let card = record
        .card
        .map(|card| Card::new(card.number.as_str().trim_end_matches(PADDING), card.expiry.as_str()))
        .transpose()
        .map_err(|_| Refusal::CardInvalid)?;
    Ok(Holder { number, card })
}

fn padded(text: &str, chars: usize) -> Zeroizing<String> {
    Zeroizing::new(format!("{text:chars$}"))
}

#[derive(Sequence)]
struct PhoneRecord<'a> {
    version: u8,
    number: Ia5StringRef<'a>,
    #[asn1(type = "OCTET STRING")]
    salt: &'a [u8],
    #[asn1(type = "OCTET STRING")]
    subject_key_hash: &'a [u8],
    #[asn1(optional = "true")]
    card: Option<CardRecord<'a>>,
}

#[derive(Sequence)]
struct CardRecord<'a> {
    number: Ia5StringRef<'a>,
    expiry: Ia5StringRef<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_HASH: [u8; 32] = [7; 32];
    const ONE_CARD: &str = "4970100000000154";

    fn holder(number: &str, card: Option<&str>) -> Holder {
        Holder {
            number: PhoneNumber::new(number).unwrap(),
            card: card.map(|number| Card::new(number, "2029-12").unwrap()),
        }
    }

    fn record<'a>(number: &'a str, salt: &'a [u8], card: Option<(&'a str, &'a str)>) -> Vec<u8> {
        let text = |text| Ia5StringRef::new(text).unwrap();
        let card =
            card.map(|(number, expiry)| CardRecord { number: text(number), expiry: text(expiry) });
        let number = text(number);
        PhoneRecord { version: VERSION, number, salt, subject_key_hash: &KEY_HASH, card }
            .to_der()
            .unwrap()
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let encoded = encode(&holder("+33612345678", Some(ONE_CARD)), &KEY_HASH).unwrap();
        let decoded = decode(&encoded, &KEY_HASH).unwrap();
        assert_eq!(decoded.number.expose(), "+33612345678");
        let card = decoded.card.unwrap();
        assert_eq!((card.expose_number(), card.expose_expiry()), (ONE_CARD, "2029-12"));
    }

    #[test]
    fn the_length_tells_nothing_of_number_or_card() {
        let length = |number, card| encode(&holder(number, card), &KEY_HASH).unwrap().len();
        assert_eq!(length("+3361234", None), length("+336123456789012", None));
        assert_eq!(
            length("+33612345678", Some("497010000006")),
            length("+33612345678", Some("4970100000000000009"))
        );
    }

    #[test]
    fn two_records_of_one_holder_differ() {
        let one = holder("+33612345678", None);
        assert_ne!(*encode(&one, &KEY_HASH).unwrap(), *encode(&one, &KEY_HASH).unwrap());
    }

    #[test]
    fn a_bad_record_is_refused_by_the_rule_it_breaks() {
        const NUMBER: &str = "+33612345678    ";
        const SALT: &[u8] = &[1; 16];
        const CARD: &str = "4970100000000154   ";
        let good = record(NUMBER, SALT, Some((CARD, "2029-12")));
        assert!(decode(&good, &KEY_HASH).is_ok());

        let malformed = Refusal::Record(RecordFault::Malformed);
        let mut another_version = good.clone();
        another_version[4] = 2;
        let cases = [
            ("not DER", b"phone".to_vec(), malformed.clone()),
            ("truncated", good[..good.len() - 1].to_vec(), malformed.clone()),
            ("trailing bytes", [&good[..], &[5, 0]].concat(), malformed.clone()),
            ("version 2", another_version, Refusal::Record(RecordFault::Version)),
            ("unpadded number", record("+33612345678", SALT, None), malformed.clone()),
            ("short salt", record(NUMBER, &[1; 15], None), malformed.clone()),
            ("unpadded card", record(NUMBER, SALT, Some((ONE_CARD, "2029-12"))), malformed),
            ("number not E.164", record("0612345678      ", SALT, None), Refusal::NumberNotE164),
            ("padding before", record("    +33612345678", SALT, None), Refusal::NumberNotE164),
            (
                "wrong check digit",
                record(NUMBER, SALT, Some(("4970100000000155   ", "2029-12"))),
                Refusal::CardInvalid,
            ),
            ("bad expiry", record(NUMBER, SALT, Some((CARD, "2029-13"))), Refusal::CardInvalid),
        ];
        for (rule, bytes, refusal) in cases {
            assert_eq!(decode(&bytes, &KEY_HASH).unwrap_err(), refusal, "{rule}");
        }
    }

    #[test]
    fn a_record_made_for_another_key_is_refused() {
        let encoded = encode(&holder("+33612345678", None), &KEY_HASH).unwrap();
        let refusal = decode(&encoded, &[8; 32]).unwrap_err();
        assert_eq!(refusal, Refusal::MovedFromAnotherCertificate);
    }
}

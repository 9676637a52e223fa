//! Numbers that are not read, in checking order.

use cms::{
    authenveloped_data::AuthEnvelopedData,
    content_info::{CmsVersion, ContentInfo},
    enveloped_data::{
        EncryptedContentInfo, KeyAgreeRecipientIdentifier, KeyAgreeRecipientInfo,
        OriginatorIdentifierOrKey, OriginatorInfo, OriginatorPublicKey, RecipientInfo,
    },
};
use countersign_certs::{
    CertificateDer, KeyPair, MAX_CERTIFICATE_BYTES, MAX_ENVELOPE_BYTES, PhoneExtension, Refusal,
    SealedFault as Fault, read_phone,
};
use der::{
    Any, Decode, Encode, Tag,
    asn1::{BitString, ObjectIdentifier, OctetString, SetOfVec},
};
use x509_parser::prelude::FromDer;

use crate::support::{EXTENSION, Gateway, Hierarchy, NUMBER, forge, holder};

#[test]
fn a_certificate_that_bears_a_number_badly_is_refused_by_the_rule_it_breaks() {
    let hierarchy = Hierarchy::new();
    let (key, another_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let envelope = envelope_for(&hierarchy, &key);
    let envelope = envelope.as_slice();
    let good: &[(&[u64], &[u8])] = &[(EXTENSION, envelope)];
    let twice: &[(&[u64], &[u8])] = &[(EXTENSION, envelope), (EXTENSION, envelope)];
    let too_large = vec![0x30; MAX_ENVELOPE_BYTES + 1];
    let keys = [hierarchy.gateway.reader()];
    assert!(read_phone(&forge(&key, good, &[]), PhoneExtension::default(), &keys).is_ok());
    for (rule, certificate, refusal) in [
        ("no number", forge(&key, &[], &[]), Refusal::NoPhone),
        ("another URI", forge(&key, &[], &["https://example.org/+33612345678"]), Refusal::NoPhone),
        (
            "two URIs",
            forge(&key, &[], &["tel:+33612345678", "TEL:+33612345679"]),
            Refusal::SeveralPhones,
        ),
        ("two extensions", forge(&key, twice, &[]), Refusal::SeveralPhones),
        ("clear and encrypted", forge(&key, good, &["tel:+33612345678"]), Refusal::SeveralPhones),
        ("a national number", forge(&key, &[], &["tel:0612345678"]), Refusal::NumberNotE164),
        ("separators", forge(&key, &[], &["tel:+33-6-12345678"]), Refusal::NumberNotE164),
        ("parameters", forge(&key, &[], &["tel:+33612345678;ext=1"]), Refusal::NumberNotE164),
        ("a moved envelope", forge(&another_key, good, &[]), Refusal::MovedFromAnotherCertificate),
        ("too large", forge(&key, &[(EXTENSION, &too_large)], &[]), Fault::TooLarge.into()),
    ] {
        let read = read_phone(&certificate, PhoneExtension::default(), &keys);
        assert_eq!(read.unwrap_err(), refusal, "{rule}");
    }
}

#[test]
fn a_certificate_that_is_not_one_is_refused_by_the_rule_it_breaks() {
    let good = forge(&KeyPair::generate().unwrap(), &[], &["tel:+33612345678"]);
    for (rule, bytes, refusal) in [
        ("too large", vec![0x30; MAX_CERTIFICATE_BYTES + 1], Refusal::CertificateTooLarge),
        ("truncated", good[..good.len() - 1].to_vec(), Refusal::Malformed),
        ("trailing bytes", [&good[..], &[0]].concat(), Refusal::Malformed),
    ] {
        let read = read_phone(&bytes.into(), PhoneExtension::default(), &[]);
        assert_eq!(read.unwrap_err(), refusal, "{rule}");
    }
}

#[test]
fn a_number_in_clear_needs_no_key_and_brings_no_card() {
    let key = KeyPair::generate().unwrap();
    for uri in ["tel:+33612345678", "TEL:+33612345678"] {
        let read = read_phone(&forge(&key, &[], &[uri]), PhoneExtension::default(), &[]).unwrap();
        assert_eq!(read.number.expose(), NUMBER);
        assert!(read.card.is_none());
    }
}

#[test]
fn an_envelope_for_others_is_refused() {
    let case = Case::new();
    let stranger = Gateway::of(&case.hierarchy.issuing).reader();
    for keys in [&[][..], &[stranger]] {
        let certificate = forge(&case.key, &[(EXTENSION, &case.envelope)], &[]);
        let read = read_phone(&certificate, PhoneExtension::default(), keys);
        assert_eq!(read.unwrap_err(), Fault::WrongRecipient.into());
    }
}

#[test]
fn bytes_that_are_not_der_are_refused_by_the_rule_they_break() {
    let case = Case::new();
    let good = &case.envelope;
    let outer = ContentInfo::from_der(good).unwrap();
    let body = outer.content.to_der().unwrap();
    for (rule, bytes, fault) in [
        ("empty", vec![], Fault::Truncated),
        ("truncated", good[..good.len() - 1].to_vec(), Fault::Truncated),
        ("trailing bytes", [good, &[0][..]].concat(), Fault::TrailingBytes),
        ("indefinite length", indefinite(good), Fault::NotDer),
        ("a length that is not minimal", long_length(good), Fault::NotDer),
        ("no ContentInfo", body, Fault::Malformed),
        ("text", b"+33612345678".to_vec(), Fault::Malformed),
    ] {
        assert_eq!(case.read(&bytes), Err(fault.into()), "{rule}");
    }
}

#[test]
fn recipients_out_of_order_are_not_der() {
    let case = Case::new();
    let other = Gateway::of(&case.hierarchy.issuing).recipient();
    let envelope = case.envelope_to(&[case.hierarchy.gateway.recipient(), other]);
    assert_eq!(case.read(&envelope), Ok(()));
    assert_eq!(case.read(&out_of_order(envelope)), Err(Fault::NotDer.into()));
}

#[test]
fn another_content_type_is_refused() {
    let case = Case::new();
    let mut outer = ContentInfo::from_der(&case.envelope).unwrap();
    outer.content_type = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
    assert_eq!(case.read(&outer.to_der().unwrap()), Err(Fault::ContentType.into()));
}

type Change = fn(&mut AuthEnvelopedData);

#[test]
fn an_envelope_of_another_kind_is_refused_by_the_rule_it_breaks() {
    assert_refused(&[
        ("version 1", |e| e.version = CmsVersion::V1, Fault::Version),
        (
            "an originator",
            |e| e.originator_info = Some(OriginatorInfo { certs: None, crls: None }),
            Fault::Attributes,
        ),
        ("attributes", |e| e.auth_attrs = Some(SetOfVec::new()), Fault::Attributes),
        ("other attributes", |e| e.unauth_attrs = Some(SetOfVec::new()), Fault::Attributes),
        (
            "signed data inside",
            |e| content(e).content_type = oid("1.2.840.113549.1.7.2"),
            Fault::InnerType,
        ),
        (
            "AES-256-CBC",
            |e| content(e).content_enc_alg.oid = oid("2.16.840.1.101.3.4.1.42"),
            Fault::Cipher,
        ),
        (
            "AES-256-OFB",
            |e| content(e).content_enc_alg.oid = oid("2.16.840.1.101.3.4.1.43"),
            Fault::Cipher,
        ),
        ("no parameters", |e| content(e).content_enc_alg.parameters = None, Fault::Cipher),
        ("a nonce of 16 bytes", |e| gcm(e, &[0; 16], &[2, 1, 16]), Fault::NonceLength),
        ("a nonce of 11 bytes", |e| gcm(e, &[0; 11], &[2, 1, 16]), Fault::NonceLength),
        ("a tag declared of 12 bytes", |e| gcm(e, &[0; 12], &[2, 1, 12]), Fault::TagLength),
        ("a tag of default length", |e| gcm(e, &[0; 12], &[]), Fault::TagLength),
        ("a tag cut to 12 bytes", |e| cut(&mut e.mac, 12), Fault::TagLength),
        ("a tag cut to 1 byte", |e| cut(&mut e.mac, 1), Fault::TagLength),
        ("no tag", |e| cut(&mut e.mac, 0), Fault::TagLength),
        ("no content", |e| content(e).encrypted_content = None, Fault::Malformed),
    ]);
}

#[test]
fn a_recipient_of_another_kind_is_refused_by_the_rule_it_breaks() {
    assert_refused(&[
        ("version 0", |e| kari(e, |k| k.version = CmsVersion::V0), Fault::RecipientKind),
        (
            "keying material",
            |e| kari(e, |k| k.ukm = Some(OctetString::new([1]).unwrap())),
            Fault::RecipientKind,
        ),
        (
            "another KDF",
            |e| kari(e, |k| k.key_enc_alg.oid = oid("1.3.132.1.11.2")),
            Fault::KeyAgreement,
        ),
        ("no key wrap", |e| kari(e, |k| k.key_enc_alg.parameters = None), Fault::KeyAgreement),
        (
            "parameters beside the ephemeral key",
            |e| point(e, |key| key.algorithm.parameters = Some(Any::null())),
            Fault::KeyAgreement,
        ),
        ("no recipient", |e| e.recip_infos = SetOfVec::new().into(), Fault::RecipientCount),
        (
            "too many recipients",
            |e| kari(e, |k| k.recipient_enc_keys = vec![k.recipient_enc_keys[0].clone(); 9]),
            Fault::RecipientCount,
        ),
        ("another gateway", rename, Fault::WrongRecipient),
    ]);
}

#[test]
fn an_envelope_that_was_tampered_with_is_refused_by_the_rule_it_breaks() {
    assert_refused(&[
        (
            "a point not on the curve",
            |e| point(e, |key| key.public_key = BitString::from_bytes(&[4; 65]).unwrap()),
            Fault::EphemeralKey,
        ),
        (
            "a point in compressed form",
            |e| point(e, |key| key.public_key = compressed(&key.public_key)),
            Fault::EphemeralKey,
        ),
        (
            "a point cut short",
            |e| point(e, |key| key.public_key = BitString::from_bytes(&[4; 64]).unwrap()),
            Fault::EphemeralKey,
        ),
        ("a wrapped key changed", |e| wrapped(e, turn), Fault::WrappedKey),
        ("a wrapped key cut short", |e| wrapped(e, |key| cut(key, 32)), Fault::WrappedKey),
        (
            "a wrapped key too long",
            |e| wrapped(e, |key| *key = OctetString::new([0; 48]).unwrap()),
            Fault::WrappedKey,
        ),
        ("a tag changed", |e| turn(&mut e.mac), Fault::Tag),
        ("a nonce changed", |e| gcm(e, &[0; 12], &[2, 1, 16]), Fault::Tag),
        ("content changed", |e| turn(content(e).encrypted_content.as_mut().unwrap()), Fault::Tag),
    ]);
}

/// Spoils a good envelope in one place at a time.
fn assert_refused(cases: &[(&str, Change, Fault)]) {
    let case = Case::new();
    let good = decode(&case.envelope);
    assert_eq!(case.read(&encode(&good)), Ok(()), "before it is spoiled");
    for (rule, change, fault) in cases {
        let mut enveloped = good.clone();
        change(&mut enveloped);
        assert_eq!(case.read(&encode(&enveloped)), Err(fault.clone().into()), "{rule}");
    }
}

#[test]
fn no_bit_of_an_envelope_can_be_turned_and_no_byte_cut() {
    let case = Case::new();
    for place in 0..case.envelope.len() {
        let mut turned = case.envelope.clone();
        turned[place] ^= 1 << (place % 8);
        assert!(case.read(&turned).is_err(), "byte {place}");
        assert!(case.read(&case.envelope[..place]).is_err(), "cut at {place}");
    }
}

/// A good envelope, the certificate key it was made for, and the gateway that reads it.
struct Case {
    hierarchy: Hierarchy,
    key: KeyPair,
    envelope: Vec<u8>,
}

impl Case {
    fn new() -> Self {
        let hierarchy = Hierarchy::new();
        let key = KeyPair::generate().unwrap();
        let envelope = envelope_for(&hierarchy, &key);
        Self { hierarchy, key, envelope }
    }

    /// Reads another envelope in a certificate of the same key.
    fn read(&self, envelope: &[u8]) -> Result<(), Refusal> {
        let certificate = forge(&self.key, &[(EXTENSION, envelope)], &[]);
        let keys = [self.hierarchy.gateway.reader()];
        read_phone(&certificate, PhoneExtension::default(), &keys).map(drop)
    }

    fn envelope_to(&self, gateways: &[countersign_certs::RecipientCertificate]) -> Vec<u8> {
        use countersign_certs::{Phone, Profile};
        let phone = Phone::Encrypted { holder: &holder(), gateways };
        let profile = Profile::TlsClient { common_name: "u", phone };
        envelope_of(self.hierarchy.issue(&profile, &self.key).der())
    }
}

fn envelope_for(hierarchy: &Hierarchy, key: &KeyPair) -> Vec<u8> {
    envelope_of(hierarchy.encrypted_client(key, &holder()).der())
}

pub(crate) fn envelope_of(certificate: &CertificateDer<'_>) -> Vec<u8> {
    let oid = x509_parser::der_parser::Oid::from(EXTENSION).unwrap();
    let (_, certificate) =
        x509_parser::certificate::X509Certificate::from_der(certificate).unwrap();
    certificate.get_extension_unique(&oid).unwrap().unwrap().value.to_vec()
}

/// The same SEQUENCE in BER, of indefinite length.
pub(crate) fn indefinite(der: &[u8]) -> Vec<u8> {
    let outer = Any::from_der(der).unwrap();
    [&[0x30, 0x80], outer.value(), &[0, 0]].concat()
}

/// The same SEQUENCE in BER, its length with a byte more than needed.
pub(crate) fn long_length(der: &[u8]) -> Vec<u8> {
    let outer = Any::from_der(der).unwrap();
    let [_, length @ ..] = u32::try_from(outer.value().len()).unwrap().to_be_bytes();
    [&[0x30, 0x83], &length[..], outer.value()].concat()
}

/// The same envelope, the first two of its recipients in the wrong order.
pub(crate) fn out_of_order(mut envelope: Vec<u8>) -> Vec<u8> {
    let enveloped = decode(&envelope);
    let mut recipients =
        [0, 1].map(|place| enveloped.recip_infos.0.as_slice()[place].to_der().unwrap());
    recipients.sort();
    let [first, second] = recipients;
    let (sorted, swapped) = ([&first[..], &second].concat(), [&second[..], &first].concat());
    let place = envelope.windows(sorted.len()).position(|window| window == sorted).unwrap();
    envelope[place..place + swapped.len()].copy_from_slice(&swapped);
    envelope
}

pub(crate) fn decode(envelope: &[u8]) -> AuthEnvelopedData {
    ContentInfo::from_der(envelope).unwrap().content.decode_as().unwrap()
}

pub(crate) fn encode(enveloped: &AuthEnvelopedData) -> Vec<u8> {
    let content_type = oid("1.2.840.113549.1.9.16.1.23");
    ContentInfo { content_type, content: Any::encode_from(enveloped).unwrap() }.to_der().unwrap()
}

fn oid(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::new(dotted).unwrap()
}

pub(crate) fn content(enveloped: &mut AuthEnvelopedData) -> &mut EncryptedContentInfo {
    &mut enveloped.auth_encrypted_content_info
}

/// Other GCM parameters: a nonce, and the tag's length as DER.
pub(crate) fn gcm(enveloped: &mut AuthEnvelopedData, nonce: &[u8], tag_length: &[u8]) {
    let nonce = OctetString::new(nonce).unwrap().to_der().unwrap();
    let parameters = Any::new(Tag::Sequence, [&nonce, tag_length].concat()).unwrap();
    enveloped.auth_encrypted_content_info.content_enc_alg.parameters = Some(parameters);
}

/// Changes the one recipient.
pub(crate) fn kari(
    enveloped: &mut AuthEnvelopedData,
    change: impl FnOnce(&mut KeyAgreeRecipientInfo),
) {
    let RecipientInfo::Kari(mut recipient) = enveloped.recip_infos.0.as_slice()[0].clone() else {
        panic!("key agreement")
    };
    change(&mut recipient);
    enveloped.recip_infos = SetOfVec::from_iter([RecipientInfo::Kari(recipient)]).unwrap().into();
}

/// Changes the one recipient's ephemeral key.
pub(crate) fn point(
    enveloped: &mut AuthEnvelopedData,
    change: impl FnOnce(&mut OriginatorPublicKey),
) {
    kari(enveloped, |recipient| match &mut recipient.originator {
        OriginatorIdentifierOrKey::OriginatorKey(key) => change(key),
        _ => panic!("an originator key"),
    });
}

/// The same point as its x coordinate and the sign of y (SEC 1 section 2.3.3).
fn compressed(point: &BitString) -> BitString {
    let bytes = point.raw_bytes();
    let sign = 2 + (bytes[64] & 1);
    BitString::from_bytes(&[&[sign], &bytes[1..33]].concat()).unwrap()
}

/// Names the one recipient by another identifier.
pub(crate) fn rename(enveloped: &mut AuthEnvelopedData) {
    kari(enveloped, |recipient| match &mut recipient.recipient_enc_keys[0].rid {
        KeyAgreeRecipientIdentifier::RKeyId(id) => turn(&mut id.subject_key_identifier.0),
        KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(_) => panic!("a key identifier"),
    });
}

/// Changes the one recipient's wrapped key.
pub(crate) fn wrapped(enveloped: &mut AuthEnvelopedData, change: impl FnOnce(&mut OctetString)) {
    kari(enveloped, |recipient| change(&mut recipient.recipient_enc_keys[0].enc_key));
}

/// Turns a bit of the last byte.
pub(crate) fn turn(octets: &mut OctetString) {
    let mut bytes = octets.as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    *octets = OctetString::new(bytes).unwrap();
}

pub(crate) fn cut(octets: &mut OctetString, length: usize) {
    *octets = OctetString::new(&octets.as_bytes()[..length]).unwrap();
}

//! Envelopes, spoiled in one place each.

use cms::{
    authenveloped_data::AuthEnvelopedData,
    content_info::{CmsVersion, ContentInfo},
};
use countersign_certs::MAX_ENVELOPE_BYTES;
use der::{
    Any, Decode, Encode, Tag,
    asn1::{BitString, ObjectIdentifier, OctetString, SetOfVec},
};

use super::{Sealed, Vector, encrypted, vectors};
use crate::{
    phones::{
        content, cut, decode, encode, gcm, indefinite, kari, long_length, out_of_order, point,
        rename, turn, wrapped,
    },
    recipients::ktri,
    support::NUMBER,
    vectors::certificates::Parts,
};

pub(crate) fn good(sealed: &Sealed) -> Vec<Vector> {
    vectors(vec![
        (
            103,
            "good-p256",
            NUMBER,
            encrypted(&sealed.p256),
            "An envelope to the P-256 gateway. Not made again.",
        ),
        (
            104,
            "good-rsa",
            NUMBER,
            encrypted(&sealed.rsa),
            "An envelope to the RSA gateway. Not made again.",
        ),
        (
            105,
            "good-both",
            NUMBER,
            encrypted(&sealed.both),
            "An envelope to both gateways. Not made again.",
        ),
    ])
}

pub(crate) fn encodings(sealed: &Sealed) -> Vec<Vector> {
    let good = sealed.p256.as_slice();
    let large = changed(good, |enveloped| {
        let ciphertext = OctetString::new(vec![0; MAX_ENVELOPE_BYTES]).unwrap();
        content(enveloped).encrypted_content = Some(ciphertext);
    });
    let mut set = good.to_vec();
    set[0] = 0x31;
    let unsorted = out_of_order(sealed.both.clone());
    let mut another_type = ContentInfo::from_der(good).unwrap();
    another_type.content_type = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
    let another_type = another_type.to_der().unwrap();
    let rows: [(u16, &str, &str, Vec<u8>, &str); 8] = [
        (600, "envelope-too-large", "Envelope(TooLarge)", large, "Over 6 KiB."),
        (
            601,
            "envelope-truncated",
            "Envelope(Truncated)",
            good[..good.len() - 1].to_vec(),
            "Its last byte is missing.",
        ),
        (
            602,
            "envelope-with-more",
            "Envelope(TrailingBytes)",
            [good, &[0]].concat(),
            "A byte follows it.",
        ),
        (
            603,
            "envelope-of-indefinite-length",
            "Envelope(NotDer)",
            indefinite(good),
            "BER, not DER (X.690 section 10.1).",
        ),
        (
            604,
            "envelope-of-long-length",
            "Envelope(NotDer)",
            long_length(good),
            "BER, not DER (X.690 section 10.1).",
        ),
        (
            605,
            "envelope-unsorted",
            "Envelope(NotDer)",
            unsorted,
            "Recipients out of order (X.690 section 11.6).",
        ),
        (
            606,
            "envelope-as-set",
            "Envelope(Malformed)",
            set,
            "The tag is SET, not SEQUENCE (RFC 5652 section 3).",
        ),
        (
            607,
            "envelope-of-another-type",
            "Envelope(ContentType)",
            another_type,
            "envelopedData is not authenticated (RFC 5652 section 6).",
        ),
    ];
    vectors(
        rows.map(|(place, name, expect, envelope, why)| {
            (place, name, expect, encrypted(&envelope), why)
        })
        .to_vec(),
    )
}

/// Place, name, expectation, what is changed in a good envelope, and why.
type Change = (u16, &'static str, &'static str, fn(&mut AuthEnvelopedData), &'static str);

fn spoiled(good: &[u8], changes: &[Change]) -> Vec<Vector> {
    let rows = changes.iter().map(|(place, name, expect, change, why)| {
        let certificate = encrypted(&changed(good, change));
        (*place, *name, *expect, certificate, *why)
    });
    vectors(rows.collect())
}

fn changed(good: &[u8], change: impl FnOnce(&mut AuthEnvelopedData)) -> Vec<u8> {
    let mut enveloped = decode(good);
    change(&mut enveloped);
    encode(&enveloped)
}

pub(crate) fn structures(sealed: &Sealed) -> Vec<Vector> {
    spoiled(
        &sealed.p256,
        &[
            (
                608,
                "envelope-of-version-1",
                "Envelope(Version)",
                |e| e.version = CmsVersion::V1,
                "It is always 0 (RFC 5083 section 2.1).",
            ),
            (
                609,
                "envelope-with-attributes",
                "Envelope(Attributes)",
                |e| e.unauth_attrs = Some(SetOfVec::new()),
                "Attributes have no use here.",
            ),
            (
                610,
                "inner-type-signed",
                "Envelope(InnerType)",
                |e| content(e).content_type = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2"),
                "signedData without attributes (RFC 5083 section 2.1).",
            ),
            (
                611,
                "cipher-cbc",
                "Envelope(Cipher)",
                |e| {
                    content(e).content_enc_alg.oid =
                        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42")
                },
                "AES-256-CBC does not authenticate.",
            ),
            (
                612,
                "nonce-of-16-bytes",
                "Envelope(NonceLength)",
                |e| gcm(e, &[0; 16], &[2, 1, 16]),
                "12 bytes are asked for (RFC 5084 section 3.2).",
            ),
            (
                613,
                "tag-of-4-bytes",
                "Envelope(TagLength)",
                |e| cut(&mut e.mac, 4),
                "One in 2^32 guesses forges it.",
            ),
            (
                614,
                "tag-of-12-bytes",
                "Envelope(TagLength)",
                |e| cut(&mut e.mac, 12),
                "OpenSSL 3.0 takes it.",
            ),
            (
                615,
                "tag-declared-of-4-bytes",
                "Envelope(TagLength)",
                |e| gcm(e, &[0; 12], &[2, 1, 4]),
                "aes-ICVlen 4 (RFC 5084 section 3.2).",
            ),
            (
                616,
                "tag-of-default-length",
                "Envelope(TagLength)",
                |e| gcm(e, &[0; 12], &[]),
                "The default of aes-ICVlen is 12 (RFC 5084 section 3.2).",
            ),
        ],
    )
}

pub(crate) fn recipients(sealed: &Sealed) -> Vec<Vector> {
    let transport = spoiled(
        &sealed.rsa,
        &[
            (
                620,
                "recipient-by-pkcs1-v1-5",
                "Envelope(KeyTransport)",
                |e| {
                    ktri(e, |recipient| {
                        recipient.key_enc_alg.oid =
                            ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
                        recipient.key_enc_alg.parameters = Some(Any::null());
                    });
                },
                "rsaEncryption, whose padding is an oracle (RFC 8017 section 7.2).",
            ),
            (
                621,
                "recipient-by-oaep-with-sha1",
                "Envelope(KeyTransport)",
                |e| {
                    ktri(e, |recipient| {
                        recipient.key_enc_alg.parameters =
                            Some(Any::new(Tag::Sequence, []).unwrap())
                    })
                },
                "Empty parameters mean SHA-1 (RFC 4055 section 4.1).",
            ),
        ],
    );
    let kinds = spoiled(
        &sealed.p256,
        &[
            (
                617,
                "no-recipient",
                "Envelope(RecipientCount)",
                |e| e.recip_infos = SetOfVec::new().into(),
                "SIZE (1..MAX) (RFC 5652 section 6.1).",
            ),
            (
                618,
                "recipient-with-keying-material",
                "Envelope(RecipientKind)",
                |e| kari(e, |recipient| recipient.ukm = Some(OctetString::new([1]).unwrap())),
                "A ukm is optional (RFC 5753 section 3.1.1) and not spoken here.",
            ),
            (
                619,
                "recipient-by-kdf-with-sha1",
                "Envelope(KeyAgreement)",
                |e| {
                    kari(e, |recipient| {
                        recipient.key_enc_alg.oid =
                            ObjectIdentifier::new_unwrap("1.3.133.16.840.63.0.2");
                    });
                },
                "dhSinglePass-stdDH-sha1kdf, OpenSSL's default (RFC 5753 section 7.1.4).",
            ),
        ],
    );
    let agreement = spoiled(
        &sealed.p256,
        &[(
            622,
            "wrong-recipient",
            "Envelope(WrongRecipient)",
            rename,
            "The key identifier is nobody's here.",
        )],
    );
    let keys = spoiled(
        &sealed.p256,
        &[
            (
                623,
                "ephemeral-key-off-the-curve",
                "Envelope(EphemeralKey)",
                |e| point(e, |key| key.public_key = BitString::from_bytes(&[4; 65]).unwrap()),
                "It would tell bits of the gateway's key.",
            ),
            (
                624,
                "wrapped-key-changed",
                "Envelope(WrappedKey)",
                |e| wrapped(e, turn),
                "RFC 3394 section 2.2.3.",
            ),
        ],
    );
    let encrypted_key = spoiled(
        &sealed.rsa,
        &[(
            625,
            "encrypted-key-changed",
            "Envelope(WrappedKey)",
            |e| ktri(e, |recipient| turn(&mut recipient.enc_key)),
            "RFC 8017 section 7.1.2.",
        )],
    );
    [kinds, transport, agreement, keys, encrypted_key].into_iter().flatten().collect()
}

pub(crate) fn contents(sealed: &Sealed) -> Vec<Vector> {
    let tampered = changed(&sealed.p256, |enveloped| {
        turn(content(enveloped).encrypted_content.as_mut().unwrap());
    });
    let moved = Parts { envelopes: &[&sealed.p256], moved: true, ..Parts::default() };
    vectors(vec![
        (
            630,
            "content-changed",
            "Envelope(Tag)",
            encrypted(&tampered),
            "A bit of the ciphertext is turned.",
        ),
        (
            640,
            "moved-from-another-certificate",
            "MovedFromAnotherCertificate",
            moved.certificate(),
            "The good envelope in a certificate of another key.",
        ),
    ])
}

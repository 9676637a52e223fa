//! A recipient by key agreement: an ephemeral key and the recipient's agree on the key that wraps the content key.
//!
//! RFC 5753, dhSinglePass-stdDH-sha256kdf on P-256 with AES-256 key wrap. Each recipient gets an ephemeral key of
//! its own.

use aws_lc_rs::{
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    digest,
    key_wrap::{AES_256, AesKek, KeyWrap},
};
use cms::{
    content_info::CmsVersion,
    enveloped_data::{
        KeyAgreeRecipientIdentifier, KeyAgreeRecipientInfo, OriginatorIdentifierOrKey,
        OriginatorPublicKey, RecipientEncryptedKey, RecipientKeyIdentifier,
    },
};
use der::{
    Any,
    asn1::{BitString, ObjectIdentifier, OctetString},
};
use x509_cert::{ext::pkix::SubjectKeyIdentifier, spki::AlgorithmIdentifierOwned};
use zeroize::Zeroizing;

use super::{
    content_key::{ContentKey, ENCODING, KEY_BYTES},
    recipient::is_p256_point,
};
use crate::error::{Error, SealedFault};

/// ECC-CMS-SharedInfo (RFC 5753 section 7.2): the key wrap algorithm, no ukm, and `[2]` the key's 256 bits.
const SHARED_INFO: [u8; 23] = [
    0x30, 0x15, // SEQUENCE
    0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01,
    0x2d, // aes256-wrap
    0xa2, 0x06, 0x04, 0x04, 0x00, 0x00, 0x01, 0x00, // suppPubInfo: 256
];
/// AES key wrap adds 8 bytes (RFC 3394 section 2.2).
pub(super) const WRAPPED_KEY_BYTES: usize = KEY_BYTES + 8;
const ID_EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const ID_AES256_WRAP: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.45");
const DH_SINGLE_PASS_STD_DH_SHA256_KDF: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.132.1.11.1");

/// Wraps the content key for the recipient that has this key identifier and this point.
pub(crate) fn wrap(
    content_key: &ContentKey,
    key_id: &[u8],
    point: &[u8],
) -> Result<KeyAgreeRecipientInfo, Error> {
    const AGREEING: Error = Error::Failed("agreeing on a key with a recipient");
    let ephemeral = PrivateKey::generate(&ECDH_P256).map_err(|_| AGREEING)?;
    let ephemeral_point = ephemeral.compute_public_key().map_err(|_| AGREEING)?;
    let recipient = UnparsedPublicKey::new(&ECDH_P256, point);
    let mut wrapped = [0; WRAPPED_KEY_BYTES];
    agree(&ephemeral, recipient, AGREEING, |shared| {
        key_encryption_key(shared)
            .and_then(|kek| kek.wrap(content_key.as_slice(), &mut wrapped).ok())
            .ok_or(AGREEING)
            .map(|_| ())
    })?;

    let build = || -> der::Result<KeyAgreeRecipientInfo> {
        Ok(KeyAgreeRecipientInfo {
            version: CmsVersion::V3,
            originator: OriginatorIdentifierOrKey::OriginatorKey(OriginatorPublicKey {
                algorithm: ec_public_key(),
                public_key: BitString::from_bytes(ephemeral_point.as_ref())?,
            }),
            ukm: None,
            key_enc_alg: key_agreement()?,
            recipient_enc_keys: vec![RecipientEncryptedKey {
                rid: KeyAgreeRecipientIdentifier::RKeyId(RecipientKeyIdentifier {
                    subject_key_identifier: SubjectKeyIdentifier(OctetString::new(key_id)?),
                    date: None,
                    other: None,
                }),
                enc_key: OctetString::new(wrapped.as_slice())?,
            }],
        })
    };
    build().map_err(|_| ENCODING)
}

/// A content key that is unwrapped by agreeing with the ephemeral point.
#[derive(Clone, Copy)]
pub(crate) struct Agreed<'a> {
    ephemeral_point: &'a [u8],
    wrapped_key: &'a [u8],
}

impl Agreed<'_> {
    pub(crate) fn unwrap(self, key: &PrivateKey) -> Result<ContentKey, SealedFault> {
        if !is_p256_point(self.ephemeral_point) {
            return Err(SealedFault::EphemeralKey);
        }
        let ephemeral = UnparsedPublicKey::new(&ECDH_P256, self.ephemeral_point);
        agree(key, ephemeral, SealedFault::EphemeralKey, |shared| {
            key_encryption_key(shared)
                .and_then(|kek| unwrap_key(kek, self.wrapped_key))
                .ok_or(SealedFault::WrappedKey)
        })
    }
}

/// The content key, if it is a whole one: AES key wrap carries shorter keys too, which would be filled up with zeros.
pub(crate) fn unwrap_key(kek: AesKek, wrapped_key: &[u8]) -> Option<ContentKey> {
    let mut content_key = ContentKey::default();
    let unwrapped = kek.unwrap(wrapped_key, content_key.as_mut_slice()).ok()?;
    (unwrapped.len() == KEY_BYTES).then_some(content_key)
}

/// Whom one recipient structure is for and what it offers them, if it is exactly of the kind that is spoken here.
pub(crate) fn offers_of(
    recipient: &KeyAgreeRecipientInfo,
) -> Result<Vec<(&[u8], Agreed<'_>)>, SealedFault> {
    let KeyAgreeRecipientInfo {
        version: CmsVersion::V3,
        originator: OriginatorIdentifierOrKey::OriginatorKey(originator),
        ukm: None,
        key_enc_alg,
        recipient_enc_keys,
    } = recipient
    else {
        return Err(SealedFault::RecipientKind);
    };
    if originator.algorithm != ec_public_key() || key_agreement().as_ref() != Ok(key_enc_alg) {
        return Err(SealedFault::KeyAgreement);
    }
    let ephemeral_point = originator.public_key.as_bytes().ok_or(SealedFault::EphemeralKey)?;
    recipient_enc_keys
        .iter()
        .map(|recipient| match &recipient.rid {
            KeyAgreeRecipientIdentifier::RKeyId(RecipientKeyIdentifier {
                subject_key_identifier,
                date: None,
                other: None,
            }) => {
                let agreed = Agreed { ephemeral_point, wrapped_key: recipient.enc_key.as_bytes() };
                Ok((subject_key_identifier.0.as_bytes(), agreed))
            }
            _ => Err(SealedFault::RecipientKind),
        })
        .collect()
}

/// The key that wraps the content key: ANSI X9.63 KDF with SHA-256 over the shared secret (RFC 5753 section 7.2).
///
/// One round gives the 32 bytes that are needed, so the counter is always 1.
fn key_encryption_key(shared_secret: &[u8]) -> Option<AesKek> {
    const COUNTER: [u8; 4] = [0, 0, 0, 1];
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(shared_secret);
    hash.update(&COUNTER);
    hash.update(&SHARED_INFO);
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    key.copy_from_slice(hash.finish().as_ref());
    AesKek::new(&AES_256, key.as_slice()).ok()
}

/// id-ecPublicKey without parameters: the curve is the recipient's (RFC 5753 section 3.1.1).
const fn ec_public_key() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ID_EC_PUBLIC_KEY, parameters: None }
}

/// The key agreement, whose parameter is the key wrap algorithm (RFC 5753 section 7.1.4).
fn key_agreement() -> der::Result<AlgorithmIdentifierOwned> {
    let key_wrap = AlgorithmIdentifierOwned { oid: ID_AES256_WRAP, parameters: None };
    Ok(AlgorithmIdentifierOwned {
        oid: DH_SINGLE_PASS_STD_DH_SHA256_KDF,
        parameters: Some(Any::encode_from(&key_wrap)?),
    })
}

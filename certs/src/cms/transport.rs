//! A recipient by key transport: the content key encrypted with the recipient's RSA key.
//!
//! RFC 5652 section 6.2.1 with RSAES-OAEP (RFC 4055 section 4, RFC 8017 section 7.1): SHA-256, MGF1 with SHA-256, no
//! label. PKCS#1 v1.5 padding tells an attacker who asks often enough what was encrypted, and is not spoken here.

use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey, PublicEncryptingKey,
};
use cms::{
    content_info::CmsVersion,
    enveloped_data::{KeyTransRecipientInfo, RecipientIdentifier},
};
use der::{
    Any, Sequence,
    asn1::{ObjectIdentifier, OctetString},
};
use x509_cert::{ext::pkix::SubjectKeyIdentifier, spki::AlgorithmIdentifierOwned};
use zeroize::Zeroizing;

use super::{
    ID_SHA256,
    content_key::{ContentKey, ENCODING},
    is_sha256,
};
use crate::error::{Error, SealedFault};

const ID_RSAES_OAEP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.7");
const ID_MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");

/// Encrypts the content key for the recipient that has this key identifier and this key.
pub(crate) fn wrap(
    content_key: &ContentKey,
    key_id: &[u8],
    key: &PublicEncryptingKey,
) -> Result<KeyTransRecipientInfo, Error> {
    const ENCRYPTING: Error = Error::Failed("encrypting a key for a recipient");
    let key = OaepPublicEncryptingKey::new(key.clone()).map_err(|_| ENCRYPTING)?;
    let mut encrypted = vec![0; key.ciphertext_size()];
    let encrypted = key
        .encrypt(&OAEP_SHA256_MGF1SHA256, content_key.as_slice(), &mut encrypted, None)
        .map_err(|_| ENCRYPTING)?;

    let build = || -> der::Result<KeyTransRecipientInfo> {
        Ok(KeyTransRecipientInfo {
            version: CmsVersion::V2,
            rid: RecipientIdentifier::SubjectKeyIdentifier(SubjectKeyIdentifier(OctetString::new(
                key_id,
            )?)),
            key_enc_alg: rsaes_oaep()?,
            enc_key: OctetString::new(&*encrypted)?,
        })
    };
    build().map_err(|_| ENCODING)
}

/// A content key that the private key decrypts.
#[derive(Clone, Copy)]
pub(crate) struct Transported<'a> {
    encrypted_key: &'a [u8],
}

impl Transported<'_> {
    /// Whatever is wrong with it, the fault is the same: what the padding looked like is not told (RFC 8017 section
    /// 7.1.2, note).
    pub(crate) fn unwrap(self, key: &PrivateDecryptingKey) -> Result<ContentKey, SealedFault> {
        const WRAPPED: SealedFault = SealedFault::WrappedKey;
        let key = OaepPrivateDecryptingKey::new(key.clone()).map_err(|_| WRAPPED)?;
        if self.encrypted_key.len() != key.key_size_bytes() {
            return Err(WRAPPED);
        }
        let mut decrypted = Zeroizing::new(vec![0; key.min_output_size()]);
        let decrypted = key
            .decrypt(&OAEP_SHA256_MGF1SHA256, self.encrypted_key, &mut decrypted, None)
            .map_err(|_| WRAPPED)?;
        let mut content_key = ContentKey::default();
        if decrypted.len() != content_key.len() {
            return Err(WRAPPED);
        }
        content_key.copy_from_slice(decrypted);
        Ok(content_key)
    }
}

/// Whom one recipient structure is for and what it offers them, if it is exactly of the kind that is spoken here.
pub(crate) fn offer_of(
    recipient: &KeyTransRecipientInfo,
) -> Result<(&[u8], Transported<'_>), SealedFault> {
    let KeyTransRecipientInfo {
        version: CmsVersion::V2,
        rid: RecipientIdentifier::SubjectKeyIdentifier(key_id),
        key_enc_alg,
        enc_key,
    } = recipient
    else {
        return Err(SealedFault::RecipientKind);
    };
    if !is_oaep_with_sha256(key_enc_alg) {
        return Err(SealedFault::KeyTransport);
    }
    let encrypted_key = enc_key.as_bytes();
    Ok((key_id.0.as_bytes(), Transported { encrypted_key }))
}

/// RSAES-OAEP with SHA-256, as it is written here: `rSAES-OAEP-SHA256-Identifier` of RFC 4055 section 6.
fn rsaes_oaep() -> der::Result<AlgorithmIdentifierOwned> {
    let sha256 = AlgorithmIdentifierOwned { oid: ID_SHA256, parameters: Some(Any::null()) };
    let mgf1 =
        AlgorithmIdentifierOwned { oid: ID_MGF1, parameters: Some(Any::encode_from(&sha256)?) };
    let parameters =
        OaepParameters { hash: Some(sha256), mask_generation: Some(mgf1), label: None };
    Ok(AlgorithmIdentifierOwned {
        oid: ID_RSAES_OAEP,
        parameters: Some(Any::encode_from(&parameters)?),
    })
}

/// Absent parameters mean SHA-1 (RFC 4055 section 4.1), and so are refused as other hashes are. A label is refused even
/// if it is empty: that is the default, which DER does not write (X.690 section 11.5).
fn is_oaep_with_sha256(algorithm: &AlgorithmIdentifierOwned) -> bool {
    let parameters = algorithm
        .parameters
        .as_ref()
        .and_then(|parameters| parameters.decode_as::<OaepParameters>().ok());
    let Some(OaepParameters {
        hash: Some(hash),
        mask_generation: Some(mask_generation),
        label: None,
    }) = parameters
    else {
        return false;
    };
    let mask_hash = mask_generation
        .parameters
        .as_ref()
        .and_then(|parameters| parameters.decode_as::<AlgorithmIdentifierOwned>().ok());
    algorithm.oid == ID_RSAES_OAEP
        && is_sha256(&hash)
        && mask_generation.oid == ID_MGF1
        && mask_hash.is_some_and(|hash| is_sha256(&hash))
}

/// RSAES-OAEP-params (RFC 4055 section 4.1). Its defaults are SHA-1, so absence is kept apart.
#[derive(Sequence)]
struct OaepParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask_generation: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    label: Option<AlgorithmIdentifierOwned>,
}

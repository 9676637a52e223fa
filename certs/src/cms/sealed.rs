//! AuthEnvelopedData (RFC 5083) with AES-256-GCM (RFC 5084), to recipients by ECDH on P-256 or by RSA-OAEP.
//!
//! ```text
//! ContentInfo { authEnvelopedData,
//!     AuthEnvelopedData { version 0,
//!         recipientInfos { one for each: see recipients.rs },
//!         { id-data, AES-256-GCM { 12-byte nonce, 16 }, ciphertext },
//!         16-byte tag } }
//! ```
//!
//! The inner type is id-data and there are no attributes, which is what every OpenSSL 3 reads; what the content is
//! bound to stands inside it. Reading is strict, beyond what CMS asks: general decoders let short tags and other
//! ciphers through.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use cms::{
    authenveloped_data::AuthEnvelopedData,
    content_info::{CmsVersion, ContentInfo},
    enveloped_data::{EncryptedContentInfo, OriginatorInfo},
};
use der::{
    Any, Decode, Encode, Sequence,
    asn1::{ObjectIdentifier, OctetString, SetOfVec},
};
use x509_cert::{attr::Attributes, spki::AlgorithmIdentifierOwned};
use zeroize::Zeroizing;

use super::{
    ID_DATA, Shape,
    content_key::ContentKey,
    recipient::{RecipientCertificate, RecipientKey},
    recipients, shape_of,
};
use crate::error::{Error, SealedFault};

/// The largest message that is read.
pub const MAX_SEALED_BYTES: usize = 256 * 1024;
const TAG_BYTES: u8 = 16;
const ID_AUTH_ENVELOPED_DATA: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.23");
const ID_AES256_GCM: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.46");

/// Encrypts to all of the recipients; any one of them can read it.
///
/// # Errors
/// [`Error::RecipientCount`], [`Error::Failed`].
pub fn seal(plaintext: &[u8], recipients: &[RecipientCertificate]) -> Result<Vec<u8>, Error> {
    const ENCRYPTING: Error = Error::Failed("encrypting");
    let mut content_key = ContentKey::default();
    let mut nonce = [0; NONCE_LEN];
    aws_lc_rs::rand::fill(content_key.as_mut_slice()).map_err(|_| ENCRYPTING)?;
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| ENCRYPTING)?;

    let mut content = Zeroizing::new(plaintext.to_vec());
    let tag = cipher(&content_key)
        .and_then(|cipher| {
            let nonce = Nonce::assume_unique_for_key(nonce);
            cipher.seal_in_place_separate_tag(nonce, Aad::empty(), &mut content).ok()
        })
        .ok_or(ENCRYPTING)?;
    let recip_infos = recipients::wrap(&content_key, recipients)?;

    let build = || -> der::Result<Vec<u8>> {
        let parameters = GcmParameters { nonce: &nonce, tag_bytes: Some(TAG_BYTES) };
        let enveloped = AuthEnvelopedData {
            version: CmsVersion::V0,
            originator_info: None,
            recip_infos,
            auth_encrypted_content_info: EncryptedContentInfo {
                content_type: ID_DATA,
                content_enc_alg: AlgorithmIdentifierOwned {
                    oid: ID_AES256_GCM,
                    parameters: Some(Any::encode_from(&parameters)?),
                },
                encrypted_content: Some(OctetString::new(content.as_slice())?),
            },
            auth_attrs: None,
            mac: OctetString::new(tag.as_ref())?,
            unauth_attrs: None,
        };
        let content = in_der(&enveloped)?;
        ContentInfo { content_type: ID_AUTH_ENVELOPED_DATA, content }.to_der()
    };
    build().map_err(|_| Error::Failed("encoding a sealed message"))
}

/// Decrypts with whichever of the keys it was encrypted to. Nothing comes out before the tag is checked.
///
/// # Errors
/// [`SealedFault`].
pub fn open(message: &[u8], keys: &[RecipientKey]) -> Result<Zeroizing<Vec<u8>>, SealedFault> {
    let enveloped = decode(message)?;
    let sealed = sealed_content(&enveloped)?;
    let content_key = recipients::unwrap(&enveloped.recip_infos, keys)?;

    let mut content = Zeroizing::new(sealed.ciphertext.to_vec());
    cipher(&content_key)
        .and_then(|cipher| {
            let nonce = Nonce::assume_unique_for_key(sealed.nonce);
            cipher
                .open_in_place_separate_tag(nonce, Aad::empty(), sealed.tag, &mut content)
                .ok()
                .map(|_| ())
        })
        .ok_or(SealedFault::Tag)?;
    Ok(content)
}

/// From bytes to the structure, DER only.
fn decode(message: &[u8]) -> Result<AuthEnvelopedData, SealedFault> {
    if message.len() > MAX_SEALED_BYTES {
        return Err(SealedFault::TooLarge);
    }
    let outer =
        ContentInfo::from_der(message).map_err(|error| SealedFault::from(shape_of(&error)))?;
    if outer.content_type != ID_AUTH_ENVELOPED_DATA {
        return Err(SealedFault::ContentType);
    }
    let enveloped: AuthEnvelopedData =
        outer.content.decode_as().map_err(|error| SealedFault::from(shape_of(&error)))?;
    // The decoder sorts sets (X.690 section 11.6) where it should refuse them; encoding again shows it.
    let canonical = in_der(&enveloped).map_err(|_| SealedFault::Malformed)?;
    if canonical != outer.content {
        return Err(Shape::NotDer.into());
    }
    Ok(enveloped)
}

/// Encodes with the recipients in the order of their encodings (X.690 section 11.6). `cms` 0.3.0-pre.1 orders them
/// otherwise: it compares their bytes as if each were an INTEGER, so that those with fewer bytes above 127 come first.
fn in_der(enveloped: &AuthEnvelopedData) -> der::Result<Any> {
    let recipients = enveloped.recip_infos.0.iter();
    let recip_infos = recipients
        .map(|recipient| Any::from_der(&recipient.to_der()?))
        .collect::<der::Result<Vec<_>>>()?;
    Any::encode_from(&OrderedAuthEnvelopedData {
        version: enveloped.version,
        originator_info: enveloped.originator_info.clone(),
        recip_infos: recip_infos.try_into()?,
        auth_encrypted_content_info: enveloped.auth_encrypted_content_info.clone(),
        auth_attrs: enveloped.auth_attrs.clone(),
        mac: enveloped.mac.clone(),
        unauth_attrs: enveloped.unauth_attrs.clone(),
    })
}

/// AuthEnvelopedData (RFC 5083 section 2.1), its recipients as they are encoded.
#[derive(Sequence)]
struct OrderedAuthEnvelopedData {
    version: CmsVersion,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    originator_info: Option<OriginatorInfo>,
    recip_infos: SetOfVec<Any>,
    auth_encrypted_content_info: EncryptedContentInfo,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    auth_attrs: Option<Attributes>,
    mac: OctetString,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    unauth_attrs: Option<Attributes>,
}

/// What AES-GCM needs, its sizes checked.
struct SealedContent<'a> {
    nonce: [u8; NONCE_LEN],
    ciphertext: &'a [u8],
    tag: &'a [u8],
}

fn sealed_content(enveloped: &AuthEnvelopedData) -> Result<SealedContent<'_>, SealedFault> {
    if enveloped.version != CmsVersion::V0 {
        return Err(SealedFault::Version);
    }
    if enveloped.originator_info.is_some()
        || enveloped.auth_attrs.is_some()
        || enveloped.unauth_attrs.is_some()
    {
        return Err(SealedFault::Attributes);
    }
    let content = &enveloped.auth_encrypted_content_info;
    if content.content_type != ID_DATA {
        return Err(SealedFault::InnerType);
    }
    if content.content_enc_alg.oid != ID_AES256_GCM {
        return Err(SealedFault::Cipher);
    }
    let parameters = content.content_enc_alg.parameters.as_ref().ok_or(SealedFault::Cipher)?;
    let GcmParameters { nonce, tag_bytes } =
        parameters.decode_as().map_err(|_| SealedFault::Cipher)?;
    let nonce = nonce.try_into().map_err(|_| SealedFault::NonceLength)?;
    let tag = enveloped.mac.as_bytes();
    if tag_bytes != Some(TAG_BYTES) || tag.len() != usize::from(TAG_BYTES) {
        return Err(SealedFault::TagLength);
    }
    let ciphertext = content.encrypted_content.as_ref().ok_or(SealedFault::Malformed)?;
    Ok(SealedContent { nonce, ciphertext: ciphertext.as_bytes(), tag })
}

pub(crate) fn cipher(key: &ContentKey) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key.as_slice()).ok().map(LessSafeKey::new)
}

/// RFC 5084 section 3.2. Its default of 12 is what must not be used, so absence is kept apart.
#[derive(Sequence)]
struct GcmParameters<'a> {
    #[asn1(type = "OCTET STRING")]
    nonce: &'a [u8],
    #[asn1(optional = "true")]
    tag_bytes: Option<u8>,
}

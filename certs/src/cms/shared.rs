//! A recipient by a key that both sides have: AES-256 key wrap under it (RFC 5652 section 6.2.3), SET's `EK`. Such a key is made
//! for one answer: the one that asks sends it, and is answered under it.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap};
use cms::{
    content_info::CmsVersion,
    enveloped_data::{KekIdentifier, KekRecipientInfo},
};
use der::asn1::OctetString;
use x509_cert::spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::{
    agreement::{ID_AES256_WRAP, WRAPPED_KEY_BYTES, unwrap_key},
    content_key::{ContentKey, ENCODING, KEY_BYTES},
};
use crate::error::{Error, SealedFault};

/// A key that both sides have. Never printed.
pub(crate) type Shared = Zeroizing<[u8; KEY_BYTES]>;

/// Wraps the content key under the shared key of that identifier.
pub(crate) fn wrap(
    content_key: &ContentKey,
    key_id: &[u8],
    shared: &Shared,
) -> Result<KekRecipientInfo, Error> {
    let mut wrapped = [0; WRAPPED_KEY_BYTES];
    AesKek::new(&AES_256, shared.as_slice())
        .and_then(|kek| kek.wrap(content_key.as_slice(), &mut wrapped).map(|_| ()))
        .map_err(|_| Error::Failed("wrapping a key"))?;
    let build = || -> der::Result<KekRecipientInfo> {
        Ok(KekRecipientInfo {
            version: CmsVersion::V4,
            kek_id: KekIdentifier {
                kek_identifier: OctetString::new(key_id)?,
                date: None,
                other: None,
            },
            key_enc_alg: key_wrap(),
            encrypted_key: OctetString::new(wrapped.as_slice())?,
        })
    };
    build().map_err(|_| ENCODING)
}

/// A content key under a shared key.
pub(crate) struct UnderShared<'a>(&'a [u8]);

impl UnderShared<'_> {
    pub(crate) fn unwrap(&self, shared: &Shared) -> Result<ContentKey, SealedFault> {
        let kek = AesKek::new(&AES_256, shared.as_slice()).ok();
        kek.and_then(|kek| unwrap_key(kek, self.0)).ok_or(SealedFault::WrappedKey)
    }
}

/// Under which key it is, if it is exactly of the kind that is spoken here.
pub(crate) fn offer_of(
    recipient: &KekRecipientInfo,
) -> Result<(&[u8], UnderShared<'_>), SealedFault> {
    let KekRecipientInfo {
        version: CmsVersion::V4,
        kek_id: KekIdentifier { kek_identifier, date: None, other: None },
        key_enc_alg,
        encrypted_key,
    } = recipient
    else {
        return Err(SealedFault::RecipientKind);
    };
    if *key_enc_alg != key_wrap() {
        return Err(SealedFault::RecipientKind);
    }
    Ok((kek_identifier.as_bytes(), UnderShared(encrypted_key.as_bytes())))
}

const fn key_wrap() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ID_AES256_WRAP, parameters: None }
}

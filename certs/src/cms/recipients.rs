//! The recipients of a sealed message: the content key, wrapped for each after the kind of its key.
//!
//! A P-256 key agrees on a wrapping key (agreement.rs), an RSA key is encrypted to (transport.rs). Each
//! is named by its subject key identifier; both kinds may stand in one message. A key that both sides have wraps it itself
//! (shared.rs).

use cms::enveloped_data::{RecipientInfo, RecipientInfos};
use der::asn1::SetOfVec;

use super::{
    agreement::{self, Agreed},
    content_key::{ContentKey, ENCODING},
    recipient::{PrivateKey, PublicKey, RecipientCertificate, RecipientKey},
    shared::{self, UnderShared},
    transport::{self, Transported},
};
use crate::error::{Error, SealedFault};

/// The most recipients of one message.
pub const MAX_RECIPIENTS: usize = 8;

/// Wraps the content key for each recipient.
pub(crate) fn wrap(
    content_key: &ContentKey,
    recipients: &[RecipientCertificate],
) -> Result<RecipientInfos, Error> {
    if recipients.is_empty() || recipients.len() > MAX_RECIPIENTS {
        return Err(Error::RecipientCount);
    }
    let wrapped = recipients
        .iter()
        .map(|recipient| match recipient.public_key() {
            PublicKey::P256(point) => {
                agreement::wrap(content_key, recipient.key_id(), point).map(RecipientInfo::Kari)
            }
            PublicKey::Rsa(key) => {
                transport::wrap(content_key, recipient.key_id(), key).map(RecipientInfo::Ktri)
            }
            PublicKey::Shared(key) => {
                shared::wrap(content_key, recipient.key_id(), key).map(RecipientInfo::Kekri)
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    let wrapped = SetOfVec::try_from(wrapped).map_err(|_| ENCODING)?;
    Ok(wrapped.into())
}

/// Checks every recipient, finds the one that is ours and unwraps the content key.
pub(crate) fn unwrap(
    recipients: &RecipientInfos,
    keys: &[RecipientKey],
) -> Result<ContentKey, SealedFault> {
    let mut offers = Vec::new();
    for recipient in recipients.0.iter() {
        offers.extend(offers_of(recipient)?);
    }
    if offers.is_empty() || offers.len() > MAX_RECIPIENTS {
        return Err(SealedFault::RecipientCount);
    }
    offers
        .iter()
        .find_map(|offer| keys.iter().find_map(|key| offer.unwrap_with(key)))
        .ok_or(SealedFault::WrongRecipient)?
}

/// A content key for the recipient that is named by `key_id`.
struct Offer<'a> {
    key_id: &'a [u8],
    content_key: Wrapped<'a>,
}

enum Wrapped<'a> {
    Agreed(Agreed<'a>),
    Transported(Transported<'a>),
    UnderShared(UnderShared<'a>),
}

impl Offer<'_> {
    /// Nothing if the offer is to another key, or to a key of another kind that has the same identifier.
    fn unwrap_with(&self, key: &RecipientKey) -> Option<Result<ContentKey, SealedFault>> {
        if self.key_id != key.key_id() {
            return None;
        }
        match (&self.content_key, key.private_key()) {
            (Wrapped::Agreed(agreed), PrivateKey::P256(key)) => Some(agreed.unwrap(key)),
            (Wrapped::Transported(transported), PrivateKey::Rsa(key)) => {
                Some(transported.unwrap(key))
            }
            (Wrapped::UnderShared(under), PrivateKey::Shared(key)) => Some(under.unwrap(key)),
            (Wrapped::Agreed(_), PrivateKey::Rsa(_) | PrivateKey::Shared(_))
            | (Wrapped::Transported(_), PrivateKey::P256(_) | PrivateKey::Shared(_))
            | (Wrapped::UnderShared(_), PrivateKey::P256(_) | PrivateKey::Rsa(_)) => None,
        }
    }
}

/// What one recipient structure offers, if it is exactly of a kind that is spoken here.
fn offers_of(recipient: &RecipientInfo) -> Result<Vec<Offer<'_>>, SealedFault> {
    match recipient {
        RecipientInfo::Kari(recipient) => {
            let offers = agreement::offers_of(recipient)?.into_iter();
            let offers = offers
                .map(|(key_id, agreed)| Offer { key_id, content_key: Wrapped::Agreed(agreed) });
            Ok(offers.collect())
        }
        RecipientInfo::Ktri(recipient) => {
            let (key_id, transported) = transport::offer_of(recipient)?;
            Ok(vec![Offer { key_id, content_key: Wrapped::Transported(transported) }])
        }
        RecipientInfo::Kekri(recipient) => {
            let (key_id, under) = shared::offer_of(recipient)?;
            Ok(vec![Offer { key_id, content_key: Wrapped::UnderShared(under) }])
        }
        RecipientInfo::Pwri(_) | RecipientInfo::Ori(_) => Err(SealedFault::RecipientKind),
    }
}

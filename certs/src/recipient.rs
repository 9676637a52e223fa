//! The recipients of an envelope: the content key, wrapped for each gateway after the kind of its key.
//!
//! A P-256 key agrees on a wrapping key (agreement.rs), an RSA key is encrypted to (transport.rs). Each gateway is
//! named by its subject key identifier; both kinds may stand in one envelope.

use cms::enveloped_data::{RecipientInfo, RecipientInfos};
use der::asn1::SetOfVec;
use zeroize::Zeroizing;

use crate::{
    agreement::{self, Agreed},
    error::{EnvelopeFault, Error},
    gateway::{GatewayCertificate, GatewayKey, PrivateKey, PublicKey},
    transport::{self, Transported},
};

/// The key that encrypts the content, made for one envelope and wiped after.
pub(crate) type ContentKey = Zeroizing<[u8; KEY_BYTES]>;

/// Wraps the content key for each gateway.
pub(crate) fn wrap(
    content_key: &ContentKey,
    gateways: &[GatewayCertificate],
) -> Result<RecipientInfos, Error> {
    if gateways.is_empty() || gateways.len() > MAX_GATEWAYS {
        return Err(Error::GatewayCount);
    }
    let recipients = gateways
        .iter()
        .map(|gateway| match gateway.public_key() {
            PublicKey::P256(point) => {
                agreement::wrap(content_key, gateway.key_id(), point).map(RecipientInfo::Kari)
            }
            PublicKey::Rsa(key) => {
                transport::wrap(content_key, gateway.key_id(), key).map(RecipientInfo::Ktri)
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    let recipients = SetOfVec::try_from(recipients).map_err(|_| ENCODING)?;
    Ok(recipients.into())
}

/// Checks every recipient, finds the one that is ours and unwraps the content key.
pub(crate) fn unwrap(
    recipients: &RecipientInfos,
    keys: &[GatewayKey],
) -> Result<ContentKey, EnvelopeFault> {
    let mut offers = Vec::new();
    for recipient in recipients.0.iter() {
        offers.extend(offers_of(recipient)?);
    }
    if offers.is_empty() || offers.len() > MAX_GATEWAYS {
        return Err(EnvelopeFault::RecipientCount);
    }
    offers
        .iter()
        .find_map(|offer| keys.iter().find_map(|key| offer.unwrap_with(key)))
        .ok_or(EnvelopeFault::WrongRecipient)?
}

/// A content key that whoever is named by `key_id` can unwrap.
struct Offer<'a> {
    key_id: &'a [u8],
    content_key: Wrapped<'a>,
}

enum Wrapped<'a> {
    Agreed(Agreed<'a>),
    Transported(Transported<'a>),
}

impl Offer<'_> {
    /// Nothing if the offer is to another key, or to a key of another kind that has the same identifier.
    fn unwrap_with(&self, key: &GatewayKey) -> Option<Result<ContentKey, EnvelopeFault>> {
        if self.key_id != key.key_id() {
            return None;
        }
        match (&self.content_key, key.private_key()) {
            (Wrapped::Agreed(agreed), PrivateKey::P256(key)) => Some(agreed.unwrap(key)),
            (Wrapped::Transported(transported), PrivateKey::Rsa(key)) => {
                Some(transported.unwrap(key))
            }
            (Wrapped::Agreed(_), PrivateKey::Rsa(_))
            | (Wrapped::Transported(_), PrivateKey::P256(_)) => None,
        }
    }
}

/// What one recipient structure offers, if it is exactly of a kind that is spoken here.
fn offers_of(recipient: &RecipientInfo) -> Result<Vec<Offer<'_>>, EnvelopeFault> {
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
        RecipientInfo::Kekri(_) | RecipientInfo::Pwri(_) | RecipientInfo::Ori(_) => {
            Err(EnvelopeFault::RecipientKind)
        }
    }
}

/// The most gateways that one number is encrypted to.
pub const MAX_GATEWAYS: usize = 8;

/// AES-256.
pub(crate) const KEY_BYTES: usize = 32;

pub(crate) const ENCODING: Error = Error::Failed("encoding a recipient");

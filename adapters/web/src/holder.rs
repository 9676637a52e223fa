//! Whom a client certificate vouches for: the reader of the certificates that people present.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use countersign_certs::{CertificateDer, RecipientKey, Refusal, TrustAnchors, UnixTime};
use countersign_domain::{
    address::Msisdn, card::Card, hex, id::Identifier, invalid::InvalidInput, time::Timestamp,
};
use thiserror::Error;

use crate::{peer_certificate::PeerCertificates, problem::Problem};

/// Which authorities are trusted for client certificates, and the keys that open encrypted numbers.
#[derive(Debug)]
pub struct CertificateReader {
    anchors: RwLock<Arc<TrustAnchors>>,
    keys: Vec<RecipientKey>,
}

/// The holder of a certificate, as its authority vouches for him or her.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateHolder {
    /// The certificate's key, as an identifier.
    pub identifier: Identifier,
    /// The number that the certificate bears.
    pub number: Msisdn,
    /// The card that the certificate bears, if it bears one (F13.v1).
    pub card: Option<Card>,
}

/// Why a certificate has no holder for us.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum HolderError {
    /// The certificate is refused.
    #[error("the certificate is refused: {0}")]
    Refused(#[from] Refusal),
    /// It holds a value that the domain does not know.
    #[error("the certificate holds a value that is not valid: {0}")]
    Invalid(#[from] InvalidInput),
}

impl HolderError {
    /// Whether the same certificate may be accepted a little later: a list is late, and its authority's next may say that all
    /// is well.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Refused(Refusal::RevocationUnknown))
    }
}

impl From<HolderError> for Problem {
    fn from(error: HolderError) -> Self {
        match error {
            HolderError::Refused(refusal) => Self::from(&refusal),
            HolderError::Invalid(error) => error.into(),
        }
    }
}

impl CertificateReader {
    /// Certificates from those authorities, numbers encrypted to those keys (several while keys are changed).
    pub fn new(anchors: TrustAnchors, keys: Vec<RecipientKey>) -> Self {
        Self { anchors: RwLock::new(Arc::new(anchors)), keys }
    }

    /// Trusts those authorities from now on: what they have revoked has changed.
    pub fn trust(&self, anchors: TrustAnchors) {
        let mut held = self.anchors.write().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(anchors);
    }

    fn anchors(&self) -> Arc<TrustAnchors> {
        Arc::clone(&self.anchors.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The holder of the certificate that a peer presented. The path is validated here, too, and not only in the TLS
    /// session: the session may have ended elsewhere (RFC 9440).
    ///
    /// # Errors
    /// When the certificate is refused, or holds a number or card that the domain does not know.
    pub fn holder(
        &self,
        peer: &PeerCertificates,
        now: Timestamp,
    ) -> Result<CertificateHolder, HolderError> {
        let chain: Vec<_> = peer.0.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now.unix_seconds()));
        let client = self.anchors().verify_client(&chain, now)?;
        let holder = client.phone(&self.keys)?;
        let key = hex::encode(client.key_sha256());
        Ok(CertificateHolder {
            identifier: Identifier::try_from(format!("x509:{key}"))?,
            number: Msisdn::try_from(holder.number.expose())?,
            card: holder.card.as_ref().map(card).transpose()?,
        })
    }
}

fn card(card: &countersign_certs::Card) -> Result<Card, InvalidInput> {
    Card::new(card.expose_number(), card.expose_expiry().try_into()?)
}

//! Authorities that are trusted, until others are.

use std::sync::{Arc, PoisonError, RwLock};

use countersign_certs::{
    Certificate, CertificateDer, EndEntityKind, Refusal, TrustAnchors, UnixTime,
    VerifiedCertificate,
};

use crate::{asn1::CertificateElement, message::common::Chain};

/// Authorities that are trusted; what they have revoked may change.
#[derive(Debug)]
pub struct Trust(RwLock<Arc<TrustAnchors>>);

impl Trust {
    /// Trusts those authorities.
    pub fn new(anchors: TrustAnchors) -> Self {
        Self(RwLock::new(Arc::new(anchors)))
    }

    /// Trusts those from now on.
    pub fn replace(&self, anchors: TrustAnchors) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(anchors);
    }

    /// Those that are trusted now.
    pub fn anchors(&self) -> Arc<TrustAnchors> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A chain as messages have it.
///
/// # Errors
/// When it has none or more than eight certificates.
pub(crate) fn to_chain<'a>(
    certificates: impl IntoIterator<Item = &'a Certificate>,
) -> der::Result<Chain> {
    let elements = certificates.into_iter().map(CertificateElement::new);
    Chain::try_from(elements.collect::<der::Result<Vec<_>>>()?)
}

/// Verifies a chain in a message for one role.
///
/// # Errors
/// As [`TrustAnchors::verify`].
pub(crate) fn verify_chain(
    anchors: &TrustAnchors,
    chain: &Chain,
    now: UnixTime,
    role: EndEntityKind,
) -> Result<VerifiedCertificate, Refusal> {
    let der = |one: &CertificateElement| CertificateDer::from(one.as_bytes().to_vec());
    let chain: Vec<_> = chain.as_slice().iter().map(der).collect();
    anchors.verify(&chain, now, role)
}

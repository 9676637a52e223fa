//! The port behind the authority: the one whose key signs certificates, and its register.

use async_trait::async_trait;
use countersign_certs::{Certificate, EndEntityKind, PublicKey};
use countersign_domain::{card::Card, challenge::Verified};
use thiserror::Error;

/// Certifies the keys of those who register.
#[async_trait]
pub trait CertificateIssuer: Send + Sync {
    /// The certificate of that key and those above it, if it was certified.
    ///
    /// # Errors
    /// When the register fails.
    async fn certified(&self, key: &PublicKey) -> Result<Option<Vec<Certificate>>, IssuerError>;

    /// Whether a cardholder's key can be certified, once the phone is proved: asked before the code is used up.
    ///
    /// # Errors
    /// As [`CertificateIssuer::certify`].
    async fn check(&self, name: &str, key: &PublicKey) -> Result<(), IssuerError>;

    /// Certifies a cardholder's key, once, and keeps the certificate before it is given; gives those above it, too.
    ///
    /// # Errors
    /// When the key was certified before, and when the register or the signing key fails.
    async fn certify(&self, holder: NewCardholder<'_>) -> Result<Vec<Certificate>, IssuerError>;

    /// The same of one of the keys of a merchant or a gateway, for what that kind says, under its name.
    ///
    /// # Errors
    /// As [`CertificateIssuer::certify`].
    async fn certify_business(
        &self,
        kind: EndEntityKind,
        name: &str,
        key: &PublicKey,
    ) -> Result<Vec<Certificate>, IssuerError>;
}

/// A cardholder to be certified.
#[derive(Debug)]
pub struct NewCardholder<'a> {
    /// The common name, which ties the card to the certificate and tells nobody the card.
    pub name: &'a str,
    /// To be certified.
    pub key: &'a PublicKey,
    /// Vouched for beside the number.
    pub card: &'a Card,
    /// Whose phone it is: its holder has typed back the code.
    pub proof: &'a Verified,
}

/// Why a key is not certified.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("a key cannot be certified: {cause}")]
pub struct IssuerError {
    /// What failed.
    pub cause: String,
}

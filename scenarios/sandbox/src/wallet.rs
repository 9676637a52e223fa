//! A cardholder's wallet in files: certificate, key under a static password, and what ties the card to the name in the
//! certificate.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign_certs::{Certificate, KeyPair, TrustAnchors};
use countersign_domain::hex;
use countersign_set::{
    asn1::RANDOM_OCTETS,
    cardholder::{Identity, Wallet},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::person::Person;

/// The brand of the sandbox's cards.
pub(crate) const BRAND: &str = "Sandbox";
/// The static password of the sandbox's wallet (F11.7). It guards nothing of value: pages and guides say it.
pub(crate) const PASSWORD: &str = "figure eleven";

/// Why a wallet cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum WalletFault {
    /// The static password is another.
    #[error("the password is wrong")]
    WrongPassword,
    /// A file is not what it must be.
    #[error("{path}: {cause}")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
}

/// A cardholder's wallet in files.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct WalletFiles {
    /// The certificate, and those above it.
    pub certificate: PathBuf,
    /// The key: PKCS#8, encrypted under the static password.
    pub key: PathBuf,
    /// What ties the card to the name in the certificate.
    pub secret: PathBuf,
    /// The static password.
    pub password: String,
    /// Whose it is.
    #[serde(flatten)]
    pub holder: Person,
}

impl WalletFiles {
    /// The wallet as it is while nobody has typed the password: with card, without certificate.
    ///
    /// # Errors
    /// When the authority's file cannot be used.
    pub fn locked(&self, authority: &Path) -> Result<Wallet, WalletFault> {
        wallet_without_certificate(&self.holder, authority)
    }

    /// Opens the key with the static password (F11.7).
    ///
    /// # Errors
    /// When the password is another, or a file cannot be used.
    pub fn unlock(&self, password: &str) -> Result<Identity, WalletFault> {
        let key = KeyPair::from_encrypted_pem(&read(&self.key)?, password);
        let key = key.map_err(|error| match error {
            countersign_certs::Error::WrongPassphrase => WalletFault::WrongPassword,
            error => unusable(&self.key, &error),
        })?;
        let secret = Zeroizing::new(hex::decode(read(&self.secret)?.trim()).unwrap_or_default());
        let secret: Result<[u8; RANDOM_OCTETS], _> = secret.as_slice().try_into();
        let secret = secret.map_err(|_| unusable(&self.secret, &"is not 40 hexadecimal digits"))?;
        let mut chain = chain(&self.certificate)?.into_iter();
        Ok(Identity {
            certificate: chain.next().ok_or_else(|| unusable(&self.certificate, &"is empty"))?,
            above: chain.collect(),
            key,
            pan_secret: secret.into(),
        })
    }
}

/// A wallet with a person's card and no certificate (F11.v1).
///
/// # Errors
/// When the authority's file cannot be used.
pub fn wallet_without_certificate(
    holder: &Person,
    authority: &Path,
) -> Result<Wallet, WalletFault> {
    let own = |error: &dyn std::fmt::Display| unusable(authority, error);
    Ok(Wallet {
        card: holder.card().map_err(|error| own(&error))?,
        brand: BRAND.try_into().map_err(|error| own(&error))?,
        identity: None,
        trust: TrustAnchors::from_pem(&read(authority)?).map_err(|error| own(&error))?,
        language: "en".try_into().map_err(|error| own(&error))?,
    })
}

/// The certificates in a file, in their order.
fn chain(path: &Path) -> Result<Vec<Certificate>, WalletFault> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| unusable(path, &error))?.into_iter();
    let certificates = certificates.map(|one| Certificate::from_der(one));
    certificates.collect::<Result<_, _>>().map_err(|error| unusable(path, &error))
}

/// TLS for a wallet that trusts that authority.
///
/// # Errors
/// When the authority's file cannot be used.
pub fn wallet_tls(authority: &Path) -> Result<Arc<ClientConfig>, WalletFault> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(authority);
    let root = root.map_err(|error| unusable(authority, &error))?;
    roots.add(root).map_err(|error| unusable(authority, &error))?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(authority, &error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn read(path: &Path) -> Result<Zeroizing<String>, WalletFault> {
    fs::read_to_string(path).map(Zeroizing::new).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, cause: &dyn std::fmt::Display) -> WalletFault {
    WalletFault::Unusable { path: path.to_owned(), cause: cause.to_string() }
}

//! `[set.gateway]`, `[set.merchant]` and `[set.cardholder]`: the roles of figure 11.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign_certs::{Certificate, KeyPair, RecipientKey, SigningKey};
use countersign_domain::id::RelyingPartyId;
use countersign_web::origin::PublicOrigin;
use serde::Deserialize;

use super::{Files, TlsSection};
use crate::{
    error::ConfigError,
    folder::{read_certificates, token_key},
    key_uri::KeyUri,
};

/// `[set]`: the roles that this server has.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetSection {
    /// A flow: the payment gateway.
    pub(crate) gateway: Option<SetGatewaySection>,
    /// A flow: a merchant.
    pub(crate) merchant: Option<SetMerchantSection>,
    /// A flow: a cardholder's wallet on a page.
    pub(crate) cardholder: Option<SetCardholderSection>,
    /// A flow: the authority at which cardholders register.
    pub(crate) authority: Option<SetAuthoritySection>,
}

/// `[set.gateway]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetGatewaySection {
    /// Where to listen for merchants and cardholders.
    pub(crate) listen: SocketAddr,
    /// How they reach it.
    pub(crate) public_origin: PublicOrigin,
    /// What it signs with.
    pub(crate) signature: SignatureSection,
    /// What is encrypted to; several while keys are changed.
    pub(crate) exchange: Vec<TlsSection>,
    /// What opens encrypted numbers. None: what is encrypted to.
    #[serde(default)]
    pub(crate) phones: Vec<TlsSection>,
    /// PEM of the authorities that are trusted for merchants and cardholders.
    pub(crate) authorities: PathBuf,
    /// Revocation lists of those authorities, PEM or DER, read again when they change.
    #[serde(default)]
    pub(crate) revocation_lists: Vec<PathBuf>,
    /// The brands of cards that it takes.
    pub(crate) brands: Vec<String>,
    /// Whether it takes purchases without a client certificate.
    #[serde(default = "yes")]
    pub(crate) unsigned: bool,
    /// Certificates of keys with which merchants settle what they sold under an earlier key.
    #[serde(default)]
    pub(crate) successors: Vec<SuccessorSection>,
}

/// `set.gateway.successors`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuccessorSection {
    /// Which relying party the merchant is.
    pub(crate) relying_party: RelyingPartyId,
    /// PEM of its signature certificate.
    pub(crate) certificate: PathBuf,
}

/// `[set.merchant]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetMerchantSection {
    /// Where to listen for cardholders.
    pub(crate) listen: SocketAddr,
    /// How they reach it.
    pub(crate) public_origin: PublicOrigin,
    /// Which relying party the merchant is.
    pub(crate) relying_party: RelyingPartyId,
    /// What it signs with.
    pub(crate) signature: SignatureSection,
    /// What the gateway encrypts its answers to.
    pub(crate) exchange: TlsSection,
    /// PEM of the authorities that are trusted for gateways and cardholders.
    pub(crate) authorities: PathBuf,
    /// Revocation lists of those authorities, PEM or DER, read again when they change.
    #[serde(default)]
    pub(crate) revocation_lists: Vec<PathBuf>,
    /// The gateway that it works with.
    pub(crate) gateway: PeerSection,
    /// Whether it takes purchases without a client certificate.
    #[serde(default = "yes")]
    pub(crate) unsigned: bool,
    /// Whether the amount is debited when it is authorized.
    #[serde(default = "yes")]
    pub(crate) capture_now: bool,
}

/// `[set.cardholder]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetCardholderSection {
    /// Where to listen for the cardholder's browser.
    pub(crate) listen: SocketAddr,
    /// The wallet's file, as `countersign set wallet` made it.
    pub(crate) wallet: PathBuf,
    /// PEM of the authorities that may have issued the certificates of merchants' listeners. Absent: those that the system
    /// trusts.
    pub(crate) tls_authorities: Option<PathBuf>,
}

/// `[set.authority]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetAuthoritySection {
    /// Where to listen for those who register.
    pub(crate) listen: SocketAddr,
    /// How they reach it.
    pub(crate) public_origin: PublicOrigin,
    /// What it signs with. The key of `[authority]` signs certificates and nothing else.
    pub(crate) signature: SignatureSection,
    /// What is encrypted to.
    pub(crate) exchange: TlsSection,
    /// The name that people know.
    pub(crate) name: String,
    /// The brand of the cards that it registers.
    pub(crate) brand: String,
    /// What their numbers begin with.
    pub(crate) card_prefixes: Vec<String>,
    /// The terms that a person agrees to by registering.
    pub(crate) policy: String,
    /// Which merchants and gateways it registers, once its operator has approved them. Absent: none.
    pub(crate) businesses: Option<BusinessesSection>,
}

/// `set.authority.businesses`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BusinessesSection {
    /// The numbers of their acquirers, six digits each.
    pub(crate) acquirers: Vec<String>,
    /// The terms that they agree to by registering.
    pub(crate) policy: String,
}

/// `set.merchant.gateway`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeerSection {
    /// Where the gateway takes messages: cardholders are told, too.
    pub(crate) url: String,
    /// Where it takes this merchant's, when that is elsewhere.
    pub(crate) merchant_url: Option<String>,
    /// PEM of its certificate to encrypt to, and those above it.
    pub(crate) certificate: PathBuf,
    /// PEM of the authorities that may have issued its listener's certificate. Absent: those that the system trusts.
    pub(crate) tls_authorities: Option<PathBuf>,
}

/// A certificate and the key that signs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignatureSection {
    /// PEM of the certificate, and those above it.
    pub(crate) certificate: PathBuf,
    /// PEM of its key, or where it is in a token.
    pub(crate) key: KeyPlace,
}

/// Where a key that signs is.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum KeyPlace {
    /// In a file: PEM, PKCS#8.
    File(PathBuf),
    /// In a token.
    InToken(KeyUri),
}

impl TryFrom<String> for KeyPlace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.starts_with("pkcs11:") {
            true => text.parse().map(Self::InToken),
            false => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

const fn yes() -> bool {
    true
}

/// A certificate, those above it, and the key that signs.
pub(crate) struct SigningIdentity {
    pub(crate) certificate: Certificate,
    pub(crate) above: Vec<Certificate>,
    pub(crate) key: Arc<dyn SigningKey>,
}

impl SignatureSection {
    /// What signs; `key` is the configuration's key that says so.
    pub(crate) fn read(
        &self,
        files: &Files,
        key: &'static str,
    ) -> Result<SigningIdentity, ConfigError> {
        let unusable = |error: &dyn std::fmt::Display| ConfigError::unusable(key, error);
        let (certificate, above) = chain(files, &self.certificate, key)?;
        let signing: Arc<dyn SigningKey> = match &self.key {
            KeyPlace::File(path) => {
                let pair = KeyPair::from_file(&files.key(path)?);
                Arc::new(pair.map_err(|error| unusable(&error))?)
            }
            KeyPlace::InToken(uri) => Arc::from(token_key(uri).map_err(|error| unusable(&error))?),
        };
        if certificate.key_sha256() != signing.public_key().sha256() {
            return Err(unusable(&"names a certificate of another key"));
        }
        Ok(SigningIdentity { certificate, above, key: signing })
    }
}

/// A certificate and those above it.
pub(crate) fn chain(
    files: &Files,
    path: &Path,
    key: &'static str,
) -> Result<(Certificate, Vec<Certificate>), ConfigError> {
    let read = read_certificates(&files.path(path));
    let mut chain = read.map_err(|error| ConfigError::unusable(key, error))?.into_iter();
    let first = chain.next();
    let first =
        first.ok_or_else(|| ConfigError::unusable(key, "names a file without a certificate"))?;
    Ok((first, chain.collect()))
}

/// A certificate that is encrypted to, those above it, and the key that opens.
pub(crate) fn exchange(
    files: &Files,
    pair: &TlsSection,
    key: &'static str,
) -> Result<(Vec<Certificate>, RecipientKey), ConfigError> {
    let (certificate, above) = chain(files, &pair.certificate, key)?;
    let unusable = |error| ConfigError::unusable(key, error);
    let opening = KeyPair::from_file(&files.key(&pair.key)?).map_err(unusable)?;
    let opening = RecipientKey::new(&certificate, &opening).map_err(unusable)?;
    Ok(([vec![certificate], above].concat(), opening))
}

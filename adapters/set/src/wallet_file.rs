//! A cardholder's wallet in a file: the key under a password (F11.7), the card under the key, certificate and authorities as
//! they are. Without the password, the file gives neither key nor card.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use countersign_certs::{
    Certificate, EndEntityKind, Error as CertificateError, KeyPair, Refusal, TrustAnchors, sha256,
};
use countersign_domain::{
    card::Card,
    error::Error as DomainError,
    hex,
    invalid::InvalidInput,
    keys::{KeyRing, SealedCard},
    randomness::Entropy,
    secret::Secret,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    applicant::Registrant,
    asn1::{RANDOM_OCTETS, SecretOctets, Text},
    cardholder::{Identity, Wallet},
    message::common::BrandId,
    name::{cardholder_name, unix_time},
};

/// The form of the file.
const VERSION: u32 = 1;
/// The one key of the ring that seals the card.
const CARD_KEY: &str = "1";

/// Why a wallet cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum WalletFileError {
    /// The file cannot be read or written.
    #[error("{file}: {cause}")]
    File {
        /// Which file.
        file: String,
        /// What the system said.
        cause: String,
    },
    /// The file is no wallet.
    #[error("it is not a wallet: {0}")]
    Form(String),
    /// The file is of another version.
    #[error("it is a wallet of version {0}, and version {VERSION} is read here")]
    Version(u32),
    /// The password opens nothing, a key fails, or a certificate cannot be read.
    #[error(transparent)]
    Certs(#[from] countersign_certs::Error),
    /// The card cannot be sealed or opened.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// A value breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// Brand, language or name cannot be said in a message.
    #[error("{0} cannot be said in a message")]
    Unspeakable(&'static str),
    /// There is no certificate in the file.
    #[error("there is no certificate in PEM")]
    NoCertificate,
    /// The certificate is of another key.
    #[error("the certificate is of another key than the wallet's")]
    OtherKey,
    /// The certificate names another card.
    #[error("the certificate bears another name than the wallet's request")]
    OtherName,
    /// The certificate is refused.
    #[error("the certificate is refused: {0}")]
    Refused(#[from] Refusal),
    /// No authority is trusted yet.
    #[error("it trusts no authority yet: certify it, or make it with --trust")]
    NoAuthorities,
}

/// A wallet as it is in its file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WalletFile {
    version: u32,
    brand: String,
    language: String,
    /// The common name of its request, which its certificate bears: it tells nobody the card.
    name: String,
    /// SHA-256 of the public key, so that a certificate is known as its own without the password.
    key_sha256: String,
    /// PKCS#8, encrypted.
    key: String,
    card: SealedCard,
    /// PEM of the certificate and those above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificates: Option<String>,
    /// PEM of the authorities that are trusted for merchants and gateways.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorities: Option<String>,
}

/// What a wallet is made of.
#[derive(Debug)]
pub struct NewWallet<'a> {
    /// Sealed in the file, under the new key.
    pub card: &'a Card,
    /// Its brand.
    pub brand: &'a str,
    /// The language of messages (RFC 5646).
    pub language: &'a str,
}

impl WalletFile {
    /// A wallet with a new key, and the request for its certificate (PKCS#10, PEM).
    ///
    /// # Errors
    /// When the password is too short, brand or language cannot be said, or a key fails.
    pub fn new(
        new: &NewWallet<'_>,
        password: &str,
        entropy: &dyn Entropy,
    ) -> Result<(Self, String), WalletFileError> {
        brand(new.brand)?;
        language(new.language)?;
        let key = KeyPair::generate()?;
        let (ring, pan_secret) = secrets(&key)?;
        let key_sha256 = hex::encode(&key.public_key().sha256());
        let name = cardholder_name(new.card, &pan_secret)
            .map_err(|_| WalletFileError::Unspeakable("the card"))?;
        let request = key.to_request_pem(&name)?;
        let wallet = Self {
            version: VERSION,
            brand: new.brand.to_owned(),
            language: new.language.to_owned(),
            name,
            key: key.to_encrypted_pem(password)?,
            card: ring.seal_card(new.card, &key_sha256, entropy)?,
            key_sha256,
            certificates: None,
            authorities: None,
        };
        Ok((wallet, request))
    }

    /// Trusts those authorities for merchants and gateways.
    ///
    /// # Errors
    /// When there is none in the text.
    pub fn trust(&mut self, authorities: &str) -> Result<(), WalletFileError> {
        TrustAnchors::from_pem(authorities)?;
        self.authorities = Some(authorities.to_owned());
        Ok(())
    }

    /// Takes the certificate that was issued for the request, and those above it. Needs no password.
    ///
    /// # Errors
    /// When it is of another key, is not a cardholder's, or does not come from an authority that is trusted.
    pub fn certify(&mut self, certificates: &str, now: Timestamp) -> Result<(), WalletFileError> {
        let chain = chain(certificates)?;
        let first = chain.first().ok_or(WalletFileError::NoCertificate)?;
        if hex::encode(&first.key_sha256()) != self.key_sha256 {
            return Err(WalletFileError::OtherKey);
        }
        let der: Vec<_> = chain.iter().map(|one| one.der().clone()).collect();
        let role = EndEntityKind::Cardholder;
        let verified = self.anchors()?.verify(&der, unix_time(now), role)?;
        if verified.common_name() != Some(self.name.as_str()) {
            return Err(WalletFileError::OtherName);
        }
        self.certificates = Some(certificates.to_owned());
        Ok(())
    }

    /// Whether it signs; without a certificate it pays unsigned (F11.v1).
    pub const fn signs(&self) -> bool {
        self.certificates.is_some()
    }

    /// The authorities that are trusted.
    ///
    /// # Errors
    /// When there is none yet.
    pub fn anchors(&self) -> Result<TrustAnchors, WalletFileError> {
        let authorities = self.authorities.as_deref().ok_or(WalletFileError::NoAuthorities)?;
        Ok(TrustAnchors::from_pem(authorities)?)
    }

    /// Opens it (F11.7).
    ///
    /// # Errors
    /// When the password is wrong, or something was changed.
    pub fn open(&self, password: &str) -> Result<Wallet, WalletFileError> {
        let Registrant { card, brand, key, pan_secret, trust, language } =
            self.registrant(password)?;
        let identity = match &self.certificates {
            None => None,
            Some(certificates) => {
                let mut chain = chain(certificates)?.into_iter();
                let certificate = chain.next().ok_or(WalletFileError::NoCertificate)?;
                Some(Identity { certificate, above: chain.collect(), key, pan_secret })
            }
        };
        Ok(Wallet { card, brand, identity, trust, language })
    }

    /// Opens it to have its key certified (F11.1).
    ///
    /// # Errors
    /// When the password is wrong, or something was changed.
    pub fn registrant(&self, password: &str) -> Result<Registrant, WalletFileError> {
        let trust = self.anchors()?;
        let key = KeyPair::from_encrypted_pem(&self.key, password)?;
        let (ring, pan_secret) = secrets(&key)?;
        let card = ring.open_card(&self.card, &self.key_sha256)?;
        let (brand, language) = (brand(&self.brand)?, language(&self.language)?);
        Ok(Registrant { card, brand, key, pan_secret, trust, language })
    }

    /// Reads a wallet.
    ///
    /// # Errors
    /// When the file cannot be read, or is no wallet of this version.
    pub fn read(path: &Path) -> Result<Self, WalletFileError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let text = fs::read_to_string(path).map_err(|error| file(path, &error))?;
        let form = |error: serde_json::Error| WalletFileError::Form(error.to_string());
        match serde_json::from_str::<Versioned>(&text).map_err(form)?.version {
            VERSION => serde_json::from_str(&text).map_err(form),
            other => Err(WalletFileError::Version(other)),
        }
    }

    /// Writes a wallet that is not there yet; only its owner can read it.
    ///
    /// # Errors
    /// When there is a file already, or it cannot be written.
    pub fn create(&self, path: &Path) -> Result<(), WalletFileError> {
        self.write(path).map_err(|error| file(path, &error))
    }

    /// Writes a wallet in place of an older one, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn replace(&self, path: &Path) -> Result<(), WalletFileError> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}", std::process::id()));
        let put = self.write(Path::new(&beside)).and_then(|()| fs::rename(&beside, path));
        put.map_err(|error| {
            let _: io::Result<()> = fs::remove_file(&beside);
            file(path, &error)
        })
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        let mut options = fs::OpenOptions::new();
        let mut written = options.write(true).create_new(true).mode(0o600).open(path)?;
        written.write_all(text.as_bytes())?;
        written.write_all(b"\n")?;
        written.sync_all()
    }
}

fn file(path: &Path, error: &io::Error) -> WalletFileError {
    WalletFileError::File { file: path.display().to_string(), cause: error.to_string() }
}

fn brand(text: &str) -> Result<BrandId, WalletFileError> {
    BrandId::try_from(text).map_err(|_| WalletFileError::Unspeakable("the brand"))
}

fn language(text: &str) -> Result<Text<35>, WalletFileError> {
    Text::try_from(text).map_err(|_| WalletFileError::Unspeakable("the language"))
}

/// What only the key's owner knows: what seals the card, and what ties it to the name in the certificate.
fn secrets(key: &KeyPair) -> Result<(KeyRing, SecretOctets), WalletFileError> {
    let derive = |label: &[u8]| {
        let labelled = Zeroizing::new([label, key.expose_der()].concat());
        Zeroizing::new(sha256(&labelled))
    };
    let id = CARD_KEY.to_owned().try_into()?;
    let current = CARD_KEY.to_owned().try_into()?;
    let master = derive(b"countersign set wallet card 1");
    let ring = KeyRing::new(current, vec![(id, Secret::new(*master))])?;
    let mut pan_secret = [0; RANDOM_OCTETS];
    let derived = derive(b"countersign set wallet pan secret 1");
    for (octet, derived) in pan_secret.iter_mut().zip(derived.iter()) {
        *octet = *derived;
    }
    Ok((ring, SecretOctets::from(pan_secret)))
}

fn chain(pem: &str) -> Result<Vec<Certificate>, WalletFileError> {
    match Certificate::all_from_file(pem.as_bytes()) {
        Err(CertificateError::MalformedCertificate | CertificateError::UnexpectedPem { .. }) => {
            Err(WalletFileError::NoCertificate)
        }
        read => Ok(read?),
    }
}

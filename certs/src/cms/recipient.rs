//! Recipients: those to whom something is encrypted, such as the payment gateway that reads a number.
//!
//! A recipient's key is for key agreement (P-256) or for key encipherment (RSA) and nothing else, apart from its TLS and
//! signature keys.

use std::fmt;

use aws_lc_rs::{
    agreement::{self, ECDH_P256, ParsedPublicKey, ParsedPublicKeyFormat, UnparsedPublicKey},
    encoding::{AsDer, PublicKeyX509Der},
    rsa::{PrivateDecryptingKey, PublicEncryptingKey},
};
use x509_parser::{certificate::X509Certificate, extensions::KeyUsage, public_key};

use super::shared::Shared;
use crate::{
    certificate::{self, Certificate},
    error::Error,
    key::KeyPair,
};

const UNCOMPRESSED_POINT_BYTES: usize = 65;
/// The sizes of RSA keys that are encrypted to, in bits.
const RSA_BITS: [usize; 2] = [3072, 4096];

/// A recipient to encrypt to.
#[derive(Clone)]
pub struct RecipientCertificate {
    key_id: Vec<u8>,
    key: PublicKey,
}

/// What is encrypted with.
#[derive(Clone)]
pub(crate) enum PublicKey {
    /// A point on P-256, uncompressed.
    P256(Vec<u8>),
    /// A key of 3072 or 4096 bits.
    Rsa(PublicEncryptingKey),
    /// A key that the recipient has, too.
    Shared(Shared),
}

impl RecipientCertificate {
    /// The recipient of a certificate with a subject key identifier and either a P-256 key and `keyAgreement`, or an RSA
    /// key of 3072 or 4096 bits and `keyEncipherment`. RSA with 2048 bits is refused: numbers stay in certificates for
    /// years, and 112 bits of strength are not for new use after 2030 (NIST SP 800-57 part 1, table 4).
    ///
    /// Whether the certificate is to be trusted is for the caller to know: it is configuration.
    ///
    /// # Errors
    /// [`Error::NotARecipient`].
    pub fn new(certificate: &Certificate) -> Result<Self, Error> {
        let parsed =
            certificate::parse(certificate.der()).map_err(|_| Error::MalformedCertificate)?;
        Self::of(&parsed)
    }

    pub(crate) fn of(certificate: &X509Certificate<'_>) -> Result<Self, Error> {
        match (certificate::key_identifier(certificate), public_key(certificate)) {
            (Some(key_id), Some(key)) if !key_id.is_empty() => Ok(Self { key_id, key }),
            _ => Err(Error::NotARecipient),
        }
    }

    /// The one that has this key, which both sides call by that identifier: no certificate is needed to answer it.
    pub fn shared(key_id: &[u8], key: &[u8; 32]) -> Self {
        Self { key_id: key_id.to_vec(), key: PublicKey::Shared(Shared::new(*key)) }
    }

    /// Names the recipient inside a message.
    pub(crate) fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    pub(crate) const fn public_key(&self) -> &PublicKey {
        &self.key
    }
}

impl fmt::Debug for RecipientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecipientCertificate({:02x?})", self.key_id)
    }
}

/// The certificate's key, if it is of a kind and for a usage that is spoken here.
fn public_key(certificate: &X509Certificate<'_>) -> Option<PublicKey> {
    let usage: &KeyUsage = certificate.key_usage().ok()??.value;
    match certificate.public_key().parsed().ok()? {
        public_key::PublicKey::EC(point)
            if usage.key_agreement() && is_p256_point(point.data()) =>
        {
            Some(PublicKey::P256(point.data().to_vec()))
        }
        public_key::PublicKey::RSA(_) if usage.key_encipherment() => {
            let key = PublicEncryptingKey::from_der(certificate.public_key().raw).ok()?;
            RSA_BITS.contains(&key.key_size_bits()).then_some(PublicKey::Rsa(key))
        }
        _ => None,
    }
}

/// A recipient's own key, with which it reads what was encrypted to it. Never printed.
pub struct RecipientKey {
    key_id: Vec<u8>,
    key: PrivateKey,
}

/// What is decrypted with.
pub(crate) enum PrivateKey {
    P256(agreement::PrivateKey),
    Rsa(PrivateDecryptingKey),
    Shared(Shared),
}

impl RecipientKey {
    /// The key that belongs to a recipient's certificate.
    ///
    /// # Errors
    /// [`Error::NotARecipient`], [`Error::MalformedKey`], [`Error::KeyMismatch`].
    pub fn new(certificate: &Certificate, key: &KeyPair) -> Result<Self, Error> {
        Self::from_pkcs8(certificate, key.expose_der())
    }

    /// The key that belongs to a recipient's certificate, P-256 or RSA, from its PKCS#8 DER (RFC 5958).
    ///
    /// # Errors
    /// [`Error::NotARecipient`] of the certificate; [`Error::MalformedKey`] if the bytes are no P-256 or RSA key;
    /// [`Error::KeyMismatch`] if they are the key of another certificate.
    pub fn from_pkcs8(certificate: &Certificate, key: &[u8]) -> Result<Self, Error> {
        let recipient = RecipientCertificate::new(certificate)?;
        let key = PrivateKey::from_pkcs8(key)?;
        if !key.belongs_to(&recipient.key)? {
            return Err(Error::KeyMismatch);
        }
        Ok(Self { key_id: recipient.key_id, key })
    }

    pub(crate) fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    /// A key that both sides have, and call by that identifier.
    pub fn shared(key_id: &[u8], key: &[u8; 32]) -> Self {
        Self { key_id: key_id.to_vec(), key: PrivateKey::Shared(Shared::new(*key)) }
    }

    pub(crate) const fn private_key(&self) -> &PrivateKey {
        &self.key
    }
}

impl fmt::Debug for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecipientKey({:02x?})", self.key_id)
    }
}

impl PrivateKey {
    fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        if let Ok(key) = agreement::PrivateKey::from_private_key_der(&ECDH_P256, der) {
            return Ok(Self::P256(key));
        }
        PrivateDecryptingKey::from_pkcs8(der).map(Self::Rsa).map_err(|_| Error::MalformedKey)
    }

    fn belongs_to(&self, public: &PublicKey) -> Result<bool, Error> {
        match (self, public) {
            (Self::P256(key), PublicKey::P256(point)) => {
                let own = key.compute_public_key().map_err(|_| Error::MalformedKey)?;
                Ok(own.as_ref() == point)
            }
            (Self::Rsa(key), PublicKey::Rsa(public)) => {
                Ok(spki(&key.public_key())? == spki(public)?)
            }
            (Self::P256(_), PublicKey::Rsa(_) | PublicKey::Shared(_))
            | (Self::Rsa(_), PublicKey::P256(_) | PublicKey::Shared(_))
            | (Self::Shared(_), _) => Ok(false),
        }
    }
}

/// The key as the cryptographic library writes it, to compare with another that it wrote.
fn spki(key: &PublicEncryptingKey) -> Result<Vec<u8>, Error> {
    let der: PublicKeyX509Der<'_> = key.as_der().map_err(|_| Error::MalformedKey)?;
    Ok(der.as_ref().to_vec())
}

/// Whether these bytes are a point on P-256, uncompressed (SEC 1 section 2.3.3): the one form that is spoken here.
pub(crate) fn is_p256_point(bytes: &[u8]) -> bool {
    bytes.len() == UNCOMPRESSED_POINT_BYTES
        && ParsedPublicKey::try_from(UnparsedPublicKey::new(&ECDH_P256, bytes))
            .is_ok_and(|key| key.format() == ParsedPublicKeyFormat::Uncompressed)
}

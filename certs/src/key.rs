//! Keys: the pair of an authority, a server or a holder, and the public half that a certificate is issued for.

use std::{fmt, time::Duration};

use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::{KeyPair as RsaKeyPair, KeySize},
};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, pkcs5::pbes2};
use rcgen::{CertificateParams, DistinguishedName, DnType, PublicKeyData, SigningKey as _};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime, alg_id};
use x509_parser::{prelude::FromDer as _, public_key, x509::SubjectPublicKeyInfo};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    certificate::{Certificate, Validity, parse, sha256, to_pem},
    error::Error,
    pem::{self, Expected},
    serial::Serial,
    signature::SignerKey,
};

const PLAIN: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
/// OWASP's count for PBKDF2-HMAC-SHA-256.
const ROUNDS: u32 = 600_000;
const MIN_PASSPHRASE_CHARS: usize = 12;
const MAX_KEY_FILE_BYTES: usize = 16 * 1024;
/// 128 bits of strength, as P-256 has (NIST SP 800-57 part 1, table 2).
const RSA_BITS: [usize; 2] = [3072, 4096];
const RSA_EXPONENT: u64 = 65_537;

/// What kind of key is made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum KeyKind {
    /// ECDSA or ECDH on P-256.
    #[default]
    P256,
    /// RSA of 3072 bits, for peers that know no elliptic curves.
    Rsa3072,
}

/// A key that signs, wherever it is: in memory ([`KeyPair`]), or in a token that never gives it out.
pub trait SigningKey: Send + Sync {
    /// The public half. Its kind says how is signed: ECDSA on P-256, or RSA PKCS #1 v1.5, both with SHA-256.
    fn public_key(&self) -> &PublicKey;

    /// The signature over the message; of ECDSA, its DER (RFC 3279 section 2.2.3).
    ///
    /// # Errors
    /// [`Error::Failed`].
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error>;
}

impl SigningKey for KeyPair {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.pair.sign(message).map_err(|_| Error::Failed("signing"))
    }
}

impl<K: SigningKey + ?Sized> SigningKey for Box<K> {
    fn public_key(&self) -> &PublicKey {
        (**self).public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        (**self).sign(message)
    }
}

/// A key that signs, as rcgen wants it.
pub(crate) struct RcgenSigner<'a>(pub(crate) &'a dyn SigningKey);

impl PublicKeyData for RcgenSigner<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().info.der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        match self.0.public_key().kind {
            PublicKeyKind::Curve => &rcgen::PKCS_ECDSA_P256_SHA256,
            PublicKeyKind::Rsa => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

impl rcgen::SigningKey for RcgenSigner<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// A PKCS#10 request for a key, signed with it, as PEM text (RFC 2986).
///
/// # Errors
/// [`Error::Failed`].
pub fn to_request_pem(key: &dyn SigningKey, common_name: &str) -> Result<String, Error> {
    const SIGNING: Error = Error::Failed("signing a request");
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let request = params.serialize_request(&RcgenSigner(key)).map_err(|_| SIGNING)?;
    request.pem().map_err(|_| SIGNING)
}

/// A certificate that a new key makes for itself, valid for a day: it says nothing but which key it is, and lets CMS name the
/// signer where no authority has certified the key yet.
///
/// # Errors
/// [`Error::Failed`].
pub fn to_self_certified(key: &dyn SigningKey, now: UnixTime) -> Result<Certificate, Error> {
    const SIGNING: Error = Error::Failed("signing a certificate for a new key");
    let validity = Validity::new(now, Duration::from_secs(86_400))?;
    let mut params = CertificateParams::default();
    params.serial_number = Some(Serial::random()?.to_rcgen());
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "new key");
    params.not_before = Validity::date(validity.not_before())?;
    params.not_after = Validity::date(validity.not_after())?;
    let certificate = params.self_signed(&RcgenSigner(key)).map_err(|_| SIGNING)?;
    Certificate::from_der(certificate.into())
}

/// A key pair, P-256 or RSA of 3072 or 4096 bits. Never printed. Its encoding is wiped when dropped; what the signing
/// library keeps is not.
pub struct KeyPair {
    pair: rcgen::KeyPair,
    public: PublicKey,
}

impl KeyPair {
    /// A new P-256 key pair, from the cryptographic library's own randomness.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn generate() -> Result<Self, Error> {
        Self::generate_kind(KeyKind::P256)
    }

    /// A new key pair of that kind.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn generate_kind(kind: KeyKind) -> Result<Self, Error> {
        const FAILED: Error = Error::Failed("generating a key");
        match kind {
            KeyKind::P256 => Self::new(rcgen::KeyPair::generate().map_err(|_| FAILED)?),
            KeyKind::Rsa3072 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa3072).map_err(|_| FAILED)?;
                let der = pair.as_der().map_err(|_| FAILED)?;
                Self::from_der(der.as_ref())
            }
        }
    }

    /// As [`KeyPair::from_file`].
    ///
    /// # Errors
    /// As [`KeyPair::from_file`].
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        Self::from_file(pem.as_bytes())
    }

    /// The key pair in a file, PKCS#8 in PEM or DER; certificates may stand beside it.
    ///
    /// # Errors
    /// [`Error::MalformedKey`], [`Error::UnexpectedPem`], [`Error::SeveralInFile`], [`Error::KeyNotAllowed`].
    pub fn from_file(content: &[u8]) -> Result<Self, Error> {
        Self::from_der(&pkcs8_from_file(content)?)
    }

    /// The key pair of a PKCS#8 DER.
    ///
    /// # Errors
    /// [`Error::MalformedKey`], [`Error::KeyNotAllowed`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        let der = PrivatePkcs8KeyDer::from(der);
        Self::new(rcgen::KeyPair::try_from(&der).map_err(|_| Error::MalformedKey)?)
    }

    /// The key pair of an encrypted PKCS#8 PEM text (PBES2, RFC 8018), as [`KeyPair::to_encrypted_pem`] or OpenSSL writes it.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`], [`Error::MalformedKey`], [`Error::UnexpectedPem`], [`Error::SeveralInFile`],
    /// [`Error::KeyNotAllowed`].
    pub fn from_encrypted_pem(text: &str, passphrase: &str) -> Result<Self, Error> {
        let der = key_in(text.as_bytes(), &pem::ENCRYPTED_KEY)?;
        let sealed = EncryptedPrivateKeyInfoRef::try_from(der.as_slice())
            .map_err(|_| Error::MalformedKey)?;
        let plain = sealed.decrypt(passphrase).map_err(|_| Error::WrongPassphrase)?;
        Self::from_der(plain.as_bytes())
    }

    fn new(pair: rcgen::KeyPair) -> Result<Self, Error> {
        let public = PublicKey::from_spki(&pair.subject_public_key_info())?;
        Ok(Self { pair, public })
    }

    /// The private key as PKCS#8 PEM text. Not for logs.
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn expose_pem(&self) -> Result<Zeroizing<String>, Error> {
        to_pem(PLAIN, self.expose_der()).map(Zeroizing::new)
    }

    /// The private key as PKCS#8 DER, as TLS wants it. Not for logs.
    pub fn expose_der(&self) -> &[u8] {
        self.pair.serialized_der()
    }

    /// The private key as PKCS#8 PEM text, encrypted: PBES2 with PBKDF2-HMAC-SHA-256, 600,000 rounds, and AES-256-CBC, which
    /// every OpenSSL reads.
    ///
    /// # Errors
    /// [`Error::PassphraseTooShort`], [`Error::Failed`].
    pub fn to_encrypted_pem(&self, passphrase: &str) -> Result<String, Error> {
        const ENCRYPTING: Error = Error::Failed("encrypting a key");
        check_passphrase(passphrase)?;
        let (mut salt, mut nonce) = ([0; 16], [0; 16]);
        aws_lc_rs::rand::fill(&mut salt).map_err(|_| ENCRYPTING)?;
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| ENCRYPTING)?;
        let scheme = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(ROUNDS, &salt, nonce)
            .map_err(|_| ENCRYPTING)?;
        let plain = PrivateKeyInfoRef::try_from(self.expose_der()).map_err(|_| ENCRYPTING)?;
        let sealed = plain.encrypt_with_params(scheme, passphrase).map_err(|_| ENCRYPTING)?;
        to_pem(ENCRYPTED, sealed.as_bytes())
    }

    /// A PKCS#10 request for this key, signed with it, as PEM text (RFC 2986).
    ///
    /// # Errors
    /// [`Error::Failed`].
    pub fn to_request_pem(&self, common_name: &str) -> Result<String, Error> {
        to_request_pem(self, common_name)
    }

    /// The public half, which a certificate is issued for.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }
}

impl Drop for KeyPair {
    fn drop(&mut self) {
        self.pair.zeroize();
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(..)")
    }
}

/// The public key that a certificate is issued for: P-256, or RSA of 3072 or 4096 bits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicKey {
    info: rcgen::SubjectPublicKeyInfo,
    kind: PublicKeyKind,
    sha256: [u8; 32],
}

/// What a public key can do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PublicKeyKind {
    /// Agrees on keys.
    Curve,
    /// Has keys enciphered to it.
    Rsa,
}

impl PublicKey {
    /// From a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
    ///
    /// # Errors
    /// [`Error::MalformedKey`], [`Error::KeyNotAllowed`].
    pub fn from_spki(der: &[u8]) -> Result<Self, Error> {
        let kind = kind_of(der)?;
        let info = rcgen::SubjectPublicKeyInfo::from_der(der).map_err(|_| Error::KeyNotAllowed)?;
        let sha256 = sha256(&info.subject_public_key_info());
        Ok(Self { info, kind, sha256 })
    }

    /// The key that a certificate is for.
    ///
    /// # Errors
    /// [`Error::MalformedCertificate`]; [`Error::KeyNotAllowed`] when no certificate is issued for such a key.
    pub fn of(certificate: &Certificate) -> Result<Self, Error> {
        let parsed = parse(certificate.der()).map_err(|_| Error::MalformedCertificate)?;
        Self::from_spki(parsed.public_key().raw)
    }

    /// SHA-256 of the SubjectPublicKeyInfo, as it will stand in the certificate.
    pub const fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// The SubjectPublicKeyInfo, as it will stand in the certificate: [`PublicKey::from_spki`] reads it.
    pub fn to_spki(&self) -> Vec<u8> {
        self.info.subject_public_key_info()
    }

    /// Whether its private key made the signature, as [`SigningKey::sign`] makes one.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithm = match self.kind {
            PublicKeyKind::Curve => alg_id::ECDSA_SHA256,
            PublicKeyKind::Rsa => alg_id::RSA_PKCS1_SHA256,
        };
        let spki = self.info.subject_public_key_info();
        let key = SignerKey::from_spki(&spki);
        key.is_some_and(|key| key.verify(algorithm.as_ref(), message, signature).is_ok())
    }

    pub(crate) const fn kind(&self) -> PublicKeyKind {
        self.kind
    }

    pub(crate) const fn subject(&self) -> &rcgen::SubjectPublicKeyInfo {
        &self.info
    }
}

/// Refuses keys that are weak, or so large that checking a signature takes long.
fn kind_of(spki: &[u8]) -> Result<PublicKeyKind, Error> {
    let Ok(([], info)) = SubjectPublicKeyInfo::from_der(spki) else {
        return Err(Error::MalformedKey);
    };
    match info.parsed().map_err(|_| Error::MalformedKey)? {
        public_key::PublicKey::EC(point) if point.key_size() == 256 => {
            let curve = info.algorithm.parameters.as_ref();
            let is_p256 = curve
                .and_then(|curve| curve.as_oid().ok())
                .is_some_and(|curve| curve == x509_parser::oid_registry::OID_EC_P256);
            is_p256.then_some(PublicKeyKind::Curve).ok_or(Error::KeyNotAllowed)
        }
        public_key::PublicKey::RSA(key)
            if RSA_BITS.contains(&key.key_size()) && key.try_exponent() == Ok(RSA_EXPONENT) =>
        {
            Ok(PublicKeyKind::Rsa)
        }
        _ => Err(Error::KeyNotAllowed),
    }
}

/// The PKCS#8 of the private key in a file, PEM or DER: for libraries that take any kind of key. Certificates may stand
/// beside it.
///
/// # Errors
/// [`Error::MalformedKey`], [`Error::UnexpectedPem`], [`Error::SeveralInFile`].
pub fn pkcs8_from_file(content: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    key_in(content, &pem::PRIVATE_KEY)
}

/// The key of a TLS server or client in a file, PEM or DER: of any kind that TLS is spoken with, in PKCS#8, PKCS#1 or SEC 1.
///
/// # Errors
/// [`Error::MalformedKey`], [`Error::UnexpectedPem`], [`Error::SeveralInFile`].
pub fn tls_key_from_file(content: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    let der = key_in(content, &pem::TLS_KEY)?;
    PrivateKeyDer::try_from(der.to_vec()).map_err(|_| Error::MalformedKey)
}

/// The SubjectPublicKeyInfo in a file, PEM or DER.
///
/// # Errors
/// [`Error::MalformedKey`], [`Error::UnexpectedPem`], [`Error::SeveralInFile`].
pub fn spki_from_file(content: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(key_in(content, &pem::PUBLIC_KEY)?.to_vec())
}

fn key_in(content: &[u8], expected: &Expected) -> Result<Zeroizing<Vec<u8>>, Error> {
    if content.len() > MAX_KEY_FILE_BYTES {
        return Err(Error::MalformedKey);
    }
    pem::read_one(content, expected)
}

/// Refuses what would protect no key from guessing.
///
/// # Errors
/// [`Error::PassphraseTooShort`].
pub fn check_passphrase(passphrase: &str) -> Result<(), Error> {
    if passphrase.chars().count() < MIN_PASSPHRASE_CHARS {
        return Err(Error::PassphraseTooShort);
    }
    Ok(())
}

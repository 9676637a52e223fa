//! Gateways: those to whom a number is encrypted.
//!
//! A gateway's key is for key agreement and nothing else, apart from its TLS and signature keys.

use std::fmt;

use aws_lc_rs::agreement::{
    ECDH_P256, ParsedPublicKey, ParsedPublicKeyFormat, PrivateKey, UnparsedPublicKey,
};
use x509_parser::{extensions::ParsedExtension, public_key::PublicKey};

use crate::{
    certificate::{self, Certificate},
    error::Error,
    key::KeyPair,
};

/// A gateway to encrypt to.
#[derive(Clone)]
pub struct GatewayCertificate {
    key_id: Vec<u8>,
    point: Vec<u8>,
}

impl GatewayCertificate {
    /// The gateway of a certificate with a P-256 key, `keyAgreement` and a subject key identifier.
    ///
    /// Whether the certificate is to be believed is for the caller to know: it is configuration.
    ///
    /// # Errors
    /// [`Error::NotAGateway`].
    pub fn new(certificate: &Certificate) -> Result<Self, Error> {
        let parsed =
            certificate::parse(certificate.der()).map_err(|_| Error::MalformedCertificate)?;
        let may_agree = parsed
            .key_usage()
            .is_ok_and(|usage| usage.is_some_and(|usage| usage.value.key_agreement()));
        let key_id =
            parsed
                .iter_extensions()
                .find_map(|extension| match extension.parsed_extension() {
                    ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
                    _ => None,
                });
        match (parsed.public_key().parsed(), key_id) {
            (Ok(PublicKey::EC(point)), Some(key_id))
                if may_agree && !key_id.is_empty() && is_p256_point(point.data()) =>
            {
                Ok(Self {
                    key_id,
                    point: point.data().to_vec(),
                })
            }
            _ => Err(Error::NotAGateway),
        }
    }

    /// Names the gateway inside an envelope.
    pub(crate) fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    pub(crate) fn public_key(&self) -> UnparsedPublicKey<&[u8]> {
        UnparsedPublicKey::new(&ECDH_P256, &self.point)
    }
}

impl fmt::Debug for GatewayCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatewayCertificate({:02x?})", self.key_id)
    }
}

/// A gateway's own key, with which it reads what was encrypted to it. Never printed.
pub struct GatewayKey {
    key_id: Vec<u8>,
    key: PrivateKey,
}

impl GatewayKey {
    /// The key that belongs to a gateway's certificate.
    ///
    /// # Errors
    /// [`Error::NotAGateway`], [`Error::KeyMismatch`].
    pub fn new(certificate: &Certificate, key: &KeyPair) -> Result<Self, Error> {
        let gateway = GatewayCertificate::new(certificate)?;
        let key = PrivateKey::from_private_key_der(&ECDH_P256, key.expose_der())
            .map_err(|_| Error::MalformedKey)?;
        let public = key.compute_public_key().map_err(|_| Error::MalformedKey)?;
        if public.as_ref() != gateway.point {
            return Err(Error::KeyMismatch);
        }
        Ok(Self {
            key_id: gateway.key_id,
            key,
        })
    }

    pub(crate) fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    pub(crate) const fn private_key(&self) -> &PrivateKey {
        &self.key
    }
}

impl fmt::Debug for GatewayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatewayKey({:02x?})", self.key_id)
    }
}

/// Whether these bytes are a point on P-256, uncompressed (SEC 1 section 2.3.3): the one form that is spoken here.
pub(crate) fn is_p256_point(bytes: &[u8]) -> bool {
    bytes.len() == UNCOMPRESSED_POINT_BYTES
        && ParsedPublicKey::try_from(UnparsedPublicKey::new(&ECDH_P256, bytes))
            .is_ok_and(|key| key.format() == ParsedPublicKeyFormat::Uncompressed)
}

const UNCOMPRESSED_POINT_BYTES: usize = 65;

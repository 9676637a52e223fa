//! Checking a signature with a key that stands in a certificate, by the algorithms that paths are validated with.

use der::{
    Decode as _, Reader as _, SliceReader,
    asn1::{AnyRef, BitStringRef, ObjectIdentifier},
};
use rustls_pki_types::InvalidSignature;

/// What [`is_known`] knows.
pub(crate) const NAMES: &str =
    "ECDSA on P-256, P-384 or P-521, Ed25519, RSA PKCS #1 v1.5 or PSS, each with SHA-256 or longer";

/// Whether a signature by an algorithm of that identifier can be checked with some key.
pub(crate) fn is_known(oid: &[u8]) -> bool {
    webpki::ALL_VERIFICATION_ALGS.iter().any(|known| {
        let id = known.signature_alg_id();
        let named =
            SliceReader::new(id.as_ref()).and_then(|mut id| id.decode::<ObjectIdentifier>());
        named.is_ok_and(|named| named.as_bytes() == oid)
    })
}

/// What a SubjectPublicKeyInfo holds (RFC 5280 section 4.1.2.7), its outer tag left off.
pub(crate) struct SignerKey<'a> {
    algorithm: &'a [u8],
    key: &'a [u8],
}

impl<'a> SignerKey<'a> {
    /// From a whole SubjectPublicKeyInfo.
    pub(crate) fn from_spki(der: &'a [u8]) -> Option<Self> {
        Self::from_contents(AnyRef::from_der(der).ok()?.value())
    }

    /// From the contents of one, as trust anchors keep it.
    pub(crate) fn from_contents(contents: &'a [u8]) -> Option<Self> {
        let mut reader = SliceReader::new(contents).ok()?;
        let algorithm: AnyRef<'a> = reader.decode().ok()?;
        let key: BitStringRef<'a> = reader.decode().ok()?;
        Some(Self { algorithm: algorithm.value(), key: key.as_bytes()? })
    }

    /// Whether this key made the signature; `algorithm` is the contents of an AlgorithmIdentifier.
    pub(crate) fn verify(
        &self,
        algorithm: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        webpki::ALL_VERIFICATION_ALGS
            .iter()
            .filter(|known| known.signature_alg_id().as_ref() == algorithm)
            .find(|known| known.public_key_alg_id().as_ref() == self.algorithm)
            .ok_or(InvalidSignature)?
            .verify_signature(self.key, message, signature)
    }
}

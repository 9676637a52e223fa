//! What a careless authority would issue to a thief: a certificate with the envelope of another. Ours cannot be made to, so
//! the envelope is exchanged afterwards and the certificate signed again.

use countersign_certs::{Authority, Certificate, PhoneExtension, SigningKey as _};
use der::{Any, AnyRef, Decode as _, Encode as _, Tag, asn1::BitString};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use crate::error::SandboxError;

/// `own`, with the envelope of `other` in place of its own, which must be as long.
pub(super) fn with_envelope_of(
    other: &Certificate,
    own: &Certificate,
    issuer: &Authority,
) -> Result<Certificate, SandboxError> {
    let unusable = || SandboxError::Certificates("a certificate with a moved number".to_owned());
    let (theirs, replaced) = (envelope(other), envelope(own));
    let (theirs, replaced) = theirs.zip(replaced).ok_or_else(unusable)?;
    let (tbs, algorithm) = parts(own).map_err(|_| unusable())?;
    let at = tbs.windows(replaced.len()).position(|window| window == replaced);
    let at = at.filter(|_| theirs.len() == replaced.len()).ok_or_else(unusable)?;
    let (before, rest) = tbs.split_at(at);
    let (_, after) = rest.split_at(replaced.len());
    let tbs = [before, &theirs, after].concat();
    let signature = issuer.key().sign(&tbs)?;
    let signed = sequence(tbs, algorithm, &signature).map_err(|_| unusable())?;
    Ok(Certificate::from_der(signed.into())?)
}

fn envelope(certificate: &Certificate) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate.der()).ok()?;
    let name = PhoneExtension::default().to_string();
    let is_phone = |oid: String| oid == name;
    let found = parsed.iter_extensions().find(|found| is_phone(found.oid.to_id_string()))?;
    Some(found.value.to_vec())
}

/// What is signed, and by which algorithm (RFC 5280 section 4.1).
fn parts(certificate: &Certificate) -> der::Result<(Vec<u8>, Vec<u8>)> {
    AnyRef::from_der(certificate.der())?.sequence(|reader| {
        let (tbs, algorithm) = (Any::decode(reader)?, Any::decode(reader)?);
        BitString::decode(reader)?;
        Ok((tbs.to_der()?, algorithm.to_der()?))
    })
}

fn sequence(tbs: Vec<u8>, algorithm: Vec<u8>, signature: &[u8]) -> der::Result<Vec<u8>> {
    let signature = BitString::from_bytes(signature)?.to_der()?;
    Any::new(Tag::Sequence, [tbs, algorithm, signature].concat())?.to_der()
}

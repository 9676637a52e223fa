//! RFC 5280's profile (section 4) where rustls-webpki leaves it open: what a conforming authority must write.
//!
//! These rules are for the certificates of a path that was found. An anchor is configuration, and not under them.

use x509_parser::{
    certificate::X509Certificate,
    extensions::{NameConstraints, ParsedExtension, X509Extension},
    oid_registry::{
        OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION,
        OID_SIG_ED25519, OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER, OID_X509_EXT_SUBJECT_ALT_NAME,
        OID_X509_EXT_SUBJECT_KEY_IDENTIFIER,
    },
    public_key::PublicKey,
};

use crate::error::ProfileFault;

/// RFC 5280 section 4.1.2.2.
const MAX_SERIAL_OCTETS: usize = 20;
const RSA_OCTETS: std::ops::RangeInclusive<usize> = 256..=1024;

/// Checks one certificate of a path, an authority's or the one at its head.
pub(crate) fn check(certificate: &X509Certificate<'_>) -> Result<(), ProfileFault> {
    if !is_positive_and_short(certificate.raw_serial()) {
        return Err(ProfileFault::SerialNumber);
    }
    if certificate.issuer().iter().next().is_none() {
        return Err(ProfileFault::IssuerName);
    }
    // One of a kind (section 4.2).
    let extensions = certificate.extensions_map().map_err(|_| ProfileFault::Extension)?;
    let is_authority = certificate.is_ca();
    if let Some(fault) =
        certificate.iter_extensions().find_map(|extension| fault_in(extension, is_authority))
    {
        return Err(fault);
    }
    if !extensions.contains_key(&OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER) {
        return Err(ProfileFault::AuthorityKey);
    }
    if is_authority && !extensions.contains_key(&OID_X509_EXT_SUBJECT_KEY_IDENTIFIER) {
        return Err(ProfileFault::SubjectKey);
    }
    let has_subject = certificate.subject().iter().next().is_some();
    let is_named_elsewhere = || {
        let names = extensions.get(&OID_X509_EXT_SUBJECT_ALT_NAME);
        !is_authority && names.is_some_and(|names| names.critical)
    };
    if !has_subject && !is_named_elsewhere() {
        return Err(ProfileFault::SubjectName);
    }
    Ok(())
}

/// DER has the sign in the first bit.
fn is_positive_and_short(serial: &[u8]) -> bool {
    let is_negative = serial.first().is_none_or(|first| first & 0x80 != 0);
    let is_zero = serial.iter().all(|octet| *octet == 0);
    !is_negative && !is_zero && serial.len() <= MAX_SERIAL_OCTETS
}

/// What one extension does wrong by itself. That the key identifiers are not critical is no rule here: rustls-webpki
/// refuses those that are, as unknown.
fn fault_in(extension: &X509Extension<'_>, is_authority: bool) -> Option<ProfileFault> {
    let critical = extension.critical;
    match extension.parsed_extension() {
        ParsedExtension::ParseError { .. } => Some(ProfileFault::Extension),
        ParsedExtension::AuthorityKeyIdentifier(id) => {
            id.key_identifier.is_none().then_some(ProfileFault::AuthorityKey)
        }
        ParsedExtension::KeyUsage(usage) => {
            (usage.key_cert_sign() && !is_authority).then_some(ProfileFault::CertificateSigning)
        }
        ParsedExtension::BasicConstraints(_) => {
            (is_authority && !critical).then_some(ProfileFault::BasicConstraints)
        }
        ParsedExtension::NameConstraints(constraints) => {
            (!is_authority || !critical || is_empty(constraints))
                .then_some(ProfileFault::NameConstraints)
        }
        ParsedExtension::PolicyConstraints(_) => {
            (!critical).then_some(ProfileFault::PolicyConstraints)
        }
        _ => None,
    }
}

/// A list of subtrees has at least one, and there is at least one list (section 4.2.1.10).
fn is_empty(constraints: &NameConstraints<'_>) -> bool {
    let mut lists = [&constraints.permitted_subtrees, &constraints.excluded_subtrees]
        .into_iter()
        .flatten()
        .peekable();
    lists.peek().is_none() || lists.any(Vec::is_empty)
}

/// Whether the key is one that TLS is spoken with here: P-256, P-384, Ed25519, or RSA of 2048 to 8192 bits in whole
/// octets. A path says nothing of the key at its head, which no signature in it was made with.
pub(crate) fn has_strong_key(certificate: &X509Certificate<'_>) -> bool {
    let key = certificate.public_key();
    let kind = &key.algorithm.algorithm;
    let curve = || key.algorithm.parameters.as_ref()?.as_oid().ok();
    match key.parsed() {
        Ok(PublicKey::EC(_)) if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY => {
            curve().is_some_and(|curve| curve == OID_EC_P256 || curve == OID_NIST_EC_P384)
        }
        Ok(PublicKey::RSA(key)) if *kind == OID_PKCS1_RSAENCRYPTION => {
            // A zero octet stands before a modulus whose first bit is set.
            key.modulus.strip_prefix(&[0]).is_some_and(|modulus| {
                RSA_OCTETS.contains(&modulus.len())
                    && modulus.first().is_some_and(|first| first & 0x80 != 0)
            })
        }
        _ => *kind == OID_SIG_ED25519,
    }
}

#[cfg(test)]
mod tests {
    use super::is_positive_and_short;

    #[test]
    fn a_serial_number_is_positive_and_has_at_most_20_octets() {
        assert!(is_positive_and_short(&[1]));
        assert!(is_positive_and_short(&[0, 0x80]));
        assert!(is_positive_and_short(&[0x7f; 20]));
        for bad in [&[][..], &[0], &[0, 0], &[0x80], &[0xff, 1], &[1; 21]] {
            assert!(!is_positive_and_short(bad), "{bad:?}");
        }
    }
}

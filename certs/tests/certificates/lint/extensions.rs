//! What extensions there are, which are critical, and what stands in them.

use std::collections::HashSet;

use der::{Decode, Encode as _, oid::AssociatedOid};
use x509_cert::{
    Certificate,
    ext::pkix::{
        AuthorityKeyIdentifier, BasicConstraints, CrlDistributionPoints, ExtendedKeyUsage,
        KeyUsage, KeyUsages, NameConstraints, SubjectAltName, SubjectKeyIdentifier,
    },
};

use super::{each, extensions_of, issued::Kind};

/// Whether it is critical, and what it says.
fn extension<'a, T: Decode<'a> + AssociatedOid>(certificate: &'a Certificate) -> Option<(bool, T)>
where
    T::Error: std::fmt::Debug,
    der::Error: From<T::Error>,
{
    certificate.tbs_certificate().get_extension().unwrap()
}

#[test]
fn each_extension_is_there_once() {
    each(|issued, certificate| {
        let ids: HashSet<_> = extensions_of(certificate).iter().map(|it| it.extn_id).collect();
        assert_eq!(ids.len(), extensions_of(certificate).len(), "{}", issued.what);
    });
}

/// RFC 5280 sections 4.2.1.3, 4.2.1.6, 4.2.1.9 and 4.2.1.10; what is the project's own must not stop others.
#[test]
fn key_usage_basic_constraints_and_name_constraints_are_critical_and_nothing_else() {
    let critical = [KeyUsage::OID, BasicConstraints::OID, NameConstraints::OID];
    each(|issued, certificate| {
        assert!(extension::<KeyUsage>(certificate).is_some(), "{}", issued.what);
        assert!(extension::<BasicConstraints>(certificate).is_some(), "{}", issued.what);
        for one in extensions_of(certificate) {
            assert_eq!(
                one.critical,
                critical.contains(&one.extn_id),
                "{} {}",
                issued.what,
                one.extn_id
            );
        }
    });
}

#[test]
fn only_authorities_sign_certificates_and_lists() {
    each(|issued, certificate| {
        let is_authority = issued.kind == Kind::Authority;
        let (_, constraints) = extension::<BasicConstraints>(certificate).unwrap();
        assert_eq!(constraints.ca, is_authority, "{}", issued.what);
        assert!(is_authority || constraints.path_len_constraint.is_none(), "{}", issued.what);
        let (_, usage) = extension::<KeyUsage>(certificate).unwrap();
        let signs = KeyUsages::KeyCertSign | KeyUsages::CRLSign;
        if is_authority {
            assert_eq!(usage.0, signs, "{}", issued.what);
        } else {
            assert!(!usage.0.is_empty() && (usage.0 & signs).is_empty(), "{}", issued.what);
        }
    });
}

#[test]
fn end_entities_have_one_extended_key_usage() {
    each(|issued, certificate| {
        let usage = extension::<ExtendedKeyUsage>(certificate);
        if issued.kind == Kind::EndEntity {
            assert_eq!(usage.unwrap().1.0.len(), 1, "{}", issued.what);
        }
    });
}

/// RFC 7093 section 2 (4) with SHA-256, of which the first 160 bits are kept; RFC 5280 section 4.2.1.1.
#[test]
fn key_identifiers_are_there_and_made_with_sha256() {
    let identifier = |certificate: &Certificate| {
        let key = certificate.tbs_certificate().subject_public_key_info();
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key.to_der().unwrap());
        hash.as_ref()[..20].to_vec()
    };
    each(|issued, certificate| {
        let (_, own) = extension::<SubjectKeyIdentifier>(certificate).unwrap();
        assert_eq!(own.0.as_bytes(), identifier(certificate), "{}", issued.what);
        let (_, above) = extension::<AuthorityKeyIdentifier>(certificate).unwrap();
        let issuer = Certificate::from_der(&issued.issuer).unwrap();
        let above_id = above.key_identifier.unwrap();
        assert_eq!(above_id.as_bytes(), identifier(&issuer), "{}", issued.what);
        assert!(
            above.authority_cert_issuer.is_none() && above.authority_cert_serial_number.is_none()
        );
    });
}

/// RFC 5280 has SIZE (1..MAX) for each of them.
#[test]
fn no_list_in_an_extension_is_empty() {
    each(|issued, certificate| {
        assert!(!extensions_of(certificate).is_empty());
        let what = &issued.what;
        if let Some((_, names)) = extension::<SubjectAltName>(certificate) {
            assert!(!names.0.is_empty(), "{what}");
        }
        if let Some((_, usage)) = extension::<ExtendedKeyUsage>(certificate) {
            assert!(!usage.0.is_empty(), "{what}");
        }
        if let Some((_, points)) = extension::<CrlDistributionPoints>(certificate) {
            assert!(!points.0.is_empty(), "{what}");
            assert!(points.0.iter().all(|point| point.distribution_point.is_some()), "{what}");
        }
        if let Some((_, names)) = extension::<NameConstraints>(certificate) {
            let (permitted, excluded) = (names.permitted_subtrees, names.excluded_subtrees);
            assert!(permitted.is_some() || excluded.is_some(), "{what}");
            assert!(permitted.into_iter().chain(excluded).all(|trees| !trees.is_empty()), "{what}");
        }
    });
}

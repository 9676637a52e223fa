//! Paths that are well signed, but outside RFC 5280's profile for certificates.

use countersign_certs::{
    Certificate, CertificateDer, KeyPair, ProfileFault, Refusal, TrustAnchors,
};
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, IsCa, Issuer, KeyUsagePurpose,
    SerialNumber,
};

use crate::{
    chains::{below, client_params, signed},
    support::{Hierarchy, NOW, at},
};

const ACCESS: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
const SUBJECT_KEY: &[u64] = &[2, 5, 29, 14];
const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];
const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
const NAME_CONSTRAINTS: &[u64] = &[2, 5, 29, 30];
const AUTHORITY_KEY: &[u64] = &[2, 5, 29, 35];
const POLICY_CONSTRAINTS: &[u64] = &[2, 5, 29, 36];

const IS_AUTHORITY: &[u8] = &[0x30, 3, 1, 1, 0xff];
const A_KEY: &[u8] = &[4, 1, 7];
const AN_ISSUERS_KEY: &[u8] = &[0x30, 3, 0x80, 1, 7];
/// A DNS name, `a`, as a subjectAltName and as the one permitted subtree.
const A_NAME: &[u8] = &[0x30, 3, 0x82, 1, b'a'];
const A_SUBTREE: &[u8] = &[0x30, 7, 0xa0, 5, 0x30, 3, 0x82, 1, b'a'];
const REQUIRES_POLICY: &[u8] = &[0x30, 3, 0x80, 1, 0];
const NOTHING: &[u8] = &[0x30, 0];
const CRITICAL: bool = true;

type Change = fn(&mut CertificateParams);

#[test]
fn a_client_outside_the_profile_is_refused_by_the_rule_it_breaks() {
    let (hierarchy, key) = (Hierarchy::new(), KeyPair::generate().unwrap());
    let cases: &[(&str, ProfileFault, Change)] = &[
        ("serial number zero", ProfileFault::SerialNumber, |params| {
            params.serial_number = Some(SerialNumber::from_slice(&[0]));
        }),
        ("21 octets", ProfileFault::SerialNumber, |params| {
            params.serial_number = Some(SerialNumber::from_slice(&[1; 21]));
        }),
        ("malformed", ProfileFault::Extension, |params| {
            add(params, ACCESS, b"http://", !CRITICAL);
        }),
        ("twice", ProfileFault::Extension, |params| {
            add(params, AUTHORITY_KEY, AN_ISSUERS_KEY, !CRITICAL);
        }),
        ("no issuer's key", ProfileFault::AuthorityKey, |params| {
            params.use_authority_key_identifier_extension = false;
        }),
        ("an issuer without key", ProfileFault::AuthorityKey, |params| {
            params.use_authority_key_identifier_extension = false;
            add(params, AUTHORITY_KEY, NOTHING, !CRITICAL);
        }),
        ("keyCertSign", ProfileFault::CertificateSigning, |params| {
            params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        }),
        ("constraints", ProfileFault::NameConstraints, |params| {
            add(params, NAME_CONSTRAINTS, A_SUBTREE, CRITICAL);
        }),
        ("no name", ProfileFault::SubjectName, |params| {
            params.distinguished_name = DistinguishedName::new();
        }),
        ("a name to be ignored", ProfileFault::SubjectName, |params| {
            params.distinguished_name = DistinguishedName::new();
            add(params, SUBJECT_ALT_NAME, A_NAME, !CRITICAL);
        }),
    ];
    let issuing = hierarchy.issuing.certificate().der();
    for (rule, fault, change) in cases {
        let chain = [signed(&hierarchy.issuing, &key, change), issuing.clone()];
        let refusal = hierarchy.anchors().verify_client(&chain, at(NOW)).unwrap_err();
        assert_eq!(refusal, Refusal::OutsideProfile(fault.clone()), "{rule}");
    }
}

#[test]
fn an_authority_outside_the_profile_is_refused_by_the_rule_it_breaks() {
    let cases: &[(&str, ProfileFault, Change)] = &[
        ("no name", ProfileFault::SubjectName, |params| {
            params.distinguished_name = DistinguishedName::new();
        }),
        ("no key of its own", ProfileFault::SubjectKey, |params| {
            params.is_ca = IsCa::NoCa;
            add(params, BASIC_CONSTRAINTS, IS_AUTHORITY, CRITICAL);
        }),
        ("constraints of length", ProfileFault::BasicConstraints, |params| {
            params.is_ca = IsCa::NoCa;
            add(params, SUBJECT_KEY, A_KEY, !CRITICAL);
            add(params, BASIC_CONSTRAINTS, IS_AUTHORITY, !CRITICAL);
        }),
        ("constraints of names", ProfileFault::NameConstraints, |params| {
            add(params, NAME_CONSTRAINTS, A_SUBTREE, !CRITICAL);
        }),
        ("constraints of nothing", ProfileFault::NameConstraints, |params| {
            add(params, NAME_CONSTRAINTS, NOTHING, CRITICAL);
        }),
        ("constraints of policy", ProfileFault::PolicyConstraints, |params| {
            add(params, POLICY_CONSTRAINTS, REQUIRES_POLICY, !CRITICAL);
        }),
    ];
    for (rule, fault, change) in cases {
        assert_eq!(judge(*change).unwrap_err(), Refusal::OutsideProfile(fault.clone()), "{rule}");
    }
    judge(|_| ()).unwrap();
}

#[test]
fn a_client_may_be_named_in_a_critical_subject_alt_name_only() {
    let (hierarchy, key) = (Hierarchy::new(), KeyPair::generate().unwrap());
    let client = signed(&hierarchy.issuing, &key, |params| {
        params.distinguished_name = DistinguishedName::new();
        add(params, SUBJECT_ALT_NAME, A_NAME, CRITICAL);
    });
    let chain = [client, hierarchy.issuing.certificate().der().clone()];
    hierarchy.anchors().verify_client(&chain, at(NOW)).unwrap();
}

#[test]
fn a_client_has_any_key_that_tls_is_spoken_with_here() {
    let hierarchy = Hierarchy::new();
    for algorithm in
        [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519]
    {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let signer = hierarchy.issuing.key().expose_pem().unwrap();
        let signer = rcgen::KeyPair::from_pem(&signer).unwrap();
        let authority = hierarchy.issuing.certificate().der();
        let issuer = Issuer::from_ca_cert_der(authority, signer).unwrap();
        let client = client_params().signed_by(&key, &issuer).unwrap();
        let chain = [client.der().clone(), authority.clone()];
        hierarchy.anchors().verify_client(&chain, at(NOW)).unwrap();
    }
}

#[test]
fn an_anchor_without_name_issues_nothing() {
    let (hierarchy, key) = (Hierarchy::new(), KeyPair::generate().unwrap());
    let chain = below(&hierarchy.root, &key, client_params(), |params| {
        params.distinguished_name = DistinguishedName::new();
    });
    let nameless = Certificate::from_der(chain[1].clone()).unwrap();
    let refusal =
        TrustAnchors::new(&[nameless]).unwrap().verify_client(&chain[..1], at(NOW)).unwrap_err();
    assert_eq!(refusal, Refusal::OutsideProfile(ProfileFault::IssuerName));
}

/// What is thought of a good client below such an authority.
fn judge(change: Change) -> Result<(), Refusal> {
    let (hierarchy, key) = (Hierarchy::new(), KeyPair::generate().unwrap());
    let chain: Vec<CertificateDer<'_>> = below(&hierarchy.root, &key, client_params(), change);
    hierarchy.anchors().verify_client(&chain, at(NOW)).map(drop)
}

fn add(params: &mut CertificateParams, oid: &[u64], value: &[u8], critical: bool) {
    let mut extension = CustomExtension::from_oid_content(oid, value.to_vec());
    extension.set_criticality(critical);
    params.custom_extensions.push(extension);
}

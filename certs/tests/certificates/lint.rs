//! Rules for what is issued here, as zlint has them for the public web: whatever its profile, nothing breaks one.

mod encoding;
mod extensions;
mod issued;
mod told;

use std::collections::HashSet;

use countersign_certs::{Authority, KeyPair, Profile};
use der::{Decode, Encode, asn1::ObjectIdentifier};
use x509_cert::{
    Certificate, Version, crl::CertificateList, ext::Extension, spki::AlgorithmIdentifierOwned,
};

use self::issued::Issued;
use crate::support::days;

const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A rule for each certificate.
fn each(rule: impl Fn(&Issued, &Certificate)) {
    let mut count = 0;
    for issued in issued::certificates() {
        rule(issued, &Certificate::from_der(&issued.der).unwrap());
        count += 1;
    }
    // Authorities, and what each may issue for each kind of key.
    assert!(count > 90, "{count}");
}

fn each_list(rule: impl Fn(&Issued, &CertificateList)) {
    for issued in issued::lists() {
        rule(issued, &CertificateList::from_der(&issued.der).unwrap());
    }
}

fn extensions_of(certificate: &Certificate) -> &[Extension] {
    certificate.tbs_certificate().extensions().unwrap()
}

fn signature_is_sound(inner: &AlgorithmIdentifierOwned, outer: &AlgorithmIdentifierOwned) -> bool {
    // RFC 5758 section 3.2: no parameters. RFC 4055 section 5: NULL.
    let parameters = outer.parameters.as_ref().map(|it| it.to_der().unwrap());
    let is_sound = (outer.oid == ECDSA_SHA256 && parameters.is_none())
        || (outer.oid == RSA_SHA256 && parameters == Some(vec![5, 0]));
    is_sound && inner == outer
}

#[test]
fn signatures_are_ecdsa_or_rsa_with_sha256() {
    each(|issued, certificate| {
        let inner = certificate.tbs_certificate().signature();
        let outer = certificate.signature_algorithm();
        assert!(signature_is_sound(inner, outer), "{}", issued.what);
    });
    each_list(|issued, list| {
        let inner = &list.tbs_cert_list.signature;
        assert!(signature_is_sound(inner, &list.signature_algorithm), "{}", issued.what);
    });
}

#[test]
fn neither_md5_nor_sha1_is_named_anywhere() {
    let deprecated = [
        "1.2.840.113549.2.5",    // md5
        "1.2.840.113549.1.1.4",  // md5WithRSAEncryption
        "1.3.14.3.2.26",         // sha1
        "1.2.840.113549.1.1.5",  // sha1WithRSAEncryption
        "1.2.840.10045.4.1",     // ecdsa-with-SHA1
        "1.3.133.16.840.63.0.2", // dhSinglePass-stdDH-sha1kdf
    ]
    .map(|oid| ObjectIdentifier::new_unwrap(oid).to_der().unwrap());
    for issued in issued::certificates().chain(issued::lists()) {
        for oid in &deprecated {
            let mut windows = issued.der.windows(oid.len());
            assert!(!windows.any(|window| window == oid), "{}", issued.what);
        }
    }
}

#[test]
fn keys_are_p256_or_rsa_of_at_least_3072_bits() {
    each(|issued, certificate| {
        let key = certificate.tbs_certificate().subject_public_key_info();
        let bits = key.subject_public_key.as_bytes().unwrap();
        if key.algorithm.oid == EC {
            let curve: ObjectIdentifier =
                key.algorithm.parameters.as_ref().unwrap().decode_as().unwrap();
            assert_eq!((curve, bits.len(), bits[0]), (P256, 65, 4), "{}", issued.what);
            return;
        }
        assert_eq!(key.algorithm.oid, RSA, "{}", issued.what);
        let (_, spki) = x509_parser::parse_x509_certificate(&issued.der).unwrap();
        let x509_parser::public_key::PublicKey::RSA(rsa) = spki.public_key().parsed().unwrap()
        else {
            panic!("{}: neither", issued.what);
        };
        assert!(rsa.key_size() >= 3072, "{}", issued.what);
        assert_eq!(rsa.try_exponent(), Ok(65_537), "{}", issued.what);
    });
}

#[test]
fn certificates_are_of_version_3_and_lists_of_version_2() {
    each(|issued, certificate| {
        let version = certificate.tbs_certificate().version();
        assert_eq!(version, Version::V3, "{}", issued.what);
    });
    each_list(|issued, list| {
        assert_eq!(list.tbs_cert_list.version, Version::V2, "{}", issued.what);
    });
}

/// RFC 5280 section 4.1.2.2; the CA/Browser Forum's baseline (7.1) has at least 64 bits from a secure source.
#[test]
fn serial_numbers_are_positive_of_16_octets_and_drawn() {
    each(|issued, certificate| {
        let serial = certificate.tbs_certificate().serial_number().as_bytes();
        assert_eq!(serial.len(), 16, "{}", issued.what);
        assert!(serial[0] < 0x80, "{}", issued.what);
    });
    let root = Authority::root("Root", days(365)).unwrap();
    let key = KeyPair::generate().unwrap();
    let profile =
        Profile::Merchant { common_name: "shop", key_use: countersign_certs::KeyUse::Signature };
    let serials: Vec<[u8; 16]> = (0..1_000)
        .map(|_| {
            let issued = root.issue(&profile, key.public_key(), days(365)).unwrap();
            let certificate = Certificate::from_der(issued.der()).unwrap();
            let serial = certificate.tbs_certificate().serial_number().as_bytes();
            serial.try_into().unwrap()
        })
        .collect();
    let prefixes: HashSet<&[u8]> = serials.iter().map(|serial| &serial[..8]).collect();
    assert_eq!(prefixes.len(), 1_000);
    // The first two bits are fixed. Each other is set 500 times, give or take 9 standard deviations of 15.8.
    for bit in 2..128 {
        let set = serials.iter().filter(|serial| serial[bit / 8] >> (7 - bit % 8) & 1 == 1);
        let count = set.count();
        assert!((358..=642).contains(&count), "bit {bit} is set {count} times");
    }
}

#[test]
fn subjects_are_named_and_issuers_are_as_their_own_certificate_names_them() {
    each(|issued, certificate| {
        let issuer = Certificate::from_der(&issued.issuer).unwrap();
        let tbs = certificate.tbs_certificate();
        assert!(!tbs.subject().is_empty(), "{}", issued.what);
        assert_eq!(tbs.issuer(), issuer.tbs_certificate().subject(), "{}", issued.what);
        assert!(tbs.issuer_unique_id().is_none() && tbs.subject_unique_id().is_none());
    });
}

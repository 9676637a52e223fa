//! How it is encoded: DER and nothing behind it, times, names; and what stands in a list.

use countersign_certs::{Authority, KeyPair, KeyUse, Profile, Validity};
use der::{Decode, Encode, Tag, Tagged as _, asn1::ObjectIdentifier, oid::AssociatedOid as _};
use x509_cert::{
    Certificate,
    crl::CertificateList,
    ext::pkix::{
        AuthorityKeyIdentifier, BasicConstraints, CrlDistributionPoints, CrlNumber, CrlReason,
        ExtendedKeyUsage, KeyUsage, NameConstraints, SubjectAltName, SubjectKeyIdentifier,
    },
    name::Name,
    time::Time,
};

use super::{each, each_list, extensions_of, issued};
use crate::support::{EXTENSION, at};

/// 1 January 2050, the first second that UTCTime cannot say.
const NO_UTC_TIME: u64 = 2_524_608_000;
const COUNTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");

/// Decoding fails when anything follows, and sorts sets: encoding again shows it (X.690 section 10).
fn is_canonical<T>(der: &[u8]) -> bool
where
    T: for<'a> Decode<'a> + Encode,
{
    T::from_der(der).is_ok_and(|read| read.to_der().unwrap() == der)
}

#[test]
fn certificates_and_lists_are_der_and_nothing_follows() {
    for issued in issued::certificates() {
        assert!(is_canonical::<Certificate>(&issued.der), "{}", issued.what);
    }
    for issued in issued::lists() {
        assert!(is_canonical::<CertificateList>(&issued.der), "{}", issued.what);
    }
}

/// What is within them is DER too. Of the encrypted number, [`read_phone`](countersign_certs::read_phone) asks it.
#[test]
fn extensions_are_der_and_known() {
    type Check = fn(&[u8]) -> bool;
    let known: [(ObjectIdentifier, Check); 9] = [
        (AuthorityKeyIdentifier::OID, is_canonical::<AuthorityKeyIdentifier>),
        (BasicConstraints::OID, is_canonical::<BasicConstraints>),
        (CrlDistributionPoints::OID, is_canonical::<CrlDistributionPoints>),
        (CrlNumber::OID, is_canonical::<CrlNumber>),
        (ExtendedKeyUsage::OID, is_canonical::<ExtendedKeyUsage>),
        (KeyUsage::OID, is_canonical::<KeyUsage>),
        (NameConstraints::OID, is_canonical::<NameConstraints>),
        (SubjectAltName::OID, is_canonical::<SubjectAltName>),
        (SubjectKeyIdentifier::OID, is_canonical::<SubjectKeyIdentifier>),
    ];
    let phone = EXTENSION.iter().map(ToString::to_string);
    let phone = ObjectIdentifier::new_unwrap(&phone.collect::<Vec<_>>().join("."));
    let is_sound = |id: ObjectIdentifier, value: &[u8]| {
        let mut known = known.iter().filter(|(oid, _)| *oid == id);
        id == phone || known.any(|(_, check)| check(value))
    };
    each(|issued, certificate| {
        for one in extensions_of(certificate) {
            assert!(
                is_sound(one.extn_id, one.extn_value.as_bytes()),
                "{} {}",
                issued.what,
                one.extn_id
            );
        }
    });
    each_list(|issued, list| {
        for one in list.tbs_cert_list.crl_extensions.iter().flatten() {
            assert!(
                is_sound(one.extn_id, one.extn_value.as_bytes()),
                "{} {}",
                issued.what,
                one.extn_id
            );
        }
    });
}

#[test]
fn what_is_not_der_is_seen() {
    // A default written out (X.690 section 11.5), a zero bit at the end of named bits (11.2.2), bytes that follow.
    assert!(!is_canonical::<BasicConstraints>(&[0x30, 3, 1, 1, 0]));
    assert!(!is_canonical::<KeyUsage>(&[3, 2, 0, 0x80]));
    assert!(!is_canonical::<BasicConstraints>(&[0x30, 0, 0]));
    assert!(is_canonical::<BasicConstraints>(&[0x30, 0]));
    assert!(is_canonical::<KeyUsage>(&[3, 2, 7, 0x80]));
}

/// RFC 5280 sections 4.1.2.5 and 5.1.2.4: UTCTime through 2049, GeneralizedTime after.
fn is_of_the_right_kind(time: &Time) -> bool {
    let is_utc = matches!(time, Time::UtcTime(_));
    is_utc == (time.to_unix_duration().as_secs() < NO_UTC_TIME)
}

#[test]
fn times_are_utc_time_through_2049_and_generalized_time_after() {
    let mut kinds = Vec::new();
    let certificates = issued::certificates().map(|issued| &issued.der);
    let root = at_the_turn();
    for der in certificates.chain(&root) {
        let certificate = Certificate::from_der(der).unwrap();
        let validity = certificate.tbs_certificate().validity();
        for time in [&validity.not_before, &validity.not_after] {
            assert!(is_of_the_right_kind(time), "{time}");
            kinds.push(matches!(time, Time::UtcTime(_)));
        }
    }
    assert!(kinds.contains(&true) && kinds.contains(&false));
    each_list(|issued, list| {
        let list = &list.tbs_cert_list;
        let revoked = list.revoked_certificates.iter().flatten();
        let times = revoked.map(|revoked| &revoked.revocation_date);
        let times = times.chain([&list.this_update]).chain(&list.next_update);
        for time in times {
            assert!(is_of_the_right_kind(time), "{} {time}", issued.what);
        }
        assert!(list.next_update.is_some(), "{}", issued.what);
    });
}

/// One that ends in the last second of UTCTime, and one that ends in the next.
fn at_the_turn() -> [Vec<u8>; 2] {
    let key = KeyPair::generate().unwrap();
    let profile = Profile::Merchant { common_name: "shop", key_use: KeyUse::Signature };
    [NO_UTC_TIME - 1, NO_UTC_TIME].map(|end| {
        let day = std::time::Duration::from_secs(86_400);
        let validity = Validity::new(at(end - day.as_secs()), day).unwrap();
        let root = Authority::root("Root", validity).unwrap();
        let issued = root.issue(&profile, key.public_key(), validity).unwrap();
        issued.der().to_vec()
    })
}

/// RFC 5280 section 4.1.2.4; the country is a PrintableString of two letters (appendix A, X520countryName).
fn is_spelt_right(name: &Name) -> bool {
    name.iter().all(|attribute| match attribute.value.tag() {
        Tag::PrintableString if attribute.oid == COUNTRY => attribute.value.value().len() == 2,
        Tag::PrintableString | Tag::Utf8String => attribute.oid != COUNTRY,
        _ => false,
    })
}

#[test]
fn names_are_utf8_or_printable_and_countries_printable() {
    each(|issued, certificate| {
        let tbs = certificate.tbs_certificate();
        assert!(is_spelt_right(tbs.subject()), "{}", issued.what);
        assert!(is_spelt_right(tbs.issuer()), "{}", issued.what);
        assert!(tbs.subject().country().unwrap().is_some(), "{}", issued.what);
    });
}

/// RFC 5280 section 5.2: an identifier of the key and a number, neither critical; 5.1.2.6: no entries, no sequence.
#[test]
fn lists_are_numbered_name_their_key_and_have_no_empty_sequence() {
    each_list(|issued, list| {
        let what = &issued.what;
        let list = &list.tbs_cert_list;
        let extensions = list.crl_extensions.as_ref().unwrap();
        assert!(extensions.iter().all(|extension| !extension.critical), "{what}");
        let mut ids: Vec<_> = extensions.iter().map(|extension| extension.extn_id).collect();
        ids.sort_unstable();
        assert_eq!(ids, [CrlNumber::OID, AuthorityKeyIdentifier::OID], "{what}");
        let issuer = Certificate::from_der(&issued.issuer).unwrap();
        assert_eq!(&list.issuer, issuer.tbs_certificate().subject(), "{what}");
        let revoked = list.revoked_certificates.as_ref();
        assert!(revoked.is_none_or(|revoked| !revoked.is_empty()), "{what}");
    });
}

/// RFC 5280 section 5.3.1: not critical; for `unspecified` there must be none.
#[test]
fn reasons_in_lists_are_not_critical_and_never_unspecified() {
    let mut given = 0;
    for issued in issued::lists() {
        let list: CertificateList = CertificateList::from_der(&issued.der).unwrap();
        for revoked in list.tbs_cert_list.revoked_certificates.iter().flatten() {
            let Some(extensions) = &revoked.crl_entry_extensions else {
                continue;
            };
            let [reason] = extensions.as_slice() else {
                panic!("{}: not one extension", issued.what);
            };
            assert!(!reason.critical && reason.extn_id == CrlReason::OID, "{}", issued.what);
            let reason = CrlReason::from_der(reason.extn_value.as_bytes()).unwrap();
            assert_ne!(reason, CrlReason::Unspecified, "{}", issued.what);
            given += 1;
        }
    }
    // Six reasons in each full list, of four authorities in each of two houses.
    assert_eq!(given, 48);
}

//! TNAuthList (RFC 8226), of any content, alone and in an otherwise sound certificate.
#![no_main]

use std::sync::LazyLock;

use countersign_certs::{
    MAX_TN_AUTH_LIST_BYTES, MAX_TN_ENTRIES, PhoneExtension, Refusal, TnAuthList, TnEntry,
    read_phone,
};
use rcgen::{CertificateParams, CustomExtension};

const OID: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 26];

static KEY: LazyLock<rcgen::KeyPair> =
    LazyLock::new(|| rcgen::KeyPair::generate().expect("randomness"));

libfuzzer_sys::fuzz_target!(|content: &[u8]| {
    let list = TnAuthList::from_der(content);
    if let Ok(list) = &list {
        // DER has one way to write a list.
        assert_eq!(list.to_der().as_deref(), Ok(content));
        assert!(content.len() <= MAX_TN_AUTH_LIST_BYTES);
        assert!((1..=MAX_TN_ENTRIES).contains(&list.entries().len()));
    }

    let mut parameters = CertificateParams::default();
    parameters.custom_extensions.push(CustomExtension::from_oid_content(OID, content.to_vec()));
    let certificate = parameters.self_signed(&*KEY).expect("any content can be signed");
    let read = read_phone(certificate.der(), PhoneExtension::default(), &[]);
    match (list.as_ref().map(TnAuthList::entries), read) {
        // Only a list of one number bears it.
        (Ok([TnEntry::One(number)]), Ok(holder)) => {
            assert_eq!(holder.number.expose().strip_prefix('+'), Some(number.expose()));
        }
        (Ok([TnEntry::One(_)]), Err(refusal)) => assert_eq!(refusal, Refusal::NumberNotE164),
        (Ok(_), read) => {
            assert!(matches!(read.unwrap_err(), Refusal::NoPhone | Refusal::SeveralPhones))
        }
        // A certificate over its own bound is refused before its list.
        (Err(_), read) => {
            assert!(matches!(read.unwrap_err(), Refusal::TnAuthList | Refusal::CertificateTooLarge))
        }
    }
});

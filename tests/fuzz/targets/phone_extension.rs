//! The extension that bears an encrypted number, of any content, in an otherwise sound certificate.
#![no_main]

use std::sync::LazyLock;

use countersign_certs::{Certificate, RecipientKey, KeyPair, PhoneExtension, read_phone};
use rcgen::{CertificateParams, CustomExtension};

/// Where the project puts it (docs/reference/certificates.md).
const OID: &[u64] =
    &[1, 2, 840, 113556, 1, 8000, 2554, 31838, 7946, 37812, 19758, 35425, 998269, 10235461];

/// One of each kind: P-256 and RSA.
static KEYS: LazyLock<[RecipientKey; 2]> = LazyLock::new(|| {
    let [p256, rsa] =
        [include_str!("../keys/gateway.pem"), include_str!("../keys/gateway-rsa.pem")]
            .map(|pem| Certificate::from_pem(pem).expect("ours"));
    let key = KeyPair::from_pem(include_str!("../keys/gateway.key"));
    [
        RecipientKey::new(&p256, &key.expect("ours")).expect("ours"),
        RecipientKey::from_pkcs8(&rsa, include_bytes!("../keys/gateway-rsa.pk8")).expect("ours"),
    ]
});
static KEY: LazyLock<rcgen::KeyPair> =
    LazyLock::new(|| rcgen::KeyPair::generate().expect("randomness"));

libfuzzer_sys::fuzz_target!(|content: &[u8]| {
    let mut parameters = CertificateParams::default();
    parameters.custom_extensions.push(CustomExtension::from_oid_content(OID, content.to_vec()));
    let certificate = parameters.self_signed(&*KEY).expect("any content can be signed");
    let read = read_phone(certificate.der(), PhoneExtension::default(), KEYS.as_slice());
    // The key hash in a sound envelope is of another certificate's key.
    assert!(read.is_err());
});

//! A client's certificate as it comes over TLS: read, verified, and its number read, encrypted or not.
#![no_main]

use std::{sync::LazyLock, time::Duration};

use countersign_certs::{
    Certificate, CertificateDer, RecipientKey, KeyPair, PhoneExtension, TrustAnchors, UnixTime,
    read_phone,
};

static KEYS: LazyLock<[RecipientKey; 1]> = LazyLock::new(|| {
    let certificate = Certificate::from_pem(include_str!("../keys/gateway.pem"));
    let key = KeyPair::from_pem(include_str!("../keys/gateway.key"));
    [RecipientKey::new(&certificate.expect("ours"), &key.expect("ours")).expect("ours")]
});
static ANCHORS: LazyLock<TrustAnchors> =
    LazyLock::new(|| TrustAnchors::from_pem(include_str!("../keys/root.pem")).expect("ours"));

libfuzzer_sys::fuzz_target!(|der: &[u8]| {
    let der = CertificateDer::from(der.to_vec());
    let read = read_phone(&der, PhoneExtension::default(), KEYS.as_slice());
    let _ = Certificate::from_der(der.clone());
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
    if let Ok(client) = ANCHORS.verify_client(&[der.clone(), der], now) {
        // What is trusted is read as what is not.
        assert_eq!(client.phone(KEYS.as_slice()).is_ok(), read.is_ok());
    }
});

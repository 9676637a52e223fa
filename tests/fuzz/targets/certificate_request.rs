//! A request for a certificate (PKCS#10), PEM or DER, as anybody may send it to an authority.
#![no_main]

use countersign_certs::{MAX_REQUEST_BYTES, Request};

libfuzzer_sys::fuzz_target!(|content: &[u8]| {
    let Ok(request) = Request::from_file(content) else {
        return;
    };
    assert!(content.len() <= MAX_REQUEST_BYTES);
    // The key is one that certificates are issued for: weak ones are refused before.
    let _ = request.key().sha256();
    assert_eq!(Request::from_file(content).as_ref(), Ok(&request));
});

//! The relying parties' API: any body for an order, a subscriber, a challenge and what answers it, under any idempotency
//! key.
#![no_main]

mod shop;

use axum::{body::Body, http::Request};

libfuzzer_sys::fuzz_target!(|input: (&[u8], &[u8])| {
    let (body, key) = input;
    let (api, _) = shop::shop();
    for (method, path) in [
        ("POST", "/v1/checkouts"),
        ("PUT", "/v1/subscribers/alice"),
        ("POST", "/v1/challenges"),
        ("POST", "/v1/challenges/ch_0123456789abcdef0123456789abcdef/response"),
        ("POST", "/v1/challenges/ch_0123456789abcdef0123456789abcdef/resend"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Authorization", "Bearer key")
            .header("Idempotency-Key", key)
            .body(Body::from(body.to_vec()));
        // Octets that no header may have do not come over HTTP.
        let Ok(request) = request else { return };
        shop::ask(&api, request);
    }
});

//! The payers' pages: any form to any action, any cookie, any language.
#![no_main]

mod shop;

use axum::{body::Body, http::Request};

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8], &[u8], &[u8])| {
    let (action, form, cookie, language) = input;
    let (api, pages) = shop::shop();
    let order = r#"{"amount":{"value":"49.90","currency":"EUR"},"reference":"order-1"}"#;
    let order = Request::post("/v1/checkouts")
        .header("Authorization", "Bearer key")
        .body(Body::from(order));
    let created = shop::ask(&api, order.expect("a request"));
    let location = created.headers()["location"].to_str().expect("ASCII");
    let page = location.replace("/v1/checkouts", "/pay");
    let path = match action % 5 {
        0 => page,
        1 => format!("{page}/code"),
        2 => format!("{page}/resend"),
        3 => format!("{page}/cancel"),
        _ => format!("{page}?language={}", action >> 3),
    };
    let session =
        [b"__Host-countersign-session=ses_0123456789abcdef0123456789abcdef; ", cookie].concat();
    let request = Request::post(path)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Cookie", session)
        .header("Accept-Language", language)
        .body(Body::from(form.to_vec()));
    let Ok(request) = request else { return };
    shop::ask(&pages, request);
});

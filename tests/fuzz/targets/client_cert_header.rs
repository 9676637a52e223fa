//! `Client-Cert` and `Client-Cert-Chain` (RFC 9440) of a trusted terminator, and `traceparent` of anybody.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use countersign_web::{
    correlation::TraceParent,
    peer_certificate::{PeerCertificates, peer_certificates},
};

libfuzzer_sys::fuzz_target!(|input: (&[u8], Option<&[u8]>)| {
    let terminator = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("client-cert", Some(input.0)),
        ("client-cert-chain", input.1),
        ("traceparent", Some(input.0)),
    ] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_bytes(value).ok()) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    let _ = TraceParent::of(&headers);
    let nobody = PeerCertificates::default();
    let _ = peer_certificates(nobody, terminator, &[terminator], &mut headers);
    // Nobody further down may mistake them.
    assert!(
        !headers.contains_key("client-cert") || headers.get_all("client-cert").iter().count() > 1
    );
});

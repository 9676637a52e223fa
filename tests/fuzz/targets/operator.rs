//! The operator's desk over HTTP: any body for an order and for what was typed, from a client that is known. An order that is
//! taken is taken once: sent again, it is the same.
#![no_main]

mod shop;

use std::sync::{Arc, LazyLock};

use axum::{Extension, Router, body::Body, http::Request};
use base64::{Engine as _, prelude::*};
use countersign_domain::{testing::Fixture, verifier::Verifier};
use countersign_operator::{Desk, awaited, http::operator_routes, statement::StatementKey};
use countersign_wallet::testing::SERVER_KEY;
use countersign_web::peer_certificate::PeerCertificates;

const CERTIFICATE: &[u8] = b"the certificate of the wallets";

static KEY: LazyLock<Vec<u8>> =
    LazyLock::new(|| BASE64_STANDARD.decode(SERVER_KEY).expect("a key in Base64"));

/// A desk at which no order was taken yet.
fn desk() -> Router {
    let Fixture { ports, policy, .. } = Fixture::new();
    let key = StatementKey::from_pkcs8(&KEY).expect("a key on P-256");
    let verifier = Verifier::new(ports.clone(), policy).with_waiting(awaited(&ports, key));
    let party = "wallets".try_into().expect("a name");
    let desk = Arc::new(Desk { ports, verifier: Arc::new(verifier), party });
    let presented = PeerCertificates(vec![CERTIFICATE.to_vec()]);
    operator_routes(vec![(CERTIFICATE.to_vec(), desk)]).layer(Extension(presented))
}

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let desk = desk();
    let ask = |path: &str| {
        let request = Request::post(path).body(Body::from(body.to_vec()));
        shop::ask(&desk, request.expect("a path of ours")).status()
    };
    let taken = ask("/v1/codes");
    if taken.is_success() {
        assert_eq!(ask("/v1/codes"), taken);
    }
    ask("/v1/codes/check");
});

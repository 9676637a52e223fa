//! A shop over the domain's fakes, for the targets that speak HTTP.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use countersign_checkout::{Checkouts, api, payer_pages};
use countersign_domain::{directory::Subscribers, testing::{Fixture, key_ring}};
use countersign_web::{
    relying_party::{KeyHash, RelyingParties, RelyingParty},
    theme::Themes,
};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));

/// API and pages of a shop in which nothing has happened yet.
pub fn shop() -> (Router, Router) {
    let fixture = Fixture::new();
    let keys = Arc::new(key_ring());
    let directory = Subscribers::new(fixture.store.clone(), keys, fixture.entropy.clone());
    let directory = Arc::new(directory);
    let checkouts = Arc::new(Checkouts {
        store: fixture.store.clone(),
        clock: fixture.clock.clone(),
        entropy: fixture.entropy.clone(),
        directory: directory.clone(),
        subscribers: Some(directory),
        gateway: fixture.gateway.clone(),
        certificates: None,
        public_origin: "https://pay.example.com".to_owned(),
    });
    let party = RelyingParty {
        id: "dupont".try_into().expect("a name"),
        name: "Librairie Dupont".try_into().expect("a name"),
        api_key_sha256: KeyHash::of("key"),
        may_enrol: true,
    };
    let parties = RelyingParties::new(vec![party]);
    (api(checkouts.clone(), parties), payer_pages(checkouts, Themes::default()))
}

/// What is answered: anything but a fault of ours.
pub fn ask(router: &Router, request: Request<Body>) -> Response<Body> {
    let answer = RUNTIME.block_on(router.clone().oneshot(request));
    let answer = answer.expect("a router always answers");
    assert!(answer.status().as_u16() < 500, "{}", answer.status());
    answer
}

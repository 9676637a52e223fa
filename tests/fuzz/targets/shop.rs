//! A shop over the domain's fakes, for the targets that speak HTTP.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use countersign_access::{Challenges, challenge_api};
use countersign_checkout::{Checkouts, merchant_api, payer_pages};
use countersign_domain::{directory::Subscribers, relying_party::RelyingParty, testing::Fixture};
use countersign_web::{
    api::api,
    relying_party::{ApiClient, KeyHash, RelyingParties},
    subscribers::subscribers,
    theme::Themes,
};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));

/// API and pages of a shop in which nothing has happened yet.
pub fn shop() -> (Router, Router) {
    let fixture = Fixture::new();
    let directory = Arc::new(Subscribers::new(fixture.ports.clone()));
    let checkouts = Arc::new(Checkouts {
        ports: fixture.ports.clone(),
        directory: directory.clone(),
        gateway: fixture.gateway.clone(),
        certificates: None,
        public_origin: "https://pay.example.com".to_owned().try_into().expect("an origin"),
    });
    let origin = "login.example.com".try_into().expect("an origin");
    let party = RelyingParty {
        id: "dupont".try_into().expect("a name"),
        name: "Librairie Dupont".try_into().expect("a name"),
        may_enrol: true, tells_unknown: false,
    };
    let parties =
        RelyingParties::new(vec![ApiClient { party, api_key_sha256: KeyHash::of("key") }]);
    let challenges = Arc::new(Challenges {
        ports: fixture.ports.clone(),
        directory: directory.clone(),
        verifier: fixture.verifier.clone(),
        origins: [("dupont".try_into().expect("a name"), vec![origin])].into(),
    });
    let api = api([
        merchant_api(checkouts.clone(), parties.clone()),
        challenge_api(challenges, parties.clone()),
        subscribers(directory, parties),
    ]);
    (api, payer_pages(checkouts, Themes::default()))
}

/// What is answered: anything but a fault of ours.
pub fn ask(router: &Router, request: Request<Body>) -> Response<Body> {
    let answer = RUNTIME.block_on(router.clone().oneshot(request));
    let answer = answer.expect("a router always answers");
    assert!(answer.status().as_u16() < 500, "{}", answer.status());
    answer
}

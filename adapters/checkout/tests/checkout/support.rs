//! A shop over fakes, and a merchant with a key.

use std::sync::Arc;

use axum::{Router, body::Body, http::Request};
use countersign_checkout::{Checkouts, merchant_api, payer_pages};
use countersign_domain::{
    directory::Subscribers,
    outbox::Outbox,
    policy::PolicySettings,
    ports::Ports,
    relying_party::RelyingParty,
    testing::{Fixture, QuickHasher, Unhurried},
};
pub(crate) use countersign_web::testing::Answer;
use countersign_web::{
    api::api,
    holder::CertificateReader,
    relying_party::{ApiClient, KeyHash, RelyingParties},
    subscribers::subscribers,
    testing::{call, send},
    theme::{Theme, Themes},
    words::SHARED,
};
use serde_json::{Value, json};

/// The card that the fake bank knows.
pub(crate) const CARD: &str = "4970100000000154";
pub(crate) const NUMBER: &str = "+33612345678";

/// Dupont's pages have a colour and a logo; Martin's look as they are.
fn themes() -> Themes {
    let theme = Theme {
        colour: Some("#7a1f3d".to_owned().try_into().unwrap()),
        logo: Some(b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec().try_into().unwrap()),
    };
    Themes::new([("dupont".try_into().unwrap(), theme)])
}

/// A shop over fakes.
pub(crate) struct Shop {
    pub(crate) fixture: Fixture,
    /// What reads client certificates, if any is trusted.
    pub(crate) certificates: Option<Arc<CertificateReader>>,
    api: Router,
    pages: Router,
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self::trusting(None)
    }

    /// A shop that trusts the client certificates that this reader trusts.
    pub(crate) fn trusting(certificates: Option<CertificateReader>) -> Self {
        Self::of(Fixture::new(), certificates)
    }

    /// A shop under that policy.
    pub(crate) fn under(policy: PolicySettings) -> Self {
        Self::of(Fixture::with_policy(policy), None)
    }

    pub(crate) fn of(mut fixture: Fixture, certificates: Option<CertificateReader>) -> Self {
        let (ports, verifier) = (fixture.ports.clone(), fixture.verifier.clone());
        fixture.outbox = Arc::new(Outbox::new(ports, verifier, Arc::new(SHARED)));
        let pins = Arc::new(QuickHasher);
        let directory = Arc::new(Subscribers::new(fixture.ports.clone()).with_pins(pins));
        let store = Arc::new(Unhurried(fixture.store.clone()));
        let certificates = certificates.map(Arc::new);
        let checkouts = Arc::new(Checkouts {
            ports: Ports { store, ..fixture.ports.clone() },
            directory: directory.clone(),
            gateway: fixture.gateway.clone(),
            certificates: certificates.clone(),
            public_origin: "https://pay.example.com".to_owned().try_into().unwrap(),
        });
        let party = |id: &str, name: &str, may_enrol| {
            let api_key_sha256 = KeyHash::of(id);
            let tells_unknown = id != "discreet";
            let (id, name) = (id.try_into().unwrap(), name.try_into().unwrap());
            ApiClient { party: RelyingParty { id, name, may_enrol, tells_unknown }, api_key_sha256 }
        };
        let parties = RelyingParties::new(vec![
            party("dupont", "Librairie Dupont", true),
            party("martin", "Martin <script>", false),
            party("discreet", "Discreet", false),
        ]);
        Self {
            api: api([
                merchant_api(checkouts.clone(), parties.clone()),
                subscribers(directory, parties),
            ]),
            pages: payer_pages(checkouts, themes()),
            certificates,
            fixture,
        }
    }

    /// Calls the API under that key (a party's key is its id).
    pub(crate) async fn call(
        &self,
        key: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<String>,
    ) -> Answer {
        call(&self.api, key, method, path, headers, body).await
    }

    pub(crate) async fn enrol(&self) {
        let alice = json!({ "number": NUMBER, "card": { "number": CARD, "expiry": "12/29" } });
        let path = "/v1/subscribers/alice";
        let enrolled = self.call("dupont", "PUT", path, &[], alice.to_string()).await;
        assert_eq!(enrolled.status, 204, "{enrolled:?}");
    }

    /// A checkout over 49.90 EUR of that merchant; the path of its page.
    pub(crate) async fn order(&self, key: &str) -> String {
        let created = self.call(key, "POST", "/v1/checkouts", &[], order().to_string()).await;
        assert_eq!(created.status, 201, "{created:?}");
        let url = created.text("/url");
        url.strip_prefix("https://pay.example.com").unwrap().into()
    }

    pub(crate) async fn raw_call(&self, request: Request<Body>) -> Answer {
        send(&self.api, request).await
    }

    pub(crate) async fn raw_page(&self, request: Request<Body>) -> Answer {
        send(&self.pages, request).await
    }

    /// The code of the message that was sent last.
    pub(crate) async fn code(&self) -> String {
        let text = self.fixture.next_message().await.unwrap();
        self.fixture.code_in(&text)
    }
}

pub(crate) fn order() -> Value {
    json!({ "amount": { "value": "49.90", "currency": "EUR" }, "reference": "order-1" })
}

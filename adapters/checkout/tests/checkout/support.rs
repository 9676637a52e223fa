//! A shop over fakes, and a merchant with a key.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use countersign_checkout::{Checkouts, merchant_api, payer_pages};
use countersign_domain::{
    directory::Subscribers,
    outbox::Outbox,
    ports::{Ports, Reads, Store},
    record::{Batch, StoreError},
    relying_party::RelyingParty,
    testing::{Fixture, MemoryStore},
};
use countersign_web::{
    api::api,
    holder::CertificateReader,
    relying_party::{ApiClient, KeyHash, RelyingParties},
    subscribers::subscribers,
    theme::{Theme, Themes},
    words::SHARED,
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::task::yield_now;
use tower::ServiceExt as _;

/// The card that the fake bank knows.
pub(crate) const CARD: &str = "4970100000000154";
pub(crate) const NUMBER: &str = "+33612345678";

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    pub(crate) fn text(&self, pointer: &str) -> String {
        let member = self.json().pointer(pointer).cloned().unwrap_or_default();
        member.as_str().unwrap_or_default().to_owned()
    }

    /// Status, and the name of the problem.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let kind = self.text("/type");
        let name = kind.rsplit(':').next().unwrap_or_default();
        (self.status.as_u16(), name.to_owned())
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// The fake store, but everybody else has a turn before each commit: so that what is done at once really is.
struct Unhurried(Arc<MemoryStore>);

#[async_trait]
impl Store for Unhurried {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        yield_now().await;
        self.0.commit(batch).await
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self.0.as_ref()
    }
}

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
    api: Router,
    pages: Router,
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self::trusting(None)
    }

    /// A shop that trusts the client certificates that this reader trusts.
    pub(crate) fn trusting(certificates: Option<CertificateReader>) -> Self {
        let mut fixture = Fixture::new();
        let (ports, verifier) = (fixture.ports.clone(), fixture.verifier.clone());
        fixture.outbox = Arc::new(Outbox::new(ports, verifier, Arc::new(SHARED)));
        let directory = Arc::new(Subscribers::new(fixture.ports.clone()));
        let store = Arc::new(Unhurried(fixture.store.clone()));
        let checkouts = Arc::new(Checkouts {
            ports: Ports { store, ..fixture.ports.clone() },
            directory: directory.clone(),
            gateway: fixture.gateway.clone(),
            certificates: certificates.map(Arc::new),
            public_origin: "https://pay.example.com".to_owned().try_into().unwrap(),
        });
        let party = |id: &str, name: &str, may_enrol| {
            let api_key_sha256 = KeyHash::of(id);
            let (id, name) = (id.try_into().unwrap(), name.try_into().unwrap());
            ApiClient { party: RelyingParty { id, name, may_enrol }, api_key_sha256 }
        };
        let parties = RelyingParties::new(vec![
            party("dupont", "Librairie Dupont", true),
            party("martin", "Martin <script>", false),
        ]);
        Self {
            api: api([
                merchant_api(checkouts.clone(), parties.clone()),
                subscribers(directory, parties),
            ]),
            pages: payer_pages(checkouts, themes()),
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
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("Authorization", format!("Bearer {key}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(&self.api, request.body(Body::from(body.into())).unwrap()).await
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

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let answered = router.clone().oneshot(request).await.unwrap();
    let (head, body) = answered.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

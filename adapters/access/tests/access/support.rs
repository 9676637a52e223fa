//! A company over fakes, whose people are asked for codes, and a library beside it.

use std::sync::Arc;

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use countersign_access::{Challenges, challenge_api};
use countersign_domain::{
    address::Msisdn,
    directory::Subscribers,
    outbox::Outbox,
    ports::{Ports, Reads, Store},
    record::{Batch, StoreError},
    relying_party::RelyingParty,
    subscriber::Subscriber,
    testing::{Fixture, MemoryStore},
    verifier::Verifier,
};
use countersign_web::{
    api::api,
    relying_party::{ApiClient, KeyHash, RelyingParties},
    words::SHARED,
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::task::yield_now;
use tower::ServiceExt as _;

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

/// A server over fakes. A party's key is its id.
pub(crate) struct House {
    pub(crate) fixture: Fixture,
    api: Router,
}

/// A challenge that was started.
pub(crate) struct Started {
    pub(crate) id: String,
    pub(crate) session: String,
}

impl House {
    /// With Alice in the directory.
    pub(crate) async fn new() -> Self {
        let mut fixture = Fixture::new();
        let (ports, verifier) = (fixture.ports.clone(), fixture.verifier.clone());
        fixture.outbox = Arc::new(Outbox::new(ports, verifier, Arc::new(SHARED)));
        let directory = Subscribers::new(fixture.ports.clone());
        let alice = Subscriber {
            identifier: "alice".try_into().unwrap(),
            address: Msisdn::try_from("+33612345678").unwrap().into(),
            card: None,
        };
        directory.enrol(&alice).await.unwrap();
        let store = Arc::new(Unhurried(fixture.store.clone()));
        let ports = Ports { store, ..fixture.ports.clone() };
        let login = "login.example.com".try_into().unwrap();
        let challenges = Arc::new(Challenges {
            verifier: Arc::new(Verifier::new(ports.clone(), fixture.policy.clone())),
            ports,
            directory: Arc::new(directory),
            origins: [("acme".try_into().unwrap(), vec![login])].into(),
        });
        let party = |id: &str, name: &str| {
            let api_key_sha256 = KeyHash::of(id);
            let (id, name) = (id.try_into().unwrap(), name.try_into().unwrap());
            ApiClient { party: RelyingParty { id, name, may_enrol: false }, api_key_sha256 }
        };
        let parties = vec![party("acme", "Acme"), party("library", "City library")];
        Self { api: api([challenge_api(challenges, RelyingParties::new(parties))]), fixture }
    }

    /// Calls the API under that key.
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
        let request = request.body(Body::from(body.into())).unwrap();
        let (head, body) = self.api.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("acme", "POST", path, &[], body.to_string()).await
    }

    /// Starts that challenge for Acme.
    pub(crate) async fn start(&self, body: &Value) -> Started {
        let started = self.post("/v1/challenges", body).await;
        assert_eq!(started.status, 201, "{started:?}");
        Started { id: started.text("/id"), session: started.text("/session") }
    }

    /// As the relying party asks for it.
    pub(crate) async fn look(&self, started: &Started) -> Answer {
        self.call("acme", "GET", &started.path(""), &[], "").await
    }

    pub(crate) async fn respond(&self, started: &Started, code: &str) -> Answer {
        self.post(&started.path("/response"), &started.typed(code)).await
    }

    /// The message that was sent last.
    pub(crate) async fn sms(&self) -> String {
        self.fixture.next_message().await.unwrap()
    }

    /// The code of the message that was sent last, and another one.
    pub(crate) async fn codes(&self) -> (String, String) {
        let right = self.code().await;
        let other = if right == "000000" { "000001" } else { "000000" };
        (right, other.to_owned())
    }

    pub(crate) async fn code(&self) -> String {
        let sms = self.sms().await;
        let (_, rest) = sms.split_once("Code ").unwrap();
        rest.chars().take_while(char::is_ascii_digit).collect()
    }
}

impl Started {
    pub(crate) fn path(&self, action: &str) -> String {
        format!("/v1/challenges/{}{action}", self.id)
    }

    pub(crate) fn typed(&self, code: &str) -> Value {
        json!({ "session": self.session, "code": code })
    }
}

/// Alice wants to come in.
pub(crate) fn access() -> Value {
    json!({ "user_id": "alice", "purpose": "access" })
}

/// Alice pays.
pub(crate) fn payment() -> Value {
    let payment = json!({
        "amount": { "value": "49.90", "currency": "EUR" },
        "reference": "order-1",
        "items": [{ "name": "ISBN 2070360245", "quantity": 2 }],
    });
    json!({ "user_id": "alice", "purpose": { "payment": payment } })
}

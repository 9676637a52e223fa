//! A company over fakes, whose people are asked for codes, and a library beside it.

use std::sync::Arc;

use axum::Router;
use countersign_access::{Challenges, challenge_api};
use countersign_domain::{
    address::Msisdn,
    directory::Subscribers,
    outbox::Outbox,
    policy::PolicySettings,
    ports::Ports,
    relying_party::RelyingParty,
    subscriber::Subscriber,
    testing::{Fixture, QuickHasher, Unhurried},
    verifier::Verifier,
};
pub(crate) use countersign_web::testing::Answer;
use countersign_web::{
    api::api,
    relying_party::{ApiClient, KeyHash, RelyingParties},
    testing::call,
    words::SHARED,
};
use serde_json::{Value, json};

pub(crate) const PIN: &str = "283915";

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
        Self::under(PolicySettings::default()).await
    }

    /// The same under another policy. Alice has a [`PIN`] from a relying party.
    pub(crate) async fn under(policy: PolicySettings) -> Self {
        let mut fixture = Fixture::with_policy(policy);
        let (ports, verifier) = (fixture.ports.clone(), fixture.verifier.clone());
        fixture.outbox = Arc::new(Outbox::new(ports, verifier, Arc::new(SHARED)));
        let directory = Subscribers::new(fixture.ports.clone()).with_pins(Arc::new(QuickHasher));
        let alice = Subscriber {
            identifier: "alice".try_into().unwrap(),
            address: Msisdn::try_from("+33612345678").unwrap().into(),
            card: None,
        };
        let pin = PIN.to_owned().try_into().unwrap();
        directory.enrol_with(&alice, Some(&pin)).await.unwrap();
        let store = Arc::new(Unhurried(fixture.store.clone()));
        let ports = Ports { store, ..fixture.ports.clone() };
        let login = "login.example.com".try_into().unwrap();
        let challenges = Arc::new(Challenges {
            verifier: Arc::new(
                Verifier::new(ports.clone(), fixture.policy.clone())
                    .with_pins(Arc::new(QuickHasher))
                    .with_limits(countersign_domain::testing::unbounded()),
            ),
            ports,
            directory: Arc::new(directory),
            origins: [("acme".try_into().unwrap(), vec![login])].into(),
        });
        let party = |id: &str, name: &str, tells_unknown| {
            let api_key_sha256 = KeyHash::of(id);
            let (id, name) = (id.try_into().unwrap(), name.try_into().unwrap());
            ApiClient {
                party: RelyingParty { id, name, may_enrol: false, tells_unknown },
                api_key_sha256,
            }
        };
        let parties = vec![party("acme", "Acme", true), party("library", "City library", false)];
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
        call(&self.api, key, method, path, headers, body).await
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

//! A whole exchange, as a relying party's back end has it, over the domain's fakes: start, read the phone, respond.
//!
//! `cargo run -p countersign-access --example verify`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, sync::Arc};

use axum::{Router, body::Body, http::Request};
use countersign_access::{Challenges, Origins, challenge_api};
use countersign_domain::{
    address::Msisdn, directory::Subscribers, relying_party::RelyingParty, subscriber::Subscriber,
    testing::Fixture,
};
use countersign_web::{
    api::api,
    relying_party::{ApiClient, KeyHash, RelyingParties},
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

async fn post(api: &Router, path: &str, body: Value) -> Result<Value, Box<dyn Error>> {
    let request = Request::post(path).header("Authorization", "Bearer 128 random bits");
    let answered = api.clone().oneshot(request.body(Body::from(body.to_string()))?).await?;
    let status = answered.status();
    let answer = serde_json::from_slice(&answered.into_body().collect().await?.to_bytes())?;
    println!("POST {path}\n{body:#}\n\n{status}\n{answer:#}\n");
    Ok(answer)
}

async fn exchange(phone: &Fixture) -> Result<Value, Box<dyn Error>> {
    let directory = Arc::new(Subscribers::new(phone.ports.clone()));
    let (identifier, number) = ("alice".try_into()?, Msisdn::try_from("+33612345678")?);
    directory.enrol(&Subscriber { identifier, address: number.into(), card: None }).await?;
    let challenges = Arc::new(Challenges {
        ports: phone.ports.clone(),
        directory,
        verifier: phone.verifier.clone(),
        origins: Origins::from([("acme".try_into()?, vec!["login.example.com".try_into()?])]),
    });
    let party = RelyingParty {
        id: "acme".try_into()?,
        name: "Acme".try_into()?,
        may_enrol: false,
        tells_unknown: false,
    };
    let client = ApiClient { party, api_key_sha256: KeyHash::of("128 random bits") };
    let api = api([challenge_api(challenges, RelyingParties::new(vec![client]))]);

    let asked = json!({ "user_id": "alice", "purpose": { "access_to": "payroll" }, "origin": "login.example.com" });
    let started = post(&api, "/v1/challenges", asked).await?;
    let sms = phone.next_message().await.unwrap_or_default();
    println!("the phone shows\n{sms}\n");
    let typed = json!({ "session": started.get("session"), "code": phone.code_in(&sms) });
    let id = started.get("id").and_then(Value::as_str).unwrap_or_default();
    post(&api, &format!("/v1/challenges/{id}/response"), typed).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    exchange(&Fixture::new()).await.map(|_| ())
}

#[tokio::test]
async fn the_person_is_verified() {
    let answer = exchange(&Fixture::new()).await.unwrap();
    assert_eq!(answer["status"], "verified");
}

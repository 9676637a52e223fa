//! Whose challenge it is, and what a repeated request does.

use axum::http::header;
use countersign_domain::{
    agreement::Agreement,
    id::{ChallengeId, SessionId},
    record::Batch,
};

use crate::support::{House, Started, access, payment};

/// What can be done with a challenge.
const ACTIONS: [(&str, &str); 5] = [
    ("GET", ""),
    ("GET", "/trace"),
    ("POST", "/response"),
    ("POST", "/resend"),
    ("POST", "/cancel"),
];

/// A body that every action accepts.
fn body_of(started: &Started, action: &str) -> String {
    let mut body = started.typed("123456");
    if action == "/resend" {
        body.as_object_mut().unwrap().remove("code");
    }
    body.to_string()
}

#[tokio::test]
async fn another_partys_challenge_is_not_found() {
    let house = House::new().await;
    let started = house.start(&access()).await;
    for (method, action) in ACTIONS {
        let (path, body) = (started.path(action), body_of(&started, action));
        let refused = house.call("library", method, &path, &[], body).await;
        assert_eq!(refused.refusal(), (404, "not-found".to_owned()), "{method} {path}");
    }
    assert_eq!(house.look(&started).await.json()["code"]["attempts_left"], 3);
}

/// Another flow began it in that party's name.
async fn assert_not_found(house: &House, id: &ChallengeId, session: &SessionId) {
    let started = Started { id: id.to_string(), session: session.to_string() };
    for (method, action) in ACTIONS {
        let (path, body) = (started.path(action), body_of(&started, action));
        let refused = house.call("acme", method, &path, &[], body).await;
        assert_eq!(refused.refusal(), (404, "not-found".to_owned()), "{method} {path}");
    }
}

#[tokio::test]
async fn the_challenge_of_a_certificate_is_not_found() {
    let house = House::new().await;
    let session = SessionId::random(house.fixture.entropy.as_ref()).unwrap();
    let mut enrolment = house.fixture.access(session.clone());
    enrolment.relying_party = "acme".try_into().unwrap();
    enrolment.agreement = Agreement::Certificate { name: "alice".try_into().unwrap() };
    let challenge = house.fixture.verifier.start_challenge(enrolment).await.unwrap();
    let challenge = challenge.done().unwrap();
    assert_not_found(&house, challenge.id(), &session).await;
}

#[tokio::test]
async fn the_challenge_of_a_payment_is_not_found() {
    let house = House::new().await;
    let mut purchase = house.fixture.purchase("49.90");
    purchase.relying_party = "acme".try_into().unwrap();
    let session = purchase.person.session.clone();
    let payment = house.fixture.gateway.start_payment(purchase, Batch::default()).await.unwrap();
    assert_not_found(&house, payment.challenge().unwrap(), &session).await;
}

#[tokio::test]
async fn nobody_calls_without_a_key_that_is_known() {
    let house = House::new().await;
    let started = house.start(&access()).await;
    let paths = ACTIONS.map(|(method, action)| (method, started.path(action)));
    for (method, path) in [("POST", "/v1/challenges".to_owned())].into_iter().chain(paths) {
        let refused = house.call("nobody", method, &path, &[], "").await;
        assert_eq!(refused.refusal(), (401, "not-authenticated".to_owned()), "{path}");
        assert!(refused.header(header::WWW_AUTHENTICATE).starts_with("Bearer"));
    }
}

#[tokio::test]
async fn a_request_that_is_repeated_sends_one_message_and_gives_one_answer() {
    let house = House::new().await;
    let key = [("Idempotency-Key", "once")];
    let start =
        |party: &'static str, body: String| house.call(party, "POST", "/v1/challenges", &key, body);
    let first = start("acme", access().to_string()).await;
    let again = start("acme", access().to_string()).await;
    assert_eq!((first.status.as_u16(), first.json()), (201, again.json()));
    house.sms().await;
    assert_eq!(house.fixture.messenger.taken().len(), 1);
    let refused = start("acme", payment().to_string()).await;
    assert_eq!(refused.refusal(), (422, "idempotency-key-reused".to_owned()));
    // Another party's key is another key.
    let elsewhere = start("library", access().to_string()).await;
    assert_ne!(elsewhere.text("/id"), first.text("/id"));
}

#[tokio::test]
async fn requests_at_once_under_one_key_are_one() {
    let house = House::new().await;
    let key = [("Idempotency-Key", "once")];
    let start = || house.call("acme", "POST", "/v1/challenges", &key, access().to_string());
    let (one, two, three) = tokio::join!(start(), start(), start());
    assert!(!one.text("/session").is_empty(), "{one:?}");
    assert_eq!((one.json(), one.json()), (two.json(), three.json()));
    house.sms().await;
    assert_eq!(house.fixture.messenger.taken().len(), 1);
}

#[tokio::test]
async fn of_two_requests_at_once_under_one_key_one_is_refused() {
    let house = House::new().await;
    let key = [("Idempotency-Key", "once")];
    let start = |body: String| house.call("acme", "POST", "/v1/challenges", &key, body);
    let (one, two) = tokio::join!(start(access().to_string()), start(payment().to_string()));
    let (won, lost) = if one.status == 201 { (one, two) } else { (two, one) };
    assert_eq!(won.status, 201, "{won:?}");
    assert_eq!(lost.refusal(), (422, "idempotency-key-reused".to_owned()), "{lost:?}");
}

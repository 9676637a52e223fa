//! PINs beside the codes of relying parties that have pages of their own, under the profile psd2.

use countersign_domain::{
    pin::PinFrom,
    policy::{PolicySettings, Profile},
};
use serde_json::{Value, json};

use crate::support::{Answer, House, PIN, Started, access, payment};

const OTHER: &str = "283916";

async fn psd2(pin_from: PinFrom) -> House {
    let profile = Some(Profile::Psd2);
    House::under(PolicySettings { profile, pin_from, ..PolicySettings::default() }).await
}

/// Sends the code with those members beside it.
async fn respond(house: &House, started: &Started, code: &str, beside: Value) -> Answer {
    let mut body = started.typed(code);
    body.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
    house.post(&started.path("/response"), &body).await
}

async fn sees(house: &House, started: &Started, pointer: &str) -> Value {
    house.look(started).await.json().pointer(pointer).cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_payment_asks_for_the_pin_and_access_does_not() {
    let house = psd2(PinFrom::Enrolment).await;
    let started = house.start(&payment()).await;
    assert_eq!(sees(&house, &started, "/code/pin").await, "asked");
    let started = house.start(&access()).await;
    assert_eq!(sees(&house, &started, "/code/pin").await, Value::Null);
    let code = house.code().await;
    assert_eq!(house.respond(&started, &code).await.status, 200);
    assert_eq!(sees(&house, &started, "/elements").await, json!(["phone"]));
}

#[tokio::test]
async fn code_and_pin_are_verified_and_both_elements_are_told() {
    let house = psd2(PinFrom::Enrolment).await;
    let started = house.start(&payment()).await;
    let code = house.code().await;
    let verified = respond(&house, &started, &code, json!({ "pin": PIN })).await;
    assert_eq!(verified.status, 200, "{verified:?}");
    assert_eq!(sees(&house, &started, "/elements").await, json!(["phone", "pin"]));
    let trace = house.call("acme", "GET", &started.path("/trace"), &[], "").await;
    assert!(!trace.body.contains(PIN), "{}", trace.body);
}

#[tokio::test]
async fn a_wrong_code_and_a_wrong_pin_have_one_answer() {
    let mut answers = Vec::new();
    for (is_right, beside) in [
        (true, json!({ "pin": OTHER })),
        (false, json!({ "pin": PIN })),
        (false, json!({ "pin": OTHER })),
    ] {
        let house = psd2(PinFrom::Enrolment).await;
        let started = house.start(&payment()).await;
        let (right, wrong) = house.codes().await;
        let code = if is_right { right } else { wrong };
        let refused = respond(&house, &started, &code, beside).await;
        assert_eq!(refused.refusal(), (422, "wrong-code".to_owned()), "{refused:?}");
        assert_eq!(sees(&house, &started, "/elements").await, json!([]));
        answers.push(refused.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.concat().contains("Code or PIN is not right"), "{answers:?}");
}

#[tokio::test]
async fn a_code_without_the_pin_is_refused_and_counted() {
    let house = psd2(PinFrom::Enrolment).await;
    let started = house.start(&payment()).await;
    let code = house.code().await;
    let refused = house.respond(&started, &code).await;
    assert_eq!(refused.refusal(), (422, "wrong-code".to_owned()));
    assert_eq!(sees(&house, &started, "/code/attempts_left").await, 2);
}

#[tokio::test]
async fn a_pin_is_set_where_the_challenge_says_so_and_verifies_nothing() {
    let house = psd2(PinFrom::Enrolment).await;
    let started = house.start(&payment()).await;
    let code = house.code().await;
    let refused = respond(&house, &started, &code, json!({ "new_pin": OTHER })).await;
    assert_eq!(refused.refusal(), (422, "invalid-value".to_owned()));
    assert_eq!(sees(&house, &started, "/code/attempts_left").await, 3);

    let house = psd2(PinFrom::Code).await;
    let started = house.start(&payment()).await;
    assert_eq!(sees(&house, &started, "/code/pin").await, "asked_or_set");
    let code = house.code().await;
    let set = respond(&house, &started, &code, json!({ "new_pin": OTHER })).await;
    assert_eq!(set.refusal(), (409, "pin-set".to_owned()));
    assert_eq!(sees(&house, &started, "/status").await, "refused");
    assert_eq!(sees(&house, &started, "/cause").await, "pin-set");

    let started = house.start(&payment()).await;
    let code = house.code().await;
    let verified = respond(&house, &started, &code, json!({ "pin": OTHER })).await;
    assert_eq!(verified.status, 200, "{verified:?}");
    let both = json!(["phone", "pin_set_by_code"]);
    assert_eq!(sees(&house, &started, "/elements").await, both);
}

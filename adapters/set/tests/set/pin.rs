//! A PIN beside the code, encrypted to the gateway with it, under the profile psd2.

use std::sync::Arc;

use countersign_domain::{
    challenge::Challenge,
    directory::Subscribers,
    pin::{NewPin, PinFrom},
    policy::{PolicySettings, Profile},
    subscriber::Subscriber,
    testing::QuickHasher,
};
use countersign_set::{
    cardholder::{Progress, Sent, Typed},
    message::{authorization::AuthCode, purchase::CompletionCode},
    testing::{Parties, Setup},
};

const PIN: &str = "283915";
const OTHER: &str = "283916";

/// The person whom the gateway asks, entered with a PIN; the purchase waits for the code.
async fn asked(pin_from: PinFrom) -> (Parties, Sent, String) {
    let settings =
        PolicySettings { profile: Some(Profile::Psd2), pin_from, ..PolicySettings::bank_first() };
    let parties = Parties::with(settings, Setup::default());
    let (sent, progress) = parties.buy("49.90").await;
    assert!(progress.unwrap().code.unwrap().asks_pin, "the cardholder's program is told");
    let (code, _) = parties.phone().await.unwrap();
    let records = parties.fixture.store.records();
    let waiting = records.into_iter().find(|record| record.key.collection == "challenge").unwrap();
    let challenge =
        parties.fixture.ports.store.expect::<Challenge>(&waiting.key.id).await.unwrap().value;
    let person = challenge.person().clone();
    let subscriber =
        Subscriber { identifier: person.identifier, address: person.address, card: None };
    let directory =
        Subscribers::new(parties.fixture.ports.clone()).with_pins(Arc::new(QuickHasher));
    let pin = NewPin::try_from(PIN.to_owned()).unwrap();
    directory.enrol_with(&subscriber, Some(&pin)).await.unwrap();
    (parties, sent, code)
}

fn told(progress: &Progress) -> (CompletionCode, Option<AuthCode>, Option<u8>) {
    (progress.completion, progress.auth_code, progress.attempts_left)
}

#[tokio::test]
async fn under_psd2_code_and_pin_pay_either_way() {
    for direct in [false, true] {
        let (parties, sent, code) = asked(PinFrom::Enrolment).await;
        let typed = Typed { code: &code, pin: Some(PIN) };
        let paid = match direct {
            true => parties.type_code_direct(&sent, typed).await.unwrap(),
            false => parties.type_code(&sent, typed).await.unwrap(),
        };
        assert_eq!(paid.completion, CompletionCode::CapturePerformed, "{direct}");
    }
}

#[tokio::test]
async fn under_psd2_one_answer_is_given_for_either_being_wrong() {
    for pin_from in [PinFrom::Enrolment, PinFrom::Code] {
        for (right_code, pin) in
            [(true, None), (true, Some(OTHER)), (false, Some(PIN)), (false, Some(OTHER))]
        {
            let (parties, sent, code) = asked(pin_from).await;
            let wrong = if code == "0".repeat(code.len()) { "1" } else { "0" }.repeat(code.len());
            let code = if right_code { &code } else { &wrong };
            let refused = parties.type_code(&sent, Typed { code, pin }).await.unwrap();
            let expected = (CompletionCode::CodeAsked, Some(AuthCode::CodeWrong), Some(2));
            assert_eq!(told(&refused), expected, "{right_code} {pin:?}");
        }
    }
}

#[tokio::test]
async fn without_a_profile_no_pin_is_asked_for() {
    let parties = Parties::new();
    let (_, progress) = parties.buy("49.90").await;
    assert!(!progress.unwrap().code.unwrap().asks_pin);
}

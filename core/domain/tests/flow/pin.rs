//! PINs beside codes, under the profile psd2.

use std::sync::Arc;

use countersign_domain::{
    amount::Amount,
    code::TypedCode,
    directory::Subscribers,
    element::Element,
    event::Event,
    id::SessionId,
    pin::{NewPin, PinFrom, TypedPin},
    plan::{BankTurn, KnownBy},
    policy::{PolicySettings, Profile},
    record::{Batch, RecordKey},
    refusal::Refusal,
    response::Response,
    subscriber::Subscriber,
    testing::{Fixture, QuickHasher},
};

use super::{Waiting, state_of};

const PIN: &str = "283915";

fn psd2(pin_from: PinFrom) -> Fixture {
    let settings = PolicySettings { profile: Some(Profile::Psd2), pin_from, ..Default::default() };
    Fixture::with_policy(settings)
}

fn typed(pin: &str) -> Option<TypedPin> {
    Some(pin.to_owned().try_into().unwrap())
}

fn new_pin(pin: &str) -> NewPin {
    pin.to_owned().try_into().unwrap()
}

/// Alice's PIN is entered by a relying party.
async fn enrol(shop: &Fixture, pin: Option<&str>) {
    let alice = shop.purchase("1.00").person;
    let Some(pin) = pin else { return };
    let subscriber =
        Subscriber { identifier: alice.identifier, address: alice.address, card: None };
    let directory = Subscribers::new(shop.ports.clone()).with_pins(Arc::new(QuickHasher));
    directory.enrol_with(&subscriber, Some(&new_pin(pin))).await.unwrap();
}

/// The state of the payment after that answer, and the refusal.
async fn answer(
    shop: &Fixture,
    waiting: &Waiting,
    response: Response,
) -> (&'static str, Option<Refusal>) {
    let finished = shop.gateway.finish_payment(&waiting.payment, &waiting.session, response).await;
    let refusal = finished.unwrap().done().err();
    (state_of(shop, waiting.payment.id()).await, refusal)
}

/// What the facts of a payment's challenge say that was proved.
async fn proved(shop: &Fixture, waiting: &Waiting) -> Option<Vec<Element>> {
    let payment = shop.gateway.payment(waiting.payment.id()).await.unwrap();
    let challenge = shop.gateway.challenge_of(&payment).await.unwrap();
    let key = RecordKey::of::<countersign_domain::challenge::Challenge>(challenge.id().as_str());
    let facts = shop.ports.store.facts(&key).await.unwrap();
    let told = facts.into_iter().find_map(|fact| match fact.event {
        Event::ChallengeVerified { elements } => Some(elements),
        _ => None,
    });
    assert_eq!(told.clone().unwrap_or_default(), challenge.elements());
    told
}

fn wrong(attempts_left: u8) -> Option<Refusal> {
    Some(Refusal::WrongCode { attempts_left })
}

#[tokio::test]
async fn without_a_profile_a_code_alone_pays_and_is_recorded_as_one_element() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    assert_eq!(answer(&shop, &waiting, waiting.right_code().into()).await, ("captured", None));
    assert_eq!(proved(&shop, &waiting).await, Some(vec![Element::Phone]));
}

#[tokio::test]
async fn under_psd2_code_and_pin_pay_and_both_are_recorded() {
    let shop = psd2(PinFrom::Enrolment);
    enrol(&shop, Some(PIN)).await;
    let waiting = Waiting::at(&shop, "49.90").await;
    let right = Response::new(waiting.right_code(), typed(PIN));
    assert_eq!(answer(&shop, &waiting, right).await, ("captured", None));
    assert_eq!(proved(&shop, &waiting).await, Some(vec![Element::Phone, Element::Pin]));
}

#[tokio::test]
async fn under_psd2_one_answer_is_given_for_either_being_wrong_and_one_attempt_counted() {
    for (enrolled, right_code, pin) in [
        (Some(PIN), true, typed("283916")),
        (Some(PIN), true, None),
        (Some(PIN), false, typed(PIN)),
        (Some(PIN), false, typed("283916")),
        (None, true, typed(PIN)),
        (None, true, None),
    ] {
        let shop = psd2(PinFrom::Enrolment);
        enrol(&shop, enrolled).await;
        let waiting = Waiting::at(&shop, "49.90").await;
        let code = if right_code { waiting.right_code() } else { waiting.wrong_code() };
        let what = format!("{enrolled:?} {right_code} {pin:?}");
        let answered = answer(&shop, &waiting, Response::new(code, pin)).await;
        assert_eq!(answered, ("awaiting_code", wrong(2)), "{what}");
        assert_eq!(proved(&shop, &waiting).await, None, "{what}");
    }
}

#[tokio::test]
async fn a_certificates_key_and_a_phone_are_one_category_and_need_the_pin() {
    let shop = psd2(PinFrom::Enrolment);
    let mut purchase = shop.purchase("49.90");
    purchase.known_by = KnownBy::Certificate;
    let session = purchase.person.session.clone();
    let payment = shop.gateway.start_payment(purchase, Batch::default()).await.unwrap();
    assert_eq!(payment.elements(), [Element::CertificateKey]);
    let code = shop.code_in(&shop.next_message().await.unwrap());
    let code = TypedCode::try_from(code).unwrap();
    let finished = shop.gateway.finish_payment(&payment, &session, code).await.unwrap();
    assert_eq!(finished.done().err(), wrong(2));
}

/// Wrong PINs with right codes, each for a purchase of its own.
async fn spend(shop: &Fixture, count: usize) {
    for _ in 0..count {
        let waiting = Waiting::at(shop, "49.90").await;
        let response = Response::new(waiting.right_code(), typed("283916"));
        assert_eq!(answer(shop, &waiting, response).await, ("awaiting_code", wrong(2)));
    }
}

#[tokio::test]
async fn five_wrong_pins_in_a_row_lock_it_over_payments_until_it_is_entered_anew() {
    for (wrong_before, state) in [(4, "captured"), (5, "awaiting_code")] {
        let shop = psd2(PinFrom::Enrolment);
        enrol(&shop, Some(PIN)).await;
        spend(&shop, wrong_before).await;
        let waiting = Waiting::at(&shop, "49.90").await;
        let right = || Response::new(waiting.right_code(), typed(PIN));
        assert_eq!(answer(&shop, &waiting, right()).await.0, state, "{wrong_before}");
        enrol(&shop, Some(PIN)).await;
        let waiting = Waiting::at(&shop, "49.90").await;
        let right = Response::new(waiting.right_code(), typed(PIN));
        assert_eq!(answer(&shop, &waiting, right).await.0, "captured");
    }
}

#[tokio::test]
async fn a_right_pin_ends_the_row_of_wrong_ones() {
    let shop = psd2(PinFrom::Enrolment);
    enrol(&shop, Some(PIN)).await;
    for _ in 0..2 {
        spend(&shop, 4).await;
        let waiting = Waiting::at(&shop, "49.90").await;
        let right = Response::new(waiting.right_code(), typed(PIN));
        assert_eq!(answer(&shop, &waiting, right).await, ("captured", None));
    }
}

#[tokio::test]
async fn a_stranger_without_the_phone_cannot_lock_a_pin() {
    let shop = psd2(PinFrom::Enrolment);
    enrol(&shop, Some(PIN)).await;
    for _ in 0..6 {
        let waiting = Waiting::at(&shop, "49.90").await;
        let response = Response::new(waiting.wrong_code(), typed("283916"));
        assert_eq!(answer(&shop, &waiting, response).await.1, wrong(2));
    }
    let waiting = Waiting::at(&shop, "49.90").await;
    let right = Response::new(waiting.right_code(), typed(PIN));
    assert_eq!(answer(&shop, &waiting, right).await, ("captured", None));
}

#[tokio::test]
async fn a_pin_that_is_set_with_a_code_pays_nothing_with_that_code_but_later() {
    let shop = psd2(PinFrom::Code);
    let first = Waiting::at(&shop, "49.90").await;
    let not_set = Response::setting(first.wrong_code(), new_pin(PIN));
    assert_eq!(answer(&shop, &first, not_set).await, ("awaiting_code", wrong(2)));
    let set = Response::setting(first.right_code(), new_pin(PIN));
    assert_eq!(answer(&shop, &first, set).await, ("voided", Some(Refusal::PinSet)));
    let again = Response::new(first.right_code(), typed(PIN));
    assert_eq!(answer(&shop, &first, again).await, ("voided", Some(Refusal::PinSet)));

    let second = Waiting::at(&shop, "49.90").await;
    let right = Response::new(second.right_code(), typed(PIN));
    assert_eq!(answer(&shop, &second, right).await, ("captured", None));
    let both = vec![Element::Phone, Element::PinSetByCode];
    assert_eq!(proved(&shop, &second).await, Some(both));
}

#[tokio::test]
async fn a_pin_that_is_locked_or_to_be_changed_is_set_anew_with_a_code() {
    let shop = psd2(PinFrom::Code);
    enrol(&shop, Some(PIN)).await;
    spend(&shop, 5).await;
    let reset = Waiting::at(&shop, "49.90").await;
    let set = Response::setting(reset.right_code(), new_pin("731904"));
    assert_eq!(answer(&shop, &reset, set).await, ("voided", Some(Refusal::PinSet)));
    for (pin, state) in [(PIN, "awaiting_code"), ("731904", "captured")] {
        let waiting = Waiting::at(&shop, "49.90").await;
        let response = Response::new(waiting.right_code(), typed(pin));
        assert_eq!(answer(&shop, &waiting, response).await.0, state, "{pin}");
    }
}

#[tokio::test]
async fn a_pin_is_not_set_with_a_code_where_it_is_entered_by_relying_parties() {
    for shop in [psd2(PinFrom::Enrolment), Fixture::new()] {
        let waiting = Waiting::at(&shop, "49.90").await;
        let set = Response::setting(waiting.right_code(), new_pin(PIN));
        let session: &SessionId = &waiting.session;
        let refused = shop.gateway.finish_payment(&waiting.payment, session, set).await;
        assert!(refused.is_err(), "{refused:?}");
        assert_eq!(state_of(&shop, waiting.payment.id()).await, "awaiting_code");
    }
}

#[tokio::test]
async fn of_many_wrong_pins_at_once_each_is_counted() {
    let shop = psd2(PinFrom::Enrolment);
    enrol(&shop, Some(PIN)).await;
    let mut waiting = Vec::new();
    for _ in 0..5 {
        waiting.push(Waiting::at(&shop, "49.90").await);
    }
    let (shop, mut tasks) = (Arc::new(shop), tokio::task::JoinSet::new());
    for waiting in waiting {
        let shop = shop.clone();
        tasks.spawn(async move {
            let response = Response::new(waiting.right_code(), typed("283916"));
            answer(&shop, &waiting, response).await
        });
    }
    assert_eq!(tasks.join_all().await, vec![("awaiting_code", wrong(2)); 5]);
    let last = Waiting::at(&shop, "49.90").await;
    let right = Response::new(last.right_code(), typed(PIN));
    assert_eq!(answer(&shop, &last, right).await.0, "awaiting_code");
}

#[tokio::test]
async fn a_low_amount_needs_neither_and_names_its_article() {
    let low = shop_limit();
    let shop = Fixture::with_policy(PolicySettings {
        profile: Some(Profile::Psd2),
        normal_up_to: low,
        ..Default::default()
    });
    let payment =
        shop.gateway.start_payment(shop.purchase("30.00"), Batch::default()).await.unwrap();
    assert_eq!((payment.state().name(), payment.elements()), ("captured", [].as_slice()));
    let countersign_domain::plan::CodeDemand::Exempt(exemption) = payment.plan().code() else {
        panic!("{:?}", payment.plan());
    };
    assert_eq!((exemption.name(), exemption.article()), ("low_value", Some("RTS art. 16")));
    assert_eq!(payment.plan().bank(), BankTurn::Last);
}

fn shop_limit() -> Vec<Amount> {
    vec![countersign_domain::testing::purchase("30.00").amount()]
}

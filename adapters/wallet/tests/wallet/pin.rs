//! PINs beside the codes of wallets, under the profile psd2: coming in, paying in, paying a ticket from a wallet or by card.

use std::sync::Arc;

use countersign_domain::{
    challenge::Challenge,
    code::TypedCode,
    element::Element,
    event::Event,
    lane::Lane,
    locale::Locale,
    pin::{NewPin, PinFrom},
    policy::{PolicySettings, Profile},
    record::RecordKey,
    refusal::Refusal,
    response::Response,
    subscriber::Subscriber,
    testing::{FakeOperator, card},
};
use countersign_wallet::{
    error::WalletError,
    flow::{CodeAsked, NewWallet, PaymentStatus, PaymentView, Started, TransferStatus, Visitor},
    jws::Unverified,
    merchant::Till,
    message::{CodeTyped, PinAsked, Receipt, WalletNumber},
    testing::{ALICE, Parties, Process, Rich, euros, phone_of},
};
use countersign_web::client_address::ClientAddress;

const PIN: &str = "283915";
const OTHER: &str = "283916";

fn settings(pin_from: PinFrom) -> PolicySettings {
    PolicySettings { profile: Some(Profile::Psd2), pin_from, ..PolicySettings::bank_first() }
}

async fn psd2(pin_from: PinFrom) -> Parties {
    Parties::with(settings(pin_from)).await
}

/// A relying party enters Alice with that PIN.
async fn enrol(parties: &Parties, pin: &str) {
    let pin = NewPin::try_from(pin.to_owned()).unwrap();
    let alice = Subscriber {
        identifier: "alice".try_into().unwrap(),
        address: phone_of(ALICE),
        card: Some(card()),
    };
    parties.process.directory.enrol_with(&alice, Some(&pin)).await.unwrap();
}

async fn with_pin(parties: &Parties, asked: &CodeAsked, pin: &str) -> Response {
    let code = TypedCode::try_from(parties.process.read(asked).await).unwrap();
    Response::new(code, Some(pin.to_owned().try_into().unwrap()))
}

/// Opens a wallet with the code and what else is typed.
async fn open(
    parties: &Parties,
    typed: impl AsyncFnOnce(&CodeAsked) -> Response,
) -> Result<(Visitor, WalletNumber), WalletError> {
    let (wallets, session) = (&parties.process.wallets, parties.process.session());
    let new = NewWallet {
        identifier: "alice".try_into().unwrap(),
        address: phone_of(ALICE),
        name: "Household".try_into().unwrap(),
        currency: "EUR".try_into().unwrap(),
    };
    let (id, asked) = wallets
        .start_opening(new, session.clone(), Locale::default(), ClientAddress::default())
        .await
        .unwrap();
    let response = typed(&asked).await;
    let number = wallets.finish_opening(&id, &session, response).await?;
    Ok((wallets.visitor(&session, Locale::default()).await.unwrap(), number))
}

/// Alice, who was entered with a PIN, with 100 euros in her wallet.
async fn rich(parties: &Parties) -> Rich {
    enrol(parties, PIN).await;
    let opened = open(parties, async |asked| with_pin(parties, asked, PIN).await).await;
    let (visitor, wallet) = opened.unwrap();
    let card = parties.process.tie(&visitor, &card()).await;
    let alice = Rich { visitor, wallet, card };
    let wallets = &parties.process.wallets;
    let begun =
        wallets.start_pay_in(&alice.visitor, &alice.transfer("first-pay-in", "100.00")).await;
    let begun = begun.unwrap();
    let TransferStatus::AwaitingCode(asked) = &begun.status else { panic!("{begun:?}") };
    assert!(asked.pin.is_some());
    let wrong = with_pin(parties, asked, OTHER).await;
    let refused = wallets.finish_pay_in(&alice.visitor, &begun.id, wrong).await;
    assert_eq!(refused, Err(wrong_code()));
    let right = with_pin(parties, asked, PIN).await;
    let done = wallets.finish_pay_in(&alice.visitor, &begun.id, right).await.unwrap();
    assert!(matches!(done.status, TransferStatus::Done { balance_minor: 10_000, .. }), "{done:?}");
    alice
}

fn wrong_code() -> WalletError {
    WalletError::Refused(Refusal::WrongCode { attempts_left: 2 })
}

/// What the facts of a challenge say that was proved.
async fn proved(parties: &Parties, asked: &CodeAsked) -> Option<Vec<Element>> {
    let key = RecordKey::of::<Challenge>(asked.challenge.as_str());
    let facts = parties.process.fixture.ports.store.facts(&key).await.unwrap();
    facts.into_iter().find_map(|fact| match fact.event {
        Event::ChallengeVerified { elements } => Some(elements),
        _ => None,
    })
}

/// What the merchant reads in the receipt.
fn receipt_says(parties: &Parties, paid: &PaymentView) -> Vec<Element> {
    let PaymentStatus::Paid { receipt, .. } = &paid.status else { panic!("{paid:?}") };
    let Till { server, server_keys, merchant, .. } = &parties.till;
    let now = parties.process.fixture.ports.clock.now();
    let unverified = Unverified::read(receipt).unwrap();
    let key = server_keys.first().unwrap();
    let receipt = Receipt::verified(unverified, server, key, merchant, now).unwrap();
    receipt.elements.unwrap().get().to_vec()
}

#[tokio::test]
async fn a_ticket_is_paid_with_code_and_pin_and_both_elements_are_recorded() {
    for by_card in [false, true] {
        let parties = psd2(PinFrom::Enrolment).await;
        let alice = rich(&parties).await;
        let wallets = &parties.process.wallets;
        let ticket = parties.ticket("ticket-0001", "49.90");
        let signed = parties.till.sign(&ticket).unwrap();
        let request = match by_card {
            true => alice.from_card(&signed, "nonce-0001"),
            false => alice.from_wallet(&signed, "nonce-0001"),
        };
        let started = wallets.start_payment(&alice.visitor, &request).await.unwrap();
        let asked = started.code.clone().unwrap();
        let told = started.challenge_started().unwrap();
        assert_eq!(told.pin, Some(PinAsked::Asked), "the program is told");
        let code = parties.process.read(&asked).await;
        let right = CodeTyped {
            pin: Some(PIN.to_owned().into()),
            ..parties.typed(&started, &ticket, &code)
        };
        let paid = wallets.finish_payment(&alice.visitor, &right).await.unwrap();
        assert!(matches!(paid.status, PaymentStatus::Paid { .. }), "{paid:?}");
        assert_eq!(paid.elements, [Element::Phone, Element::Pin]);
        assert_eq!(receipt_says(&parties, &paid), [Element::Phone, Element::Pin]);
        assert_eq!(proved(&parties, &asked).await, Some(paid.elements));
    }
}

#[tokio::test]
async fn a_ticket_has_one_answer_for_a_wrong_code_a_wrong_pin_and_none() {
    let wrong_one = |started: &Started, parties: &Parties, code: &str, pin: Option<&str>| {
        let ticket = parties.ticket("ticket-0001", "49.90");
        CodeTyped {
            pin: pin.map(|pin| pin.to_owned().into()),
            ..parties.typed(started, &ticket, code)
        }
    };
    for (right_code, pin) in
        [(true, Some(OTHER)), (true, None), (false, Some(PIN)), (false, Some(OTHER))]
    {
        let parties = psd2(PinFrom::Enrolment).await;
        let alice = rich(&parties).await;
        let wallets = &parties.process.wallets;
        let signed = parties.signed("ticket-0001", "49.90");
        let request = alice.from_wallet(&signed, "nonce-0001");
        let started = wallets.start_payment(&alice.visitor, &request).await.unwrap();
        let asked = started.code.clone().unwrap();
        let code = parties.process.read(&asked).await;
        let code = if right_code { code } else { "0000000000".to_owned() };
        let typed = wrong_one(&started, &parties, &code, pin);
        let refused = wallets.finish_payment(&alice.visitor, &typed);
        assert_eq!(refused.await, Err(wrong_code()), "{right_code} {pin:?}");
        assert_eq!(proved(&parties, &asked).await, None);
    }
}

#[tokio::test]
async fn coming_in_needs_the_pin_as_well_also_by_another_wallet() {
    let parties = psd2(PinFrom::Enrolment).await;
    enrol(&parties, PIN).await;
    let without = async |asked: &CodeAsked| {
        assert_eq!(asked.pin, Some(PinAsked::Asked));
        TypedCode::try_from(parties.process.read(asked).await).unwrap().into()
    };
    let refused = open(&parties, without).await;
    assert_eq!(refused.map(drop), Err(wrong_code()));
    let opened = open(&parties, async |asked| with_pin(&parties, asked, PIN).await).await;
    assert!(opened.is_ok(), "{opened:?}");

    let (wallets, session) = (&parties.process.wallets, parties.process.session());
    let alice = "alice".try_into().unwrap();
    let asked = wallets
        .start_sign_in(&alice, session.clone(), Locale::default(), ClientAddress::default())
        .await
        .unwrap();
    let come_in = |response| wallets.finish_sign_in(&session, Locale::default(), response);
    let refused = come_in(with_pin(&parties, &asked, OTHER).await).await;
    assert_eq!(refused.map(drop), Err(wrong_code()));
    assert!(come_in(with_pin(&parties, &asked, PIN).await).await.is_ok());
    assert_eq!(proved(&parties, &asked).await, Some(vec![Element::Phone, Element::Pin]));
}

#[tokio::test]
async fn the_answer_to_a_stranger_asks_for_the_pin_as_well() {
    let parties = psd2(PinFrom::Enrolment).await;
    let nobody = "mallory".try_into().unwrap();
    let session = parties.process.session();
    let asked = parties
        .process
        .wallets
        .start_sign_in(&nobody, session, Locale::default(), ClientAddress::default())
        .await;
    assert_eq!(asked.unwrap().pin, Some(PinAsked::Asked));
}

#[tokio::test]
async fn a_pin_that_is_set_with_the_code_opens_nothing_and_is_good_from_then_on() {
    let parties = psd2(PinFrom::Code).await;
    let set = async |asked: &CodeAsked| {
        assert_eq!(asked.pin, Some(PinAsked::AskedOrSet));
        let code = TypedCode::try_from(parties.process.read(asked).await).unwrap();
        Response::setting(code, NewPin::try_from(PIN.to_owned()).unwrap())
    };
    let answered = open(&parties, set).await;
    assert_eq!(answered.map(drop), Err(WalletError::Refused(Refusal::PinSet)));
    let mut seen = None;
    let opened = open(&parties, async |asked| {
        seen = Some(asked.clone());
        with_pin(&parties, asked, PIN).await
    });
    assert!(opened.await.is_ok());
    let elements = proved(&parties, &seen.unwrap()).await;
    assert_eq!(elements, Some(vec![Element::Phone, Element::PinSetByCode]));
}

#[tokio::test]
async fn without_a_profile_a_wallet_asks_for_no_pin() {
    let parties = Parties::new().await;
    let alice = parties.process.person_with("alice", "100.00").await;
    let request = alice.from_wallet(&parties.signed("ticket-0001", "49.90"), "nonce-0001");
    let started = parties.process.wallets.start_payment(&alice.visitor, &request).await.unwrap();
    let told = serde_json::to_value(started.challenge_started().unwrap()).unwrap();
    assert!(told.get("pin").is_none(), "{told}");
}

#[tokio::test]
async fn a_receipt_says_that_the_phone_alone_was_proved_or_that_nothing_was() {
    let parties = Parties::new().await;
    let alice = parties.process.person_with("alice", "100.00").await;
    let wallets = &parties.process.wallets;
    let ticket = parties.ticket("ticket-0001", "49.90");
    let request = alice.from_wallet(&parties.till.sign(&ticket).unwrap(), "nonce-0001");
    let started = wallets.start_payment(&alice.visitor, &request).await.unwrap();
    let code = parties.process.read(started.code.as_ref().unwrap()).await;
    let typed = parties.typed(&started, &ticket, &code);
    let paid = wallets.finish_payment(&alice.visitor, &typed).await.unwrap();
    assert_eq!(receipt_says(&parties, &paid), [Element::Phone]);

    let limit = vec![euros("5.00")];
    let exempt = PolicySettings { normal_up_to: limit, ..PolicySettings::bank_first() };
    let parties = Parties::with(exempt).await;
    let alice = parties.process.person_with("alice", "100.00").await;
    let wallets = &parties.process.wallets;
    let request = alice.from_card(&parties.signed("ticket-0002", "4.90"), "nonce-0001");
    let started = wallets.start_payment(&alice.visitor, &request).await.unwrap();
    assert!(started.code.is_none());
    let paid = wallets.payment(&alice.visitor, &started.payment).await.unwrap();
    assert_eq!(receipt_says(&parties, &paid), []);
}

/// A ticket of Alice's whose code an operator has sent, under psd2.
async fn operated(operator: &Arc<FakeOperator>) -> (Parties, Rich, Started) {
    let settings = settings(PinFrom::Code);
    let parties = Parties::operated_under(settings, operator.clone()).await;
    let alice = rich(&parties).await;
    let request = alice.from_wallet(&parties.signed("ticket-0001", "49.90"), "nonce-0001");
    let started = parties.process.wallets.start_payment(&alice.visitor, &request).await.unwrap();
    let Process { outbox, fixture, .. } = &parties.process;
    for id in outbox.due_in(Lane::Operator, 10).await.unwrap() {
        outbox.send(&id, fixture.messenger.as_ref()).await.unwrap();
    }
    // An operator's yes to a code is for what waits, and sets no PIN.
    assert_eq!(started.code.as_ref().unwrap().pin, Some(PinAsked::Asked));
    (parties, alice, started)
}

#[tokio::test]
async fn with_an_operators_code_the_pin_is_needed_as_well_and_one_answer_is_given_for_either() {
    // Right codes, wrong codes, and a wrong one after a right one: the answers are those of any wrong code.
    for tries in [[true, true], [false, false], [true, false], [false, true]] {
        let operator = Arc::new(FakeOperator::default());
        let (parties, alice, started) = operated(&operator).await;
        let ticket = parties.ticket("ticket-0001", "49.90");
        let right = FakeOperator::code(&operator.orders().pop().unwrap());
        let wrong = if right == "000000" { "111111" } else { "000000" };
        let typed = |is_right: bool, pin: &str| CodeTyped {
            pin: Some(pin.to_owned().into()),
            ..parties.typed(&started, &ticket, if is_right { &right } else { wrong })
        };
        let wallets = &parties.process.wallets;
        for (attempts_left, is_right) in [(2, tries[0]), (1, tries[1])] {
            let pin = if is_right { OTHER } else { PIN };
            let refused = wallets.finish_payment(&alice.visitor, &typed(is_right, pin)).await;
            let expected = WalletError::Refused(Refusal::WrongCode { attempts_left });
            assert_eq!(refused, Err(expected), "{tries:?}");
        }
        let paid = wallets.finish_payment(&alice.visitor, &typed(true, PIN)).await.unwrap();
        assert_eq!(paid.elements, [Element::Phone, Element::Pin], "{tries:?}");
        assert_eq!(receipt_says(&parties, &paid), paid.elements);
    }
}

#[tokio::test]
async fn with_an_operators_code_the_third_wrong_pin_ends_the_try() {
    let operator = Arc::new(FakeOperator::default());
    let (parties, alice, started) = operated(&operator).await;
    let ticket = parties.ticket("ticket-0001", "49.90");
    let right = FakeOperator::code(&operator.orders().pop().unwrap());
    let typed = CodeTyped {
        pin: Some(OTHER.to_owned().into()),
        ..parties.typed(&started, &ticket, &right)
    };
    let wallets = &parties.process.wallets;
    for attempts_left in [2, 1] {
        let refused = wallets.finish_payment(&alice.visitor, &typed).await;
        assert_eq!(refused, Err(WalletError::Refused(Refusal::WrongCode { attempts_left })));
    }
    let refused = wallets.finish_payment(&alice.visitor, &typed).await;
    assert_eq!(refused, Err(WalletError::Refused(Refusal::TooManyAttempts)));
}

#[tokio::test]
async fn an_operator_that_is_away_costs_no_attempt() {
    let operator = Arc::new(FakeOperator::default());
    let (parties, alice, started) = operated(&operator).await;
    let ticket = parties.ticket("ticket-0001", "49.90");
    let right = FakeOperator::code(&operator.orders().pop().unwrap());
    let typed =
        CodeTyped { pin: Some(PIN.to_owned().into()), ..parties.typed(&started, &ticket, &right) };
    let wallets = &parties.process.wallets;
    operator.set_down(true);
    for _ in 0..4 {
        assert!(wallets.finish_payment(&alice.visitor, &typed).await.is_err());
    }
    operator.set_down(false);
    assert!(wallets.finish_payment(&alice.visitor, &typed).await.is_ok());
}

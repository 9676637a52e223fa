//! Limits over many challenges: failures in a row, messages, what waits.

use std::sync::Arc;

use countersign_domain::{
    address::Msisdn,
    agreement::ProtocolOrder,
    challenge::{Challenge, ChallengeRequest},
    code::TypedCode,
    digest::Sha256Digest,
    directory::Subscribers,
    event::Event,
    gateway::{AwaitedPayments, Gateway},
    id::SessionId,
    lane::Lane,
    limits::{self, LimitSettings, Limits, Unlocked},
    outbox::Outbox,
    payment::{Payment, PaymentRequest},
    plan::Order,
    policy::{PolicySettings, Profile},
    ports::Reads as _,
    record::Batch,
    refusal::{Outcome, Refusal, VoidCause},
    response::Response,
    subscriber::Subscriber,
    testing::{BankCall, FakeOperator, Fixture, PlainWords, QuickHasher, Unhurried},
    verifier::Verifier,
};

/// A shop whose limits are those by default, but for what is given.
struct Shop {
    fixture: Fixture,
    verifier: Arc<Verifier>,
    gateway: Gateway,
}

impl Shop {
    fn with(settings: LimitSettings, order: Order) -> Self {
        let policy = PolicySettings { order, ..PolicySettings::default() };
        let mut fixture = Fixture::with_policy(policy);
        fixture.ports.store = Arc::new(Unhurried(fixture.store.clone()));
        let ports = fixture.ports.clone();
        let payments = Arc::new(AwaitedPayments::of(ports.store.clone()));
        let verifier = Verifier::new(ports.clone(), fixture.policy.clone())
            .with_limits(Limits::try_from(settings).unwrap())
            .with_waiting(payments);
        let verifier = Arc::new(verifier);
        fixture.outbox =
            Arc::new(Outbox::new(ports.clone(), verifier.clone(), Arc::new(PlainWords)));
        let gateway = Gateway::new(ports, fixture.bank.clone(), verifier.clone());
        Self { fixture, verifier, gateway }
    }

    /// As by default, but that messages may follow each other at once.
    fn hasty() -> Self {
        let settings = LimitSettings {
            pause_seconds: 0,
            messages_per_number_an_hour: 0,
            messages_per_number_a_day: 0,
            ..LimitSettings::default()
        };
        Self::with(settings, Order::CodeFirst)
    }

    fn session(&self) -> SessionId {
        SessionId::random(self.fixture.entropy.as_ref()).unwrap()
    }

    fn access(&self) -> ChallengeRequest {
        self.fixture.access(self.session())
    }

    async fn start(&self, request: ChallengeRequest) -> Result<Challenge, Refusal> {
        self.verifier.start_challenge(request).await.unwrap().done()
    }

    /// Types a code that is wrong, at a new challenge.
    async fn fail(&self) -> Result<(), Refusal> {
        let challenge = self.start(self.access()).await?;
        self.guess(&challenge).await
    }

    async fn guess(&self, challenge: &Challenge) -> Result<(), Refusal> {
        // Ten digits, and codes have six: certainly wrong.
        let wrong = TypedCode::try_from("0000000000").unwrap();
        let session = &challenge.person().session;
        match self.verifier.finish_challenge(challenge.id(), session, &wrong).await.unwrap() {
            Outcome::Refused(Refusal::WrongCode { .. } | Refusal::TooManyAttempts) => Ok(()),
            Outcome::Refused(refusal) => Err(refusal),
            Outcome::Done(_) => panic!("accepted"),
        }
    }

    async fn pay(&self, request: PaymentRequest) -> Payment {
        self.gateway.start_payment(request, Batch::default()).await.unwrap()
    }

    fn purchase(&self) -> PaymentRequest {
        self.fixture.purchase("49.90")
    }

    /// The texts of all messages so far.
    async fn texts(&self) -> Vec<String> {
        self.fixture.next_message().await;
        let taken = self.fixture.messenger.taken();
        taken.iter().map(|message| message.text.expose().clone()).collect()
    }
}

/// What ended a payment that was voided.
fn voided_for(payment: &Payment) -> Option<Refusal> {
    match payment.state() {
        countersign_domain::payment::PaymentState::Voided {
            cause: VoidCause::NotVerified { refusal },
            ..
        } => Some(refusal.clone()),
        _ => None,
    }
}

fn blocked(minutes: u32) -> Refusal {
    Refusal::Blocked { wait_seconds: minutes * 60 }
}

#[tokio::test]
async fn of_120_wrong_codes_over_many_challenges_five_are_looked_at() {
    let shop = Shop::hasty();
    let mut looked_at = 0;
    for _ in 0..120 {
        match shop.fail().await {
            Ok(()) => looked_at += 1,
            Err(refusal) => assert_eq!(refusal, blocked(15)),
        }
    }
    assert_eq!(looked_at, 5);
    assert_eq!(voided_for(&shop.pay(shop.purchase()).await), Some(blocked(15)));
    let told: Vec<_> = shop.texts().await;
    let told = told.iter().filter(|text| *text == "Blocked for 15 min.").count();
    assert_eq!(told, 1, "the phone is told once");
}

#[tokio::test]
async fn a_challenge_that_was_begun_before_the_block_is_not_answered_in_it() {
    let shop = Shop::hasty();
    let before = shop.start(shop.access()).await.unwrap();
    let code = shop.fixture.code_in(shop.texts().await.last().unwrap());
    for _ in 0..5 {
        assert_eq!(shop.fail().await, Ok(()));
    }
    let right = TypedCode::try_from(code.as_str()).unwrap();
    let session = &before.person().session;
    let answer = shop.verifier.finish_challenge(before.id(), session, &right).await.unwrap();
    assert_eq!(answer.done().err(), Some(blocked(15)));
    assert_eq!(
        shop.verifier.resend(before.id(), session).await.unwrap().done().err().map(|r| r.name()),
        Some("message-too-soon")
    );
    shop.fixture.clock.advance_seconds(31);
    let resent = shop.verifier.resend(before.id(), session).await.unwrap();
    assert_eq!(resent.done().err(), Some(Refusal::Blocked { wait_seconds: 15 * 60 - 31 }));
}

#[tokio::test]
async fn a_block_doubles_and_a_right_code_begins_anew() {
    let shop = Shop::hasty();
    for _ in 0..5 {
        assert_eq!(shop.fail().await, Ok(()));
    }
    for minutes in [15, 30, 60] {
        assert_eq!(shop.fail().await, Err(blocked(minutes)));
        shop.fixture.clock.advance_seconds(u64::from(minutes) * 60);
        assert_eq!(shop.fail().await, Ok(()), "after {minutes} minutes");
    }
    shop.fixture.clock.advance_seconds(120 * 60);
    let challenge = shop.start(shop.access()).await.unwrap();
    let code = shop.fixture.code_in(shop.texts().await.last().unwrap());
    let right = TypedCode::try_from(code.as_str()).unwrap();
    let session = &challenge.person().session;
    let answer = shop.verifier.finish_challenge(challenge.id(), session, &right).await.unwrap();
    assert!(answer.done().is_ok());
    for _ in 0..5 {
        assert_eq!(shop.fail().await, Ok(()));
    }
    assert_eq!(shop.fail().await, Err(blocked(15)));
}

#[tokio::test]
async fn a_hundred_failures_lock_the_phone_until_it_is_unlocked() {
    let settings = LimitSettings {
        failures_in_a_row: 100,
        messages_per_range_an_hour: 0,
        ..LimitSettings::default()
    };
    let settings = LimitSettings {
        pause_seconds: 0,
        messages_per_number_an_hour: 0,
        messages_per_number_a_day: 0,
        ..settings
    };
    let shop = Shop::with(settings, Order::CodeFirst);
    for _ in 0..100 {
        assert_eq!(shop.fail().await, Ok(()));
    }
    shop.fixture.clock.advance_seconds(30 * 86_400);
    assert_eq!(shop.fail().await, Err(Refusal::Locked));
    let number = Msisdn::try_from("+33612345678").unwrap();
    let unlocked = Unlocked { failures: 100, was_blocked: true };
    assert_eq!(limits::unlock(&shop.fixture.ports, &number).await, Ok(Some(unlocked)));
    assert_eq!(limits::unlock(&shop.fixture.ports, &number).await, Ok(None));
    let about: Vec<_> = shop.fixture.store.records().into_iter().map(|record| record.key).collect();
    let about: Vec<_> = about.into_iter().filter(|key| key.collection == "standing").collect();
    assert!(about.len() == 1 && !about[0].id.contains("33612345678"), "{about:?}");
    let facts = shop.fixture.store.facts(&about[0]).await.unwrap();
    let told = facts.into_iter().map(|fact| fact.event).collect::<Vec<_>>();
    assert_eq!(told, [Event::PhoneUnblocked { failures: 100 }]);
    assert_eq!(shop.fail().await, Ok(()));
}

#[tokio::test]
async fn two_wrong_codes_at_once_on_two_challenges_are_both_counted() {
    let shop = Shop::hasty();
    for _ in 0..3 {
        assert_eq!(shop.fail().await, Ok(()));
    }
    let one = shop.start(shop.access()).await.unwrap();
    let other = shop.start(shop.access()).await.unwrap();
    let both = tokio::join!(shop.guess(&one), shop.guess(&other));
    assert_eq!(both, (Ok(()), Ok(())));
    assert_eq!(shop.fail().await, Err(blocked(15)));
}

#[tokio::test]
async fn five_payments_begun_and_cancelled_in_a_row_send_one_message() {
    let shop = Shop::with(LimitSettings::default(), Order::CodeFirst);
    let mut refused = Vec::new();
    for _ in 0..5 {
        let payment = shop.pay(shop.purchase()).await;
        match voided_for(&payment) {
            Some(refusal) => refused.push(refusal),
            None => drop(shop.gateway.cancel_payment(&payment).await.unwrap()),
        }
    }
    assert_eq!(refused, vec![Refusal::TooSoon { wait_seconds: 20 }; 4]);
    assert!(shop.fixture.bank.calls().is_empty(), "the bank was asked");
    shop.fixture.clock.advance_seconds(20);
    assert_eq!(voided_for(&shop.pay(shop.purchase()).await), None);
    assert_eq!(shop.texts().await.len(), 1, "of the first, which was called off, none was sent");
}

#[tokio::test]
async fn a_refused_message_counts_nothing_and_the_windows_end() {
    let shop = Shop::with(LimitSettings::default(), Order::CodeFirst);
    let (mut sent, mut refused) = (0, 0);
    // A message each ten seconds is asked for, and each other one is too soon.
    for _ in 0..360 {
        match shop.start(shop.access()).await {
            Ok(_) => sent += 1,
            Err(Refusal::TooSoon { .. } | Refusal::MessageLimit { .. }) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
        shop.fixture.clock.advance_seconds(10);
    }
    assert_eq!((sent, refused), (6, 354));
    assert!(shop.start(shop.access()).await.is_ok(), "the hour is over");
}

#[tokio::test]
async fn satellite_numbers_get_no_message_and_the_bank_holds_nothing() {
    for order in [Order::BankFirst, Order::CodeFirst] {
        let shop = Shop::with(LimitSettings::default(), order);
        let mut purchase = shop.purchase();
        purchase.person.address = Msisdn::try_from("+881612345678").unwrap().into();
        let payment = shop.pay(purchase).await;
        assert_eq!(voided_for(&payment), Some(Refusal::PhoneNotServed), "{order:?}");
        assert!(shop.fixture.bank.calls().is_empty(), "{order:?}");
        assert!(shop.texts().await.is_empty(), "{order:?}");
    }
}

#[tokio::test]
async fn two_payments_wait_and_a_third_does_not_until_one_ends_or_its_time_is_over() {
    for order in [Order::BankFirst, Order::CodeFirst] {
        let settings = LimitSettings { pause_seconds: 0, ..LimitSettings::default() };
        let shop = Shop::with(settings, order);
        let first = shop.pay(shop.purchase()).await;
        let second = shop.pay(shop.purchase()).await;
        assert_eq!((voided_for(&first), voided_for(&second)), (None, None));
        let third = shop.pay(shop.purchase()).await;
        let too_many = Some(Refusal::TooManyWaiting { wait_seconds: 300 });
        assert_eq!(voided_for(&third), too_many, "{order:?}");
        shop.gateway.cancel_payment(&first).await.unwrap();
        assert_eq!(voided_for(&shop.pay(shop.purchase()).await), None, "{order:?}");
        assert_eq!(voided_for(&shop.pay(shop.purchase()).await), too_many, "{order:?}");
        shop.fixture.clock.advance_seconds(300);
        assert_eq!(voided_for(&shop.pay(shop.purchase()).await), None, "{order:?}");
        let held = |call: &&BankCall| matches!(call, BankCall::Authorize(_));
        let authorized = shop.fixture.bank.calls().iter().filter(held).count();
        assert!(authorized <= 4, "{order:?}: {authorized}");
    }
}

#[tokio::test]
async fn the_limits_do_not_tell_who_is_known() {
    let hours = LimitSettings { pause_seconds: 20, ..LimitSettings::default() };
    for (shop, refused) in [
        (Shop::with(hours, Order::CodeFirst), "message-too-soon"),
        (Shop::hasty(), "too-many-waiting"),
    ] {
        let nobody = Subscriber::nobody("zoe".try_into().unwrap(), "zoe").unwrap();
        let known = || shop.purchase();
        let unknown = || {
            let mut request = shop.purchase();
            request.person.identifier = nobody.identifier.clone();
            request.person.address = nobody.address.clone();
            request
        };
        let (mut of_known, mut of_unknown) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let payment = shop.pay(known()).await;
            of_known.push(voided_for(&payment).map(|refusal| refusal.name()));
            let payment = shop
                .gateway
                .start_untold_payment(unknown(), false, Batch::default())
                .await
                .unwrap();
            of_unknown.push(voided_for(&payment).map(|refusal| refusal.name()));
        }
        assert_eq!(of_known, of_unknown);
        assert_eq!((of_known[0], of_known[2]), (None, Some(refused)));
    }
}

#[tokio::test]
async fn of_payments_begun_at_once_as_many_wait_as_may() {
    let settings = LimitSettings { pause_seconds: 0, ..LimitSettings::default() };
    let shop = Shop::with(settings, Order::CodeFirst);
    let (a, b, c) = tokio::join!(
        shop.pay(shop.purchase()),
        shop.pay(shop.purchase()),
        shop.pay(shop.purchase())
    );
    let waiting = [a, b, c].iter().filter(|payment| voided_for(payment).is_none()).count();
    assert_eq!(waiting, 2);
}

#[tokio::test]
async fn one_client_asks_for_so_many_messages_whatever_the_phones() {
    let settings = LimitSettings {
        messages_per_client_an_hour: 3,
        payments_waiting: 0,
        ..LimitSettings::default()
    };
    for order in [Order::BankFirst, Order::CodeFirst] {
        let shop = Shop::with(settings.clone(), order);
        let pay = async |number: u32, from: &str| {
            let mut purchase = shop.purchase();
            purchase.person.address =
                Msisdn::try_from(format!("+3361234{number:04}")).unwrap().into();
            purchase.from = Some(from.parse().unwrap());
            voided_for(&shop.pay(purchase).await)
        };
        for number in 0..3 {
            assert_eq!(pay(number, &format!("2001:db8::{number}")).await, None, "{order:?}");
        }
        let limit = Some(Refusal::MessageLimit { wait_seconds: 3600 });
        assert_eq!(pay(4, "2001:db8::ffff:4").await, limit, "{order:?}");
        assert_eq!(pay(5, "2001:db8:0:1::4").await, None, "{order:?}");
    }
}

#[tokio::test]
async fn a_client_that_has_messages_sent_again_asks_for_those_too() {
    let settings = LimitSettings {
        pause_seconds: 0,
        messages_per_client_an_hour: 2,
        ..LimitSettings::default()
    };
    let shop = Shop::with(settings, Order::CodeFirst);
    let from = |address: &str| {
        let request = shop.access();
        ChallengeRequest { from: Some(address.parse().unwrap()), ..request }
    };
    let begun = shop.start(from("192.0.2.7")).await.unwrap();
    for refused in [None, Some("message-limit")] {
        shop.fixture.clock.advance_seconds(31);
        let again = shop.verifier.resend(begun.id(), &begun.person().session).await.unwrap();
        assert_eq!(again.done().err().map(|refusal| refusal.name()), refused);
    }
    let refused = shop.start(from("::ffff:192.0.2.7")).await.err();
    assert_eq!(refused.map(|refusal| refusal.name()), Some("message-limit"));
    assert!(shop.start(from("192.0.2.8")).await.is_ok());
}

/// An operator's verdict comes before it can be counted; with a PIN it is counted before the conclusion. Neither may refuse the
/// last response that is still looked at.
#[tokio::test]
async fn with_an_operators_code_the_last_response_before_a_block_is_accepted_when_it_is_right() {
    for profile in [None, Some(Profile::Psd2)] {
        let operator = Arc::new(FakeOperator::default());
        let policy = PolicySettings { profile, ..PolicySettings::default() };
        let fixture = Fixture::with_policy(policy);
        let settings = LimitSettings { failures_in_a_row: 2, ..LimitSettings::default() };
        let verifier = Verifier::new(fixture.ports.clone(), fixture.policy.clone())
            .with_limits(Limits::try_from(settings).unwrap())
            .with_pins(Arc::new(QuickHasher))
            .with_waiting(Arc::new(AwaitedPayments::of(fixture.ports.store.clone())))
            .with_operator("librairie".try_into().unwrap(), operator.clone());
        let verifier = Arc::new(verifier);
        let outbox = Outbox::new(fixture.ports.clone(), verifier.clone(), Arc::new(PlainWords));
        let gateway = Gateway::new(fixture.ports.clone(), fixture.bank.clone(), verifier);

        let order =
            ProtocolOrder { name: Sha256Digest::new([1; 32]), digest: Sha256Digest::new([2; 32]) };
        let request = PaymentRequest { order: Some(order), ..fixture.purchase("49.90") };
        let person = request.person.clone();
        let pin = "283915".to_owned();
        let alice = Subscriber {
            identifier: person.identifier.clone(),
            address: person.address.clone(),
            card: None,
        };
        let directory = Subscribers::new(fixture.ports.clone()).with_pins(Arc::new(QuickHasher));
        directory.enrol_with(&alice, Some(&pin.clone().try_into().unwrap())).await.unwrap();

        let payment = gateway.start_payment(request, Batch::default()).await.unwrap();
        for id in outbox.due_in(Lane::Operator, 10).await.unwrap() {
            outbox.send(&id, fixture.messenger.as_ref()).await.unwrap();
        }
        let right = FakeOperator::code(&operator.orders().pop().unwrap());
        let wrong = if right == "000000" { "111111" } else { "000000" };
        let typed = |code: &str| {
            let pin = profile.map(|_| pin.clone().try_into().unwrap());
            Response::new(TypedCode::try_from(code).unwrap(), pin)
        };
        let finish = async |code: &str| {
            gateway.finish_payment(&payment, &person.session, typed(code)).await.unwrap().done()
        };
        assert!(matches!(finish(wrong).await, Err(Refusal::WrongCode { .. })), "{profile:?}");
        assert!(finish(&right).await.is_ok(), "{profile:?}");
    }
}

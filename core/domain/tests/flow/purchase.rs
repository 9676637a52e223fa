//! One payment, from the selection to its end.

mod ended;

use countersign_domain::{
    bank::BankError,
    code::TypedCode,
    error::Error,
    gateway::Credit,
    id::PaymentId,
    invalid::Field,
    payment::{PaymentRequest, PaymentState},
    plan::{BankTurn, CaptureTime, CodeDemand, Exemption, KnownBy, Order},
    policy::PolicySettings,
    ports::Reads as _,
    record::{Batch, Stored as _},
    refusal::{Refusal, VoidCause},
    register::{Account, Balance},
    testing::{Fixture, other_card, purchase, purchase_in},
    time::Timestamp,
};

use crate::{Waiting, bank_references, state_of};

pub(crate) fn silent() -> BankError {
    BankError::Unknown { cause: "no answer".to_owned() }
}

fn code_first() -> Fixture {
    Fixture::with_policy(PolicySettings { order: Order::CodeFirst, ..PolicySettings::bank_first() })
}

/// The names of the events about a payment, in order.
async fn trace(shop: &Fixture, waiting: &Waiting) -> Vec<String> {
    let payment = shop.gateway.payment(waiting.payment.id()).await.unwrap();
    let facts = shop.store.facts(&payment.key()).await.unwrap();
    let name = |fact| {
        serde_json::to_value(fact).unwrap().get("event").unwrap().as_str().map(str::to_owned)
    };
    facts.iter().filter_map(name).collect()
}

#[tokio::test]
async fn bank_first_holds_the_amount_before_the_code_and_debits_it_after() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    assert_eq!(shop.bank.call_names(), ["authorize"]);
    let finished = waiting.finish(&shop, &waiting.right_code()).await;
    assert_eq!(finished, ("captured", None));
    assert_eq!((shop.bank.call_names(), bank_references(&shop)), (vec!["authorize", "capture"], 1));
    let trace = trace(&shop, &waiting).await;
    assert_eq!(
        trace,
        [
            "payment_started",
            "payment_authorized",
            "code_asked",
            "payment_agreed",
            "payment_captured"
        ]
    );
}

#[tokio::test]
async fn a_captured_amount_is_posted_once_to_payer_and_relying_party() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    waiting.finish(&shop, &waiting.right_code()).await;
    let euro = purchase("1").amount().currency();
    let payer = shop.store.balance(&Account::payer(&"alice".try_into().unwrap()), euro).await;
    assert_eq!(payer, Ok(Balance { debit_minor: 4990, credit_minor: 0 }));
    let paid =
        shop.store.balance(&Account::relying_party(&"librairie".try_into().unwrap()), euro).await;
    assert_eq!(paid, Ok(Balance { debit_minor: 0, credit_minor: 4990 }));
    assert_eq!(shop.store.postings().len(), 1);
}

#[tokio::test]
async fn code_first_asks_the_bank_only_after_the_code() {
    let shop = code_first();
    let waiting = Waiting::at(&shop, "49.90").await;
    assert!(shop.bank.calls().is_empty());
    let finished = waiting.finish(&shop, &waiting.right_code()).await;
    assert_eq!(finished.0, "captured");
    assert_eq!(shop.bank.call_names(), ["authorize", "capture"]);
    let trace = trace(&shop, &waiting).await;
    assert_eq!(
        trace,
        [
            "payment_started",
            "code_asked",
            "payment_agreed",
            "payment_authorized",
            "payment_captured"
        ]
    );
}

#[tokio::test]
async fn code_first_a_refusal_of_the_bank_declines_the_agreed_payment() {
    let shop = code_first();
    let waiting = Waiting::at(&shop, "49.90").await;
    shop.bank.decline_with("51");
    let finished = waiting.finish(&shop, &waiting.right_code()).await;
    assert_eq!(finished.0, "declined");
    assert!(shop.store.postings().is_empty());
}

#[tokio::test]
async fn code_first_what_is_cancelled_never_reaches_the_bank() {
    let shop = code_first();
    let waiting = Waiting::at(&shop, "49.90").await;
    assert_eq!(
        shop.gateway.cancel_payment(&waiting.payment).await.unwrap().state().name(),
        "voided"
    );
    assert!(shop.bank.calls().is_empty());
    let trace = trace(&shop, &waiting).await;
    assert_eq!(trace, ["payment_started", "code_asked", "payment_voiding", "payment_voided"]);
}

#[tokio::test]
async fn up_to_the_limit_no_code_is_asked_for() {
    let normal_up_to = vec![purchase("30.00").amount()];
    let shop =
        Fixture::with_policy(PolicySettings { normal_up_to, ..PolicySettings::bank_first() });
    let purchase = shop.purchase("30.00");
    let session = purchase.person.session.clone();
    let payment = shop.gateway.start_payment(purchase, Batch::default()).await.unwrap();
    assert_eq!(
        (payment.state().name(), payment.plan().code()),
        ("captured", CodeDemand::Exempt(Exemption::LowValue))
    );
    assert_eq!(shop.next_message().await, None);
    assert_eq!(shop.store.postings().len(), 1);
    let typed = "123456".try_into().unwrap();
    let refused = shop.gateway.finish_payment(&payment, &session, &typed).await.unwrap_err();
    assert!(matches!(refused, Error::NotNow { state: "captured", .. }), "{refused}");
    // One cent more needs both channels.
    Waiting::at(&shop, "30.01").await;
}

/// A shop whose payments up to 30 euros need no code.
fn low_value() -> Fixture {
    let normal_up_to = vec![purchase("30.00").amount()];
    Fixture::with_policy(PolicySettings { normal_up_to, ..PolicySettings::bank_first() })
}

#[tokio::test]
async fn the_sixth_low_amount_in_a_row_needs_a_code_after_which_they_are_counted_anew() {
    let shop = low_value();
    for round in 1..=2 {
        for payment in 1..=5 {
            let started = shop.gateway.start_payment(shop.purchase("1.00"), Batch::default()).await;
            assert_eq!(started.unwrap().state().name(), "captured", "{payment} of {round}");
        }
        let waiting = Waiting::at(&shop, "1.00").await;
        assert_eq!(waiting.finish(&shop, &waiting.right_code()).await, ("captured", None));
    }
}

#[tokio::test]
async fn neither_another_card_of_the_person_nor_another_name_for_the_card_begins_the_count_anew() {
    let shop = low_value();
    for _ in 0..5 {
        shop.gateway.start_payment(shop.purchase("1.00"), Batch::default()).await.unwrap();
    }
    let mut by_another_card = shop.purchase("1.00");
    by_another_card.card = other_card();
    let mut by_another_name = shop.purchase("1.00");
    by_another_name.person.identifier = "alice-again".try_into().unwrap();
    let mut by_both = shop.purchase("1.00");
    by_both.card = other_card();
    by_both.person.identifier = "bob".try_into().unwrap();
    for (purchase, state) in [
        (by_another_card, "awaiting_code"),
        (by_another_name, "awaiting_code"),
        // Another person with another card.
        (by_both, "captured"),
    ] {
        let started = shop.gateway.start_payment(purchase, Batch::default()).await;
        assert_eq!(started.unwrap().state().name(), state);
    }
}

/// With the policy as it is by default.
#[tokio::test]
async fn who_is_known_by_a_name_alone_has_nothing_held_before_the_code() {
    let shop = Fixture::with_policy(PolicySettings::default());
    let mut by_card = shop.purchase("960.00");
    by_card.known_by = KnownBy::Card;
    let mut by_certificate = shop.purchase("960.00");
    by_certificate.known_by = KnownBy::Certificate;
    for (purchase, asked) in [(shop.purchase("960.00"), 0), (by_card, 0), (by_certificate, 1)] {
        let started = shop.gateway.start_payment(purchase, Batch::default()).await.unwrap();
        assert_eq!(started.state().name(), "awaiting_code");
        assert_eq!(shop.bank.calls().len(), asked);
    }
}

#[tokio::test]
async fn a_low_amount_that_was_not_agreed_to_makes_no_end_of_the_count() {
    let shop = low_value();
    for _ in 0..5 {
        shop.gateway.start_payment(shop.purchase("1.00"), Batch::default()).await.unwrap();
    }
    let waiting = Waiting::at(&shop, "1.00").await;
    shop.gateway.cancel_payment(&waiting.payment).await.unwrap();
    Waiting::at(&shop, "1.00").await;
}

#[tokio::test]
async fn what_is_captured_later_is_held_until_then_and_voided_when_nobody_captures_it() {
    let shop = Fixture::new();
    let mut purchase = shop.purchase("49.90");
    purchase.capture = CaptureTime::Later;
    let (session, id) = (purchase.person.session.clone(), purchase.payment.clone());
    let payment = shop.gateway.start_payment(purchase, Batch::default()).await.unwrap();
    let code = shop.code_in(&shop.next_message().await.unwrap()).try_into().unwrap();
    let finished = shop.gateway.finish_payment(&payment, &session, &code).await.unwrap();
    assert_eq!(finished.done().unwrap().state().name(), "authorized");
    assert_eq!((shop.bank.call_names(), shop.store.postings().len()), (vec!["authorize"], 0));
    shop.clock.advance_seconds(7 * 86_400 - 1);
    assert_eq!(shop.gateway.resume(10).await, Ok(0));
    shop.clock.advance_seconds(1);
    assert_eq!(shop.gateway.resume(10).await, Ok(1));
    assert_eq!(state_of(&shop, &id).await, "voided");
    assert_eq!(shop.bank.call_names(), ["authorize", "void"]);
}

/// A payment of 49.90 euros that is authorized, agreed to and not captured.
pub(crate) async fn authorized(shop: &Fixture) -> PaymentId {
    let mut purchase = shop.purchase("49.90");
    purchase.capture = CaptureTime::Later;
    let session = purchase.person.session.clone();
    let payment = shop.gateway.start_payment(purchase, Batch::default()).await.unwrap();
    let code = shop.code_in(&shop.next_message().await.unwrap()).try_into().unwrap();
    let finished = shop.gateway.finish_payment(&payment, &session, &code).await.unwrap();
    finished.done().unwrap().id().clone()
}

#[tokio::test]
async fn a_part_is_captured_and_credited_and_the_books_say_so() {
    let shop =
        Fixture::with_policy(PolicySettings { credit_days: 30, ..PolicySettings::bank_first() });
    let id = authorized(&shop).await;
    let euros = |amount: &str| purchase(amount).amount();
    let captured =
        shop.gateway.capture_payment(&id, euros("20.00"), Batch::default()).await.unwrap();
    assert_eq!(captured.state().name(), "captured");
    let again =
        shop.gateway.capture_payment(&id, euros("20.00"), Batch::default()).await.unwrap_err();
    assert!(matches!(again, Error::NotNow { state: "captured", .. }), "{again}");
    let credited = shop.gateway.credit_payment(&id, euros("5.00"), Batch::default()).await;
    assert!(matches!(credited.unwrap(), Credit::Done(_)));
    let above =
        shop.gateway.credit_payment(&id, euros("15.01"), Batch::default()).await.unwrap_err();
    assert!(matches!(above, Error::Invalid(_)), "{above}");
    let account = Account::payer(&"alice".try_into().unwrap());
    let balance = shop.store.balance(&account, euros("1").currency()).await.unwrap();
    assert_eq!(balance, Balance { debit_minor: 2000, credit_minor: 500 });
    assert_eq!(shop.bank.call_names(), ["authorize", "capture", "credit"]);
    // A credit is another message than the purchase.
    assert_eq!(bank_references(&shop), 2);
    shop.clock.advance_seconds(30 * 86_400);
    shop.gateway.resume(10).await.unwrap();
    let late = shop.gateway.credit_payment(&id, euros("1.00"), Batch::default()).await.unwrap_err();
    assert!(matches!(late, Error::NotNow { state: "captured", .. }), "{late}");
}

#[tokio::test]
async fn a_credit_that_the_bank_did_not_answer_is_told_again_under_the_same_reference() {
    let shop =
        Fixture::with_policy(PolicySettings { credit_days: 30, ..PolicySettings::bank_first() });
    let id = authorized(&shop).await;
    let amount = purchase("49.90").amount();
    shop.gateway.capture_payment(&id, amount, Batch::default()).await.unwrap();
    shop.bank.fail_with(Some(silent()));
    let credited = shop.gateway.credit_payment(&id, amount, Batch::default()).await.unwrap();
    assert!(matches!(credited, Credit::UnderWay(_)), "{credited:?}");
    assert_eq!(shop.store.postings().len(), 1);
    shop.bank.fail_with(None);
    shop.clock.advance_seconds(15);
    assert_eq!(shop.gateway.resume(10).await, Ok(1));
    assert_eq!((state_of(&shop, &id).await, shop.store.postings().len()), ("captured", 2));
    assert_eq!(bank_references(&shop), 2);
}

#[tokio::test]
async fn a_credit_is_reversed_under_its_own_reference_and_the_books_say_so() {
    let shop =
        Fixture::with_policy(PolicySettings { credit_days: 30, ..PolicySettings::bank_first() });
    let id = authorized(&shop).await;
    let amount = purchase("49.90").amount();
    shop.gateway.capture_payment(&id, amount, Batch::default()).await.unwrap();
    let credited = shop.gateway.credit_payment(&id, amount, Batch::default()).await.unwrap();
    assert!(matches!(credited, Credit::Done(_)), "{credited:?}");
    let response = "51".to_owned().try_into().unwrap();
    shop.bank.fail_with(Some(BankError::Refused { response }));
    let refused = shop.gateway.reverse_credit(&id, amount, Batch::default()).await.unwrap();
    assert!(matches!(refused, Credit::Refused(_)), "{refused:?}");
    shop.bank.fail_with(Some(silent()));
    let silent = shop.gateway.reverse_credit(&id, amount, Batch::default()).await.unwrap();
    assert!(matches!(silent, Credit::UnderWay(_)), "{silent:?}");
    shop.bank.fail_with(None);
    shop.clock.advance_seconds(15);
    assert_eq!(shop.gateway.resume(10).await, Ok(1));
    let account = Account::payer(&"alice".try_into().unwrap());
    let balance = shop.store.balance(&account, amount.currency()).await.unwrap();
    assert_eq!(balance, Balance { debit_minor: 9980, credit_minor: 4990 });
    assert_eq!(bank_references(&shop), 2);
    let again = shop.gateway.reverse_credit(&id, amount, Batch::default()).await.unwrap_err();
    assert!(matches!(again, Error::Invalid(_)), "{again}");
}

#[tokio::test]
async fn a_credit_that_the_bank_refuses_is_no_credit() {
    let shop =
        Fixture::with_policy(PolicySettings { credit_days: 30, ..PolicySettings::bank_first() });
    let id = authorized(&shop).await;
    let amount = purchase("49.90").amount();
    shop.gateway.capture_payment(&id, amount, Batch::default()).await.unwrap();
    let response = "57".to_owned().try_into().unwrap();
    shop.bank.fail_with(Some(BankError::Refused { response }));
    let refused = shop.gateway.credit_payment(&id, amount, Batch::default()).await.unwrap();
    assert!(matches!(refused, Credit::Refused(_)), "{refused:?}");
    assert_eq!(shop.store.postings().len(), 1);
}

#[tokio::test]
async fn another_name_for_the_same_card_does_not_count_anew() {
    let shop = low_value();
    for name in ["alice", "alice", "alice-2", "alice-2", "alice-3"] {
        let mut purchase = shop.purchase("1.00");
        purchase.person.identifier = name.try_into().unwrap();
        shop.gateway.start_payment(purchase, Batch::default()).await.unwrap();
    }
    Waiting::at(&shop, "1.00").await;
}

#[tokio::test]
async fn an_authorized_payment_is_called_off_and_released() {
    let shop = Fixture::new();
    let id = authorized(&shop).await;
    let payment = shop.gateway.payment(&id).await.unwrap();
    let voided = shop.gateway.cancel_payment(&payment).await.unwrap();
    assert_eq!(voided.state().name(), "voided");
    assert_eq!(shop.bank.call_names(), ["authorize", "void"]);
}

#[tokio::test]
async fn up_to_its_limit_the_bank_is_skipped_and_the_code_is_not() {
    let no_bank_up_to = vec![purchase("10.00").amount()];
    let shop =
        Fixture::with_policy(PolicySettings { no_bank_up_to, ..PolicySettings::bank_first() });
    let waiting = Waiting::at(&shop, "10.00").await;
    assert_eq!(waiting.payment.plan().bank(), BankTurn::Skip);
    assert_eq!(waiting.finish(&shop, &waiting.right_code()).await, ("captured", None));
    assert!(shop.bank.calls().is_empty());
    assert_eq!(shop.store.postings().len(), 1);
}

#[tokio::test]
async fn a_payment_that_the_bank_declines_never_sends_a_message() {
    let shop = Fixture::new();
    shop.bank.decline_with("51");
    let started =
        shop.gateway.start_payment(shop.purchase("49.90"), Batch::default()).await.unwrap();
    assert_eq!(started.state().name(), "declined");
    assert_eq!(started.challenge(), None);
    assert_eq!(shop.next_message().await, None);
    assert_eq!(shop.bank.call_names(), ["authorize"]);
}

#[tokio::test]
async fn three_wrong_codes_void_the_payment_and_release_the_hold() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    let wrong = waiting.wrong_code();
    for (attempts_left, state) in [(2, "awaiting_code"), (1, "awaiting_code")] {
        let finished = waiting.finish(&shop, &wrong).await;
        assert_eq!(finished, (state, Some(Refusal::WrongCode { attempts_left })));
    }
    // The third one ends it; after that the right code is of no use.
    for typed in [wrong, waiting.right_code()] {
        let finished = waiting.finish(&shop, &typed).await;
        assert_eq!(finished, ("voided", Some(Refusal::TooManyAttempts)));
    }
    assert_eq!(shop.bank.call_names(), ["authorize", "void"]);
    assert!(shop.store.postings().is_empty());
}

#[tokio::test]
async fn the_right_code_is_accepted_until_its_time_has_run_out() {
    for (seconds, expected) in [(299, ("captured", None)), (300, ("voided", Some(Refusal::Late)))] {
        let shop = Fixture::new();
        let waiting = Waiting::at(&shop, "49.90").await;
        shop.clock.advance_seconds(seconds);
        let finished = waiting.finish(&shop, &waiting.right_code()).await;
        assert_eq!(finished, expected, "after {seconds} seconds");
    }
}

#[tokio::test]
async fn a_code_is_good_once() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    for expected in [None, Some(Refusal::AlreadyUsed)] {
        let finished = waiting.finish(&shop, &waiting.right_code()).await;
        assert_eq!(finished, ("captured", expected));
    }
    assert_eq!(shop.bank.call_names(), ["authorize", "capture"]);
    assert_eq!(shop.store.postings().len(), 1);
}

#[tokio::test]
async fn a_code_typed_in_another_session_is_refused_and_not_counted() {
    let shop = Fixture::new();
    let (mine, other) = (Waiting::at(&shop, "49.90").await, Waiting::at(&shop, "49.90").await);
    for _ in 0..5 {
        let refused =
            shop.gateway.finish_payment(&mine.payment, &other.session, &mine.right_code()).await;
        assert_eq!(refused.unwrap().done().err(), Some(Refusal::OtherSession));
    }
    assert_eq!(shop.gateway.challenge_of(&mine.payment).await.unwrap().attempts_left(), 3);
}

#[tokio::test]
async fn the_code_of_another_payment_is_a_wrong_code() {
    let shop = Fixture::new();
    let (mine, other) = (Waiting::at(&shop, "49.90").await, Waiting::at(&shop, "49.90").await);
    let refused = mine.finish(&shop, &other.right_code()).await;
    assert_eq!(refused.1, Some(Refusal::WrongCode { attempts_left: 2 }));
}

#[tokio::test]
async fn in_one_session_the_code_of_one_amount_does_not_agree_to_another() {
    let shop = Fixture::new();
    let small = Waiting::at(&shop, "4.99").await;
    let mut large = shop.purchase("499.00");
    large.person.session = small.session.clone();
    let large = shop.gateway.start_payment(large, Batch::default()).await.unwrap();
    let finished =
        shop.gateway.finish_payment(&large, &small.session, &small.right_code()).await.unwrap();
    assert_eq!(finished.done().err(), Some(Refusal::WrongCode { attempts_left: 2 }));
    assert!(shop.store.postings().is_empty());
}

#[tokio::test]
async fn a_resend_carries_the_same_code_and_gives_back_no_attempt() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    waiting.finish(&shop, &waiting.wrong_code()).await;
    let resent = shop.gateway.resend_code(&waiting.payment, &waiting.session).await.unwrap();
    assert_eq!(resent.done().err(), Some(Refusal::TooSoon { wait_seconds: 30 }));
    shop.clock.advance_seconds(30);
    let challenge =
        shop.gateway.resend_code(&waiting.payment, &waiting.session).await.unwrap().done().unwrap();
    assert_eq!(challenge.attempts_left(), 2);
    let again = shop.next_message().await.unwrap();
    assert_eq!((shop.messenger.taken().len(), shop.code_in(&again)), (2, waiting.code.clone()));
    let finished = waiting.finish(&shop, &waiting.right_code()).await;
    assert_eq!(finished.0, "captured");
}

//! A crash at every operation of a whole purchase: whoever goes on after it loses and doubles nothing.

use std::{collections::BTreeSet, sync::Arc};

use countersign_domain::{
    error::Error,
    event::Event,
    gateway::Gateway,
    id::PaymentId,
    outbox::Outbox,
    payment::{Payment, PaymentRequest, PaymentState},
    plan::Order,
    policy::PolicySettings,
    ports::{Reads as _, Store},
    record::{Batch, RecordKey},
    testing::Fixture,
};

use crate::{
    Waiting, bank_references, state_of,
    store::{Eventful, Happening, until_death},
};

fn shop(order: Order) -> Fixture {
    Fixture::with_policy(PolicySettings { order, ..PolicySettings::bank_first() })
}

/// Starts, sends, and types the code back.
async fn buy(
    shop: &Fixture,
    gateway: &Gateway,
    outbox: &Outbox,
    purchase: PaymentRequest,
) -> Result<(), Error> {
    let session = purchase.person.session.clone();
    let payment = gateway.start_payment(purchase, Batch::default()).await?;
    for message in outbox.due(10).await? {
        outbox.send(&message, shop.messenger.as_ref()).await?;
    }
    let taken = shop.messenger.taken();
    let code = shop.code_in(taken.last().unwrap().text.expose());
    gateway.finish_payment(&payment, &session, &code.try_into()?).await.map(|_| ())
}

/// Another process goes on, for ten minutes.
pub(crate) async fn recover(shop: &Fixture) {
    let (gateway, outbox) = shop.process_on(shop.store.clone());
    for _ in 0..40 {
        for message in outbox.due(10).await.unwrap() {
            outbox.send(&message, shop.messenger.as_ref()).await.unwrap();
        }
        gateway.resume(10).await.unwrap();
        shop.clock.advance_seconds(15);
    }
}

async fn was_verified(shop: &Fixture, payment: &Payment) -> bool {
    let Some(challenge) = payment.challenge() else {
        return false;
    };
    let about = RecordKey { collection: "challenge", id: challenge.to_string() };
    let facts = shop.store.facts(&about).await.unwrap();
    facts.iter().any(|fact| matches!(fact.event, Event::ChallengeVerified { .. }))
}

/// What must hold of every purchase at its end; gives the end's name.
pub(crate) async fn check(shop: &Fixture, id: &PaymentId) -> &'static str {
    let (calls, posted) = (shop.bank.call_names(), shop.store.postings().len());
    let payment = match shop.gateway.payment(id).await {
        Ok(payment) => payment,
        Err(Error::NotFound { .. }) => {
            assert_eq!((calls.len(), posted), (0, 0));
            return "never begun";
        }
        Err(error) => panic!("{error}"),
    };
    assert!(payment.state().is_final(), "{}", payment.state().name());
    assert!(bank_references(shop) <= 1, "{calls:?}");
    assert!(shop.messenger.taken().len() <= 1, "a message was doubled");
    if matches!(payment.state(), PaymentState::Captured { .. }) {
        assert_eq!(posted, 1);
        assert!(calls.contains(&"capture") && !calls.contains(&"void"), "{calls:?}");
        assert!(was_verified(shop, &payment).await, "captured without a verified challenge");
    } else {
        assert_eq!(posted, 0);
        assert!(!calls.contains(&"capture"), "{calls:?}");
        assert!(
            !calls.contains(&"authorize") || calls.last() == Some(&"void"),
            "a hold was left: {calls:?}"
        );
    }
    payment.state().name()
}

/// Lets it happen at every operation in turn; gives the ends that there were.
async fn at_every_operation(order: Order, what: fn() -> Happening) -> BTreeSet<&'static str> {
    let mut ends = BTreeSet::new();
    for at in 1.. {
        let shop = shop(order);
        let store = Eventful::on(shop.store.clone(), at, what());
        let (gateway, outbox) = shop.process_on(store.clone());
        let purchase = shop.purchase("49.90");
        let id = purchase.payment.clone();
        until_death(buy(&shop, &gateway, &outbox, purchase)).await;
        if !store.has_happened() {
            assert_eq!(state_of(&shop, &id).await, "captured");
            assert!(at > 15, "a purchase has more operations than {at}");
            break;
        }
        recover(&shop).await;
        ends.insert(check(&shop, &id).await);
    }
    ends
}

#[tokio::test]
async fn a_failure_at_any_operation_loses_and_doubles_nothing() {
    for order in [Order::BankFirst, Order::CodeFirst] {
        let before = at_every_operation(order, || Happening::FailsBefore).await;
        assert_eq!(before, BTreeSet::from(["captured", "never begun", "voided"]));
        let after = at_every_operation(order, || Happening::FailsAfter).await;
        // The first operation is a look at how the phone stands.
        assert_eq!(after, BTreeSet::from(["captured", "never begun", "voided"]));
    }
}

#[tokio::test]
async fn a_death_at_any_operation_loses_and_doubles_nothing() {
    for order in [Order::BankFirst, Order::CodeFirst] {
        let before = at_every_operation(order, || Happening::DiesBefore).await;
        assert_eq!(before, BTreeSet::from(["captured", "never begun", "voided"]));
        let after = at_every_operation(order, || Happening::DiesAfter).await;
        // The first operation is a look at how the phone stands.
        assert_eq!(after, BTreeSet::from(["captured", "never begun", "voided"]));
    }
}

#[tokio::test]
async fn a_decline_ends_a_payment_only_when_the_bank_was_asked_once() {
    let (mut ends, mut asked_twice) = (BTreeSet::new(), 0);
    for at in 1.. {
        let shop = shop(Order::CodeFirst);
        shop.bank.decline_with("51");
        let store = Eventful::on(shop.store.clone(), at, Happening::DiesBefore);
        let (gateway, outbox) = shop.process_on(store.clone());
        let purchase = shop.purchase("49.90");
        let id = purchase.payment.clone();
        until_death(buy(&shop, &gateway, &outbox, purchase)).await;
        if !store.has_happened() {
            assert_eq!(state_of(&shop, &id).await, "declined");
            break;
        }
        recover(&shop).await;
        let calls = shop.bank.call_names();
        let asked = calls.iter().filter(|call| **call == "authorize").count();
        let Ok(payment) = shop.gateway.payment(&id).await else { continue };
        ends.insert(payment.state().name());
        if asked > 1 {
            asked_twice += 1;
            assert_eq!(payment.state().name(), "voided", "the first answer was lost: {calls:?}");
            assert_eq!(calls.last(), Some(&"void"));
        }
    }
    assert!(asked_twice > 0 && ends.contains("voided"), "{ends:?}");
}

/// A payment whose process died before it asked the bank.
pub(crate) async fn started_by_a_dead_process(shop: &Fixture) -> PaymentId {
    // It looks how the phone stands, and commits.
    let store = Eventful::on(shop.store.clone(), 2, Happening::DiesAfter);
    let (gateway, _) = shop.process_on(store);
    let purchase = shop.purchase("49.90");
    let id = purchase.payment.clone();
    assert!(until_death(gateway.start_payment(purchase, Batch::default())).await.is_none());
    id
}

#[tokio::test]
async fn a_payment_that_was_interrupted_before_the_code_is_voided_and_asks_for_none() {
    let shop = Fixture::new();
    let payment = started_by_a_dead_process(&shop).await;
    shop.clock.advance_seconds(59);
    assert_eq!(shop.gateway.resume(10).await, Ok(0));
    shop.clock.advance_seconds(1);
    assert_eq!(shop.gateway.resume(10).await, Ok(1));
    assert_eq!(state_of(&shop, &payment).await, "voided");
    // The bank may have been asked.
    assert_eq!(shop.bank.call_names(), ["void"]);
    assert_eq!(shop.next_message().await, None);
}

#[tokio::test]
async fn a_process_that_goes_on_may_die_at_any_operation_too() {
    for at in 1.. {
        let shop = Fixture::new();
        let waiting = Waiting::at(&shop, "49.90").await;
        shop.clock.advance_seconds(300);
        let store = Eventful::on(shop.store.clone(), at, Happening::DiesAfter);
        let (gateway, _) = shop.process_on(store.clone());
        until_death(gateway.resume(10)).await;
        if !store.has_happened() {
            assert!(at > 5, "going on has more operations than {at}");
            break;
        }
        recover(&shop).await;
        assert_eq!(check(&shop, waiting.payment.id()).await, "voided");
    }
}

#[tokio::test]
async fn one_payment_that_cannot_go_on_does_not_stand_in_the_way_of_others() {
    let shop = Fixture::new();
    let (stuck, other) = (Waiting::at(&shop, "49.90").await, Waiting::at(&shop, "49.90").await);
    shop.clock.advance_seconds(300);
    // Its challenge cannot be read.
    let payment = shop.gateway.payment(stuck.payment.id()).await.unwrap();
    let challenge = payment.challenge().unwrap().to_string();
    let key = RecordKey { collection: "challenge", id: challenge };
    let mut record = shop.store.load(&key).await.unwrap().unwrap();
    record.body = "{}".to_owned();
    record.version = record.version.next();
    let batch = Batch { replacements: vec![record], ..Batch::default() };
    Arc::clone(&shop.store).commit(batch).await.unwrap();
    for _ in 0..2 {
        shop.gateway.resume(1).await.unwrap();
    }
    assert_eq!(state_of(&shop, other.payment.id()).await, "voided");
    assert_eq!(state_of(&shop, stuck.payment.id()).await, "awaiting_code");
}

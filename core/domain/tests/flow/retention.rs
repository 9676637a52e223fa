//! What is final goes after its time, and nothing that somebody may still need.

use countersign_domain::{
    message::{Delivery, Inbound, Message, Receipt},
    plan::Order,
    policy::PolicySettings,
    ports::{Inbox as _, Reads as _, Store},
    record::{Batch, Record, RecordKey, Stored as _, Version},
    retention::{COLLECTIONS, Kept, Retention},
    testing::{Fixture, START},
};

use crate::{Waiting, message::Mute, state_of, store::until_death};

const DAY_SECONDS: u32 = 86_400;

fn keeping_for(shop: &Fixture, days: u32) -> Retention {
    let seconds = days * DAY_SECONDS;
    let kept = COLLECTIONS.map(|collection| Kept { collection, seconds });
    Retention::new(shop.ports.clone(), kept.into())
}

fn pass(shop: &Fixture, days: u32) {
    shop.clock.advance_seconds(u64::from(days * DAY_SECONDS));
}

/// The collections of the records that there are, each once.
fn there(shop: &Fixture) -> Vec<&'static str> {
    let mut found: Vec<_> = shop.store.records().iter().map(|kept| kept.key.collection).collect();
    found.dedup();
    found
}

#[tokio::test]
async fn a_purchase_goes_when_its_time_is_over_and_its_facts_and_postings_stay() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    let right = waiting.right_code();
    assert_eq!(waiting.finish(&shop, &right).await, ("captured", None));
    let mut retention = keeping_for(&shop, 30);
    pass(&shop, 30);
    assert_eq!(retention.remove(9).await, Ok(0), "its time is not over");
    pass(&shop, 1);
    assert_eq!(there(&shop), ["challenge", "message", "network_reference", "payment", "standing"]);
    assert_eq!(retention.remove(9).await, Ok(4));
    // How a phone stands is no part of a purchase.
    assert_eq!(there(&shop), ["standing"]);
    assert_eq!(retention.remove(9).await, Ok(0));
    let about = RecordKey { collection: "payment", id: waiting.payment.id().to_string() };
    assert!(!shop.store.facts(&about).await.unwrap().is_empty());
    assert_eq!(shop.store.postings().len(), 1);
}

#[tokio::test]
async fn a_payment_that_waits_or_can_be_credited_stays_however_old_it_is() {
    let settings = PolicySettings { credit_days: 540, ..PolicySettings::bank_first() };
    let shop = Fixture::with_policy(settings);
    let [captured, pending] =
        [Waiting::at(&shop, "49.90").await, Waiting::at(&shop, "20.00").await];
    let right = captured.right_code();
    assert_eq!(captured.finish(&shop, &right).await.0, "captured");
    let mut retention = keeping_for(&shop, 30);
    pass(&shop, 400);
    retention.remove(9).await.unwrap();
    assert_eq!(there(&shop), ["payment", "standing"]);
    assert_eq!(shop.store.records().len(), 3);
    // Both end: the one because nobody typed its code, the other because nobody asked to credit it.
    pass(&shop, 141);
    shop.gateway.resume(9).await.unwrap();
    assert_eq!(
        retention.remove(9).await,
        Ok(1),
        "of the other, what it held was released just now"
    );
    let left: Vec<_> =
        shop.store.records().into_iter().filter(|kept| kept.key.collection == "payment").collect();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].key.id, pending.payment.id().to_string());
    // Its challenge was removed before anybody had looked at it.
    assert_eq!(state_of(&shop, pending.payment.id()).await, "voided");
    let released = shop.bank.calls().iter().filter(|call| call.name() == "void").count();
    assert_eq!(released, 1);
}

/// Removes the challenges, and nothing else, long after their time.
async fn without_challenges(shop: &Fixture) {
    pass(shop, 40);
    let seconds = 30 * DAY_SECONDS;
    let challenges = vec![Kept { collection: "challenge", seconds }];
    Retention::new(shop.ports.clone(), challenges).remove(9).await.unwrap();
    assert!(!there(shop).contains(&"challenge"));
}

#[tokio::test]
async fn a_payment_whose_challenge_is_removed_can_be_called_off_and_is_released() {
    for order in [Order::BankFirst, Order::CodeFirst] {
        let shop = Fixture::with_policy(PolicySettings { order, ..PolicySettings::bank_first() });
        let waiting = Waiting::at(&shop, "49.90").await;
        without_challenges(&shop).await;
        let payment = shop.gateway.payment(waiting.payment.id()).await.unwrap();
        let payment = shop.gateway.cancel_payment(&payment).await.unwrap();
        assert_eq!(payment.state().name(), "voided", "{order:?}");
        assert_eq!(shop.gateway.due(9).await, Ok(Vec::new()));
    }
}

#[tokio::test]
async fn a_message_whose_challenge_is_removed_is_no_longer_due_whatever_it_waits_for() {
    for is_being_sent in [false, true] {
        let shop = Fixture::new();
        let purchase = shop.purchase("49.90");
        let payment = shop.gateway.start_payment(purchase, Batch::default()).await.unwrap();
        let challenge = shop.gateway.challenge_of(&payment).await.unwrap();
        let id = challenge.last_message();
        if is_being_sent {
            until_death(shop.outbox.send(id, &Mute)).await;
        }
        without_challenges(&shop).await;
        assert_eq!(shop.outbox.due(9).await.unwrap(), std::slice::from_ref(id));
        assert_eq!(shop.next_message().await, None);
        assert_eq!(shop.outbox.due(9).await, Ok(Vec::new()));
        let store: &dyn Store = shop.store.as_ref();
        let kept = store.expect::<Message>(id.as_str()).await.unwrap().value;
        let expected = if is_being_sent { "unconfirmed" } else { "failed" };
        assert_eq!(kept.state().name(), expected);
    }
}

#[tokio::test]
async fn a_late_receipt_of_a_message_whose_challenge_is_removed_is_kept() {
    let shop = Fixture::new();
    Waiting::at(&shop, "49.90").await;
    without_challenges(&shop).await;
    let delivery = Delivery::Failed { cause: "absent".to_owned() };
    let ranks = vec![vec!["ref-1".to_owned()]];
    let receipt = Receipt { ranks, numbers: Vec::new(), delivery };
    shop.outbox.accept(Inbound::Receipt(receipt)).await.unwrap();
    let messages = shop.store.records().into_iter();
    let mut messages = messages.filter(|record| record.key.collection == Message::COLLECTION);
    assert!(messages.next().unwrap().body.contains("\"failed\""));
}

#[tokio::test]
async fn no_more_are_removed_at_once_than_the_limit() {
    let shop = Fixture::new();
    for _ in 0..3 {
        Waiting::at(&shop, "49.90").await;
    }
    pass(&shop, 31);
    let seconds = 30 * DAY_SECONDS;
    let challenges = vec![Kept { collection: "challenge", seconds }];
    let mut retention = Retention::new(shop.ports.clone(), challenges);
    for removed in [2, 1, 0] {
        assert_eq!(retention.remove(2).await, Ok(removed));
    }
    assert!(there(&shop).contains(&"payment"), "of other collections nothing is removed");
}

#[tokio::test]
async fn what_became_final_at_an_earlier_time_than_what_was_removed_goes_with_a_later_look() {
    let shop = Fixture::new();
    let note = |id: &str, second| Record {
        key: RecordKey { collection: "note", id: id.to_owned() },
        version: Version::FIRST,
        due_at: None,
        final_at: Some(START.plus_seconds(second)),
        body: "{}".to_owned(),
    };
    let insert = async |note| {
        shop.store.commit(Batch { inserts: vec![note], ..Batch::default() }).await.unwrap();
    };
    for (id, second) in [("a", 20), ("b", 20), ("c", 30)] {
        insert(note(id, second)).await;
    }
    let kept = vec![Kept { collection: "note", seconds: DAY_SECONDS }];
    let mut retention = Retention::new(shop.ports.clone(), kept);
    pass(&shop, 2);
    assert_eq!(retention.remove(1).await, Ok(1));
    // Of a process whose clock is behind.
    insert(note("late", 10)).await;
    let mut looks = 0;
    while !there(&shop).is_empty() {
        retention.remove(1).await.unwrap();
        looks += 1;
        assert!(looks < 9, "{:?}", shop.store.records());
    }
    assert_eq!(retention.remove(1).await, Ok(0));
}

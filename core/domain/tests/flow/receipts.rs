//! A receipt and whatever else happens at the same time: at every operation of the one, the other does all of its deed.

use std::sync::Arc;

use countersign_domain::{
    id::MessageId,
    message::{Delivery, Inbound, Message, Receipt},
    outbox::Outbox,
    ports::{Inbox as _, Store},
    record::Batch,
    testing::{FakeMessenger, Fixture},
};

use crate::store::{Act, Eventful, Happening};

/// Its message waits in the outbox.
async fn queued(shop: &Fixture) -> MessageId {
    let payment = shop.gateway.start_payment(shop.purchase("49.90"), Batch::default()).await;
    shop.gateway.challenge_of(&payment.unwrap()).await.unwrap().last_message().clone()
}

async fn state_of(shop: &Fixture, id: &MessageId) -> &'static str {
    let store: &dyn Store = shop.store.as_ref();
    store.expect::<Message>(id.as_str()).await.unwrap().value.state().name()
}

/// A delivery by these names, equally sure.
fn delivered(names: &[&str]) -> Inbound {
    let ranks = vec![names.iter().copied().map(str::to_owned).collect()];
    Inbound::Receipt(Receipt { ranks, numbers: Vec::new(), delivery: Delivery::Delivered })
}

/// A process at whose operation `at` that is done.
fn process(
    shop: &Fixture,
    at: usize,
    act: impl Fn() -> Act + Send + Sync + 'static,
) -> (Arc<Eventful>, Outbox) {
    let store = Eventful::on(shop.store.clone(), at, Happening::Meanwhile(Box::new(act)));
    let (_, outbox) = shop.process_on(store.clone());
    (store, outbox)
}

fn sends(
    outbox: &Arc<Outbox>,
    id: &MessageId,
    network: &Arc<FakeMessenger>,
) -> impl Fn() -> Act + Send + Sync + use<> {
    let (outbox, id, network) = (outbox.clone(), id.clone(), network.clone());
    move || {
        let (outbox, id, network) = (outbox.clone(), id.clone(), network.clone());
        Box::pin(async move { outbox.send(&id, network.as_ref()).await.unwrap() })
    }
}

fn accepts(outbox: &Arc<Outbox>, receipt: &Inbound) -> impl Fn() -> Act + Send + Sync + use<> {
    let (outbox, receipt) = (outbox.clone(), receipt.clone());
    move || {
        let (outbox, receipt) = (outbox.clone(), receipt.clone());
        Box::pin(async move { outbox.accept(receipt).await.unwrap() })
    }
}

#[tokio::test]
async fn an_answer_that_is_kept_while_its_receipt_is_looked_up_is_found() {
    for names in [&["ref-1"][..], &["ref-1", "other"], &["other", "ref-1"]] {
        for at in 1.. {
            let shop = Fixture::new();
            let id = queued(&shop).await;
            let (store, outbox) = process(&shop, at, sends(&shop.outbox, &id, &shop.messenger));
            outbox.accept(delivered(names)).await.unwrap();
            if !store.has_happened() {
                break;
            }
            assert_eq!(state_of(&shop, &id).await, "delivered", "{names:?}, operation {at}");
        }
    }
}

#[tokio::test]
async fn a_receipt_that_comes_while_the_answer_is_kept_is_found() {
    for names in [&["ref-1"][..], &["ref-1", "other"], &["other", "ref-1"]] {
        for at in 1.. {
            let shop = Fixture::new();
            let id = queued(&shop).await;
            let (store, outbox) = process(&shop, at, accepts(&shop.outbox, &delivered(names)));
            outbox.send(&id, shop.messenger.as_ref()).await.unwrap();
            if !store.has_happened() {
                break;
            }
            assert_eq!(state_of(&shop, &id).await, "delivered", "{names:?}, operation {at}");
        }
    }
}

/// The second message's receipt could be about the first, until the first has its own.
#[tokio::test]
async fn of_two_receipts_at_once_that_may_mean_one_message_the_other_waits_for_its_own() {
    for at in 1.. {
        let shop = Fixture::new();
        let (first, second) = (queued(&shop).await, queued(&shop).await);
        shop.outbox.send(&first, shop.messenger.as_ref()).await.unwrap();
        let (store, outbox) = process(&shop, at, accepts(&shop.outbox, &delivered(&["ref-1"])));
        outbox.accept(delivered(&["ref-2", "ref-1"])).await.unwrap();
        if !store.has_happened() {
            break;
        }
        shop.outbox.send(&second, shop.messenger.as_ref()).await.unwrap();
        assert_eq!(state_of(&shop, &first).await, "delivered", "operation {at}");
        assert_eq!(state_of(&shop, &second).await, "delivered", "operation {at}");
    }
}

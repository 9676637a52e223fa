//! What a life costs the store. A commit is a sync of the disk and most of what a challenge costs; a read is little, and they
//! add up. A number that rises is to be meant.

use std::sync::Arc;

use countersign_domain::{
    code::TypedCode,
    id::{MessageId, SessionId},
    message::{Delivery, Inbound, Receipt, Tail},
    outbox::Born,
    ports::{Inbox as _, Ports, Store},
    record::Batch,
    testing::{Fixture, unbounded},
    verifier::Verifier,
};

use crate::born::Births;

/// The commits and the reads of single records of each step, in order.
struct Costs<'a> {
    shop: &'a Fixture,
    steps: Vec<(&'static str, usize, usize)>,
}

impl<'a> Costs<'a> {
    const fn of(shop: &'a Fixture) -> Self {
        Self { shop, steps: Vec::new() }
    }

    async fn step<T>(&mut self, name: &'static str, step: impl Future<Output = T>) -> T {
        let store = &self.shop.store;
        let (commits, loads) = (store.commits(), store.loads());
        let done = step.await;
        self.steps.push((name, store.commits() - commits, store.loads() - loads));
        done
    }

    /// The code's way to the phone, until its receipt; a message that was not born is claimed.
    async fn message(&mut self, id: &MessageId, born: Option<Born>) -> String {
        let Fixture { outbox, messenger, .. } = self.shop;
        match born {
            Some(born) => {
                let sent = outbox.send_born(born, messenger.as_ref());
                self.step("message sent", sent).await.unwrap();
            }
            None => {
                let sent = outbox.send(id, messenger.as_ref());
                self.step("message sent", sent).await.unwrap();
            }
        }
        let receipt = Inbound::Receipt(Receipt {
            ranks: vec![vec!["ref-1".to_owned()]],
            numbers: Tail::of("33612345678").into_iter().collect(),
            delivery: Delivery::Delivered,
        });
        self.step("receipt", outbox.accept(receipt)).await.unwrap();
        let text = messenger.taken().last().unwrap().text.expose().clone();
        self.shop.code_in(&text)
    }

    fn commits(&self) -> usize {
        self.steps.iter().map(|(_, commits, _)| commits).sum()
    }
}

/// The steps of a challenge, on a store whose messages are born or not.
async fn challenge<'a>(shop: &'a Fixture, births: Option<&Arc<Births>>) -> Costs<'a> {
    let mut costs = Costs::of(shop);
    let store: Arc<dyn Store> = match births {
        Some(births) => births.clone(),
        None => shop.store.clone(),
    };
    let ports = Ports { store, ..shop.ports.clone() };
    let verifier = Verifier::new(ports, shop.policy.clone()).with_limits(unbounded());
    let session = SessionId::random(shop.entropy.as_ref()).unwrap();
    let started = verifier.start_challenge(shop.access(session.clone()));
    let challenge = costs.step("started", started).await.unwrap().done().unwrap();
    let born = births.and_then(|births| births.take().pop());
    let code = costs.message(challenge.last_message(), born).await;
    let typed: TypedCode = code.as_str().try_into().unwrap();
    let finished = verifier.finish_challenge(challenge.id(), &session, &typed);
    let _verified = costs.step("answered", finished).await.unwrap().done().unwrap();
    costs
}

/// The steps of a purchase, on a store whose messages are born or not.
async fn purchase<'a>(shop: &'a Fixture, births: Option<&Arc<Births>>) -> Costs<'a> {
    let mut costs = Costs::of(shop);
    let store: Arc<dyn Store> = match births {
        Some(births) => births.clone(),
        None => shop.store.clone(),
    };
    let (gateway, _) = shop.process_on(store);
    let purchase = shop.purchase("49.90");
    let session = purchase.person.session.clone();
    let started = gateway.start_payment(purchase, Batch::default());
    let payment = costs.step("started", started).await.unwrap();
    let message = gateway.challenge_of(&payment).await.unwrap().last_message().clone();
    let born = births.and_then(|births| births.take().pop());
    let code: TypedCode = costs.message(&message, born).await.as_str().try_into().unwrap();
    let finished = gateway.finish_payment(&payment, &session, &code);
    let _verified = costs.step("answered", finished).await.unwrap().done().unwrap();
    costs
}

#[tokio::test]
async fn a_challenge_costs_four_commits_with_a_message_that_is_born_and_five_with_one_that_is_claimed()
 {
    let shop = Fixture::new();
    let costs = challenge(&shop, Some(&Births::on(&shop, shop.store.clone()))).await;
    let expected =
        [("started", 1, 1), ("message sent", 1, 1), ("receipt", 1, 2), ("answered", 1, 2)];
    assert_eq!((costs.steps.as_slice(), costs.commits()), (&expected[..], 4));
    let shop = Fixture::new();
    let costs = challenge(&shop, None).await;
    let expected =
        [("started", 1, 1), ("message sent", 2, 3), ("receipt", 1, 2), ("answered", 1, 2)];
    assert_eq!((costs.steps.as_slice(), costs.commits()), (&expected[..], 5));
}

#[tokio::test]
async fn a_purchase_costs_six_commits_with_a_message_that_is_born_and_seven_with_one_that_is_claimed()
 {
    let shop = Fixture::new();
    let costs = purchase(&shop, Some(&Births::on(&shop, shop.store.clone()))).await;
    let expected =
        [("started", 2, 2), ("message sent", 1, 1), ("receipt", 1, 2), ("answered", 2, 4)];
    assert_eq!((costs.steps.as_slice(), costs.commits()), (&expected[..], 6));
    let shop = Fixture::new();
    let costs = purchase(&shop, None).await;
    let expected =
        [("started", 2, 2), ("message sent", 2, 3), ("receipt", 1, 2), ("answered", 2, 4)];
    assert_eq!((costs.steps.as_slice(), costs.commits()), (&expected[..], 7));
}

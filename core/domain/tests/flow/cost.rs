//! What a life costs the store. A commit is a sync of the disk and most of what a challenge costs; a read is little, and they
//! add up. A number that rises is to be meant.

use countersign_domain::{
    code::TypedCode,
    id::{MessageId, SessionId},
    message::{Delivery, Inbound, Receipt, Tail},
    ports::Inbox as _,
    record::Batch,
    testing::Fixture,
};

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

    /// The code's way to the phone, until its receipt.
    async fn message(&mut self, id: &MessageId) -> String {
        let Fixture { outbox, messenger, .. } = self.shop;
        self.step("message sent", outbox.send(id, messenger.as_ref())).await.unwrap();
        let receipt = Inbound::Receipt(Receipt {
            ranks: vec![vec!["ref-1".to_owned()]],
            numbers: Tail::of("33612345678").into_iter().collect(),
            delivery: Delivery::Delivered,
        });
        self.step("receipt", outbox.accept(receipt)).await.unwrap();
        let text = messenger.taken().last().unwrap().text.expose().clone();
        self.shop.code_in(&text)
    }
}

#[tokio::test]
async fn a_challenge_with_its_message_costs_five_commits() {
    let shop = Fixture::new();
    let mut costs = Costs::of(&shop);
    let session = SessionId::random(shop.entropy.as_ref()).unwrap();
    let started = shop.verifier.start_challenge(shop.access(session.clone()));
    let challenge = costs.step("started", started).await.unwrap().done().unwrap();
    let code = costs.message(challenge.last_message()).await;
    let typed: TypedCode = code.as_str().try_into().unwrap();
    let finished = shop.verifier.finish_challenge(challenge.id(), &session, &typed);
    let _verified = costs.step("answered", finished).await.unwrap().done().unwrap();
    let expected =
        [("started", 1, 1), ("message sent", 2, 3), ("receipt", 1, 2), ("answered", 1, 2)];
    assert_eq!(costs.steps, expected);
}

#[tokio::test]
async fn a_purchase_with_its_message_costs_seven_commits() {
    let shop = Fixture::new();
    let mut costs = Costs::of(&shop);
    let purchase = shop.purchase("49.90");
    let session = purchase.person.session.clone();
    let started = shop.gateway.start_payment(purchase, Batch::default());
    let payment = costs.step("started", started).await.unwrap();
    let message = shop.gateway.challenge_of(&payment).await.unwrap().last_message().clone();
    let code: TypedCode = costs.message(&message).await.as_str().try_into().unwrap();
    let finished = shop.gateway.finish_payment(&payment, &session, &code);
    costs.step("answered", finished).await.unwrap().done().unwrap();
    let expected =
        [("started", 2, 2), ("message sent", 2, 3), ("receipt", 1, 2), ("answered", 2, 4)];
    assert_eq!(costs.steps, expected);
}

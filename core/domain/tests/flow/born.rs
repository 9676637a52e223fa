//! Messages that are born being sent, as where the network has room: as others in all but that nobody claims them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use countersign_domain::{
    address::Msisdn,
    error::Error,
    event::Event,
    gateway::Gateway,
    id::{MessageId, SessionId},
    limits::{LimitSettings, Limits},
    message::{Delivery, Inbound, Message, MessageState, Receipt, SendError},
    outbox::{Born, Outbox},
    payment::PaymentRequest,
    plan::Order,
    policy::PolicySettings,
    ports::{Clock, Inbox as _, Ports, Reads, Store},
    record::{Batch, RecordKey, StoreError, Stored as _, Version},
    testing::{Fixture, START},
    verifier::Verifier,
};

use crate::{
    crash::{check, recover},
    state_of,
    store::{Act, Eventful, Happening, until_death},
};

/// A store as a server has it when its network has room: what is committed to it with a message is handed over.
pub(crate) struct Births {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    handed: Mutex<Vec<Born>>,
}

impl Births {
    pub(crate) fn on(shop: &Fixture, store: Arc<dyn Store>) -> Arc<Self> {
        let clock = Arc::clone(&shop.ports.clock);
        Arc::new(Self { store, clock, handed: Mutex::default() })
    }

    /// What was handed over since.
    pub(crate) fn take(&self) -> Vec<Born> {
        std::mem::take(&mut *self.handed.lock().unwrap())
    }
}

#[async_trait]
impl Store for Births {
    async fn commit(&self, mut batch: Batch) -> Result<(), StoreError> {
        let mut born = Vec::new();
        for (_, id) in batch.messages.clone() {
            born.extend(Born::in_batch(&mut batch, &id, self.clock.now())?);
        }
        self.store.commit(batch).await?;
        self.handed.lock().unwrap().extend(born);
        Ok(())
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self.store.reads()
    }
}

/// A purchase's message, born and handed over.
async fn born(shop: &Fixture) -> (MessageId, Born) {
    let births = Births::on(shop, shop.store.clone());
    let (gateway, _) = shop.process_on(births.clone());
    let payment = gateway.start_payment(shop.purchase("49.90"), Batch::default()).await.unwrap();
    let id = gateway.challenge_of(&payment).await.unwrap().last_message().clone();
    (id, births.take().pop().unwrap())
}

/// The version of a message's record, and its state.
async fn kept(shop: &Fixture, id: &MessageId) -> (Version, MessageState) {
    let store: &dyn Store = shop.store.as_ref();
    let found = store.expect::<Message>(id.as_str()).await.unwrap();
    (found.version, found.value.state().clone())
}

#[tokio::test]
async fn a_message_is_inserted_as_being_sent_and_is_settled_against_that_commit() {
    let shop = Fixture::new();
    let (id, born) = born(&shop).await;
    assert_eq!(kept(&shop, &id).await, (Version(1), MessageState::Sending { since: START }));
    assert_eq!(shop.outbox.due(10).await.unwrap(), [], "somebody else would send it, too");
    shop.clock.advance_seconds(1);
    let (commits, loads) = (shop.store.commits(), shop.store.loads());
    shop.outbox.send_born(born, shop.messenger.as_ref()).await.unwrap();
    // What is read is whether the network's name for it is known.
    assert_eq!((shop.store.commits() - commits, shop.store.loads() - loads), (1, 1));
    let sent = MessageState::Sent { at: START.plus_seconds(1) };
    assert_eq!(kept(&shop, &id).await, (Version(2), sent));
    let taken = shop.messenger.taken();
    assert_eq!(taken.iter().map(|message| &message.id).collect::<Vec<_>>(), [&id]);
}

#[tokio::test]
async fn it_says_what_a_claimed_one_says() {
    let texts = [true, false].map(async |is_born| {
        let shop = Fixture::new();
        if is_born {
            let (_, born) = born(&shop).await;
            shop.outbox.send_born(born, shop.messenger.as_ref()).await.unwrap();
        } else {
            let purchase = shop.purchase("49.90");
            shop.gateway.start_payment(purchase, Batch::default()).await.unwrap();
            shop.next_message().await.unwrap();
        }
        let message = shop.messenger.taken().pop().unwrap();
        (message.text.expose().clone(), message.valid_for_seconds, message.to)
    });
    let [of_born, of_claimed] = texts;
    assert_eq!(of_born.await, of_claimed.await);
}

#[tokio::test]
async fn what_the_network_has_no_room_for_after_all_gets_its_place_in_the_line() {
    let shop = Fixture::new();
    let (id, born) = born(&shop).await;
    shop.clock.advance_seconds(1);
    let full = SendError::Waiting { cause: "full".to_owned() };
    shop.messenger.fail_with(Some(full));
    shop.outbox.send_born(born, shop.messenger.as_ref()).await.unwrap();
    let back = MessageState::Queued { not_before: START };
    assert_eq!(kept(&shop, &id).await, (Version(2), back));
    shop.messenger.fail_with(None);
    shop.next_message().await.unwrap();
    assert_eq!(kept(&shop, &id).await.1.name(), "sent");
}

/// Commits so late that another process may say that the message is in doubt before the network has answered.
#[tokio::test]
async fn one_whose_commit_lasted_too_long_is_put_back_and_sent_once_with_a_lease_of_its_own() {
    for (seconds, expected) in [(9, "sent"), (10, "queued"), (59, "queued")] {
        let shop = Fixture::new();
        let (id, born) = born(&shop).await;
        shop.clock.advance_seconds(seconds);
        shop.outbox.send_born(born, shop.messenger.as_ref()).await.unwrap();
        assert_eq!(kept(&shop, &id).await.1.name(), expected, "{seconds} s");
        shop.next_message().await.unwrap();
        assert_eq!(kept(&shop, &id).await.1.name(), "sent");
        assert_eq!(shop.messenger.taken().len(), 1);
    }
}

#[tokio::test]
async fn one_that_is_in_doubt_by_another_process_is_not_sent() {
    let shop = Fixture::new();
    let (id, born) = born(&shop).await;
    shop.clock.advance_seconds(60);
    assert_eq!(shop.next_message().await, None);
    shop.outbox.send_born(born, shop.messenger.as_ref()).await.unwrap();
    assert_eq!(kept(&shop, &id).await.1.name(), "unconfirmed");
    assert_eq!(shop.next_message().await, None);
}

#[tokio::test]
async fn one_whose_commit_is_not_known_to_have_failed_is_put_back_once_it_is_there() {
    let shop = Fixture::new();
    let mut batch = Batch::default();
    let session = SessionId::random(shop.entropy.as_ref()).unwrap();
    let begun = shop.verifier.add_challenge(shop.access(session), &mut batch).await.unwrap();
    let id = begun.done().unwrap().last_message().clone();
    let born = Born::in_batch(&mut batch, &id, shop.clock.now()).unwrap().unwrap();
    assert_eq!(shop.outbox.put_back_born(&born).await, Ok(false));
    shop.store.commit(batch).await.unwrap();
    // A fault of the store on the way there, too, after which it is asked again.
    for at in 1..=2 {
        let store = Eventful::on(shop.store.clone(), at, Happening::FailsBefore);
        let (_, outbox) = shop.process_on(store);
        assert!(outbox.put_back_born(&born).await.is_err());
    }
    let (_, outbox) = shop.process_on(Eventful::on(shop.store.clone(), 2, Happening::FailsAfter));
    assert!(outbox.put_back_born(&born).await.is_err());
    assert_eq!(kept(&shop, &id).await.1, MessageState::Queued { not_before: START });
    shop.next_message().await.unwrap();
    // It is in other hands by now.
    assert_eq!(shop.outbox.put_back_born(&born).await, Ok(true));
    assert_eq!(kept(&shop, &id).await.1.name(), "sent");
    assert_eq!(shop.messenger.taken().len(), 1);
    assert!(!format!("{born:?}").contains("33612345678"));
}

#[tokio::test]
async fn one_that_nobody_sent_is_in_doubt_after_its_lease_and_is_never_sent() {
    let shop = Fixture::new();
    let (id, handed) = born(&shop).await;
    // The process dies with it.
    drop(handed);
    shop.clock.advance_seconds(59);
    assert_eq!(shop.next_message().await, None);
    assert_eq!(kept(&shop, &id).await.1.name(), "sending");
    shop.clock.advance_seconds(1);
    assert_eq!(shop.next_message().await, None);
    let now = START.plus_seconds(60);
    assert_eq!(kept(&shop, &id).await, (Version(2), MessageState::Unconfirmed { at: now }));
    shop.clock.advance_seconds(60);
    assert_eq!(shop.next_message().await, None);
}

#[tokio::test]
async fn a_payer_whose_message_nobody_sent_asks_again_and_gets_the_code() {
    let shop = Fixture::new();
    let births = Births::on(&shop, shop.store.clone());
    let (gateway, _) = shop.process_on(births.clone());
    let purchase = shop.purchase("49.90");
    let session = purchase.person.session.clone();
    let payment = gateway.start_payment(purchase, Batch::default()).await.unwrap();
    drop(births.take());
    shop.clock.advance_seconds(30);
    // Born, too, in a commit that replaces the challenge.
    gateway.resend_code(&payment, &session).await.unwrap().done().unwrap();
    for born in births.take() {
        shop.outbox.send_born(born, shop.messenger.as_ref()).await.unwrap();
    }
    let taken = shop.messenger.taken();
    let code = shop.code_in(taken.last().unwrap().text.expose());
    assert_eq!(taken.len(), 1);
    let typed: countersign_domain::code::TypedCode = code.as_str().try_into().unwrap();
    gateway.finish_payment(&payment, &session, &typed).await.unwrap().done().unwrap();
    assert_eq!(state_of(&shop, payment.id()).await, "captured");
}

#[tokio::test]
async fn a_commit_that_fails_hands_nothing_over() {
    for (what, is_kept) in [(Happening::FailsBefore, false), (Happening::FailsAfter, true)] {
        let shop = Fixture::new();
        let session = SessionId::random(shop.entropy.as_ref()).unwrap();
        // How the phone stands is looked at before.
        let births = Births::on(&shop, Eventful::on(shop.store.clone(), 2, what));
        let ports = Ports { store: births.clone(), ..shop.ports.clone() };
        let verifier = Verifier::new(ports, shop.policy.clone());
        let started = verifier.start_challenge(shop.access(session)).await;
        assert!(matches!(started, Err(Error::Store(StoreError::Unavailable { .. }))));
        assert!(births.take().is_empty());
        let messages = shop.store.records().into_iter();
        let messages = messages.filter(|record| record.key.collection == Message::COLLECTION);
        assert_eq!(messages.count(), usize::from(is_kept));
        shop.clock.advance_seconds(60);
        assert_eq!(shop.next_message().await, None);
    }
}

#[tokio::test]
async fn only_a_message_that_is_due_beside_its_challenge_is_born() {
    let shop = Fixture::new();
    let session = SessionId::random(shop.entropy.as_ref()).unwrap();
    let mut whole = Batch::default();
    let begun = shop.verifier.add_challenge(shop.access(session), &mut whole).await.unwrap();
    let challenge = begun.done().unwrap();
    let id = challenge.last_message();
    let without = |collection: &str| {
        let mut batch = whole.clone();
        batch.inserts.retain(|record| record.key.collection != collection);
        batch
    };
    let now = shop.clock.now();
    let before = countersign_domain::time::Timestamp::from_unix_millis(now.unix_millis() - 1);
    for (mut batch, now) in [
        (without("message"), now),
        (without("challenge"), now),
        (whole.clone(), before),
        (Batch::default(), now),
    ] {
        let as_it_was = batch.clone();
        assert!(Born::in_batch(&mut batch, id, now).unwrap().is_none());
        assert_eq!(batch, as_it_was);
    }
    let mut batch = whole.clone();
    assert!(Born::in_batch(&mut batch, id, now).unwrap().is_some());
    assert!(Born::in_batch(&mut batch, id, now).unwrap().is_none(), "it is born twice");
    assert_eq!(batch.inserts.len(), whole.inserts.len());
}

#[tokio::test]
async fn a_message_that_goes_nowhere_is_never_born() {
    let shop = Fixture::new();
    let births = Births::on(&shop, shop.store.clone());
    let ports = Ports { store: births.clone(), ..shop.ports.clone() };
    let verifier = Verifier::new(ports, shop.policy.clone());
    for (is_known, number) in [(false, "+999123123123"), (true, "+881612345678")] {
        let mut request = shop.access(SessionId::random(shop.entropy.as_ref()).unwrap());
        request.person.address = Msisdn::try_from(number).unwrap().into();
        let mut batch = Batch::default();
        let begun = verifier.add_untold_challenge(request, is_known, &mut batch).await.unwrap();
        births.commit(batch).await.unwrap();
        assert!(births.take().is_empty(), "{number}");
        let id = begun.done().unwrap().last_message().clone();
        assert!(matches!(kept(&shop, &id).await.1, MessageState::Withheld { .. }));
    }
}

#[tokio::test]
async fn a_phone_that_is_blocked_is_told_by_a_born_message() {
    let shop = Fixture::new();
    let births = Births::on(&shop, shop.store.clone());
    let ports = Ports { store: births.clone(), ..shop.ports.clone() };
    let settings = LimitSettings { failures_in_a_row: 1, ..LimitSettings::default() };
    let verifier =
        Verifier::new(ports, shop.policy.clone()).with_limits(Limits::try_from(settings).unwrap());
    let session = SessionId::random(shop.entropy.as_ref()).unwrap();
    let begun = verifier.start_challenge(shop.access(session.clone())).await.unwrap();
    drop(births.take());
    let wrong = countersign_domain::code::TypedCode::try_from("0000000000").unwrap();
    let challenge = begun.done().unwrap();
    let answered = verifier.finish_challenge(challenge.id(), &session, &wrong).await.unwrap();
    assert!(answered.done().is_err());
    for born in births.take() {
        shop.outbox.send_born(born, shop.messenger.as_ref()).await.unwrap();
    }
    let texts = shop.messenger.taken();
    let [told] = texts.as_slice() else { panic!("{texts:?}") };
    assert!(!told.text.expose().contains('#'), "it has a code");
}

fn delivered(names: &[&str]) -> Inbound {
    let ranks = vec![names.iter().copied().map(str::to_owned).collect()];
    Inbound::Receipt(Receipt { ranks, numbers: Vec::new(), delivery: Delivery::Delivered })
}

#[tokio::test]
async fn a_receipt_before_or_after_the_answer_finds_a_born_message() {
    for is_early in [true, false] {
        let shop = Fixture::new();
        let (id, born) = born(&shop).await;
        if is_early {
            shop.outbox.accept(delivered(&["ref-1"])).await.unwrap();
        }
        shop.outbox.send_born(born, shop.messenger.as_ref()).await.unwrap();
        if !is_early {
            shop.outbox.accept(delivered(&["ref-1"])).await.unwrap();
        }
        assert_eq!(kept(&shop, &id).await.1.name(), "delivered", "early: {is_early}");
    }
}

#[tokio::test]
async fn a_receipt_that_comes_while_the_answer_is_kept_finds_a_born_message() {
    for at in 1.. {
        let shop = Fixture::new();
        let (id, born) = born(&shop).await;
        let other = shop.outbox.clone();
        let act = move || -> Act {
            let other = other.clone();
            Box::pin(async move { other.accept(delivered(&["ref-1"])).await.unwrap() })
        };
        let store = Eventful::on(shop.store.clone(), at, Happening::Meanwhile(Box::new(act)));
        let (_, outbox) = shop.process_on(store.clone());
        outbox.send_born(born, shop.messenger.as_ref()).await.unwrap();
        if !store.has_happened() {
            assert!(at > 2, "an answer has more operations than {at}");
            break;
        }
        assert_eq!(kept(&shop, &id).await.1.name(), "delivered", "operation {at}");
    }
}

/// Starts, sends what was born, and types the code back.
async fn buy(
    shop: &Fixture,
    births: &Births,
    (gateway, outbox): &(Gateway, Outbox),
    purchase: PaymentRequest,
) -> Result<(), Error> {
    let session = purchase.person.session.clone();
    let payment = gateway.start_payment(purchase, Batch::default()).await?;
    for born in births.take() {
        outbox.send_born(born, shop.messenger.as_ref()).await?;
    }
    let taken = shop.messenger.taken();
    let code = shop.code_in(taken.last().unwrap().text.expose());
    gateway.finish_payment(&payment, &session, &code.try_into()?).await.map(|_| ())
}

#[tokio::test]
async fn a_failure_or_a_death_at_any_operation_loses_and_doubles_nothing() {
    let all: [fn() -> Happening; 4] = [
        || Happening::FailsBefore,
        || Happening::FailsAfter,
        || Happening::DiesBefore,
        || Happening::DiesAfter,
    ];
    for order in [Order::BankFirst, Order::CodeFirst] {
        for what in all {
            let mut in_doubt = 0;
            for at in 1.. {
                let policy = PolicySettings { order, ..PolicySettings::bank_first() };
                let shop = Fixture::with_policy(policy);
                let store = Eventful::on(shop.store.clone(), at, what());
                let births = Births::on(&shop, store.clone());
                let process = shop.process_on(births.clone());
                let purchase = shop.purchase("49.90");
                let id = purchase.payment.clone();
                until_death(buy(&shop, &births, &process, purchase)).await;
                if !store.has_happened() {
                    assert_eq!(state_of(&shop, &id).await, "captured");
                    assert!(at > 10, "a purchase has more operations than {at}");
                    break;
                }
                recover(&shop).await;
                check(&shop, &id).await;
                in_doubt += usize::from(was_in_doubt(&shop).await);
            }
            assert!(in_doubt > 0, "{order:?}");
        }
    }
}

/// Whether a message ended unconfirmed.
async fn was_in_doubt(shop: &Fixture) -> bool {
    for record in shop.store.records() {
        let key = RecordKey { collection: "challenge", id: record.key.id };
        let facts = shop.store.facts(&key).await.unwrap();
        if facts.iter().any(|fact| matches!(fact.event, Event::MessageUnconfirmed { .. })) {
            return true;
        }
    }
    false
}

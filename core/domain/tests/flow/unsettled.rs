//! What the bank refuses to do, or never answers: it is told again ever later, until a person looks and ends it.

use std::{collections::BTreeSet, sync::Arc};

use countersign_domain::{
    bank::BankError,
    error::Error,
    event::Event,
    gateway::{Credit, Gateway, StuckPayments},
    id::PaymentId,
    keys::KeyRing,
    policy::PolicySettings,
    ports::{Ports, Reads as _},
    record::{Batch, RecordKey},
    secret::Secret,
    settlement::{BankOperation, Because, Settlement},
    testing::{Fixture, purchase},
};

use crate::{
    Waiting,
    crash::started_by_a_dead_process,
    purchase::{authorized, silent},
    state_of,
    store::{Eventful, Happening, until_death},
};

const DAY_SECONDS: u32 = 86_400;

fn refused(response: &str) -> BankError {
    BankError::Refused { response: response.to_owned().try_into().unwrap() }
}

fn because() -> Because {
    "told by the bank's desk".to_owned().try_into().unwrap()
}

fn stuck(shop: &Fixture) -> StuckPayments {
    StuckPayments::new(shop.ports.store.clone(), shop.ports.clock.clone())
}

/// The facts of a payment, by their names.
async fn trace(shop: &Fixture, id: &PaymentId) -> Vec<String> {
    let about = RecordKey { collection: "payment", id: id.to_string() };
    let facts = shop.store.facts(&about).await.unwrap();
    let name = |event: &Event| {
        serde_json::to_value(event).unwrap().get("event").unwrap().as_str().unwrap().to_owned()
    };
    facts.iter().map(|fact| name(&fact.event)).collect()
}

/// Whether the payment's record holds a sealed card.
async fn has_card(shop: &Fixture, id: &PaymentId) -> bool {
    let key = RecordKey { collection: "payment", id: id.to_string() };
    let record = shop.store.load(&key).await.unwrap().unwrap();
    let body: serde_json::Value = serde_json::from_str(&record.body).unwrap();
    !body.get("sealed_card").unwrap().is_null()
}

/// Time goes by in steps of that many seconds, and each time what is due is resumed.
async fn pass(shop: &Fixture, seconds: u32, step: u32) {
    for _ in 0..seconds / step {
        shop.clock.advance_seconds(step.into());
        shop.gateway.resume(10).await.unwrap();
    }
}

/// A payment of 49.90 that was not agreed to, and whose release the bank refuses.
async fn releasing(shop: &Fixture) -> PaymentId {
    let waiting = Waiting::at(shop, "49.90").await;
    shop.bank.fail_with(Some(refused("12")));
    shop.gateway.cancel_payment(&waiting.payment).await.unwrap();
    waiting.payment.id().clone()
}

fn crediting_shop() -> Fixture {
    Fixture::with_policy(PolicySettings { credit_days: 30, ..PolicySettings::bank_first() })
}

/// A payment of 49.90 that is captured, and can be credited.
async fn captured(shop: &Fixture) -> PaymentId {
    let id = authorized(shop).await;
    let amount = purchase("49.90").amount();
    shop.gateway.capture_payment(&id, amount, Batch::default()).await.unwrap();
    id
}

#[tokio::test]
async fn a_release_that_is_refused_is_a_fact_at_once_and_stuck_after_the_third_time() {
    let shop = Fixture::new();
    let id = releasing(&shop).await;
    let facts = trace(&shop, &id).await;
    assert_eq!(facts.last().map(String::as_str), Some("bank_refused"), "{facts:?}");
    assert_eq!(stuck(&shop).list(10).await, Ok(vec![]));
    pass(&shop, 44, 1).await;
    assert_eq!(stuck(&shop).list(10).await, Ok(vec![]), "told twice: at once and after 15 s");
    pass(&shop, 1, 1).await;
    let facts = trace(&shop, &id).await;
    assert_eq!(facts[facts.len() - 2..], ["bank_refused", "payment_stuck"]);
    let told = shop.bank.calls().len();
    pass(&shop, 30 * DAY_SECONDS, DAY_SECONDS).await;
    assert_eq!(shop.bank.calls().len(), told, "it is told no more");
    let [stuck_one] = &stuck(&shop).list(10).await.unwrap()[..] else { panic!("not one") };
    assert_eq!((stuck_one.id.as_str(), stuck_one.operation), (id.as_str(), BankOperation::Void));
    assert_eq!(
        (stuck_one.tries, stuck_one.response.clone()),
        (3, Some("12".to_owned().try_into().unwrap()))
    );
    assert_eq!(state_of(&shop, &id).await, "voiding", "it is not said to be voided");
    assert!(has_card(&shop, &id).await, "a person may have the bank told again");
}

#[tokio::test]
async fn what_a_person_confirms_ends_it_with_a_fact_and_the_card_is_gone() {
    let shop = Fixture::new();
    let id = releasing(&shop).await;
    pass(&shop, 45, 15).await;
    let desk = stuck(&shop);
    let wrong = desk.settle(&id, Settlement::Captured, &because()).await;
    assert!(matches!(wrong, Err(Error::NotNow { state: "voiding", .. })), "{wrong:?}");
    let settled = desk.settle(&id, Settlement::Voided, &because()).await.unwrap();
    assert_eq!(settled.state().name(), "voided");
    let facts = trace(&shop, &id).await;
    assert_eq!(facts[facts.len() - 2..], ["payment_settled", "payment_voided"]);
    assert!(!has_card(&shop, &id).await);
    assert_eq!(desk.list(10).await, Ok(vec![]));
    let twice = desk.settle(&id, Settlement::Voided, &because()).await;
    assert!(matches!(twice, Err(Error::NotNow { state: "voided", .. })), "{twice:?}");
    assert!(shop.store.postings().is_empty());
}

#[tokio::test]
async fn a_person_may_have_the_bank_told_again() {
    let shop = Fixture::new();
    let id = releasing(&shop).await;
    pass(&shop, 45, 15).await;
    shop.bank.fail_with(None);
    stuck(&shop).retry(&id).await.unwrap();
    assert_eq!(stuck(&shop).list(10).await, Ok(vec![]));
    assert_eq!(shop.gateway.resume(10).await, Ok(1));
    assert_eq!(state_of(&shop, &id).await, "voided");
}

#[tokio::test]
async fn a_capture_that_nobody_answers_for_seven_days_is_stuck_and_posted_when_confirmed() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    shop.bank.fail_with(Some(silent()));
    assert_eq!(waiting.finish(&shop, &waiting.right_code()).await.0, "capturing");
    let id = waiting.payment.id();
    pass(&shop, 7 * DAY_SECONDS - 3_600, 3_600).await;
    assert_eq!(stuck(&shop).list(10).await, Ok(vec![]));
    pass(&shop, 3_600, 3_600).await;
    let told = shop.bank.calls().len();
    assert!((100..200).contains(&told), "every hour and not every 15 s: {told}");
    let list = stuck(&shop).list(10).await.unwrap();
    assert_eq!(list.first().map(|stuck| stuck.operation), Some(BankOperation::Capture));
    assert!(shop.store.postings().is_empty());
    stuck(&shop).settle(id, Settlement::Captured, &because()).await.unwrap();
    assert_eq!((state_of(&shop, id).await, shop.store.postings().len()), ("captured", 1));
}

#[tokio::test]
async fn a_credit_that_is_refused_only_on_a_repeat_is_never_said_to_be_refused() {
    let shop = crediting_shop();
    let id = captured(&shop).await;
    let amount = purchase("10.00").amount();
    shop.bank.fail_with(Some(silent()));
    let first = shop.gateway.credit_payment(&id, amount, Batch::default()).await.unwrap();
    assert!(matches!(first, Credit::UnderWay(_)), "{first:?}");
    shop.bank.fail_with(Some(refused("57")));
    pass(&shop, 15, 15).await;
    assert_eq!(state_of(&shop, &id).await, "crediting", "the first may have been done");
    pass(&shop, 30 + 60, 15).await;
    let facts = trace(&shop, &id).await;
    assert!(!facts.contains(&"credit_refused".to_owned()), "{facts:?}");
    let list = stuck(&shop).list(10).await.unwrap();
    assert_eq!(list.first().map(|stuck| stuck.operation), Some(BankOperation::Credit));
    stuck(&shop).settle(&id, Settlement::Credited, &because()).await.unwrap();
    let payment = shop.gateway.payment(&id).await.unwrap();
    assert_eq!(payment.state().capture().unwrap().credited_minor, 1_000);
    assert_eq!(shop.store.postings().len(), 2);
}

#[tokio::test]
async fn a_credit_that_was_never_sent_is_refused_by_the_first_answer() {
    let shop = crediting_shop();
    let id = captured(&shop).await;
    let amount = purchase("10.00").amount();
    shop.bank.fail_with(Some(BankError::Unreachable { cause: "down".to_owned() }));
    let first = shop.gateway.credit_payment(&id, amount, Batch::default()).await.unwrap();
    assert!(matches!(first, Credit::UnderWay(_)), "{first:?}");
    shop.bank.fail_with(Some(refused("57")));
    pass(&shop, 15, 15).await;
    assert_eq!(state_of(&shop, &id).await, "captured");
    assert_eq!(trace(&shop, &id).await.last().map(String::as_str), Some("credit_refused"));
}

#[tokio::test]
async fn an_undone_credit_that_is_refused_only_on_a_repeat_waits_for_a_person() {
    let shop = crediting_shop();
    let id = captured(&shop).await;
    let amount = purchase("10.00").amount();
    let credited = shop.gateway.credit_payment(&id, amount, Batch::default()).await.unwrap();
    assert!(matches!(credited, Credit::Done(_)), "{credited:?}");
    shop.bank.fail_with(Some(silent()));
    let first = shop.gateway.reverse_credit(&id, amount, Batch::default()).await.unwrap();
    assert!(matches!(first, Credit::UnderWay(_)), "{first:?}");
    shop.bank.fail_with(Some(refused("51")));
    pass(&shop, 15 + 30 + 60, 15).await;
    let list = stuck(&shop).list(10).await.unwrap();
    assert_eq!(list.first().map(|stuck| stuck.operation), Some(BankOperation::ReverseCredit));
    stuck(&shop).settle(&id, Settlement::CreditNotReversed, &because()).await.unwrap();
    let payment = shop.gateway.payment(&id).await.unwrap();
    assert_eq!(payment.state().capture().unwrap().credited_minor, 1_000);
    assert_eq!(shop.store.postings().len(), 2);
}

#[tokio::test]
async fn a_death_at_any_operation_of_a_refused_release_leaves_it_due_or_in_the_list() {
    let mut at_which = BTreeSet::new();
    for what in [|| Happening::DiesBefore, || Happening::DiesAfter, || Happening::FailsAfter] {
        for at in 1.. {
            let shop = Fixture::new();
            let id = started_by_a_dead_process(&shop).await;
            shop.bank.fail_with(Some(refused("12")));
            shop.clock.advance_seconds(60);
            let store = Eventful::on(shop.store.clone(), at, what());
            let (gateway, _) = shop.process_on(store.clone());
            until_death(async {
                for _ in 0..4 {
                    let _: Result<usize, Error> = gateway.resume(10).await;
                    shop.clock.advance_seconds(60);
                }
            })
            .await;
            if !store.has_happened() {
                break;
            }
            at_which.insert(at);
            pass(&shop, 600, 60).await;
            let list = stuck(&shop).list(10).await.unwrap();
            assert_eq!(list.len(), 1, "at {at}");
            assert_eq!(shop.gateway.payment(&id).await.unwrap().stuck(), list.first().cloned());
            let facts = trace(&shop, &id).await;
            assert_eq!(facts.iter().filter(|name| *name == "payment_stuck").count(), 1);
            stuck(&shop).settle(&id, Settlement::Voided, &because()).await.unwrap();
            assert_eq!(state_of(&shop, &id).await, "voided");
        }
    }
    assert!(at_which.len() > 6, "{at_which:?}");
}

#[tokio::test]
async fn a_death_while_a_person_settles_settles_all_or_nothing() {
    let mut ends = BTreeSet::new();
    for what in [|| Happening::DiesBefore, || Happening::DiesAfter, || Happening::FailsAfter] {
        for at in 1.. {
            let shop = Fixture::new();
            let waiting = Waiting::at(&shop, "49.90").await;
            shop.bank.fail_with(Some(silent()));
            waiting.finish(&shop, &waiting.right_code()).await;
            pass(&shop, 8 * DAY_SECONDS, 3_600).await;
            let id = waiting.payment.id();
            let store = Eventful::on(shop.store.clone(), at, what());
            let desk = StuckPayments::new(store.clone(), shop.ports.clock.clone());
            until_death(desk.settle(id, Settlement::Captured, &because())).await;
            let listed = stuck(&shop).list(10).await.unwrap().len();
            let (state, posted) = (state_of(&shop, id).await, shop.store.postings().len());
            assert!(matches!((state, posted, listed), ("captured", 1, 0) | ("capturing", 0, 1)));
            ends.insert(state);
            if !store.has_happened() {
                assert_eq!(state, "captured");
                break;
            }
        }
    }
    assert_eq!(ends, BTreeSet::from(["captured", "capturing"]));
}

/// A process that has the store and no key that anything in it was sealed under.
fn without_its_key(shop: &Fixture) -> Gateway {
    let masters = vec![("2".try_into().unwrap(), Secret::new([0x22; 32]))];
    let keys = Arc::new(KeyRing::new("2".try_into().unwrap(), masters).unwrap());
    let ports = Ports { keys, ..shop.ports.clone() };
    Gateway::new(ports, shop.bank.clone(), shop.verifier.clone())
}

#[tokio::test]
async fn a_payment_whose_card_does_not_open_is_for_a_person_and_is_done_once_its_key_is_back() {
    for (died_unauthorized, operation, end) in
        [(false, BankOperation::Capture, "captured"), (true, BankOperation::Void, "voided")]
    {
        let shop = Fixture::new();
        let id = if died_unauthorized {
            let id = started_by_a_dead_process(&shop).await;
            shop.clock.advance_seconds(60);
            id
        } else {
            let waiting = Waiting::at(&shop, "49.90").await;
            shop.bank.fail_with(Some(silent()));
            waiting.finish(&shop, &waiting.right_code()).await;
            shop.bank.fail_with(None);
            waiting.payment.id().clone()
        };
        let (told, keyless) = (shop.bank.calls().len(), without_its_key(&shop));
        for _ in 0..DAY_SECONDS / 3_600 {
            shop.clock.advance_seconds(3_600);
            keyless.resume(10).await.unwrap();
        }
        assert_eq!(shop.bank.calls().len(), told, "the bank cannot be told without a card");
        let list = stuck(&shop).list(10).await.unwrap();
        let [listed] = &list[..] else { panic!("{list:?}") };
        assert_eq!((listed.operation, listed.card_does_not_open), (operation, true));
        assert_eq!(listed.response, None, "the bank refused nothing");
        assert_eq!(trace(&shop, &id).await.last().map(String::as_str), Some("payment_stuck"));

        stuck(&shop).retry(&id).await.unwrap();
        assert_eq!(shop.gateway.resume(10).await, Ok(1));
        assert_eq!(state_of(&shop, &id).await, end);
    }
}

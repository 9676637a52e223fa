//! A merchant with many customers, and a store with much to do.

use std::{
    collections::BTreeSet,
    mem::take,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use countersign_domain::{
    ports::{Reads, Store},
    record::{Batch, StoreError},
    testing::{Fixture, MemoryStore, Unhurried},
};
use countersign_wallet::{
    error::{MoneyRefusal, WalletError},
    testing::{Parties, Rich},
};
use countersign_web::problem::Problem;

/// A store that notes what could make one commit wait for another: records, and accounts with floors.
struct Noting {
    store: Arc<MemoryStore>,
    noted: Mutex<BTreeSet<String>>,
    /// What it answers instead of committing.
    fails_with: Mutex<Option<StoreError>>,
}

impl Noting {
    fn on(store: Arc<MemoryStore>) -> Arc<Self> {
        Arc::new(Self { store, noted: Mutex::default(), fails_with: Mutex::default() })
    }
}

#[async_trait]
impl Store for Noting {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        if let Some(error) = self.fails_with.lock().unwrap().clone() {
            return Err(error);
        }
        let records = batch.inserts.iter().chain(&batch.replacements);
        let records = records.map(|record| record.key.to_string());
        let floors = batch.postings.iter().filter(|posting| posting.floor_minor.is_some());
        let floors = floors.map(|posting| posting.debit.to_string());
        self.noted.lock().unwrap().extend(records.chain(floors));
        self.store.commit(batch).await
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self.store.as_ref()
    }
}

#[tokio::test]
async fn two_customers_of_one_merchant_write_no_record_and_check_no_floor_of_each_others() {
    let fixture = Fixture::new();
    let noting = Noting::on(fixture.store.clone());
    let parties = Parties::on(fixture, noting.clone()).await;
    let process = &parties.process;
    let buy = async |who: &Rich, number: &str, by_card: bool| {
        let ticket = parties.ticket(number, "10.00");
        let signed = parties.till.sign(&ticket).unwrap();
        let pay = match by_card {
            true => who.from_card(&signed, number),
            false => who.from_wallet(&signed, number),
        };
        take(&mut *noting.noted.lock().unwrap());
        let started = process.wallets.start_payment(&who.visitor, &pay).await.unwrap();
        let code = process.read(started.code.as_ref().unwrap()).await;
        let typed = parties.typed(&started, &ticket, &code);
        process.wallets.finish_payment(&who.visitor, &typed).await.unwrap();
        take(&mut *noting.noted.lock().unwrap())
    };
    let alice = process.person_with("alice", "100.00").await;
    let bob = process.person_with("bob", "100.00").await;
    for (number, by_card) in [("wallet", false), ("by-card", true)] {
        let hers = buy(&alice, &format!("{number}-alice"), by_card).await;
        let his = buy(&bob, &format!("{number}-bob"), by_card).await;
        assert!(hers.len() > 3, "{hers:?}");
        assert_eq!(hers.intersection(&his).collect::<Vec<_>>(), Vec::<&String>::new());
    }
}

#[tokio::test]
async fn a_store_that_is_busy_says_try_again_and_never_that_there_are_no_funds() {
    let fixture = Fixture::new();
    let noting = Noting::on(fixture.store.clone());
    let parties = Parties::on(fixture, noting.clone()).await;
    let alice = parties.process.person_with("alice", "100.00").await;
    let (wallets, visitor) = (&parties.process.wallets, &alice.visitor);
    let pay = alice.from_wallet(&parties.signed("ticket-0001", "10.00"), "nonce-0001");
    let out = alice.transfer("take-out-1", "10.00");
    let busy = StoreError::Conflict { key: "a record".to_owned() };
    let down = StoreError::Unavailable { cause: "the disk is full".to_owned() };
    for (error, status, name) in [(busy, 409, "changed-meanwhile"), (down, 503, "outcome-unknown")]
    {
        *noting.fails_with.lock().unwrap() = Some(error);
        let paying = wallets.start_payment(visitor, &pay).await.unwrap_err();
        let taking = wallets.take_out(visitor, &out).await.unwrap_err();
        for refused in [paying, taking] {
            let problem = Problem::from(refused);
            assert_eq!((problem.status().as_u16(), problem.name()), (status, name));
        }
    }
    *noting.fails_with.lock().unwrap() = None;
    assert!(wallets.start_payment(visitor, &pay).await.is_ok());
    assert!(wallets.take_out(visitor, &out).await.is_ok());
}

#[tokio::test]
async fn two_payments_at_once_spend_no_more_than_there_is() {
    let fixture = Fixture::new();
    let store = Arc::new(Unhurried(fixture.store.clone()));
    let parties = Parties::on(fixture, store).await;
    let alice = parties.process.person_with("alice", "100.00").await;
    let (wallets, visitor) = (&parties.process.wallets, &alice.visitor);
    let requests = ["ticket-0001", "ticket-0002"]
        .map(|number| alice.from_wallet(&parties.signed(number, "60.00"), number));
    let [one, two] = &requests;
    let (one, two) =
        tokio::join!(wallets.start_payment(visitor, one), wallets.start_payment(visitor, two));
    let poor = WalletError::Money(MoneyRefusal::InsufficientFunds);
    assert_eq!([one, two].into_iter().filter_map(Result::err).collect::<Vec<_>>(), [poor]);
    let left = wallets.wallet(visitor, &alice.wallet).await.unwrap();
    assert_eq!((left.available_minor, left.held_minor), (4_000, 6_000));
}

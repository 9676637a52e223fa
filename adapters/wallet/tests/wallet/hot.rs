//! A merchant with many customers.

use std::{
    collections::BTreeSet,
    mem::take,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use countersign_domain::{
    ports::{Reads, Store},
    record::{Batch, StoreError},
    testing::{Fixture, MemoryStore},
};
use countersign_wallet::testing::{Parties, Rich};

/// A store that notes what could make one commit wait for another: records, and accounts with floors.
struct Noting {
    store: Arc<MemoryStore>,
    noted: Mutex<BTreeSet<String>>,
}

#[async_trait]
impl Store for Noting {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
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
    let noting = Arc::new(Noting { store: fixture.store.clone(), noted: Mutex::default() });
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

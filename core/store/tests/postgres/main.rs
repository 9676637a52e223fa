//! What is PostgreSQL's own: several processes on one database, a connection that is lost in the middle of a commit, what is
//! refused at the start. The rules of the port are in `contract`.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

mod encrypted;
mod lost;
mod plans;
mod refused;
mod shards;
mod shared;
mod silent;
mod slow;
mod snapshot;
mod standby;
mod wire;

use std::sync::Arc;

use countersign_domain::{
    amount::Amount,
    event::{Event, Fact},
    keys::KeyRing,
    record::{Batch, Record, RecordKey, Version},
    register::{Account, Posting},
    secret::Secret,
    time::Timestamp,
};
use countersign_store::{Database, DatabaseError, PostgresStore, testing};

fn ring(octet: u8) -> Arc<KeyRing> {
    let id = || "1".try_into().unwrap();
    Arc::new(KeyRing::new(id(), vec![(id(), Secret::new([octet; 32]))]).unwrap())
}

/// Opens a store as another process would.
async fn open(database: &Database) -> Result<PostgresStore, DatabaseError> {
    PostgresStore::open(database, ring(1)).await
}

/// The URL of a new store, and the store.
async fn fresh() -> (String, PostgresStore) {
    let url = testing::empty_database();
    let database = testing::database(&url);
    countersign_store::make_schema(&database).await.unwrap();
    let store = open(&database).await.unwrap();
    (url, store)
}

fn note(id: &str) -> RecordKey {
    RecordKey { collection: "note", id: id.to_owned() }
}

fn inserts(id: &str) -> Batch {
    let record = Record {
        key: note(id),
        version: Version::FIRST,
        due_at: None,
        final_at: None,
        body: "{}".to_owned(),
    };
    Batch { inserts: vec![record], ..Batch::default() }
}

fn happened(id: &str, number: u8) -> Batch {
    let at = Timestamp::from_unix_millis(u64::from(number));
    let fact = Fact { at, event: Event::AttemptCounted { number } };
    Batch { facts: vec![(note(id), fact)], ..Batch::default() }
}

fn account(name: &str) -> Account {
    Account::try_from(name.to_owned()).unwrap()
}

fn pays(id: &str, debit: &str, credit: &str) -> Posting {
    let amount = Amount::new(1, "EUR".try_into().unwrap()).unwrap();
    let at = Timestamp::from_unix_millis(1);
    Posting::new(id, account(debit), account(credit), amount, at)
}

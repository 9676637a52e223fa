//! Several processes on one database, and values that it does not take.

use std::sync::Arc;

use countersign_domain::{
    ports::{Reads as _, Store as _},
    record::{Batch, Removal, StoreError, Version},
};
use countersign_store::testing;

use crate::{account, fresh, happened, inserts, note, open, pays};

/// Facts whose digest is not over the one before and all of their own row, by PostgreSQL's own SHA-256.
const NOT_CHAINED: &str = "
    SELECT count(*) FROM countersign.facts f LEFT JOIN countersign.facts p ON p.sequence = f.sequence - 1
    WHERE f.digest <> sha256(coalesce(p.digest, decode(repeat('00', 32), 'hex')) || int8send(f.sequence) || int8send(f.at)
        || int8send(octet_length(f.collection)) || convert_to(f.collection, 'UTF8')
        || int8send(octet_length(f.id)) || convert_to(f.id, 'UTF8')
        || int8send(octet_length(f.body)) || convert_to(f.body, 'UTF8'))";

/// Entries that are not the sums of the postings up to them.
const WRONG_ENTRIES: &str = "
    SELECT count(*) FROM countersign.entries e WHERE (e.debit_minor, e.credit_minor) <> (
        SELECT coalesce(sum(amount_minor) FILTER (WHERE debit = e.account), 0),
               coalesce(sum(amount_minor) FILTER (WHERE credit = e.account), 0)
        FROM countersign.postings p WHERE p.sequence <= e.sequence)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_processes_and_batches_that_fail_leave_one_chain_and_right_books() {
    let (url, first) = fresh().await;
    let database = testing::database(&url);
    let stores = [first, open(&database).await.unwrap(), open(&database).await.unwrap()];
    let stores = stores.map(Arc::new);
    let clients = (0..24_u8).map(|client| {
        let store = Arc::clone(stores.iter().cycle().nth(client.into()).unwrap());
        tokio::spawn(async move {
            let mut paid = 0;
            for turn in 0..10 {
                // One hot merchant for all, and a wallet in which there is enough for half of them.
                let id = format!("{client}-{turn}");
                let mut batch = happened("same", client);
                batch.postings.push(pays(&id, "wallet:hot", "shop:hot").not_below(-120));
                match store.commit(batch).await {
                    Ok(()) => paid += 1,
                    Err(error) => {
                        let account = account("wallet:hot");
                        assert_eq!(error, StoreError::Overdrawn { account });
                    }
                }
                let mut conflicts = happened("same", client);
                conflicts.removals.push(Removal { key: note("none"), version: Version::FIRST });
                let conflict = StoreError::Conflict { key: "note none".to_owned() };
                assert_eq!(store.commit(conflicts).await, Err(conflict));
            }
            paid
        })
    });
    let mut paid = 0;
    for client in clients.collect::<Vec<_>>() {
        paid += client.await.unwrap();
    }
    assert_eq!(paid, 120);
    let facts = "SELECT count(*), max(sequence) FROM countersign.facts";
    assert_eq!(testing::sql(&url, facts), "120|120");
    assert_eq!(testing::sql(&url, NOT_CHAINED), "0");
    assert_eq!(testing::sql(&url, WRONG_ENTRIES), "0");
    open(&database).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_one_version_that_several_processes_replace_at_once_one_is_made() {
    let (url, first) = fresh().await;
    first.commit(inserts("a")).await.unwrap();
    let database = testing::database(&url);
    let stores = [first, open(&database).await.unwrap()].map(Arc::new);
    for version in 2..20 {
        let racers = (0..16).map(|racer| {
            let store = Arc::clone(stores.iter().cycle().nth(racer).unwrap());
            tokio::spawn(async move {
                let mut replaced = inserts("a").inserts;
                replaced.iter_mut().for_each(|record| record.version = Version(version));
                store.commit(Batch { replacements: replaced, ..Batch::default() }).await
            })
        });
        let mut made = 0;
        for racer in racers.collect::<Vec<_>>() {
            made += usize::from(racer.await.unwrap().is_ok());
        }
        assert_eq!(made, 1, "version {version}");
    }
}

#[tokio::test]
async fn what_the_database_does_not_take_is_refused_alone() {
    let (_, store) = fresh().await;
    // Longer than what an index holds, and not to be compressed.
    let mut state = 1_u64;
    let long: String = (0..9_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'!' + u8::try_from(state >> 58).unwrap())
        })
        .collect();
    let (nul, good) = ("a\0b", ["1", "2", "3", "4", "5"]);
    let commits = good.map(|id| store.commit(inserts(id)));
    let [one, two, three, four, five] = commits;
    let outcomes = tokio::join!(
        one,
        store.commit(inserts(&long)),
        two,
        store.commit(inserts(nul)),
        three,
        four,
        five
    );
    assert!(matches!(outcomes.1, Err(StoreError::Unavailable { .. })), "{:?}", outcomes.1);
    let cause = "id has a NUL".to_owned();
    assert_eq!(outcomes.3, Err(StoreError::Corrupt { key: format!("note {nul}"), cause }));
    for id in good {
        assert!(store.load(&note(id)).await.unwrap().is_some(), "{id}");
    }
    assert_eq!(store.load(&note(nul)).await, Ok(None));
    assert_eq!(store.facts(&note(nul)).await, Ok(vec![]));
    assert_eq!(store.page("note", "4\0", 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn many_that_wait_share_a_commit() {
    let (_, store) = fresh().await;
    let store = Arc::new(store);
    let clients = (0..64).map(|client| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.commit(inserts(&client.to_string())).await })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap().unwrap();
    }
    assert!(store.commits() < 64, "{}", store.commits());
}

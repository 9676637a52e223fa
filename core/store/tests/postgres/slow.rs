//! A server that is well and slow: what it is asked is bounded there, and nobody waits for what another has given up.

use std::{io::Write as _, process::Stdio, time::Duration};

use countersign_domain::{ports::Reads as _, record::StoreError};
use countersign_store::{PostgresStore, testing};

use crate::{account, inserts, note, open};

/// Somebody who keeps a table of the store for himself; until this is dropped.
struct Keeper(std::process::Child);

impl Keeper {
    async fn of(url: &str, table: &str) -> Self {
        let mut psql = std::process::Command::new(testing::program("psql"));
        let piped = psql.args(["-q", "-t", url]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut holder = piped.spawn().unwrap();
        let lock = format!("BEGIN; LOCK TABLE countersign.{table};\n");
        holder.stdin.as_mut().unwrap().write_all(lock.as_bytes()).unwrap();
        let kept = format!(
            "SELECT pid FROM pg_locks WHERE relation = 'countersign.{table}'::regclass AND granted AND \
             mode = 'AccessExclusiveLock'"
        );
        found(url, &kept).await;
        Self(holder)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What that gives, as soon as it gives something.
async fn found(url: &str, query: &str) -> String {
    loop {
        let found = testing::sql(url, query);
        if !found.is_empty() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const WAITS: &str = "
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// A store with one connection that reads, and a record.
async fn with_one_reader() -> (String, PostgresStore) {
    use countersign_domain::ports::Store as _;
    let url = testing::new_store_url().await;
    let store = open(&testing::database(&url).with_connections(2)).await.unwrap();
    store.commit(inserts("a")).await.unwrap();
    (url, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_is_slow_fails_and_its_connection_stays() {
    let (url, store) = with_one_reader().await;
    let key = note("a");
    let keeper = Keeper::of(&url, "records").await;
    let (slow, pid) = tokio::join!(store.load(&key), found(&url, WAITS));
    let Err(StoreError::Unavailable { cause }) = slow else { panic!("{slow:?}") };
    assert!(cause.ends_with("(57014)"), "{cause}");
    drop(keeper);
    assert!(store.load(&key).await.unwrap().is_some());
    let read =
        format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND state = 'idle'");
    assert_eq!(testing::sql(&url, &read), "1", "the connection is there");
    let reads = [store.in_use()[0].busy, store.in_use()[0].idle];
    assert_eq!(reads, [0, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_read_that_another_has_given_up() {
    let (url, store) = with_one_reader().await;
    let _keeper = Keeper::of(&url, "records").await;
    let key = note("a");
    let pid = tokio::select! {
        read = store.load(&key) => panic!("the table is kept: {read:?}"),
        pid = found(&url, WAITS) => pid,
    };
    store.balance(&account("wallet:a"), "EUR".try_into().unwrap()).await.unwrap();
    let behind = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE pid = {pid} AND query LIKE '%countersign.entries%'"
    );
    assert_eq!(testing::sql(&url, &behind), "0", "it was asked on a connection of its own");
}

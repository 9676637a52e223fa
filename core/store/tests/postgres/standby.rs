//! A synchronous standby that is away: what it does not have is not acknowledged.

use std::time::Duration;

use countersign_domain::ports::Store as _;
use countersign_store::{make_schema, testing};

use crate::{inserts, open};

/// The backend that waits for the standby with its commit; none of those.
async fn waiting(url: &str, but: &str) -> String {
    let waits = format!(
        "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND NOT pid = ANY ('{{{but}}}')"
    );
    loop {
        let pid = testing::sql(url, &waits);
        if !pid.is_empty() {
            return pid;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn set_standby(url: &str, name: &str) {
    testing::sql(url, &format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'"));
    testing::sql(url, "SELECT pg_reload_conf()");
    let is_set = format!("SELECT current_setting('synchronous_standby_names') = '{name}'");
    while testing::sql(url, &is_set) == "f" {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_only_the_primary_has_is_not_acknowledged() {
    let server = testing::Encrypted::start();
    let url = server.socket();
    let database = testing::database(&url);
    make_schema(&database).await.unwrap();
    let store = open(&database).await.unwrap();
    store.commit(inserts("before")).await.unwrap();

    set_standby(&url, "away");
    let mut committed = tokio::spawn(async move { store.commit(inserts("a")).await });
    let waits = waiting(&url, "").await;
    testing::sql(&url, &format!("SELECT pg_terminate_backend({waits}, 10000)"));
    let there = "SELECT count(*) FROM countersign.records WHERE id = 'a'";
    assert_eq!(testing::sql(&url, there), "1", "the primary has it");
    tokio::select! {
        early = &mut committed => panic!("no standby has it: {early:?}"),
        _ = waiting(&url, &waits) => {}
    }
    set_standby(&url, "");
    assert_eq!(committed.await.unwrap(), Ok(()), "whoever is to have it has it by now");
}

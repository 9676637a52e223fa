//! What is found by an index, in a table of some size.

use std::time::Duration;

use countersign_domain::{
    ports::{Reads as _, Store as _},
    record::{Batch, Count, Sweep, Window},
    time::Timestamp,
};
use countersign_store::testing;
use tokio::time::timeout;

use crate::fresh;

const ROWS: &str = "
    INSERT INTO countersign.records (collection, id, version, due_at, final_at, body)
    SELECT 'note', n::text, 1, NULL, n, '{}' FROM generate_series(1, 20000) n;
    INSERT INTO countersign.counters (subject, until, windows) SELECT n::text, n, '{}' FROM generate_series(1, 20000) n;
    ANALYZE countersign.records, countersign.counters; SELECT pg_stat_reset()";

/// Once a backend has told its counts, which it does a while later.
async fn used(url: &str, index: &str) {
    let scans = format!(
        "SELECT sum(idx_scan) FROM pg_stat_user_indexes WHERE schemaname = 'countersign' AND indexrelname = '{index}'"
    );
    let told = async {
        while testing::sql(url, &scans) == "0" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    assert!(timeout(Duration::from_secs(90), told).await.is_ok(), "{index} was not used");
}

#[tokio::test]
async fn what_is_swept_forgotten_and_final_is_found_by_an_index() {
    let (url, store) = fresh().await;
    testing::sql(&url, ROWS);
    let at = Timestamp::from_unix_millis;
    assert_eq!(store.final_between("note", at(5), at(90), 3).await.unwrap().len(), 3);
    used(&url, "records_final").await;
    testing::sql(&url, "SELECT pg_stat_reset()");
    let sweep = Sweep { collection: "note", from: at(0), to: at(50), at_most: 10 };
    let window = Window { counter: "a", until: at(90_000), at_most: 1 };
    let count = Count { subject: "new".to_owned(), at: at(500), windows: vec![window] };
    let batch = Batch { sweep: Some(sweep), counts: vec![count], ..Batch::default() };
    store.commit(batch).await.unwrap();
    used(&url, "records_final").await;
    used(&url, "counters_until").await;
    let sequential =
        "SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname IN ('records', 'counters')";
    assert_eq!(testing::sql(&url, sequential), "0");
    assert_eq!(testing::sql(&url, "SELECT count(*) FROM countersign.counters"), "19997");
}

//! What is found in a store that is gone through whole: the books and facts as in a file, and rows that cannot be read.

use countersign_domain::ports::Store as _;
use countersign_store::{Books, Facts, Snapshot, SqliteStore, testing};

use crate::{fresh, happened, inserts, pays, ring};

/// The same batches in a file and in a database; more rows than are read at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_and_facts_are_found_the_same_in_a_file_and_in_a_database() {
    let (url, database) = fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let file = SqliteStore::open_sealed(&path, ring(1)).unwrap();
    for piece in 0..11_u8 {
        let mut batch = happened("n", piece);
        for number in 0..200 {
            let (payer, at) = (format!("wallet:{}", number % 7), u64::from(piece));
            let payee = if number % 50 == 0 { payer.clone() } else { "shop:\u{e9}".to_owned() };
            let mut posting = pays(&format!("{piece}-{number}"), &payer, &payee).not_below(-9_000);
            posting.at = countersign_domain::time::Timestamp::from_unix_millis(at);
            batch.postings.push(posting);
        }
        database.commit(batch.clone()).await.unwrap();
        file.commit(batch).await.unwrap();
    }
    let mut snapshot = Snapshot::of(&testing::database(&url)).await.unwrap();
    let never = |difference| panic!("{difference:?}");
    let found = snapshot.check_books(never).await.unwrap();
    assert_eq!(found, Books::open(&path).unwrap().check(never).unwrap());
    assert_eq!((found.postings, found.balances), (2_200, 8));
    let facts = snapshot.check_facts(&ring(1)).await.unwrap();
    assert_eq!(facts, Facts::open(&path).unwrap().check(&ring(1)).unwrap());
    assert_eq!((facts.facts, &facts.broken), (11, &None));

    let [of_file, of_database] = ["file", "database"].map(|name| folder.path().join(name));
    Books::open(&path).unwrap().export(&of_file).unwrap();
    snapshot.export_books(&of_database).await.unwrap();
    let lines = |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        // Balances come in no order that is told.
        lines.sort();
        lines
    };
    assert_eq!(lines(&of_database), lines(&of_file));
}

#[tokio::test]
async fn a_snapshot_does_not_see_what_is_committed_later() {
    let (url, store) = fresh().await;
    store.commit(happened("n", 1)).await.unwrap();
    let mut snapshot = Snapshot::of(&testing::database(&url)).await.unwrap();
    assert_eq!(snapshot.check_facts(&ring(1)).await.unwrap().facts, 1);
    store.commit(happened("n", 2)).await.unwrap();
    let again = snapshot.check_facts(&ring(1)).await.unwrap();
    assert_eq!((again.facts, again.broken), (1, None));
}

#[tokio::test]
async fn a_page_that_was_overwritten_is_found_and_its_table_named() {
    let (url, store) = fresh().await;
    store.commit(inserts("1")).await.unwrap();
    drop(store);
    // A copy whose pages nobody has read yet.
    let copy = testing::copy_of(&url);
    let overwrite = "
        DO $$ BEGIN EXECUTE format('COPY (SELECT 1) TO PROGRAM %L',
            'dd if=/dev/urandom of=' || pg_relation_filepath('countersign.records') || ' bs=8192 count=1 conv=notrunc');
        END $$";
    testing::sql(&copy, overwrite);
    let mut snapshot = Snapshot::of(&testing::database(&copy)).await.unwrap();
    let found = snapshot.unreadable().await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("records: invalid page in block 0"), "{found:?}");
    let mut whole = Snapshot::of(&testing::database(&url)).await.unwrap();
    assert_eq!(whole.unreadable().await, Ok(vec![]));
}

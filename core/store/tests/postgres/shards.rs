//! Several stores in one database, each in a schema of its own: docs/decisions/0052.

use std::{io::Write as _, process::Stdio, time::Duration};

use countersign_domain::{
    ports::{Reads as _, Store as _},
    record::Batch,
};
use countersign_store::{
    Alteration, Database, DatabaseError, MoveError, OpenError, PostgresStore, Snapshot,
    SqliteStore, check_schema, make_schema, move_store, testing,
};
use tokio::time::timeout;

use crate::{fresh, happened, inserts, note, open, pays, ring};

/// Another store in the database of that URL.
async fn made(url: &str, schema: &str) -> Database {
    let database = testing::database(url).with_schema(schema).unwrap();
    assert_eq!(make_schema(&database).await, Ok(true));
    assert_eq!(make_schema(&database).await, Ok(false));
    database
}

fn everything(id: &str) -> Batch {
    Batch {
        inserts: inserts(id).inserts,
        facts: happened(id, 1).facts,
        postings: vec![pays(id, "wallet:a", "shop:b")],
        ..Batch::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_of_one_database_see_nothing_of_each_other() {
    let (url, usual) = fresh().await;
    // The second name is a word of SQL.
    let databases = [made(&url, "acme").await, made(&url, "order").await];
    assert!(databases[0].name().ends_with(" (schema acme)"), "{:?}", databases[0]);
    let mut stores = vec![(testing::database(&url), usual)];
    for database in &databases {
        stores.push((database.clone(), open(database).await.unwrap()));
    }
    for (nth, (_, store)) in stores.iter().enumerate() {
        // The same ids in all of them; in each so many more of its own.
        store.commit(everything("same")).await.unwrap();
        for own in 0..nth {
            store.commit(everything(&format!("{nth}-{own}"))).await.unwrap();
        }
    }
    for (nth, (database, store)) in stores.iter().enumerate() {
        let count = u64::try_from(nth).unwrap() + 1;
        assert_eq!(store.page("note", "", 9).await.unwrap().len(), nth + 1);
        assert_eq!(store.facts(&note("same")).await.unwrap().len(), 1);
        let mut snapshot = Snapshot::of(database).await.unwrap();
        let facts = snapshot.check_facts(&ring(1)).await.unwrap();
        let books = snapshot.check_books(|wrong| panic!("{wrong:?}")).await.unwrap();
        assert_eq!((facts.facts, facts.broken, books.postings), (count, None, count));
        assert_eq!(snapshot.unreadable().await, Ok(vec![]));
        check_schema(database).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_does_not_wait_for_the_lock_of_another() {
    let (url, usual) = fresh().await;
    let acme = open(&made(&url, "acme").await).await.unwrap();
    let mut psql = std::process::Command::new(testing::program("psql"));
    let mut holder =
        psql.args(["-q", "-t", &url]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let lock = b"BEGIN; SELECT 1 FROM acme.chain FOR UPDATE;\n";
    holder.stdin.as_mut().unwrap().write_all(lock).unwrap();
    let held = "SELECT count(*) FROM pg_locks WHERE relation = 'acme.chain'::regclass AND mode = 'RowShareLock'";
    while testing::sql(&url, held) == "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let waits = tokio::spawn(async move { acme.commit(inserts("a")).await });
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while testing::sql(&url, waiting) == "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let free = timeout(Duration::from_secs(60), usual.commit(inserts("b"))).await;
    assert_eq!(free, Ok(Ok(())));
    assert!(!waits.is_finished(), "the lock of its own is held");
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(waits.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn what_one_store_sealed_is_no_chain_of_one_with_other_keys() {
    let (url, usual) = fresh().await;
    usual.commit(everything("a")).await.unwrap();
    let acme = made(&url, "acme").await;
    PostgresStore::open(&acme, ring(2)).await.unwrap();
    let copy = "INSERT INTO acme.facts SELECT * FROM countersign.facts; DELETE FROM acme.chain;
                INSERT INTO acme.chain SELECT * FROM countersign.chain";
    testing::sql(&url, copy);
    let refused = PostgresStore::open(&acme, ring(2)).await.unwrap_err();
    assert!(matches!(refused, DatabaseError::Facts { .. }), "{refused}");
}

#[tokio::test]
async fn a_store_that_was_changed_is_found_out_in_whichever_schema_it_stands() {
    let (url, _usual) = fresh().await;
    for schema in ["acme", "order", "facts", "_1"] {
        let database = made(&url, schema).await;
        testing::sql(&url, &format!("DROP INDEX \"{schema}\".records_due"));
        let altered = DatabaseError::Altered {
            database: database.name().to_owned(),
            object: "index records_due".to_owned(),
            how: Alteration::Missing,
        };
        assert_eq!(open(&database).await.unwrap_err(), altered);
    }
    testing::sql(&url, "CREATE SCHEMA theirs");
    let theirs = testing::database(&url).with_schema("theirs").unwrap();
    let (database, schema) = (theirs.name().to_owned(), "theirs".to_owned());
    let foreign = DatabaseError::Foreign { database, schema };
    assert_eq!(make_schema(&theirs).await, Err(foreign));
}

#[tokio::test]
async fn a_file_is_moved_beside_another_store_and_says_into_which() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open_sealed(&file, ring(1)).unwrap();
    store.commit(everything("a")).await.unwrap();
    drop(store);
    let (url, usual) = fresh().await;
    usual.commit(everything("b")).await.unwrap();
    let [acme, other] =
        ["acme", "other"].map(|schema| testing::database(&url).with_schema(schema).unwrap());
    let moved = move_store(&file, &acme, &ring(1), drop).await.unwrap();
    assert_eq!((moved.books.postings, moved.facts.facts), (1, 1));
    let refused = move_store(&file, &other, &ring(1), drop).await;
    let database = acme.name().to_owned();
    let expected = OpenError::Moved { path: file.clone(), database };
    assert_eq!(refused, Err(MoveError::From(expected)));
    let acme = open(&acme).await.unwrap();
    assert!(acme.load(&note("a")).await.unwrap().is_some());
    assert_eq!(acme.load(&note("b")).await, Ok(None));
}

#[tokio::test]
async fn a_server_needs_rights_on_the_schema_of_its_store_only() {
    let [one, other] = [testing::new_shard().await, testing::new_shard().await];
    assert_eq!(one.url.split('?').next(), other.url.split('?').next(), "of one database");
    for shard in [&one, &other] {
        let database = testing::database(&shard.url).with_schema(&shard.schema).unwrap();
        let store = open(&database).await.unwrap();
        store.commit(everything("a")).await.unwrap();
        let reachable = "SELECT count(*) FROM pg_class WHERE relnamespace::regnamespace::text LIKE 'shard%' AND \
                         relkind = 'r' AND relnamespace <> $s$SCHEMA$s$::regnamespace AND \
                         has_table_privilege(oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')";
        let reachable = reachable.replace("SCHEMA", &shard.schema);
        assert_eq!(testing::sql(&shard.url, &reachable), "0");
    }
}

//! What is refused at the start, and what somebody who writes past the store finds locked.

use std::{process::Command, time::Duration};

use countersign_domain::{
    ports::{Reads as _, Store as _},
    record::StoreError,
};
use countersign_store::{
    Alteration, DatabaseError, MoveError, PostgresStore, SqliteStore, make_schema, move_store,
    testing,
};

use crate::{fresh, happened, note, open, pays, ring};

#[tokio::test]
async fn a_database_without_a_store_is_refused_with_what_to_do_and_made_once() {
    let url = testing::empty_database();
    let database = testing::database(&url);
    let refused = open(&database).await.unwrap_err();
    assert_eq!(refused, DatabaseError::Empty { database: database.name().to_owned() });
    assert!(refused.to_string().contains("countersign migrate"), "{refused}");
    let both = tokio::join!(make_schema(&database), make_schema(&database));
    let made = [both.0.unwrap(), both.1.unwrap()];
    assert!(made.contains(&true) && made.contains(&false), "{made:?}");
    open(&database).await.unwrap();
}

#[tokio::test]
async fn a_second_move_at_once_is_refused_and_so_is_one_on_a_database_that_a_server_uses() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    drop(SqliteStore::open_sealed(&file, ring(1)).unwrap());
    let url = testing::empty_database();
    let database = testing::database(&url);
    let held = url.clone();
    let first = std::thread::spawn(move || {
        let lock =
            "SELECT pg_advisory_lock(1129531215, hashtext('countersign')); SELECT pg_sleep(30)";
        testing::sql(&held, lock)
    });
    // Others hold such locks in their own databases of the cluster.
    let holds = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND \
                 database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    while testing::sql(&url, holds) == "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let moving = move_store(&file, &database, &ring(1), drop).await;
    let name = database.name().to_owned();
    assert_eq!(moving, Err(MoveError::To(DatabaseError::Moving { database: name })));
    let beside = testing::database(&url).with_schema("acme").unwrap();
    let other = folder.path().join("other.db");
    drop(SqliteStore::open_sealed(&other, ring(1)).unwrap());
    let moved = move_store(&other, &beside, &ring(1), drop).await;
    assert!(moved.is_ok(), "into another schema: {moved:?}");
    first.join().unwrap();

    let (url, _store) = fresh().await;
    let database = testing::database(&url);
    let moving = move_store(&file, &database, &ring(1), drop).await;
    assert_eq!(moving, Err(MoveError::NotEmpty { database: database.name().to_owned() }));
}

#[tokio::test]
async fn a_schema_that_is_not_to_the_letter_ours_is_refused_by_the_name_of_what_differs() {
    use Alteration::{Added, Changed, Missing};
    for (statements, object, how) in [
        (
            "DROP TRIGGER facts_are_append_only ON countersign.facts",
            "trigger facts_are_append_only",
            Missing,
        ),
        (
            "ALTER TABLE countersign.facts DISABLE TRIGGER ALL",
            "trigger facts_are_append_only",
            Changed,
        ),
        ("DROP INDEX countersign.records_due", "index records_due", Missing),
        ("ALTER TABLE countersign.records ADD COLUMN note text", "table records", Changed),
        (
            "ALTER TABLE countersign.records ALTER COLUMN id TYPE text COLLATE \"POSIX\"",
            "table records",
            Changed,
        ),
        (
            "ALTER TABLE countersign.entries DROP CONSTRAINT entries_pkey",
            "constraint entries_pkey",
            Missing,
        ),
        ("ALTER TABLE countersign.postings ENABLE ROW LEVEL SECURITY", "table postings", Changed),
        ("CREATE VIEW countersign.numbers AS SELECT 1 AS n", "table numbers", Added),
        (
            "CREATE RULE quiet AS ON INSERT TO countersign.facts DO INSTEAD NOTHING",
            "rule quiet",
            Added,
        ),
        (
            "CREATE OR REPLACE FUNCTION countersign.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "function refuse",
            Changed,
        ),
    ] {
        let (url, _store) = fresh().await;
        testing::sql(&url, statements);
        let database = testing::database(&url);
        let name = database.name().to_owned();
        let refused = open(&database).await.unwrap_err();
        let expected = DatabaseError::Altered { database: name, object: object.to_owned(), how };
        assert_eq!(refused, expected, "{statements}");
    }
}

#[tokio::test]
async fn what_is_not_ours_and_what_is_not_durable_is_refused() {
    let (url, _store) = fresh().await;
    let database = testing::database(&url);
    let name = || database.name().to_owned();
    let of = |settings: &str| {
        let base = url.split_once("postgresql:///").unwrap().1.split_once('?').unwrap().0;
        testing::sql(&url, &format!("ALTER DATABASE {base} {settings}"));
    };
    of("SET synchronous_commit = off");
    let setting = "synchronous_commit";
    let expected = DatabaseError::NotDurable { database: name(), setting };
    assert_eq!(open(&database).await.unwrap_err(), expected);
    of("SET synchronous_commit = remote_apply");
    open(&database).await.unwrap();
    testing::sql(&url, "COMMENT ON SCHEMA countersign IS 'Countersign store, version 99'");
    let (found, known) = ("99".to_owned(), 2);
    let expected = DatabaseError::OtherVersion { database: name(), found, known };
    assert_eq!(open(&database).await.unwrap_err(), expected);
    testing::sql(&url, "COMMENT ON SCHEMA countersign IS NULL");
    let schema = "countersign".to_owned();
    let expected = DatabaseError::Foreign { database: name(), schema };
    assert_eq!(open(&database).await.unwrap_err(), expected);
    assert_eq!(make_schema(&database).await, Err(expected));
}

/// Past the triggers, which are put back, as somebody would who does not want to be seen.
fn tamper(url: &str, statements: &str) {
    testing::sql(url, &format!("SET session_replication_role = replica; {statements}"));
}

#[tokio::test]
async fn a_store_whose_chain_does_not_end_as_it_was_sealed_does_not_open() {
    for (statements, why) in [
        (
            "DELETE FROM countersign.facts WHERE sequence = 5",
            "there are facts up to 4, and 5 are chained",
        ),
        (
            "DELETE FROM countersign.facts WHERE sequence = 5; UPDATE countersign.chain SET sequence = 4,
             digest = (SELECT digest FROM countersign.facts WHERE sequence = 4)",
            "the end is not the one that was sealed",
        ),
        ("UPDATE countersign.chain SET key = NULL, seal = NULL", "the chain has no seal"),
        ("DELETE FROM countersign.chain", "the end of the chain is missing"),
    ] {
        let (url, store) = fresh().await;
        for number in 1..=5 {
            store.commit(happened("n", number)).await.unwrap();
        }
        tamper(&url, statements);
        let database = testing::database(&url);
        let (name, cause) = (database.name().to_owned(), why.to_owned());
        let expected = DatabaseError::Facts { database: name, cause };
        assert_eq!(open(&database).await.unwrap_err(), expected, "{statements}");
        // Nor is it extended by a process that runs meanwhile, if it can see it.
        if why.starts_with("there are facts") {
            continue;
        }
        let extended = store.commit(happened("m", 6)).await;
        assert!(matches!(extended, Err(StoreError::Corrupt { .. })), "{extended:?}");
        assert_eq!(store.facts(&note("m")).await, Ok(vec![]));
    }
}

#[tokio::test]
async fn a_ring_without_the_key_of_the_seal_opens_nothing() {
    let (url, store) = fresh().await;
    store.commit(happened("n", 1)).await.unwrap();
    let database = testing::database(&url);
    let refused = PostgresStore::open(&database, ring(2)).await.unwrap_err();
    let cause = "the end is not the one that was sealed".to_owned();
    assert_eq!(refused, DatabaseError::Facts { database: database.name().to_owned(), cause });
}

#[tokio::test]
async fn facts_postings_and_entries_cannot_be_changed_or_removed() {
    let (url, store) = fresh().await;
    let mut batch = happened("n", 1);
    batch.postings.push(pays("p", "wallet:a", "shop:b"));
    store.commit(batch).await.unwrap();
    for table in ["facts", "postings", "entries"] {
        for statement in [
            format!("UPDATE countersign.{table} SET sequence = 9"),
            format!("DELETE FROM countersign.{table}"),
            format!("TRUNCATE countersign.{table}"),
        ] {
            let refused = Command::new("psql").args(["-c", &statement, &url]).output().unwrap();
            let told = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(told.contains(&format!("{table} are append-only")), "{statement}: {told}");
        }
    }
}

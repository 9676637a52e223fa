//! A file that somebody has written to beside the server: what is refused at the start, and what a check finds.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::{path::PathBuf, sync::Arc};

use countersign_domain::{
    event::{Event, Fact},
    keys::KeyRing,
    ports::{Reads as _, Store as _},
    record::{Batch, RecordKey, StoreError},
    secret::Secret,
    time::Timestamp,
};
use countersign_store::{Alteration, Break, Facts, OpenError, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

/// A ring of keys by id and octet, the first of which is the current one.
fn ring(keys: &[(&str, u8)]) -> Arc<KeyRing> {
    let masters =
        keys.iter().map(|(id, octet)| ((*id).try_into().unwrap(), Secret::new([*octet; 32])));
    Arc::new(KeyRing::new(keys[0].0.try_into().unwrap(), masters.collect()).unwrap())
}

fn ours() -> Arc<KeyRing> {
    ring(&[("1", 1)])
}

fn happened(id: &str, number: u8) -> Batch {
    let fact = Fact {
        at: Timestamp::from_unix_millis(u64::from(number)),
        event: Event::AttemptCounted { number },
    };
    let about = RecordKey { collection: "note", id: id.to_owned() };
    Batch { facts: vec![(about, fact)], ..Batch::default() }
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("store.db")
}

/// A sealed store of five facts, which is closed again.
async fn five_facts() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open_sealed(&file(&folder), ours()).unwrap();
    for number in 1..=5 {
        store.commit(happened(&format!("n{number}"), number)).await.unwrap();
    }
    folder
}

/// Past the triggers, which are put back, as somebody would who does not want to be seen.
fn tamper(folder: &TempDir, statements: &str) {
    let file = Connection::open(file(folder)).unwrap();
    let triggers = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'";
    let mut triggers = file.prepare(triggers).unwrap();
    let triggers = triggers.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let triggers: Vec<(String, String)> = triggers.collect::<Result<_, _>>().unwrap();
    for (name, _) in &triggers {
        file.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    file.execute_batch(statements).unwrap();
    for (_, text) in &triggers {
        file.execute_batch(text).unwrap();
    }
}

#[tokio::test]
async fn a_schema_that_is_not_to_the_letter_ours_is_refused_by_the_name_of_what_differs() {
    use Alteration::{Added, Changed, Missing};
    for (statements, object, how) in [
        ("DROP TRIGGER facts_are_never_changed", "trigger facts_are_never_changed", Missing),
        ("DROP INDEX records_due", "index records_due", Missing),
        ("DROP TABLE entries", "table entries", Missing),
        (
            "DROP TRIGGER postings_are_never_deleted; CREATE TRIGGER postings_are_never_deleted
             BEFORE DELETE ON postings BEGIN SELECT 1; END",
            "trigger postings_are_never_deleted",
            Changed,
        ),
        ("ALTER TABLE records ADD COLUMN note TEXT", "table records", Changed),
        ("ALTER TABLE records RENAME COLUMN body TO text", "table records", Changed),
        ("CREATE TRIGGER copy AFTER INSERT ON records BEGIN SELECT 1; END", "trigger copy", Added),
        ("CREATE VIEW numbers AS SELECT body FROM records", "view numbers", Added),
        ("CREATE TABLE kept (x)", "table kept", Added),
    ] {
        let folder = five_facts().await;
        // What does not stand in the schema is nothing to the letter: a rename rewrites what names the column.
        Connection::open(file(&folder)).unwrap().execute_batch(statements).unwrap();
        let refused = SqliteStore::open_sealed(&file(&folder), ours()).err();
        let expected = OpenError::Altered { path: file(&folder), object: object.to_owned(), how };
        assert_eq!(refused.as_ref(), Some(&expected), "{statements}");
        let told = refused.unwrap().to_string();
        assert!(told.contains(object) && told.contains("restore a backup"), "{told}");
        assert!(Facts::open(&file(&folder)).is_err(), "{statements}");
    }
}

#[tokio::test]
async fn a_chain_that_nobody_touched_is_proved_to_its_end() {
    let folder = five_facts().await;
    let found = Facts::open(&file(&folder)).unwrap().check(&ours()).unwrap();
    assert_eq!((found.facts, found.broken), (5, None));
    assert_eq!(found.key, Some("1".try_into().unwrap()));
    assert_eq!(found.digest.len(), 64);
}

#[tokio::test]
async fn of_facts_that_were_tampered_with_the_first_is_named() {
    let fact = |sequence, about: &str| Break::Fact { sequence, about: format!("note {about}") };
    let end = |cause: &str| Break::End { cause: cause.to_owned() };
    for (statements, broken) in [
        ("UPDATE facts SET at = 9 WHERE sequence = 3", fact(3, "n3")),
        ("UPDATE facts SET id = 'nX' WHERE sequence = 2", fact(2, "nX")),
        (
            "UPDATE facts SET collection = 'pote' WHERE sequence = 1",
            Break::Fact { sequence: 1, about: "pote n1".to_owned() },
        ),
        ("UPDATE facts SET body = replace(body, '5', '4') WHERE sequence = 5", fact(5, "n5")),
        ("UPDATE facts SET digest = zeroblob(32) WHERE sequence = 4", fact(4, "n4")),
        ("DELETE FROM facts WHERE sequence = 2", fact(3, "n3")),
        ("DELETE FROM facts WHERE sequence = 5", end("5 were sealed")),
        (
            "DELETE FROM facts WHERE sequence = 5;
             UPDATE chain SET sequence = 4, digest = (SELECT digest FROM facts WHERE sequence = 4)",
            end("the end is not the one that was sealed"),
        ),
        ("DELETE FROM chain", end("the end of the chain is missing")),
        ("UPDATE chain SET key = NULL, seal = NULL", end("the chain has no seal")),
        (
            "UPDATE chain SET key = '2'",
            end("the end is sealed with key 2, which is not configured"),
        ),
    ] {
        let folder = five_facts().await;
        tamper(&folder, statements);
        let found = Facts::open(&file(&folder)).unwrap().check(&ours()).unwrap();
        assert_eq!(found.broken, Some(broken), "{statements}");
    }
}

#[tokio::test]
async fn a_store_whose_chain_does_not_end_as_it_was_sealed_does_not_open() {
    for (statements, why) in [
        ("DELETE FROM facts WHERE sequence = 5", "there are facts up to 4, and 5 are chained"),
        (
            "INSERT INTO facts (collection, id, at, body, digest) VALUES ('note', 'n6', 6, '{\"event\":\"x\"}', zeroblob(32))",
            "there are facts up to 6, and 5 are chained",
        ),
        (
            "DELETE FROM facts WHERE sequence = 5;
             UPDATE chain SET sequence = 4, digest = (SELECT digest FROM facts WHERE sequence = 4)",
            "the end is not the one that was sealed",
        ),
        ("UPDATE chain SET key = NULL, seal = NULL", "the chain has no seal"),
        ("UPDATE chain SET seal = zeroblob(32)", "the end is not the one that was sealed"),
        ("DELETE FROM chain", "the end of the chain is missing"),
    ] {
        let folder = five_facts().await;
        tamper(&folder, statements);
        let refused = SqliteStore::open_sealed(&file(&folder), ours()).err();
        let (path, cause) = (file(&folder), why.to_owned());
        assert_eq!(refused, Some(OpenError::Facts { path, cause }), "{statements}");
    }
}

/// Somebody who knows how digests are made, but not the key, makes all of them again.
#[tokio::test]
async fn digests_that_were_made_again_are_found_by_the_seal_and_by_the_next_fact() {
    let folder = five_facts().await;
    let forger = tempfile::tempdir().unwrap();
    let other = SqliteStore::open_sealed(&file(&forger), ring(&[("1", 9)])).unwrap();
    for number in [1, 2, 9, 4, 5] {
        other.commit(happened(&format!("n{number}"), number)).await.unwrap();
    }
    drop(other);
    let forged = file(&forger);
    tamper(
        &folder,
        &format!(
            "ATTACH '{}' AS forged; DELETE FROM facts;
             INSERT INTO facts (sequence, collection, id, at, body, digest)
             SELECT sequence, collection, id, at, body, digest FROM forged.facts",
            forged.display()
        ),
    );
    let broken = || Facts::open(&file(&folder)).unwrap().check(&ours()).unwrap().broken;
    assert_eq!(broken(), Some(Break::End { cause: "5 were sealed".to_owned() }));
    // A server that runs meanwhile chains to what it sealed, and so does not vouch for what was forged.
    let store = SqliteStore::open_sealed(&file(&folder), ours()).unwrap();
    store.commit(happened("n6", 6)).await.unwrap();
    assert_eq!(broken(), Some(Break::Fact { sequence: 6, about: "note n6".to_owned() }));
}

#[tokio::test]
async fn an_end_that_was_changed_while_a_server_runs_is_not_extended() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open_sealed(&file(&folder), ours()).unwrap();
    store.commit(happened("a", 1)).await.unwrap();
    tamper(&folder, "UPDATE chain SET digest = zeroblob(32)");
    let refused = store.commit(happened("b", 2)).await;
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    let about = RecordKey { collection: "note", id: "b".to_owned() };
    assert_eq!(store.facts(&about).await, Ok(vec![]));
}

#[tokio::test]
async fn a_key_is_dropped_once_the_chain_was_opened_with_the_next_one() {
    let folder = five_facts().await;
    let (both, new) = (ring(&[("2", 2), ("1", 1)]), ring(&[("2", 2)]));
    let check = |keys| Facts::open(&file(&folder)).unwrap().check(keys).unwrap();
    let refused = SqliteStore::open_sealed(&file(&folder), new.clone()).err();
    let cause = "the end is sealed with key 1, which is not configured".to_owned();
    assert_eq!(refused, Some(OpenError::Facts { path: file(&folder), cause }));
    drop(SqliteStore::open_sealed(&file(&folder), both).unwrap());
    assert_eq!(check(&new).broken, None);
    let store = SqliteStore::open_sealed(&file(&folder), new.clone()).unwrap();
    store.commit(happened("n6", 6)).await.unwrap();
    assert_eq!((check(&new).facts, check(&new).broken), (6, None));
}

#[tokio::test]
async fn without_a_key_no_fact_is_appended_to_a_sealed_chain() {
    let folder = five_facts().await;
    let store = SqliteStore::open(&file(&folder)).unwrap();
    let refused = store.commit(happened("n6", 6)).await;
    let cause = "its facts are sealed, and this process has no key".to_owned();
    assert_eq!(refused, Err(StoreError::Unavailable { cause }));
    assert_eq!(store.commit(Batch::default()).await, Ok(()));
}

#[tokio::test]
async fn two_processes_and_batches_that_fail_leave_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Arc::new(SqliteStore::open_sealed(&file(&folder), ours()).unwrap());
    let stores = [open(), open()];
    let clients = (0..20_u8).map(|number| {
        let store = Arc::clone(&stores[usize::from(number % 2)]);
        tokio::spawn(async move {
            for _ in 0..10 {
                store.commit(happened("same", number)).await.unwrap();
                // Its fact is undone with it.
                let mut conflicts = happened("same", number);
                let removal = countersign_domain::record::Removal {
                    key: RecordKey { collection: "note", id: "missing".to_owned() },
                    version: countersign_domain::record::Version::FIRST,
                };
                conflicts.removals.push(removal);
                assert!(store.commit(conflicts).await.is_err());
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    let found = Facts::open(&file(&folder)).unwrap().check(&ours()).unwrap();
    assert_eq!((found.facts, found.broken), (200, None));
}

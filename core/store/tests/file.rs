//! The file: who may open it, what an operator sees in it, and how it is copied.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

use std::{fs, path::Path, sync::Arc, thread};

use countersign_domain::{
    amount::{Amount, Currency},
    event::{Event, Fact},
    id::{Identifier, RelyingPartyId},
    ports::{Reads, Store},
    record::{Batch, Count, Record, RecordKey, Removal, StoreError, Version, Window},
    register::{Account, Posting},
    time::Timestamp,
};
use countersign_store::{
    Books, Difference, Findings, OpenError, SqliteStore, Total, Wrong, backup,
};
use rusqlite::Connection;
use tempfile::TempDir;

fn key(id: &str) -> RecordKey {
    RecordKey { collection: "note", id: id.to_owned() }
}

fn note(id: &str, version: u64) -> Record {
    Record {
        key: key(id),
        version: Version(version),
        due_at: None,
        final_at: None,
        body: "{}".to_owned(),
    }
}

fn inserts(id: &str) -> Batch {
    Batch { inserts: vec![note(id, 1)], ..Batch::default() }
}

fn replaces(id: &str, version: u64) -> Batch {
    Batch { replacements: vec![note(id, version)], ..Batch::default() }
}

/// One row in each table.
fn one_of_each() -> Batch {
    let amount = Amount::new(4990, Currency::try_from("EUR").unwrap()).unwrap();
    let at = Timestamp::from_unix_millis(1_000);
    let posting = Posting::new(
        "pay_1/capture",
        Account::payer(&Identifier::try_from("alice").unwrap()),
        Account::relying_party(&RelyingPartyId::try_from("books").unwrap()),
        amount,
        at,
    );
    let fact = Fact { at, event: Event::AttemptCounted { number: 1 } };
    Batch { facts: vec![(key("a"), fact)], postings: vec![posting], ..inserts("a") }
}

async fn store_in(folder: &TempDir, batch: Batch) -> SqliteStore {
    let store = SqliteStore::open(&folder.path().join("store.db")).unwrap();
    store.commit(batch).await.unwrap();
    store
}

fn refusal(path: &Path) -> OpenError {
    SqliteStore::open(path).expect_err("the file is refused")
}

#[tokio::test]
async fn a_store_that_is_opened_again_has_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    drop(store_in(&folder, one_of_each()).await);
    let store = SqliteStore::open(&folder.path().join("store.db")).unwrap();
    assert_eq!(store.load(&key("a")).await, Ok(Some(note("a", 1))));
    assert_eq!(store.facts(&key("a")).await.unwrap(), [one_of_each().facts[0].1.clone()]);
    assert_eq!(
        store.commit(one_of_each()).await,
        Err(StoreError::Conflict { key: "note a".to_owned() })
    );
}

#[tokio::test]
async fn windows_count_on_in_a_store_that_is_opened_again_and_beside_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let at = Timestamp::from_unix_seconds(1_000);
    let one = |at: Timestamp| {
        let window = Window { counter: "hour", until: at.plus_seconds(60), at_most: 3 };
        let count = Count { subject: "number/1".to_owned(), at, windows: vec![window] };
        Batch { counts: vec![count], ..Batch::default() }
    };
    drop(store_in(&folder, one(at)).await);
    let (here, there) = (SqliteStore::open(&path).unwrap(), SqliteStore::open(&path).unwrap());
    assert_eq!(here.commit(one(at)).await, Ok(()));
    assert_eq!(there.commit(one(at)).await, Ok(()));
    let exhausted = StoreError::Exhausted { counter: "hour", wait_seconds: 60 };
    assert_eq!(here.commit(one(at)).await, Err(exhausted.clone()));
    assert_eq!(there.commit(one(at)).await, Err(exhausted));
}

#[tokio::test]
async fn windows_that_are_over_are_deleted_by_later_commits() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("store.db")).unwrap();
    let count = |number: u32| {
        let at = Timestamp::from_unix_seconds(u64::from(number));
        let windows = [("pause", 3), ("hour", 10)].map(|(counter, seconds)| Window {
            counter,
            until: at.plus_seconds(seconds),
            at_most: 1,
        });
        Count { subject: number.to_string(), at, windows: windows.into() }
    };
    for number in 0..500 {
        store.commit(Batch { counts: vec![count(number)], ..Batch::default() }).await.unwrap();
    }
    let connection = Connection::open(folder.path().join("store.db")).unwrap();
    let kept: i64 =
        connection.query_row("SELECT count(*) FROM counters", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 10, "those that are not over");
}

#[tokio::test]
async fn what_is_removed_is_not_in_the_file_any_more() {
    const NAME: &str = "Amandine Quartz";
    let folder = tempfile::tempdir().unwrap();
    // Beside other rows in a page, and with pages of its own.
    let note_of = |id: &str, times: usize| Record { body: NAME.repeat(times), ..note(id, 1) };
    let store = store_in(&folder, inserts("a")).await;
    let inserts = vec![note_of("b", 1), note_of("c", 1_000)];
    store.commit(Batch { inserts, ..Batch::default() }).await.unwrap();
    let in_file = || {
        let file = fs::read(folder.path().join("store.db")).unwrap();
        file.windows(NAME.len()).any(|found| found == NAME.as_bytes())
    };
    drop(store);
    assert!(in_file());
    let removals = ["b", "c"].map(|id| Removal { key: key(id), version: Version(1) }).into();
    drop(store_in(&folder, Batch { removals, ..Batch::default() }).await);
    assert!(!in_file());
}

#[tokio::test]
async fn what_is_queued_is_written_before_a_dropped_store_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder, Batch::default()).await;
    for number in 0..100 {
        let id = number.to_string();
        // Asks once, so that the batch is queued, and does not wait for the answer.
        tokio::select! {
            biased;
            _ = store.commit(inserts(&id)) => {}
            () = async {} => {}
        }
    }
    drop(store);
    assert!(!folder.path().join("store.db-wal").exists(), "the file is closed");
    let store = SqliteStore::open(&folder.path().join("store.db")).unwrap();
    for number in 0..100 {
        assert!(store.load(&key(&number.to_string())).await.unwrap().is_some(), "{number}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_and_its_log_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let _store = store_in(&folder, one_of_each()).await;
    backup(&folder.path().join("store.db"), &folder.path().join("copy.db")).unwrap();
    for name in ["store.db", "store.db-wal", "store.db-shm", "copy.db"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn one_file_may_be_opened_by_many_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let open = |_| {
        let path = path.clone();
        thread::spawn(move || SqliteStore::open(&path))
    };
    let openers = (0..8).map(open).collect::<Vec<_>>();
    let stores: Vec<SqliteStore> =
        openers.into_iter().map(|opener| opener.join().unwrap().unwrap()).collect();
    for (number, store) in stores.iter().enumerate() {
        store.commit(inserts(&number.to_string())).await.unwrap();
        assert!(stores[0].load(&key(&number.to_string())).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_replacements_by_two_stores_on_one_file_one_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let stores = [store_in(&folder, inserts("a")).await, store_in(&folder, Batch::default()).await]
        .map(Arc::new);
    for version in 2..50 {
        let racers = stores
            .clone()
            .map(|store| tokio::spawn(async move { store.commit(replaces("a", version)).await }));
        let mut outcomes = vec![];
        for racer in racers {
            outcomes.push(racer.await.unwrap());
        }
        outcomes.sort_by_key(Result::is_err);
        assert_eq!(outcomes, [Ok(()), Err(StoreError::Conflict { key: "note a".to_owned() })]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_of_many_clients_share_commits() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(store_in(&folder, Batch::default()).await);
    let before = store.commits();
    let clients = (0..64).map(|client| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..20 {
                store.commit(inserts(&format!("{client}-{number}"))).await.unwrap();
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    let commits = store.commits() - before;
    assert!(commits <= 64 * 20 / 4, "{commits} commits");
}

#[tokio::test]
async fn the_file_says_whose_it_is() {
    let folder = tempfile::tempdir().unwrap();
    drop(store_in(&folder, Batch::default()).await);
    let file = fs::read(folder.path().join("store.db")).unwrap();
    // SQLite file format, section 1.3: user version at 60, application id at 68.
    assert_eq!((&file[60..64], &file[68..72]), (&[0, 0, 0, 5][..], &b"CSGN"[..]));
}

#[test]
fn a_database_of_another_program_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    for (name, made_by) in [
        ("tables.db", "CREATE TABLE t (x)"),
        ("id.db", "PRAGMA application_id = 7; PRAGMA user_version = 1"),
        ("version.db", "PRAGMA user_version = 1"),
    ] {
        let path = folder.path().join(name);
        Connection::open(&path).unwrap().execute_batch(made_by).unwrap();
        let before = fs::read(&path).unwrap();
        assert_eq!(refusal(&path), OpenError::Foreign { path: path.clone() });
        assert!(fs::read(&path).unwrap() == before, "{name}");
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.txt");
    fs::write(&path, "Dear operator,\n".repeat(100)).unwrap();
    assert_eq!(refusal(&path), OpenError::Foreign { path: path.clone() });
    assert_eq!(fs::read_to_string(&path).unwrap(), "Dear operator,\n".repeat(100));
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(store_in(&folder, one_of_each()).await);
    let path = folder.path().join("store.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 6).unwrap();
    let newer = refusal(&path);
    assert_eq!(newer, OpenError::NewerSchema { path: path.clone(), found: 6, known: 5 });
    let told = format!(
        "{} has schema version 6, of a later build; this program knows version 5 only: run the later build",
        path.display()
    );
    assert_eq!(newer.to_string(), told);
}

#[test]
fn an_older_schema_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    // The postings of version 1 had no floors, and no balance was kept.
    let version_1 =
        "CREATE TABLE postings (sequence INTEGER NOT NULL PRIMARY KEY, id TEXT NOT NULL UNIQUE);
                     PRAGMA application_id = 0x4353474E; PRAGMA user_version = 1";
    Connection::open(&path).unwrap().execute_batch(version_1).unwrap();
    let before = fs::read(&path).unwrap();
    let older = refusal(&path);
    assert_eq!(older, OpenError::OlderSchema { path: path.clone(), found: 1, known: 5 });
    let told = format!(
        "{} has schema version 1, of an earlier build; this program knows version 5 only: \
         run the build that made it, or move it away and start with a new store",
        path.display()
    );
    assert_eq!(older.to_string(), told);
    // The check of the books says the same, and not that a table is missing.
    assert_eq!(Books::open(&path).err(), Some(StoreError::Unavailable { cause: told }));
    assert!(fs::read(&path).unwrap() == before);
}

#[tokio::test]
async fn a_file_whose_schema_is_damaged_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(store_in(&folder, one_of_each()).await);
    let path = folder.path().join("store.db");
    let mut file = fs::read(&path).unwrap();
    // Behind the header, which says whose file it is. What is wrong behind the schema is found by an inspection.
    file[100..4096].fill(0xAA);
    fs::write(&path, file).unwrap();
    assert!(matches!(refusal(&path), OpenError::Damaged { .. }), "{:?}", refusal(&path));
}

#[test]
fn a_file_that_cannot_be_made_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing/store.db"), folder.path().to_owned()] {
        assert!(matches!(refusal(&path), OpenError::Unusable { .. }), "{:?}", refusal(&path));
    }
}

#[tokio::test]
async fn facts_postings_and_entries_cannot_be_changed_or_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let _store = store_in(&folder, one_of_each()).await;
    let file = Connection::open(folder.path().join("store.db")).unwrap();
    for (statement, refused) in [
        ("UPDATE facts SET at = 0", "facts are append-only"),
        ("DELETE FROM facts", "facts are append-only"),
        ("UPDATE postings SET amount_minor = 1", "postings are append-only"),
        ("DELETE FROM postings", "postings are append-only"),
        ("UPDATE entries SET debit_minor = 1", "entries are append-only"),
        ("DELETE FROM entries", "entries are append-only"),
    ] {
        assert_eq!(file.execute(statement, []).unwrap_err().to_string(), refused, "{statement}");
    }
}

#[tokio::test]
async fn an_operator_reads_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let _store = store_in(&folder, one_of_each()).await;
    let file = Connection::open(folder.path().join("store.db")).unwrap();
    let fact = "SELECT concat_ws('|', datetime(at / 1000, 'unixepoch'), collection, id, body ->> 'event', body) FROM facts";
    let posting =
        "SELECT concat_ws('|', id, debit, credit, currency, amount_minor, at) FROM postings";
    for (query, told) in [
        (
            fact,
            r#"1970-01-01 00:00:01|note|a|attempt_counted|{"at":1000,"event":"attempt_counted","number":1}"#,
        ),
        (posting, "pay_1/capture|payer:alice|relying_party:books|EUR|4990|1000"),
    ] {
        assert_eq!(file.query_one(query, [], |row| row.get::<_, String>(0)).unwrap(), told);
    }
}

#[tokio::test]
async fn a_value_that_we_did_not_write_is_named_and_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder, Batch::default()).await;
    let file = Connection::open(folder.path().join("store.db")).unwrap();
    let fact = r#"INSERT INTO facts (collection, id, at, body, digest)
                    VALUES ('note', 'a', 1, '{"at":1,"event":"secret"}', zeroblob(32))"#;
    let record =
        "INSERT INTO records (collection, id, version, body) VALUES ('note', 'b', -1, '{}')";
    file.execute_batch(&format!("{fact}; PRAGMA ignore_check_constraints = on; {record}")).unwrap();
    let corrupt = |key: &str, cause: &str| StoreError::Corrupt {
        key: key.to_owned(),
        cause: cause.to_owned(),
    };
    assert_eq!(
        store.facts(&key("a")).await,
        Err(corrupt("note a", "JSON error at line 1, column 25"))
    );
    assert_eq!(store.load(&key("b")).await, Err(corrupt("note b", "version -1 is below 0")));
}

#[tokio::test]
async fn a_log_that_a_long_reader_has_made_long_is_short_again_when_it_ends() {
    const LIMIT: u64 = 64 << 20;
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder, inserts("large")).await;
    let log = || fs::metadata(folder.path().join("store.db-wal")).unwrap().len();
    let commit = async |versions: std::ops::Range<u64>| {
        for version in versions {
            // SQLite writes no page that stays as it was.
            let body = if version % 2 == 0 { "x" } else { "y" }.repeat(1 << 19);
            let large = Record { body, ..note("large", version) };
            store.commit(Batch { replacements: vec![large], ..Batch::default() }).await.unwrap();
        }
    };
    let reader = Connection::open(folder.path().join("store.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM records").unwrap();
    commit(2..152).await;
    assert!(log() > LIMIT, "{} octets", log());
    reader.execute_batch("COMMIT").unwrap();
    commit(152..156).await;
    assert!(log() <= LIMIT, "{} octets", log());
}

#[tokio::test]
async fn a_backup_is_a_store_with_all_that_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_in(&folder, one_of_each()).await;
    let copy = folder.path().join("copy.db");
    backup(&folder.path().join("store.db"), &copy).unwrap();
    store.commit(inserts("later")).await.unwrap();
    let copy = SqliteStore::open(&copy).unwrap();
    assert_eq!(copy.load(&key("a")).await, Ok(Some(note("a", 1))));
    assert_eq!(copy.facts(&key("a")).await, store.facts(&key("a")).await);
    assert_eq!(copy.load(&key("later")).await, Ok(None));
    assert_eq!(
        copy.commit(one_of_each()).await,
        Err(StoreError::Conflict { key: "note a".to_owned() })
    );
}

#[tokio::test]
async fn a_backup_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let _store = store_in(&folder, one_of_each()).await;
    let letter = folder.path().join("letter.txt");
    fs::write(&letter, "Dear operator,\n").unwrap();
    let refused = backup(&folder.path().join("store.db"), &letter);
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    assert_eq!(fs::read_to_string(&letter).unwrap(), "Dear operator,\n");
}

fn checked(path: &Path) -> (Findings, Vec<Difference>) {
    let mut differences = vec![];
    let books = Books::open(path).unwrap();
    let findings = books.check(|difference| differences.push(difference)).unwrap();
    (findings, differences)
}

/// A bank pays 100 to Alice, who pays 60 to a shop, and 40.
fn purchases() -> Batch {
    let account = |name: &str| Account::try_from(name.to_owned()).unwrap();
    let post = |id: &str, debit, credit, amount_minor| {
        let amount = Amount::new(amount_minor, Currency::try_from("EUR").unwrap()).unwrap();
        let at = Timestamp::from_unix_millis(1_000);
        Posting::new(id, account(debit), account(credit), amount, at)
    };
    let postings = vec![
        post("in", "bank:b", "wallet:alice", 100),
        post("out", "wallet:alice", "shop:s", 60).not_below(0),
        post("out-2", "wallet:alice", "shop:s", 40).not_below(0),
    ];
    Batch { postings, ..Batch::default() }
}

fn differs(account: &str, position: i64, wrong: Wrong) -> Difference {
    Difference { account: account.to_owned(), currency: "EUR".to_owned(), position, wrong }
}

#[tokio::test]
async fn books_that_were_tampered_with_are_found_wrong() {
    // Past the triggers, as somebody would who writes to the file.
    let open = "DROP TRIGGER postings_are_never_changed; DROP TRIGGER postings_are_never_deleted;
                DROP TRIGGER entries_are_never_changed; DROP TRIGGER entries_are_never_deleted";
    let balance = |kept, posted| Wrong::Balance { kept, posted };
    let large = i128::from(i64::MAX);
    for (tampered, expected, are_even) in [
        ("SELECT 1", vec![], true),
        (
            "UPDATE entries SET credit_minor = 101 WHERE account = 'wallet:alice' AND sequence >= 2",
            // Told once, and not again with what follows from it.
            vec![differs("wallet:alice", 2, balance((60, 101), (60, 100)))],
            true,
        ),
        (
            "UPDATE entries SET latest_at = 999 WHERE account = 'wallet:alice'",
            vec![differs("wallet:alice", 1, Wrong::LatestAt)],
            true,
        ),
        (
            "UPDATE postings SET amount_minor = 61 WHERE id = 'out'",
            vec![
                differs("shop:s", 2, balance((0, 60), (0, 61))),
                differs("wallet:alice", 2, balance((60, 100), (61, 100))),
                differs("wallet:alice", 3, Wrong::Floor { floor_minor: 0, net_minor: -1 }),
            ],
            true,
        ),
        (
            "UPDATE postings SET credit = 'shop:t' WHERE id = 'out'",
            vec![
                differs("shop:s", 2, Wrong::NoPosting),
                differs("shop:s", 3, balance((0, 100), (0, 40))),
                differs("shop:t", 2, Wrong::NoEntry),
            ],
            false,
        ),
        (
            "DELETE FROM postings WHERE id = 'out-2'",
            vec![
                differs("shop:s", 3, Wrong::NoPosting),
                differs("wallet:alice", 3, Wrong::NoPosting),
            ],
            true,
        ),
        (
            "DELETE FROM entries WHERE account = 'shop:s' AND sequence = 3",
            vec![differs("shop:s", 3, Wrong::NoEntry)],
            false,
        ),
        (
            // A sum above 64 bits is a difference like others.
            "INSERT INTO postings (id, debit, credit, currency, amount_minor, at)
             VALUES ('large', 'bank:b', 'bank:c', 'EUR', 9223372036854775807, 1000);
             INSERT INTO entries VALUES ('bank:b', 'EUR', 4, 0, 0, 1000), ('bank:c', 'EUR', 4, 0, 9223372036854775807, 1000)",
            vec![differs("bank:b", 4, balance((0, 0), (large + 100, 0)))],
            true,
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let _store = store_in(&folder, purchases()).await;
        let path = folder.path().join("store.db");
        let file = Connection::open(&path).unwrap();
        file.execute_batch(&format!("{open}; {tampered}")).unwrap();
        let (findings, differences) = checked(&path);
        assert_eq!(differences, expected, "{tampered}");
        assert_eq!(findings.are_even(), are_even, "{tampered}");
    }
}

#[tokio::test]
async fn books_are_counted_and_summed() {
    let folder = tempfile::tempdir().unwrap();
    let _store = store_in(&folder, purchases()).await;
    let total = Total { currency: "EUR".to_owned(), debit_minor: 200, credit_minor: 200 };
    let findings = Findings { postings: 3, balances: 3, totals: vec![total] };
    assert_eq!(checked(&folder.path().join("store.db")), (findings, vec![]));
    assert!(Books::open(&folder.path().join("missing.db")).is_err());
}

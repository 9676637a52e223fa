//! `countersign migrate --from`: a store in a file is moved to a database.

use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use countersign_domain::{
    amount::Amount,
    event::{Event, Fact},
    keys::KeyRing,
    ports::Store as _,
    record::{Batch, Count, Record, RecordKey, Version, Window},
    register::{Account, Posting},
    secret::Secret,
    time::Timestamp,
};
use countersign_store::{SqliteStore, testing};
use serde_json::{Value, json};

use crate::support::Folder;

const PATIENCE: Duration = Duration::from_secs(120);

/// More rows than one transaction copies.
const PAYMENTS: u32 = 2_500;

fn countersign(config: &Path, command: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
    program.args(command).arg("--config").arg(config);
    program
}

/// Exit code, standard output, standard error.
fn run(config: &Path, command: &[&str]) -> (i32, String, String) {
    let output = countersign(config, command).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    (output.status.code().unwrap(), out, err)
}

fn keys() -> Arc<KeyRing> {
    let masters = vec![("1".try_into().unwrap(), Secret::new([0x0a; 32]))];
    Arc::new(KeyRing::new("1".try_into().unwrap(), masters).unwrap())
}

fn payment(number: u32) -> Batch {
    let account = |name: &str| Account::try_from(name.to_owned()).unwrap();
    let at = Timestamp::from_unix_millis(number.into());
    let key = RecordKey {
        collection: if number.is_multiple_of(2) { "payment" } else { "challenge" },
        id: format!("\u{e9} {number}"),
    };
    let body = json!({ "text": "\\ \" \t\u{1f600}\u{0}", "number": number }).to_string();
    let (due_at, final_at) =
        (number.is_multiple_of(3).then_some(at), number.is_multiple_of(5).then_some(at));
    let record = Record { key: key.clone(), version: Version(1), due_at, final_at, body };
    let amount = Amount::new(u64::from(number) + 1, "EUR".try_into().unwrap()).unwrap();
    let payer = account(&format!("wallet:{}", number % 10));
    let posting = Posting::new(number.to_string(), payer, account("shop:\u{df}"), amount, at);
    Batch {
        inserts: vec![record],
        facts: vec![(key, Fact { at, event: Event::AttemptCounted { number: 1 } })],
        postings: vec![if number.is_multiple_of(2) {
            posting.not_below(i64::MIN)
        } else {
            posting
        }],
        ..Batch::default()
    }
}

/// A store with all that there can be in one; the configuration of a server on that database, and the file.
fn source(folder: &Folder, url: &str) -> (PathBuf, PathBuf) {
    let config =
        folder.configuration("").replace("path = \"countersign.db\"", &format!("url = \"{url}\""));
    assert!(config.contains(url), "{config}");
    let file = folder.folder.path().join("countersign.db");
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let store = Arc::new(SqliteStore::open_sealed(&file, keys()).unwrap());
    runtime.block_on(async {
        let mut commits = tokio::task::JoinSet::new();
        for number in 0..PAYMENTS {
            let store = Arc::clone(&store);
            commits.spawn(async move { store.commit(payment(number)).await.unwrap() });
        }
        commits.join_all().await;
        let at = Timestamp::from_unix_millis;
        let window = Window { counter: "hour", until: at(99), at_most: 3 };
        let count = Count { subject: "wrong codes".to_owned(), at: at(1), windows: vec![window] };
        store.commit(Batch { counts: vec![count], ..Batch::default() }).await.unwrap();
    });
    (folder.write(&config), file)
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        sleep(Duration::from_millis(20));
    }
}

/// Somebody who holds a table until it is killed, so that a copy stands still there.
fn hold(url: &str, table: &str) -> Child {
    let mut psql = Command::new("psql");
    let mut held = psql.args(["-q", url]).stdin(Stdio::piped()).spawn().unwrap();
    let lock = format!("BEGIN; LOCK countersign.{table} IN EXCLUSIVE MODE;\n");
    // Its input stays open: it waits in its transaction.
    held.stdin.as_mut().unwrap().write_all(lock.as_bytes()).unwrap();
    let holds = format!(
        "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'ExclusiveLock' AND relation = 'countersign.{table}'::regclass"
    );
    wait_until("the table is held", || testing::sql(url, &holds) == "1");
    held
}

#[test]
fn a_store_is_moved_from_where_it_was_killed_and_every_row_is_the_same() {
    let folder = Folder::new();
    let url = testing::empty_database();
    let (config, file) = source(&folder, &url);
    let from = ["migrate", "--from", file.to_str().unwrap(), "--json"];
    // Stands still before the entries, when facts and postings are there.
    assert_eq!(run(&config, &["migrate"]).0, 0);
    let mut holder = hold(&url, "entries");
    let mut moving = countersign(&config, &from).stderr(Stdio::piped()).spawn().unwrap();
    let postings = || testing::sql(&url, "SELECT count(*) FROM countersign.postings");
    wait_until("the postings are copied", || postings() == PAYMENTS.to_string());
    moving.kill().unwrap();
    moving.wait().unwrap();
    let mut told = String::new();
    moving.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(told.contains(&format!("facts: 0 of {PAYMENTS}\n")), "{told}");
    holder.kill().unwrap();
    holder.wait().unwrap();

    let (code, _, err) = run(&config, &["serve"]);
    let partial = "has only part of a store that is being moved to it";
    assert_eq!((code, err.contains(partial)), (1, true), "{err}");
    let (code, out, err) = run(&config, &from);
    assert_eq!(code, 0, "{out}{err}");
    let moved: Value = serde_json::from_str(&out).unwrap();
    let expected = json!({
        "copied": PAYMENTS + 2 * PAYMENTS + 1, "before": 2 * PAYMENTS, "postings": PAYMENTS, "balances": 11,
        "facts": PAYMENTS, "records": { "challenge": PAYMENTS / 2, "payment": PAYMENTS / 2 },
    });
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(&moved[member], value, "{member} of {moved}");
    }
    // The second witness.
    let (code, out, err) = run(&config, &["check", "--books", "--facts", "--json"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains(moved["digest"].as_str().unwrap()), "{out}");
    let (code, _, err) = run(&config, &from);
    assert_eq!((code, err.contains("has a store already")), (1, true), "{err}");
}

#[test]
fn on_a_file_whose_store_was_moved_no_server_starts_and_it_can_be_read_and_brought_back() {
    let folder = Folder::new();
    let url = testing::empty_database();
    let (config, file) = source(&folder, &url);
    let before = folder.folder.path().join("before.toml");
    std::fs::write(&before, folder.configuration("")).unwrap();
    let path = file.to_str().unwrap();
    let from = ["migrate", "--from", path];
    let (code, out, err) = run(&config, &from);
    assert_eq!((code, out.contains("no server starts on it any more")), (0, true), "{out}{err}");

    let (code, _, err) = run(&before, &["serve"]);
    let moved = format!("the store in {path} was moved to {}", testing::database(&url).name());
    assert_eq!((code, err.contains(&moved)), (1, true), "{err}");
    let (code, out, err) = run(&before, &["check", "--books", "--facts", "--store"]);
    assert_eq!((code, err.contains(&moved)), (1, true), "{out}{err}");
    assert!(out.contains("in one chain") && out.contains("debits"), "{out}");
    let other = testing::empty_database();
    let (code, _, err) = run(&config, &["migrate", "--from", path, "--to", &other]);
    assert_eq!((code, err.contains(&moved)), (1, true), "{err}");

    // Where it was moved to it can be moved again.
    testing::sql(&url, "DROP SCHEMA countersign CASCADE");
    let (code, out, err) = run(&config, &from);
    assert_eq!(code, 0, "{out}{err}");

    let undo = err_after(&before, "sqlite3 ");
    let (_, statement) = undo.split_once(" '").unwrap();
    let statement = statement.trim_end().trim_end_matches('\'');
    rusqlite::Connection::open(&file).unwrap().execute_batch(statement).unwrap();
    SqliteStore::open_sealed(&file, keys()).unwrap();
}

/// What a server that does not start says behind that.
fn err_after(config: &Path, what: &str) -> String {
    let (_, _, err) = run(config, &["serve"]);
    err.split_once(what).unwrap().1.lines().next().unwrap().to_owned()
}

#[test]
fn a_store_is_moved_only_when_nothing_runs_on_it_and_to_where_nothing_else_is() {
    let folder = Folder::new();
    let url = testing::empty_database();
    let (config, file) = source(&folder, &url);
    let from = ["migrate", "--from", file.to_str().unwrap()];
    let running = SqliteStore::open_sealed(&file, keys()).unwrap();
    let (code, _, err) = run(&config, &from);
    assert_eq!((code, err.contains("a server is running on ")), (1, true), "{err}");
    assert_eq!(testing::sql(&url, "SELECT to_regnamespace('countersign') IS NULL"), "t");
    drop(running);

    // Killed, and the file was written to before it goes on.
    assert_eq!(run(&config, &["migrate"]).0, 0);
    let mut holder = hold(&url, "entries");
    let mut moving = countersign(&config, &from).stderr(Stdio::null()).spawn().unwrap();
    let postings = || testing::sql(&url, "SELECT count(*) FROM countersign.postings");
    wait_until("the postings are copied", || postings() == PAYMENTS.to_string());
    moving.kill().unwrap();
    moving.wait().unwrap();
    holder.kill().unwrap();
    holder.wait().unwrap();
    let store = SqliteStore::open_sealed(&file, keys()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.commit(payment(PAYMENTS))).unwrap();
    drop(store);
    let (code, _, err) = run(&config, &from);
    assert_eq!((code, err.contains("or this one was changed since")), (1, true), "{err}");

    // With a URL of its own, and what does not fit.
    let other = testing::empty_database();
    let to = [from[0], from[1], from[2], "--to", &other];
    let (code, out, err) = run(&config, &to);
    assert_eq!((code, out.contains("every row is the same on both sides")), (0, true), "{err}");
    let missing = ["migrate", "--from", "/nowhere.db", "--to", &other];
    assert_eq!(run(&config, &missing).0, 1);
}

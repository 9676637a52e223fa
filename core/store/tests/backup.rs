//! The commands that the operator's guide shows, run as they stand there, with the `sqlite3` of Debian.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use countersign_domain::{
    event::{Event, Fact},
    ports::{Reads, Store},
    record::{Batch, Record, RecordKey, Version},
    time::Timestamp,
};
use countersign_store::SqliteStore;
use tempfile::TempDir;

/// The commands in the guide's section about the store.
fn commands() -> Vec<String> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/operate.md");
    let guide = fs::read_to_string(guide).unwrap();
    let (_, section) = guide.split_once("\n## The store\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split_once("```").unwrap().0);
    blocks.filter(|block| block.contains("sqlite3 ")).map(str::to_owned).collect()
}

fn backup_command() -> String {
    let mut commands = commands().into_iter().filter(|command| command.contains("copy.db"));
    let command = commands.next().unwrap();
    assert_eq!(commands.next(), None, "one way to make a copy");
    command
}

fn run(command: &str, folder: &TempDir) -> Output {
    Command::new("sh").args(["-c", command]).current_dir(folder).output().unwrap()
}

fn key(number: u64) -> RecordKey {
    RecordKey { collection: "note", id: number.to_string() }
}

/// A record of some size, and the fact about it.
fn note(number: u64) -> Batch {
    let body = format!("\"{}\"", "x".repeat(20_000));
    let record =
        Record { key: key(number), version: Version::FIRST, due_at: None, final_at: None, body };
    let fact = Fact {
        at: Timestamp::from_unix_millis(number),
        event: Event::AttemptCounted { number: 1 },
    };
    Batch { inserts: vec![record], facts: vec![(key(number), fact)], ..Batch::default() }
}

/// The file as the guide names it.
fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("countersign.db")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_backup_of_the_guide_holds_what_was_committed_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&file(&folder)).unwrap());
    for number in 0..1_000 {
        store.commit(note(number)).await.unwrap();
    }
    let (written, stop) = (Arc::new(AtomicU64::new(1_000)), Arc::new(AtomicBool::new(false)));
    let server = tokio::spawn({
        let (store, written, stop) = (store.clone(), written.clone(), stop.clone());
        async move {
            while !stop.load(Ordering::SeqCst) {
                store.commit(note(written.load(Ordering::SeqCst))).await.unwrap();
                written.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    // The second time over the first copy.
    for _ in 0..2 {
        let before = written.load(Ordering::SeqCst);
        let made = run(&backup_command(), &folder);
        assert!(made.status.success() && made.stderr.is_empty(), "{made:?}");
        assert!(written.load(Ordering::SeqCst) > before, "the server was writing");

        let path = folder.path().join("copy.db");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let copy = SqliteStore::open(&path).unwrap();
        for number in 0..before {
            assert!(copy.load(&key(number)).await.unwrap().is_some(), "{number} of {before}");
            assert_eq!(copy.facts(&key(number)).await.unwrap().len(), 1, "{number} of {before}");
        }
        assert_eq!(copy.commit(note(u64::MAX >> 1)).await, Ok(()), "the copy is a store");
    }
    stop.store(true, Ordering::SeqCst);
    server.await.unwrap();
}

#[test]
fn a_backup_that_cannot_be_made_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let refused = run(&backup_command(), &folder);
    assert!(!refused.status.success(), "there is no store: {refused:?}");
    drop(SqliteStore::open(&file(&folder)).unwrap());
    fs::create_dir(folder.path().join("copy.db")).unwrap();
    let refused = run(&backup_command(), &folder);
    assert!(!refused.status.success(), "the copy has no place: {refused:?}");
}

#[tokio::test]
async fn the_other_commands_of_the_guide_run() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&file(&folder)).unwrap();
    store.commit(note(1)).await.unwrap();
    for command in commands() {
        let done = run(&command, &folder);
        assert!(done.status.success() && done.stderr.is_empty(), "{command}: {done:?}");
        let told = String::from_utf8(done.stdout).unwrap();
        let facts = "1970-01-01 00:00:00|note|1|attempt_counted\n";
        assert_eq!(told, if command.contains("FROM facts ORDER") { facts } else { "" });
    }
}

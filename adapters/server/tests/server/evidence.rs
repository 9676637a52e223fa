//! `countersign check` on a store that somebody has written to, as an operator and a program run it.

use std::{path::Path, process::Command, sync::Arc};

use countersign_domain::{
    event::{Event, Fact},
    keys::KeyRing,
    ports::Store as _,
    record::{Batch, RecordKey},
    secret::Secret,
    time::Timestamp,
};
use countersign_store::SqliteStore;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::Folder;

/// Exit code, standard output, standard error.
fn check(config: &Path, more: &[&str]) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let output = program.args(["check", "--config"]).arg(config).args(more).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    (output.status.code().unwrap(), out, err)
}

/// The key ring of the folder's configuration.
fn keys() -> Arc<KeyRing> {
    let masters = vec![("1".try_into().unwrap(), Secret::new([0x0a; 32]))];
    Arc::new(KeyRing::new("1".try_into().unwrap(), masters).unwrap())
}

#[tokio::test]
async fn facts_that_were_changed_end_with_1_and_the_first_of_them() {
    let folder = Folder::new();
    let config = folder.write(&folder.configuration(""));
    let path = folder.folder.path().join("countersign.db");
    let store = SqliteStore::open_sealed(&path, keys()).unwrap();
    for number in 1..=3 {
        let at = Timestamp::from_unix_millis(u64::from(number));
        let about = RecordKey { collection: "challenge", id: format!("chal_{number}") };
        let facts = vec![(about, Fact { at, event: Event::AttemptCounted { number } })];
        store.commit(Batch { facts, ..Batch::default() }).await.unwrap();
    }
    let (code, out, err) = check(&config, &["--facts"]);
    assert_eq!(
        (code, out.contains("facts: 3, in one chain, sealed with key 1, digest ")),
        (0, true),
        "{out}{err}"
    );

    let file = Connection::open(&path).unwrap();
    let trigger = "SELECT sql FROM sqlite_schema WHERE name = 'facts_are_never_changed'";
    let trigger: String = file.query_one(trigger, [], |row| row.get(0)).unwrap();
    file.execute_batch(
        "DROP TRIGGER facts_are_never_changed; UPDATE facts SET at = 9 WHERE sequence = 2",
    )
    .unwrap();
    let (code, out, err) = check(&config, &[]);
    let refused = "trigger facts_are_never_changed is missing. Find out who wrote to it, and restore a backup";
    assert_eq!((code, err.contains(refused), &*out), (1, true, ""), "{err}");

    file.execute_batch(&trigger).unwrap();
    let (code, out, err) = check(&config, &["--facts"]);
    let told = "facts: 3, sealed with key 1; fact 2, about challenge chal_2, is not what was committed there\n";
    assert_eq!((code, out.ends_with(told)), (1, true), "{out}{err}");
    assert!(err.ends_with("countersign: the facts are not those that were committed\n"), "{err}");
    let (code, out, _) = check(&config, &["--facts", "--json"]);
    let found: Value = serde_json::from_str(&out).unwrap();
    let broken = json!({ "sequence": 2, "about": "challenge chal_2" });
    assert_eq!((code, &found["right"], &found["broken"]), (1, &json!(false), &broken), "{out}");
}

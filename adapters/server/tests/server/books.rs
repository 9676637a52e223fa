//! `countersign check --books`, as an operator and a program run it.

use std::{
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use countersign_domain::{
    amount::Amount,
    ports::Store as _,
    record::Batch,
    register::{Account, Posting},
    time::Timestamp,
};
use countersign_store::SqliteStore;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::Folder;

/// Exit code, standard output, standard error.
fn check_books(config: &Path, more: &[&str]) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let output = program.args(["check", "--books", "--config"]).arg(config).args(more).output();
    let output = output.unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    (output.status.code().unwrap(), out, err)
}

#[tokio::test]
async fn books_that_were_tampered_with_end_with_1_and_the_accounts_by_name() {
    let folder = Folder::new();
    let config = folder.write(&folder.configuration(""));
    let path = folder.folder.path().join("countersign.db");
    let store = SqliteStore::open(&path).unwrap();
    let account = |name: &str| Account::try_from(name.to_owned()).unwrap();
    let post = |id: &str, debit, credit| {
        let amount = Amount::new(5, "EUR".try_into().unwrap()).unwrap();
        let at = Timestamp::from_unix_millis(1);
        Posting::new(id, account(debit), account(credit), amount, at).not_below(-5)
    };
    let postings =
        vec![post("1", "wallet:alice", "shop:b"), post("2", "wallet:bob", "wallet:alice")];
    store.commit(Batch { postings, ..Batch::default() }).await.unwrap();

    let (code, out, err) = check_books(&config, &[]);
    let summary = "books: 2 postings, 3 balances, 0 differences; debits equal credits\n";
    assert_eq!((code, out.ends_with(summary)), (0, true), "{out}{err}");
    let (code, out, err) = check_books(&config, &["--json"]);
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &found["right"], &found["differences"]), (0, &json!(true), &json!([])));
    assert!(!err.contains("the books are wrong"), "{err}");

    let tampered = "DROP TRIGGER entries_are_never_changed;
                    UPDATE entries SET credit_minor = 9 WHERE account = 'wallet:alice' AND credit_minor > 0;
                    INSERT INTO postings (id, debit, credit, currency, amount_minor, floor_minor, at)
                    VALUES ('3', 'wallet:bob', 'shop:b', 'EUR', 9223372036854775807, -7, 1);
                    INSERT INTO entries VALUES ('wallet:bob', 'EUR', 3, 0, 0, 2)";
    Connection::open(&path).unwrap().execute_batch(tampered).unwrap();
    let (code, out, err) = check_books(&config, &[]);
    let lines = [
        "wallet:alice EUR, posting 2: kept debit 5 credit 9, posted debit 5 credit 5",
        "wallet:bob EUR, posting 3: kept debit 0 credit 0, posted debit 9223372036854775812 credit 0",
        "wallet:bob EUR, posting 3: the latest time so far is wrong",
        "wallet:bob EUR, posting 3: net -9223372036854775812 is below its floor -7",
        "shop:b EUR, posting 3: a posting without an entry",
        "EUR: debits 9223372036854775817 are not credits 10",
        "books: 3 postings, 3 balances, 5 differences; debits do not equal credits",
    ];
    // Not that a server would start: the trigger is gone, too.
    assert_eq!(out.lines().collect::<Vec<_>>(), lines);
    assert_eq!((code, err.ends_with("countersign: the books are wrong\n")), (1, true), "{err}");

    let (code, out, err) = check_books(&config, &["--json"]);
    assert_eq!((code, err.ends_with("countersign: the books are wrong\n")), (1, true), "{err}");
    let differs = |account: &str, position: u32, wrong: &str, detail: Value| {
        json!({
            "account": account, "currency": "EUR", "position": position,
            "wrong": wrong, "detail": detail,
        })
    };
    let alice = json!({ "kept": ["5", "9"], "posted": ["5", "5"] });
    let bob = json!({ "kept": ["0", "0"], "posted": ["9223372036854775812", "0"] });
    let floor = json!({ "floor": "-7", "net": "-9223372036854775812" });
    let expected = json!({
        "right": false, "postings": 3, "balances": 3, "wrong": 5,
        "differences": [
            differs("wallet:alice", 2, "balance", alice),
            differs("wallet:bob", 3, "balance", bob),
            differs("wallet:bob", 3, "latest_at", Value::Null),
            differs("wallet:bob", 3, "floor", floor),
            differs("shop:b", 3, "no_entry", Value::Null),
        ],
        "totals": [{ "currency": "EUR",
            "debit_minor": "9223372036854775817", "credit_minor": "10" }],
    });
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_made_while_the_store_is_written_to_balances_and_opens() {
    let folder = Folder::new();
    let config = folder.write(&folder.configuration(""));
    let at = |name: &str| folder.folder.path().join(name);
    let store = Arc::new(SqliteStore::open(&at("countersign.db")).unwrap());
    let (posted, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let writing = tokio::spawn({
        let (store, posted, stop) = (store.clone(), posted.clone(), stop.clone());
        async move {
            let account = |name: &str| Account::try_from(name.to_owned()).unwrap();
            while !stop.load(Ordering::SeqCst) {
                let number = posted.load(Ordering::SeqCst);
                let amount = Amount::new(5, "EUR".try_into().unwrap()).unwrap();
                let at = Timestamp::from_unix_millis(number);
                let (debit, credit) = (account("bank:b"), account("wallet:alice"));
                let postings = vec![Posting::new(number.to_string(), debit, credit, amount, at)];
                store.commit(Batch { postings, ..Batch::default() }).await.unwrap();
                posted.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    while posted.load(Ordering::SeqCst) < 100 {
        tokio::task::yield_now().await;
    }
    let backup = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
        let program = program.args(["backup", "--to"]).arg(at("copy.db")).arg("--config");
        program.arg(&config).output().unwrap()
    };
    let before = posted.load(Ordering::SeqCst);
    let made = backup();
    assert!(made.status.success(), "{made:?}");
    assert!(posted.load(Ordering::SeqCst) > before, "nothing was posted meanwhile");
    let refused = backup();
    assert_eq!(refused.status.code(), Some(1), "an earlier copy is not overwritten: {refused:?}");
    stop.store(true, Ordering::SeqCst);
    writing.await.unwrap();

    let text = std::fs::read_to_string(&config).unwrap().replace("countersign.db", "copy.db");
    std::fs::write(at("copy.toml"), text).unwrap();
    let (code, out, err) = check_books(&at("copy.toml"), &["--json"]);
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &found["right"]), (0, &json!(true)), "{out}{err}");
    assert!(found["postings"].as_u64().unwrap() >= before, "{before}: {found}");
    assert!(SqliteStore::open(&at("copy.db")).is_ok(), "the copy is a store");
}

#[tokio::test]
async fn an_export_is_read_by_a_second_program_that_finds_the_same() {
    let folder = Folder::new();
    let config = folder.write(&folder.configuration(""));
    let store = SqliteStore::open(&folder.folder.path().join("countersign.db")).unwrap();
    let account = |name: &str| Account::try_from(name.to_owned()).unwrap();
    let postings = (1..=20).map(|number| {
        let currency = if number % 3 == 0 { "JPY" } else { "EUR" };
        let amount = Amount::new(number, currency.try_into().unwrap()).unwrap();
        let at = Timestamp::from_unix_millis(number);
        let wallet = account(&format!("wallet:\u{e9}l\u{e9}onore {}", number % 4));
        Posting::new(number.to_string(), wallet, account("shop:b"), amount, at).not_below(-1_000)
    });
    store.commit(Batch { postings: postings.collect(), ..Batch::default() }).await.unwrap();
    let export = folder.folder.path().join("books.jsonl");
    let (code, out, err) = check_books(&config, &["--json", "--export", export.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    let second = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/books.py");
    let output = Command::new("python3").arg(second).arg(&export).output().unwrap();
    let [mut ours, theirs]: [Value; 2] =
        [out.as_bytes(), &output.stdout].map(|found| serde_json::from_slice(found).unwrap());
    ours.as_object_mut().unwrap().remove("differences");
    assert_eq!((&ours, &ours["right"], &ours["postings"]), (&theirs, &json!(true), &json!(20)));

    let (code, _, err) = check_books(&config, &["--export", export.to_str().unwrap()]);
    assert_eq!((code, err.contains("books.jsonl: File exists")), (1, true), "{err}");
}

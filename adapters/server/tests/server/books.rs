//! `countersign check --books`, as an operator and a program run it.

use std::{path::Path, process::Command};

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
    assert_eq!(out.lines().skip(1).collect::<Vec<_>>(), lines);
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

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
    let summary = "books: 2 postings, 2 kept balances, 0 of them wrong; debits equal credits\n";
    assert_eq!((code, out.ends_with(summary)), (0, true), "{out}{err}");
    let (code, out, err) = check_books(&config, &["--json"]);
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &found["right"], &found["differences"]), (0, &json!(true), &json!([])));
    assert!(!err.contains("the books are wrong"), "{err}");

    let tampered = "UPDATE balances SET credit_minor = 9 WHERE account = 'wallet:alice';
                    INSERT INTO postings (id, debit, credit, currency, amount_minor, at)
                    VALUES ('3', 'wallet:bob', 'shop:b', 'EUR', 9223372036854775807, 1)";
    Connection::open(&path).unwrap().execute_batch(tampered).unwrap();
    let (code, out, err) = check_books(&config, &[]);
    let lines = [
        "wallet:alice EUR: kept debit 5 credit 9, posted debit 5 credit 5",
        "wallet:bob EUR: kept debit 5 credit 0, posted debit 9223372036854775812 credit 0",
        "books: 3 postings, 2 kept balances, 2 of them wrong; debits equal credits",
    ];
    assert_eq!(out.lines().skip(1).collect::<Vec<_>>(), lines);
    assert_eq!((code, err.ends_with("countersign: the books are wrong\n")), (1, true), "{err}");

    let (code, out, err) = check_books(&config, &["--json"]);
    assert_eq!((code, err.ends_with("countersign: the books are wrong\n")), (1, true), "{err}");
    let expected = json!({
        "right": false, "postings": 3, "kept_balances": 2, "wrong_balances": 2,
        "differences": [
            { "account": "wallet:alice", "currency": "EUR", "kept": ["5", "9"], "posted": ["5", "5"] },
            { "account": "wallet:bob", "currency": "EUR",
              "kept": ["5", "0"], "posted": ["9223372036854775812", "0"] },
        ],
        "totals": [{ "currency": "EUR",
            "debit_minor": "9223372036854775817", "credit_minor": "9223372036854775817" }],
    });
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected);
}

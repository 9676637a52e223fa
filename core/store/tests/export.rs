//! The export of the books, checked by a second program, in Python: it finds what we find, and any line that was altered.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::{fs, path::Path, process::Command};

use countersign_domain::{
    amount::Amount,
    ports::Store as _,
    record::{Batch, StoreError},
    register::{Account, Posting},
    time::Timestamp,
};
use countersign_store::{Books, Findings, SqliteStore};
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};
use tempfile::TempDir;

fn posting(id: &str, debit: &str, credit: &str, amount_minor: u64, currency: &str) -> Posting {
    let account = |name: &str| Account::try_from(name.to_owned()).unwrap();
    let amount = Amount::new(amount_minor, currency.try_into().unwrap()).unwrap();
    Posting::new(id, account(debit), account(credit), amount, Timestamp::from_unix_millis(1))
}

/// What the second program says of an export, and of what is wrong in it.
fn second(export: &Path) -> (Value, String) {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/books.py");
    let output = Command::new("python3").arg(program).arg(export).output().unwrap();
    let wrong = String::from_utf8(output.stderr).unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).expect(&wrong);
    assert_eq!(output.status.code(), Some(i32::from(found["right"] == false)), "{wrong}");
    (found, wrong)
}

fn as_json(findings: &Findings) -> Value {
    let totals = findings.totals.iter().map(|total| {
        let (debit, credit) = (total.debit_minor.to_string(), total.credit_minor.to_string());
        json!({ "currency": total.currency, "debit_minor": debit, "credit_minor": credit })
    });
    json!({
        "right": true, "wrong": 0, "postings": findings.postings, "balances": findings.balances,
        "totals": totals.collect::<Vec<_>>(),
    })
}

/// Few accounts, so that many postings are refused, and some are between an account and itself.
fn any_posting() -> impl Strategy<Value = Posting> {
    let owner = || prop::sample::select(&["a:\u{e9}\"\\", "b:2", "c:3"][..]);
    let currency = prop::sample::select(&["EUR", "JPY"][..]);
    let parts = (0..999_u32, owner(), owner(), 1..100_u64, currency, option::of(-200..100_i64));
    parts.prop_map(|(id, debit, credit, amount_minor, currency, floor_minor)| Posting {
        floor_minor,
        ..posting(&id.to_string(), debit, credit, amount_minor, currency)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn a_second_program_finds_the_same_in_any_books(
        postings in vec(vec(any_posting(), 1..4), 0..60),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (path, export) = (folder.path().join("store.db"), folder.path().join("books.jsonl"));
        let store = SqliteStore::open(&path).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for postings in postings {
            let _may_be_refused = runtime.block_on(store.commit(Batch { postings, ..Batch::default() }));
        }
        let books = Books::open(&path).unwrap();
        books.export(&export).unwrap();
        let findings = books.check(|wrong| panic!("{wrong:?}")).unwrap();
        let (found, wrong) = second(&export);
        assert_eq!((found, wrong.as_str()), (as_json(&findings), ""));
    }
}

/// Alice is given 100, gives 60 to a shop, and 40.
async fn exported(folder: &Path) -> Vec<String> {
    let (path, export) = (folder.join("store.db"), folder.join("books.jsonl"));
    let store = SqliteStore::open(&path).unwrap();
    let postings = vec![
        posting("in", "bank:b", "wallet:alice", 100, "EUR"),
        posting("out", "wallet:alice", "shop:s", 60, "EUR").not_below(40),
        posting("out-2", "wallet:alice", "shop:s", 40, "EUR").not_below(0),
    ];
    store.commit(Batch { postings, ..Batch::default() }).await.unwrap();
    Books::open(&path).unwrap().export(&export).unwrap();
    fs::read_to_string(&export).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_second_program_finds_every_line_that_was_altered() {
    let folder = tempfile::tempdir().unwrap();
    let lines = exported(folder.path()).await;
    // Postings in, out, out-2; balances of bank, shop, alice; how many there are.
    assert_eq!(lines.len(), 7);
    for (line, member, value, told) in [
        (1, "position", json!(1), "line 2: is not behind the one before it"),
        (1, "id", json!("in"), "line 2: was posted before"),
        (1, "amount_minor", json!(0), "line 2: posts nothing"),
        (1, "amount_minor", json!(59), "line 2: leaves wallet:alice with [59, 100], not [60, 100]"),
        (1, "debit", json!("wallet:bob"), "line 2: leaves wallet:bob with [60, 0], not [60, 100]"),
        (1, "credit", json!("shop:t"), "line 3: leaves shop:s with [0, 40], not [0, 100]"),
        (1, "currency", json!("CHF"), "line 2: leaves wallet:alice with [60, 0], not [60, 100]"),
        (
            1,
            "debit_after",
            json!([61, 100]),
            "line 2: leaves wallet:alice with [60, 100], not [61, 100]",
        ),
        (1, "credit_after", json!([0, 61]), "line 2: leaves shop:s with [0, 60], not [0, 61]"),
        (1, "floor_minor", json!(41), "line 2: leaves wallet:alice with 40, below 41"),
        (1, "amount_minor", json!("60"), "line 2: cannot be read: "),
        (3, "debit_minor", json!(99), "line 4: is not the balance of bank:b, which is [100, 0]"),
        (3, "account", json!("bank:c"), "line 4: is not the balance of bank:c, which is None"),
        (3, "account", json!("shop:s"), "line 5: is not the balance of shop:s, which is [0, 100]"),
        (
            6,
            "postings",
            json!(4),
            "line 7: {'balances': 3, 'postings': 4} are told, 3 named, {'postings': 3, 'balances': 3} are there",
        ),
    ] {
        let mut object: Value = serde_json::from_str(&lines[line]).unwrap();
        object[member] = value;
        let mut altered = lines.clone();
        altered[line] = object.to_string();
        assert_found(&folder, &altered, told);
    }
    for (line, told) in [
        (0, "line 1: leaves wallet:alice with [60, 0], not [60, 100]"),
        (2, "line 4: is not the balance of shop:s, which is [0, 60]"),
        (
            3,
            "line 6: {'balances': 3, 'postings': 3} are told, 2 named, {'postings': 3, 'balances': 3} are there",
        ),
        (6, "line 7: there is no end"),
    ] {
        let mut removed = lines.clone();
        removed.remove(line);
        assert_found(&folder, &removed, told);
    }
    let mut doubled = lines.clone();
    doubled.insert(1, lines[0].clone());
    assert_found(&folder, &doubled, "line 2: was posted before");
    let mut longer = lines.clone();
    longer.push(lines[6].clone());
    assert_found(&folder, &longer, "line 8: stands behind the end");
}

fn assert_found(folder: &TempDir, altered: &[String], told: &str) {
    let export = folder.path().join("altered.jsonl");
    fs::write(&export, altered.join("\n")).unwrap();
    let (found, wrong) = second(&export);
    assert!(
        found["right"] == false && wrong.lines().any(|line| line.starts_with(told)),
        "{told}: {wrong}"
    );
}

#[tokio::test]
async fn an_export_overwrites_nothing_and_is_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    exported(folder.path()).await;
    let export = folder.path().join("books.jsonl");
    let before = fs::read(&export).unwrap();
    let books = Books::open(&folder.path().join("store.db")).unwrap();
    let refused = books.export(&export);
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    assert_eq!(fs::read(&export).unwrap(), before);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(export.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

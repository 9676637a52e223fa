//! `countersign payments`, as an operator and a program run it.

use std::{path::Path, process::Command, sync::Arc};

use countersign_domain::{
    bank::BankError,
    keys::KeyRing,
    ports::Reads as _,
    record::{Batch, RecordKey},
    secret::Secret,
    testing::Fixture,
};
use countersign_store::SqliteStore;
use serde_json::Value;

use crate::support::Folder;

/// Exit code, standard output, standard error.
fn payments(config: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let program = program.arg("payments").args(arguments).arg("--config").arg(config);
    let output = program.output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    (output.status.code().unwrap(), out, err)
}

/// The key ring of the folder's configuration.
fn keys() -> Arc<KeyRing> {
    let masters = vec![("1".try_into().unwrap(), Secret::new([0x0a; 32]))];
    Arc::new(KeyRing::new("1".try_into().unwrap(), masters).unwrap())
}

/// Begins a payment whose bank refuses to release what it may hold; gives its id.
async fn stuck_in(store: &Arc<SqliteStore>) -> String {
    let shop = Fixture::new();
    let (gateway, _) = shop.process_on(store.clone());
    let response = "12".to_owned().try_into().unwrap();
    shop.bank.fail_with(Some(BankError::Refused { response }));
    let begun = gateway.start_payment(shop.purchase("49.90"), Batch::default()).await.unwrap();
    for _ in 0..3 {
        shop.clock.advance_seconds(60);
        gateway.resume(10).await.unwrap();
    }
    begun.id().to_string()
}

#[tokio::test]
async fn a_stuck_payment_is_listed_and_settled_beside_a_process_that_has_the_store_open() {
    let folder = Folder::new();
    let config = folder.write(&folder.configuration(""));
    let (code, _, err) = payments(&config, &["list", "--stuck"]);
    assert_eq!((code, err.contains("there is no ")), (1, true), "{err}");
    let file = folder.folder.path().join("countersign.db");
    assert!(!file.exists(), "looking makes no store");

    let store = Arc::new(SqliteStore::open_sealed(&file, keys()).unwrap());
    let id = stuck_in(&store).await;
    let (code, out, err) = payments(&config, &["list", "--stuck"]);
    let line =
        format!("{id} void: refused with 12, 3 tries since 2027-01-15T08:00:00Z, bank reference ");
    assert_eq!((code, out.starts_with(&line), out.lines().count()), (0, true, 1), "{out}{err}");
    let (_, out, _) = payments(&config, &["list", "--stuck", "--json"]);
    let listed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&listed["id"], &listed["tries"]), (&Value::from(id.as_str()), &Value::from(3)));
    assert_eq!(listed["operation"], "void");

    let settle = |settlement: &str, because: &str| {
        payments(&config, &["settle", &id, "--as", settlement, "--because", because])
    };
    let (code, _, err) = settle("captured", "their case 4711");
    assert_eq!((code, err), (1, format!("countersign: payment {id} is voiding\n")));
    let (code, _, err) = settle("voided", "card 4970100000000154");
    assert_eq!((code, err.contains("because has digits that may be")), (1, true), "{err}");
    let (code, out, err) = settle("voided", "their case 4711");
    assert_eq!((code, out), (0, format!("{id} is voided\n")), "{err}");

    let about = RecordKey { collection: "payment", id: id.clone() };
    let facts = store.facts(&about).await.unwrap();
    let facts: Vec<Value> =
        facts.iter().map(|fact| serde_json::to_value(&fact.event).unwrap()).collect();
    let [.., confirmed, voided] = &facts[..] else { panic!("{facts:?}") };
    assert_eq!(confirmed["settlement"], "voided");
    assert_eq!(confirmed["because"], "their case 4711");
    assert_eq!(voided["event"], "payment_voided");
    let record = store.load(&about).await.unwrap().unwrap();
    assert!(record.body.contains(r#""sealed_card":null"#), "{}", record.body);
    assert_eq!(payments(&config, &["list", "--stuck"]), (0, String::new(), String::new()));
    let (code, _, err) = payments(&config, &["retry", &id]);
    assert_eq!((code, err), (1, format!("countersign: payment {id} is voided\n")));
}

#[tokio::test]
async fn a_payment_that_is_told_again_leaves_the_list_and_is_due() {
    let folder = Folder::new();
    let config = folder.write(&folder.configuration(""));
    let file = folder.folder.path().join("countersign.db");
    let store = Arc::new(SqliteStore::open_sealed(&file, keys()).unwrap());
    let id = stuck_in(&store).await;
    let (code, out, err) = payments(&config, &["retry", &id]);
    assert_eq!((code, out), (0, format!("{id} is voiding; the bank is told again\n")), "{err}");
    assert_eq!(payments(&config, &["list", "--stuck"]).1, "");
    let record = store.load(&RecordKey { collection: "payment", id }).await.unwrap().unwrap();
    assert!(record.due_at.is_some());
}

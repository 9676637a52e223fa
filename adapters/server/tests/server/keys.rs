//! A master secret is changed: `countersign check --keys` and `countersign reseal`, also where it is killed.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use countersign_domain::{
    address::Msisdn,
    card::Card,
    directory::Subscribers,
    ports::{Directory as _, Ports},
    subscriber::Subscriber,
    testing::card,
};
use serde_json::Value;

use crate::{
    support::Folder,
    unlock::{countersign, ports, ports_with},
};

fn subscriber(number: usize, card: Card) -> Subscriber {
    Subscriber {
        identifier: format!("person-{number:04}").try_into().unwrap(),
        address: Msisdn::try_from("+33612345678").unwrap().into(),
        card: Some(card),
    }
}

async fn enter(ports: &Ports, count: usize) {
    let directory = Subscribers::new(ports.clone());
    for number in 0..count {
        directory.enrol(&subscriber(number, card())).await.unwrap();
    }
}

/// The configuration of the folder with another current key; what others there are is given.
fn changed(folder: &Folder, files: &str) -> PathBuf {
    let secret = folder.folder.path().join("second.key");
    fs::write(&secret, "0b".repeat(32)).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let keys = format!("keys = {{ current = \"2\", files = {{ {files}2 = \"second.key\" }} }}");
    let was = "keys = { current = \"1\", files = { 1 = \"master.key\" } }";
    let text = folder.configuration("");
    assert!(text.contains(was));
    folder.write(&text.replace(was, &keys))
}

fn found(out: &str) -> Value {
    serde_json::from_str(out.lines().last().unwrap()).unwrap()
}

#[tokio::test]
async fn a_resealing_that_is_killed_is_done_by_the_next_one_and_the_old_key_can_go() {
    const COUNT: usize = 1_000;
    let folder = Folder::new();
    enter(&ports(&folder), COUNT).await;
    let both = changed(&folder, "1 = \"master.key\", ");
    let (code, out, err) = countersign(&["check", "--keys"], &both);
    assert_eq!(code, 0, "{err}");
    let needed = "key 1 seals 1000 subscriber; it is needed until countersign reseal was run\n";
    assert!(out.ends_with(&format!("{needed}key 2 seals nothing (current)\n")), "{out}");

    let mut killed = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["reseal", "--config"])
        .arg(&both)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = String::new();
    BufReader::new(killed.stderr.take().unwrap()).read_line(&mut told).unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(told.contains(" of 1000, ") && told.contains(" a second, "), "{told}");
    let (_, out, _) = countersign(&["check", "--keys", "--json"], &both);
    let of_key = |out: &str, at: &str| found(out).pointer(at).and_then(Value::as_u64).unwrap();
    let left = of_key(&out, "/keys/0/total");
    assert!(left > 0 && left < 1000, "it was not killed in the middle: {left}");
    assert_eq!(left + of_key(&out, "/keys/1/total"), 1000, "{out}");

    let (code, out, err) = countersign(&["reseal", "--json"], &both);
    assert_eq!((code, of_key(&out, "/resealed"), of_key(&out, "/left")), (0, left, 0), "{err}");
    let (_, out, _) = countersign(&["check", "--keys"], &both);
    assert!(out.contains("key 1 seals nothing; it can be removed\n"), "{out}");

    let alone = changed(&folder, "");
    let (code, out, err) = countersign(&["check", "--keys", "--facts", "--json"], &alone);
    assert_eq!((code, &found(&out)["right"]), (0, &Value::Bool(true)), "{err}");
    let ports = ports_with(&folder, "2", 0x0b);
    let last = subscriber(COUNT - 1, card());
    assert_eq!(Subscribers::new(ports).by_card(&card()).await, Ok(Some(last)));
}

#[tokio::test]
async fn what_is_sealed_under_a_key_that_was_removed_too_early_is_named_and_kept() {
    let folder = Folder::new();
    enter(&ports(&folder), 2).await;
    // The end of the chain of facts is sealed with the new key, and then the old one goes.
    let both = changed(&folder, "1 = \"master.key\", ");
    assert_eq!(countersign(&["check", "--keys"], &both).0, 0);
    let alone = changed(&folder, "");
    let (code, out, err) = countersign(&["check", "--keys"], &alone);
    assert_eq!(code, 1);
    let lost = "key 1 seals 2 subscriber; it is not configured: what it seals cannot be opened\n";
    assert!(out.contains(lost), "{out}");
    assert!(err.ends_with("something is sealed under a key that is not configured\n"), "{err}");
    let (code, out, err) = countersign(&["reseal"], &alone);
    assert_eq!(code, 1);
    assert_eq!(
        out,
        "subscriber person-0000 is as it was: key 1 is not in the key ring\n\
         subscriber person-0001 is as it was: key 1 is not in the key ring\n\
         resealed 0 under key 2; 2 could not be\n"
    );
    assert!(err.ends_with("not all could be resealed: their keys are still needed\n"), "{err}");
    // With the old key again nothing is lost.
    let both = changed(&folder, "1 = \"master.key\", ");
    assert_eq!(countersign(&["reseal"], &both).1, "resealed 2 under key 2; 0 could not be\n");
}

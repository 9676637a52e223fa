//! `tests/vectors`: a good ticket and a good receipt, and one message for each row of the table of refusals, as files.

use std::{collections::BTreeMap, fs, path::PathBuf};

use countersign_domain::testing::START;
use countersign_wallet::testing::SERVER;
use serde_json::json;

use crate::{
    forge::{Forged, Kind, MERCHANT, keys, read},
    refusals::rows,
};

pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors");
const KINDS: [(Kind, &str); 2] = [(Kind::Ticket, "Ticket"), (Kind::Receipt, "Receipt")];
const GOOD: &str = "good";

/// A vector's file: its name, what it says before the message, and the message.
struct Vector {
    file: String,
    why: &'static str,
    kind: Kind,
    expect: &'static str,
    message: String,
}

impl Vector {
    fn text(&self) -> String {
        let Self { why, expect, message, .. } = self;
        let of = name_of(self.kind);
        format!("# {why}\ntype: {of}\nexpect: {expect}\nmessage: {message:?}\n")
    }
}

fn name_of(kind: Kind) -> &'static str {
    KINDS.iter().find(|(of, _)| *of == kind).unwrap().1
}

fn made() -> Vec<Vector> {
    let mut made = Vec::new();
    for (kind, of) in KINDS {
        let of = of.to_lowercase();
        made.push(Vector {
            file: format!("{of}-000-good.txt"),
            why: "It is in order.",
            kind,
            expect: GOOD,
            message: Forged::good(kind).compact(),
        });
        for (place, row) in rows().into_iter().enumerate().filter(|(_, row)| row.is_of(kind)) {
            made.push(Vector {
                file: format!("{of}-{:03}-{}.txt", place + 1, row.name),
                why: row.why,
                kind,
                expect: row.refusal.name(),
                message: row.forged(kind).compact(),
            });
        }
    }
    made
}

/// What a vector of tests is verified with, as others read it.
fn world() -> String {
    let [merchant, server] = keys();
    let world = json!({
        "now": START.unix_seconds(),
        "merchant": MERCHANT,
        "server": SERVER,
        "keys": {"Ticket": merchant, "Receipt": server},
    });
    format!("{world:#}\n")
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(FOLDER).join(name)
}

/// The members of a file before the message, and the message.
fn read_file(name: &str) -> (BTreeMap<String, String>, String) {
    let text = fs::read_to_string(file(name)).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    let mut members: BTreeMap<String, String> =
        lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let message = serde_json::from_str(&members.remove("message").unwrap()).unwrap();
    (members, message)
}

#[test]
fn every_vector_is_answered_as_it_says_and_every_rule_has_one() {
    let mut files: Vec<String> = fs::read_dir(FOLDER)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".txt"))
        .collect();
    files.sort();
    let mut wanted: Vec<String> = made().into_iter().map(|vector| vector.file).collect();
    wanted.sort();
    assert_eq!(files, wanted, "write them again: see write_the_vectors");
    assert_eq!(fs::read_to_string(file("world.json")).unwrap(), world());
    for vector in made() {
        let (members, message) = read_file(&vector.file);
        assert_eq!(members.get("expect").unwrap(), vector.expect, "{}", vector.file);
        let said = read(vector.kind, &message).map_or_else(|refusal| refusal.name(), |()| GOOD);
        assert_eq!(said, vector.expect, "{}", vector.file);
    }
}

/// Not a test: writes them. `cargo test -p countersign-wallet --test judges -- --ignored write_the_vectors`
#[test]
#[ignore = "writes tests/vectors"]
fn write_the_vectors() {
    for vector in made() {
        fs::write(file(&vector.file), vector.text()).unwrap();
    }
    fs::write(file("world.json"), world()).unwrap();
}

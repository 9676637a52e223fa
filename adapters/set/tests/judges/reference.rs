//! docs/reference/set.asn1 and docs/reference/set.md say what the table says.

use std::{fs, path::PathBuf};

use crate::{module::module, page::filled};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name)
}

#[test]
fn the_asn1_module_is_the_table() {
    let written = fs::read_to_string(file("set.asn1")).unwrap();
    assert!(written == module(), "write it again: see write_the_reference");
}

#[test]
fn the_pages_tables_are_the_table() {
    let written = fs::read_to_string(file("set.md")).unwrap();
    assert!(written == filled(&written), "write it again: see write_the_reference");
}

/// Not a test: writes both. `cargo test -p countersign-set --test judges -- --ignored write_the_reference`
#[test]
#[ignore = "writes docs/reference/set.asn1 and the tables of docs/reference/set.md"]
fn write_the_reference() {
    fs::write(file("set.asn1"), module()).unwrap();
    let page = fs::read_to_string(file("set.md")).unwrap();
    fs::write(file("set.md"), filled(&page)).unwrap();
}

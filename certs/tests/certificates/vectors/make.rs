//! What is in the files of `tests/vectors/phone`: the number, the rule, what is expected, and the certificate.

mod envelopes;
mod in_clear;

use std::fmt;

use der::pem::LineEnding;

use super::certificates::{Parts, sealed};

/// One file.
pub(crate) struct Vector {
    /// Files are sorted by it: checking order.
    place: u16,
    pub(crate) name: &'static str,
    why: &'static str,
    expect: &'static str,
    certificate: Vec<u8>,
}

impl Vector {
    pub(crate) fn file(&self) -> String {
        format!("{}-{}.txt", self.place, self.name)
    }
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pem = der::pem::encode_string("CERTIFICATE", LineEnding::LF, &self.certificate);
        writeln!(f, "# {}", self.why)?;
        writeln!(f, "name: {}", self.name)?;
        writeln!(f, "expect: {}", self.expect)?;
        f.write_str(&pem.unwrap())
    }
}

pub(crate) fn all() -> Vec<Vector> {
    let sealed = Sealed::new();
    let parts = [
        in_clear::good(),
        envelopes::good(&sealed),
        in_clear::certificates(),
        in_clear::chains(),
        in_clear::numbers(&sealed),
        in_clear::lists(),
        envelopes::encodings(&sealed),
        envelopes::structures(&sealed),
        envelopes::recipients(&sealed),
        envelopes::contents(&sealed),
        in_clear::numbers_that_are_none(),
    ];
    parts.into_iter().flatten().collect()
}

/// The envelopes that all others are spoiled from.
struct Sealed {
    p256: Vec<u8>,
    rsa: Vec<u8>,
    both: Vec<u8>,
}

impl Sealed {
    fn new() -> Self {
        Self {
            p256: sealed("103-good-p256.txt", &["p256"]),
            rsa: sealed("104-good-rsa.txt", &["rsa"]),
            both: sealed("105-good-both.txt", &["p256", "rsa"]),
        }
    }
}

/// Rows of place, name, expectation, certificate and why.
type Row = (u16, &'static str, &'static str, Vec<u8>, &'static str);

fn vectors(rows: Vec<Row>) -> Vec<Vector> {
    rows.into_iter()
        .map(|(place, name, expect, certificate, why)| Vector {
            place,
            name,
            why,
            expect,
            certificate,
        })
        .collect()
}

fn in_clear(uris: &[&str], lists: &[&[u8]]) -> Vec<u8> {
    let parts = Parts { uris, lists, ..Parts::default() };
    parts.certificate()
}

fn encrypted(envelope: &[u8]) -> Vec<u8> {
    let parts = Parts { envelopes: &[envelope], ..Parts::default() };
    parts.certificate()
}

const URI: &str = "tel:+33612345678";

//! Certificates as files, one for each rule broken, in checking order: `tests/vectors/phone`, see its README.

mod certificates;
mod make;

use std::{fs, path::PathBuf};

use countersign_certs::{Certificate, CertificateDer, RecipientKey, RevocationList, TrustAnchors};
use rustls_pki_types::{CertificateRevocationListDer, PrivatePkcs8KeyDer, pem::PemObject};

use crate::support::{NOW, at};

#[test]
fn every_file_is_read_or_refused_as_it_says() {
    let anchors = TrustAnchors::from_pem(&text("keys/test-only-root.pem")).unwrap();
    let keys = ["p256", "rsa"].map(gateway);
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let (name, expected) = (field(&text, "name"), field(&text, "expect"));
        let stem = file.file_stem().unwrap().to_str().unwrap();
        assert!(stem.ends_with(&format!("-{name}")), "{stem} is {name}");
        let certificate = CertificateDer::from_pem_slice(text.as_bytes()).unwrap();
        let lists: Vec<RevocationList> =
            CertificateRevocationListDer::pem_slice_iter(text.as_bytes())
                .map(|list| RevocationList::from_der(&list.unwrap()).unwrap())
                .collect();
        let anchors = anchors.clone().with_revocation_lists(&lists).unwrap();
        let outcome =
            anchors.verify_client(&[certificate], at(NOW)).and_then(|client| client.phone(&keys));
        let outcome = match outcome {
            Ok(holder) => holder.number.expose().to_owned(),
            Err(refusal) => format!("{refusal:?}"),
        };
        assert_eq!(outcome, expected, "{stem}");
    }
}

#[test]
fn every_file_can_be_made_again() {
    for vector in make::all() {
        assert_eq!(text(&vector.file()), vector.to_string(), "{}", vector.name);
    }
}

/// Not a test: writes the files. `cargo test -p countersign-certs --test certificates -- --ignored write_the_vectors`
#[test]
#[ignore = "writes tests/vectors/phone"]
fn write_the_vectors() {
    for vector in make::all() {
        fs::write(folder().join(vector.file()), vector.to_string()).unwrap();
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/phone")
}

fn text(file: &str) -> String {
    fs::read_to_string(folder().join(file)).expect(file)
}

fn field<'a>(text: &'a str, key: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).expect(key)
}

/// The key of one of the two gateways.
fn gateway(kind: &str) -> RecipientKey {
    let key = text(&format!("keys/test-only-gateway-{kind}.key"));
    let key = PrivatePkcs8KeyDer::from_pem_slice(key.as_bytes()).unwrap();
    RecipientKey::from_pkcs8(&gateway_certificate(kind), key.secret_pkcs8_der()).unwrap()
}

fn gateway_certificate(kind: &str) -> Certificate {
    Certificate::from_pem(&text(&format!("keys/test-only-gateway-{kind}.pem"))).unwrap()
}

//! Requests as OpenSSL makes them, and keys in files.

use std::path::Path;

use countersign_certs::{Error, KeyKind, KeyPair, Request, check_pkcs12_passphrase, to_pkcs12};

use crate::support::{Hierarchy, openssl, read, write};

const PASSPHRASE: &str = "correct horse battery";

fn request(folder: &Path, arguments: &str) -> Vec<u8> {
    openssl(folder, &format!("req -new -nodes -keyout key.pem -out request.csr {arguments}"));
    read(folder, "request.csr")
}

#[test]
fn a_request_of_openssl_is_read_in_pem_and_in_der() {
    let folder = tempfile::tempdir().unwrap();
    let names = "-addext subjectAltName=DNS:shop.example,DNS:www.shop.example,IP:127.0.0.1,IP:::1,URI:tel:+33612345678";
    for key in ["-newkey ec -pkeyopt ec_paramgen_curve:P-256", "-newkey rsa:3072"] {
        for form in ["PEM", "DER"] {
            let arguments = format!("{key} -outform {form} -subj /CN=shop.example {names}");
            let read = Request::from_file(&request(folder.path(), &arguments)).unwrap();
            assert_eq!(read.common_name(), Some("shop.example"));
            assert_eq!(read.dns_names(), ["shop.example", "www.shop.example"]);
            let addresses: Vec<_> = read.ip_addresses().iter().map(ToString::to_string).collect();
            assert_eq!(addresses, ["127.0.0.1", "::1"]);
        }
    }
}

#[test]
fn a_request_with_extensions_and_attributes_that_nobody_asked_for_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=a -addext 1.2.3.4=ASN1:UTF8String:x -addext basicConstraints=CA:TRUE";
    let read = Request::from_file(&request(folder.path(), arguments)).unwrap();
    assert_eq!(read.common_name(), Some("a"));
}

#[test]
fn a_request_is_refused_by_the_rule_it_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let p256 = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -outform DER -subj /CN=a";
    let good = request(folder.path(), p256);
    let mut forged = good.clone();
    // The last octet belongs to the signature.
    *forged.last_mut().unwrap() ^= 1;
    let cut = good.split_last().unwrap().1.to_vec();
    let trailed = [good.as_slice(), &[0]].concat();
    let weak = |key: &str| request(folder.path(), &format!("-newkey {key} -subj /CN=a"));
    let cases = [
        (Vec::new(), Error::MalformedRequest),
        (vec![0x30; 16 * 1024 + 1], Error::MalformedRequest),
        (cut, Error::MalformedRequest),
        (trailed, Error::MalformedRequest),
        (b"-----BEGIN CERTIFICATE REQUEST-----".to_vec(), Error::MalformedRequest),
        (weak("rsa:2048"), Error::KeyNotAllowed),
        (weak("ec -pkeyopt ec_paramgen_curve:P-384"), Error::KeyNotAllowed),
        (weak("ec -pkeyopt ec_paramgen_curve:secp256k1"), Error::KeyNotAllowed),
        (weak("ed25519"), Error::KeyNotAllowed),
        (forged, Error::RequestSignature),
    ];
    for (place, (bytes, error)) in cases.into_iter().enumerate() {
        assert_eq!(Request::from_file(&bytes).unwrap_err(), error, "case {place}");
    }
}

#[test]
fn openssl_reads_our_request() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [KeyKind::P256, KeyKind::Rsa3072] {
        let key = KeyPair::generate_kind(kind).unwrap();
        let request = key.to_request_pem("Example brand").unwrap();
        write(folder.path(), "request.csr", &request);
        let said = openssl(folder.path(), "req -in request.csr -noout -verify -subject");
        assert!(said.contains("CN = Example brand"), "{said}");
        let read = Request::from_file(request.as_bytes()).unwrap();
        assert_eq!(read.key(), key.public_key());
    }
}

#[test]
fn an_encrypted_key_is_read_by_openssl_and_openssl_s_by_us() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [KeyKind::P256, KeyKind::Rsa3072] {
        let key = KeyPair::generate_kind(kind).unwrap();
        let sealed = key.to_encrypted_pem(PASSPHRASE).unwrap();
        assert!(sealed.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
        write(folder.path(), "key.pem", &sealed);
        write(folder.path(), "passphrase", PASSPHRASE);
        write(folder.path(), "passphrase.again", PASSPHRASE);
        openssl(
            folder.path(),
            "pkcs8 -topk8 -in key.pem -passin file:passphrase -out again.pem -passout file:passphrase.again",
        );
        let again = String::from_utf8(read(folder.path(), "again.pem")).unwrap();
        for pem in [&sealed, &again] {
            let opened = KeyPair::from_encrypted_pem(pem, PASSPHRASE).unwrap();
            assert_eq!(opened.public_key(), key.public_key());
        }
    }
}

#[test]
fn a_key_file_is_refused_by_the_rule_it_breaks() {
    let key = KeyPair::generate().unwrap();
    let sealed = key.to_encrypted_pem(PASSPHRASE).unwrap();
    let plain = key.expose_pem().unwrap();
    let instead =
        |found: &str, expected| Error::UnexpectedPem { found: found.to_owned(), expected };
    let encrypted = "an encrypted private key in PKCS#8";
    for (pem, passphrase, error) in [
        ("", PASSPHRASE, Error::MalformedKey),
        (plain.as_str(), PASSPHRASE, instead("PRIVATE KEY", encrypted)),
        (sealed.as_str(), "wrong horse battery", Error::WrongPassphrase),
        (sealed.as_str(), "", Error::WrongPassphrase),
    ] {
        let opened = KeyPair::from_encrypted_pem(pem, passphrase);
        assert_eq!(opened.unwrap_err(), error);
    }
    let expected = instead("ENCRYPTED PRIVATE KEY", "a private key in PKCS#8");
    assert_eq!(KeyPair::from_pem(&sealed).unwrap_err(), expected);
    assert_eq!(key.to_encrypted_pem("short").unwrap_err(), Error::PassphraseTooShort);
}

#[test]
fn openssl_reads_our_pkcs12_file_key_and_chain() {
    let hierarchy = Hierarchy::new();
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let chain = [
        hierarchy.clear_client(&key),
        hierarchy.issuing.certificate().clone(),
        hierarchy.root.certificate().clone(),
    ];
    let file = to_pkcs12(&key, &chain, "user-42", PASSPHRASE).unwrap();
    write(folder.path(), "client.p12", file);
    write(folder.path(), "passphrase", PASSPHRASE);
    let said = openssl(folder.path(), "pkcs12 -in client.p12 -passin file:passphrase -nodes");
    assert_eq!(said.matches("BEGIN CERTIFICATE").count(), 3, "{said}");
    assert!(said.contains("friendlyName: user-42"), "{said}");
    let begin = said.find("-----BEGIN PRIVATE KEY").unwrap();
    let opened = KeyPair::from_pem(said.split_at(begin).1).unwrap();
    assert_eq!(opened.public_key(), key.public_key());
    let info = openssl(folder.path(), "pkcs12 -in client.p12 -passin file:passphrase -noout -info");
    assert!(!info.contains("RC2") && !info.contains("sha1"), "{info}");
}

#[test]
fn a_pkcs12_file_is_made_only_of_what_belongs_together() {
    let hierarchy = Hierarchy::new();
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let chain = [hierarchy.clear_client(&other)];
    let mismatch = to_pkcs12(&key, &chain, "a", PASSPHRASE);
    assert_eq!(mismatch.unwrap_err(), Error::KeyMismatch);
    assert_eq!(to_pkcs12(&key, &[], "a", PASSPHRASE).unwrap_err(), Error::KeyMismatch);
    let short = to_pkcs12(&other, &chain, "a", "short");
    assert_eq!(short.unwrap_err(), Error::PassphraseTooShort);
}

#[test]
fn a_passphrase_that_no_pkcs12_file_can_be_sealed_under_is_refused_beforehand() {
    let emoji = include_str!("../vectors/files/passphrase-emoji.txt").trim_end();
    assert_eq!(check_pkcs12_passphrase(emoji), Err(Error::PassphraseBeyondBmp));
    assert_eq!(check_pkcs12_passphrase("short"), Err(Error::PassphraseTooShort));
    // What is accepted beforehand makes a file, which OpenSSL opens, up to the last character of the BMP's letters.
    let passphrase = "cheval corrigé \u{fffd}\u{ac00}";
    assert_eq!(check_pkcs12_passphrase(passphrase), Ok(()));
    let hierarchy = Hierarchy::new();
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let chain = [hierarchy.clear_client(&key)];
    for (name, friendly) in
        [("user-42", "user-42"), ("caf\u{e9} \u{1f600}", "caf\u{fffd} \u{fffd}")]
    {
        let file = to_pkcs12(&key, &chain, name, passphrase).unwrap();
        write(folder.path(), "client.p12", file);
        write(folder.path(), "passphrase", passphrase);
        let said = openssl(folder.path(), "pkcs12 -in client.p12 -passin file:passphrase -nodes");
        assert!(said.contains(&format!("friendlyName: {friendly}\n")), "{said}");
    }
}

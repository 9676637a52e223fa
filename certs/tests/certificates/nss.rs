//! NSS, which Firefox reads certificates with, judges what is issued here.

use std::path::Path;

use countersign_certs::{Certificate, KeyPair, PhoneExtension};

use crate::support::{Hierarchy, holder, run, write};

/// 15 January 2027, 9:00: an hour after the certificates begin.
const DURING: &str = "270115090000Z";
/// Two days before: NSS forgives clocks that are wrong by a day.
const BEFORE: &str = "270113080000Z";

#[test]
fn nss_accepts_both_ways_to_bear_a_number_for_clients_and_only_in_their_time() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    certutil(folder, "-N --empty-password");
    // T: trusted to issue to clients.
    enter(folder, "root", "T,,", hierarchy.root.certificate());
    enter(folder, "issuing", ",,", hierarchy.issuing.certificate());
    enter(folder, "clear", ",,", &hierarchy.clear_client(&key));
    let encrypted = hierarchy.encrypted_client(&key, &holder());
    enter(folder, "encrypted", ",,", &encrypted);
    for name in ["clear", "encrypted"] {
        let (valid, said) = validate(folder, name, "C", DURING);
        assert!(valid, "{name}\n{said}");
        for (usage, time) in [("V", DURING), ("S", DURING), ("C", BEFORE)] {
            let (valid, said) = validate(folder, name, usage, time);
            assert!(!valid, "{name} for {usage} at {time}\n{said}");
        }
    }
}

#[test]
fn nss_accepts_no_client_whose_root_it_does_not_trust() {
    let hierarchy = Hierarchy::new();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let client = hierarchy.clear_client(&KeyPair::generate().unwrap());
    certutil(folder, "-N --empty-password");
    enter(folder, "root", ",,", hierarchy.root.certificate());
    enter(folder, "issuing", ",,", hierarchy.issuing.certificate());
    enter(folder, "clear", ",,", &client);
    let (valid, said) = validate(folder, "clear", "C", DURING);
    assert!(!valid, "{said}");
}

#[test]
fn nss_shows_the_number_in_clear_and_the_envelope_around_the_other() {
    let hierarchy = Hierarchy::new();
    let key = KeyPair::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let extension = format!("OID.{}", PhoneExtension::default());
    for (certificate, promises) in [
        (hierarchy.clear_client(&key), &["URI: \"tel:+33612345678\""][..]),
        (
            hierarchy.encrypted_client(&key, &holder()),
            // The extension, AuthEnvelopedData (RFC 5083), ECDH with SHA-256's KDF (RFC 5753) and its key wrap.
            &[
                extension.as_str(),
                "OID.1.2.840.113549.1.9.16.1.23",
                "OID.1.3.132.1.11.1",
                "AES-256 Key Wrap",
            ],
        ),
    ] {
        write(folder, "leaf.pem", certificate.to_pem().unwrap());
        // Debian's name for NSS's pp.
        let (shown, text) = run(folder, "nss-pp", "-t certificate -a -i leaf.pem");
        assert!(shown, "{text}");
        for promise in promises.iter().chain(&["TLS Web Client Authentication", "Is not a CA"]) {
            assert!(text.contains(promise), "{promise:?} is missing in\n{text}");
        }
    }
}

/// Puts a certificate into the folder's database.
fn enter(folder: &Path, name: &str, trust: &str, certificate: &Certificate) {
    write(folder, "entered.pem", certificate.to_pem().unwrap());
    certutil(folder, &format!("-A -n {name} -t {trust} -a -i entered.pem"));
}

/// Whether NSS accepts a certificate for a usage at a time, its signature checked.
fn validate(folder: &Path, name: &str, usage: &str, time: &str) -> (bool, String) {
    let arguments = format!("-V -d sql:. -n {name} -u {usage} -b {time} -e");
    run(folder, "certutil", &arguments)
}

fn certutil(folder: &Path, arguments: &str) {
    let (done, said) = run(folder, "certutil", &format!("{arguments} -d sql:."));
    assert!(done, "certutil {arguments}\n{said}");
}

//! The files of `docs/guides/issue-elsewhere.md`: OpenSSL issues with them, and what it issued is read here.

use std::{
    path::Path,
    process::{Command, Output},
};

use countersign_certs::{
    Certificate, Holder, KeyPair, PhoneExtension, Refusal, SealedFault, TrustAnchors,
    VerifiedCertificate, read_phone,
};
use tempfile::TempDir;

use crate::support::{EXTENSION, Gateway, Hierarchy, NUMBER, at, forge, openssl, read, write};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/openssl/issue-phone.sh");

/// 22 March 2049: OpenSSL's certificates begin at the wall clock's time, so the test's time must be long after it.
const LATER: u64 = 2_500_000_000;
const DAYS: &str = "36500";
const CARD: (&str, &str) = ("4970100000000154", "2029-12");

#[test]
fn a_number_that_openssl_issued_in_clear_is_accepted_and_read() {
    let authority = ForeignAuthority::new();
    let client = authority.client("clear", &[("PHONE", NUMBER)], "");
    let holder = client.phone(&[]).unwrap();
    assert_eq!(told(&holder), (NUMBER, None));
    assert_eq!(client.common_name(), Some("user-42"));
}

#[test]
fn a_number_that_openssl_encrypted_is_read_by_the_gateway_it_named_and_by_no_other() {
    let authority = ForeignAuthority::new();
    let [first, second] = authority.gateways.each_ref().map(|gateway| [gateway.reader()]);
    let alone = [("PHONE", NUMBER)];
    let with_card = [("PHONE", NUMBER), ("CARD", CARD.0), ("EXPIRY", CARD.1)];
    for (environment, card) in [(&alone[..], None), (&with_card[..], Some(CARD))] {
        for (named, reader, other) in
            [("first.pem", &first, &second), ("second.pem", &second, &first)]
        {
            let client = authority.client("encrypted", environment, named);
            assert_eq!(told(&client.phone(reader).unwrap()), (NUMBER, card));
            let refusal = client.phone(other).unwrap_err();
            assert_eq!(refusal, SealedFault::WrongRecipient.into());
        }
    }
}

#[test]
fn a_number_for_two_gateways_is_opened_by_either() {
    let authority = ForeignAuthority::new();
    let folder = authority.folder.path();
    let client = authority.client("encrypted", &[("PHONE", NUMBER)], "first.pem second.pem");
    write(folder, "envelope.der", envelope(&client));
    for name in ["first", "second"] {
        openssl(
            folder,
            &format!(
                "cms -decrypt -binary -inform DER -in envelope.der -recip {name}.pem -inkey {name}.key -out record.der"
            ),
        );
        let shown = openssl(folder, "asn1parse -inform DER -in record.der");
        assert!(shown.contains(":+33612345678    "), "{name}\n{shown}");
    }
}

/// Each envelope has keys of its own, so their order is another each time.
#[test]
fn recipients_in_any_order_of_their_keys_are_read() {
    let authority = ForeignAuthority::new();
    for _ in 0..8 {
        let client = authority.client("encrypted", &[("PHONE", NUMBER)], "first.pem second.pem");
        for gateway in &authority.gateways {
            let holder = client.phone(&[gateway.reader()]).unwrap();
            assert_eq!(told(&holder), (NUMBER, None));
        }
    }
}

#[test]
fn every_number_that_is_allowed_is_padded_as_the_reader_asks() {
    let authority = ForeignAuthority::new();
    for number in ["+3361234", "+336123456789012"] {
        let client = authority.client("encrypted", &[("PHONE", number)], "first.pem");
        let holder = client.phone(&[authority.gateways[0].reader()]).unwrap();
        assert_eq!(told(&holder), (number, None));
    }
}

#[test]
fn a_number_that_the_request_asks_for_is_not_taken_over() {
    let authority = ForeignAuthority::new();
    openssl(
        authority.folder.path(),
        "req -new -key client.key -subj /CN=user-42 -addext subjectAltName=URI:tel:+33699999999 -out client.csr",
    );
    // Taken over, it would be a second number.
    let client = authority.client("encrypted", &[("PHONE", NUMBER)], "first.pem");
    let holder = client.phone(&[authority.gateways[0].reader()]).unwrap();
    assert_eq!(told(&holder), (NUMBER, None));
}

#[test]
fn an_envelope_that_openssl_made_for_one_key_is_refused_in_a_certificate_for_another() {
    let authority = ForeignAuthority::new();
    let client = authority.client("encrypted", &[("PHONE", NUMBER)], "first.pem");
    let another = KeyPair::generate().unwrap();
    let moved = forge(&another, &[(EXTENSION, &envelope(&client))], &[]);
    let keys = [authority.gateways[0].reader()];
    let refusal = read_phone(&moved, PhoneExtension::default(), &keys).unwrap_err();
    assert_eq!(refusal, Refusal::MovedFromAnotherCertificate);
}

#[test]
fn an_envelope_for_another_authority_to_put_in_is_read() {
    let authority = ForeignAuthority::new();
    let folder = authority.folder.path();
    let key = KeyPair::generate().unwrap();
    write(folder, "own.key", key.expose_pem().unwrap().as_str());
    openssl(folder, "req -new -key own.key -subj /CN=own -out own.csr");
    let output = run_script(folder, "envelope own.csr first.pem", &[("PHONE", NUMBER)]);
    let certificate = forge(&key, &[(EXTENSION, &output.stdout)], &[]);
    let keys = [authority.gateways[0].reader()];
    let holder = read_phone(&certificate, PhoneExtension::default(), &keys).unwrap();
    assert_eq!(told(&holder), (NUMBER, None));
}

#[test]
fn what_the_script_must_not_issue_it_refuses() {
    let authority = ForeignAuthority::new();
    let folder = authority.folder.path();
    openssl(folder, "req -in client.csr -outform DER -out forged.der");
    let mut forged = read(folder, "forged.der");
    *forged.last_mut().unwrap() ^= 1;
    write(folder, "forged.der", forged);
    openssl(folder, "req -inform DER -in forged.der -out forged.csr");

    let clear = "clear root.pem root.key client.csr";
    let encrypted = "encrypted root.pem root.key client.csr first.pem";
    let phone = ("PHONE", NUMBER);
    for (rule, arguments, environment) in [
        ("no number", clear, &[][..]),
        ("no plus", clear, &[("PHONE", "33612345678")]),
        ("a trunk prefix", clear, &[("PHONE", "+0612345678")]),
        ("6 digits", clear, &[("PHONE", "+336123")]),
        ("16 digits", clear, &[("PHONE", "+3361234567890123")]),
        ("a separator", clear, &[("PHONE", "+33 612345678")]),
        ("another name", clear, &[("PHONE", "+33612345678,DNS:a")]),
        ("a card in clear", clear, &[phone, ("CARD", CARD.0)]),
        (
            "a number in clear to a gateway",
            "clear root.pem root.key client.csr first.pem",
            &[phone],
        ),
        ("no gateway", "encrypted root.pem root.key client.csr", &[phone]),
        ("a card without expiry", encrypted, &[phone, ("CARD", CARD.0)]),
        (
            "a card in groups",
            encrypted,
            &[phone, ("CARD", "4970 1000 0000 0154"), ("EXPIRY", CARD.1)],
        ),
        ("a request that another key signed", "clear root.pem root.key forged.csr", &[phone]),
        ("neither way", "plain root.pem root.key client.csr", &[phone]),
    ] {
        let output = run_script(folder, arguments, environment);
        assert!(!output.status.success(), "{rule}");
        let issued = String::from_utf8(output.stdout).unwrap();
        assert!(!issued.contains("CERTIFICATE"), "{rule}");
    }
    assert!(run_script(folder, clear, &[phone]).status.success());
}

/// An authority that is nothing but OpenSSL and two gateways' certificates, and one client that asks.
struct ForeignAuthority {
    folder: TempDir,
    gateways: [Gateway; 2],
}

impl ForeignAuthority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for name in ["root", "client"] {
            openssl(
                path,
                &format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.key"),
            );
        }
        openssl(
            path,
            &format!(
                "req -x509 -new -key root.key -subj /CN=Foreign -days {DAYS} -out root.pem \
                 -addext keyUsage=critical,keyCertSign,cRLSign"
            ),
        );
        openssl(path, "req -new -key client.key -subj /CN=user-42 -out client.csr");
        let hierarchy = Hierarchy::new();
        let gateways = [(); 2].map(|()| Gateway::of(&hierarchy.issuing));
        for (gateway, name) in gateways.iter().zip(["first", "second"]) {
            gateway.write(path, name);
        }
        Self { folder, gateways }
    }

    /// What the script issues, verified up to the foreign root.
    fn client(
        &self,
        how: &str,
        environment: &[(&str, &str)],
        gateways: &str,
    ) -> VerifiedCertificate {
        let arguments = format!("{how} root.pem root.key client.csr {gateways}");
        let output = run_script(self.folder.path(), &arguments, environment);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complained}");
        let client = certificate(output.stdout);
        let root = certificate(read(self.folder.path(), "root.pem"));
        let anchors = TrustAnchors::new(&[root]).unwrap();
        anchors.verify_client(&[client.der().clone()], at(LATER)).unwrap()
    }
}

fn run_script(folder: &Path, arguments: &str, environment: &[(&str, &str)]) -> Output {
    Command::new("sh")
        .arg(SCRIPT)
        .args(arguments.split_whitespace())
        .env_remove("PHONE")
        .env_remove("CARD")
        .env_remove("EXPIRY")
        .env("DAYS", DAYS)
        .envs(environment.iter().copied())
        .current_dir(folder)
        .output()
        .unwrap()
}

fn certificate(pem: Vec<u8>) -> Certificate {
    Certificate::from_pem(&String::from_utf8(pem).unwrap()).unwrap()
}

fn envelope(client: &VerifiedCertificate) -> Vec<u8> {
    let (_, parsed) = x509_parser::parse_x509_certificate(client.certificate()).unwrap();
    let extension = parsed
        .iter_extensions()
        .find(|extension| extension.oid.to_id_string() == PhoneExtension::default().to_string())
        .unwrap();
    extension.value.to_vec()
}

fn told(holder: &Holder) -> (&str, Option<(&str, &str)>) {
    let card = holder.card.as_ref();
    (holder.number.expose(), card.map(|card| (card.expose_number(), card.expose_expiry())))
}

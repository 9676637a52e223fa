//! `countersign ca` as somebody types it, judged by OpenSSL.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{
    path::Path,
    process::{Command, Output},
};

use countersign_authority::Issued;
use countersign_domain::{
    ports::{Clock as _, Reads as _},
    record::Stored as _,
};
use countersign_server::SystemClock;
use countersign_store::SqliteStore;

struct Desk(tempfile::TempDir);

impl Desk {
    /// A folder with passphrases.
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.write("root.pw", "the root's passphrase\n");
        desk.write("pw", "another passphrase\n");
        desk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// A file as another program wrote it.
    fn vector(&self, name: &str) {
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../certs/tests/vectors/files");
        std::fs::copy(vectors.join(name), self.path().join(name)).unwrap();
    }

    fn run(&self, program: &str, arguments: &str) -> Output {
        Command::new(program)
            .args(arguments.split_whitespace())
            .current_dir(self.path())
            .env_remove("COUNTERSIGN_CA_PASSPHRASE")
            .output()
            .unwrap()
    }

    /// What it wrote to standard output; it must succeed.
    fn ca(&self, arguments: &str) -> String {
        let output = self.try_ca(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}\n{complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn try_ca(&self, arguments: &str) -> Output {
        let program = env!("CARGO_BIN_EXE_countersign");
        self.run(program, &format!("ca {arguments}"))
    }

    /// What it complains of; it must fail with that code.
    fn refused(&self, arguments: &str, code: i32) -> String {
        let output = self.try_ca(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments}");
        assert!(output.stdout.is_empty(), "{arguments}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn openssl(&self, arguments: &str) -> (bool, String) {
        let output = self.run("openssl", arguments);
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    /// Root, a brand that was carried to it and back, and an authority of that kind.
    fn hierarchy(&self, kind: &str) {
        self.ca("init --dir root --kind root --name Root --passphrase-file root.pw");
        self.ca("init --dir brand --kind brand --name Brand --request-only --passphrase-file pw");
        self.ca("issue --dir root --passphrase-file root.pw --profile brand --request brand/authority.csr --names-from-request --organization Example --out brand.pem");
        self.ca("init --dir brand --certificate brand.pem --passphrase-file pw");
        self.ca(&format!(
            "init --dir ca --kind {kind} --name Issuing --issuer brand --passphrase-file pw --crl-url http://ca.example/ca.crl"
        ));
    }

    fn json(&self, arguments: &str) -> serde_json::Value {
        serde_json::from_str(&self.ca(arguments)).unwrap()
    }
}

#[test]
fn a_request_of_openssl_becomes_a_certificate_that_openssl_verifies() {
    let desk = Desk::new();
    desk.hierarchy("merchants");
    for (form, key) in [("PEM", "ec -pkeyopt ec_paramgen_curve:P-256"), ("DER", "rsa:3072")] {
        let (made, said) = desk.openssl(&format!(
            "req -new -nodes -newkey {key} -keyout shop.key -out shop.csr -outform {form} -subj /CN=shop.example -addext subjectAltName=DNS:shop.example"
        ));
        assert!(made, "{said}");
        desk.ca("issue --dir ca --passphrase-file pw --profile tls-server --request shop.csr --names-from-request --out shop.pem");
        let (verified, said) = desk.openssl(
            "verify -x509_strict -purpose sslserver -verify_hostname shop.example -CAfile root/authority.pem -untrusted shop.pem shop.pem",
        );
        assert!(verified, "{said}");
        let shown = desk.json("inspect shop.pem --dir ca --json");
        assert_eq!(shown["subject"], "O=Example, CN=shop.example");
        assert_eq!(shown["names"][0], "DNS:shop.example");
        assert_eq!(shown["revocation_lists"][0], "http://ca.example/ca.crl");
        assert_eq!(shown["register"]["profile"], "tls-server");
    }
}

#[test]
fn a_request_as_other_programs_write_it_becomes_a_certificate() {
    let desk = Desk::new();
    desk.hierarchy("merchants");
    for name in ["keytool.csr", "certtool.csr", "text.csr", "no-attributes.der"] {
        desk.vector(name);
        let issue = format!(
            "issue --dir ca --passphrase-file pw --profile tls-server --request {name} --name Shop --dns shop.example"
        );
        // Some of them are of one key.
        let said = desk.try_ca(&issue);
        let complaint = String::from_utf8(said.stderr).unwrap();
        let is_read = said.status.success() || complaint.contains("certified already");
        assert!(is_read, "{name}: {complaint}");
    }
}

#[test]
fn what_will_be_signed_is_shown_before_and_signed_only_when_it_is_meant() {
    let desk = Desk::new();
    desk.hierarchy("merchants");
    desk.vector("certtool.csr");
    let issue = "issue --dir ca --passphrase-file pw --profile tls-server --request certtool.csr";
    let said = |more: &str, code: i32| {
        let output = desk.try_ca(&format!("{issue} {more}"));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{more}: {said}");
        (said, output.stdout.is_empty())
    };
    let (shown, _) = said("", 1);
    assert!(shown.contains("the request asks for CN=shop.example, DNS:shop.example"), "{shown}");
    let names = "to be signed: tls-server, CN=shop.example, DNS:shop.example, for 397 days";
    let (shown, nothing) = said("--names-from-request --dry-run", 0);
    assert!(shown.contains(names) && nothing, "{shown}");
    // Without its names in the certificate it is no server's.
    let (shown, _) = said("--name Shop --dry-run", 1);
    assert!(shown.contains("needs a DNS name or an IP address"), "{shown}");
    let (shown, _) = said("--name Shop --dns pay.example --days 30", 0);
    assert!(shown.contains("CN=Shop, DNS:pay.example, for 30 days"), "{shown}");
    let (shown, _) = said("--names-from-request --dry-run", 1);
    assert!(shown.contains("certified already"), "{shown}");
}

#[test]
fn a_key_that_is_made_here_comes_as_pem_or_pkcs12_and_is_encrypted_when_asked() {
    let desk = Desk::new();
    desk.hierarchy("gateways");
    desk.ca("issue --dir ca --passphrase-file pw --profile gateway-key-exchange --name gw --new-key gw.key --key-passphrase-file pw --out gw.pem");
    let (opened, said) = desk.openssl("pkey -in gw.key -passin file:pw -noout -check");
    assert!(opened, "{said}");
    desk.ca("issue --dir ca --passphrase-file pw --profile gateway-signature --name gw --rsa --pkcs12 gw.p12 --key-passphrase-file pw");
    let (opened, said) = desk.openssl("pkcs12 -in gw.p12 -passin file:pw -nodes");
    assert!(opened, "{said}");
    // Its own, the issuing authority's, the brand's and the root's.
    assert_eq!(said.matches("BEGIN CERTIFICATE").count(), 4, "{said}");
    for secret in ["gw.key", "gw.p12", "ca/authority.key"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(desk.path().join(secret)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{secret}");
    }
}

#[test]
fn a_revoked_certificate_stands_in_the_list_and_openssl_refuses_it() {
    let desk = Desk::new();
    desk.hierarchy("gateways");
    let issue =
        "issue --dir ca --passphrase-file pw --profile tls-server --name a.example --dns a.example";
    desk.ca(&format!("{issue} --new-key lost.key --out lost.pem"));
    desk.ca(&format!("{issue} --new-key kept.key --out kept.pem"));
    let serial = desk.json("inspect lost.pem --json")["serial"].clone();
    let serial = serial.as_str().unwrap().to_uppercase();
    let revoke =
        format!("revoke --dir ca --passphrase-file pw --serial {serial} --reason key-compromise");
    desk.ca(&revoke);
    // Somebody who was stopped before the list was written says it again.
    std::fs::remove_file(desk.path().join("ca/list.crl")).unwrap();
    assert!(desk.refused(&revoke, 1).contains("was revoked already"));
    assert!(desk.path().join("ca/list.crl").exists());
    desk.ca("crl --dir ca --passphrase-file pw --out list.pem");
    let verify = |name: &str| {
        desk.openssl(&format!(
            "verify -crl_check -CRLfile list.pem -CAfile root/authority.pem -untrusted {name} {name}"
        ))
    };
    let (kept, said) = verify("kept.pem");
    assert!(kept, "{said}");
    let (lost, said) = verify("lost.pem");
    assert!(!lost && said.contains("certificate revoked"), "{said}");
    let shown = desk.json(&format!("inspect --dir ca --serial {serial} --json"));
    assert_eq!(shown["register"]["revoked"]["reason"], "key-compromise");
}

#[test]
fn a_certificate_is_renewed_for_a_new_key_under_its_old_names() {
    let desk = Desk::new();
    desk.hierarchy("gateways");
    desk.ca("issue --dir ca --passphrase-file pw --profile tls-server --name a.example --dns a.example --new-key a.key --out a.pem");
    let serial = desk.json("inspect a.pem --json")["serial"].clone();
    let serial = serial.as_str().unwrap();
    desk.ca(&format!(
        "renew --dir ca --passphrase-file pw --serial {serial} --new-key b.key --out b.pem"
    ));
    let shown = desk.json("inspect b.pem --dir ca --json");
    assert_eq!(shown["names"][0], "DNS:a.example");
    assert_eq!(shown["register"]["replaces"], serial);
    let (_, request) = desk.openssl("req -new -key a.key -subj /CN=a.example");
    desk.write("a.csr", &request);
    let same_key = format!("renew --dir ca --passphrase-file pw --serial {serial} --request a.csr");
    assert!(desk.refused(&same_key, 1).contains("certified already"));
}

#[test]
fn every_authority_has_a_list_from_the_first_day_and_a_root_s_lasts_half_a_year() {
    let desk = Desk::new();
    desk.hierarchy("gateways");
    for (folder, days) in [("root", 180), ("brand", 180), ("ca", 7)] {
        let (read, said) = desk.openssl(&format!(
            "crl -inform DER -in {folder}/list.crl -noout -CAfile {folder}/authority.pem -lastupdate -nextupdate"
        ));
        assert!(read && said.contains("verify OK"), "{folder}\n{said}");
        let list = std::fs::read(desk.path().join(folder).join("list.crl")).unwrap();
        let list = countersign_certs::RevocationList::from_file(&list).unwrap();
        let now = SystemClock::default().now().unix_seconds();
        let left = list.next_update().as_secs() - now;
        assert!((left + 3_600).div_euclid(86_400) == days, "{folder}: {left}");
    }
    desk.ca("crl --dir ca --passphrase-file pw --days 30 --out list.pem");
}

#[test]
fn what_an_authority_was_told_with_its_request_is_kept_when_the_certificate_comes() {
    let desk = Desk::new();
    desk.ca("init --dir root --kind root --name Root --passphrase-file root.pw");
    desk.ca("init --dir ca --kind issuing --name CA --request-only --passphrase-file pw --crl-url http://ca.example/ca.crl");
    desk.ca("issue --dir root --passphrase-file root.pw --profile issuing --request ca/authority.csr --name CA --out ca.pem");
    desk.ca("init --dir ca --certificate ca.pem --passphrase-file pw");
    desk.ca("issue --dir ca --passphrase-file pw --profile tls-server --name a.example --dns a.example --new-key a.key --out a.pem");
    let shown = desk.json("inspect a.pem --json");
    assert_eq!(shown["revocation_lists"][0], "http://ca.example/ca.crl");
}

#[test]
fn a_key_that_is_there_is_not_overwritten_and_nothing_is_issued_for_it() {
    let desk = Desk::new();
    desk.hierarchy("gateways");
    let issue =
        "issue --dir ca --passphrase-file pw --profile tls-server --name a.example --dns a.example";
    desk.write("a.key", "somebody's");
    let said = desk.refused(&format!("{issue} --new-key a.key"), 1);
    assert!(said.contains("a.key"), "{said}");
    assert_eq!(std::fs::read_to_string(desk.path().join("a.key")).unwrap(), "somebody's");
    let said = desk.refused(&format!("{issue} --new-key b.key --out b.key"), 1);
    assert!(said.contains("one file"), "{said}");
    // Refused when it is signed: the key that was made for it goes, too.
    desk.refused(&format!("{issue} --new-key c.key --days 4000"), 1);
    assert!(!desk.path().join("c.key").exists());
}

#[test]
fn what_stands_in_a_certificate_writes_no_lines_of_its_own() {
    let desk = Desk::new();
    let (made, said) = desk.openssl(
        "req -x509 -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout x.key -out x.pem -subj /CN=a\u{1b}[2J",
    );
    assert!(made, "{said}");
    let shown = desk.ca("inspect x.pem");
    assert!(!shown.contains('\u{1b}') && shown.contains("\\u{1b}"), "{shown:?}");
}

/// What is said, the exit code, and words of the answer.
const REFUSED: &[(&str, i32, &str)] = &[
    ("init --dir new --name New --passphrase-file pw", 1, "--issuer"),
    ("init --dir new --kind root --name New --passphrase-file short", 1, "12 characters"),
    ("init --dir ca --kind root --name New --passphrase-file pw", 1, "has an authority already"),
    (
        "init --dir new --kind brand --name New --issuer ca --passphrase-file pw",
        1,
        "may not make another authority",
    ),
    (
        "init --dir new --kind root --name New --country fr --passphrase-file pw",
        1,
        "two capital letters",
    ),
    ("init --dir new --kind rooot --name New", 2, "possible values"),
    (
        "issue --dir ca --profile cardholder --name a --new-key a.key",
        1,
        "COUNTERSIGN_CA_PASSPHRASE",
    ),
    (
        "issue --dir ca --passphrase-file wrong --profile cardholder --name a --new-key a.key",
        1,
        "does not open the key",
    ),
    (
        "issue --dir ca --passphrase-file pw --profile cardholder --name a --new-key a.key",
        1,
        "must prove",
    ),
    (
        "issue --dir ca --passphrase-file pw --profile tls-server --name a.example --dns a.example --new-key a.key",
        1,
        "may not issue",
    ),
    (
        "issue --dir ca --passphrase-file pw --profile tls-server --name a",
        1,
        "--request, --new-key or --pkcs12",
    ),
    (
        "issue --dir ca --passphrase-file pw --profile tls-server --request junk.csr",
        1,
        "junk.csr: not a well-formed",
    ),
    ("issue --dir ca --passphrase-file pw --profile tls-server --request none.csr", 1, "none.csr"),
    (
        "issue --dir ca --passphrase-file pw --profile merchants --request keytool.csr --dry-run",
        1,
        "the request asks for CN=shop.example: give --name",
    ),
    (
        "issue --dir ca --passphrase-file pw --profile tls-server --request p7.csr --name a",
        1,
        "p7.csr: the file holds PKCS7 where a certificate request is expected",
    ),
    (
        "issue --dir ca --passphrase-file pw --profile tls-server --request pss.csr --name a",
        1,
        "pss.csr: signature algorithm is not one of",
    ),
    ("issue --dir ca --passphrase-file pw --profile tls-server --name a --dry-run", 2, "--request"),
    (
        "issue --dir ca --passphrase-file pw --profile tls-server --name a --country FR --new-key a.key",
        1,
        "said of an authority",
    ),
    ("inspect --dir . --serial 40000000000000000000000000000000", 1, "nothing was issued here"),
    ("init --dir new --kind root --name New --passphrase-file pw --crl-url here", 2, "--crl-url"),
    ("inspect pw", 1, "not a well-formed"),
    ("revoke --dir ca --passphrase-file pw --serial 12", 2, "32 hexadecimal digits"),
    (
        "revoke --dir ca --passphrase-file pw --serial 40000000000000000000000000000000",
        1,
        "was issued here",
    ),
];

#[test]
fn what_cannot_be_done_says_why_and_makes_nothing() {
    let desk = Desk::new();
    desk.hierarchy("cardholders");
    desk.write("short", "short\n");
    desk.write("wrong", "the wrong passphrase\n");
    desk.write("junk.csr", "junk");
    desk.write("p7.csr", "-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n");
    desk.vector("keytool.csr");
    desk.vector("pss.csr");
    for (arguments, code, words) in REFUSED {
        let said = desk.refused(arguments, *code);
        assert!(said.contains(words), "{arguments}\n{said}");
    }
    for name in ["new", "a.key"] {
        assert!(!desk.path().join(name).exists(), "{name} was made");
    }
}

/// How many certificates an authority's register has.
fn issued_by(desk: &Desk, authority: &str) -> usize {
    let register = desk.path().join(authority).join("register.db");
    let store = SqliteStore::open(&register).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(store.page(Issued::COLLECTION, "", 1_000)).unwrap().len()
}

/// Where nothing can be written, and words of the answer.
const NOWHERE: [(&str, &str); 3] =
    [("none/a.pem", "No such file"), ("folder", "is no file"), ("pw/a.pem", "Not a directory")];

#[test]
fn what_can_be_written_nowhere_is_not_issued() {
    let desk = Desk::new();
    desk.hierarchy("gateways");
    std::fs::create_dir(desk.path().join("folder")).unwrap();
    let issue =
        "issue --dir ca --passphrase-file pw --profile tls-server --name a.example --dns a.example";
    desk.ca(&format!("{issue} --new-key first.key --out first.pem"));
    let serial = desk.json("inspect first.pem --json")["serial"].as_str().unwrap().to_owned();
    let (issued, brand) = (issued_by(&desk, "ca"), issued_by(&desk, "brand"));
    for (path, why) in NOWHERE {
        let pkcs12 = format!("--pkcs12 {path} --key-passphrase-file pw");
        for command in [
            format!("{issue} --new-key a.key --out {path}"),
            format!("{issue} {pkcs12}"),
            format!(
                "renew --dir ca --passphrase-file pw --serial {serial} --new-key a.key --out {path}"
            ),
        ] {
            let said = desk.refused(&command, 1);
            assert!(said.contains(why) || said.contains("is there already"), "{command}\n{said}");
            assert!(!desk.path().join("a.key").exists(), "{command}: the key was made for nothing");
        }
    }
    let said = desk.refused(
        "init --dir pw/below --kind gateways --name Below --issuer brand --passphrase-file pw",
        1,
    );
    assert!(said.contains("pw/below"), "{said}");
    assert_eq!((issued_by(&desk, "ca"), issued_by(&desk, "brand")), (issued, brand));
}

#[test]
fn on_a_disk_that_is_full_nothing_is_issued_and_nothing_is_left() {
    let desk = Desk::new();
    desk.hierarchy("gateways");
    let (made, said) = desk.openssl(
        "req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout a.key -out a.csr -subj /CN=a.example",
    );
    assert!(made, "{said}");
    let issue = "issue --dir ca --passphrase-file pw --profile tls-server --request a.csr --name a.example --dns a.example --out a.pem";
    let issued = issued_by(&desk, "ca");
    // No file may be longer than 50 KiB, and to go on is left to the program.
    let program = env!("CARGO_BIN_EXE_countersign");
    let script = format!("trap '' XFSZ; ulimit -f 100; exec {program} ca {issue}");
    let full = Command::new("sh").args(["-c", &script]).current_dir(desk.path()).output().unwrap();
    let said = String::from_utf8(full.stderr).unwrap();
    assert!(!full.status.success() && said.contains("a.pem: File too large"), "{said}");
    assert_eq!(issued_by(&desk, "ca"), issued);
    let left = std::fs::read_dir(desk.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("a.pem")), "{left:?}");
    // The key is certified once there is room.
    desk.ca(issue);
    assert_eq!(issued_by(&desk, "ca"), issued + 1);
}

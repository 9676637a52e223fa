//! docs/guides/set.md: what it says to type is typed, and what it says to configure is checked.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{env, fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

const GUIDE: &str = include_str!("../../../docs/guides/set.md");

/// The first block of that language after a heading.
fn block(heading: &str, language: &str) -> &'static str {
    let (_, after) = GUIDE.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, block) = after.split_once(&format!("```{language}\n")).unwrap();
    block.split_once("```").unwrap().0
}

/// What a shell says to that, in that folder; it must succeed.
fn shell(folder: &Path, script: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_countersign"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let mut command = Command::new("sh");
    command.args(["-e", "-c", script]).current_dir(folder).env("PATH", path);
    let output = command.output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// A file that others cannot read.
fn secret(folder: &Path, name: &str, content: &str) {
    fs::write(folder.join(name), content).unwrap();
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
}

/// The master key, the TLS certificate, the SMS centre's password.
const OTHERS: &str = r#"
[tls]
certificate = "server.pem"
key = "server.key"
[keys]
current = "1"
files = { 1 = "master.key" }
[store]
path = "authority.db"
[sms]
address = "smsc.example.com:2775"
system_id = "countersign"
password_file = "smsc.pw"
source = "Example"
"#;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_the_guide_has_typed_makes_the_certificates_of_all_and_a_configuration_of_the_authority() {
    let there = tempfile::tempdir().unwrap();
    let there = there.path();
    secret(there, "pw", "a passphrase for tests\n");
    shell(there, block("Certificates", "sh"));
    for name in ["gateway", "dupont", "authority"] {
        for part in ["signature.pem", "signature.key", "exchange.pem", "exchange.key"] {
            assert!(there.join(format!("{name}-{part}")).exists(), "{name}-{part}");
        }
    }
    shell(
        there,
        "countersign ca issue --dir ca --passphrase-file pw --profile tls-server --name server \
         --dns ca.example.com --new-key server.key --out server.pem",
    );
    // An authority below the same root that may issue to cardholders alone.
    shell(
        there,
        "countersign ca init --dir people --kind cardholders --name People --organization Example \
         --issuer root --passphrase-file pw",
    );
    secret(there, "master.key", &"0a".repeat(32));
    secret(there, "smsc.pw", "secret");
    let configuration = [OTHERS, block("Authority", "toml")].concat();
    fs::write(there.join("authority.toml"), &configuration).unwrap();
    let said = shell(there, "countersign check --config authority.toml");
    assert!(said.ends_with("run: authority, set.authority\n"), "{said}");

    let refused = |from: &str, to: &str| {
        let text = configuration.replace(from, to);
        assert_ne!(text, configuration);
        fs::write(there.join("bad.toml"), text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["check", "--config", "bad.toml"])
            .current_dir(there)
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap().trim().to_owned()
    };
    for (from, to, why) in [
        (
            "gateways = [\"gateway-exchange.pem\"]",
            "",
            "authority.gateways names no gateway: a card is not certified where all can read it",
        ),
        (
            "key = \"authority-signature.key\"",
            "key = \"gateway-signature.key\"",
            "set.authority.signature names a certificate of another key",
        ),
        (
            "card_prefixes = [\"497010\"]",
            "card_prefixes = [\"49701\"]",
            "set.authority.card_prefixes is not a list of what cards' numbers begin with, each at least 6 digits",
        ),
        (
            "folder = \"ca\"",
            "folder = \"people\"",
            "authority.folder is of an authority that may not issue to merchants and gateways",
        ),
        (
            "acquirers = [\"497010\"]",
            "acquirers = [\"4970100\"]",
            "set.authority.businesses.acquirers is not a list of acquirers' numbers, each of 6 digits",
        ),
        (
            "acquirers = [\"497010\"]",
            "acquirers = []",
            "set.authority.businesses.acquirers is not a list of acquirers' numbers, each of 6 digits",
        ),
        (
            "policy = \"Tell us when a key is lost.\"",
            "policy = \"\"",
            "set.authority.businesses.policy malformed ASN.1 DER value for UTF8String at DER byte 0",
        ),
    ] {
        assert_eq!(refused(from, to), format!("countersign: {why}"));
    }
}

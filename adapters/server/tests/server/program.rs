//! The `countersign` program.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use crate::support::{Folder, exists};

fn countersign(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign")).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned())
}

/// Bulgaria has had the euro since 1 January 2026.
const LEV: &str = "[policy]\nnormal_up_to = [{ amount_minor = 500, currency = \"BGN\" }]\n";

#[test]
fn check_says_whether_a_server_would_start() {
    let folder = Folder::new();
    let file = folder.write(&folder.configuration(""));
    let file = file.to_string_lossy();
    let (code, said) = countersign(&["check", "--config", &file]);
    assert_eq!((code, said.contains("a server would start with it")), (0, true), "{said}");
    assert!(!exists(folder.folder.path(), "countersign.db"), "it made something");
    let nothing_revoked = "checkout.revocation_lists is not there: revoked certificates would be";
    assert!(said.contains(nothing_revoked), "{said}");

    folder.write(&(folder.configuration("") + LEV));
    let (code, said) = countersign(&["check", "--config", &file]);
    let ended = "policy.normal_up_to names BGN, which was withdrawn on 2026-01-01";
    assert_eq!((code, said.contains(ended)), (0, true), "{said}");
    let (code, said) = countersign(&["check", "--json", "--config", &file]);
    let found: serde_json::Value = serde_json::from_str(&said).unwrap();
    let expected = serde_json::json!({
        "flows": ["checkout"],
        "without_revocation_lists": ["checkout.revocation_lists"],
        "withdrawn": [{ "key": "policy.normal_up_to", "currency": "BGN", "from": "2026-01-01" }],
    });
    assert_eq!((code, found), (0, expected));

    fs::write(folder.folder.path().join("server.key"), "").unwrap();
    let (code, said) = countersign(&["check", "--config", &file]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("tls.key names a file without a private key in PEM"), "{said}");
}

#[test]
fn what_cannot_be_done_is_said_with_what_to_change() {
    let (code, said) = countersign(&["serve", "--config", "nowhere.toml"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("nowhere.toml cannot be read: "), "{said}");
    for usage in [&["serve"][..], &["dance"], &[]] {
        let (code, said) = countersign(usage);
        assert_eq!(code, 2, "{said}");
    }
    let (code, said) = countersign(&["--help"]);
    assert_eq!(code, 0);
    assert!(said.contains("serve") && said.contains("check"), "{said}");
}

#[test]
fn serve_stops_when_it_is_told_to_and_ends_well() {
    let folder = Folder::new();
    let file = folder.write(&(folder.configuration("") + LEV));
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["serve", "--config"])
        .arg(file)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut warned = [false; 2];
    let warnings = ["no revocation list is configured", "a currency was withdrawn"];
    let listens = log.by_ref().map_while(Result::ok).any(|line| {
        for (warned, warning) in warned.iter_mut().zip(warnings) {
            *warned |= line.contains("WARN") && line.contains(warning);
        }
        line.contains("listening")
    });
    assert_eq!((listens, warned), (true, [true; 2]));
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(told.unwrap().success());
    let rest: Vec<_> = log.map_while(Result::ok).collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("stopped")), "{rest:?}");
}

#[test]
fn check_refuses_a_secret_that_others_can_read_or_change() {
    let folder = Folder::new();
    let file = folder.write(&folder.configuration(""));
    let file = file.to_string_lossy();
    for name in ["server.key", "master.key", "centre.password"] {
        let secret = folder.folder.path().join(name);
        let check_with = |mode| {
            fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).unwrap();
            countersign(&["check", "--config", &file])
        };
        for mode in [0o604, 0o602] {
            let (code, said) = check_with(mode);
            let refused = format!("{name} holds a secret, and others can read or change it");
            assert_eq!((code, said.contains(&refused)), (1, true), "{said}");
        }
        // A service manager hands out secrets by the group.
        assert_eq!(check_with(0o640).0, 0, "{name}");
    }
}

#[test]
fn check_refuses_what_serve_would_refuse() {
    let folder = Folder::new();
    let good = folder.configuration("");
    for (was, is, why) in [
        ("source = \"Shop\"", "source = \"a name that is too long\"", "sms.source "),
        ("source = \"Shop\"", "source = \"\"", "sms.source "),
        ("response_timeout_seconds = 1", "tries = 0", "tries is zero"),
        ("response_timeout_seconds = 1", "tries = 5", "bank.tries times the waits"),
        ("response_timeout_seconds = 1", "acquirer_id = \"x\"", "bank acquirer_id is not"),
    ] {
        assert!(good.contains(was));
        let file = folder.write(&good.replace(was, is));
        let file = file.to_string_lossy();
        for command in ["check", "serve"] {
            let (code, said) = countersign(&[command, "--config", &file]);
            assert_eq!(code, 1, "{command} {is}: {said}");
            assert!(said.contains(why), "{command} {is}: {said}");
        }
    }
}

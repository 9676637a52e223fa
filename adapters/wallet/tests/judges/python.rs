//! joserfc and jwcrypto verify what the library signs, and refuse what it refuses; a merchant in Python is paid.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use countersign_domain::testing::START;
use countersign_wallet::{
    flow::PaymentStatus,
    jws::KeySet,
    merchant::Till,
    testing::{MERCHANT_KEY, Parties, other_key},
};
use serde_json::json;

use crate::vectors::FOLDER;

const TILL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/python/wallet_till.py");

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/python");

/// Runs a script, which must succeed; what it says.
fn python(script: &str, arguments: &[&str]) -> String {
    let python = environment().join("bin/python");
    let output = Command::new("timeout")
        .arg("120")
        .arg(python)
        .arg(script)
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{script}: {said}");
    said.trim().to_owned()
}

fn done(command: &mut Command) {
    let status = command.status();
    let works = status.is_ok_and(|status| status.success());
    assert!(works, "{command:?}: these tests need Python 3 with venv, and the network once");
}

/// Where the packages are.
fn environment() -> &'static Path {
    static PLACE: LazyLock<PathBuf> = LazyLock::new(make_environment);
    &PLACE
}

/// Made once for each list of packages; pip fetches them the first time.
fn make_environment() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wallet-judges");
    let list = Path::new(HERE).join("requirements.txt");
    let wanted = fs::read(&list).unwrap();
    let installed = place.join("installed.txt");
    if !fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        done(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place));
        let mut pip = Command::new(place.join("bin/pip"));
        pip.args(["--quiet", "--disable-pip-version-check", "install"]);
        done(pip.args(["--only-binary", ":all:", "--requirement"]).arg(&list));
        fs::write(installed, wanted).unwrap();
    }
    place
}

#[test]
fn joserfc_and_jwcrypto_verify_every_good_vector_and_refuse_what_is_not_authentic() {
    let said = python(&format!("{HERE}/verify_vectors.py"), &[FOLDER]);
    assert_eq!(said, "2 verified, 24 refused, by joserfc and jwcrypto");
}

/// The till in Python, in a folder of its own.
struct PythonTill {
    folder: tempfile::TempDir,
}

impl PythonTill {
    fn of(till: &Till) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        let pem =
            format!("-----BEGIN PRIVATE KEY-----\n{MERCHANT_KEY}\n-----END PRIVATE KEY-----\n");
        write("merchant.pem", pem);
        // One that it will have, and one that it had.
        let keys = [vec![other_key().public().clone()], till.server_keys.clone()].concat();
        write("server.jwks", serde_json::to_string(&KeySet { keys }).unwrap());
        let names = json!({ "merchant": till.merchant, "server": till.server });
        write("till.json", names.to_string());
        Self { folder }
    }

    /// Whether it did what it was asked, and what it says.
    fn ask(&self, arguments: &[&str], input: &str) -> (bool, String) {
        let mut child = Command::new("timeout")
            .arg("120")
            .arg(environment().join("bin/python"))
            .arg(TILL)
            .arg(self.folder.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), said.trim().to_owned())
    }
}

#[tokio::test]
async fn a_till_in_python_signs_a_ticket_that_is_paid_and_delivers_for_its_receipt_once() {
    let parties = Parties::new().await;
    let process = &parties.process;
    let alice = process.person_with("alice", "100.00").await;
    let till = PythonTill::of(&parties.till);
    let now = START.unix_seconds().to_string();
    let pay = async |number: &str| {
        let (_, ticket) = till.ask(&["ticket", number, &now], "");
        let shown = process.wallets.show_ticket(&ticket).await.unwrap();
        let request = alice.from_wallet(&ticket, number);
        let started = process.wallets.start_payment(&alice.visitor, &request).await.unwrap();
        let code = process.read(started.code.as_ref().unwrap()).await;
        let typed = parties.typed(&started, &shown.ticket, &code);
        let paid = process.wallets.finish_payment(&alice.visitor, &typed).await.unwrap();
        let PaymentStatus::Paid { receipt, .. } = paid.status else { unreachable!("{paid:?}") };
        (ticket, receipt)
    };
    let ((ticket, receipt), (other, _)) = (pay("python-0001").await, pay("python-0002").await);
    let (signed, _) = receipt.rsplit_once('.').unwrap();
    let unsigned = format!("{signed}.");
    for (ticket, receipt, said) in [
        (&ticket, &unsigned, (false, "the message is not authentic")),
        (&ticket, &ticket, (false, "the message is another, or its key is not known")),
        (&other, &receipt, (false, "the receipt is for another ticket")),
        (&ticket, &receipt, (true, "deliver two books")),
        (&ticket, &receipt, (false, "the ticket was delivered before")),
    ] {
        let (done, answer) = till.ask(&["deliver", &now], &format!("{ticket}\n{receipt}\n"));
        assert_eq!((done, answer.as_str()), said);
    }
    let early = (START.unix_seconds() - 61).to_string();
    let (done, answer) = till.ask(&["deliver", &early], &format!("{ticket}\n{receipt}\n"));
    assert_eq!((done, answer.as_str()), (false, "the receipt is from the future"));
}

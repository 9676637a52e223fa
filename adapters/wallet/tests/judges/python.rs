//! joserfc and jwcrypto verify what the library signs, and refuse what it refuses; a merchant in Python is paid.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::vectors::FOLDER;

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

/// Where the packages are. Made once for each list of them; pip fetches them the first time.
fn environment() -> PathBuf {
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

//! Runs programs that are not ours.

use std::{fs, path::Path, process::Command};

/// The longest that one program may take, in seconds.
const WITHIN_SECONDS: &str = "120";

/// Runs a program in a folder; `arguments` are parted by spaces. What it says on both streams is in the text.
pub(crate) fn run(folder: &Path, program: &str, arguments: &str) -> (bool, String) {
    let output = Command::new("timeout")
        .args([WITHIN_SECONDS, program])
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    // What `timeout` says of a program that is not there.
    assert_ne!(output.status.code(), Some(127), "{program}, which tests/install.sh installs");
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// The same for one that must succeed.
pub(crate) fn done(folder: &Path, program: &str, arguments: &str) -> String {
    let (done, said) = run(folder, program, arguments);
    assert!(done, "{program} {arguments}\n{said}");
    said
}

pub(crate) fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    fs::write(folder.join(name), content).unwrap();
}

pub(crate) fn read(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap()
}

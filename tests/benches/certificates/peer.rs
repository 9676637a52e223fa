//! PyPI `cryptography` in one Python process.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

/// The same versions as the guide that reads a number in Python: a figure says something of these only.
const REQUIREMENTS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/python/requirements.txt");
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/certificates/peer.py");

/// The peer, which ends when its input is closed.
pub(crate) struct Peer {
    process: Child,
    asked: ChildStdin,
    said: BufReader<ChildStdout>,
}

impl Peer {
    /// Nothing when there is no Python, or its packages cannot be had.
    pub(crate) fn start(folder: &Path, pass: Duration) -> Option<Self> {
        let mut process = Command::new(environment()?.join("bin/python"))
            .arg(PROGRAM)
            .arg(folder)
            .arg(pass.as_secs_f64().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        Some(Self {
            asked: process.stdin.take()?,
            said: BufReader::new(process.stdout.take()?),
            process,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// How many certificates it issued in a second, and the last one.
    pub(crate) fn issue(&mut self, profile: &str) -> (f64, Vec<u8>) {
        writeln!(self.asked, "{profile}").unwrap();
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        let (rate, last) = line.trim().split_once(' ').unwrap();
        let digits = last.as_bytes().chunks(2);
        let octets = digits.map(|pair| {
            let pair = str::from_utf8(pair).unwrap();
            u8::from_str_radix(pair, 16).unwrap()
        });
        (rate.parse().unwrap(), octets.collect())
    }
}

/// Made once for each list of packages; pip fetches them the first time.
fn environment() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("certificates-peer");
    let wanted = fs::read(REQUIREMENTS).unwrap();
    let installed = folder.join("installed.txt");
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Some(folder);
    }
    let succeeds = |command: &mut Command| {
        let done = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success())
    };
    let made = succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        && succeeds(Command::new(folder.join("bin/pip")).args([
            "install",
            "--only-binary",
            ":all:",
            "--requirement",
            REQUIREMENTS,
        ]));
    if !made {
        return None;
    }
    fs::write(installed, wanted).ok().map(|()| folder)
}

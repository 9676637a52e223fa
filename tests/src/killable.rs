//! A server in a process of its own, to be killed: a test program that starts itself again, and serves in one of its tests.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, BufRead as _, BufReader, Lines},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{self, Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use countersign_sandbox::Sandbox;

/// What the child says, alone on a line, once it serves.
pub const SERVING: &str = "serving";

/// Where a server that is killed is served, one life after the other.
#[derive(Clone, Debug)]
pub struct Site {
    /// The merchants' API.
    pub api: String,
    /// The payers' pages.
    pub checkout: String,
    /// Where people's programs have their wallets.
    pub wallets: String,
    /// The store's file.
    pub store: PathBuf,
    /// The configuration's file.
    pub configuration: PathBuf,
}

impl Site {
    /// The sandbox's configuration on other ports and with another store, of that name.
    ///
    /// # Errors
    /// When no port is free, or the configuration cannot be read or written.
    pub fn beside(sandbox: &Sandbox, name: &str) -> io::Result<Self> {
        Self::beside_with(sandbox, name, &format!("path = \"{name}.db\""))
    }

    /// As that, with everything kept in the PostgreSQL database of that URL.
    ///
    /// # Errors
    /// As [`Site::beside`].
    pub fn on_database(sandbox: &Sandbox, name: &str, url: &str) -> io::Result<Self> {
        Self::beside_with(sandbox, name, &format!("url = \"{url}\""))
    }

    fn beside_with(sandbox: &Sandbox, name: &str, store: &str) -> io::Result<Self> {
        let mut text = fs::read_to_string(sandbox.configuration())?
            .replace("path = \"countersign.db\"", store);
        let port = |text: &str| text.rsplit(':').next().unwrap_or_default().to_owned();
        let listens = text.lines().filter_map(|line| line.strip_prefix("listen = \""));
        let own: Vec<String> = listens.map(|address| port(address.trim_end_matches('"'))).collect();
        let mut moved = BTreeMap::new();
        for old in own {
            let new = free_port()?;
            text = text.replace(&format!(":{old}"), &format!(":{new}"));
            moved.insert(old, new);
        }
        let at = |url: &str| {
            let new = moved.get(&port(url)).map(|port| format!("https://localhost:{port}"));
            new.ok_or_else(|| io::Error::other(format!("nothing listens at {url}")))
        };
        let [api, checkout, wallets] =
            [sandbox.api_url(), sandbox.checkout_url(), sandbox.wallets_url()].map(at);
        let configuration = sandbox.folder().join(format!("{name}.toml"));
        fs::write(&configuration, text)?;
        Ok(Self {
            api: api?,
            checkout: checkout?,
            wallets: wallets?,
            store: sandbox.folder().join(format!("{name}.db")),
            configuration,
        })
    }
}

/// A port that is free, and that nothing else is given while a server is down: below those of connections that go out.
fn free_port() -> io::Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = process::id().wrapping_mul(97);
    for _ in 0..1000 {
        let nth = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let port = u16::try_from(20_000 + nth).map_err(io::Error::other)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::other("no port is free"))
}

/// A process of its own; killed when it is dropped.
#[derive(Debug)]
pub struct Killable {
    child: Child,
    /// Kept open: a test harness that runs for a minute says so, and dies when nobody can hear it.
    _said: Option<Lines<BufReader<ChildStdout>>>,
}

impl Killable {
    /// Starts this program again with nothing but that test of it, and waits until it says [`SERVING`].
    ///
    /// # Errors
    /// When it does not start, or ends before.
    pub fn start(test: &str, environment: &[(&str, &Path)]) -> io::Result<Self> {
        // A file that may not grow is an error to it, and not its death.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(env::current_exe()?)
            .args([test, "--exact", "--nocapture"])
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut said = child.stdout.take().map(|said| BufReader::new(said).lines());
        let mut lines = said.iter_mut().flatten();
        let serves = lines.any(|line| line.is_ok_and(|line| line == SERVING));
        let started = Self { child, _said: said };
        if serves {
            Ok(started)
        } else {
            Err(io::Error::other("the server did not start; what it said is above"))
        }
    }

    /// From now on it can write to no file, as on a disk that is full; or can again.
    ///
    /// # Errors
    /// When `prlimit` (util-linux) cannot be run.
    pub fn fills_disk(&self, is_full: bool) -> io::Result<()> {
        let limit = if is_full { "--fsize=0:" } else { "--fsize=unlimited:" };
        let id = self.child.id().to_string();
        let limited = Command::new("prlimit").args(["--pid", &id, limit]).status()?;
        if limited.success() { Ok(()) } else { Err(io::Error::other("prlimit failed")) }
    }

    /// Kills it with SIGKILL.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        // One that has ended by itself cannot be killed, and is waited for all the same.
        let _: io::Result<()> = self.child.kill();
        let _: io::Result<_> = self.child.wait();
    }
}

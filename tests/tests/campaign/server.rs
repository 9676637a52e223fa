//! The process that is killed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use countersign_server::{Config, Server};
use countersign_tests::{
    Later,
    killable::{Killable, SERVING},
};

/// The configuration that a child serves, and by how many seconds its clock is fast.
const CONFIGURATION: &str = "COUNTERSIGN_CAMPAIGN_CONFIGURATION";
const LATER: &str = "COUNTERSIGN_CAMPAIGN_LATER";

/// Not a test of anything: the process that is killed.
#[test]
fn child() {
    let Some(configuration) = env::var_os(CONFIGURATION) else {
        return;
    };
    let later = env::var(LATER).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let configuration = Path::new(&configuration);
        let config = read(configuration);
        let _server = Server::start(config, Arc::new(Later(later))).await.unwrap();
        println!("\n{SERVING}");
        std::future::pending::<()>().await;
    });
}

/// The configuration in that file.
pub(crate) fn read(configuration: &Path) -> Config {
    let text = fs::read_to_string(configuration).unwrap();
    Config::from_toml(&text, configuration.parent().unwrap()).unwrap()
}

/// The configuration of a server that is killed, and the library that makes a kill a power loss, where the store is on this disk.
#[derive(Clone)]
pub(crate) struct Victim {
    configuration: PathBuf,
    power_loss: Option<PathBuf>,
}

impl Victim {
    pub(crate) fn new(configuration: PathBuf, power_loss: Option<PathBuf>) -> Self {
        Self { configuration, power_loss }
    }

    /// What it is started with.
    pub(crate) fn configuration(&self) -> Config {
        read(&self.configuration)
    }

    /// Starts it anew, with its clock so many seconds fast, and waits until it serves.
    pub(crate) async fn start(&self, later: u64) -> Killable {
        let Self { configuration, power_loss } = self.clone();
        let started = tokio::task::spawn_blocking(move || {
            let later = PathBuf::from(later.to_string());
            let mut environment = vec![(CONFIGURATION, configuration.as_path()), (LATER, &later)];
            environment.extend(power_loss.as_deref().map(|library| ("LD_PRELOAD", library)));
            Killable::start("server::child", &environment)
        });
        started.await.unwrap().unwrap()
    }
}

/// Servers of one store, alive, each with what it is started anew with.
pub(crate) struct Alive(Vec<(Victim, Killable)>);

impl Alive {
    /// All of them, their clocks so many seconds fast.
    pub(crate) async fn start(victims: Vec<Victim>, later: u64) -> Self {
        let mut alive = Self(Vec::new());
        alive.revive(victims, later).await;
        alive
    }

    /// Kills that one of them, or all.
    pub(crate) fn kill(&mut self, which: Option<u64>) -> Vec<Victim> {
        let killed = match which {
            Some(nth) => vec![self.0.remove(usize::try_from(nth).unwrap())],
            None => self.0.drain(..).collect(),
        };
        let victims = killed.into_iter().map(|(victim, server)| {
            server.kill();
            victim
        });
        victims.collect()
    }

    /// Starts those anew.
    pub(crate) async fn revive(&mut self, victims: Vec<Victim>, later: u64) {
        for victim in victims {
            let server = victim.start(later).await;
            self.0.push((victim, server));
        }
    }
}

/// Leaves one flow in a configuration, so that a server starts sooner.
pub(crate) fn serve_only(configuration: &Path, flow: &str) {
    const FLOWS: [&str; 6] = ["checkout", "access", "authority", "set.", "wallet", "operations"];
    let text = fs::read_to_string(configuration).unwrap();
    let sections = text.split("\n[").filter(|section| {
        let of = FLOWS.iter().find(|of| section.starts_with(**of));
        of.is_none_or(|of| *of == flow)
    });
    fs::write(configuration, sections.collect::<Vec<_>>().join("\n[")).unwrap();
}

/// That library, built in a folder.
pub(crate) fn power_loss(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("power_loss.c"), folder.join("power_loss.so"));
    fs::write(&source, include_str!("power_loss.c")).unwrap();
    let compiled = Command::new("gcc")
        .args(["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    assert!(compiled.unwrap().success(), "see tests/install.sh");
    library
}

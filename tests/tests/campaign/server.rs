//! The process that is killed.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use countersign_domain::{ports::Clock, time::Timestamp};
use countersign_sandbox::Sandbox;
use countersign_server::{Config, Server, SystemClock};

/// The configuration that a child serves, and by how many seconds its clock is fast.
const CONFIGURATION: &str = "COUNTERSIGN_CAMPAIGN_CONFIGURATION";
const LATER: &str = "COUNTERSIGN_CAMPAIGN_LATER";

/// The machine's clock, some seconds later.
struct Later(u32);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock::default().now().plus_seconds(self.0)
    }
}

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
        let text = fs::read_to_string(configuration).unwrap();
        let config = Config::from_toml(&text, configuration.parent().unwrap()).unwrap();
        let _server = Server::start(config, Arc::new(Later(later))).await.unwrap();
        println!("\nserving");
        std::future::pending::<()>().await;
    });
}

/// Where the server that is killed is served, one life after the other.
pub(crate) struct Site {
    pub(crate) api: String,
    pub(crate) checkout: String,
    pub(crate) store: PathBuf,
    configuration: PathBuf,
    power_loss: PathBuf,
}

impl Site {
    /// The sandbox's configuration on other ports and another store, and the library that makes a kill a power loss.
    pub(crate) fn prepare(sandbox: &Sandbox) -> Self {
        let [api, checkout] = [(); 2].map(|()| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        });
        let port = |url: &str| url.rsplit(':').next().unwrap().to_owned();
        let text = fs::read_to_string(sandbox.configuration()).unwrap();
        let text = text
            .replace(&format!(":{}", port(sandbox.api_url())), &format!(":{api}"))
            .replace(
                &format!(":{}", port(sandbox.checkout_url())),
                &format!(":{checkout}"),
            )
            .replace("countersign.db", "campaign.db");
        let configuration = sandbox.folder().join("campaign.toml");
        fs::write(&configuration, text).unwrap();
        Self {
            api: format!("https://localhost:{api}"),
            checkout: format!("https://localhost:{checkout}"),
            store: sandbox.folder().join("campaign.db"),
            configuration,
            power_loss: power_loss(sandbox.folder()),
        }
    }

    /// Starts it anew, and waits until it serves.
    pub(crate) async fn start(&self, later: u64) -> Process {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["server::child", "--exact", "--nocapture"])
            .env(CONFIGURATION, &self.configuration)
            .env(LATER, later.to_string())
            .env("LD_PRELOAD", &self.power_loss)
            .stdout(Stdio::piped());
        let started = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            let said = BufReader::new(child.stdout.take().unwrap());
            let serves = said
                .lines()
                .any(|line| line.is_ok_and(|line| line == "serving"));
            (child, serves)
        });
        let (child, serves) = started.await.unwrap();
        assert!(serves, "the server did not start again");
        Process(child)
    }
}

fn power_loss(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("power_loss.c"), folder.join("power_loss.so"));
    fs::write(&source, include_str!("power_loss.c")).unwrap();
    let compiled = Command::new("gcc")
        .args([
            "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-O1", "-o",
        ])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    assert!(compiled.unwrap().success(), "see tests/install.sh");
    library
}

/// A server at work.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

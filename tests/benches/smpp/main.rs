//! Submissions to an SMS centre that does nothing but answer, beside the npm package `smpp`: `cargo bench -p
//! countersign-tests --bench smpp`. Needs a C compiler; without npm there is no peer. `SMPP_SINK` may name another sink
//! that prints its port and serves until its standard input closes.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::Arc,
    time::Instant,
};

use async_trait::async_trait;
use countersign_channels::{SmppMessenger, SmppSettings, SourceAddress};
use countersign_domain::{
    address::Msisdn,
    id::MessageId,
    message::{Inbound, InboxError, OutboundMessage},
    ports::{Clock as _, Inbox, Messenger as _},
    secret::Secret,
};
use countersign_server::{SystemClock, SystemEntropy};
use countersign_tests::load::{
    machine::cpu_seconds,
    table::{Row, disturbance, foreign, ratio, title, watched},
};
use tokio::{runtime::Runtime, task::JoinSet};

const PASSES: usize = 5;
const WINDOW: usize = 64;
const MESSAGES: usize = 60_000;
const TEXT: &str = "Pay 129.00 EUR to Shop 17. Code 483920";
/// The peer's version: a figure says something of this one only.
const PEER: &str = "smpp@0.5.1";

fn main() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let sink = Sink::start(folder.path());
    let peer = install_peer(folder.path());
    let mut ours = Row::new(format!("SmppMessenger, window {WINDOW}: submit_sm/s"));
    let mut theirs = Row::new(format!("npm {PEER}, window {WINDOW}: submit_sm/s"));
    let mut cpu = Row::new("SmppMessenger: CPU for each, us");
    let mut of_sink = Row::new("sink: CPU for each of both, us");
    let mut foreign = foreign();
    for _ in 0..PASSES {
        watched(&mut foreign, &[sink.process.id()], || {
            let begun = cpu_seconds(sink.process.id());
            let before = cpu_seconds(std::process::id());
            ours.add(runtime.block_on(submit(sink.port)));
            cpu.add(micros(cpu_seconds(std::process::id()) - before, 1));
            let contenders = if let Some(peer) = &peer {
                theirs.add(submit_by_peer(peer, sink.port));
                2
            } else {
                1
            };
            of_sink.add(micros(cpu_seconds(sink.process.id()) - begun, contenders));
        });
    }
    title("Submissions to a sink in C on this machine, one session");
    for row in [&ours, &theirs, &cpu, &of_sink] {
        row.print();
    }
    disturbance(&foreign);
    println!();
    if peer.is_none() {
        println!("P6 has no peer in this run: npm is not installed, or could not install {PEER}");
    }
    ratio("P6, ours / npm smpp", ours.median(), theirs.median(), ">= 3x, moonshot >= 10x");
}

fn micros(seconds: f64, contenders: usize) -> f64 {
    let messages = u32::try_from(MESSAGES * contenders).unwrap();
    seconds * 1e6 / f64::from(messages)
}

/// An inbox that gets nothing: no receipts are asked for.
struct Nobody;

#[async_trait]
impl Inbox for Nobody {
    async fn accept(&self, _: Inbound) -> Result<(), InboxError> {
        Ok(())
    }
}

/// As many senders as places in the window, each with one message at a time: as the outbox sends.
async fn submit(port: u16) -> f64 {
    let source = SourceAddress::ShortCode("3800".to_owned());
    let password = Secret::new("load".to_owned());
    let mut settings = SmppSettings::new("127.0.0.1", port, "load", password, source);
    settings.window = WINDOW;
    let clock = Arc::new(SystemClock::default());
    let messenger = Arc::new(SmppMessenger::new(settings, clock).unwrap());
    let session = Arc::clone(&messenger);
    let session = tokio::spawn(async move { session.run(Arc::new(Nobody)).await });
    messenger.until_bound().await;
    let (begun, now) = (Instant::now(), SystemClock::default().now());
    let mut senders = JoinSet::new();
    for sender in 0..WINDOW {
        let messenger = Arc::clone(&messenger);
        senders.spawn(async move {
            let entropy = SystemEntropy::default();
            for _ in (sender..MESSAGES).step_by(WINDOW) {
                let id = MessageId::made_at(now, &entropy).unwrap();
                let to = Msisdn::try_from("+33639980001").unwrap().into();
                let message = OutboundMessage::new(id, to, Secret::new(TEXT.to_owned()), 300);
                messenger.send(&message).await.unwrap();
            }
        });
    }
    senders.join_all().await;
    let rate = f64::from(u32::try_from(MESSAGES).unwrap()) / begun.elapsed().as_secs_f64();
    messenger.stop();
    session.await.unwrap();
    rate
}

/// The centre, in C.
struct Sink {
    process: Child,
    port: u16,
    _until_closed: ChildStdin,
}

impl Sink {
    fn start(folder: &Path) -> Self {
        let program = env::var_os("SMPP_SINK").map_or_else(|| compiled(folder), PathBuf::from);
        let mut process =
            Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        Self {
            port: line.trim().parse().unwrap(),
            _until_closed: process.stdin.take().unwrap(),
            process,
        }
    }
}

fn compiled(folder: &Path) -> PathBuf {
    let program = folder.join("sink");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/smpp/sink.c");
    let done = Command::new("cc")
        .args(["-O2", "-Wall", "-Wextra", "-o"])
        .args([&program, &source])
        .status();
    assert!(done.unwrap().success(), "the sink does not compile");
    program
}

/// The folder of the peer's program; nothing when there is no npm.
fn install_peer(folder: &Path) -> Option<PathBuf> {
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"])
        .arg(folder)
        .arg(PEER)
        .stdout(Stdio::null())
        .status();
    installed.ok()?.success().then(|| folder.to_owned())
}

fn submit_by_peer(modules: &Path, port: u16) -> f64 {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/smpp/peer.js");
    let output = Command::new("node")
        .arg(program)
        .args([port.to_string(), MESSAGES.to_string(), WINDOW.to_string()])
        .arg(TEXT)
        .env("NODE_PATH", modules.join("node_modules"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.trim().parse().unwrap()
}

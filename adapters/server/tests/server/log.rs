//! The log of a server whose standard error nobody reads.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustls::version::TLS13;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::support::Folder;

/// For a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

/// Requests on one connection, each with a line of the log.
const REQUESTS: usize = 1_000;

/// A `countersign serve` that logs into a pipe that nobody reads.
struct Unread {
    folder: Folder,
    child: Child,
    api: SocketAddr,
    operations: SocketAddr,
}

impl Unread {
    async fn start() -> Self {
        let folder = Folder::new();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let operations = free.local_addr().unwrap();
        drop(free);
        let configuration = folder.configuration("");
        let (_, api) = configuration.split_once("api = { listen = \"").unwrap();
        let api = api.split('"').next().unwrap().parse().unwrap();
        let section = format!("operations = {{ listen = \"{operations}\" }}\n");
        let mut serve = Command::new(env!("CARGO_BIN_EXE_countersign"));
        serve.args(["--log", "json", "serve", "--config"]);
        serve.arg(folder.write(&(section + &configuration))).env_remove("RUST_LOG");
        let child = serve.stderr(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        while TcpStream::connect(operations).await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "it does not listen");
            sleep(Duration::from_millis(20)).await;
        }
        Self { folder, child, api, operations }
    }

    /// Asks often, and is answered each time.
    async fn ask_often(&self) {
        let stream = TcpStream::connect(self.api).await.unwrap();
        let tls = self.folder.tls(&[&TLS13], false);
        let (mut answers, mut asks) =
            tokio::io::split(tls.connect("localhost".try_into().unwrap(), stream).await.unwrap());
        let request = "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let last = request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
        let requests = request.repeat(REQUESTS - 1) + &last;
        let asking = tokio::spawn(async move {
            asks.write_all(requests.as_bytes()).await.unwrap();
            asks
        });
        let mut answered = String::new();
        timeout(PATIENCE, answers.read_to_string(&mut answered)).await.unwrap().unwrap();
        assert_eq!(answered.matches("HTTP/1.1 404 ").count(), REQUESTS);
        drop(asking.await.unwrap());
    }

    /// What `/metrics` says of lines that were dropped.
    async fn dropped(&self) -> u64 {
        let mut stream = TcpStream::connect(self.operations).await.unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        let (_, value) = answer.split_once("\ncountersign_log_lines_dropped_total ").unwrap();
        value.lines().next().unwrap().parse().unwrap()
    }

    async fn fill(&self) {
        // Some 400 octets a line: much more than a pipe and the memory of the log hold.
        for _ in 0..40 {
            self.ask_often().await;
            if self.dropped().await > 0 {
                return;
            }
        }
        assert!(self.dropped().await > 0, "no line was dropped");
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How it ends; by our signal when it does not.
async fn ended(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(ended) = child.try_wait().unwrap() {
            return ended;
        }
        if begun.elapsed() > PATIENCE {
            // Its status says so.
            child.kill().unwrap();
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Standard error, as a service manager hands it out, into which not an octet more goes; and its reader, who does not read.
fn full() -> (Stdio, UnixStream) {
    let (mut writer, reader) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    for piece in [[b'.'; 4096].as_slice(), b"."] {
        while writer.write(piece).is_ok() {}
    }
    writer.set_nonblocking(false).unwrap();
    (OwnedFd::from(writer).into(), reader)
}

#[tokio::test]
async fn a_server_that_cannot_start_ends_also_where_nobody_reads_why() {
    for arguments in [
        &["serve", "--config", "nowhere.toml"][..],
        &["--log", "json", "serve", "--config", "nowhere.toml"],
        &["ca", "serve", "--config", "nowhere.toml"],
    ] {
        let (stderr, _reader) = full();
        let mut serve = Command::new(env!("CARGO_BIN_EXE_countersign"));
        let mut child = serve.args(arguments).stderr(stderr).spawn().unwrap();
        assert_eq!(ended(&mut child).await.code(), Some(1), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_server_whose_log_nobody_reads_serves_on_and_says_what_was_dropped_when_it_is_read() {
    let mut server = Unread::start().await;
    server.fill().await;
    server.ask_often().await;
    assert!(server.dropped().await > 0);
    let log = BufReader::new(server.child.stderr.take().unwrap());
    let lines = log.lines().map_while(Result::ok);
    let mut lines = lines.map(|line| serde_json::from_str::<serde_json::Value>(&line).unwrap());
    let said = lines.find(|line| line["fields"]["since_start"].is_u64()).unwrap();
    assert_eq!(said["level"], "WARN", "{said}");
    assert!(said["fields"]["message"].as_str().unwrap().contains("were dropped"), "{said}");
}

#[tokio::test]
async fn a_server_whose_log_nobody_reads_stops_when_it_is_told_to() {
    let mut server = Unread::start().await;
    server.fill().await;
    let told = Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status();
    assert!(told.unwrap().success());
    let ended = ended(&mut server.child).await;
    assert!(ended.success(), "{ended}");
}

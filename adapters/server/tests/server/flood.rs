//! Somebody who takes all that there is: the others, and whoever stops the server, are not kept out.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use countersign_server::{Config, Server, SystemClock};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{API_KEY, Folder, request};

/// Places of each listener, and of one address on it.
const FEW: usize = 12;

async fn silent(address: &str, count: usize) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..count {
        held.push(TcpStream::connect(address).await.unwrap());
    }
    held
}

#[tokio::test]
async fn a_listener_whose_places_are_all_taken_keeps_nobody_from_another() {
    let folder = Folder::new();
    let text = folder.configuration("\"127.0.0.1\"")
        + "[operations]\nlisten = \"127.0.0.1:0\"\n"
        + &format!("[connections]\nmax_per_listener = {FEW}\n");
    let config = Config::from_toml(&text, folder.folder.path()).unwrap();
    let server = Server::start(config, Arc::new(SystemClock::default())).await.unwrap();
    let address = |section| server.address(section).unwrap();
    // Exempt on this listener, so that it is full and not this address.
    let _held = silent(&address("checkout").to_string(), 4 * FEW).await;
    let asked = request("GET", "/", "", "");
    let full = timeout(Duration::from_millis(500), folder.ask(address("checkout"), &asked));
    assert!(full.await.is_err(), "there was a place");

    let headers = format!("Authorization: Bearer {API_KEY}\r\n");
    let answer = folder.ask(address("api"), &request("GET", "/openapi.json", &headers, "")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut watching = TcpStream::connect(address("operations")).await.unwrap();
    watching.write_all(request("GET", "/metrics", "", "").as_bytes()).await.unwrap();
    let mut said = String::new();
    watching.read_to_string(&mut said).await.unwrap();
    let open = format!("countersign_connections{{listener=\"checkout\"}} {FEW}");
    assert!(said.contains(&open), "{said}");
    assert!(!said.contains("countersign_store_connections{"), "the store is a file: {said}");
    timeout(Duration::from_secs(20), server.stop()).await.unwrap();
}

/// The program, under limits that a shell sets first.
fn serve(limits: &str, folder: &Folder, more: &str) -> Child {
    let file = folder.write(&(folder.configuration("") + more));
    let serve = format!("{limits} exec \"$0\" serve --config \"$1\"");
    Command::new("sh")
        .args(["-c", &serve, env!("CARGO_BIN_EXE_countersign")])
        .arg(file)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn too_few_open_files_are_refused_with_what_to_do_and_a_low_soft_limit_is_raised() {
    let folder = Folder::new();
    // Two listeners of 100, operations, and the reserve.
    let more = "[connections]\nmax_per_listener = 100\n";
    let mut refused = serve("ulimit -n 1000;", &folder, more);
    let said: Vec<_> =
        BufReader::new(refused.stderr.take().unwrap()).lines().map_while(Result::ok).collect();
    assert_eq!(refused.wait().unwrap().code(), Some(1), "{said:?}");
    let said = said.join("\n");
    for part in ["1288 open files are needed", "1000 are allowed", "LimitNOFILE=1288"] {
        assert!(said.contains(part), "{part}: {said}");
    }

    let mut child = serve("ulimit -Sn 256;", &folder, more);
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let listens = log.by_ref().any(|line| line.is_ok_and(|line| line.contains("listening")));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(listens);
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(files.split_whitespace().nth(3), Some("1288"), "{files}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_ends_a_server_in_its_time_whatever_is_open_or_hangs() {
    let folder = Folder::new();
    let mut child = serve("", &folder, &format!("[connections]\nmax_per_listener = {FEW}\n"));
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = log.find_map(|line| line.ok().filter(|line| line.contains("listening"))).unwrap();
    let said = tokio::task::spawn_blocking(move || log.map_while(Result::ok).collect::<Vec<_>>());
    let at = |name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=")).unwrap();
        rest.split([' ', '"']).next().unwrap().to_owned()
    };
    let (api, checkout) = (at("api"), at("checkout"));
    // All places of one listener, and requests that never end on the other.
    let _silent = silent(&checkout, 2 * FEW).await;
    let mut hanging = Vec::new();
    for _ in 0..FEW / 2 {
        let stream = TcpStream::connect(&api).await.unwrap();
        let connector = folder.tls(&[&rustls::version::TLS13], false);
        let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        let headers = format!("Authorization: Bearer {API_KEY}\r\n");
        let half =
            request("POST", "/v1/checkouts", &headers, "{}").replace("Length: 2", "Length: 9");
        stream.write_all(half.as_bytes()).await.unwrap();
        hanging.push(stream);
    }
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(told.unwrap().success());
    let begun = Instant::now();
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    let said = said.await.unwrap();
    assert!(ended.success(), "{said:?}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}: {said:?}", begun.elapsed());
}

//! A challenge and its verification on PostgreSQL, over HTTPS and on the store alone, beside `pgbench` that commits the same rows
//! in two transactions without anything around them: `cargo bench -p countersign-tests --bench postgres`.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

use std::{process::Command, sync::Arc, time::Duration};

use countersign_domain::{policy::Policy, testing::key_ring};
use countersign_server::SystemEntropy;
use countersign_store::{PostgresStore, testing};
use countersign_tests::{
    desk::Desk,
    load::{
        clients::{CLIENTS, Done, load},
        lives::Lives,
        shop::{Shop, serve_if_asked},
        table::{Row, ratio, title},
    },
};
use tokio::runtime::Runtime;

const PASSES: usize = 5;
const PASS: Duration = Duration::from_secs(4);
/// Clients of the store alone, and challenges of each in a pass.
const ALONE: u32 = 64;
const EACH: u32 = 40;

fn main() {
    serve_if_asked();
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [served, alone, raw] = [(); 3].map(|()| runtime.block_on(testing::new_store_url()));
    let shop = Arc::new(runtime.block_on(Shop::open_on(folder.path(), &served)).unwrap());
    let store = runtime.block_on(async {
        PostgresStore::open(&testing::database(&alone), Arc::new(key_ring())).await.unwrap()
    });
    let store = Arc::new(store);
    let script = folder.path().join("challenge.pgbench");
    std::fs::write(&script, include_str!("challenge.pgbench")).unwrap();
    testing::sql(&raw, "CREATE SEQUENCE public.fact; CREATE SEQUENCE public.life");

    let mut https = Row::new("challenges verified/s over HTTPS, 32 clients");
    let mut cpu = Row::new("server CPU for each, us");
    let mut alone_rate = Row::new("started and checked/s on the store alone, 64 clients");
    let mut groups = Row::new("commits for each of those");
    let mut raw_32 = Row::new("pgbench, two commits of the same rows/s, 32 clients");
    let mut raw_64 = Row::new("pgbench, 64 clients");
    // Connections, statements and caches are warm before anything counts.
    let _warm = runtime.block_on(challenges(&shop, Duration::from_secs(1)));
    for _ in 0..PASSES {
        raw_32.add(pgbench(&script, &raw, CLIENTS));
        let done = runtime.block_on(challenges(&shop, PASS));
        https.add(done.rate());
        cpu.add(done.cpu_micros());
        raw_64.add(pgbench(&script, &raw, ALONE));
        let committed = store.commits();
        alone_rate.add(runtime.block_on(on_the_store(&store)));
        let commits = u32::try_from(store.commits() - committed).unwrap();
        groups.add(f64::from(commits) / f64::from(ALONE * EACH));
    }
    title("A challenge, its code by SMS, and the right code, kept in PostgreSQL with its defaults");
    for row in [&https, &cpu, &raw_32, &alone_rate, &groups, &raw_64] {
        row.print();
    }
    println!(
        "\nServer, clients, SMS centre, pgbench and PostgreSQL share the cores. What others used of them meanwhile is not"
    );
    println!("told apart from what PostgreSQL's processes did, which come and go.");
    ratio("P4, over HTTPS / pgbench, 32 clients", https.median(), raw_32.median(), ">= 0.8x");
    let what = "P4, on the store alone / pgbench, 64 clients";
    ratio(what, alone_rate.median(), raw_64.median(), ">= 5x");
}

/// Challenges by all clients for a while.
async fn challenges(shop: &Arc<Shop>, time: Duration) -> Done {
    load(shop, time, None, |shop, mut till, amount| async move {
        let times = shop.challenge(&mut till, &amount).await.unwrap();
        (till, times)
    })
    .await
}

/// Challenges started and checked by clients at once, a second; between the two the code is read, which does not count.
async fn on_the_store(store: &Arc<PostgresStore>) -> f64 {
    let store = Arc::clone(store);
    let entropy = Arc::new(SystemEntropy::default());
    let desk = Arc::new(Desk::by_the_clock(store, entropy, Policy::default()));
    let lives = Lives::by(&desk, ALONE, EACH).await.unwrap();
    assert_eq!(lives.accepted, ALONE * EACH);
    lives.rate(lives.started + lives.finished)
}

/// How often a second the script is done.
fn pgbench(script: &std::path::Path, url: &str, clients: u32) -> f64 {
    let (clients, seconds) = (clients.to_string(), PASS.as_secs().to_string());
    let output = Command::new(testing::program("pgbench"))
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .args(["--client", &clients, "--time", &seconds, "--file"])
        .args([script.to_str().unwrap(), url])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = "));
    rate.and_then(|rate| rate.split(' ').next()).unwrap().parse().unwrap()
}

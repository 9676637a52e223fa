//! A challenge and its verification over HTTPS against a server in a process of its own, beside the rate at which this disk
//! syncs: `cargo bench -p countersign-tests --bench challenge`.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use countersign_tests::load::{
    clients::{CLIENTS, load},
    machine::{cpu_seconds, syncs_per_second},
    shop::{Shop, Times, serve_if_asked},
    table::{Row, disturbance, figure, foreign, percentile, ratio, title, watched},
};
use tokio::runtime::Runtime;

const PASSES: usize = 5;
const FULL: Duration = Duration::from_secs(4);
const HALF: Duration = Duration::from_secs(4);
/// How long the disk is tried in a pass.
const SYNCING: Duration = Duration::from_millis(700);
const MILLIS: f64 = 1e3;
const MICROS: f64 = 1e6;

fn main() {
    serve_if_asked();
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let shop = Arc::new(runtime.block_on(Shop::open(folder.path(), "load.db")).unwrap());
    let mut plain = Row::new("appends of 4 KiB with fdatasync/s, one writer");
    let mut rate = Row::new("challenges verified/s, 32 clients without a pause");
    let mut cpu = Row::new("server CPU for each, us");
    let mut whole = Row::new("start to answer, p50 ms");
    let mut verify = Row::new("code to answer, p99 ms, 32 clients without a pause");
    let mut at_half = Row::new("code to answer, p99 ms, at half of that rate");
    let (mut foreign, mut all_at_half) = (foreign(), Vec::new());
    // Connections, statements and allocator are warm before anything counts.
    let _warm = runtime.block_on(challenges(&shop, Duration::from_secs(1), None));
    for _ in 0..PASSES {
        watched(&mut foreign, &[shop.process()], || {
            plain.add(syncs_per_second(&folder.path().join("plain"), SYNCING).unwrap());
            let (before, begun) = (cpu_seconds(shop.process()), Instant::now());
            let times = runtime.block_on(challenges(&shop, FULL, None));
            let verified = f64::from(u32::try_from(times.len()).unwrap());
            let reached = verified / begun.elapsed().as_secs_f64();
            rate.add(reached);
            cpu.add((cpu_seconds(shop.process()) - before) * MICROS / verified);
            whole.add(percentile(&mut seconds(&times, |times| times.whole), 50) * MILLIS);
            verify.add(percentile(&mut seconds(&times, |times| times.verify), 99) * MILLIS);
            let gap = Duration::from_secs_f64(2.0 * f64::from(CLIENTS) / reached);
            let times = runtime.block_on(challenges(&shop, HALF, Some(gap)));
            let mut typed = seconds(&times, |times| times.verify);
            at_half.add(percentile(&mut typed, 99) * MILLIS);
            all_at_half.extend(typed);
        });
    }
    title("A challenge, its code by SMS, and the right code: TLS, connections kept alive");
    for row in [&rate, &cpu, &whole, &verify, &at_half, &plain] {
        row.print();
    }
    disturbance(&foreign);
    println!(
        "\nEach is 2 requests, 4 durable commits, one submission and one receipt (SMPP). Clients and SMS centre are one\n\
         other process on the same cores; their CPU is not counted, but the rate is lower for it."
    );
    figure("P1, challenges verified/s", rate.median(), ">= 6,500, moonshot >= 13,000");
    figure("P2, server CPU for each, us", cpu.median(), "<= 200, moonshot <= 80");
    let p99 = percentile(&mut all_at_half, 99) * MILLIS;
    let what = format!("P3, p99 of {} codes typed at half rate, ms", all_at_half.len());
    figure(&what, p99, "<= 5, moonshot <= 1");
    ratio("verified / plain syncs of the same run", rate.median(), plain.median(), "none set");
}

fn seconds(times: &[Times], part: impl Fn(&Times) -> f64) -> Vec<f64> {
    times.iter().map(part).collect()
}

/// Challenges by all clients for a while.
async fn challenges(shop: &Arc<Shop>, time: Duration, gap: Option<Duration>) -> Vec<Times> {
    load(shop, time, gap, |shop, mut till, amount| async move {
        let times = shop.challenge(&mut till, &amount).await.unwrap();
        (till, times)
    })
    .await
}

//! Whole purchases over HTTPS against a server in a process of its own: `cargo bench -p countersign-tests --bench http`.
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
    machine::cpu_seconds,
    shop::{Shop, Times, serve_if_asked},
    table::{Row, disturbance, figure, foreign, percentile, title, watched},
};
use tokio::runtime::Runtime;

const PASSES: usize = 5;
const FULL: Duration = Duration::from_secs(4);
const HALF: Duration = Duration::from_secs(4);
const MILLIS: f64 = 1e3;
const MICROS: f64 = 1e6;

fn main() {
    serve_if_asked();
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let shop = runtime.block_on(Shop::open(folder.path(), "load.db")).unwrap();
    let shop = Arc::new(shop);
    let mut rate = Row::new("purchases/s, 32 clients without a pause");
    let mut cpu = Row::new("server CPU for each purchase, us");
    let mut whole = Row::new("purchase, p50 ms");
    let mut verify = Row::new("code typed to answer, p99 ms, 32 clients without a pause");
    let mut at_half = Row::new("code typed to answer, p99 ms, at half of that rate");
    let (mut foreign, mut all_at_half) = (foreign(), Vec::new());
    // Connections, statements and allocator are warm before anything counts.
    let _warm = runtime.block_on(purchases(&shop, Duration::from_secs(1), None));
    for _ in 0..PASSES {
        watched(&mut foreign, &[shop.process()], || {
            let (before, begun) = (cpu_seconds(shop.process()), Instant::now());
            let times = runtime.block_on(purchases(&shop, FULL, None));
            let count = f64::from(u32::try_from(times.len()).unwrap());
            let reached = count / begun.elapsed().as_secs_f64();
            rate.add(reached);
            cpu.add((cpu_seconds(shop.process()) - before) * MICROS / count);
            whole.add(percentile(&mut seconds(&times, |times| times.whole), 50) * MILLIS);
            verify.add(percentile(&mut seconds(&times, |times| times.verify), 99) * MILLIS);
            let gap = Duration::from_secs_f64(2.0 * f64::from(CLIENTS) / reached);
            let times = runtime.block_on(purchases(&shop, HALF, Some(gap)));
            let mut typed = seconds(&times, |times| times.verify);
            at_half.add(percentile(&mut typed, 99) * MILLIS);
            all_at_half.extend(typed);
        });
    }
    title(
        "A purchase: order, page, who pays, code by SMS, code typed; TLS, connections kept alive",
    );
    for row in [&rate, &cpu, &whole, &verify, &at_half] {
        row.print();
    }
    disturbance(&foreign);
    println!(
        "\nEach purchase is 4 requests, 7 durable commits, 2 questions to the bank (ISO 8583), one submission and one\n\
         receipt (SMPP). Clients, bank and SMS centre are one other process on the same cores; their CPU is not counted,\n\
         but the rate is lower for it."
    );
    figure("P1, purchases/s", rate.median(), ">= 6,500, moonshot >= 13,000");
    figure("P2, server CPU for each, us", cpu.median(), "<= 200, moonshot <= 80");
    let p99 = percentile(&mut all_at_half, 99) * MILLIS;
    let what = format!("P3, p99 of {} codes typed at half rate, ms", all_at_half.len());
    figure(&what, p99, "<= 5, moonshot <= 1");
}

fn seconds(times: &[Times], part: impl Fn(&Times) -> f64) -> Vec<f64> {
    times.iter().map(part).collect()
}

/// Purchases by all clients for a while.
async fn purchases(shop: &Arc<Shop>, time: Duration, gap: Option<Duration>) -> Vec<Times> {
    load(shop, time, gap, |shop, mut till, amount| async move {
        let times = shop.purchase(&mut till, &amount).await.unwrap();
        (till, times)
    })
    .await
}

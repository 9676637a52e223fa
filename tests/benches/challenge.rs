//! A challenge and its verification over HTTPS against a server in a process of its own, beside the same server on the store
//! in memory, for which a commit costs next to nothing: `cargo bench -p countersign-tests --bench challenge`.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

use std::{sync::Arc, time::Duration};

use countersign_tests::load::{
    clients::{CLIENTS, Done, load},
    machine::syncs_per_second,
    shop::{Shop, serve_if_asked},
    table::{Row, disturbance, figure, foreign, percentile, ratio, title, watched},
};
use tokio::runtime::Runtime;

const PASSES: usize = 5;
const FULL: Duration = Duration::from_secs(4);
const HALF: Duration = Duration::from_secs(4);
/// How long the disk is tried in a pass.
const SYNCING: Duration = Duration::from_millis(700);
/// With its message sent and settled, and its receipt.
const COMMITS: u32 = 4;
const MILLIS: f64 = 1e3;

fn main() {
    serve_if_asked();
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (durable, memory) = (folder.path().join("durable"), folder.path().join("memory"));
    let durable = Arc::new(runtime.block_on(Shop::open(&durable, "load.db")).unwrap());
    let memory = Arc::new(runtime.block_on(Shop::open_in_memory(&memory)).unwrap());
    let mut plain = Row::new("appends of 4 KiB with fdatasync/s, one writer");
    let (mut kept, mut unkept) = (Rows::of("durable"), Rows::of("in memory"));
    let mut at_half = Row::new("durable: code to answer, p99 ms, at half of that rate");
    let (mut foreign, mut all_at_half) = (foreign(), Vec::new());
    // Connections, statements and allocator are warm before anything counts.
    for shop in [&durable, &memory] {
        let _warm = runtime.block_on(challenges(shop, Duration::from_secs(1), None));
    }
    for _ in 0..PASSES {
        watched(&mut foreign, &[durable.process(), memory.process()], || {
            plain.add(syncs_per_second(&folder.path().join("plain"), SYNCING).unwrap());
            let reached = kept.add(&runtime, &durable);
            let gap = Duration::from_secs_f64(2.0 * f64::from(CLIENTS) / reached);
            let done = runtime.block_on(challenges(&durable, HALF, Some(gap)));
            let mut typed = done.seconds(|times| times.verify);
            at_half.add(percentile(&mut typed, 99) * MILLIS);
            all_at_half.extend(typed);
            unkept.add(&runtime, &memory);
        });
    }
    title("A challenge, its code by SMS, and the right code: TLS, connections kept alive");
    kept.print();
    at_half.print();
    unkept.print();
    plain.print();
    disturbance(&foreign);
    println!(
        "\nEach is 2 requests, {COMMITS} commits, one submission and one receipt (SMPP), 50 ms after it. Clients and SMS centre are one\n\
         other process on the same cores; their CPU is not counted, but the rates are lower for it."
    );
    let (rate, memory_rate) = (kept.rate.median(), unkept.rate.median());
    ratio("P1, challenges verified/s, durable / in memory", rate, memory_rate, ">= 0.6x");
    let what = "P2, server CPU for each, durable / in memory";
    ratio(what, kept.cpu.median(), unkept.cpu.median(), "<= 1.6x");
    let p99 = percentile(&mut all_at_half, 99) * MILLIS;
    let what = format!("P3, p99 of {} codes typed at half rate, ms", all_at_half.len());
    figure(&what, p99, "<= 5");
    ratio("verified / appending syncs of the same run", rate, plain.median(), "none set");
}

/// What is measured of a server under 32 clients without a pause.
struct Rows {
    rate: Row,
    cpu: Row,
    whole: Row,
    verify: Row,
}

impl Rows {
    fn of(server: &str) -> Self {
        let row = |what: &str| Row::new(format!("{server}: {what}"));
        Self {
            rate: row("challenges verified/s, 32 clients"),
            cpu: row("server CPU for each, us"),
            whole: row("start to answer, p50 ms"),
            verify: row("code to answer, p99 ms"),
        }
    }

    /// One pass more; the rate that it reached.
    fn add(&mut self, runtime: &Runtime, shop: &Arc<Shop>) -> f64 {
        let done = runtime.block_on(challenges(shop, FULL, None));
        self.rate.add(done.rate());
        self.cpu.add(done.cpu_micros());
        self.whole.add(percentile(&mut done.seconds(|times| times.whole), 50) * MILLIS);
        self.verify.add(percentile(&mut done.seconds(|times| times.verify), 99) * MILLIS);
        done.rate()
    }

    fn print(&self) {
        for row in [&self.rate, &self.cpu, &self.whole, &self.verify] {
            row.print();
        }
    }
}

/// Challenges by all clients for a while.
async fn challenges(shop: &Arc<Shop>, time: Duration, gap: Option<Duration>) -> Done {
    load(shop, time, gap, |shop, mut till, amount| async move {
        let times = shop.challenge(&mut till, &amount).await.unwrap();
        (till, times)
    })
    .await
}

//! Whole purchases over HTTPS against a server in a process of its own: `cargo bench -p countersign-tests --bench http`.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

use std::{sync::Arc, time::Duration};

use countersign_tests::load::{
    clients::{CLIENTS, Done, load},
    shop::{Shop, serve_if_asked},
    table::{Row, disturbance, foreign, percentile, title, watched},
};
use tokio::runtime::Runtime;

const PASSES: usize = 5;
const FULL: Duration = Duration::from_secs(4);
const HALF: Duration = Duration::from_secs(4);
const MILLIS: f64 = 1e3;

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
    let (mut foreign, mut codes) = (foreign(), 0);
    // Connections, statements and allocator are warm before anything counts.
    let _warm = runtime.block_on(purchases(&shop, Duration::from_secs(1), None));
    for _ in 0..PASSES {
        watched(&mut foreign, &[shop.process()], || {
            let done = runtime.block_on(purchases(&shop, FULL, None));
            rate.add(done.rate());
            cpu.add(done.cpu_micros());
            whole.add(percentile(&mut done.seconds(|times| times.whole), 50) * MILLIS);
            verify.add(percentile(&mut done.seconds(|times| times.verify), 99) * MILLIS);
            let gap = Duration::from_secs_f64(2.0 * f64::from(CLIENTS) / done.rate());
            let done = runtime.block_on(purchases(&shop, HALF, Some(gap)));
            let mut typed = done.seconds(|times| times.verify);
            at_half.add(percentile(&mut typed, 99) * MILLIS);
            codes += typed.len();
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
         but the rate is lower for it. At half of the rate {codes} codes were typed. It is compared with an earlier commit: both\n\
         built apart, and run in turn."
    );
}

/// Purchases by all clients for a while.
async fn purchases(shop: &Arc<Shop>, time: Duration, gap: Option<Duration>) -> Done {
    load(shop, time, gap, |shop, mut till, amount| async move {
        let times = shop.purchase(&mut till, &amount).await.unwrap();
        (till, times)
    })
    .await
}

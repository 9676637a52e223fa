//! What a million open challenges take of the memory: `cargo bench -p countersign-tests --bench memory`, with another number
//! of them behind ` -- `.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

use std::{env, fs, path::Path, sync::Arc};

use countersign_domain::{
    policy::Policy,
    ports::{Clock as _, Store},
};
use countersign_server::{Config, SystemClock, SystemEntropy, open_store};
use countersign_tests::{
    desk::{Desk, PAYEE},
    load::{
        machine::resident_bytes,
        shop::{Shop, serve_if_asked},
        table::figure,
    },
};
use tokio::{runtime::Runtime, task::JoinSet};

const DEFAULT_CHALLENGES: u32 = 1_000_000;
const CLIENTS: u32 = 64;
/// Purchases through the server that has the challenges: it is not measured asleep.
const PURCHASES: u32 = 20;
const MEGABYTE: f64 = 1e6;
/// The challenges begin by then: they stay open, however long it takes to make them all.
const AHEAD_SECONDS: u32 = 86_400;

fn main() {
    serve_if_asked();
    let count = env::args().find_map(|argument| argument.parse().ok());
    let count = count.unwrap_or(DEFAULT_CHALLENGES);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    Runtime::new().unwrap().block_on(measure(folder.path(), count));
}

async fn measure(folder: &Path, count: u32) {
    let mut shop = Shop::open(folder, "full.db").await.unwrap();
    let config = Config::read(&shop.configuration()).unwrap();
    let empty = worked(&shop).await;
    shop.stop().unwrap();
    let store = open_store(&config).await.unwrap();
    fill(&store, count).await;
    drop(store);
    shop.start_again().await.unwrap();
    println!("\n{count} open challenges, each with its message sent, on disk");
    let size = fs::metadata(shop.folder.join("full.db")).unwrap().len() / 1_000_000;
    println!("{:<58} {size:>10}", "the file, MB");
    figure("a server with none, after 20 purchases, MB resident", empty, "none set");
    let full = worked(&shop).await;
    figure(
        "P10, a server with them, after 20 purchases, MB resident",
        full,
        "<= 150 with a million",
    );
}

/// What the server has of the memory, once it has worked.
async fn worked(shop: &Shop) -> f64 {
    let mut till = shop.till().await.unwrap();
    for _ in 0..PURCHASES {
        shop.purchase(&mut till, "100.00").await.unwrap();
    }
    resident_bytes(shop.process()) / MEGABYTE
}

async fn fill(store: &Arc<dyn Store>, count: u32) {
    let entropy = Arc::new(SystemEntropy::default());
    let begin = SystemClock::default().now().plus_seconds(AHEAD_SECONDS);
    let desk = Arc::new(Desk::open_at(begin, store.clone(), entropy, Policy::default()));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let desk = Arc::clone(&desk);
        clients.spawn(async move {
            for _ in (client..count).step_by(usize::try_from(CLIENTS).unwrap()) {
                let session = desk.session().unwrap();
                let challenge = desk.ask(&session, "49.90", PAYEE).await.unwrap();
                assert!(desk.read(&challenge).await.unwrap().is_some());
            }
        });
    }
    clients.join_all().await;
}

//! What a hundred thousand open challenges take of the memory: `cargo bench -p countersign-tests --bench memory`.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

use std::{fs, path::Path, sync::Arc};

use countersign_domain::policy::Policy;
use countersign_server::SystemEntropy;
use countersign_store::SqliteStore;
use countersign_tests::{
    desk::{Desk, PAYEE},
    load::{
        machine::resident_bytes,
        shop::{Shop, serve_if_asked},
        table::figure,
    },
};
use tokio::{runtime::Runtime, task::JoinSet};

const CHALLENGES: u32 = 100_000;
const CLIENTS: u32 = 64;
/// Purchases through the server that has the challenges: it is not measured asleep.
const PURCHASES: u32 = 20;
const MEGABYTE: f64 = 1e6;

fn main() {
    serve_if_asked();
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("full.db");
    let before = resident();
    let store = Arc::new(SqliteStore::open(&file).unwrap());
    runtime.block_on(fill(&store));
    println!("\n{CHALLENGES} open challenges, each with its message sent, on disk");
    figure("the process that opened them, MB resident", resident(), "none set");
    figure("of that before the first of them, MB", before, "none set");
    drop(store);
    let size = fs::metadata(&file).unwrap().len() / 1_000_000;
    println!("{:<58} {size:>10}", "the file, MB");
    let served = runtime.block_on(serve(folder.path(), &file));
    figure("P10, a server with them, after 20 purchases, MB", served, "<= 100, moonshot <= 40");
}

fn resident() -> f64 {
    resident_bytes(std::process::id()) / MEGABYTE
}

async fn fill(store: &Arc<SqliteStore>) {
    let entropy = Arc::new(SystemEntropy::default());
    let desk = Arc::new(Desk::open(store.clone(), entropy, Policy::default()));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let desk = Arc::clone(&desk);
        clients.spawn(async move {
            for _ in (client..CHALLENGES).step_by(usize::try_from(CLIENTS).unwrap()) {
                let session = desk.session().unwrap();
                let challenge = desk.ask(&session, "49.90", PAYEE).await.unwrap();
                assert!(desk.read(&challenge).await.unwrap().is_some());
            }
        });
    }
    clients.join_all().await;
}

/// Starts a server on that store and lets it work; its memory after that.
async fn serve(folder: &Path, store: &Path) -> f64 {
    let shop = Shop::open(folder, &store.display().to_string()).await.unwrap();
    let mut till = shop.till().await.unwrap();
    for _ in 0..PURCHASES {
        shop.purchase(&mut till, "100.00").await.unwrap();
    }
    resident_bytes(shop.process()) / MEGABYTE
}

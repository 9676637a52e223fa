//! A challenge from start to finish, in memory and on disk, beside the rate at which this disk syncs: `cargo bench -p
//! countersign-tests --bench lifecycle`.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

use std::{sync::Arc, time::Duration};

use countersign_domain::{
    limits::{LimitSettings, Limits},
    policy::Policy,
    ports::Store,
    testing::MemoryStore,
};
use countersign_server::SystemEntropy;
use countersign_store::SqliteStore;
use countersign_tests::{
    desk::Desk,
    load::{
        lives::Lives,
        machine::syncs_per_second,
        table::{Row, disturbance, foreign, ratio, title, watched},
    },
};
use tokio::runtime::Runtime;

const PASSES: usize = 5;
/// Clients at once, and how many lifecycles they do together in a pass.
const ON_DISK: [(u32, u32); 3] = [(1, 400), (8, 2_400), (64, 9_600)];
/// As many at once as P5 is about.
const MOST: u32 = 64;
const IN_MEMORY: (u32, u32) = (1, 20_000);
/// How long the disk is tried in a pass.
const SYNCING: Duration = Duration::from_millis(700);

/// Measurements of one store and one number of clients.
struct Rows {
    start: Row,
    message: Row,
    finish: Row,
    answered: Row,
    whole: Row,
    syncs: Row,
}

impl Rows {
    fn new(what: &str) -> Self {
        let row = |part: &str| Row::new(format!("{what}: {part}"));
        Self {
            start: row("challenges started/s"),
            message: row("messages claimed and settled/s"),
            finish: row("codes checked/s"),
            answered: row("started and checked/s (2 commits)"),
            whole: row("with the message/s (4 commits)"),
            syncs: row("syncs for each lifecycle with message"),
        }
    }

    fn print(&self) {
        for row in
            [&self.start, &self.message, &self.finish, &self.answered, &self.whole, &self.syncs]
        {
            row.print();
        }
    }
}

fn main() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut memory = Rows::new("in memory, 1 client");
    let mut disk = ON_DISK.map(|(clients, _)| Rows::new(&format!("on disk, {clients} clients")));
    let mut counted = Rows::new("on disk, 64 clients, counted");
    let mut plain = Row::new("appends of 4 KiB with fdatasync/s, one writer");
    let mut foreign = foreign();
    for _ in 0..PASSES {
        watched(&mut foreign, &[], || {
            let store = Arc::new(MemoryStore::default());
            runtime.block_on(pass(desk(store), IN_MEMORY, &mut memory));
            for (load, rows) in ON_DISK.into_iter().zip(&mut disk) {
                plain.add(syncs_per_second(&folder.path().join("plain"), SYNCING).unwrap());
                let file = tempfile::tempdir_in(folder.path()).unwrap();
                let store = Arc::new(SqliteStore::open(&file.path().join("store.db")).unwrap());
                runtime.block_on(pass(desk(store.clone()), load, rows));
                rows.syncs.add(per(store.commits(), load.1));
                if load.0 == MOST {
                    let file = tempfile::tempdir_in(folder.path()).unwrap();
                    let store = SqliteStore::open(&file.path().join("store.db")).unwrap();
                    let store = Arc::new(store);
                    runtime.block_on(pass(counting(store.clone()), load, &mut counted));
                    counted.syncs.add(per(store.commits(), load.1));
                }
            }
        });
    }
    title("A challenge: start, message to a phone that is faked, right code");
    memory.print();
    disk.iter().for_each(Rows::print);
    counted.print();
    plain.print();
    disturbance(&foreign);
    println!("\nP5, challenges with durable answers beside the plain syncs of the same run");
    for ((clients, _), rows) in ON_DISK.into_iter().zip(&disk) {
        let goal = if clients == MOST { ">= 3.5x" } else { "none set" };
        let what = format!("{clients} clients, started and checked / syncs");
        ratio(&what, rows.answered.median(), plain.median(), goal);
        let what = format!("{clients} clients, with the message / syncs");
        ratio(&what, rows.whole.median(), plain.median(), "none set");
    }
    let what = "64 clients, counted, started and checked / syncs";
    ratio(what, counted.answered.median(), plain.median(), "none set");
}

fn desk(store: Arc<dyn Store>) -> Desk {
    Desk::by_the_clock(store, Arc::new(SystemEntropy::default()), Policy::default())
}

/// What is counted by default, with bounds that are never reached: each challenge has a phone and a client of its own, and many of
/// them a range of numbers in common.
fn counting(store: Arc<dyn Store>) -> Desk {
    let limits = LimitSettings { messages_per_range_an_hour: u32::MAX, ..LimitSettings::default() };
    let limits = Limits::try_from(limits).unwrap();
    Desk::counting(store, Arc::new(SystemEntropy::default()), Policy::default(), limits)
}

async fn pass(desk: Desk, (clients, lifecycles): (u32, u32), rows: &mut Rows) {
    let desk = Arc::new(desk);
    let lives = Lives::by(&desk, clients, lifecycles / clients).await.unwrap();
    assert_eq!(lives.accepted, lifecycles);
    let Lives { started, read, finished, .. } = lives;
    rows.start.add(lives.rate(started));
    rows.message.add(lives.rate(read));
    rows.finish.add(lives.rate(finished));
    rows.answered.add(lives.rate(started + finished));
    rows.whole.add(lives.rate(started + read + finished));
}

fn per(count: u64, lifecycles: u32) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / f64::from(lifecycles)
}

//! What the chain of facts costs: a challenge's life on disk with the sealed chain, as a server keeps it, beside the same with its
//! facts as records that nothing chains, and with no facts at all: `cargo bench -p countersign-tests --bench chain`.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

use std::{
    path::Path,
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use async_trait::async_trait;
use countersign_domain::{
    policy::Policy,
    ports::{Reads, Store},
    record::{Batch, Record, RecordKey, StoreError, Version},
    testing::key_ring,
};
use countersign_server::SystemEntropy;
use countersign_store::SqliteStore;
use countersign_tests::{
    desk::{Desk, PAYEE},
    load::{
        machine::{cpu_seconds, syncs_per_second},
        table::{Row, disturbance, foreign, ratio, title, watched},
    },
};
use tokio::{runtime::Runtime, task::JoinSet};

const PASSES: usize = 5;
/// Clients at once, and how many lives they do together in a pass.
const LOADS: [(u32, u32); 3] = [(1, 400), (8, 2_400), (64, 9_600)];
const MICROS: f64 = 1e6;

/// What becomes of the facts of a batch.
#[derive(Clone, Copy, PartialEq)]
enum Facts {
    /// Chained, and the end of the chain sealed.
    Chained,
    /// Each is a record of as many octets.
    Records,
    /// There are none.
    None,
}

impl Facts {
    const ALL: [Self; 3] = [Self::Chained, Self::Records, Self::None];

    const fn name(self) -> &'static str {
        match self {
            Self::Chained => "facts in a sealed chain",
            Self::Records => "facts as records, no chain",
            Self::None => "no facts",
        }
    }
}

/// A store in whose batches the facts are what they are to be.
struct Kept {
    store: SqliteStore,
    facts: Facts,
    /// Of the next fact that is a record.
    next: AtomicU64,
}

#[async_trait]
impl Store for Kept {
    async fn commit(&self, mut batch: Batch) -> Result<(), StoreError> {
        if self.facts != Facts::Chained {
            let facts = std::mem::take(&mut batch.facts);
            let is_kept = self.facts == Facts::Records;
            for (about, fact) in facts.into_iter().filter(|_| is_kept) {
                let next = self.next.fetch_add(1, Ordering::Relaxed);
                let id = format!("{next:020}/{}/{}", about.collection, about.id);
                batch.inserts.push(Record {
                    key: RecordKey { collection: "fact", id },
                    version: Version::FIRST,
                    due_at: None,
                    final_at: None,
                    body: serde_json::to_string(&fact).unwrap(),
                });
            }
        }
        self.store.commit(batch).await
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self.store.reads()
    }
}

impl Kept {
    fn open(path: &Path, facts: Facts) -> Self {
        let keys = Arc::new(key_ring());
        let store = match facts {
            Facts::Chained => SqliteStore::open_sealed(path, keys),
            Facts::Records | Facts::None => SqliteStore::open(path),
        };
        Self { store: store.unwrap(), facts, next: AtomicU64::default() }
    }
}

/// Measurements of one contender under one load.
struct Rows {
    lives: Row,
    cpu: Row,
}

fn main() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut rows = LOADS.map(|(clients, _)| {
        Facts::ALL.map(|facts| {
            let row = |what: &str| Row::new(format!("{clients} clients, {}: {what}", facts.name()));
            Rows { lives: row("lives/s"), cpu: row("CPU us") }
        })
    });
    let mut plain = Row::new("appends of 4 KiB with fdatasync/s, one writer");
    let mut foreign = foreign();
    for pass in 0..PASSES {
        watched(&mut foreign, &[], || {
            let syncing = std::time::Duration::from_millis(700);
            plain.add(syncs_per_second(&folder.path().join("plain"), syncing).unwrap());
            for (load, rows) in LOADS.into_iter().zip(&mut rows) {
                // Each comes first in turn: a disk is not as fast after a load as before it.
                for nth in 0..Facts::ALL.len() {
                    let nth = (nth + pass) % Facts::ALL.len();
                    let (Some(facts), Some(rows)) = (Facts::ALL.get(nth), rows.get_mut(nth)) else {
                        continue;
                    };
                    let file = tempfile::tempdir_in(folder.path()).unwrap();
                    let store = Arc::new(Kept::open(&file.path().join("store.db"), *facts));
                    let (lives, cpu) = runtime.block_on(live(store, load));
                    rows.lives.add(lives);
                    rows.cpu.add(cpu);
                }
            }
        });
    }
    title("A challenge's life on disk: started, its message claimed and settled, the right code");
    for rows in rows.iter().flatten() {
        rows.lives.print();
        rows.cpu.print();
    }
    plain.print();
    disturbance(&foreign);
    println!("\nLives/s with the chain beside those without it, of the same run");
    for ((clients, _), [chained, records, none]) in LOADS.into_iter().zip(&rows) {
        for (without, what) in [(records, Facts::Records), (none, Facts::None)] {
            let what = format!("{clients} clients, sealed chain / {}", what.name());
            ratio(&what, chained.lives.median(), without.lives.median(), "none set");
        }
    }
}

/// So many lives by so many clients: how many a second, and the processor time of each.
async fn live(store: Arc<Kept>, (clients, lives): (u32, u32)) -> (f64, f64) {
    let desk =
        Arc::new(Desk::by_the_clock(store, Arc::new(SystemEntropy::default()), Policy::default()));
    let (begun, before) = (Instant::now(), cpu_seconds(process::id()));
    let mut living = JoinSet::new();
    for _ in 0..clients {
        let desk = Arc::clone(&desk);
        living.spawn(async move {
            for _ in 0..lives / clients {
                let session = desk.session().unwrap();
                let challenge = desk.ask(&session, "49.90", PAYEE).await.unwrap();
                let code = desk.read(&challenge).await.unwrap().unwrap();
                let typed = desk.type_code(challenge.id(), &session, &code).await;
                assert_eq!(typed.unwrap(), None);
            }
        });
    }
    living.join_all().await;
    let (time, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds(process::id()) - before);
    (f64::from(lives) / time, cpu * MICROS / f64::from(lives))
}

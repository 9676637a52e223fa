//! Payments from wallets, from the ticket to the receipt, on disk, beside the rate at which the same store commits; and one
//! merchant against a thousand: `cargo bench -p countersign-tests --bench wallet`.
#![expect(
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::panic,
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
use countersign_certs::KeyPair;
use countersign_domain::{
    card::Card,
    ports::{Clock as _, Reads, Store},
    record::{Batch, Record, RecordKey, StoreError, Version},
    subscriber::Subscriber,
    testing::Fixture,
};
use countersign_sandbox::with_check_digit;
use countersign_store::SqliteStore;
use countersign_tests::{
    desk::shown,
    load::{
        machine::cpu_seconds,
        table::{Row, disturbance, foreign, ratio, title, watched},
    },
};
use countersign_wallet::{
    flow::PaymentStatus,
    jws::SigningKey,
    merchant::Till,
    message::Ticket,
    testing::{Parties, Rich, phone_of, till},
};
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::JoinSet};

const PASSES: usize = 5;
/// Clients at once, and how many payments they make together in a pass.
const LOADS: [(u32, u32); 3] = [(1, 200), (8, 800), (64, 3_200)];
/// How many commits a payment takes about: a record alone is committed as often.
const COMMITS: u32 = 5;
/// Merchants of the many.
const MERCHANTS: usize = 1_000;
const MICROS: f64 = 1e6;

/// What is measured in a pass with so many clients.
const MEASURED: [&str; 7] = [
    "payments/s, to one merchant",
    "payments/s, to one of 1,000",
    "commits/s of a record alone, as large",
    "commits for each payment",
    "syncs for each payment",
    "octets of records in each commit",
    "processor time for each payment, us",
];

fn main() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let keys = (0..MERCHANTS).map(|_| KeyPair::generate().unwrap());
    let keys: Vec<_> = keys.map(|key| SigningKey::from_pkcs8(key.expose_der()).unwrap()).collect();
    let mut rows = LOADS
        .map(|(clients, _)| MEASURED.map(|what| Row::new(format!("{clients} clients: {what}"))));
    let mut foreign = foreign();
    for _ in 0..PASSES {
        watched(&mut foreign, &[], || {
            for (load, rows) in LOADS.into_iter().zip(&mut rows) {
                let measured = runtime.block_on(pass(folder.path(), &keys, load));
                rows.iter_mut().zip(measured).for_each(|(row, value)| row.add(value));
            }
        });
    }
    title("A payment from a wallet: ticket, hold, code on a phone that is faked, debit, receipt");
    rows.iter().flatten().for_each(Row::print);
    disturbance(&foreign);
    println!(
        "\nA payment's commits beside those of a record alone in the same run, and one merchant beside many"
    );
    for ((clients, _), rows) in LOADS.into_iter().zip(&rows) {
        let [one, many, plain, commits, ..] = rows.each_ref().map(Row::median);
        let what = format!("{clients} clients, commits of payments / of a record alone");
        ratio(&what, one * commits, plain, "none set");
        ratio(&format!("{clients} clients, one merchant / {MERCHANTS}"), one, many, ">= 1x");
    }
}

/// One merchant, many, and the store alone, each in a store of its own: what is measured is in the order of [`MEASURED`].
async fn pass(folder: &Path, keys: &[SigningKey], load: (u32, u32)) -> [f64; 7] {
    let [one, many] = [1, MERCHANTS].map(|merchants| async move {
        Market::open(folder, keys, load.0).await.sell(load, merchants).await
    });
    let (one, many) = (one.await, many.await);
    let Sold { rate, commits, octets, syncs, cpu } = one;
    let each = octets / commits;
    let plain = plain(folder, (load.0, load.1 * COMMITS), each).await;
    [rate, many.rate, plain, commits, syncs, each, cpu * MICROS]
}

/// A store on disk that counts what is given to it.
struct Counting {
    store: SqliteStore,
    commits: AtomicU64,
    octets: AtomicU64,
    _folder: TempDir,
}

impl Counting {
    fn open(folder: &Path) -> Self {
        let folder = tempfile::tempdir_in(folder).unwrap();
        let store = SqliteStore::open(&folder.path().join("store.db")).unwrap();
        Self { store, commits: AtomicU64::default(), octets: AtomicU64::default(), _folder: folder }
    }

    /// Commits, octets of records in them, and syncs.
    fn counted(&self) -> [f64; 3] {
        let [commits, octets] = [&self.commits, &self.octets].map(|of| of.load(Ordering::Relaxed));
        [commits, octets, self.store.commits()].map(|of| f64::from(u32::try_from(of).unwrap()))
    }
}

#[async_trait]
impl Store for Counting {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let octets =
            batch.inserts.iter().chain(&batch.replacements).map(|record| record.body.len());
        let octets = u64::try_from(octets.sum::<usize>()).unwrap();
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.octets.fetch_add(octets, Ordering::Relaxed);
        self.store.commit(batch).await
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self.store.reads()
    }
}

/// How many payments there were a second, and what each took.
struct Sold {
    rate: f64,
    commits: f64,
    octets: f64,
    syncs: f64,
    cpu: f64,
}

/// A ticket to be paid.
#[derive(Clone)]
struct Errand {
    till: usize,
    ticket: Ticket,
    signed: String,
}

/// The house, its merchants, and somebody with money for each client.
struct Market {
    parties: Arc<Parties>,
    store: Arc<Counting>,
    tills: Vec<Till>,
    people: Vec<Rich>,
}

impl Market {
    async fn open(folder: &Path, keys: &[SigningKey], clients: u32) -> Self {
        let store = Arc::new(Counting::open(folder));
        let parties = Arc::new(Parties::on(Fixture::new(), store.clone()).await);
        let mut opening = JoinSet::new();
        for (number, key) in keys.iter().cloned().enumerate() {
            let parties = parties.clone();
            opening.spawn(async move {
                let name = format!("Merchant {number}").as_str().try_into().unwrap();
                let wallets = &parties.process.wallets;
                till(wallets.open_merchant(name, key.public().clone()).await.unwrap(), key)
            });
        }
        let (tills, mut people) = (opening.join_all().await, vec![]);
        for number in 0..clients {
            let (who, phone) = (format!("person-{number}"), format!("+3363996{number:04}"));
            let card = with_check_digit(&format!("49701000003{number:04}"));
            let card = Card::new(&card, "12/35".try_into().unwrap()).unwrap();
            let (identifier, address) = (who.as_str().try_into().unwrap(), phone_of(&phone));
            let subscriber = Subscriber { identifier, address, card: Some(card.clone()) };
            parties.process.directory.enrol(&subscriber).await.unwrap();
            people.push(parties.process.person(&who, &phone, &card, "300.00").await);
        }
        Self { parties, store, tills, people }
    }

    /// That many payments to so many of the merchants, which sign their tickets before it and check their receipts after it.
    async fn sell(&self, (clients, payments): (u32, u32), merchants: usize) -> Sold {
        let mut baskets: Vec<Vec<Errand>> = (0..clients).map(|_| vec![]).collect();
        for (number, till) in (0..payments).zip((0..merchants).cycle()) {
            let client = usize::try_from(number % clients).unwrap();
            let number = format!("ticket-{number:06}");
            baskets[client].push(self.errand(&number, till));
        }
        let (before, cpu) = (self.store.counted(), cpu_seconds(process::id()));
        let (begun, mut paying) = (Instant::now(), JoinSet::new());
        for (person, basket) in self.people.iter().cloned().zip(baskets) {
            paying.spawn(pay(self.parties.clone(), person, basket));
        }
        let paid = paying.join_all().await.concat();
        let (seconds, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds(process::id()) - cpu);
        let (after, now) = (self.store.counted(), self.parties.process.fixture.clock.now());
        for (Errand { till, ticket, signed }, receipt) in &paid {
            assert_eq!(self.tills[*till].check(receipt, signed, now).as_ref(), Ok(ticket));
        }
        let payments = f64::from(payments);
        let [commits, octets, syncs] = [0, 1, 2].map(|of| (after[of] - before[of]) / payments);
        Sold { rate: payments / seconds, commits, octets, syncs, cpu: cpu / payments }
    }

    fn errand(&self, number: &str, till: usize) -> Errand {
        let merchant = &self.tills[till];
        let ticket = self.parties.ticket(number, "0.01");
        let ticket = Ticket { iss: merchant.merchant.clone(), ..ticket };
        Errand { till, signed: merchant.sign(&ticket).unwrap(), ticket }
    }
}

/// Pays one ticket after the other; each with its receipt.
async fn pay(parties: Arc<Parties>, person: Rich, basket: Vec<Errand>) -> Vec<(Errand, String)> {
    let (process, visitor, mut paid) = (&parties.process, &person.visitor, Vec::new());
    for errand in basket {
        let request = person.from_wallet(&errand.signed, errand.ticket.jti.as_str());
        let started = process.wallets.start_payment(visitor, &request).await.unwrap();
        let (challenge, _) = process.wallets.code(started.code.as_ref().unwrap()).await.unwrap();
        let code = shown(&process.outbox, &challenge).await.unwrap().unwrap();
        let typed = parties.typed(&started, &errand.ticket, &code);
        let view = process.wallets.finish_payment(visitor, &typed).await.unwrap();
        let PaymentStatus::Paid { receipt, .. } = view.status else { panic!("not paid: {view:?}") };
        paid.push((errand, receipt));
    }
    paid
}

/// Commits a second of as many clients at once, of a record of so many octets each.
async fn plain(folder: &Path, (clients, commits): (u32, u32), octets: f64) -> f64 {
    let store = Arc::new(Counting::open(folder));
    let body = format!("{:?}", "x".repeat(format!("{octets:.0}").parse().unwrap()));
    let (begun, mut committing) = (Instant::now(), JoinSet::new());
    for client in 0..clients {
        let (store, body) = (store.clone(), body.clone());
        committing.spawn(async move {
            for number in (client..commits).step_by(usize::try_from(clients).unwrap()) {
                let key = RecordKey { collection: "plain", id: number.to_string() };
                let record = Record {
                    key,
                    version: Version::FIRST,
                    due_at: None,
                    final_at: None,
                    body: body.clone(),
                };
                let batch = Batch { inserts: vec![record], ..Batch::default() };
                store.commit(batch).await.unwrap();
            }
        });
    }
    committing.join_all().await;
    f64::from(commits) / begun.elapsed().as_secs_f64()
}

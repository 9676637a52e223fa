//! Whether a store that grows stays as fast as an empty one: `cargo bench -p countersign-tests --bench growth -- 1000000`, with
//! the sizes in finished payments. It fills one store up to each size in turn, and compares with the store before the first.
#![expect(
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

mod purchase;
mod store;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, exit, id},
    sync::Arc,
    time::{Duration, Instant},
};

use countersign_domain::{
    policy::Policy,
    ports::{Clock as _, Ports, Store},
    retention::{Kept, Retention},
    testing::key_ring,
    time::Timestamp,
};
use countersign_server::{Config, SystemClock, SystemEntropy, open_store, sweep};
use countersign_tests::{
    desk::Desk,
    load::{
        lives::Lives,
        machine::resident_bytes,
        shop::{Shop, serve_if_asked},
        table::{Row, disturbance, foreign, percentile, title, watched},
    },
};
use purchase::{Purchase, collections};
use store::Watched;
use tokio::{runtime::Runtime, sync::watch};

const DEFAULT_SIZE: u64 = 100_000;
const PASSES: usize = 5;
/// Clients at once, and how many lives they live together in a pass.
const LOADS: [(u32, u32); 2] = [(8, 800), (64, 3_200)];
/// How often a store is opened, and each question asked.
const OPENED: usize = 9;
/// Payments in a batch while a store is filled, and between two words of that.
const FILL: u64 = 250;
const PROGRESS: u64 = 50_000;
/// What a payment takes of the disk, somewhat more than was measured; and the room that the log and the load need beside them.
const OCTETS_EACH: u64 = 8_500;
const ROOM: u64 = 4 << 30;
/// Payments were made so long ago, and are kept for less.
const AGO_SECONDS: u32 = 400 * 86_400;
/// What a figure of a store that has grown should be, beside that of the empty one.
#[derive(Clone, Copy)]
enum Goal {
    /// Not less than nine tenths.
    NoLess,
    /// Not more than eleven tenths.
    NoMore,
    /// Whatever it is beside that: a store that is opened in milliseconds scatters by more than it moves.
    BelowASecond,
    /// The longest of all tells of the machine.
    None,
}

type Measured = Vec<(Goal, Row)>;

/// How long what is final is removed while nobody buys.
const ALONE: Duration = Duration::from_secs(2);
const MICROS: f64 = 1e6;
const MILLIS: f64 = 1e3;
const MEGABYTE: f64 = 1e6;

fn main() {
    serve_if_asked();
    let sizes = sizes();
    let most = sizes.iter().copied().max().unwrap_or_default();
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (free, needed) = (free_octets(place), most * OCTETS_EACH + ROOM);
    if free < needed {
        eprintln!(
            "{most} payments want {} GB free, and there are {} GB: give smaller sizes",
            needed >> 30,
            free >> 30
        );
        exit(1);
    }
    let folder = tempfile::tempdir_in(place).unwrap();
    let runtime = Runtime::new().unwrap();
    let mut shop = runtime.block_on(Shop::open(folder.path(), "growth.db")).unwrap();
    let purchase = runtime.block_on(buy(&mut shop));
    let file = shop.folder.join("growth.db");
    let begin = SystemClock::default().now().minus_seconds(AGO_SECONDS);
    let (mut made, mut first) = (0, None);
    let mut foreign = foreign();
    for size in sizes {
        watched(&mut foreign, &[], || {
            let before = fs::metadata(&file).unwrap().len();
            runtime.block_on(fill(&shop, &purchase, made..size, begin));
            let grown = fs::metadata(&file).unwrap().len() - before;
            title(&format!("{size} finished payments"));
            if size > made {
                println!("{:<58} {:>10}", "octets of file for each payment", grown / (size - made));
            }
            made = size;
            let measured = measure(&runtime, &mut shop, &file);
            for (_, row) in &measured {
                row.print();
            }
            match &first {
                None => first = Some(measured),
                Some(first) => compare(&measured, first),
            }
        });
    }
    disturbance(&foreign);
    if made > 0 {
        retention(&runtime, &shop);
    }
}

/// The sizes of the command line, from an empty store on.
fn sizes() -> Vec<u64> {
    // Cargo has an argument of its own.
    let mut sizes: Vec<u64> = env::args().filter_map(|argument| argument.parse().ok()).collect();
    if sizes.is_empty() {
        sizes.push(DEFAULT_SIZE);
    }
    sizes.push(0);
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// As `df` says it; 0 when there is none.
fn free_octets(folder: &Path) -> u64 {
    let said = Command::new("df").args(["--output=avail", "-B1"]).arg(folder).output();
    let said = said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned());
    said.unwrap_or_default()
        .lines()
        .nth(1)
        .and_then(|line| line.trim().parse().ok())
        .unwrap_or_default()
}

async fn opened(shop: &Shop) -> Arc<dyn Store> {
    let text = fs::read_to_string(shop.configuration()).unwrap();
    open_store(&Config::from_toml(&text, &shop.folder).unwrap()).await.unwrap()
}

/// Makes one purchase at a server, with all that comes after it, and ends the server.
async fn buy(shop: &mut Shop) -> Purchase {
    let mut till = shop.till().await.unwrap();
    let page = shop.order_once(&mut till, "100.00", "growth-1").await.unwrap();
    shop.pay(&mut till.payer, &page, "100.00", "user_id=alice").await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    shop.stop().unwrap();
    Purchase::in_store(opened(shop).await.as_ref()).await
}

async fn fill(shop: &Shop, purchase: &Purchase, numbers: std::ops::Range<u64>, begin: Timestamp) {
    let (store, begun, mut next) = (opened(shop).await, Instant::now(), numbers.start);
    while next < numbers.end {
        let count = FILL.min(numbers.end - next);
        store.commit(purchase.more(next, count, begin)).await.unwrap();
        next += count;
        if next.is_multiple_of(PROGRESS) {
            let rate = (next - numbers.start) as f64 / begun.elapsed().as_secs_f64();
            eprintln!("{next} of {} payments, {rate:.0}/s", numbers.end);
        }
    }
}

/// In the same order for each size.
fn measure(runtime: &Runtime, shop: &mut Shop, file: &Path) -> Measured {
    let mut warm = Row::new("store opened, file in memory, ms");
    let mut cold = Row::new("store opened, file on disk only, ms");
    let mut served = Row::new("server started to its first answer, file on disk only, ms");
    for _ in 0..OPENED {
        let begun = Instant::now();
        drop(runtime.block_on(opened(shop)));
        warm.add(begun.elapsed().as_secs_f64() * MILLIS);
    }
    for _ in 0..OPENED {
        forget(file);
        let begun = Instant::now();
        drop(runtime.block_on(opened(shop)));
        cold.add(begun.elapsed().as_secs_f64() * MILLIS);
    }
    for _ in 0..3 {
        forget(file);
        served.add(runtime.block_on(shop.start_again()).unwrap().as_secs_f64() * MILLIS);
        shop.stop().unwrap();
    }
    let store = Arc::new(Watched::of(runtime.block_on(opened(shop))));
    let mut rows: Measured = [warm, cold, served].map(|row| (Goal::BelowASecond, row)).into();
    rows.push((Goal::NoMore, asked(runtime, store.as_ref())));
    for load in LOADS {
        let mut measured = runtime.block_on(live(&store, load, PASSES));
        rows.append(&mut measured);
    }
    let mut resident = Row::new("this process, MB resident");
    resident.add(resident_bytes(id()) / MEGABYTE);
    rows.push((Goal::NoMore, resident));
    rows
}

/// The slowest of what a server asks all the time, and `/metrics` with it.
fn asked(runtime: &Runtime, store: &dyn Store) -> Row {
    let mut row = Row::new("what is due in each collection, and how many, us");
    let now = SystemClock::default().now();
    for _ in 0..OPENED {
        let begun = Instant::now();
        runtime.block_on(async {
            for collection in collections() {
                store.due(collection, now, 100).await.unwrap();
                store.count_due(collection, now).await.unwrap();
            }
        });
        row.add(begun.elapsed().as_secs_f64() * MICROS);
    }
    row
}

/// Lives on that store.
async fn live(store: &Arc<Watched>, (clients, lives): (u32, u32), passes: usize) -> Measured {
    let row = |what: &str| Row::new(format!("{clients} clients: {what}"));
    let mut rates = row("challenges' lives/s, durable");
    let mut took = [50, 99, 100].map(|percent| (percent, row(&format!("commit, p{percent} ms"))));
    let desk =
        Desk::by_the_clock(store.clone(), Arc::new(SystemEntropy::default()), Policy::default());
    let desk = Arc::new(desk);
    for _ in 0..passes {
        store.took();
        let lived = Lives::by(&desk, clients, lives / clients).await.unwrap();
        assert_eq!(lived.accepted, lives);
        rates.add(lived.rate(lived.started + lived.read + lived.finished));
        let mut commits = store.took();
        for (percent, row) in &mut took {
            row.add(percentile(&mut commits, *percent) * MILLIS);
        }
    }
    let goal = |percent| if percent == 100 { Goal::None } else { Goal::NoMore };
    let commits = took.map(|(percent, row)| (goal(percent), row));
    [(Goal::NoLess, rates)].into_iter().chain(commits).collect()
}

/// Has the system forget what of a file is in memory.
fn forget(file: &Path) {
    let log = PathBuf::from(format!("{}-wal", file.display()));
    for file in [file, &log].into_iter().filter(|file| file.exists()) {
        let of = format!("if={}", file.display());
        // POSIX_FADV_DONTNEED of the whole file, which was synced.
        let done =
            Command::new("dd").args([&of, "iflag=nocache", "count=0", "status=none"]).status();
        assert!(done.unwrap().success(), "dd cannot drop {}", file.display());
    }
}

fn compare(measured: &Measured, first: &Measured) {
    println!("\nbeside the empty store");
    for ((goal, now), (_, then)) in measured.iter().zip(first) {
        let ratio = now.median() / then.median();
        let (is_met, aim) = match goal {
            Goal::NoLess => (ratio >= 0.9, "within 10 %"),
            Goal::NoMore => (ratio <= 1.1, "within 10 %"),
            Goal::BelowASecond => (now.median() < MILLIS, "below a second"),
            Goal::None => (true, "no goal"),
        };
        let verdict = if is_met { "" } else { "NOT " };
        println!("{:<58} {ratio:>9.2}x  {verdict}{aim}", now.name());
    }
}

/// How many records a second a store is rid of, as a server does it: while nobody buys, and while people do.
fn retention(runtime: &Runtime, shop: &Shop) {
    let store = Arc::new(Watched::of(runtime.block_on(opened(shop))));
    title("What is final is removed");
    let rate = removing(runtime, &store, || std::thread::sleep(ALONE)).1;
    println!("{:<58} {rate:>10.0}", "records removed/s while nobody buys");
    for load in LOADS {
        println!("\nwhile nothing is removed");
        runtime.block_on(live(&store, load, PASSES)).iter().for_each(|(_, row)| row.print());
        let lives = || runtime.block_on(live(&store, load, PASSES));
        let (rows, rate) = removing(runtime, &store, lives);
        println!("while {rate:.0} records a second are removed");
        rows.iter().for_each(|(_, row)| row.print());
    }
}

/// Does that while what is final is removed, and how many records that are a second, up to the last.
fn removing<T>(runtime: &Runtime, store: &Arc<Watched>, work: impl FnOnce() -> T) -> (T, f64) {
    let ports = Ports {
        store: store.clone(),
        clock: Arc::new(SystemClock::default()),
        entropy: Arc::new(SystemEntropy::default()),
        keys: Arc::new(key_ring()),
    };
    let kept = collections().into_iter();
    let kept = kept.map(|collection| Kept { collection, seconds: AGO_SECONDS / 10 });
    let (end, stop) = watch::channel(false);
    let (begun, before) = (Instant::now(), store.removed());
    let sweeping = runtime.spawn(sweep(Retention::new(ports, kept.collect()), stop));
    let done = work();
    end.send_replace(true);
    runtime.block_on(sweeping).unwrap();
    let (removed, last) = store.removed();
    let took = last.map_or(Duration::MAX, |last| last.saturating_duration_since(begun));
    (done, (removed - before.0) as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE))
}

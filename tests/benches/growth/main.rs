//! Whether a store that grows stays as fast as an empty one: `cargo bench -p countersign-tests --bench growth -- 1000000`, with
//! the sizes in finished payments. It fills one store up to each size, and at each takes turns with one that stays empty, as the
//! machine is not the same a few minutes later; with no payments the two are alike, and what they differ by is the machine's.
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
        table::{Row, disturbance, foreign, percentile, ratio, title, watched},
    },
};
use purchase::{Purchase, collections};
use store::Watched;
use tokio::{runtime::Runtime, sync::watch};

/// The file's name, in the folder of each shop.
const STORE: &str = "growth.db";
const DEFAULT_SIZE: u64 = 100_000;
const PASSES: usize = 5;
/// Clients at once, and how many lives they live together in a pass.
const LOADS: [(u32, u32); 2] = [(8, 800), (64, 3_200)];
/// How often a store is opened, and each question asked.
const OPENED: usize = 9;
/// How often a server is started.
const STARTED: usize = 3;
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

/// Of the store that stays empty, and of the one that has grown.
type Both<T> = [T; 2];
type Measured = Vec<(Goal, Both<Row>)>;

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
    let mut shops = ["empty", "grown"].map(|name| {
        let folder = folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        runtime.block_on(Shop::open(&folder, STORE)).unwrap()
    });
    let [_, purchase] = shops.each_mut().map(|shop| runtime.block_on(buy(shop)));
    let begin = SystemClock::default().now().minus_seconds(AGO_SECONDS);
    let (mut made, mut first_resident) = (0, None);
    let mut foreign = foreign();
    for size in sizes {
        watched(&mut foreign, &[], || {
            let octets = || fs::metadata(file(&shops[1])).unwrap().len();
            let before = octets();
            runtime.block_on(fill(&shops[1], &purchase, made..size, begin));
            let grown = octets() - before;
            title(&format!("{size} finished payments"));
            if size > made {
                println!("{:<58} {:>10}", "octets of file for each payment", grown / (size - made));
            }
            made = size;
            compare(&measure(&runtime, &mut shops));
            let resident = resident_bytes(id()) / MEGABYTE;
            let first = *first_resident.get_or_insert(resident);
            let what = "this process, with both stores, MB resident";
            println!("{what:<58} {resident:>10.1}");
            ratio("beside that without any payment", resident, first, "within 10 %");
        });
    }
    disturbance(&foreign);
    if made > 0 {
        retention(&runtime, &shops[1]);
    }
}

fn file(shop: &Shop) -> PathBuf {
    shop.folder.join(STORE)
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

/// How long it takes until there is a store, and a server on it.
struct Begun {
    warm: Row,
    cold: Row,
    served: Row,
}

impl Begun {
    fn new() -> Self {
        Self {
            warm: Row::new("store opened, file in memory, ms"),
            cold: Row::new("store opened, file on disk only, ms"),
            served: Row::new("server started to its first answer, file on disk only, ms"),
        }
    }

    fn turn(&mut self, runtime: &Runtime, shop: &mut Shop, with_server: bool) {
        self.warm.add(took_to_open(runtime, shop));
        forget(&file(shop));
        self.cold.add(took_to_open(runtime, shop));
        if with_server {
            forget(&file(shop));
            let took = runtime.block_on(shop.start_again()).unwrap();
            self.served.add(took.as_secs_f64() * MILLIS);
            shop.stop().unwrap();
        }
    }

    fn measurements(self) -> Vec<(Goal, Row)> {
        [self.warm, self.cold, self.served].map(|row| (Goal::BelowASecond, row)).into()
    }
}

/// Measures both stores, in turn.
fn measure(runtime: &Runtime, shops: &mut Both<Shop>) -> Measured {
    let mut begun = [(); 2].map(|()| Begun::new());
    for turn in 0..OPENED {
        for (shop, begun) in shops.iter_mut().zip(&mut begun) {
            begun.turn(runtime, shop, turn < STARTED);
        }
    }
    let mut measured = side_by_side(begun.map(Begun::measurements));
    let stores = shops.each_ref().map(|shop| Arc::new(Watched::of(runtime.block_on(opened(shop)))));
    measured.push((Goal::NoMore, stores.each_ref().map(|store| asked(runtime, store.as_ref()))));
    for load in LOADS {
        let mut lived = stores.each_ref().map(|_| Lived::new(load));
        for _ in 0..PASSES {
            for (store, lived) in stores.iter().zip(&mut lived) {
                runtime.block_on(lived.pass(store));
            }
        }
        measured.extend(side_by_side(lived.map(Lived::measurements)));
    }
    measured
}

/// The measurements of both, each beside the other's.
fn side_by_side([empty, grown]: Both<Vec<(Goal, Row)>>) -> Measured {
    let both = empty.into_iter().zip(grown);
    both.map(|((goal, empty), (_, grown))| (goal, [empty, grown])).collect()
}

fn took_to_open(runtime: &Runtime, shop: &Shop) -> f64 {
    let begun = Instant::now();
    drop(runtime.block_on(opened(shop)));
    begun.elapsed().as_secs_f64() * MILLIS
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

/// Lives of so many clients on one store.
struct Lived {
    clients: u32,
    lives: u32,
    rates: Row,
    took: [(usize, Row); 3],
}

impl Lived {
    fn new((clients, lives): (u32, u32)) -> Self {
        let row = |what: &str| Row::new(format!("{clients} clients: {what}"));
        let took = [50, 99, 100].map(|percent| (percent, row(&format!("commit, p{percent} ms"))));
        Self { clients, lives, rates: row("challenges' lives/s, durable"), took }
    }

    async fn pass(&mut self, store: &Arc<Watched>) {
        let entropy = Arc::new(SystemEntropy::default());
        let desk = Arc::new(Desk::by_the_clock(store.clone(), entropy, Policy::default()));
        store.took();
        let lived = Lives::by(&desk, self.clients, self.lives / self.clients).await.unwrap();
        assert_eq!(lived.accepted, self.lives);
        self.rates.add(lived.rate(lived.started + lived.read + lived.finished));
        let mut commits = store.took();
        for (percent, row) in &mut self.took {
            row.add(percentile(&mut commits, *percent) * MILLIS);
        }
    }

    fn measurements(self) -> Vec<(Goal, Row)> {
        let goal = |percent| if percent == 100 { Goal::None } else { Goal::NoMore };
        let took = self.took.map(|(percent, row)| (goal(percent), row));
        [(Goal::NoLess, self.rates)].into_iter().chain(took).collect()
    }
}

/// Lives on that store alone.
async fn live(store: &Arc<Watched>, load: (u32, u32)) -> Vec<(Goal, Row)> {
    let mut lived = Lived::new(load);
    for _ in 0..PASSES {
        lived.pass(store).await;
    }
    lived.measurements()
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

fn compare(measured: &Measured) {
    println!("\nThe store that stays empty");
    measured.iter().for_each(|(_, [empty, _])| empty.print());
    println!("\nThe store that has grown");
    measured.iter().for_each(|(_, [_, grown])| grown.print());
    println!("\nOne beside the other");
    for (goal, [empty, grown]) in measured {
        let ratio = grown.median() / empty.median();
        let (is_met, aim) = match goal {
            Goal::NoLess => (ratio >= 0.9, "within 10 %"),
            Goal::NoMore => (ratio <= 1.1, "within 10 %"),
            Goal::BelowASecond => (grown.median() < MILLIS, "below a second"),
            Goal::None => (true, "no goal"),
        };
        let verdict = if is_met { "" } else { "NOT " };
        println!("{:<58} {ratio:>9.2}x  {verdict}{aim}", grown.name());
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
        runtime.block_on(live(&store, load)).iter().for_each(|(_, row)| row.print());
        let lives = || runtime.block_on(live(&store, load));
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

//! What the books cost: payments to one merchant against payments to a thousand, and what a payment, a balance and a
//! statement take as the books grow. `cargo bench -p countersign-store`; a long run, of some gigabytes:
//! `cargo bench -p countersign-store --bench books -- 10000000`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for people, which may fail loudly"
)]

use std::{
    env, fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use countersign_domain::{
    amount::{Amount, Currency},
    ports::{Reads, Store},
    record::{Batch, Record, RecordKey, Version},
    register::{Account, Cut, Position, Posting, Span},
    time::Timestamp,
};
use countersign_store::{Books, SqliteStore};
use tokio::task::JoinSet;

const PASSES: usize = 5;
/// Clients at once, and the payments that they make together in a pass.
const CLIENTS: [(u64, u64); 3] = [(1, 1_000), (8, 8_000), (64, 16_000)];
/// Merchants of the many.
const MERCHANTS: u64 = 1_000;

/// To how many the books grow when no argument says it.
const DEFAULT_POSTINGS: u64 = 100_000;
/// How many postings there are for each wallet.
const POSTINGS_OF_A_WALLET: u64 = 10;
/// Postings of one batch while the books are filled.
const FILL: u64 = 1_000;
/// Payments, balances or statements of a round. One round is made, and not counted, before [`PASSES`] that are.
const ROUND: u64 = 500;
const PAGE: usize = 50;
const DAY_MILLIS: u64 = 86_400_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        one_merchant_against_many().await;
        growth().await;
    });
}

fn euro() -> Currency {
    Currency::try_from("EUR").unwrap()
}

fn account(name: &str) -> Account {
    Account::try_from(name.to_owned()).unwrap()
}

/// A payment of one minor unit out of one of `wallets`, with a floor that is far away.
fn payment(number: u64, wallets: u64, merchant: u64) -> Posting {
    // A multiplier that is prime to the number of wallets: neighbours in time are none in the file.
    let wallet = account(&format!("wallet:{:08}", number * 77_773 % wallets));
    let merchant = account(&format!("wallet_merchant:{merchant}"));
    let amount = Amount::new(1, euro()).unwrap();
    // A thousand payments a day.
    let at = Timestamp::from_unix_millis(number * DAY_MILLIS / 1_000);
    Posting::new(format!("payment-{number}/end"), wallet, merchant, amount, at)
        .not_below(-1_000_000)
}

/// The record of a payment, of the size that flows keep, and its posting, if it is to have one.
fn batch(number: u64, posting: Option<Posting>) -> Batch {
    let key = RecordKey { collection: "payment", id: number.to_string() };
    let body = format!("\"{}\"", "x".repeat(1_000));
    let record = Record { key, version: Version::FIRST, due_at: None, final_at: None, body };
    Batch { inserts: vec![record], postings: posting.into_iter().collect(), ..Batch::default() }
}

/// Processor time of this process, in microseconds. On a machine that is not ours alone it says more than a clock does.
fn cpu_micros() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // proc(5): the 14th and 15th field, in ticks of 10 ms; the second one ends with the last parenthesis.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks =
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap());
    ticks.sum::<u64>() * 10_000
}

/// Commits per second of that many clients in a store of their own, what each took of processors, in microseconds, and how
/// many of a hundred were transactions of their own, with a sync.
async fn rate(clients: u64, commits: u64, merchants: Option<u64>) -> [u64; 3] {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&folder.path().join("store.db")).unwrap());
    let (begun, cpu) = (Instant::now(), cpu_micros());
    let mut paying = JoinSet::new();
    for client in 0..clients {
        let store = store.clone();
        paying.spawn(async move {
            for number in (client..commits).step_by(usize::try_from(clients).unwrap()) {
                let posting =
                    merchants.map(|merchants| payment(number, 10_000, number % merchants));
                store.commit(batch(number, posting)).await.unwrap();
            }
        });
    }
    paying.join_all().await;
    let elapsed = u64::try_from(begun.elapsed().as_micros()).unwrap();
    [commits * 1_000_000 / elapsed, (cpu_micros() - cpu) / commits, store.commits() * 100 / commits]
}

fn median<T: Ord + Copy>(mut of: Vec<T>) -> T {
    of.sort();
    of[of.len() / 2]
}

async fn one_merchant_against_many() {
    println!(
        "durable commits/s (and us of processors each), medians of {PASSES} passes that take turns:"
    );
    println!(
        "clients    record alone   payment to one merchant   to one of {MERCHANTS}   one/many"
    );
    for (clients, commits) in CLIENTS {
        let mut measured = [const { [const { vec![] }; 3] }; 3];
        for _ in 0..PASSES {
            for (measured, merchants) in measured.iter_mut().zip([None, Some(1), Some(MERCHANTS)]) {
                let values = rate(clients, commits, merchants).await;
                measured.iter_mut().zip(values).for_each(|(measured, value)| measured.push(value));
            }
        }
        let measured = measured.map(|measured| measured.map(median));
        let [alone, one, many] =
            measured.map(|[rate, cpu, syncs]| format!("{rate:>7} {cpu:>4} {syncs:>4}"));
        let percent = |of: usize| measured[1][of] * 100 / measured[2][of].max(1);
        let (of_rate, of_cpu) = (percent(0), percent(1));
        println!(
            "{clients:>7} {alone:>19} {one:>25} {many:>19}   {of_rate}%, processors {of_cpu}%"
        );
    }
}

/// Medians of the rounds' medians and 99th percentiles, in microseconds.
async fn timed<T, F: Future<Output = T>>(work: impl Fn(u64) -> F) -> String {
    let mut of_rounds = [const { vec![] }; 2];
    for round in 0..=u64::try_from(PASSES).unwrap() {
        let mut took = vec![];
        for number in round * ROUND..(round + 1) * ROUND {
            let begun = Instant::now();
            work(number).await;
            took.push(begun.elapsed());
        }
        took.sort();
        if round > 0 {
            for (of_rounds, hundredth) in of_rounds.iter_mut().zip([50, 99]) {
                of_rounds.push(took[(took.len() - 1) * hundredth / 100]);
            }
        }
    }
    let [median, p99] = of_rounds.map(|rounds: Vec<Duration>| median(rounds).as_micros());
    format!("{median:>7} {p99:>7}")
}

/// As the kernel says it.
fn resident() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("?").trim().to_owned()
}

async fn growth() {
    // Cargo has an argument of its own.
    let most = env::args().find_map(|argument| argument.parse().ok()).unwrap_or(DEFAULT_POSTINGS);
    let wallets = most / POSTINGS_OF_A_WALLET;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    println!(
        "\n{wallets} wallets pay one merchant; microseconds, median and p99 of rounds of {ROUND}:"
    );
    let (mut made, mut size) = (0, 10_000);
    while size <= most {
        let (begun, filled) = (Instant::now(), size - made);
        while made < size {
            let postings = (made..made + FILL).map(|number| payment(number, wallets, 0)).collect();
            store.commit(Batch { postings, ..Batch::default() }).await.unwrap();
            made += FILL;
        }
        let each = begun.elapsed().as_micros() / u128::from(filled);
        println!("{size} postings, filled in {each} us each");
        made = measure(&store, &path, made, wallets).await;
        size *= 10;
    }
    let (begun, books) = (Instant::now(), Books::open(&path).unwrap());
    let found = books.check(|wrong| println!("{wrong:?}")).unwrap();
    println!("checked {} postings in {} ms", found.postings, begun.elapsed().as_millis());
}

async fn measure(store: &SqliteStore, path: &Path, made: u64, wallets: u64) -> u64 {
    let merchant = account("wallet_merchant:0");
    let cpu = cpu_micros();
    let paid = timed(|number| {
        store.commit(batch(made + number, Some(payment(made + number, wallets, 0))))
    });
    println!("  a payment, synced          {}", paid.await);
    let payments = ROUND * (u64::try_from(PASSES).unwrap() + 1);
    println!("    of that, processors      {:>7}", (cpu_micros() - cpu) / payments);
    let made = made + payments;
    println!("  the merchant's balance     {}", timed(|_| store.balance(&merchant, euro())).await);
    let wallet = |number| account(&format!("wallet:{:08}", number * 7_919 % wallets));
    let balance = timed(|number| async move { store.balance(&wallet(number), euro()).await });
    println!("  a wallet's balance         {}", balance.await);
    let page = |opens: Cut| {
        let merchant = &merchant;
        let span = Span { opens, closes: Cut::After(Position::END) };
        timed(move |_| store.statement(merchant, euro(), span, PAGE))
    };
    println!("  a page from the middle     {}", page(Cut::After(Position(made / 2))).await);
    let day = Timestamp::from_unix_millis(made / 2 * DAY_MILLIS / 1_000);
    println!("  a page from a day on       {}", page(Cut::Before(day)).await);
    let bytes = path.metadata().unwrap().len() / made;
    println!("  {bytes} bytes of file each; resident {}", resident());
    made
}

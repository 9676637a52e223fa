//! What was acknowledged survives a process that dies at any moment, and a disk that is full in the middle of a commit.
//!
//! A process of its own (this program again, see `child`) commits and prints each number that was acknowledged.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    env,
    hash::BuildHasher,
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use countersign_domain::{
    amount::{Amount, Currency},
    event::{Event, Fact},
    id::{Identifier, RelyingPartyId},
    ports::{Reads, Store},
    record::{Batch, Record, RecordKey, Version},
    register::{Account, Posting},
    time::Timestamp,
};
use countersign_store::{Books, SqliteStore};

/// The file that a child commits to; without it, `child` does nothing.
const FILE: &str = "COUNTERSIGN_STORE_TEST_FILE";
/// Which of several children it is.
const NAME: &str = "COUNTERSIGN_STORE_TEST_NAME";

/// Clients in each child: they share commits.
const CLIENTS: u64 = 4;

/// How often a client commits in the life of a child at most.
const MAX_STEPS: u64 = 20_000;

fn counter_key(client: &str) -> RecordKey {
    RecordKey { collection: "counter", id: client.to_owned() }
}

fn item_key(client: &str, number: u64) -> RecordKey {
    RecordKey { collection: "item", id: format!("{client}-{number}") }
}

fn record(key: RecordKey, version: u64) -> Record {
    // Large enough that a batch takes more than one page.
    Record {
        key,
        version: Version(version),
        due_at: None,
        final_at: None,
        body: format!("\"{}\"", "x".repeat(3_000)),
    }
}

fn account(client: &str) -> Account {
    Account::payer(&Identifier::try_from(client).unwrap())
}

fn euro() -> Currency {
    Currency::try_from("EUR").unwrap()
}

/// The batch that brings a client's counter from `number - 1` to `number`, and something into every table.
fn step(client: &str, number: u64) -> Batch {
    let at = Timestamp::from_unix_millis(number);
    let (counter, item) =
        (record(counter_key(client), number), record(item_key(client, number), 1));
    let fact = |number| (item.key.clone(), Fact { at, event: Event::AttemptCounted { number } });
    let posting = Posting::new(
        item.key.id.clone(),
        account(client),
        Account::relying_party(&RelyingPartyId::try_from("shop").unwrap()),
        Amount::new(1, euro()).unwrap(),
        at,
    );
    let mut batch =
        Batch { facts: vec![fact(1), fact(2)], postings: vec![posting], ..Batch::default() };
    if number == 1 { &mut batch.inserts } else { &mut batch.replacements }.push(counter);
    batch.inserts.push(item);
    batch
}

async fn counter(store: &SqliteStore, client: &str) -> u64 {
    store.load(&counter_key(client)).await.unwrap().map_or(0, |record| record.version.0)
}

/// Not a test: what the tests run in a process of its own. It ends by being killed, or when a commit fails, or after
/// [`MAX_STEPS`].
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let (Some(file), Some(name)) = (env::var_os(FILE), env::var_os(NAME)) else {
        return;
    };
    let store = Arc::new(SqliteStore::open(Path::new(&file)).unwrap());
    let clients = (0..CLIENTS).map(|client| {
        let (store, client) = (store.clone(), format!("{}{client}", name.to_str().unwrap()));
        tokio::spawn(async move {
            let reached = counter(&store, &client).await;
            for number in reached + 1..=reached + MAX_STEPS {
                match store.commit(step(&client, number)).await {
                    Ok(()) => say(&format!("ack {client} {number}")),
                    Err(failure) => return say(&format!("fail {client} {number} {failure}")),
                }
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
}

fn say(line: &str) {
    // In one write, so that no two lines mix; the first may stand behind what the test harness said.
    io::stdout().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

/// A process that runs `child`, after the shell has done what `first` says.
fn start_child(first: &str, file: &Path, name: &str) -> Child {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{first}; exec \"$0\" --exact child --nocapture")]);
    shell.arg(env::current_exe().unwrap()).env(FILE, file).env(NAME, name);
    shell.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// What a child said of its commits until its end: `ack` or `fail`, the client, the number.
fn listen(child: &mut Child) -> JoinHandle<Vec<(String, String, u64)>> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let read = |line: io::Result<String>| match *line.unwrap().split(' ').collect::<Vec<_>>() {
        [said @ ("ack" | "fail"), client, number, ..] => {
            Some((said.to_owned(), client.to_owned(), number.parse().unwrap()))
        }
        _ => None,
    };
    thread::spawn(move || lines.filter_map(read).collect())
}

/// Adds what was acknowledged to the highest number of each client.
fn note_acknowledged(said: &[(String, String, u64)], answered: &mut BTreeMap<String, u64>) {
    for (_, client, number) in said.iter().filter(|(said, ..)| said == "ack") {
        let highest = answered.entry(client.clone()).or_default();
        *highest = (*highest).max(*number);
    }
}

/// Checks that of each batch everything is there or nothing, from the batches after `checked`, which is moved on.
async fn assert_whole(store: &SqliteStore, checked: &mut BTreeMap<String, u64>) {
    for (client, checked) in checked {
        let reached = counter(store, client).await;
        for number in *checked + 1..=reached {
            assert!(
                store.load(&item_key(client, number)).await.unwrap().is_some(),
                "{client} {number}"
            );
            assert_eq!(
                store.facts(&item_key(client, number)).await.unwrap().len(),
                2,
                "{client} {number}"
            );
        }
        let next = item_key(client, reached + 1);
        assert_eq!(store.load(&next).await.unwrap(), None, "{client} {reached}");
        assert_eq!(store.facts(&next).await.unwrap(), vec![], "{client} {reached}");
        let posted = store.balance(&account(client), euro()).await.unwrap().debit_minor;
        assert_eq!(posted, reached, "{client}");
        *checked = reached;
    }
}

fn clients_of(names: &[&str]) -> BTreeMap<String, u64> {
    let clients =
        names.iter().flat_map(|name| (0..CLIENTS).map(move |client| format!("{name}{client}")));
    clients.map(|client| (client, 0)).collect()
}

/// 20 to 219 milliseconds, drawn: a process may die while it opens the file, too.
fn short_life() -> Duration {
    Duration::from_millis(20 + RandomState::new().hash_one("life") % 200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_processes_acknowledged_survives_their_kill() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let (mut answered, mut checked) = (clients_of(&["a", "b"]), clients_of(&["a", "b"]));
    for _ in 0..20 {
        let mut children = ["a", "b"].map(|name| start_child(":", &file, name));
        let heard = children.each_mut().map(listen);
        for child in &mut children {
            // The second dies while it writes alone.
            thread::sleep(short_life());
            child.kill().unwrap();
            child.wait().unwrap();
        }
        for said in heard {
            let said = said.join().unwrap();
            assert!(
                said.iter().all(|(said, ..)| said == "ack"),
                "the other process does not disturb"
            );
            note_acknowledged(&said, &mut answered);
        }
        let store = SqliteStore::open(&file).unwrap();
        assert_whole(&store, &mut checked).await;
        let books = Books::open(&file).unwrap();
        let found = books.check(|wrong| panic!("the books are wrong: {wrong:?}")).unwrap();
        assert!(found.are_even(), "{found:?}");
        for (client, answered) in &answered {
            assert!(
                *answered <= checked[client],
                "{client}: {answered} was answered, {} is there",
                checked[client]
            );
        }
    }
    let total: u64 = answered.values().sum();
    assert!(total > 500, "only {total} commits were acknowledged: that shows little");
}

/// The kernel refuses to let a file grow above `blocks`: the log is cut short in the middle of a commit.
async fn assert_a_full_disk_makes_nothing_by_half(blocks: u32) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let (mut answered, mut checked) = (clients_of(&["a"]), clients_of(&["a"]));
    // Ignored, the signal that comes with the refusal does not end the process; the write fails.
    let mut child = start_child(&format!("trap '' XFSZ; ulimit -f {blocks}"), &file, "a");
    let said = listen(&mut child).join().unwrap();
    assert!(child.wait().unwrap().success(), "the process outlives the failures");
    note_acknowledged(&said, &mut answered);

    let store = SqliteStore::open(&file).unwrap();
    assert_whole(&store, &mut checked).await;
    assert_eq!(checked, answered, "what failed is not there");
    for (client, reached) in &checked {
        assert!(said.contains(&("fail".to_owned(), client.clone(), reached + 1)), "{client}");
        assert_eq!(
            store.commit(step(client, reached + 1)).await,
            Ok(()),
            "with room again, it goes on"
        );
    }
}

#[tokio::test]
async fn a_disk_that_is_full_before_the_first_checkpoint_makes_nothing_by_half() {
    assert_a_full_disk_makes_nothing_by_half(2_000).await;
}

#[tokio::test]
async fn a_disk_that_is_full_after_some_checkpoints_makes_nothing_by_half() {
    assert_a_full_disk_makes_nothing_by_half(20_000).await;
}

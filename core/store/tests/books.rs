//! The books: postings in any order are what the store in memory makes of them, and no sum overflows.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::{future::poll_fn, pin::Pin, task::Poll};

use countersign_domain::{
    amount::{Amount, Currency},
    ports::{Reads, Store},
    record::{Batch, Record, RecordKey, StoreError, Version},
    register::{Account, Balance, Posting, Span, Statement},
    testing::MemoryStore,
    time::Timestamp,
};
use countersign_store::{Books, SqliteStore};
use proptest::{collection::vec, option, prelude::*};
use rusqlite::Connection;

const CURRENCIES: [&str; 2] = ["EUR", "JPY"];
const OWNERS: [&str; 3] = ["alice", "bob", "carol"];

fn account(owner: &str) -> Account {
    Account::try_from(format!("wallet:{owner}")).unwrap()
}

fn currency(code: &str) -> Currency {
    Currency::try_from(code).unwrap()
}

fn posting(id: &str, debit: &str, credit: &str, amount_minor: u64, code: &str) -> Posting {
    let amount = Amount::new(amount_minor, currency(code)).unwrap();
    Posting::new(id, account(debit), account(credit), amount, Timestamp::from_unix_millis(1))
}

fn posts(postings: Vec<Posting>) -> Batch {
    Batch { postings, ..Batch::default() }
}

/// Few accounts and few ids, so that overdrafts and conflicts are frequent.
fn any_posting() -> impl Strategy<Value = Posting> {
    let owner = || prop::sample::select(&OWNERS[..]);
    let code = prop::sample::select(&CURRENCIES[..]);
    let parts = (0..200_u32, owner(), owner(), 1..100_u64, code, option::of(-100..100_i64));
    parts.prop_map(|(id, debit, credit, amount_minor, code, floor_minor)| Posting {
        floor_minor,
        ..posting(&id.to_string(), debit, credit, amount_minor, code)
    })
}

type Outcome = Result<(), StoreError>;
type Commit<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Commits the batches at once, queued in their order.
async fn commit_at_once(store: &SqliteStore, batches: &[Batch]) -> Vec<Outcome> {
    let mut commits: Vec<(Commit<'_>, Option<Outcome>)> =
        batches.iter().map(|batch| (store.commit(batch.clone()), None)).collect();
    poll_fn(|context| {
        for (commit, outcome) in &mut commits {
            if outcome.is_none()
                && let Poll::Ready(done) = commit.as_mut().poll(context)
            {
                *outcome = Some(done);
            }
        }
        match commits.iter().all(|(_, outcome)| outcome.is_some()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    commits.into_iter().filter_map(|(_, outcome)| outcome).collect()
}

async fn assert_same_books(groups: Vec<Vec<Vec<Posting>>>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (sqlite, memory) = (SqliteStore::open(&path).unwrap(), MemoryStore::default());
    for group in groups {
        let batches: Vec<Batch> = group.into_iter().map(posts).collect();
        let outcomes = commit_at_once(&sqlite, &batches).await;
        let mut expected = vec![];
        for batch in batches {
            expected.push(memory.commit(batch).await);
        }
        assert_eq!(outcomes, expected);
        for (owner, code) in OWNERS.iter().flat_map(|owner| CURRENCIES.map(|code| (owner, code))) {
            let (account, code) = (account(owner), currency(code));
            let kept = sqlite.balance(&account, code).await;
            assert_eq!(kept, memory.balance(&account, code).await, "{account}");
            // Positions are each store's own: refused batches may use some up.
            let told = |statement: Statement| {
                let entries = statement.entries.into_iter();
                let lines: Vec<_> = entries.map(|entry| (entry.posting, entry.balance)).collect();
                (statement.opening, lines, statement.closing)
            };
            let statement = sqlite.statement(&account, code, Span::ALL, 999).await.unwrap();
            let expected = memory.statement(&account, code, Span::ALL, 999).await.unwrap();
            assert_eq!(told(statement), told(expected), "{account}");
        }
    }
    let mut differences = vec![];
    let books = Books::open(&path).unwrap();
    let found = books.check(|difference| differences.push(difference)).unwrap();
    assert!(found.are_even() && differences.is_empty(), "{differences:?}");
}

proptest! {
    // Each case makes a file and syncs it up to ten times.
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn postings_in_any_order_have_the_balances_and_the_refusals_of_the_store_in_memory(
        groups in vec(vec(vec(any_posting(), 1..4), 1..6), 1..10),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(assert_same_books(groups));
    }
}

#[tokio::test]
async fn a_sum_that_overflows_is_refused_and_nothing_of_its_batch_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    let first = posting("1", "alice", "bob", 1, "EUR").not_below(-1);
    store.commit(posts(vec![first])).await.unwrap();
    // More postings than a test can make: no amount is above 10^12.
    let file = Connection::open(&path).unwrap();
    let full = "INSERT INTO postings (id, debit, credit, currency, amount_minor, at) VALUES
                ('2', 'bank:b', 'wallet:alice', 'EUR', 9223372036854775806, 1),
                ('3', 'wallet:carol', 'bank:b', 'EUR', 9223372036854775807, 1);
                INSERT INTO entries VALUES ('wallet:alice', 'EUR', 2, 1, 9223372036854775806, 1),
                ('wallet:carol', 'EUR', 3, 9223372036854775807, 0, 1)";
    file.execute_batch(full).unwrap();

    let key = RecordKey { collection: "note", id: "a".to_owned() };
    let note = Record {
        key: key.clone(),
        version: Version::FIRST,
        due_at: None,
        final_at: None,
        body: "{}".to_owned(),
    };
    let with_note = |postings| Batch { inserts: vec![note.clone()], postings, ..Batch::default() };
    let too_large = |owner| {
        let cause = "a sum of its postings is too large".to_owned();
        Err(StoreError::Corrupt { key: account(owner).to_string(), cause })
    };
    let credits = with_note(vec![
        posting("4", "bob", "alice", 1, "EUR"),
        posting("5", "bob", "alice", 1, "EUR"),
    ]);
    let debits = with_note(vec![
        posting("4", "bob", "alice", 1, "EUR"),
        posting("5", "carol", "bob", 1, "EUR").not_below(i64::MIN),
    ]);
    for (batch, owner) in [(credits, "alice"), (debits, "carol")] {
        assert_eq!(store.commit(batch).await, too_large(owner));
        assert_eq!(store.load(&key).await, Ok(None), "{owner}");
        let alice = Balance { debit_minor: 1, credit_minor: 9_223_372_036_854_775_806 };
        assert_eq!(store.balance(&account("alice"), currency("EUR")).await, Ok(alice), "{owner}");
        let bob = Balance { debit_minor: 0, credit_minor: 1 };
        assert_eq!(store.balance(&account("bob"), currency("EUR")).await, Ok(bob), "{owner}");
    }
    // The largest sum is none too many, and no id was used up.
    let last = with_note(vec![posting("4", "bob", "alice", 1, "EUR")]);
    assert_eq!(store.commit(last).await, Ok(()));
}

//! Windows that count.

use countersign_domain::record::Count;

use super::*;

/// One of `counter` at a second, in a window that lasts ten.
fn one(counter: &str, now: u64, at_most: u32) -> Count {
    let at = Timestamp::from_unix_seconds(now);
    Count { counter: counter.to_owned(), at, until: at.plus_seconds(10), at_most }
}

fn counts(counts: impl IntoIterator<Item = Count>) -> Batch {
    Batch { counts: counts.into_iter().collect(), ..Batch::default() }
}

fn exhausted(counter: &str, wait_seconds: u32) -> Result<(), StoreError> {
    Err(StoreError::Exhausted { counter: counter.to_owned(), wait_seconds })
}

pub(crate) async fn a_count_up_to_its_bound_is_made_and_one_above_it_is_refused(store: AnyStore) {
    assert_eq!(store.commit(counts([one("a", 1, 0)])).await, exhausted("a", 10));
    for now in [1, 2, 3] {
        assert_eq!(store.commit(counts([one("a", now, 3)])).await, Ok(()));
    }
    // The window keeps the end that it began with, and what is refused is not counted.
    for (now, left) in [(4, 7), (5, 6), (10, 1)] {
        assert_eq!(store.commit(counts([one("a", now, 3)])).await, exhausted("a", left), "{now}");
    }
    assert_eq!(store.commit(counts([one("a", 10, 4)])).await, Ok(()));
    assert_eq!(store.commit(counts([one("b", 4, 1)])).await, Ok(()), "another counter");
}

pub(crate) async fn a_window_that_is_over_begins_again(store: AnyStore) {
    for (now, done) in [(1, true), (10, false), (11, true), (20, false), (500, true)] {
        let committed = store.commit(counts([one("a", now, 1)])).await;
        assert_eq!(committed.is_ok(), done, "{now}: {committed:?}");
    }
}

pub(crate) async fn of_a_batch_that_counts_one_too_many_nothing_is_kept(store: AnyStore) {
    let batch = Batch {
        inserts: vec![record(note("new"), 1)],
        facts: vec![(note("new"), attempt(1))],
        postings: vec![euro("p")],
        counts: vec![one("a", 1, 1), one("b", 1, 1), one("b", 1, 1)],
        ..Batch::default()
    };
    assert_eq!(store.commit(batch).await, exhausted("b", 10));
    assert_eq!(version(&store, "new").await, None);
    assert_eq!(store.facts(&note("new")).await, Ok(vec![]));
    assert_eq!(debit(&store, payer("alice")).await, 0);
    assert_eq!(store.commit(counts([one("a", 1, 1), one("b", 1, 1)])).await, Ok(()));
}

pub(crate) async fn a_batch_that_conflicts_counts_nothing(store: AnyStore) {
    let insert = || Batch { counts: vec![one("a", 1, 2)], ..inserts([record(note("a"), 1)]) };
    assert_eq!(store.commit(insert()).await, Ok(()));
    for _ in 0..5 {
        assert_eq!(store.commit(insert()).await, conflict("note a"));
    }
    assert_eq!(store.commit(counts([one("a", 1, 2)])).await, Ok(()));
    assert_eq!(store.commit(counts([one("a", 1, 2)])).await, exhausted("a", 10));
}

pub(crate) async fn of_many_counts_at_once_as_many_are_made_as_fit(store: AnyStore) {
    let tries = (0..100).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.commit(counts([one("a", 1, 37)])).await })
    });
    let mut made = 0;
    for tried in tries.collect::<Vec<_>>() {
        match tried.await.unwrap() {
            Ok(()) => made += 1,
            refused => assert_eq!(refused, exhausted("a", 10)),
        }
    }
    assert_eq!(made, 37);
}

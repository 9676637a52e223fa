//! Windows that count.

use countersign_domain::record::{Count, Window};

use super::*;

/// One of a subject at a second, in windows that each have a name, so many seconds and a bound.
fn one_in<const N: usize>(
    subject: &str,
    now: u64,
    windows: [(&'static str, u32, u32); N],
) -> Count {
    let at = Timestamp::from_unix_seconds(now);
    let windows = windows.map(|(counter, seconds, at_most)| Window {
        counter,
        until: at.plus_seconds(seconds),
        at_most,
    });
    Count { subject: subject.to_owned(), at, windows: windows.into() }
}

/// One of the subject of a counter's name, in a window that lasts ten seconds.
fn one(counter: &'static str, now: u64, at_most: u32) -> Count {
    one_in(counter, now, [(counter, 10, at_most)])
}

fn counts(counts: impl IntoIterator<Item = Count>) -> Batch {
    Batch { counts: counts.into_iter().collect(), ..Batch::default() }
}

fn exhausted(counter: &'static str, wait_seconds: u32) -> Result<(), StoreError> {
    Err(StoreError::Exhausted { counter, wait_seconds })
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

pub(crate) async fn a_window_that_is_exhausted_counts_nothing_in_the_others_of_its_subject(
    store: AnyStore,
) {
    let windows = |now| one_in("a", now, [("hour", 100, 3), ("pause", 10, 1), ("day", 1_000, 3)]);
    assert_eq!(store.commit(counts([windows(0)])).await, Ok(()));
    for _ in 0..5 {
        assert_eq!(store.commit(counts([windows(4)])).await, exhausted("pause", 6));
    }
    // Had a refusal counted, hour and day were exhausted now.
    for now in [10, 20] {
        assert_eq!(store.commit(counts([windows(now)])).await, Ok(()), "{now}");
    }
    // Of several that are exhausted the first is told.
    assert_eq!(store.commit(counts([windows(29)])).await, exhausted("hour", 71));
    assert_eq!(store.commit(counts([windows(100)])).await, exhausted("day", 900));
}

pub(crate) async fn windows_of_one_subject_end_each_at_its_own_time(store: AnyStore) {
    let windows = |now, short, long| one_in("a", now, [("short", 10, short), ("long", 25, long)]);
    for now in [0, 10, 20] {
        assert_eq!(store.commit(counts([windows(now, 1, 3)])).await, Ok(()), "{now}");
    }
    assert_eq!(store.commit(counts([windows(24, 1, 3)])).await, exhausted("short", 6));
    assert_eq!(store.commit(counts([windows(24, 2, 3)])).await, exhausted("long", 1));
    // The long one began at 0 and begins again at 25; the short one began at 20 and goes on.
    assert_eq!(store.commit(counts([windows(25, 2, 1)])).await, Ok(()));
    assert_eq!(store.commit(counts([windows(29, 2, 1)])).await, exhausted("short", 1));
    assert_eq!(store.commit(counts([windows(30, 2, 1)])).await, exhausted("long", 20));
    assert_eq!(store.commit(counts([windows(50, 2, 1)])).await, Ok(()));
}

pub(crate) async fn a_window_keeps_its_end_when_its_length_is_another_by_now(store: AnyStore) {
    let window = |now, seconds, at_most| counts([one_in("a", now, [("hour", seconds, at_most)])]);
    assert_eq!(store.commit(window(0, 10, 2)).await, Ok(()));
    assert_eq!(store.commit(window(5, 1_000, 1)).await, exhausted("hour", 5));
    assert_eq!(store.commit(window(5, 1, 2)).await, Ok(()));
    assert_eq!(store.commit(window(9, 1, 2)).await, exhausted("hour", 1));
    assert_eq!(store.commit(window(10, 1_000, 1)).await, Ok(()));
    assert_eq!(store.commit(window(20, 10, 1)).await, exhausted("hour", 990));
}

pub(crate) async fn a_window_that_is_not_counted_for_a_while_is_kept_with_its_subject(
    store: AnyStore,
) {
    let [hour, day] = [("hour", 100, 1), ("day", 1_000, 9)];
    assert_eq!(store.commit(counts([one_in("a", 0, [hour, day])])).await, Ok(()));
    for now in 1..5 {
        assert_eq!(store.commit(counts([one_in("a", now, [day])])).await, Ok(()));
    }
    assert_eq!(store.commit(counts([one_in("a", 99, [hour, day])])).await, exhausted("hour", 1));
    // A window by itself, of another subject, is none of these.
    assert_eq!(store.commit(counts([one_in("b", 99, [hour, day])])).await, Ok(()));
}

pub(crate) async fn a_subject_that_is_counted_twice_in_a_batch_is_counted_twice(store: AnyStore) {
    let one = |now| one_in("a", now, [("hour", 100, 3)]);
    assert_eq!(store.commit(counts([one(0), one(0)])).await, Ok(()));
    assert_eq!(store.commit(counts([one(0), one(0)])).await, exhausted("hour", 100));
    assert_eq!(store.commit(counts([one(0)])).await, Ok(()));
    assert_eq!(store.commit(counts([one(0)])).await, exhausted("hour", 100));
}

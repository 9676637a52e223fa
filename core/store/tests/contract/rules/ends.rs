//! What is final is found by its time, and removed by it.

use countersign_domain::{
    record::{Batch, Record, RecordKey, Sweep, Version},
    time::Timestamp,
};

use super::{AnyStore, at, attempt, conflict, euro, inserts, note, record, replaces};

fn ended(id: &str, final_at: u64) -> Record {
    Record { final_at: Some(at(final_at)), ..record(note(id), 1) }
}

pub(crate) async fn times_of_ends_come_earliest_first_of_one_collection_and_as_they_are(
    store: AnyStore,
) {
    let other = RecordKey { collection: "other", id: "o".to_owned() };
    let other = Record { final_at: Some(at(1)), ..record(other, 1) };
    let open = record(note("open"), 1);
    store
        .commit(inserts([ended("b", 20), ended("c", 30), ended("a", 10), other, open]))
        .await
        .unwrap();
    store.commit(replaces([Record { version: Version(2), ..ended("a", 10) }])).await.unwrap();
    let found = async |from, before, limit| {
        store.final_between("note", at(from), at(before), limit).await.unwrap()
    };
    assert_eq!(found(0, 31, 9).await, [10, 20, 30].map(at));
    assert_eq!(found(10, 30, 9).await, [10, 20].map(at));
    assert_eq!(found(11, 31, 9).await, [20, 30].map(at));
    assert_eq!(found(0, 31, 1).await, [10].map(at));
    assert_eq!(found(31, 10, 9).await, []);
    let again = Record { version: Version(2), final_at: None, ..ended("b", 20) };
    store.commit(replaces([again])).await.unwrap();
    assert_eq!(found(0, 30, 9).await, [10].map(at));
    let latest = Timestamp::from_unix_millis(u64::MAX);
    assert_eq!(
        store.final_between("note", latest, latest, usize::MAX).await,
        Ok(Vec::new()),
        "of a time that none has"
    );
}

/// The ids of what there is in a collection.
async fn ids(store: &AnyStore, collection: &'static str) -> Vec<String> {
    let page = store.page(collection, "", 99).await.unwrap();
    page.into_iter().map(|record| record.key.id).collect()
}

fn sweeps(from: u64, to: u64, at_most: usize) -> Batch {
    let sweep = Some(Sweep { collection: "note", from: at(from), to: at(to), at_most });
    Batch { sweep, ..Batch::default() }
}

pub(crate) async fn a_sweep_removes_the_earliest_that_are_final_whatever_their_version(
    store: AnyStore,
) {
    let other = RecordKey { collection: "other", id: "o".to_owned() };
    let other = Record { final_at: Some(at(20)), ..record(other, 1) };
    let notes = [("d", 40), ("b", 20), ("c", 30), ("a", 10), ("c2", 30)];
    let notes = notes.map(|(id, final_at)| ended(id, final_at));
    store.commit(inserts(notes.into_iter().chain([other, record(note("open"), 1)]))).await.unwrap();
    store.commit(replaces([Record { version: Version(2), ..ended("b", 20) }])).await.unwrap();
    let facts = Batch { facts: vec![(note("b"), attempt(1))], ..Batch::default() };
    store.commit(facts).await.unwrap();

    for nothing in [sweeps(0, 9, 9), sweeps(41, 99, 9), sweeps(40, 10, 9), sweeps(0, 99, 0)] {
        store.commit(nothing).await.unwrap();
    }
    assert_eq!(ids(&store, "note").await, ["a", "b", "c", "c2", "d", "open"]);
    store.commit(sweeps(20, 30, 1)).await.unwrap();
    assert_eq!(ids(&store, "note").await, ["a", "c", "c2", "d", "open"]);
    store.commit(sweeps(20, 30, 9)).await.unwrap();
    assert_eq!(ids(&store, "note").await, ["a", "d", "open"]);
    assert_eq!(ids(&store, "other").await, ["o"], "of another collection nothing is removed");
    assert_eq!(store.facts(&note("b")).await.unwrap(), [attempt(1)]);
    store.commit(inserts([record(note("b"), 1)])).await.unwrap();
    assert_eq!(ids(&store, "note").await, ["a", "b", "d", "open"]);
}

pub(crate) async fn a_sweep_comes_after_the_changes_of_its_batch_and_is_made_with_all_of_it(
    store: AnyStore,
) {
    store.commit(inserts([ended("a", 10), ended("b", 10)])).await.unwrap();
    let reopened = Record { version: Version(2), final_at: None, ..ended("a", 10) };
    let batch = Batch { inserts: vec![ended("c", 10)], ..replaces([reopened]) };
    let sweep = sweeps(10, 10, 9).sweep;
    let refused = Batch { postings: vec![euro("p"), euro("p")], ..batch.clone() };
    let refused = Batch { sweep: sweep.clone(), ..refused };
    assert_eq!(store.commit(refused).await, conflict("p"));
    assert_eq!(ids(&store, "note").await, ["a", "b"]);
    store.commit(Batch { sweep, ..batch }).await.unwrap();
    assert_eq!(ids(&store, "note").await, ["a"], "it is final no more");
}

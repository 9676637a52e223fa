//! The rules of the port [`Store`].
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a rule may fail loudly")]

use std::sync::Arc;

use countersign_domain::{
    amount::{Amount, Currency},
    event::{Event, Fact},
    id::{Identifier, RelyingPartyId},
    ports::Store,
    record::{Batch, Record, RecordKey, Removal, StoreError, Version},
    register::{Account, Balance, Posting},
    time::Timestamp,
};

mod counts;
mod ends;
mod statements;

pub(crate) use counts::*;
pub(crate) use ends::*;
pub(crate) use statements::*;

type AnyStore = Arc<dyn Store>;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

fn note(id: &str) -> RecordKey {
    RecordKey { collection: "note", id: id.to_owned() }
}

fn record(key: RecordKey, version: u64) -> Record {
    Record {
        key,
        version: Version(version),
        due_at: None,
        final_at: None,
        body: format!(r#"{{"version":{version}}}"#),
    }
}

fn due_record(key: RecordKey, due_at: u64) -> Record {
    Record { due_at: Some(at(due_at)), ..record(key, 1) }
}

fn inserts(records: impl IntoIterator<Item = Record>) -> Batch {
    Batch { inserts: records.into_iter().collect(), ..Batch::default() }
}

fn replaces(records: impl IntoIterator<Item = Record>) -> Batch {
    Batch { replacements: records.into_iter().collect(), ..Batch::default() }
}

fn posts(postings: impl IntoIterator<Item = Posting>) -> Batch {
    Batch { postings: postings.into_iter().collect(), ..Batch::default() }
}

fn attempt(number: u8) -> Fact {
    Fact { at: at(1), event: Event::AttemptCounted { number } }
}

fn currency(code: &str) -> Currency {
    Currency::try_from(code).unwrap()
}

fn payer(name: &str) -> Account {
    Account::payer(&Identifier::try_from(name).unwrap())
}

fn shop(name: &str) -> Account {
    Account::relying_party(&RelyingPartyId::try_from(name).unwrap())
}

fn posting(id: &str, debit: Account, credit: Account, amount_minor: u64, code: &str) -> Posting {
    let amount = Amount::new(amount_minor, currency(code)).unwrap();
    Posting::new(id, debit, credit, amount, at(1))
}

fn euro(id: &str) -> Posting {
    posting(id, payer("alice"), shop("books"), 100, "EUR")
}

fn conflict(key: &str) -> Result<(), StoreError> {
    Err(StoreError::Conflict { key: key.to_owned() })
}

async fn version(store: &AnyStore, id: &str) -> Option<Version> {
    store.load(&note(id)).await.unwrap().map(|record| record.version)
}

async fn due_ids(store: &AnyStore, now: u64, limit: usize) -> Vec<String> {
    let due = store.due("note", at(now), limit).await.unwrap();
    due.into_iter().map(|record| record.key.id).collect()
}

async fn debit(store: &AnyStore, account: Account) -> u64 {
    store.balance(&account, currency("EUR")).await.unwrap().debit_minor
}

pub(crate) async fn an_empty_batch_changes_nothing(store: AnyStore) {
    assert_eq!(store.commit(Batch::default()).await, Ok(()));
}

pub(crate) async fn what_was_inserted_is_loaded(store: AnyStore) {
    let inserted = due_record(note("a"), 5);
    store.commit(inserts([inserted.clone()])).await.unwrap();
    assert_eq!(store.load(&note("a")).await, Ok(Some(inserted)));
}

pub(crate) async fn what_is_not_there_is_not_found(store: AnyStore) {
    assert_eq!(store.load(&note("a")).await, Ok(None));
    assert_eq!(store.due("note", at(u64::MAX), 10).await, Ok(vec![]));
    assert_eq!(store.facts(&note("a")).await, Ok(vec![]));
    assert_eq!(store.balance(&payer("alice"), currency("EUR")).await, Ok(Balance::default()));
}

pub(crate) async fn inserting_what_exists_conflicts(store: AnyStore) {
    let first = record(note("a"), 1);
    store.commit(inserts([first.clone()])).await.unwrap();
    let second = Record { body: "{}".to_owned(), ..first.clone() };
    assert_eq!(store.commit(inserts([second])).await, conflict("note a"));
    assert_eq!(store.load(&note("a")).await, Ok(Some(first)));
}

pub(crate) async fn replacing_another_version_conflicts(store: AnyStore) {
    store.commit(inserts([record(note("a"), 1)])).await.unwrap();
    for wrong in [0, 1, 3] {
        assert_eq!(
            store.commit(replaces([record(note("a"), wrong)])).await,
            conflict("note a"),
            "{wrong}"
        );
        assert_eq!(version(&store, "a").await, Some(Version(1)));
    }
}

pub(crate) async fn replacing_what_is_missing_conflicts(store: AnyStore) {
    for version in [1, 2] {
        assert_eq!(
            store.commit(replaces([record(note("a"), version)])).await,
            conflict("note a"),
            "{version}"
        );
    }
    assert_eq!(version(&store, "a").await, None);
}

pub(crate) async fn a_page_has_the_records_of_one_collection_after_an_id_in_the_order_of_ids(
    store: AnyStore,
) {
    let other = RecordKey { collection: "other", id: "b1".to_owned() };
    let notes = ["c", "a", "b", "é"].map(|id| record(note(id), 1));
    store.commit(inserts(notes.into_iter().chain([record(other, 1)]))).await.unwrap();
    store.commit(replaces([record(note("a"), 2)])).await.unwrap();
    for (after, limit, ids) in [
        ("", 9, &["a", "b", "c", "é"][..]),
        ("", 2, &["a", "b"]),
        ("b", 9, &["c", "é"]),
        ("bb", 1, &["c"]),
        ("é", 9, &[]),
    ] {
        let page = store.page("note", after, limit).await.unwrap();
        let found: Vec<_> = page.iter().map(|record| record.key.id.as_str()).collect();
        assert_eq!(found, ids, "after {after:?}");
    }
    assert_eq!(store.page("note", "", 1).await.unwrap(), [record(note("a"), 2)]);
}

fn removes(id: &str, version: u64) -> Batch {
    let removal = Removal { key: note(id), version: Version(version) };
    Batch { removals: vec![removal], ..Batch::default() }
}

pub(crate) async fn what_is_removed_is_gone_and_its_facts_stay(store: AnyStore) {
    let before = Batch { facts: vec![(note("a"), attempt(1))], ..inserts([record(note("a"), 1)]) };
    store.commit(before).await.unwrap();
    let gone = Batch { facts: vec![(note("a"), attempt(2))], ..removes("a", 1) };
    store.commit(gone).await.unwrap();
    assert_eq!(store.load(&note("a")).await, Ok(None));
    assert_eq!(store.facts(&note("a")).await.unwrap(), [attempt(1), attempt(2)]);
    assert_eq!(store.commit(removes("a", 1)).await, conflict("note a"));
    assert_eq!(store.commit(inserts([record(note("a"), 1)])).await, Ok(()));
}

pub(crate) async fn removing_another_version_conflicts(store: AnyStore) {
    store.commit(inserts([record(note("a"), 1)])).await.unwrap();
    for version in [0, 2] {
        assert_eq!(store.commit(removes("a", version)).await, conflict("note a"));
    }
    let both = Batch { removals: removes("a", 2).removals, ..replaces([record(note("a"), 2)]) };
    assert_eq!(store.commit(both).await, conflict("note a"));
    assert_eq!(store.load(&note("a")).await, Ok(Some(record(note("a"), 1))));
}

pub(crate) async fn naming_a_record_twice_in_one_batch_conflicts(store: AnyStore) {
    let (new, old) = (note("new"), note("old"));
    store.commit(inserts([record(old.clone(), 1)])).await.unwrap();
    let twice = [
        (inserts([record(new.clone(), 1), record(new.clone(), 1)]), "note new"),
        (
            Batch { replacements: vec![record(new.clone(), 2)], ..inserts([record(new, 1)]) },
            "note new",
        ),
        (replaces([record(old.clone(), 2), record(old.clone(), 2)]), "note old"),
        (replaces([record(old.clone(), 2), record(old, 3)]), "note old"),
    ];
    for (batch, key) in twice {
        assert_eq!(store.commit(batch.clone()).await, conflict(key), "{batch:?}");
        assert_eq!(version(&store, "new").await, None);
        assert_eq!(version(&store, "old").await, Some(Version(1)));
    }
}

pub(crate) async fn posting_twice_conflicts(store: AnyStore) {
    store.commit(posts([euro("p")])).await.unwrap();
    let other = posting("p", payer("bob"), shop("music"), 7, "EUR");
    assert_eq!(store.commit(posts([other])).await, conflict("p"));
    assert_eq!((debit(&store, payer("alice")).await, debit(&store, payer("bob")).await), (100, 0));
}

pub(crate) async fn posting_twice_in_one_batch_conflicts(store: AnyStore) {
    assert_eq!(store.commit(posts([euro("p"), euro("p")])).await, conflict("p"));
    assert_eq!(debit(&store, payer("alice")).await, 0);
}

pub(crate) async fn the_first_that_stands_in_the_way_is_named(store: AnyStore) {
    let before = Batch { postings: vec![euro("p")], ..inserts([record(note("a"), 1)]) };
    store.commit(before).await.unwrap();
    let mut batch = Batch {
        inserts: vec![record(note("new"), 1), record(note("a"), 1)],
        replacements: vec![record(note("missing"), 2)],
        facts: vec![],
        postings: vec![euro("p")],
        ..Batch::default()
    };
    assert_eq!(store.commit(batch.clone()).await, conflict("note a"));
    batch.inserts.pop();
    assert_eq!(store.commit(batch.clone()).await, conflict("note missing"));
    batch.replacements.pop();
    assert_eq!(store.commit(batch.clone()).await, conflict("p"));
    batch.postings.pop();
    assert_eq!(store.commit(batch).await, Ok(()));
}

pub(crate) async fn a_batch_is_committed_whole(store: AnyStore) {
    let before = Batch { postings: vec![euro("old")], ..inserts([record(note("old"), 1)]) };
    store.commit(before).await.unwrap();
    let good = Batch {
        inserts: vec![due_record(note("new"), 1)],
        replacements: vec![record(note("old"), 2)],
        facts: vec![(note("new"), attempt(1))],
        postings: vec![euro("new")],
        ..Batch::default()
    };
    let mut bad = [good.clone(), good.clone(), good.clone()];
    bad[0].inserts.push(record(note("old"), 1));
    bad[1].replacements.push(record(note("missing"), 2));
    bad[2].postings.push(euro("old"));
    for batch in bad {
        assert!(matches!(store.commit(batch).await, Err(StoreError::Conflict { .. })));
        assert_eq!(version(&store, "new").await, None);
        assert_eq!(version(&store, "old").await, Some(Version(1)));
        assert_eq!(due_ids(&store, 9, 9).await, Vec::<String>::new());
        assert_eq!(store.facts(&note("new")).await, Ok(vec![]));
        assert_eq!(debit(&store, payer("alice")).await, 100);
    }
    store.commit(good).await.unwrap();
    assert_eq!(version(&store, "new").await, Some(Version(1)));
    assert_eq!(version(&store, "old").await, Some(Version(2)));
    assert_eq!(due_ids(&store, 9, 9).await, ["new"]);
    assert_eq!(store.facts(&note("new")).await, Ok(vec![attempt(1)]));
    assert_eq!(debit(&store, payer("alice")).await, 200);
}

pub(crate) async fn versions_rise_by_one(store: AnyStore) {
    store.commit(inserts([record(note("a"), 1)])).await.unwrap();
    for next in 2..=20 {
        store.commit(replaces([record(note("a"), next)])).await.unwrap();
        assert_eq!(store.load(&note("a")).await, Ok(Some(record(note("a"), next))));
    }
}

pub(crate) async fn a_replacement_replaces_body_and_due_time(store: AnyStore) {
    store.commit(inserts([due_record(note("a"), 1)])).await.unwrap();
    let later = Record {
        due_at: Some(at(50)),
        final_at: Some(at(60)),
        body: r#"{"later":true}"#.to_owned(),
        ..record(note("a"), 2)
    };
    store.commit(replaces([later.clone()])).await.unwrap();
    assert_eq!(store.due("note", at(49), 9).await, Ok(vec![]));
    assert_eq!(store.due("note", at(50), 9).await, Ok(vec![later]));
    let never = record(note("a"), 3);
    store.commit(replaces([never.clone()])).await.unwrap();
    assert_eq!(store.due("note", at(u64::MAX), 9).await, Ok(vec![]));
    assert_eq!(store.load(&note("a")).await, Ok(Some(never)));
}

pub(crate) async fn due_records_come_earliest_first(store: AnyStore) {
    let records = [("a", 30), ("b", 10), ("c", 20), ("d", 0)]
        .map(|(id, due_at)| due_record(note(id), due_at));
    store.commit(inserts(records)).await.unwrap();
    assert_eq!(due_ids(&store, 99, 9).await, ["d", "b", "c", "a"]);
}

pub(crate) async fn a_record_is_due_at_its_time_and_not_before(store: AnyStore) {
    let records = [("early", 9), ("on_time", 10), ("late", 11)]
        .map(|(id, due_at)| due_record(note(id), due_at));
    store.commit(inserts(records)).await.unwrap();
    store.commit(inserts([record(note("never"), 1)])).await.unwrap();
    assert_eq!(due_ids(&store, 10, 9).await, ["early", "on_time"]);
}

pub(crate) async fn due_records_are_of_one_collection(store: AnyStore) {
    let other = RecordKey { collection: "notebook", id: "b".to_owned() };
    store.commit(inserts([due_record(note("a"), 1), due_record(other, 1)])).await.unwrap();
    assert_eq!(due_ids(&store, 9, 9).await, ["a"]);
}

pub(crate) async fn due_records_are_no_more_than_the_limit(store: AnyStore) {
    let records = [("a", 3), ("b", 2), ("c", 1)].map(|(id, due_at)| due_record(note(id), due_at));
    store.commit(inserts(records)).await.unwrap();
    assert_eq!(due_ids(&store, 9, 0).await, Vec::<String>::new());
    assert_eq!(due_ids(&store, 9, 2).await, ["c", "b"]);
    assert_eq!(due_ids(&store, 9, usize::MAX).await, ["c", "b", "a"]);
}

pub(crate) async fn due_records_are_counted_whatever_the_limit(store: AnyStore) {
    let records = [("a", 3), ("b", 2), ("c", 1)].map(|(id, due_at)| due_record(note(id), due_at));
    store.commit(inserts(records)).await.unwrap();
    store.commit(inserts([record(note("d"), 1)])).await.unwrap();
    for (now, count) in [(0, 0), (2, 2), (9, 3)] {
        assert_eq!(store.count_due("note", at(now)).await, Ok(count));
    }
    assert_eq!(store.count_due("other", at(9)).await, Ok(0));
}

pub(crate) async fn facts_come_in_the_order_of_their_commits(store: AnyStore) {
    // The later fact has the earlier time: it is the order of the commits that counts.
    let early = Fact { at: at(1), event: Event::ChallengeVerified { elements: Vec::new() } };
    let late = Fact { at: at(2), event: Event::AttemptCounted { number: 1 } };
    let first = vec![(note("a"), late.clone()), (note("b"), attempt(9)), (note("a"), late.clone())];
    store.commit(Batch { facts: first, ..Batch::default() }).await.unwrap();
    let second = vec![(note("a"), early.clone())];
    store.commit(Batch { facts: second, ..Batch::default() }).await.unwrap();
    assert_eq!(store.facts(&note("a")).await, Ok(vec![late.clone(), late, early]));
    assert_eq!(store.facts(&note("b")).await, Ok(vec![attempt(9)]));
}

pub(crate) async fn a_balance_is_of_one_account_one_currency_and_one_side(store: AnyStore) {
    let (alice, books) = (payer("alice"), shop("books"));
    let postings = [
        posting("1", alice.clone(), books.clone(), 1, "EUR"),
        posting("2", alice.clone(), books.clone(), 20, "EUR"),
        posting("3", alice.clone(), books.clone(), 300, "JPY"),
        posting("4", books.clone(), alice.clone(), 4_000, "EUR"),
        posting("5", payer("bob"), shop("music"), 50_000, "EUR"),
        // The same name on the other kind of account.
        posting("6", shop("alice"), payer("books"), Amount::MAX_MINOR, "EUR"),
    ];
    store.commit(posts(postings)).await.unwrap();
    let balance = |debit_minor, credit_minor| Ok(Balance { debit_minor, credit_minor });
    assert_eq!(store.balance(&alice, currency("EUR")).await, balance(21, 4_000));
    assert_eq!(store.balance(&books, currency("EUR")).await, balance(4_000, 21));
    assert_eq!(store.balance(&alice, currency("JPY")).await, balance(300, 0));
    assert_eq!(store.balance(&alice, currency("USD")).await, balance(0, 0));
    assert_eq!(store.balance(&shop("alice"), currency("EUR")).await, balance(Amount::MAX_MINOR, 0));
}

pub(crate) async fn collections_do_not_share_ids(store: AnyStore) {
    let other = RecordKey { collection: "other", id: "a".to_owned() };
    store.commit(inserts([record(note("a"), 1), record(other.clone(), 1)])).await.unwrap();
    store.commit(replaces([record(other.clone(), 2)])).await.unwrap();
    assert_eq!(version(&store, "a").await, Some(Version(1)));
    assert_eq!(store.load(&other).await, Ok(Some(record(other, 2))));
}

pub(crate) async fn ids_and_bodies_are_any_text(store: AnyStore) {
    // Two ways to write one letter, two cases, a quote, a space at the end: all are different ids.
    for id in
        ["", "é", "e\u{301}", "E", "e", "e ", "'; DROP TABLE records; --", "😀", "日本", "%", "_"]
    {
        let written = Record { body: format!("{{\"id\":{id:?}}}"), ..record(note(id), 1) };
        let batch = Batch { facts: vec![(note(id), attempt(1))], ..inserts([written.clone()]) };
        store.commit(batch).await.unwrap();
        assert_eq!(store.load(&note(id)).await, Ok(Some(written)));
        assert_eq!(store.facts(&note(id)).await, Ok(vec![attempt(1)]));
    }
}

pub(crate) async fn a_large_body_comes_back(store: AnyStore) {
    let large = Record { body: format!("\"{}\"", "x".repeat(5_000_000)), ..record(note("a"), 1) };
    store.commit(inserts([large.clone()])).await.unwrap();
    assert!(store.load(&note("a")).await.unwrap() == Some(large));
}

pub(crate) async fn of_many_replacements_of_one_version_one_is_made(store: AnyStore) {
    store.commit(inserts([record(note("a"), 1)])).await.unwrap();
    let racers = (0..64).map(|racer| {
        let (store, id) = (store.clone(), format!("p{racer}"));
        let replacement = Record { body: format!("\"{id}\""), ..record(note("a"), 2) };
        let batch = Batch { postings: vec![euro(&id)], ..replaces([replacement]) };
        tokio::spawn(async move { (id, store.commit(batch).await) })
    });
    let mut winners = vec![];
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            (id, Ok(())) => winners.push(id),
            (_, lost) => assert_eq!(lost, conflict("note a")),
        }
    }
    assert_eq!(winners.len(), 1);
    let kept = store.load(&note("a")).await.unwrap().unwrap();
    assert_eq!((kept.version, kept.body), (Version(2), format!("\"{}\"", winners[0])));
    assert_eq!(debit(&store, payer("alice")).await, 100);
}

pub(crate) async fn many_inserts_at_once_are_all_made(store: AnyStore) {
    let clients = (0..16).map(|client| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..20 {
                let id = format!("{client}-{number}");
                let batch = Batch { postings: vec![euro(&id)], ..inserts([record(note(&id), 1)]) };
                store.commit(batch).await.unwrap();
                // A client that was answered sees what was committed.
                assert_eq!(version(&store, &id).await, Some(Version(1)));
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    assert_eq!(debit(&store, payer("alice")).await, 16 * 20 * 100);
}

/// Brings `amount_minor` into a wallet from outside.
fn top_up(id: &str, wallet: &str, amount_minor: u64) -> Posting {
    posting(id, shop("bank"), payer(wallet), amount_minor, "EUR")
}

/// Pays out of a wallet, which must not be overdrawn.
fn spend(id: &str, wallet: &str, amount_minor: u64) -> Posting {
    posting(id, payer(wallet), shop("books"), amount_minor, "EUR").not_below(0)
}

fn overdrawn(wallet: &str) -> Result<(), StoreError> {
    Err(StoreError::Overdrawn { account: payer(wallet) })
}

async fn net(store: &AnyStore, account: Account) -> i128 {
    store.balance(&account, currency("EUR")).await.unwrap().net_minor()
}

pub(crate) async fn a_debit_down_to_the_floor_is_made_and_one_below_it_is_refused(store: AnyStore) {
    store.commit(posts([top_up("t", "alice", 100)])).await.unwrap();
    assert_eq!(store.commit(posts([spend("1", "alice", 101)])).await, overdrawn("alice"));
    assert_eq!(store.commit(posts([spend("1", "alice", 100)])).await, Ok(()));
    assert_eq!(store.commit(posts([spend("2", "alice", 1)])).await, overdrawn("alice"));
    let credit = posting("3", payer("alice"), shop("books"), 50, "EUR").not_below(-50);
    assert_eq!(store.commit(posts([credit])).await, Ok(()));
    assert_eq!(net(&store, payer("alice")).await, -50);
    let above = posting("4", shop("bank"), payer("bob"), 1, "EUR").not_below(1);
    assert_eq!(
        store.commit(posts([above])).await,
        Err(StoreError::Overdrawn { account: shop("bank") })
    );
}

pub(crate) async fn a_debit_without_a_floor_overdraws(store: AnyStore) {
    store.commit(posts([euro("p")])).await.unwrap();
    assert_eq!(net(&store, payer("alice")).await, -100);
    store.commit(posts([top_up("t", "alice", 150), spend("1", "alice", 50)])).await.unwrap();
    store.commit(posts([euro("q")])).await.unwrap();
    assert_eq!(net(&store, payer("alice")).await, -100);
}

pub(crate) async fn of_a_batch_that_overdraws_nothing_is_kept(store: AnyStore) {
    store.commit(posts([top_up("t", "alice", 100)])).await.unwrap();
    let mut batch = inserts([record(note("a"), 1)]);
    batch.facts.push((note("a"), attempt(1)));
    batch.postings = vec![top_up("u", "bob", 7), spend("1", "alice", 60), spend("2", "alice", 60)];
    assert_eq!(
        store.commit(batch.clone()).await,
        overdrawn("alice"),
        "only together they overdraw"
    );
    assert_eq!(version(&store, "a").await, None);
    assert_eq!(store.facts(&note("a")).await, Ok(vec![]));
    assert_eq!((net(&store, payer("alice")).await, net(&store, payer("bob")).await), (100, 0));
    batch.postings.pop();
    assert_eq!(store.commit(batch).await, Ok(()), "no id is used up");
    assert_eq!(net(&store, payer("alice")).await, 40);
}

pub(crate) async fn the_postings_of_a_batch_count_in_their_order(store: AnyStore) {
    let (credit, debit) = (top_up("t", "alice", 5), spend("1", "alice", 5));
    assert_eq!(store.commit(posts([debit.clone(), credit.clone()])).await, overdrawn("alice"));
    assert_eq!(store.commit(posts([credit, debit])).await, Ok(()));
}

pub(crate) async fn another_currency_and_another_account_do_not_count_for_a_floor(store: AnyStore) {
    let yen = posting("y", shop("bank"), payer("alice"), 500, "JPY");
    store.commit(posts([yen, top_up("b", "bob", 500)])).await.unwrap();
    assert_eq!(store.commit(posts([spend("1", "alice", 1)])).await, overdrawn("alice"));
}

pub(crate) async fn a_posting_from_an_account_to_itself_changes_no_net_balance(store: AnyStore) {
    for number in 0..2 {
        let circle = posting(&number.to_string(), payer("alice"), payer("alice"), 5, "EUR");
        store.commit(posts([circle.not_below(0)])).await.unwrap();
    }
    let balance = Balance { debit_minor: 10, credit_minor: 10 };
    assert_eq!(store.balance(&payer("alice"), currency("EUR")).await, Ok(balance));
}

pub(crate) async fn a_posting_made_before_conflicts_although_it_would_overdraw_now(
    store: AnyStore,
) {
    store.commit(posts([top_up("t", "alice", 5), spend("1", "alice", 5)])).await.unwrap();
    assert_eq!(store.commit(posts([spend("1", "alice", 5)])).await, conflict("1"));
}

pub(crate) async fn of_many_debits_at_once_as_many_are_made_as_fit(store: AnyStore) {
    store.commit(posts([top_up("t", "alice", 70)])).await.unwrap();
    let racers = (0..32).map(|racer| {
        let store = store.clone();
        tokio::spawn(
            async move { store.commit(posts([spend(&racer.to_string(), "alice", 10)])).await },
        )
    });
    let mut made = 0;
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            Ok(()) => made += 1,
            refused => assert_eq!(refused, overdrawn("alice")),
        }
    }
    assert_eq!((made, net(&store, payer("alice")).await), (7, 0));
}

pub(crate) async fn many_credits_of_one_account_at_once_are_all_made(store: AnyStore) {
    store.commit(posts([top_up("t", "alice", 1), spend("s", "alice", 1)])).await.unwrap();
    let clients = (0..64).map(|client| {
        let store = store.clone();
        tokio::spawn(
            async move { store.commit(posts([top_up(&client.to_string(), "alice", 3)])).await },
        )
    });
    for client in clients.collect::<Vec<_>>() {
        assert_eq!(client.await.unwrap(), Ok(()));
    }
    assert_eq!(net(&store, payer("alice")).await, 64 * 3);
}

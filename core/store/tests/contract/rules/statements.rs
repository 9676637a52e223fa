//! The rules of statements.

use std::sync::atomic::{AtomicBool, Ordering};

use countersign_domain::register::{Cut, Entry, Position, Span, Statement};

use super::*;

const BALANCE_OF_NOTHING: Balance = Balance { debit_minor: 0, credit_minor: 0 };

async fn statement(store: &AnyStore, name: &str, span: Span, limit: usize) -> Statement {
    store.statement(&payer(name), currency("EUR"), span, limit).await.unwrap()
}

/// Checks that each entry's balance is the one before it and its posting. Gives the balance after the last one.
fn add_up(statement: &Statement, account: &Account) -> Balance {
    statement.entries.iter().fold(statement.opening, |before, entry| {
        let after = before.after(&entry.posting, account).unwrap();
        assert_eq!(entry.balance, after, "{entry:?}");
        after
    })
}

fn ids(statement: &Statement) -> Vec<&str> {
    statement.entries.iter().map(|entry| entry.posting.id.as_str()).collect()
}

pub(crate) async fn a_statement_is_continued_in_the_order_of_commits_and_of_one_instant(
    store: AnyStore,
) {
    let alice = payer("alice");
    let circle = posting("c", alice.clone(), alice.clone(), 5, "EUR");
    let mine = [top_up("t", "alice", 100), spend("s", "alice", 40), circle, euro("e")];
    for posted in mine.clone() {
        let yen = posting(&format!("y{}", posted.id), alice.clone(), shop("books"), 1, "JPY");
        let other = top_up(&format!("o{}", posted.id), "bob", 1);
        store.commit(posts([other, posted, yen])).await.unwrap();
    }
    let end = Balance { debit_minor: 145, credit_minor: 105 };
    let (mut seen, mut before, mut span) = (vec![], BALANCE_OF_NOTHING, Some(Span::ALL));
    while let Some(of_page) = span {
        let page = statement(&store, "alice", of_page, 3).await;
        assert!(page.entries.len() <= 3, "{page:?}");
        assert_eq!((page.opening, page.closing), (before, end));
        before = add_up(&page, &alice);
        span = page.rest();
        seen.extend(page.entries.into_iter().map(|entry| entry.posting));
        // It is of the instant of its first page.
        store.commit(posts([top_up(&format!("later{}", seen.len()), "alice", 7)])).await.unwrap();
    }
    assert_eq!((seen, before), (mine.to_vec(), end));
    let later = statement(&store, "alice", Span::ALL, 99).await;
    assert_eq!(ids(&later), ["t", "s", "c", "e", "later3", "later4"]);
}

pub(crate) async fn an_account_without_postings_has_an_empty_statement(store: AnyStore) {
    store.commit(posts([top_up("t", "bob", 1)])).await.unwrap();
    let empty = Statement {
        opening: BALANCE_OF_NOTHING,
        entries: vec![],
        closing: BALANCE_OF_NOTHING,
        closes: Position::START,
    };
    for span in [Span::ALL, Span::between(at(0), at(u64::MAX))] {
        assert_eq!(statement(&store, "alice", span, 9).await, empty);
    }
    assert_eq!(empty.rest(), None);
}

pub(crate) async fn a_span_that_closes_before_it_opens_is_empty(store: AnyStore) {
    store.commit(posts([top_up("a", "alice", 1), top_up("b", "alice", 2)])).await.unwrap();
    let all = statement(&store, "alice", Span::ALL, 9).await;
    for (opens, closes) in [
        (Cut::After(Position::END), Cut::After(Position::START)),
        (Cut::After(all.closes), Cut::After(all.entries[0].position)),
        (Cut::Before(at(2)), Cut::Before(at(1))),
    ] {
        let none = statement(&store, "alice", Span { opens, closes }, 9).await;
        assert_eq!((none.opening, none.closing), (all.closing, all.closing), "{opens:?}");
        assert_eq!((none.entries, none.closes), (vec![], all.closes), "{opens:?}");
    }
}

pub(crate) async fn a_span_by_time_ends_before_the_first_posting_of_that_time_or_later(
    store: AnyStore,
) {
    // The clock of "late" was behind: it was committed after "noon".
    for (id, millis) in [("dawn", 10), ("noon", 20), ("late", 15), ("dusk", 30), ("night", 30)] {
        let posted = Posting { at: at(millis), ..top_up(id, "alice", 1) };
        // Others' postings stand between them.
        store.commit(posts([top_up(&format!("{id}-bob"), "bob", 1), posted])).await.unwrap();
    }
    for (from, to, expected) in [
        (0, 10, vec![]),
        (0, 11, vec!["dawn"]),
        (0, 16, vec!["dawn"]),
        (10, 20, vec!["dawn"]),
        (20, 30, vec!["noon", "late"]),
        (11, 21, vec!["noon", "late"]),
        (30, 31, vec!["dusk", "night"]),
        (31, u64::MAX, vec![]),
        (0, u64::MAX, vec!["dawn", "noon", "late", "dusk", "night"]),
    ] {
        let span = statement(&store, "alice", Span::between(at(from), at(to)), 9).await;
        assert_eq!(ids(&span), expected, "{from} to {to}");
        assert_eq!(add_up(&span, &payer("alice")), span.closing, "{from} to {to}");
    }
}

const TRANSFERS: u64 = 150;

/// Moves money between the two, there and back, as long as they have it.
async fn transfer(store: AnyStore, from: &str, to: &str) {
    for number in 0..TRANSFERS {
        let id = format!("{from}-{to}-{number}");
        let moved = posting(&id, payer(from), payer(to), 1 + number % 7, "EUR").not_below(0);
        match store.commit(posts([moved])).await {
            Ok(()) => {}
            refused => assert_eq!(refused, overdrawn(from)),
        }
    }
}

/// Reads statements until it is told to stop, each from where the last one closed. Gives all their entries.
async fn follow(store: AnyStore, name: &'static str, stop: Arc<AtomicBool>) -> Vec<Entry> {
    let account = payer(name);
    let (mut entries, mut read, mut balance) = (vec![], Position::START, BALANCE_OF_NOTHING);
    loop {
        let is_last = stop.load(Ordering::SeqCst);
        let whole = statement(&store, name, Span::ALL, usize::MAX).await;
        assert_eq!(whole.opening, BALANCE_OF_NOTHING);
        assert_eq!(add_up(&whole, &account), whole.closing);
        assert_eq!(
            whole.entries.last().map_or(Position::START, |last| last.position),
            whole.closes
        );
        let page = statement(&store, name, Span::since(read), 5).await;
        assert_eq!(page.opening, balance, "nothing was posted before what was read");
        assert!(page.entries.len() <= 5 && page.closes >= whole.closes);
        balance = add_up(&page, &account);
        let is_read = page.rest().is_none();
        assert_eq!(is_read, balance == page.closing);
        read = page.entries.last().map_or(read, |last| last.position);
        entries.extend(page.entries);
        // A store in memory never makes anybody wait.
        tokio::task::yield_now().await;
        if is_last && is_read {
            return entries;
        }
    }
}

pub(crate) async fn statements_add_up_while_others_post(store: AnyStore) {
    // In any order of the writers each pays more than twenty times before the money is gone, as no more than 7 leave at once.
    store.commit(posts([top_up("a", "alice", 200), top_up("b", "bob", 200)])).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let readers =
        ["alice", "bob"].map(|name| tokio::spawn(follow(store.clone(), name, stop.clone())));
    let writers = [("alice", "bob"), ("bob", "alice"), ("alice", "carol"), ("carol", "alice")]
        .map(|(from, to)| tokio::spawn(transfer(store.clone(), from, to)));
    for writer in writers {
        writer.await.unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    for (name, reader) in ["alice", "bob"].into_iter().zip(readers) {
        let whole = statement(&store, name, Span::ALL, usize::MAX).await;
        assert_eq!(reader.await.unwrap(), whole.entries, "{name}");
        assert!(whole.entries.len() > 20, "{name}: few postings show little");
        assert_eq!(store.balance(&payer(name), currency("EUR")).await, Ok(whole.closing));
    }
}

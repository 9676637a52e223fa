//! Group commit: one thread writes, and what waits for it shares one transaction and one sync.

use std::{
    io,
    iter::repeat,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use countersign_domain::record::{Batch, StoreError};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::{
    apply::{apply, forget},
    chain::{Chain, End},
    error::unavailable,
    log::Log,
    queue::{Outcome, Queue, Waiting, answer, queue},
    threads::Thread,
};

/// After a group with a batch that could not be applied, so many are made with savepoints from the start: whoever makes one
/// batch that is refused makes more, and each would have its whole group made twice.
const WARY_FOR: u32 = 32;

/// The one that writes. Dropping it waits until what is queued is written.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Queue,
    commits: Arc<AtomicU64>,
    _thread: Thread,
}

impl Writer {
    pub(crate) fn start(
        mut connection: Connection,
        chain: Chain,
        mut log: Log,
    ) -> io::Result<Self> {
        let (queue, mut groups) = queue();
        let commits = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&commits);
        let thread = Thread::spawn("store-writer", move || {
            let mut wary = 0;
            while let Some(group) = groups.next_blocking() {
                if let Err(full) = log.has_room(&connection) {
                    answer(group, repeat(Err(full)));
                    continue;
                }
                let removed = group.iter().any(|waiting| waiting.batch.removes());
                commit_and_answer(&mut connection, &chain, &mut wary, group, &counted);
                log.keep_short(removed, groups.is_under_load(), &connection);
            }
        })?;
        Ok(Self { queue, commits, _thread: thread })
    }

    /// Once the batch is in the queue it is written, even if nobody waits for the answer any more.
    pub(crate) async fn commit(&self, batch: Batch) -> Outcome {
        self.queue.commit(batch).await
    }

    /// How many transactions were committed.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

fn commit_and_answer(
    connection: &mut Connection,
    chain: &Chain,
    wary: &mut u32,
    group: Vec<Waiting>,
    commits: &AtomicU64,
) {
    let batches = group.iter().map(|waiting| &waiting.batch);
    let outcomes = commit_group(connection, chain, wary, batches);
    match &outcomes {
        Ok(_) => drop(commits.fetch_add(1, Ordering::Relaxed)),
        Err(failure) => {
            tracing::error!(%failure, batches = group.len(), "commit group failed; no batch was written")
        }
    }
    let outcomes = outcomes.unwrap_or_else(|failure| vec![Err(failure); group.len()]);
    answer(group, outcomes);
}

/// Commits every batch that can be applied, all with one sync, and tells what became of each.
///
/// Hardly a group has a batch that cannot be applied, and savepoints cost a tenth of all that is done for a group. So it is
/// made without any at first, and anew with one for each batch where that does not end well; then the next groups, `wary` of them,
/// have them at once.
fn commit_group<'a>(
    connection: &mut Connection,
    chain: &Chain,
    wary: &mut u32,
    batches: impl Iterator<Item = &'a Batch> + Clone,
) -> Result<Vec<Outcome>, StoreError> {
    if *wary > 0 {
        *wary -= 1;
    } else if commit_all(connection, chain, batches.clone())? {
        return Ok(batches.map(|_| Ok(())).collect());
    } else {
        *wary = WARY_FOR;
    }
    commit_each(connection, chain, batches)
}

/// Commits all of the batches, or nothing of any and gives false: what cannot be applied is still half there, and leaves with
/// the transaction.
fn commit_all<'a>(
    connection: &mut Connection,
    chain: &Chain,
    batches: impl Iterator<Item = &'a Batch> + Clone,
) -> Result<bool, StoreError> {
    let (transaction, before) = begin(connection, chain, batches.clone())?;
    let mut end = before;
    for batch in batches {
        end = match apply(&transaction, batch, end) {
            Ok(after) => after,
            Err(failure @ StoreError::Unavailable { .. }) => return Err(failure),
            Err(_) => return transaction.rollback().map(|()| false).map_err(unavailable),
        };
    }
    commit(transaction, chain, before, end).map(|()| true)
}

/// Commits each batch that can be applied: one that cannot is rolled back alone.
///
/// When SQLite fails, nothing of any batch is applied: it may have given up the whole transaction by itself, and a conflict
/// found in it may have been with what is now gone.
fn commit_each<'a>(
    connection: &mut Connection,
    chain: &Chain,
    batches: impl Iterator<Item = &'a Batch> + Clone,
) -> Result<Vec<Outcome>, StoreError> {
    let (mut transaction, before) = begin(connection, chain, batches.clone())?;
    let (mut end, mut outcomes) = (before, Vec::new());
    for batch in batches {
        let savepoint = transaction.savepoint().map_err(unavailable)?;
        let outcome = apply(&savepoint, batch, end);
        match &outcome {
            Ok(after) => {
                end = *after;
                savepoint.commit()
            }
            Err(failure @ StoreError::Unavailable { .. }) => return Err(failure.clone()),
            Err(_) => savepoint.finish(), // rolls back
        }
        .map_err(unavailable)?;
        outcomes.push(outcome.map(drop));
    }
    commit(transaction, chain, before, end).map(|()| outcomes)
}

/// Begins the transaction of a group; gives the end of the chain of facts before it.
fn begin<'a, 'c>(
    connection: &'c mut Connection,
    chain: &Chain,
    batches: impl Iterator<Item = &'a Batch> + Clone,
) -> Result<(Transaction<'c>, End), StoreError> {
    // The write lock from the start: versions are compared with what no other process can change before the commit.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(unavailable)?;
    let has_facts = batches.clone().any(|batch| !batch.facts.is_empty());
    forget(&transaction, batches)?;
    let end = if has_facts { chain.end(&transaction)? } else { End::START };
    Ok((transaction, end))
}

fn commit(
    transaction: Transaction<'_>,
    chain: &Chain,
    before: End,
    end: End,
) -> Result<(), StoreError> {
    if end != before {
        chain.put(&transaction, end)?;
    }
    transaction.commit().map_err(unavailable)
}

#[cfg(test)]
mod tests {
    use countersign_domain::{
        amount::Amount,
        record::{Record, RecordKey, Version},
        register::{Account, Posting},
        time::Timestamp,
    };

    use super::*;
    use crate::{query, schema};

    fn note(id: &str) -> Record {
        let key = RecordKey { collection: "note", id: id.to_owned() };
        Record { key, version: Version::FIRST, due_at: None, final_at: None, body: "{}".to_owned() }
    }

    fn inserts<const N: usize>(records: [Record; N]) -> Batch {
        Batch { inserts: records.into(), ..Batch::default() }
    }

    fn fresh() -> (Connection, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (schema::open_writer(&folder.path().join("store.db")).unwrap(), folder)
    }

    fn exists(connection: &Connection, id: &str) -> bool {
        query::load(connection, &note(id).key).unwrap().is_some()
    }

    #[test]
    fn a_batch_that_conflicts_is_rolled_back_alone() {
        let (mut connection, _folder) = fresh();
        let group = [inserts([note("a")]), inserts([note("b"), note("a")]), inserts([note("c")])];
        let outcomes =
            commit_group(&mut connection, &Chain::unsealed(), &mut 0, group.iter()).unwrap();
        let conflict = Err(StoreError::Conflict { key: "note a".to_owned() });
        assert_eq!(outcomes, [Ok(()), conflict, Ok(())]);
        assert_eq!(["a", "b", "c"].map(|id| exists(&connection, id)), [true, false, true]);
    }

    #[test]
    fn after_a_refusal_the_next_groups_are_made_with_savepoints_at_once_and_all_end_as_before() {
        let (mut connection, _folder) = fresh();
        let (mut wary, chain) = (0, Chain::unsealed());
        let mut commit = |group: &[Batch]| {
            (commit_group(&mut connection, &chain, &mut wary, group.iter()).unwrap(), wary)
        };
        assert_eq!(commit(&[inserts([note("a")])]), (vec![Ok(())], 0));
        let conflict = || Err(StoreError::Conflict { key: "note a".to_owned() });
        let refused = [inserts([note("a")]), inserts([note("b")])];
        assert_eq!(commit(&refused), (vec![conflict(), Ok(())], WARY_FOR));
        for left in (0..WARY_FOR).rev() {
            let group = [inserts([note(&left.to_string())]), inserts([note("a")])];
            assert_eq!(commit(&group), (vec![Ok(()), conflict()], left));
        }
        assert_eq!(commit(&[inserts([note("c")])]), (vec![Ok(())], 0));
        assert_eq!(commit(&[inserts([note("a")])]), (vec![conflict()], WARY_FOR));
    }

    #[test]
    fn a_number_that_sqlite_cannot_hold_is_refused_alone() {
        let (mut connection, _folder) = fresh();
        let late = Record { due_at: Some(Timestamp::from_unix_millis(u64::MAX)), ..note("late") };
        let group = [inserts([note("a"), late]), inserts([note("b")])];
        let outcomes =
            commit_group(&mut connection, &Chain::unsealed(), &mut 0, group.iter()).unwrap();
        let cause = "due_at 18446744073709551615 is above 9223372036854775807".to_owned();
        assert_eq!(
            outcomes,
            [Err(StoreError::Corrupt { key: "note late".to_owned(), cause }), Ok(())]
        );
        assert_eq!(["a", "b"].map(|id| exists(&connection, id)), [false, true]);
    }

    #[test]
    fn a_batch_sees_the_earlier_ones_of_its_group() {
        let (mut connection, _folder) = fresh();
        let replacement = Record { version: Version(2), ..note("a") };
        let replace = Batch { replacements: vec![replacement], ..Batch::default() };
        let group = [inserts([note("a")]), replace.clone(), replace];
        let outcomes =
            commit_group(&mut connection, &Chain::unsealed(), &mut 0, group.iter()).unwrap();
        assert_eq!(
            outcomes,
            [Ok(()), Ok(()), Err(StoreError::Conflict { key: "note a".to_owned() })]
        );
    }

    #[tokio::test]
    async fn a_batch_that_overdraws_does_not_hurt_its_neighbours() {
        let (mut connection, _folder) = fresh();
        let account = |name: &str| Account::try_from(format!("wallet:{name}")).unwrap();
        let eur = "EUR".try_into().unwrap();
        let spend = |id: &str, amount_minor| {
            let amount = Amount::new(amount_minor, eur).unwrap();
            let at = Timestamp::from_unix_millis(1);
            let posting = Posting::new(id, account("alice"), account("bob"), amount, at);
            Batch { postings: vec![posting.not_below(-100)], ..inserts([note(id)]) }
        };
        let group = [spend("a", 60), inserts([note("b")]), spend("c", 41), spend("d", 40)];
        let (group, answers): (Vec<_>, Vec<_>) = group.into_iter().map(Waiting::of).unzip();
        let commits = AtomicU64::new(0);
        commit_and_answer(&mut connection, &Chain::unsealed(), &mut 0, group, &commits);

        let mut outcomes = Vec::new();
        for answer in answers {
            outcomes.push(answer.await.unwrap());
        }
        let overdrawn = Err(StoreError::Overdrawn { account: account("alice") });
        assert_eq!(outcomes, [Ok(()), Ok(()), overdrawn, Ok(())]);
        let there = ["a", "b", "c", "d"].map(|id| exists(&connection, id));
        assert_eq!(there, [true, true, false, true]);
        let balance =
            query::last_entry(&connection, &account("alice"), eur, i64::MAX).unwrap().balance;
        assert_eq!((balance.debit_minor, commits.into_inner()), (100, 1));
    }

    #[tokio::test]
    async fn when_the_disk_is_full_nothing_of_the_group_is_made_and_the_next_one_is() {
        let (connection, folder) = fresh();
        let pages: i64 =
            connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        connection.pragma_update_and_check(None, "max_page_count", pages + 20, |_| Ok(())).unwrap();
        let large = Record { body: "x".repeat(1_000_000), ..note("large") };
        let group = [inserts([note("a")]), inserts([large])].into_iter().map(Waiting::of);
        let (group, answers): (Vec<_>, Vec<_>) = group.unzip();
        let (mut connection, commits) = (connection, AtomicU64::new(0));
        commit_and_answer(&mut connection, &Chain::unsealed(), &mut 0, group, &commits);

        let full = Err(StoreError::Unavailable { cause: "database or disk is full".to_owned() });
        for answer in answers {
            assert_eq!(answer.await.unwrap(), full);
        }
        assert_eq!(["a", "large"].map(|id| exists(&connection, id)), [false, false]);
        assert_eq!(commits.into_inner(), 0);

        let log = Log::of(&connection);
        let writer = Writer::start(connection, Chain::unsealed(), log).unwrap();
        assert_eq!(writer.commit(inserts([note("a")])).await, Ok(()));
        assert_eq!(writer.commits(), 1);
        drop(writer);
        let reader = schema::open_reader(&folder.path().join("store.db")).unwrap();
        assert!(exists(&reader, "a"));
    }
}

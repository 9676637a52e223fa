//! What one batch changes.

use std::{collections::HashSet, fmt};

use countersign_domain::{
    event::Fact,
    record::{Batch, Count, Record, RecordKey, Removal, StoreError, Sweep, Version},
    register::{Account, Balance, Posting},
};
use rusqlite::{Connection, OptionalExtension, ToSql};

use crate::{
    chain::End,
    error::{corrupt, corrupt_json, unavailable},
    query,
    stored::{Counter, Over, integer},
};

const INSERT: &str = "
    INSERT INTO records (collection, id, version, due_at, final_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
pub(crate) const REPLACE: &str = "
    UPDATE records SET version = ?3, due_at = ?4, final_at = ?5, body = ?6
    WHERE collection = ?1 AND id = ?2 AND version = ?3 - 1";
pub(crate) const REMOVE: &str = "
    DELETE FROM records WHERE collection = ?1 AND id = ?2 AND version = ?3";
pub(crate) const SWEEP: &str = "
    DELETE FROM records WHERE rowid IN (
        SELECT rowid FROM records WHERE collection = ?1 AND final_at >= ?2 AND final_at <= ?3 ORDER BY final_at LIMIT ?4)";
const APPEND: &str = "
    INSERT INTO facts (sequence, collection, id, at, body, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const POST: &str = "
    INSERT INTO postings (id, debit, credit, currency, amount_minor, floor_minor, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT DO NOTHING RETURNING sequence";
pub(crate) const COUNTED: &str = "
    SELECT until, windows FROM counters WHERE subject = ?1";
const COUNT: &str = "
    INSERT INTO counters (subject, until, windows) VALUES (?1, ?2, ?3)
    ON CONFLICT (subject) DO UPDATE SET until = excluded.until, windows = excluded.windows";
/// Where the end of the last window is what it was: the index of it is not touched.
pub(crate) const COUNT_ON: &str = "
    UPDATE counters SET windows = ?2 WHERE subject = ?1";
pub(crate) const FORGET: &str = "
    DELETE FROM counters WHERE subject IN (SELECT subject FROM counters WHERE until <= ?1 ORDER BY until LIMIT ?2)";
const ENTER: &str = "
    INSERT INTO entries (account, currency, sequence, debit_minor, credit_minor, latest_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Applies the batch, or part of it when it fails: the caller then rolls back. Gives the end of the chain of facts after it.
///
/// A batch names each record and each posting once: a second naming conflicts with the first.
pub(crate) fn apply(
    connection: &Connection,
    batch: &Batch,
    mut end: End,
) -> Result<End, StoreError> {
    let mut named = HashSet::new();
    for record in &batch.inserts {
        let inserted =
            named.insert(&record.key) && write(connection, INSERT, record, Version::FIRST)?;
        or_conflict(inserted, &record.key)?;
    }
    for record in &batch.replacements {
        let replaced =
            named.insert(&record.key) && write(connection, REPLACE, record, record.version)?;
        or_conflict(replaced, &record.key)?;
    }
    for Removal { key, version } in &batch.removals {
        let version = integer(version.0, key, "version")?;
        let removed = named.insert(key)
            && execute(connection, REMOVE, &[&key.collection, &key.id, &version])?;
        or_conflict(removed, key)?;
    }
    if let Some(Sweep { collection, from, to, at_most }) = &batch.sweep {
        let [from, to] = [*from, *to].map(query::time);
        let at_most = i64::try_from(*at_most).unwrap_or(i64::MAX);
        execute(connection, SWEEP, &[collection, &from, &to, &at_most])?;
    }
    for (about, fact) in &batch.facts {
        end = append(connection, about, fact, end)?;
    }
    for posting in &batch.postings {
        post(connection, posting)?;
    }
    for one in &batch.counts {
        count(connection, one)?;
    }
    Ok(end)
}

/// Deletes what those batches find to be over, if they count anything.
pub(crate) fn forget<'a>(
    connection: &Connection,
    batches: impl Iterator<Item = &'a Batch>,
) -> Result<(), StoreError> {
    let counts = batches.flat_map(|batch| &batch.counts);
    let Some(over) = Over::of(counts) else { return Ok(()) };
    execute(connection, FORGET, &[&over.by, &over.at_most]).map(drop)
}

fn or_conflict(done: bool, key: impl fmt::Display) -> Result<(), StoreError> {
    if done { Ok(()) } else { Err(StoreError::Conflict { key: key.to_string() }) }
}

/// False when a record to insert exists, or a record to replace does not or has another version.
fn write(
    connection: &Connection,
    statement: &str,
    record: &Record,
    version: Version,
) -> Result<bool, StoreError> {
    let Record { key, due_at, final_at, body, .. } = record;
    let version = integer(version.0, key, "version")?;
    let due_at = due_at.map(|at| integer(at.unix_millis(), key, "due_at")).transpose()?;
    let final_at = final_at.map(|at| integer(at.unix_millis(), key, "final_at")).transpose()?;
    let values: [&dyn ToSql; 6] = [&key.collection, &key.id, &version, &due_at, &final_at, body];
    execute(connection, statement, &values)
}

fn append(
    connection: &Connection,
    about: &RecordKey,
    fact: &Fact,
    end: End,
) -> Result<End, StoreError> {
    let at = integer(fact.at.unix_millis(), about, "at")?;
    let body = serde_json::to_string(fact).map_err(|error| corrupt_json(about, &error))?;
    let end = end.then(about.collection.as_bytes(), about.id.as_bytes(), at, body.as_bytes());
    let (sequence, digest) = (end.sequence, end.digest.as_slice());
    let values: [&dyn ToSql; 6] = [&sequence, &about.collection, &about.id, &at, &body, &digest];
    execute(connection, APPEND, &values).map(|_| end)
}

fn post(connection: &Connection, posting: &Posting) -> Result<(), StoreError> {
    let Posting { id, debit, credit, amount, floor_minor, at } = posting;
    let at = integer(at.unix_millis(), id, "at")?;
    let amount_minor = integer(amount.amount_minor(), id, "amount_minor")?;
    let (debited, credited, currency) = (debit.as_str(), credit.as_str(), amount.currency().code());
    let values: [&dyn ToSql; 7] =
        [id, &debited, &credited, &currency, &amount_minor, floor_minor, &at];
    let sequence: Option<i64> = connection
        .prepare_cached(POST)
        .and_then(|mut post| post.query_row(values, |row| row.get(0)).optional())
        .map_err(unavailable)?;
    let sequence = sequence.ok_or_else(|| StoreError::Conflict { key: id.clone() })?;
    let balance = enter(connection, posting, sequence, debit)?;
    if floor_minor.is_some_and(|floor| balance.net_minor() < i128::from(floor)) {
        return Err(StoreError::Overdrawn { account: debit.clone() });
    }
    if credit != debit {
        enter(connection, posting, sequence, credit)?;
    }
    Ok(())
}

fn count(connection: &Connection, one: &Count) -> Result<(), StoreError> {
    let subject = &one.subject;
    let found: Option<(i64, String)> = connection
        .prepare_cached(COUNTED)
        .and_then(|mut counted| {
            counted.query_row([subject], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .map_err(unavailable)?;
    let (until, windows) = found.as_ref().map(|(until, text)| (*until, text.as_str())).unzip();
    let Some(counter) = Counter::of(windows, one)? else { return Ok(()) };
    if until == Some(counter.until) {
        return execute(connection, COUNT_ON, &[subject, &counter.windows]).map(drop);
    }
    execute(connection, COUNT, &[subject, &counter.until, &counter.windows]).map(drop)
}

/// Enters a posting in one of its accounts, whose balance it gives.
fn enter(
    connection: &Connection,
    posting: &Posting,
    sequence: i64,
    account: &Account,
) -> Result<Balance, StoreError> {
    let currency = posting.amount.currency();
    let before = query::last_entry(connection, account, currency, i64::MAX)?;
    let balance = before
        .balance
        .after(posting, account)
        .ok_or_else(|| corrupt(account, "a sum of its postings is too large"))?;
    let debit_minor = integer(balance.debit_minor, account, "debit_minor")?;
    let credit_minor = integer(balance.credit_minor, account, "credit_minor")?;
    let latest_at = integer(before.latest_at.max(posting.at).unix_millis(), account, "at")?;
    let values: [&dyn ToSql; 6] =
        [&account.as_str(), &currency.code(), &sequence, &debit_minor, &credit_minor, &latest_at];
    execute(connection, ENTER, &values)?;
    Ok(balance)
}

/// Whether the statement changed a row.
fn execute(
    connection: &Connection,
    statement: &str,
    values: &[&dyn ToSql],
) -> Result<bool, StoreError> {
    let changed =
        connection.prepare_cached(statement).and_then(|mut statement| statement.execute(values));
    changed.map(|rows| rows > 0).map_err(unavailable)
}

#[cfg(test)]
mod tests {
    use countersign_domain::{amount::Amount, time::Timestamp};
    use rusqlite::StatementStatus;

    use super::*;
    use crate::schema;

    fn payment(number: u64) -> Posting {
        let account = |name: String| Account::try_from(name).unwrap();
        let amount = Amount::new(1, "EUR".try_into().unwrap()).unwrap();
        // Ten wallets pay one merchant, so that the books of each grow.
        let (wallet, merchant) = (format!("wallet:{}", number % 10), "shop:hot".to_owned());
        let at = Timestamp::from_unix_millis(number);
        let posting =
            Posting::new(number.to_string(), account(wallet), account(merchant), amount, at);
        posting.not_below(-1_000_000)
    }

    /// The steps that SQLite makes for one payment, in each statement.
    fn steps(connection: &Connection, number: u64) -> [i32; 3] {
        let statements = [query::LAST_ENTRY, POST, ENTER];
        for statement in statements {
            connection.prepare_cached(statement).unwrap().reset_status(StatementStatus::VmStep);
        }
        post(connection, &payment(number)).unwrap();
        statements.map(|statement| {
            connection.prepare_cached(statement).unwrap().get_status(StatementStatus::VmStep)
        })
    }

    #[test]
    fn a_payment_takes_as_many_steps_in_large_books_as_in_small_ones() {
        let folder = tempfile::tempdir().unwrap();
        let connection = schema::open_writer(&folder.path().join("store.db")).unwrap();
        let fill = |from: u64, to: u64| {
            connection.execute_batch("BEGIN").unwrap();
            (from..to).for_each(|number| post(&connection, &payment(number)).unwrap());
            connection.execute_batch("COMMIT").unwrap();
        };
        fill(0, 100);
        let small = steps(&connection, 100);
        fill(101, 20_000);
        assert_eq!(steps(&connection, 20_000), small);
        assert!(small.iter().all(|steps| *steps > 0), "{small:?}");
    }
}

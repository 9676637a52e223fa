//! What can be asked.

use std::ops::Range;

use countersign_domain::{
    amount::Currency,
    event::Fact,
    record::{Record, RecordKey, StoreError},
    register::{Account, Cut, Span, Statement},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row, ToSql};

use crate::{
    error::{corrupt_json, unavailable},
    stored::{self, Last, StoredEntry, StoredRecord, natural},
};

const LOAD: &str = "
    SELECT id, version, due_at, final_at, body FROM records WHERE collection = ?1 AND id = ?2";
const DUE: &str = "
    SELECT id, version, due_at, final_at, body FROM records WHERE collection = ?1 AND due_at <= ?2 ORDER BY due_at LIMIT ?3";
const FINAL: &str = "
    SELECT final_at FROM records WHERE collection = ?1 AND final_at >= ?2 AND final_at < ?3 ORDER BY final_at LIMIT ?4";
const PAGE: &str = "
    SELECT id, version, due_at, final_at, body FROM records WHERE collection = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
const COUNT_DUE: &str = "
    SELECT count(*) FROM records WHERE collection = ?1 AND due_at <= ?2";
const FACTS: &str = "
    SELECT body FROM facts WHERE collection = ?1 AND id = ?2 ORDER BY sequence";
pub(crate) const LAST_ENTRY: &str = "
    SELECT sequence, debit_minor, credit_minor, latest_at FROM entries
    WHERE account = ?1 AND currency = ?2 AND sequence <= ?3 ORDER BY sequence DESC LIMIT 1";
const STATEMENT: &str = "
    SELECT sequence, id, debit, credit, amount_minor, floor_minor, at, debit_minor, credit_minor
    FROM entries JOIN postings USING (sequence)
    WHERE account = ?1 AND entries.currency = ?2 AND sequence > ?3 AND sequence <= ?4 ORDER BY sequence LIMIT ?5";

pub(crate) fn load(connection: &Connection, key: &RecordKey) -> Result<Option<Record>, StoreError> {
    let row = connection.prepare_cached(LOAD).and_then(|mut statement| {
        statement.query_row((key.collection, &key.id), record).optional()
    });
    row.map_err(unavailable)?.map(|stored| stored.read(key.collection)).transpose()
}

pub(crate) fn due(
    connection: &Connection,
    collection: &'static str,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let now = time(now);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let stored = rows(connection, DUE, &[&collection, &now, &limit], record)?;
    stored.into_iter().map(|stored| stored.read(collection)).collect()
}

pub(crate) fn page(
    connection: &Connection,
    collection: &'static str,
    after: &str,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let stored = rows(connection, PAGE, &[&collection, &after, &limit], record)?;
    stored.into_iter().map(|stored| stored.read(collection)).collect()
}

pub(crate) fn final_between(
    connection: &Connection,
    collection: &'static str,
    span: Range<Timestamp>,
    limit: usize,
) -> Result<Vec<Timestamp>, StoreError> {
    let [from, before] = [span.start, span.end].map(time);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values: [&dyn ToSql; 4] = [&collection, &from, &before, &limit];
    let found: Vec<i64> = rows(connection, FINAL, &values, |row| row.get(0))?;
    let read = |at| natural(at, collection, "final_at").map(Timestamp::from_unix_millis);
    found.into_iter().map(read).collect()
}

/// No stored time is above the largest integer of SQLite.
pub(crate) fn time(at: Timestamp) -> i64 {
    i64::try_from(at.unix_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn count_due(
    connection: &Connection,
    collection: &'static str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let now = time(now);
    let count = connection
        .prepare_cached(COUNT_DUE)
        .and_then(|mut statement| statement.query_row((collection, now), |row| row.get(0)));
    natural(count.map_err(unavailable)?, collection, "count")
}

pub(crate) fn facts(connection: &Connection, about: &RecordKey) -> Result<Vec<Fact>, StoreError> {
    let bodies: Vec<String> =
        rows(connection, FACTS, &[&about.collection, &about.id], |row| row.get(0))?;
    let read =
        |body: String| serde_json::from_str(&body).map_err(|error| corrupt_json(about, &error));
    bodies.into_iter().map(read).collect()
}

/// The account's last entry at `sequence` or before it.
pub(crate) fn last_entry(
    connection: &Connection,
    account: &Account,
    currency: Currency,
    sequence: i64,
) -> Result<Last, StoreError> {
    let found = connection.prepare_cached(LAST_ENTRY).and_then(|mut statement| {
        let values = (account.as_str(), currency.code(), sequence);
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        statement.query_row(values, read).optional()
    });
    Last::read(found.map_err(unavailable)?, account)
}

pub(crate) fn statement(
    connection: &Connection,
    account: &Account,
    currency: Currency,
    span: Span,
    limit: usize,
) -> Result<Statement, StoreError> {
    // One snapshot for all that is asked.
    let snapshot = connection.unchecked_transaction().map_err(unavailable)?;
    let opens = last_before(&snapshot, account, currency, span.opens)?;
    let closes = last_before(&snapshot, account, currency, span.closes)?;
    let (name, code) = (account.as_str(), currency.code());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values: [&dyn ToSql; 5] = [&name, &code, &opens.sequence, &closes.sequence, &limit];
    let stored = rows(&snapshot, STATEMENT, &values, entry)?;
    stored::statement(opens, closes, stored, currency)
}

/// The account's last entry before the cut. By time it is found by halving: an index would cost every posting two more
/// places in the file, and this costs one statement by time some twenty reads.
fn last_before(
    connection: &Connection,
    account: &Account,
    currency: Currency,
    cut: Cut,
) -> Result<Last, StoreError> {
    let last_at = |sequence| last_entry(connection, account, currency, sequence);
    let time = match cut {
        Cut::After(position) => return last_at(i64::try_from(position.0).unwrap_or(i64::MAX)),
        Cut::Before(time) => time,
    };
    let last = last_at(i64::MAX)?;
    if last.latest_at < time {
        return Ok(last);
    }
    // What is sought is at `low` or behind it, and not behind `high`.
    let (mut found, mut low, mut high) = (Last::NONE, 0, last.sequence.saturating_sub(1));
    while low < high {
        let middle = high.saturating_sub(high.saturating_sub(low) / 2);
        let entry = last_at(middle)?;
        if entry.sequence == 0 || entry.latest_at < time {
            (found, low) = (entry, middle);
        } else {
            high = entry.sequence.saturating_sub(1);
        }
    }
    Ok(found)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<StoredEntry> {
    Ok(StoredEntry {
        sequence: row.get(0)?,
        id: row.get(1)?,
        debit: row.get(2)?,
        credit: row.get(3)?,
        amount_minor: row.get(4)?,
        floor_minor: row.get(5)?,
        at: row.get(6)?,
        balance: (row.get(7)?, row.get(8)?),
    })
}

fn record(row: &Row<'_>) -> rusqlite::Result<StoredRecord> {
    Ok(StoredRecord {
        id: row.get(0)?,
        version: row.get(1)?,
        due_at: row.get(2)?,
        final_at: row.get(3)?,
        body: row.get(4)?,
    })
}

fn rows<T>(
    connection: &Connection,
    statement: &str,
    values: &[&dyn ToSql],
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    connection
        .prepare_cached(statement)
        .and_then(|mut statement| statement.query_map(values, read)?.collect())
        .map_err(unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        apply::{COUNT_ON, COUNTED, FORGET, REMOVE, REPLACE, SWEEP},
        chain, schema,
    };

    #[test]
    fn no_query_reads_a_whole_table_or_sorts() {
        let folder = tempfile::tempdir().unwrap();
        let connection = schema::open_writer(&folder.path().join("store.db")).unwrap();
        for (query, indexes) in [
            (LOAD, vec!["sqlite_autoindex_records_1"]),
            (DUE, vec!["records_due"]),
            (FINAL, vec!["COVERING INDEX records_final"]),
            (SWEEP, vec!["COVERING INDEX records_final", "records USING INTEGER PRIMARY KEY"]),
            (PAGE, vec!["sqlite_autoindex_records_1"]),
            (COUNT_DUE, vec!["records_due"]),
            (FACTS, vec!["facts_about"]),
            (LAST_ENTRY, vec!["entries USING PRIMARY KEY"]),
            (STATEMENT, vec!["entries USING PRIMARY KEY", "postings USING INTEGER PRIMARY KEY"]),
            (REPLACE, vec!["sqlite_autoindex_records_1"]),
            (REMOVE, vec!["sqlite_autoindex_records_1"]),
            (COUNTED, vec!["counters USING"]),
            (COUNT_ON, vec!["counters USING"]),
            (FORGET, vec!["COVERING INDEX counters_until", "counters USING"]),
            (chain::READ, vec!["chain USING INTEGER PRIMARY KEY"]),
            (chain::PUT, vec!["chain USING INTEGER PRIMARY KEY"]),
            // The end of an index, of which one row is read.
            (chain::LAST, vec!["SEARCH facts"]),
        ] {
            let values = vec![""; connection.prepare(query).unwrap().parameter_count()];
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
            let steps = plan.query_map(rusqlite::params_from_iter(values), |row| {
                row.get::<_, String>("detail")
            });
            let steps = steps.unwrap().collect::<Result<Vec<_>, _>>().unwrap().join("; ");
            assert!(indexes.iter().all(|index| steps.contains(index)), "{steps}");
            assert!(!steps.contains("SCAN") && !steps.contains("TEMP B-TREE"), "{steps}");
        }
    }
}

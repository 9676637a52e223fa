//! What can be asked.

use countersign_domain::{
    amount::Currency,
    event::Fact,
    record::{Record, RecordKey, StoreError, Version},
    register::{Account, Balance},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Row, ToSql};

use crate::error::{corrupt, corrupt_json, unavailable};

const LOAD: &str = "
    SELECT id, version, due_at, body FROM records WHERE collection = ?1 AND id = ?2";
const DUE: &str = "
    SELECT id, version, due_at, body FROM records WHERE collection = ?1 AND due_at <= ?2 ORDER BY due_at LIMIT ?3";
const COUNT_DUE: &str = "
    SELECT count(*) FROM records WHERE collection = ?1 AND due_at <= ?2";
const FACTS: &str = "
    SELECT body FROM facts WHERE collection = ?1 AND id = ?2 ORDER BY sequence";
const BALANCE: &str = "
    SELECT (SELECT coalesce(sum(amount_minor), 0) FROM postings WHERE debit = ?1 AND currency = ?2),
           (SELECT coalesce(sum(amount_minor), 0) FROM postings WHERE credit = ?1 AND currency = ?2)";

pub(crate) fn load(connection: &Connection, key: &RecordKey) -> Result<Option<Record>, StoreError> {
    let row = connection.prepare_cached(LOAD).and_then(|mut statement| {
        statement.query_row((key.collection, &key.id), StoredRecord::from_row).optional()
    });
    row.map_err(unavailable)?.map(|stored| stored.read(key.collection)).transpose()
}

pub(crate) fn due(
    connection: &Connection,
    collection: &'static str,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    // No stored time and no number of rows is above the largest integer of SQLite.
    let now = i64::try_from(now.unix_millis()).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let stored = rows(connection, DUE, &[&collection, &now, &limit], StoredRecord::from_row)?;
    stored.into_iter().map(|stored| stored.read(collection)).collect()
}

pub(crate) fn count_due(
    connection: &Connection,
    collection: &'static str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let now = i64::try_from(now.unix_millis()).unwrap_or(i64::MAX);
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

pub(crate) fn balance(
    connection: &Connection,
    account: &Account,
    currency: Currency,
) -> Result<Balance, StoreError> {
    let sums = connection.prepare_cached(BALANCE).and_then(|mut statement| {
        statement
            .query_row((account.to_string(), currency.code()), |row| Ok((row.get(0)?, row.get(1)?)))
    });
    let (debit, credit) = sums.map_err(unavailable)?;
    Ok(Balance {
        debit_minor: natural(debit, account, "debit")?,
        credit_minor: natural(credit, account, "credit")?,
    })
}

/// A row of the records, with SQLite's integers.
struct StoredRecord {
    id: String,
    version: i64,
    due_at: Option<i64>,
    body: String,
}

impl StoredRecord {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, version: row.get(1)?, due_at: row.get(2)?, body: row.get(3)? })
    }

    fn read(self, collection: &'static str) -> Result<Record, StoreError> {
        let key = RecordKey { collection, id: self.id };
        let version = Version(natural(self.version, &key, "version")?);
        let due_at = self.due_at.map(|at| natural(at, &key, "due_at")).transpose()?;
        Ok(Record {
            version,
            due_at: due_at.map(Timestamp::from_unix_millis),
            body: self.body,
            key,
        })
    }
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

/// SQLite's integers are signed; ours are not.
fn natural(value: i64, key: impl std::fmt::Display, name: &str) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| corrupt(key, format!("{name} {value} is below 0")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn no_query_reads_a_whole_table_or_sorts() {
        let folder = tempfile::tempdir().unwrap();
        let connection = schema::open_writer(&folder.path().join("store.db")).unwrap();
        for (query, indexes) in [
            (LOAD, vec!["sqlite_autoindex_records_1"]),
            (DUE, vec!["records_due"]),
            (COUNT_DUE, vec!["records_due"]),
            (FACTS, vec!["facts_about"]),
            (BALANCE, vec!["postings_debit", "postings_credit"]),
        ] {
            let values = vec![""; connection.prepare(query).unwrap().parameter_count()];
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
            let steps = plan.query_map(rusqlite::params_from_iter(values), |row| {
                row.get::<_, String>("detail")
            });
            let steps = steps.unwrap().collect::<Result<Vec<_>, _>>().unwrap().join("; ");
            assert!(indexes.iter().all(|index| steps.contains(index)), "{steps}");
            assert!(!steps.contains("SCAN postings") && !steps.contains("TEMP B-TREE"), "{steps}");
        }
    }
}

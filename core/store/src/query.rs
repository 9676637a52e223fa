//! What can be asked.

use countersign_domain::{
    amount::{Amount, Currency},
    event::Fact,
    record::{Record, RecordKey, StoreError, Version},
    register::{Account, Balance, Entry, Position, Posting},
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
const KEPT: &str = "
    SELECT debit_minor, credit_minor FROM balances WHERE account = ?1 AND currency = ?2";
const STATEMENT: &str = "
    SELECT sequence, id, debit, credit, amount_minor, floor_minor, at FROM postings
    WHERE debit = ?1 AND currency = ?2 AND sequence > ?3
    UNION ALL
    SELECT sequence, id, debit, credit, amount_minor, floor_minor, at FROM postings
    WHERE credit = ?1 AND currency = ?2 AND sequence > ?3 AND debit <> ?1
    ORDER BY sequence LIMIT ?4";

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

/// What is kept, or else the sum of the postings.
pub(crate) fn balance(
    connection: &Connection,
    account: &Account,
    currency: Currency,
) -> Result<Balance, StoreError> {
    if let Some(kept) = kept_balance(connection, account, currency)? {
        return Ok(kept);
    }
    let sums = sides(connection, BALANCE, account, currency).map_err(|error| match error {
        rusqlite::Error::SqliteFailure(_, Some(told)) if told == "integer overflow" => {
            corrupt(account, "a sum of its postings is too large")
        }
        error => unavailable(error),
    })?;
    read_sides(sums.unwrap_or_default(), account)
}

pub(crate) fn kept_balance(
    connection: &Connection,
    account: &Account,
    currency: Currency,
) -> Result<Option<Balance>, StoreError> {
    let kept = sides(connection, KEPT, account, currency).map_err(unavailable)?;
    kept.map(|sums| read_sides(sums, account)).transpose()
}

fn sides(
    connection: &Connection,
    query: &str,
    account: &Account,
    currency: Currency,
) -> rusqlite::Result<Option<(i64, i64)>> {
    connection
        .prepare_cached(query)?
        .query_row((account.as_str(), currency.code()), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn read_sides((debit, credit): (i64, i64), account: &Account) -> Result<Balance, StoreError> {
    Ok(Balance {
        debit_minor: natural(debit, account, "debit")?,
        credit_minor: natural(credit, account, "credit")?,
    })
}

pub(crate) fn statement(
    connection: &Connection,
    account: &Account,
    currency: Currency,
    after: Position,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let name = account.as_str();
    let after = i64::try_from(after.0).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let stored = rows(
        connection,
        STATEMENT,
        &[&name, &currency.code(), &after, &limit],
        StoredPosting::from_row,
    )?;
    stored.into_iter().map(|stored| stored.read(currency)).collect()
}

/// A row of the postings, with SQLite's integers.
struct StoredPosting {
    sequence: i64,
    id: String,
    debit: String,
    credit: String,
    amount_minor: i64,
    floor_minor: Option<i64>,
    at: i64,
}

impl StoredPosting {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sequence: row.get(0)?,
            id: row.get(1)?,
            debit: row.get(2)?,
            credit: row.get(3)?,
            amount_minor: row.get(4)?,
            floor_minor: row.get(5)?,
            at: row.get(6)?,
        })
    }

    fn read(self, currency: Currency) -> Result<Entry, StoreError> {
        let id = self.id;
        let account =
            |text: String| Account::try_from(text).map_err(|error| corrupt(&id, error.to_string()));
        let (debit, credit) = (account(self.debit)?, account(self.credit)?);
        let amount = Amount::new(natural(self.amount_minor, &id, "amount_minor")?, currency)
            .map_err(|error| corrupt(&id, error.to_string()))?;
        let position = Position(natural(self.sequence, &id, "sequence")?);
        let at = Timestamp::from_unix_millis(natural(self.at, &id, "at")?);
        let floor_minor = self.floor_minor;
        Ok(Entry { position, posting: Posting { id, debit, credit, amount, floor_minor, at } })
    }
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
            (KEPT, vec!["PRIMARY KEY"]),
            (STATEMENT, vec!["postings_debit", "postings_credit"]),
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

//! What can be asked: each of it is one statement, so that it is of one instant and takes one round trip.

use std::{ops::Range, time::Duration};

use countersign_domain::{
    amount::Currency,
    event::Fact,
    record::{Record, RecordKey, StoreError},
    register::{Account, Balance, Cut, Span, Statement},
    time::Timestamp,
};
use deadpool::managed::TimeoutType;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_postgres::{Row, types::ToSql};

use super::{
    connection::{Connections, PoolError},
    error::{goes_on, pool_told, told},
    group::can_be_kept,
    writer::{PATIENCE, PAUSE},
};
use crate::{
    error::{corrupt_json, unavailable},
    stored::{self, Last, StoredEntry, StoredRecord, natural},
};

const LOAD: &str = "
    SELECT id, version, due_at, final_at, body FROM countersign.records WHERE collection = $1 AND id = $2";
const DUE: &str = "
    SELECT id, version, due_at, final_at, body FROM countersign.records
    WHERE collection = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3";
const FINAL: &str = "
    SELECT final_at FROM countersign.records
    WHERE collection = $1 AND final_at >= $2 AND final_at < $3 ORDER BY final_at LIMIT $4";
const PAGE: &str = "
    SELECT id, version, due_at, final_at, body FROM countersign.records
    WHERE collection = $1 AND id > $2 ORDER BY id LIMIT $3";
const COUNT_DUE: &str = "
    SELECT count(*) FROM countersign.records WHERE collection = $1 AND due_at <= $2";
const FACTS: &str = "
    SELECT body FROM countersign.facts WHERE collection = $1 AND id = $2 ORDER BY sequence";
const LAST_ENTRY: &str = "
    SELECT sequence, debit_minor, credit_minor, latest_at FROM countersign.entries
    WHERE account = $1 AND currency = $2 ORDER BY sequence DESC LIMIT 1";

/// The account's last entries before both cuts, and in every row an entry between them; one row at least. By time the last entry
/// is found by halving: what is sought is at `low` or behind it, and not behind `high`. An index by time would cost every
/// posting, and this costs some twenty looks.
const STATEMENT: &str = "
    WITH RECURSIVE cuts (is_closing, position, before) AS (
        VALUES (false, $3::bigint, $4::bigint), (true, $5::bigint, $6::bigint)),
    last AS (
        SELECT sequence, latest_at FROM countersign.entries
        WHERE account = $1 AND currency = $2 ORDER BY sequence DESC LIMIT 1),
    halving (is_closing, before, low, high) AS (
        SELECT is_closing, before, CASE WHEN latest_at < before THEN sequence ELSE 0 END, coalesce(sequence, 0)
        FROM cuts LEFT JOIN last ON true WHERE before IS NOT NULL
        UNION ALL
        SELECT is_closing, before,
            CASE WHEN latest_at >= before THEN low ELSE middle END,
            CASE WHEN latest_at >= before THEN sequence - 1 ELSE high END
        FROM (SELECT *, high - (high - low) / 2 AS middle FROM halving WHERE low < high) half
        LEFT JOIN LATERAL (
            SELECT sequence, latest_at FROM countersign.entries
            WHERE account = $1 AND currency = $2 AND sequence <= middle ORDER BY sequence DESC LIMIT 1) entry ON true),
    ends AS (
        SELECT is_closing, sequence, debit_minor, credit_minor, latest_at
        FROM (SELECT is_closing, position FROM cuts WHERE before IS NULL
              UNION ALL SELECT is_closing, low FROM halving WHERE low = high) cut
        LEFT JOIN LATERAL (
            SELECT * FROM countersign.entries
            WHERE account = $1 AND currency = $2 AND sequence <= position ORDER BY sequence DESC LIMIT 1) entry ON true)
    SELECT opens.sequence, opens.debit_minor, opens.credit_minor, opens.latest_at,
        closes.sequence, closes.debit_minor, closes.credit_minor, closes.latest_at,
        p.sequence, p.id, p.debit, p.credit, p.amount_minor, p.floor_minor, p.at, e.debit_minor, e.credit_minor
    FROM ends opens JOIN ends closes ON closes.is_closing AND NOT opens.is_closing
    LEFT JOIN LATERAL (
        SELECT * FROM countersign.entries WHERE account = $1 AND currency = $2
        AND sequence > coalesce(opens.sequence, 0) AND sequence <= coalesce(closes.sequence, 0) ORDER BY sequence LIMIT $7) e ON true
    LEFT JOIN countersign.postings p ON p.sequence = e.sequence
    ORDER BY e.sequence";

/// After which a server that has not answered a read is presumed to stand still: half of what a read may take, so that there
/// is time to ask another.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// Of the connections that read, and a little less than that: a slow statement is an error of a server that is well.
pub(super) const STATEMENT_LIMIT: &str = "SET statement_timeout = '4500ms'";

pub(super) async fn load(
    pool: &Connections,
    key: &RecordKey,
) -> Result<Option<Record>, StoreError> {
    let rows = rows(pool, LOAD, &[&key.collection, &key.id], &key.id).await?;
    rows.first().map(|row| record(row)?.read(key.collection)).transpose()
}

pub(super) async fn due(
    pool: &Connections,
    collection: &'static str,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let rows = rows(pool, DUE, &[&collection, &time(now), &number(limit)], "").await?;
    rows.iter().map(|row| record(row)?.read(collection)).collect()
}

pub(super) async fn final_between(
    pool: &Connections,
    collection: &'static str,
    span: Range<Timestamp>,
    limit: usize,
) -> Result<Vec<Timestamp>, StoreError> {
    let [from, before] = [span.start, span.end].map(time);
    let rows = rows(pool, FINAL, &[&collection, &from, &before, &number(limit)], "").await?;
    let read = |row: &Row| natural(get(row, 0)?, collection, "final_at");
    rows.iter().map(|row| read(row).map(Timestamp::from_unix_millis)).collect()
}

pub(super) async fn page(
    pool: &Connections,
    collection: &'static str,
    after: &str,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    // What comes after a text with a NUL comes after the text before the NUL, as no id has one.
    let after = after.split('\0').next().unwrap_or_default();
    let rows = rows(pool, PAGE, &[&collection, &after, &number(limit)], "").await?;
    rows.iter().map(|row| record(row)?.read(collection)).collect()
}

pub(super) async fn count_due(
    pool: &Connections,
    collection: &'static str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let rows = rows(pool, COUNT_DUE, &[&collection, &time(now)], "").await?;
    let count = rows.first().map_or(Ok(0), |row| get(row, 0))?;
    natural(count, collection, "count")
}

pub(super) async fn facts(pool: &Connections, about: &RecordKey) -> Result<Vec<Fact>, StoreError> {
    let rows = rows(pool, FACTS, &[&about.collection, &about.id], &about.id).await?;
    let fact = |row: &Row| {
        let body: &str = get(row, 0)?;
        serde_json::from_str(body).map_err(|error| corrupt_json(about, &error))
    };
    rows.iter().map(fact).collect()
}

pub(super) async fn balance(
    pool: &Connections,
    account: &Account,
    currency: Currency,
) -> Result<Balance, StoreError> {
    let rows = rows(pool, LAST_ENTRY, &[&account.as_str(), &currency.code()], "").await?;
    Ok(rows.first().map_or(Ok(Last::NONE), |row| last(row, 0, account))?.balance)
}

pub(super) async fn statement(
    pool: &Connections,
    account: &Account,
    currency: Currency,
    span: Span,
    limit: usize,
) -> Result<Statement, StoreError> {
    let (opens, closes) = (cut(span.opens), cut(span.closes));
    let (account_name, code, limit) = (account.as_str(), currency.code(), number(limit));
    let values: [&(dyn ToSql + Sync); 7] =
        [&account_name, &code, &opens.0, &opens.1, &closes.0, &closes.1, &limit];
    let rows = rows(pool, STATEMENT, &values, "").await?;
    let ends = rows.first().map(|row| Ok((last(row, 0, account)?, last(row, 4, account)?)));
    let (opens, closes) = ends.unwrap_or(Ok((Last::NONE, Last::NONE)))?;
    let entries = rows.iter().filter_map(|row| entry(row).transpose());
    stored::statement(opens, closes, entries.collect::<Result<_, _>>()?, currency)
}

/// A position or a time, as the statement takes them.
fn cut(cut: Cut) -> (Option<i64>, Option<i64>) {
    match cut {
        Cut::After(position) => (Some(i64::try_from(position.0).unwrap_or(i64::MAX)), None),
        Cut::Before(at) => (None, Some(time(at))),
    }
}

/// No stored time is above the largest integer of the database.
pub(super) fn time(at: Timestamp) -> i64 {
    i64::try_from(at.unix_millis()).unwrap_or(i64::MAX)
}

pub(super) fn number(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// What a statement finds. While the server restarts, or another takes its place, it is asked again for as long as a commit is
/// tried again: a read changes nothing. An id with a NUL is nobody's.
async fn rows(
    pool: &Connections,
    statement: &str,
    values: &[&(dyn ToSql + Sync)],
    id: &str,
) -> Result<Vec<Row>, StoreError> {
    if !can_be_kept(id) {
        return Ok(Vec::new());
    }
    let until = Instant::now() + PATIENCE;
    // After a restart every connection of the pool is lost, and each is found out by the first read that uses it: no reason to pause.
    let mut lost = 0;
    loop {
        let unread = match ask(pool, statement, values, until).await {
            Ok(rows) => return Ok(rows),
            Err(unread) => unread,
        };
        let is_in_time = Instant::now() < until;
        match unread {
            Unread::Lost(_) if is_in_time && lost < pool.most() => {
                lost = lost.saturating_add(1);
            }
            Unread::Lost(_) | Unread::Unreached(_) if is_in_time => sleep(PAUSE).await,
            Unread::Lost(cause) | Unread::Unreached(cause) | Unread::Refused(cause) => {
                return Err(unavailable(cause));
            }
        }
    }
}

/// Why nothing was read.
enum Unread {
    /// The connection was lost.
    Lost(String),
    /// There is no connection yet.
    Unreached(String),
    /// Another try would go no better.
    Refused(String),
}

async fn ask(
    pool: &Connections,
    statement: &str,
    values: &[&(dyn ToSql + Sync)],
    until: Instant,
) -> Result<Vec<Row>, Unread> {
    let unanswered = |_| Unread::Unreached("no server lets a connection in".to_owned());
    let client = timeout_at(until, pool.get()).await.map_err(unanswered)?;
    let client = client.map_err(|error| match error {
        PoolError::Backend(_) | PoolError::Timeout(TimeoutType::Create) => {
            Unread::Unreached(pool_told(&error))
        }
        // A pool of which every connection is in use has no other to give.
        _ => Unread::Refused(pool_told(&error)),
    })?;
    let asked = async {
        let prepared = client.prepare_cached(statement).await?;
        client.query(&prepared, values).await
    };
    let answered_by = Instant::now() + ANSWERED_WITHIN;
    match timeout_at(until.min(answered_by), asked).await {
        Ok(Ok(rows)) => Ok(rows),
        Ok(Err(error)) if goes_on(&error) => Err(Unread::Refused(told(&error))),
        Ok(Err(error)) => {
            client.close();
            Err(Unread::Lost(told(&error)))
        }
        // A server that stands still, or a machine that is gone: the connection lives on for all that TCP knows.
        Err(_) => {
            // One that was asked late has not had its time.
            match answered_by <= until {
                true => pool.doubt(client),
                false => client.close(),
            }
            Err(Unread::Lost("the server does not answer".to_owned()))
        }
    }
}

pub(super) fn get<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    column: usize,
) -> Result<T, StoreError> {
    row.try_get(column).map_err(|error| unavailable(told(&error)))
}

fn record(row: &Row) -> Result<StoredRecord, StoreError> {
    Ok(StoredRecord {
        id: get(row, 0)?,
        version: get(row, 1)?,
        due_at: get(row, 2)?,
        final_at: get(row, 3)?,
        body: get(row, 4)?,
    })
}

/// From four columns, the first of which is null where there is no entry.
pub(super) fn last(
    row: &Row,
    from: usize,
    account: impl std::fmt::Display,
) -> Result<Last, StoreError> {
    let column = |number: usize| get::<Option<i64>>(row, from.saturating_add(number));
    let found = column(0)?.zip(column(1)?).zip(column(2)?).zip(column(3)?);
    Last::read(
        found.map(|(((sequence, debit), credit), at)| (sequence, debit, credit, at)),
        account,
    )
}

fn entry(row: &Row) -> Result<Option<StoredEntry>, StoreError> {
    let Some(sequence) = get(row, 8)? else { return Ok(None) };
    Ok(Some(StoredEntry {
        sequence,
        id: get(row, 9)?,
        debit: get(row, 10)?,
        credit: get(row, 11)?,
        amount_minor: get(row, 12)?,
        floor_minor: get(row, 13)?,
        at: get(row, 14)?,
        balance: (get(row, 15)?, get(row, 16)?),
    }))
}

//! One group as one transaction of two round trips: everything that it touches is read under the lock; then what it changes is
//! written and committed.
//!
//! The lock is the row of the chain's end. It is held from the first statement to the commit, so that what was read cannot
//! change before that, whichever process writes; nobody can deadlock, and no batch sees half of another one.

use std::{collections::HashMap, future::Future, hash::Hash, time::Duration};

use countersign_domain::record::{Batch, StoreError};
use tokio::time::timeout;
use tokio_postgres::{Error, Row, Statement, error::SqlState, types::ToSql};

use super::{
    connection::Client,
    error::{goes_on, told},
    group::{Found, Group, Touched},
    query::{get, last},
    write::{Signed, Writes, write},
};
use crate::{
    chain::{Chain, End, Kept, broken},
    error::unavailable,
    queue::Outcome,
    stored::Over,
};

/// Times out before the process is presumed dead, but not before another has had its turn. Only those that are asked here hold:
/// a pooler may have given the connection to others before. `statement_timeout` must not be set: it would cut short the wait
/// for a synchronous standby, and the server would then acknowledge what that does not have.
pub(super) const BEGIN: &str = "
    BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
    SET LOCAL lock_timeout = '8s'; SET LOCAL idle_in_transaction_session_timeout = '5s'; SET LOCAL statement_timeout = 0;
    SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off";

/// Nothing else is in this statement: its snapshot is older than the wait for the lock, and only the row itself is read anew.
pub(super) const LOCK: &str = "
    SELECT sequence, digest, key, seal FROM countersign.chain WHERE only_row = 1 FOR UPDATE";

/// How long the server may take to answer what is asked under the lock, with the wait for that, and a commit.
const READ_WITHIN: Duration = Duration::from_secs(10);
const COMMIT_WITHIN: Duration = Duration::from_secs(30);

/// PostgreSQL 17 ends a transaction so that takes too long, where somebody has set that.
const TRANSACTION_TIMEOUT: &str = "25P04";

const SILENT: &str = "the server does not answer";

const VERSIONS: &str = "
    SELECT ordinality, version
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (collection, id, ordinality)
    JOIN countersign.records USING (collection, id)";
const POSTED: &str = "
    SELECT id FROM countersign.postings WHERE id = ANY($1::text[])";
const LAST_POSTING: &str = "
    SELECT coalesce(max(sequence), 0) FROM countersign.postings";
const LASTS: &str = "
    SELECT ordinality, sequence, debit_minor, credit_minor, latest_at
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (account, currency, ordinality)
    CROSS JOIN LATERAL (
        SELECT * FROM countersign.entries e WHERE e.account = k.account AND e.currency = k.currency
        ORDER BY sequence DESC LIMIT 1) e";
const COUNTERS: &str = "
    SELECT ordinality, windows
    FROM unnest($1::text[]) WITH ORDINALITY AS k (subject, ordinality) JOIN countersign.counters USING (subject)";

/// The statements that read what a group touches, prepared on a connection.
struct Reads {
    lock: Statement,
    versions: Statement,
    posted: Statement,
    last_posting: Statement,
    lasts: Statement,
    counters: Statement,
}

impl Reads {
    /// Each is sent to the server once for a connection.
    async fn on(client: &Client) -> Result<Self, Error> {
        Ok(Self {
            lock: client.prepare_cached(LOCK).await?,
            versions: client.prepare_cached(VERSIONS).await?,
            posted: client.prepare_cached(POSTED).await?,
            last_posting: client.prepare_cached(LAST_POSTING).await?,
            lasts: client.prepare_cached(LASTS).await?,
            counters: client.prepare_cached(COUNTERS).await?,
        })
    }
}

/// Why a group was not committed, or is not known to be.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was not, and would be another time: a deadlock, a server that stops.
    Passing(String),
    /// As that, of a connection that was lost, or on which the server is silent.
    Lost(String),
    /// It was not: the database does not take a value of it.
    Refused(String),
    /// It was not.
    Lasting(StoreError),
    /// The connection was lost while it was committed: it was, with those outcomes, or it was not.
    Unknown(String, Vec<Outcome>),
}

impl Failure {
    /// Of what failed before anything was committed.
    pub(super) fn of(error: &Error) -> Self {
        let cause = told(error);
        let Some(code) = error.code() else { return Self::Lost(cause) };
        let passes = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            SqlState::READ_ONLY_SQL_TRANSACTION,
        ];
        if passes.contains(code) || code.code() == TRANSACTION_TIMEOUT {
            return Self::Passing(cause);
        }
        if *code == SqlState::DIVISION_BY_ZERO {
            return Self::Lasting(unavailable("a record was changed past the lock"));
        }
        match code.code().get(..2) {
            Some("22" | "23" | "54") => Self::Refused(cause),
            _ => Self::Lasting(unavailable(cause)),
        }
    }
}

/// The process that commits, by its row in the database.
pub(super) struct Writing<'a> {
    pub(super) writer: &'a str,
    /// Never the same twice.
    pub(super) attempt: i64,
    pub(super) chain: &'a Chain,
}

/// Commits every batch that can be, and tells what became of each. After a failure the connection is of no use any more.
pub(super) async fn commit(
    client: &Client,
    writing: &Writing<'_>,
    batches: &[&Batch],
) -> Result<Vec<Outcome>, Failure> {
    let failed = |error: Error| Failure::of(&error);
    let touched = Touched::by(batches);
    let begun = async {
        // Before the transaction, so that what is then sent in one go stays in order.
        let reads = Reads::on(client).await.map_err(failed)?;
        let writes = Writes::on(client).await.map_err(failed)?;
        Ok((read(client, &reads, writing.chain, &touched).await?, writes))
    };
    let (found, writes) = in_time(begun).await?;
    let mut group = Group::of(found);
    let outcomes: Vec<Outcome> = batches.iter().map(|batch| group.take(batch)).collect();
    if group.changes.is_empty() {
        in_time(async { client.batch_execute("ROLLBACK").await.map_err(failed) }).await?;
        return Ok(outcomes);
    }
    let signed = Signed {
        seal: writing.chain.seal(group.end()).map_err(Failure::Lasting)?,
        writer: writing.writer,
        attempt: writing.attempt,
        over: Over::of(batches.iter().flat_map(|batch| &batch.counts)),
    };
    let written = write(client, &writes, &touched.records, &group, &signed);
    match timeout(COMMIT_WITHIN, written).await {
        Ok((statement, commit)) => match verdict(statement, commit) {
            Verdict::Committed => Ok(outcomes),
            Verdict::Not(failure) => Err(failure),
            Verdict::Unknown(cause) => Err(Failure::Unknown(cause, outcomes)),
        },
        Err(_) => Err(Failure::Unknown(SILENT.to_owned(), outcomes)),
    }
}

/// What a server that stands still does not answer, before anything is committed.
pub(super) async fn in_time<T>(
    asked: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let silent = |_| Failure::Lost(SILENT.to_owned());
    timeout(READ_WITHIN, asked).await.map_err(silent)?
}

enum Verdict {
    Committed,
    Not(Failure),
    Unknown(String),
}

/// After an error of a statement the server rolls back at the commit. Of a commit itself it is known only when the server said
/// that it failed, and goes on.
fn verdict(statement: Option<Error>, commit: Option<Error>) -> Verdict {
    match statement.or(commit) {
        None => Verdict::Committed,
        Some(error) if goes_on(&error) => Verdict::Not(Failure::of(&error)),
        Some(error) => Verdict::Unknown(told(&error)),
    }
}

/// One statement of several that are sent in one go; not sent when there is nothing to ask.
async fn ask(
    client: &Client,
    statement: &Statement,
    needed: bool,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Error> {
    match needed {
        true => client.query(statement, values).await,
        false => Ok(Vec::new()),
    }
}

/// Locks, and reads what the group touches.
async fn read<'a>(
    client: &Client,
    reads: &Reads,
    chain: &Chain,
    touched: &Touched<'a>,
) -> Result<Found<'a>, Failure> {
    let Touched { records, postings, sides, counters, has_facts } = touched;
    let (collections, ids): (Vec<&str>, Vec<&str>) =
        records.iter().map(|key| (key.collection, key.id.as_str())).unzip();
    let (accounts, currencies): (Vec<&str>, Vec<&str>) = sides.iter().copied().unzip();
    let [of_records, of_sides]: [[&(dyn ToSql + Sync); 2]; 2] =
        [[&collections, &ids], [&accounts, &currencies]];
    let [of_postings, of_counters]: [[&(dyn ToSql + Sync); 1]; 2] = [[postings], [counters]];
    // Polled in this order for the first time, and so sent in it.
    let (begun, end, versions, posted, last_posting, lasts, windows) = tokio::join!(biased;
        client.batch_execute(BEGIN),
        ask(client, &reads.lock, true, &[]),
        ask(client, &reads.versions, !records.is_empty(), &of_records),
        ask(client, &reads.posted, !postings.is_empty(), &of_postings),
        ask(client, &reads.last_posting, !sides.is_empty(), &[]),
        ask(client, &reads.lasts, !sides.is_empty(), &of_sides),
        ask(client, &reads.counters, !counters.is_empty(), &of_counters),
    );
    let failed = |error| Failure::of(&error);
    begun.map_err(failed)?;
    let end = end.map_err(failed)?;
    let (versions, posted) = (versions.map_err(failed)?, posted.map_err(failed)?);
    let (last_posting, lasts) = (last_posting.map_err(failed)?, lasts.map_err(failed)?);
    let windows = windows.map_err(failed)?;
    let understood = || -> Result<Found<'a>, StoreError> {
        let kept = kept(end.first())?;
        Ok(Found {
            versions: by_key(&versions, records, |row, _| get(row, 1))?,
            posted: posted.iter().map(|row| get(row, 0)).collect::<Result<_, _>>()?,
            last_posting: last_posting.first().map_or(Ok(0), |row| get(row, 0))?,
            lasts: by_key(&lasts, sides, |row, side| last(row, 1, side.0))?,
            counters: by_key(&windows, counters, |row, _| get(row, 1))?,
            end: if *has_facts { chain.extended(&kept)? } else { kept.end },
        })
    };
    understood().map_err(Failure::Lasting)
}

/// From rows that say by their first column which of the keys they are of.
fn by_key<K: Copy + Eq + Hash, V>(
    rows: &[Row],
    keys: &[K],
    read: impl Fn(&Row, K) -> Result<V, StoreError>,
) -> Result<HashMap<K, V>, StoreError> {
    let of_key = |row: &Row| {
        let ordinality = usize::try_from(get::<i64>(row, 0)?).unwrap_or_default();
        let key = ordinality.checked_sub(1).and_then(|place| keys.get(place)).copied();
        let key = key.ok_or_else(|| unavailable("the server answered what was not asked"))?;
        Ok((key, read(row, key)?))
    };
    rows.iter().map(of_key).collect()
}

/// The end of the chain from its row.
pub(super) fn kept(row: Option<&Row>) -> Result<Kept, StoreError> {
    let row = row.ok_or_else(|| broken("the end of the chain is missing"))?;
    let digest = |octets: &[u8]| octets.try_into().map_err(|_| broken("a digest is not whole"));
    let end = End { sequence: get(row, 0)?, digest: digest(get(row, 1)?)? };
    let seal = get::<Option<&[u8]>>(row, 3)?.map(digest).transpose()?;
    Kept::of(end, get(row, 2)?, seal)
}

//! What a group changes, as arrays: a statement for each table, however many rows.
//!
//! Each function sends its statement when it is polled for the first time, so that all of them are on their way before the
//! first is answered.

use std::sync::atomic::{AtomicBool, Ordering};

use countersign_domain::record::{RecordKey, Sweep};
use tokio_postgres::{Error, Statement, types::ToSql};

use super::{
    connection::Client,
    group::{EntryRow, FactRow, Group, PostingRow},
    query::{number, time},
};
use crate::{
    chain::End,
    stored::{Counter, Over},
};

const INSERT: &str = "
    INSERT INTO countersign.records (collection, id, version, due_at, final_at, body)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])";
/// Where somebody changed a row past the lock, it divides by zero: the transaction ends there.
const REPLACE: &str = "
    WITH changed AS (
        UPDATE countersign.records r SET version = n.version, due_at = n.due_at, final_at = n.final_at, body = n.body
        FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[])
            AS n (collection, id, version, due_at, final_at, body, before)
        WHERE r.collection = n.collection AND r.id = n.id AND r.version = n.before RETURNING 1)
    SELECT 1 / (count(*) = cardinality($1))::int FROM changed";
const REMOVE: &str = "
    WITH gone AS (
        DELETE FROM countersign.records r USING unnest($1::text[], $2::text[], $3::bigint[]) AS n (collection, id, version)
        WHERE r.collection = n.collection AND r.id = n.id AND r.version = n.version RETURNING 1)
    SELECT 1 / (count(*) = cardinality($1))::int FROM gone";
const SWEEP: &str = "
    DELETE FROM countersign.records WHERE ctid = ANY (ARRAY(
        SELECT gone.ctid
        FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) AS s (collection, opens, closes, at_most)
        CROSS JOIN LATERAL (
            SELECT ctid FROM countersign.records r
            WHERE r.collection = s.collection AND final_at >= opens AND final_at <= closes ORDER BY final_at LIMIT at_most) gone))";
const APPEND: &str = "
    INSERT INTO countersign.facts (sequence, at, collection, id, body, digest)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bytea[])";
const POST: &str = "
    INSERT INTO countersign.postings (sequence, id, debit, credit, currency, amount_minor, floor_minor, at)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[])";
const ENTER: &str = "
    INSERT INTO countersign.entries (account, currency, sequence, debit_minor, credit_minor, latest_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])";
const FORGET: &str = "
    DELETE FROM countersign.counters WHERE subject IN (
        SELECT subject FROM countersign.counters WHERE until <= $1 ORDER BY until LIMIT $2)";
const COUNT: &str = "
    INSERT INTO countersign.counters (subject, until, windows) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])
    ON CONFLICT (subject) DO UPDATE SET until = excluded.until, windows = excluded.windows";
pub(super) const PUT_END: &str = "
    UPDATE countersign.chain SET sequence = $1, digest = $2, key = $3, seal = $4 WHERE only_row = 1";
const MARK: &str = "
    INSERT INTO countersign.writers (id, attempt) VALUES ($1::text::uuid, $2)
    ON CONFLICT (id) DO UPDATE SET attempt = excluded.attempt, at = now()";

/// The statements that write, prepared on a connection.
pub(super) struct Writes {
    insert: Statement,
    replace: Statement,
    remove: Statement,
    sweep: Statement,
    append: Statement,
    post: Statement,
    enter: Statement,
    forget: Statement,
    count: Statement,
    put_end: Statement,
    mark: Statement,
}

impl Writes {
    /// Each is sent to the server once for a connection.
    pub(super) async fn on(client: &Client) -> Result<Self, Error> {
        Ok(Self {
            insert: client.prepare_cached(INSERT).await?,
            replace: client.prepare_cached(REPLACE).await?,
            remove: client.prepare_cached(REMOVE).await?,
            sweep: client.prepare_cached(SWEEP).await?,
            append: client.prepare_cached(APPEND).await?,
            post: client.prepare_cached(POST).await?,
            enter: client.prepare_cached(ENTER).await?,
            forget: client.prepare_cached(FORGET).await?,
            count: client.prepare_cached(COUNT).await?,
            put_end: client.prepare_cached(PUT_END).await?,
            mark: client.prepare_cached(MARK).await?,
        })
    }
}

/// What is written beside the changes of the batches.
pub(super) struct Signed<'a> {
    /// The key that seals the end of the chain, and the seal.
    pub(super) seal: Option<(String, [u8; 32])>,
    /// Whose attempt to commit it is, and which.
    pub(super) writer: &'a str,
    pub(super) attempt: i64,
    /// What is deleted, as it is over.
    pub(super) over: Option<Over>,
}

/// Sends all that changes, and the commit, in one go. Gives the first error of a statement, and that of the commit.
pub(super) async fn write(
    client: &Client,
    writes: &Writes,
    keys: &[&RecordKey],
    group: &Group<'_>,
    signed: &Signed<'_>,
) -> (Option<Error>, Option<Error>) {
    let changes = &group.changes;
    let wire = &Wire { client, failed: AtomicBool::new(false) };
    // Polled in this order for the first time, and so sent in it.
    let (records, swept, facts, postings, entries, counters, end, mark, commit) = tokio::join!(biased;
        records(wire, writes, keys, group),
        sweep(wire, &writes.sweep, &changes.sweeps),
        append(wire, &writes.append, &changes.facts),
        post(wire, &writes.post, &changes.postings),
        enter(wire, &writes.enter, &changes.entries),
        counters(wire, writes, group, signed.over),
        put_end(wire, &writes.put_end, group, signed),
        mark(wire, &writes.mark, signed),
        wire.end(),
    );
    let written = [records, swept, facts, postings, entries, counters, end, mark];
    (written.into_iter().find_map(Result::err), commit.err())
}

type Sent = Result<(), Error>;

/// What statements are sent by, until one of them fails.
struct Wire<'a> {
    client: &'a Client,
    failed: AtomicBool,
}

impl Wire<'_> {
    /// Ends the transaction: a statement that could not even be sent is not missed by the server, which would commit the others.
    async fn end(&self) -> Sent {
        match self.failed.load(Ordering::SeqCst) {
            true => self.client.batch_execute("ROLLBACK").await,
            false => self.client.batch_execute("COMMIT").await,
        }
    }
}

async fn send(wire: &Wire<'_>, statement: &Statement, values: &[&(dyn ToSql + Sync)]) -> Sent {
    let sent = wire.client.query(statement, values).await;
    sent.map(drop).inspect_err(|_| wire.failed.store(true, Ordering::SeqCst))
}

/// The rows of records, column by column.
#[derive(Default)]
struct Columns<'a> {
    collections: Vec<&'a str>,
    ids: Vec<&'a str>,
    versions: Vec<i64>,
    due: Vec<Option<i64>>,
    finals: Vec<Option<i64>>,
    bodies: Vec<&'a str>,
    before: Vec<i64>,
}

/// What is inserted, replaced and removed in the end, whatever became of a record in between.
fn columns<'a>(keys: &[&'a RecordKey], group: &Group<'a>) -> [Columns<'a>; 3] {
    let (mut inserted, mut replaced, mut removed) =
        <(Columns<'_>, Columns<'_>, Columns<'_>)>::default();
    for &key in keys {
        let Some(row) = group.changes.records.get(key) else { continue };
        let before = group.found.versions.get(key).copied();
        let columns = match (before, row) {
            (None, None) => continue,
            (None, Some(_)) => &mut inserted,
            (Some(_), Some(_)) => &mut replaced,
            (Some(_), None) => &mut removed,
        };
        columns.collections.push(key.collection);
        columns.ids.push(&key.id);
        columns.before.extend(before);
        if let Some(row) = row {
            columns.versions.push(row.version);
            columns.due.push(row.due_at);
            columns.finals.push(row.final_at);
            columns.bodies.push(row.body);
        }
    }
    [inserted, replaced, removed]
}

async fn records(wire: &Wire<'_>, writes: &Writes, keys: &[&RecordKey], group: &Group<'_>) -> Sent {
    let [new, next, gone] = columns(keys, group);
    let insert = async {
        let Columns { collections, ids, versions, due, finals, bodies, .. } = &new;
        match ids.is_empty() {
            true => Ok(()),
            false => {
                let values: [&(dyn ToSql + Sync); 6] =
                    [collections, ids, versions, due, finals, bodies];
                send(wire, &writes.insert, &values).await
            }
        }
    };
    let replace = async {
        let Columns { collections, ids, versions, due, finals, bodies, before } = &next;
        match ids.is_empty() {
            true => Ok(()),
            false => {
                let values: [&(dyn ToSql + Sync); 7] =
                    [collections, ids, versions, due, finals, bodies, before];
                send(wire, &writes.replace, &values).await
            }
        }
    };
    let remove = async {
        match gone.ids.is_empty() {
            true => Ok(()),
            false => {
                let values: [&(dyn ToSql + Sync); 3] = [&gone.collections, &gone.ids, &gone.before];
                send(wire, &writes.remove, &values).await
            }
        }
    };
    let (inserted, replaced, removed) = tokio::join!(biased; insert, replace, remove);
    inserted.and(replaced).and(removed)
}

async fn sweep(wire: &Wire<'_>, statement: &Statement, sweeps: &[&Sweep]) -> Sent {
    if sweeps.is_empty() {
        return Ok(());
    }
    let collections: Vec<&str> = sweeps.iter().map(|sweep| sweep.collection).collect();
    let opens: Vec<i64> = sweeps.iter().map(|sweep| time(sweep.from)).collect();
    let closes: Vec<i64> = sweeps.iter().map(|sweep| time(sweep.to)).collect();
    let at_most: Vec<i64> = sweeps.iter().map(|sweep| number(sweep.at_most)).collect();
    send(wire, statement, &[&collections, &opens, &closes, &at_most]).await
}

async fn append(wire: &Wire<'_>, statement: &Statement, facts: &[FactRow<'_>]) -> Sent {
    if facts.is_empty() {
        return Ok(());
    }
    let sequences: Vec<i64> = facts.iter().map(|fact| fact.end.sequence).collect();
    let times: Vec<i64> = facts.iter().map(|fact| fact.at).collect();
    let collections: Vec<&str> = facts.iter().map(|fact| fact.about.collection).collect();
    let ids: Vec<&str> = facts.iter().map(|fact| fact.about.id.as_str()).collect();
    let bodies: Vec<&str> = facts.iter().map(|fact| fact.body.as_str()).collect();
    let digests: Vec<&[u8]> = facts.iter().map(|fact| fact.end.digest.as_slice()).collect();
    send(wire, statement, &[&sequences, &times, &collections, &ids, &bodies, &digests]).await
}

async fn post(wire: &Wire<'_>, statement: &Statement, rows: &[PostingRow<'_>]) -> Sent {
    if rows.is_empty() {
        return Ok(());
    }
    let sequences: Vec<i64> = rows.iter().map(|row| row.sequence).collect();
    let ids: Vec<&str> = rows.iter().map(|row| row.posting.id.as_str()).collect();
    let debits: Vec<&str> = rows.iter().map(|row| row.posting.debit.as_str()).collect();
    let credits: Vec<&str> = rows.iter().map(|row| row.posting.credit.as_str()).collect();
    let currencies: Vec<&str> =
        rows.iter().map(|row| row.posting.amount.currency().code()).collect();
    let amounts: Vec<i64> = rows.iter().map(|row| row.amount_minor).collect();
    let floors: Vec<Option<i64>> = rows.iter().map(|row| row.posting.floor_minor).collect();
    let times: Vec<i64> = rows.iter().map(|row| row.at).collect();
    let values: [&(dyn ToSql + Sync); 8] =
        [&sequences, &ids, &debits, &credits, &currencies, &amounts, &floors, &times];
    send(wire, statement, &values).await
}

async fn enter(wire: &Wire<'_>, statement: &Statement, rows: &[EntryRow<'_>]) -> Sent {
    if rows.is_empty() {
        return Ok(());
    }
    let (accounts, currencies): (Vec<&str>, Vec<&str>) = rows.iter().map(|row| row.side).unzip();
    let sequences: Vec<i64> = rows.iter().map(|row| row.sequence).collect();
    let debits: Vec<i64> = rows.iter().map(|row| row.debit_minor).collect();
    let credits: Vec<i64> = rows.iter().map(|row| row.credit_minor).collect();
    let latest: Vec<i64> = rows.iter().map(|row| row.latest_at).collect();
    let values: [&(dyn ToSql + Sync); 6] =
        [&accounts, &currencies, &sequences, &debits, &credits, &latest];
    send(wire, statement, &values).await
}

/// What is over is forgotten before what is counted is written: that may be over, too.
async fn counters(wire: &Wire<'_>, writes: &Writes, group: &Group<'_>, over: Option<Over>) -> Sent {
    let Some(Over { by, at_most }) = over else { return Ok(()) };
    let (subjects, rows): (Vec<&str>, Vec<&Counter>) = group.changes.counters.iter().unzip();
    let untils: Vec<i64> = rows.iter().map(|row| row.until).collect();
    let windows: Vec<&str> = rows.iter().map(|row| row.windows.as_str()).collect();
    let over: [&(dyn ToSql + Sync); 2] = [&by, &at_most];
    let counted: [&(dyn ToSql + Sync); 3] = [&subjects, &untils, &windows];
    let (forgotten, counted) = tokio::join!(biased;
        send(wire, &writes.forget, &over),
        send(wire, &writes.count, &counted),
    );
    forgotten.and(counted)
}

async fn put_end(
    wire: &Wire<'_>,
    statement: &Statement,
    group: &Group<'_>,
    signed: &Signed<'_>,
) -> Sent {
    if group.changes.facts.is_empty() {
        return Ok(());
    }
    let End { sequence, digest } = group.end();
    let (key, seal) =
        signed.seal.as_ref().map(|(key, seal)| (key.as_str(), seal.as_slice())).unzip();
    send(wire, statement, &[&sequence, &digest.as_slice(), &key, &seal]).await
}

async fn mark(wire: &Wire<'_>, statement: &Statement, signed: &Signed<'_>) -> Sent {
    send(wire, statement, &[&signed.writer, &signed.attempt]).await
}

//! A store in a database as it is at one instant, gone through whole: whether its books and facts are right, and whether
//! every row can be read. Servers may be running.

use std::path::Path;

use countersign_domain::{keys::KeyRing, record::StoreError};
use tokio_postgres::{Row, error::SqlState};

use super::{
    connection::Client,
    database::Database,
    error::{DatabaseError, told},
    query::get,
    schema,
    transaction::kept,
};
use crate::{
    books::{Audit, Difference, EntryBeside, Findings},
    chain::{ChainFindings, Recomputed, StoredFact},
    error::unavailable,
    export::{Export, PostingBeside},
};

/// Everything is read in one snapshot. A server's limit for statements is not meant for what reads everything.
const BEGIN: &str = "
    BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0";

/// Rows that are held in memory at once.
const ROWS: usize = 1_000;

/// Every entry beside its posting, the accounts one after the other.
const ENTRIES: &str = "
    SELECT e.account, e.currency, e.sequence, e.debit_minor, e.credit_minor, e.latest_at,
           p.debit = e.account, p.credit = e.account, p.amount_minor, p.floor_minor, p.at
    FROM countersign.entries e
    LEFT JOIN countersign.postings p ON p.sequence = e.sequence AND p.currency = e.currency
    ORDER BY e.account, e.currency, e.sequence";

/// How many postings there are, and how many entries there must be.
const COUNTS: &str = "
    SELECT count(*), coalesce(sum(1 + (debit <> credit)::integer), 0)::bigint FROM countersign.postings";

/// Sides of postings that have no entry.
const MISSING: &str = "
    SELECT p.account, p.currency, p.sequence FROM (
        SELECT debit AS account, currency, sequence FROM countersign.postings UNION ALL
        SELECT credit, currency, sequence FROM countersign.postings WHERE credit <> debit) p
    WHERE NOT EXISTS (SELECT 1 FROM countersign.entries e
        WHERE e.account = p.account AND e.currency = p.currency AND e.sequence = p.sequence)";

/// Every posting in the order of commits, and the balances of its accounts after it.
const POSTINGS: &str = "
    SELECT p.sequence, p.id, p.debit, p.credit, p.currency, p.amount_minor, p.floor_minor, p.at,
           d.debit_minor, d.credit_minor, c.debit_minor, c.credit_minor
    FROM countersign.postings p
    LEFT JOIN countersign.entries d
        ON d.account = p.debit AND d.currency = p.currency AND d.sequence = p.sequence
    LEFT JOIN countersign.entries c
        ON c.account = p.credit AND c.currency = p.currency AND c.sequence = p.sequence
    ORDER BY p.sequence";

/// The last entry of each account.
const BALANCES: &str = "
    SELECT DISTINCT ON (account, currency) account, currency, debit_minor, credit_minor
    FROM countersign.entries ORDER BY account, currency, sequence DESC";

const FACTS: &str = "
    SELECT sequence, collection, id, at, body, digest FROM countersign.facts ORDER BY sequence";
const CHAIN: &str = "
    SELECT sequence, digest, key, seal FROM countersign.chain WHERE only_row = 1";

const TABLES: [&str; 7] =
    ["records", "facts", "chain", "postings", "entries", "counters", "writers"];

/// A store as it was when this was made, on a connection of its own.
#[derive(Debug)]
pub struct Snapshot {
    client: Client,
}

impl Snapshot {
    /// Of the store in that database.
    ///
    /// # Errors
    /// When there is none, it is of another version, or the server cannot be asked.
    pub async fn of(database: &Database) -> Result<Self, DatabaseError> {
        let client = database.connect().await?;
        database.in_time(schema::check_version(&client, database)).await?;
        Self::on(client).await.map_err(|error| database.unusable(error))
    }

    /// Of whatever stands in the database of that connection.
    pub(super) async fn on(client: Client) -> Result<Self, StoreError> {
        client.batch_execute(BEGIN).await.map_err(|error| unavailable(told(&error)))?;
        Ok(Self { client })
    }

    /// Ends it, and gives the connection back.
    pub(super) async fn end(self) -> Result<Client, StoreError> {
        let ended = self.client.batch_execute("ROLLBACK").await;
        ended.map_err(|error| unavailable(told(&error)))?;
        Ok(self.client)
    }

    /// As [`Books::check`](crate::Books::check).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn check_books(
        &mut self,
        mut differs: impl FnMut(Difference) + Send,
    ) -> Result<Findings, StoreError> {
        let mut audit = Audit::new(&mut differs);
        let side = |row: &Row, column| Ok(get::<Option<bool>>(row, column)? == Some(true));
        self.each(ENTRIES, |row| {
            audit.entry(&EntryBeside {
                account: get(row, 0)?,
                currency: get(row, 1)?,
                position: get(row, 2)?,
                kept: (get(row, 3)?, get(row, 4)?),
                latest_at: get(row, 5)?,
                is_debit: side(row, 6)?,
                is_credit: side(row, 7)?,
                amount_minor: get(row, 8)?,
                floor_minor: get(row, 9)?,
                at: get(row, 10)?,
            });
            Ok(())
        })
        .await?;
        let counts = self.client.query_one(COUNTS, &[]).await;
        let counts = counts.map_err(|error| unavailable(told(&error)))?;
        if audit.misses(get(&counts, 1)?) {
            self.each(MISSING, |row| {
                audit.missing(get(row, 0)?, get(row, 1)?, get(row, 2)?);
                Ok(())
            })
            .await?;
        }
        Ok(audit.findings(get(&counts, 0)?))
    }

    /// As [`Books::export`](crate::Books::export).
    ///
    /// # Errors
    /// When the store cannot be read, or the file exists or cannot be written.
    pub async fn export_books(&mut self, to: &Path) -> Result<(), StoreError> {
        let mut export = Export::to(to)?;
        self.each(POSTINGS, |row| {
            export.posting(&PostingBeside {
                position: get(row, 0)?,
                id: get(row, 1)?,
                debit: get(row, 2)?,
                credit: get(row, 3)?,
                currency: get(row, 4)?,
                amount_minor: get(row, 5)?,
                floor_minor: get(row, 6)?,
                at: get(row, 7)?,
                debit_after: [get(row, 8)?, get(row, 9)?],
                credit_after: [get(row, 10)?, get(row, 11)?],
            })
        })
        .await?;
        self.each(BALANCES, |row| {
            export.balance(get(row, 0)?, get(row, 1)?, get(row, 2)?, get(row, 3)?)
        })
        .await?;
        export.end()
    }

    /// As [`Facts::check`](crate::Facts::check).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn check_facts(&mut self, keys: &KeyRing) -> Result<ChainFindings, StoreError> {
        let mut recomputed = Recomputed::default();
        self.each(FACTS, |row| {
            recomputed.fact(&StoredFact {
                sequence: get(row, 0)?,
                collection: get::<&str>(row, 1)?.as_bytes(),
                id: get::<&str>(row, 2)?.as_bytes(),
                at: get(row, 3)?,
                body: get::<&str>(row, 4)?.as_bytes(),
                digest: get(row, 5)?,
            });
            Ok(())
        })
        .await?;
        let end = self.client.query_opt(CHAIN, &[]).await;
        let end = end.map_err(|error| unavailable(told(&error)))?;
        Ok(recomputed.beside(kept(end.as_ref()), keys))
    }

    /// Reads every value of every row; gives a line for each table of which one cannot be read. The server reads its indexes
    /// and the pages that are free with `pg_amcheck`.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn unreadable(&mut self) -> Result<Vec<String>, StoreError> {
        let mut lines = Vec::new();
        for table in TABLES {
            let savepoint = self.client.batch_execute("SAVEPOINT reading").await;
            savepoint.map_err(|error| unavailable(told(&error)))?;
            // As text, so that what is kept apart from its row is fetched, too.
            let all = format!("SELECT count(r::text) FROM countersign.{table} r");
            let Err(error) = self.client.query_one(&all, &[]).await else { continue };
            let is_damage = matches!(
                error.code(),
                Some(
                    &SqlState::DATA_CORRUPTED
                        | &SqlState::INDEX_CORRUPTED
                        | &SqlState::INTERNAL_ERROR
                )
            );
            if !is_damage {
                return Err(unavailable(told(&error)));
            }
            lines.push(format!("{table}: {}", told(&error)));
            let rolled_back = self.client.batch_execute("ROLLBACK TO SAVEPOINT reading").await;
            rolled_back.map_err(|error| unavailable(told(&error)))?;
        }
        Ok(lines)
    }

    /// Whether the server would find out by itself that a page is not the one that it wrote.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn has_checksums(&mut self) -> Result<bool, StoreError> {
        let row = self.client.query_one("SHOW data_checksums", &[]).await;
        let value: String = get(&row.map_err(|error| unavailable(told(&error)))?, 0)?;
        Ok(value == "on")
    }

    /// One row after the other, a piece of them in memory at a time; one query at a time.
    pub(super) async fn each(
        &self,
        query: &str,
        mut read: impl FnMut(&Row) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        let failed = |error| unavailable(told(&error));
        let declare = format!("DECLARE rows_read NO SCROLL CURSOR FOR {query}");
        self.client.batch_execute(&declare).await.map_err(failed)?;
        let fetch = format!("FETCH {ROWS} FROM rows_read");
        loop {
            let rows = self.client.rows(&fetch, &[]).await.map_err(failed)?;
            rows.iter().try_for_each(&mut read)?;
            if rows.len() < ROWS {
                return self.client.batch_execute("CLOSE rows_read").await.map_err(failed);
            }
        }
    }
}

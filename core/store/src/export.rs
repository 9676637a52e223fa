//! The books for another program, as JSON lines.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    path::{self, Path, PathBuf},
};

use countersign_domain::record::StoreError;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{books::PROGRESS, error::unavailable, schema};

/// Every posting in the order of commits, and the balances of its accounts after it.
const POSTINGS: &str = "
    SELECT p.sequence, p.id, p.debit, p.credit, p.currency, p.amount_minor, p.floor_minor, p.at,
           d.debit_minor, d.credit_minor, c.debit_minor, c.credit_minor
    FROM postings p
    LEFT JOIN entries d ON d.account = p.debit AND d.currency = p.currency AND d.sequence = p.sequence
    LEFT JOIN entries c ON c.account = p.credit AND c.currency = p.currency AND c.sequence = p.sequence
    ORDER BY p.sequence";

/// The last entry of each account: beside one maximum, SQLite gives the other columns of its row.
const BALANCES: &str = "
    SELECT account, currency, max(sequence), debit_minor, credit_minor FROM entries GROUP BY account, currency";

pub(crate) fn export(connection: &Connection, to: &Path) -> Result<(), StoreError> {
    let mut export = Export::to(to)?;
    read(connection, &mut export)
        .map_err(|error| unavailable(error.to_string()))
        .and_then(|()| export.end())
}

fn read(connection: &Connection, export: &mut Export) -> Result<(), Box<dyn std::error::Error>> {
    let mut statement = connection.prepare(POSTINGS)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        export.posting(&PostingBeside {
            position: row.get(0)?,
            id: row.get_ref(1)?.as_str()?,
            debit: row.get_ref(2)?.as_str()?,
            credit: row.get_ref(3)?.as_str()?,
            currency: row.get_ref(4)?.as_str()?,
            amount_minor: row.get(5)?,
            floor_minor: row.get(6)?,
            at: row.get(7)?,
            debit_after: [row.get(8)?, row.get(9)?],
            credit_after: [row.get(10)?, row.get(11)?],
        })?;
    }
    let mut statement = connection.prepare(BALANCES)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (account, currency) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
        export.balance(account, currency, row.get(3)?, row.get(4)?)?;
    }
    Ok(())
}

/// A posting and the balances of its accounts after it, where they are there.
pub(crate) struct PostingBeside<'a> {
    pub(crate) position: i64,
    pub(crate) id: &'a str,
    pub(crate) debit: &'a str,
    pub(crate) credit: &'a str,
    pub(crate) currency: &'a str,
    pub(crate) amount_minor: i64,
    pub(crate) floor_minor: Option<i64>,
    pub(crate) at: i64,
    pub(crate) debit_after: [Option<i64>; 2],
    pub(crate) credit_after: [Option<i64>; 2],
}

/// The file while it is written: removed again when it does not come to its end.
pub(crate) struct Export {
    path: PathBuf,
    lines: Option<BufWriter<File>>,
    postings: u64,
    balances: u64,
}

impl Export {
    /// To a file that must not exist yet.
    pub(crate) fn to(path: &Path) -> Result<Self, StoreError> {
        let path = path::absolute(path).map_err(unavailable)?;
        let failed = |error: io::Error| unavailable(format_args!("{}: {error}", path.display()));
        schema::create_private(&path).map_err(failed)?;
        let file = OpenOptions::new().append(true).open(&path).map_err(failed)?;
        Ok(Self { lines: Some(BufWriter::new(file)), path, postings: 0, balances: 0 })
    }

    pub(crate) fn posting(&mut self, posting: &PostingBeside<'_>) -> Result<(), StoreError> {
        let PostingBeside { position, id, debit, credit, currency, .. } = posting;
        self.postings += 1;
        told(self.postings, "postings");
        self.line(&json!({
            "position": position, "id": id, "debit": debit, "credit": credit, "currency": currency,
            "amount_minor": posting.amount_minor, "floor_minor": posting.floor_minor, "at": posting.at,
            "debit_after": posting.debit_after, "credit_after": posting.credit_after,
        }))
    }

    pub(crate) fn balance(
        &mut self,
        account: &str,
        currency: &str,
        debit_minor: i64,
        credit_minor: i64,
    ) -> Result<(), StoreError> {
        self.balances += 1;
        told(self.balances, "balances");
        self.line(&json!({
            "account": account, "currency": currency, "debit_minor": debit_minor, "credit_minor": credit_minor,
        }))
    }

    /// With the counts at the end, by which a file that was cut off is known.
    pub(crate) fn end(mut self) -> Result<(), StoreError> {
        self.line(&json!({ "postings": self.postings, "balances": self.balances }))?;
        let Some(lines) = self.lines.take() else { return Ok(()) };
        let file = lines.into_inner().map_err(io::IntoInnerError::into_error);
        file.and_then(|file| file.sync_all()).map_err(|error| {
            // Half an export must not be mistaken for one. If it cannot be removed either, the error that began it counts.
            let _ = fs::remove_file(&self.path);
            self.failed(&error)
        })
    }

    fn line(&mut self, line: &Value) -> Result<(), StoreError> {
        let Some(lines) = &mut self.lines else { return Ok(()) };
        let written = writeln!(lines, "{line}");
        written.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> StoreError {
        unavailable(format_args!("{}: {error}", self.path.display()))
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        if self.lines.is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn told(count: u64, what: &'static str) {
    if count.is_multiple_of(PROGRESS) {
        tracing::info!(count, "exporting {what}");
    }
}

//! The books for another program, as JSON lines.

use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Write},
    path::{self, Path},
};

use countersign_domain::record::StoreError;
use rusqlite::{Connection, Row};
use serde_json::json;

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
    let to = path::absolute(to).map_err(unavailable)?;
    let failed = |error| unavailable(format_args!("{}: {error}", to.display()));
    schema::create_private(&to).map_err(|error| failed(error.to_string()))?;
    let written = OpenOptions::new()
        .append(true)
        .open(&to)
        .map_err(|error| failed(error.to_string()))
        .and_then(|file| write(connection, file).map_err(|error| failed(error.to_string())));
    if written.is_err() {
        // Half an export must not be mistaken for one. If it cannot be removed either, the error that began it counts.
        let _ = std::fs::remove_file(&to);
    }
    written
}

fn write(connection: &Connection, file: File) -> Result<(), Box<dyn std::error::Error>> {
    let mut lines = BufWriter::new(file);
    let mut count = |query, told: &'static str, line: fn(&Row<'_>) -> rusqlite::Result<String>| {
        let (mut statement, mut count) = (connection.prepare(query)?, 0_u64);
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            writeln!(lines, "{}", line(row)?)?;
            count += 1;
            if count.is_multiple_of(PROGRESS) {
                tracing::info!(count, "exporting {told}");
            }
        }
        Ok::<_, Box<dyn std::error::Error>>(count)
    };
    let postings = count(POSTINGS, "postings", posting)?;
    let balances = count(BALANCES, "balances", balance)?;
    writeln!(lines, "{}", json!({ "postings": postings, "balances": balances }))?;
    lines.into_inner()?.sync_all()?;
    Ok(())
}

fn posting(row: &Row<'_>) -> rusqlite::Result<String> {
    let text = |column| row.get::<_, String>(column);
    let number = |column| row.get::<_, Option<i64>>(column);
    let line = json!({
        "position": number(0)?, "id": text(1)?, "debit": text(2)?, "credit": text(3)?,
        "currency": text(4)?, "amount_minor": number(5)?, "floor_minor": number(6)?, "at": number(7)?,
        "debit_after": [number(8)?, number(9)?], "credit_after": [number(10)?, number(11)?],
    });
    Ok(line.to_string())
}

fn balance(row: &Row<'_>) -> rusqlite::Result<String> {
    let (account, currency): (String, String) = (row.get(0)?, row.get(1)?);
    let (debit_minor, credit_minor): (i64, i64) = (row.get(3)?, row.get(4)?);
    let line = json!({
        "account": account, "currency": currency, "debit_minor": debit_minor, "credit_minor": credit_minor,
    });
    Ok(line.to_string())
}

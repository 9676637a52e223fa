//! Whether the books in the configured store are right: `countersign check --books`; and a copy of it: `countersign backup`.

use std::path::Path;

use countersign_domain::record::StoreError;
use countersign_store::{Books, Difference, Findings, Snapshot, Wrong, backup};
use serde_json::{Value, json};

use crate::{
    config::Config,
    error::StartError,
    store_place::{StorePlace, existing_place},
};

/// How many differences are told; more of them are counted.
const MAX_TOLD: usize = 100;

/// What was found, for people and for programs.
#[derive(Debug)]
pub struct BooksReport {
    /// Whether every balance is the sum of its postings, and debits equal credits.
    pub right: bool,
    /// Lines for people.
    pub text: String,
    /// The same for programs.
    pub json: Value,
}

/// Recomputes every balance of the configured store from its postings, and writes the books, of the same instant, to a file
/// that must not exist yet.
///
/// # Errors
/// When there is no store, it cannot be read, or the file cannot be written.
pub async fn books(config: &Config, export: Option<&Path>) -> Result<BooksReport, StartError> {
    let unreadable = |error: StoreError| StartError::Store(error.to_string());
    let mut told = Told::default();
    let found = match existing_place(config)? {
        StorePlace::File(file) => {
            let books = Books::open(&file).map_err(unreadable)?;
            if let Some(file) = export {
                books.export(file).map_err(unreadable)?;
            }
            books.check(|difference| told.add(&difference))
        }
        StorePlace::Database(database) => {
            let snapshot = Snapshot::of(&database).await;
            let mut snapshot = snapshot.map_err(|error| StartError::Store(error.to_string()))?;
            if let Some(file) = export {
                snapshot.export_books(file).await.map_err(unreadable)?;
            }
            snapshot.check_books(|difference| told.add(&difference)).await
        }
    };
    Ok(told.report(&found.map_err(unreadable)?))
}

/// Writes a copy of the configured store, as of now, to a file that must not exist yet; a server may be running.
///
/// # Errors
/// When there is no store, it is a database, or the copy exists or cannot be written.
pub fn copy_store(config: &Config, to: &Path) -> Result<(), StartError> {
    match existing_place(config)? {
        StorePlace::File(file) => {
            backup(&file, to).map_err(|error| StartError::Store(error.to_string()))
        }
        StorePlace::Database(_) => Err(StartError::Store(
            "a database is backed up with its own tools: docs/guides/postgresql.md".to_owned(),
        )),
    }
}

/// What is told of the differences, as they are found.
#[derive(Default)]
struct Told {
    lines: Vec<String>,
    differences: Vec<Value>,
    wrong: u64,
}

impl Told {
    fn add(&mut self, difference: &Difference) {
        self.wrong = self.wrong.saturating_add(1);
        if self.differences.len() < MAX_TOLD {
            self.lines.push(line(difference));
            self.differences.push(value(difference));
        }
    }

    fn report(self, found: &Findings) -> BooksReport {
        let Self { mut lines, differences, wrong } = self;
        let mut totals = Vec::new();
        for total in &found.totals {
            let (debit, credit) = (total.debit_minor, total.credit_minor);
            if debit != credit {
                lines.push(format!("{}: debits {debit} are not credits {credit}", total.currency));
            }
            let (debit, credit) = (debit.to_string(), credit.to_string());
            totals.push(
                json!({ "currency": total.currency, "debit_minor": debit, "credit_minor": credit }),
            );
        }
        let (postings, balances) = (found.postings, found.balances);
        let even = if found.are_even() { "equal" } else { "do not equal" };
        lines.push(format!(
            "books: {postings} postings, {balances} balances, {wrong} differences; debits {even} credits"
        ));
        let right = wrong == 0 && found.are_even();
        let json = json!({
            "right": right, "postings": postings, "balances": balances, "wrong": wrong,
            "differences": differences, "totals": totals,
        });
        BooksReport { right, text: lines.join("\n"), json }
    }
}

fn line(difference: &Difference) -> String {
    let Difference { account, currency, position, wrong } = difference;
    let what = match wrong {
        Wrong::Balance { kept, posted } => format!(
            "kept debit {} credit {}, posted debit {} credit {}",
            kept.0, kept.1, posted.0, posted.1
        ),
        Wrong::LatestAt => "the latest time so far is wrong".to_owned(),
        Wrong::Floor { floor_minor, net_minor } => {
            format!("net {net_minor} is below its floor {floor_minor}")
        }
        Wrong::NoPosting => "an entry without a posting".to_owned(),
        Wrong::NoEntry => "a posting without an entry".to_owned(),
    };
    format!("{account} {currency}, posting {position}: {what}")
}

/// Sums are text: one may be larger than the numbers of JSON readers.
fn value(difference: &Difference) -> Value {
    let Difference { account, currency, position, wrong } = difference;
    let (kind, detail) = match wrong {
        Wrong::Balance { kept, posted } => {
            let kept = [kept.0.to_string(), kept.1.to_string()];
            let posted = [posted.0.to_string(), posted.1.to_string()];
            ("balance", json!({ "kept": kept, "posted": posted }))
        }
        Wrong::LatestAt => ("latest_at", Value::Null),
        Wrong::Floor { floor_minor, net_minor } => {
            ("floor", json!({ "floor": floor_minor.to_string(), "net": net_minor.to_string() }))
        }
        Wrong::NoPosting => ("no_posting", Value::Null),
        Wrong::NoEntry => ("no_entry", Value::Null),
    };
    json!({
        "account": account, "currency": currency, "position": position,
        "wrong": kind, "detail": detail,
    })
}

//! Whether the books in the configured store are right: `countersign check --books`; and a copy of it: `countersign backup`.

use std::path::{Path, PathBuf};

use countersign_domain::record::StoreError;
use countersign_store::{Books, Difference, Wrong, backup};
use serde_json::{Value, json};

use crate::{config::Config, store_place::store_file};

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
pub fn books(config: &Config, export: Option<&Path>) -> Result<BooksReport, StoreError> {
    let books = Books::open(&configured(config)?)?;
    if let Some(file) = export {
        books.export(file)?;
    }
    report(&books)
}

/// Writes a copy of the configured store, as of now, to a file that must not exist yet; a server may be running.
///
/// # Errors
/// When there is no store, or the copy exists or cannot be written.
pub fn copy_store(config: &Config, to: &Path) -> Result<(), StoreError> {
    backup(&configured(config)?, to)
}

pub(crate) fn configured(config: &Config) -> Result<PathBuf, StoreError> {
    let none = |cause: &str| StoreError::Unavailable { cause: cause.to_owned() };
    match &config.store {
        Some(section) if section.url.is_some() => {
            Err(none("this is for a store that is a file; the configured one is a database"))
        }
        _ => store_file(config).ok_or_else(|| none("the configuration names none")),
    }
}

fn report(books: &Books) -> Result<BooksReport, StoreError> {
    let (mut lines, mut differences, mut wrong) = (Vec::new(), Vec::new(), 0_u64);
    let found = books.check(|difference| {
        wrong = wrong.saturating_add(1);
        if differences.len() < MAX_TOLD {
            lines.push(line(&difference));
            differences.push(value(&difference));
        }
    })?;
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
    Ok(BooksReport { right, text: lines.join("\n"), json })
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

#[cfg(test)]
mod tests {
    use countersign_domain::{
        amount::Amount,
        ports::Store as _,
        record::Batch,
        register::{Account, Posting},
        time::Timestamp,
    };
    use countersign_store::SqliteStore;

    use super::*;

    #[tokio::test]
    async fn right_books_are_said_to_be_right_and_a_missing_store_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("countersign.db");
        let store = SqliteStore::open(&path).unwrap();
        let account = |text: &str| Account::try_from(text.to_owned()).unwrap();
        let amount = Amount::new(5, "EUR".try_into().unwrap()).unwrap();
        let at = Timestamp::from_unix_millis(1);
        let posting = Posting::new("1", account("wallet:alice"), account("shop:b"), amount, at);
        let postings = vec![posting.not_below(-5)];
        store.commit(Batch { postings, ..Batch::default() }).await.unwrap();
        let report = report(&Books::open(&path).unwrap()).unwrap();
        assert!(report.right && report.json["balances"] == 2, "{report:?}");
        drop(store);
        let _ = std::fs::remove_file(&path);
        assert!(Books::open(&path).is_err(), "there is no store");
    }
}

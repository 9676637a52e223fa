//! Whether the books in the configured store are right: `countersign check --books`.

use std::path::Path;

use countersign_domain::record::StoreError;
use countersign_store::{Difference, check_books};
use serde_json::{Value, json};

use crate::{backbone::store_file, config::Config};

/// How many wrong balances are told; more of them are counted.
const MAX_TOLD: usize = 100;

/// What was found, for people and for programs.
#[derive(Debug)]
pub struct BooksReport {
    /// Whether every kept balance is the sum of its postings, and debits equal credits.
    pub right: bool,
    /// Lines for people.
    pub text: String,
    /// The same for programs.
    pub json: Value,
}

/// Recomputes every kept balance of the configured store from its postings.
///
/// # Errors
/// When there is no store, or it cannot be read.
pub fn books(config: &Config) -> Result<BooksReport, StoreError> {
    let none = || StoreError::Unavailable { cause: "the configuration names none".to_owned() };
    report(&store_file(config).ok_or_else(none)?)
}

fn report(path: &Path) -> Result<BooksReport, StoreError> {
    let (mut lines, mut wrong, mut differing) = (Vec::new(), Vec::new(), 0_u64);
    let found = check_books(path, |difference| {
        differing = differing.saturating_add(1);
        if wrong.len() < MAX_TOLD {
            let Difference { account, currency, kept, posted } = &difference;
            lines.push(match (kept, posted) {
                (Some(kept), Some(posted)) => format!(
                    "{account} {currency}: kept debit {} credit {}, posted debit {} credit {}",
                    kept.0, kept.1, posted.0, posted.1
                ),
                _ => format!("{account} {currency}: its balance is not kept"),
            });
            // As text: a sum may be larger than the numbers of JSON readers.
            let kept = kept.map(|(debit, credit)| [debit.to_string(), credit.to_string()]);
            let posted = posted.map(|(debit, credit)| [debit.to_string(), credit.to_string()]);
            wrong.push(
                json!({ "account": account, "currency": currency, "kept": kept, "posted": posted }),
            );
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
    let right = differing == 0 && found.are_even();
    lines.push(format!(
        "books: {} postings, {} kept balances, {differing} of them wrong; debits {} credits",
        found.postings,
        found.kept_balances,
        if found.are_even() { "equal" } else { "do not equal" },
    ));
    let json = json!({
        "right": right, "postings": found.postings, "kept_balances": found.kept_balances,
        "wrong_balances": differing, "differences": wrong, "totals": totals,
    });
    Ok(BooksReport { right, text: lines.join("\n"), json })
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
        let report = report(&path).unwrap();
        assert!(report.right && report.json["kept_balances"] == 1, "{report:?}");
        drop(store);
        let _ = std::fs::remove_file(&path);
        assert!(super::report(&path).is_err(), "there is no store");
    }
}

//! Whether the books are right: every kept balance recomputed from the postings.

use std::path::{self, Path};

use countersign_domain::record::StoreError;
use rusqlite::{Connection, Row, Statement};

use crate::{error::unavailable, schema};

/// Kept balances.
const KEPT: &str =
    "SELECT account, currency, debit_minor, credit_minor FROM balances ORDER BY account, currency";

/// The postings of a kept balance. Their sums are made here: SQLite would end the whole check at one above 64 bits.
const POSTED_DEBITS: &str = "SELECT amount_minor FROM postings WHERE debit = ?1 AND currency = ?2";
const POSTED_CREDITS: &str =
    "SELECT amount_minor FROM postings WHERE credit = ?1 AND currency = ?2";

/// Accounts that were debited with a floor, of which no balance is kept.
const MISSING: &str = "
    SELECT debit, currency FROM postings WHERE floor_minor IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM balances b WHERE b.account = debit AND b.currency = postings.currency)
    GROUP BY debit, currency";

/// Debits as one index has them, and credits as the other has.
const DEBITS: &str = "SELECT currency, amount_minor FROM postings INDEXED BY postings_debit";
const CREDITS: &str = "SELECT currency, amount_minor FROM postings INDEXED BY postings_credit";

/// What was found in the books.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Books {
    /// How many postings there are.
    pub postings: u64,
    /// How many balances are kept.
    pub kept_balances: u64,
    /// The debits and credits of each currency, in minor units.
    pub totals: Vec<Total>,
}

/// The debits and credits of all accounts in one currency.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Total {
    /// Its ISO 4217 code.
    pub currency: String,
    /// All debits.
    pub debit_minor: i128,
    /// All credits.
    pub credit_minor: i128,
}

/// A kept balance that is not the sum of its postings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// Whose balance.
    pub account: String,
    /// In which currency.
    pub currency: String,
    /// Debit and credit as kept; none where they should be kept and are not.
    pub kept: Option<(i64, i64)>,
    /// Debit and credit as posted, which may be more than a balance can hold.
    pub posted: Option<(i128, i128)>,
}

/// Recomputes what is kept in the store, as of now; servers may be running. `differs` is told of each balance that is
/// wrong, one at a time, so that memory is bounded whatever is in the file.
///
/// # Errors
/// When there is no store, or it cannot be read.
pub fn check_books(path: &Path, mut differs: impl FnMut(Difference)) -> Result<Books, StoreError> {
    let path = path::absolute(path).map_err(unavailable)?;
    let connection = schema::open_reader(&path).map_err(unavailable)?;
    // One snapshot for all that is asked.
    connection.execute_batch("BEGIN").map_err(unavailable)?;
    schema::has_schema(&connection, &path).map_err(unavailable)?;
    check(&connection, &mut differs).map_err(unavailable)
}

fn check(connection: &Connection, differs: &mut dyn FnMut(Difference)) -> rusqlite::Result<Books> {
    let mut books = Books::default();
    let mut kept = connection.prepare(KEPT)?;
    let mut debits = connection.prepare(POSTED_DEBITS)?;
    let mut credits = connection.prepare(POSTED_CREDITS)?;
    let mut rows = kept.query([])?;
    while let Some(row) = rows.next()? {
        books.kept_balances += 1;
        let kept: (i64, i64) = (row.get(2)?, row.get(3)?);
        let posted = (sum(&mut debits, row)?, sum(&mut credits, row)?);
        if (i128::from(kept.0), i128::from(kept.1)) != posted {
            differs(difference(row, Some(kept), Some(posted))?);
        }
    }
    let mut missing = connection.prepare(MISSING)?;
    let mut rows = missing.query([])?;
    while let Some(row) = rows.next()? {
        differs(difference(row, None, None)?);
    }
    for (side, is_debit) in [(DEBITS, true), (CREDITS, false)] {
        let mut statement = connection.prepare(side)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (currency, amount): (String, i64) = (row.get(0)?, row.get(1)?);
            books.postings += u64::from(is_debit);
            books.add(currency, i128::from(amount), is_debit);
        }
    }
    Ok(books)
}

/// The sum of the amounts that are posted to a side of the account in this row.
fn sum(postings: &mut Statement<'_>, row: &Row<'_>) -> rusqlite::Result<i128> {
    let (account, currency) = (row.get_ref(0)?, row.get_ref(1)?);
    let mut amounts =
        postings.query_map((account.as_str()?, currency.as_str()?), |row| row.get(0))?;
    // A sum of 64-bit numbers that fit a disk is far from the bounds of 128 bits.
    amounts.try_fold(0, |sum: i128, amount: rusqlite::Result<i64>| {
        Ok(sum.saturating_add(i128::from(amount?)))
    })
}

fn difference(
    row: &Row<'_>,
    kept: Option<(i64, i64)>,
    posted: Option<(i128, i128)>,
) -> rusqlite::Result<Difference> {
    Ok(Difference { account: row.get(0)?, currency: row.get(1)?, kept, posted })
}

impl Books {
    /// Whether debits equal credits in every currency.
    pub fn are_even(&self) -> bool {
        self.totals.iter().all(|total| total.debit_minor == total.credit_minor)
    }

    fn add(&mut self, currency: String, amount_minor: i128, is_debit: bool) {
        let (debit_minor, credit_minor) =
            if is_debit { (amount_minor, 0) } else { (0, amount_minor) };
        // A sum of 64-bit numbers that fit a disk is far from the bounds of 128 bits.
        match self.totals.iter_mut().find(|total| total.currency == currency) {
            Some(total) => {
                total.debit_minor = total.debit_minor.saturating_add(debit_minor);
                total.credit_minor = total.credit_minor.saturating_add(credit_minor);
            }
            None => self.totals.push(Total { currency, debit_minor, credit_minor }),
        }
    }
}

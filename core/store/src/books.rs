//! Whether the books are right: every entry recomputed from the postings.

use std::path::{self, Path};

use countersign_domain::record::StoreError;
use rusqlite::{Connection, Row};

use crate::{error::unavailable, export, schema};

/// How many rows are read between two lines in the log.
pub(crate) const PROGRESS: u64 = 1_000_000;

/// Every entry beside its posting, the accounts one after the other.
const ENTRIES: &str = "
    SELECT e.account, e.currency, e.sequence, e.debit_minor, e.credit_minor, e.latest_at,
           p.debit = e.account, p.credit = e.account, p.amount_minor, p.floor_minor, p.at
    FROM entries e LEFT JOIN postings p ON p.sequence = e.sequence AND p.currency = e.currency
    ORDER BY e.account, e.currency, e.sequence";

/// How many postings there are, and how many entries there must be.
const COUNTS: &str = "SELECT count(*), coalesce(sum(1 + (debit <> credit)), 0) FROM postings";

/// Sides of postings that have no entry. Asked only where entries are missing.
const MISSING: &str = "
    SELECT p.account, p.currency, p.sequence FROM (
        SELECT debit AS account, currency, sequence FROM postings UNION ALL
        SELECT credit, currency, sequence FROM postings WHERE credit <> debit) p
    WHERE NOT EXISTS (SELECT 1 FROM entries e
        WHERE e.account = p.account AND e.currency = p.currency AND e.sequence = p.sequence)";

/// The books of a store as they were when it was opened; servers may be running.
#[derive(Debug)]
pub struct Books {
    connection: Connection,
}

/// What was found in the books.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Findings {
    /// How many postings there are.
    pub postings: u64,
    /// How many balances there are: accounts, each in one currency.
    pub balances: u64,
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

/// Where the books are wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// In whose account.
    pub account: String,
    /// In which currency.
    pub currency: String,
    /// Of which posting.
    pub position: i64,
    /// What is wrong there.
    pub wrong: Wrong,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wrong {
    /// Its balance; only the first such entry of an account is told.
    Balance {
        /// Debit and credit as the entry has them.
        kept: (i64, i64),
        /// Debit and credit as posted, which may be more than a balance can hold.
        posted: (i128, i128),
    },
    /// The latest time so far, by which a statement is cut; only the first such entry of an account is told.
    LatestAt,
    /// The balance as posted is below the floor of the posting.
    Floor {
        /// The posting's floor.
        floor_minor: i64,
        /// The balance after it, as posted.
        net_minor: i128,
    },
    /// There is no such posting of that account.
    NoPosting,
    /// The posting is there, and the entry is not.
    NoEntry,
}

impl Books {
    /// Opens the books of that store.
    ///
    /// # Errors
    /// When there is no store, or it cannot be read.
    pub fn open(store: &Path) -> Result<Self, StoreError> {
        let store = path::absolute(store).map_err(unavailable)?;
        let connection = schema::open_reader(&store).map_err(unavailable)?;
        // One snapshot for all that is asked.
        connection.execute_batch("BEGIN").map_err(unavailable)?;
        schema::has_schema(&connection, &store).map_err(unavailable)?;
        Ok(Self { connection })
    }

    /// Recomputes every entry. `differs` is told of what is wrong, one at a time, so that memory is bounded whatever is in
    /// the file.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn check(&self, mut differs: impl FnMut(Difference)) -> Result<Findings, StoreError> {
        check(&self.connection, &mut differs).map_err(unavailable)
    }

    /// Writes the books, as JSON lines, to a file that must not exist yet: every posting in the order of commits with the
    /// balances after it, every account's balance, and how many of both there are.
    ///
    /// # Errors
    /// When the store cannot be read, or the file exists or cannot be written.
    pub fn export(&self, to: &Path) -> Result<(), StoreError> {
        export::export(&self.connection, to)
    }
}

impl Findings {
    /// Whether debits equal credits in every currency.
    pub fn are_even(&self) -> bool {
        self.totals.iter().all(|total| total.debit_minor == total.credit_minor)
    }

    fn add(&mut self, currency: &str, debit_minor: i128, credit_minor: i128) {
        match self.totals.iter_mut().find(|total| total.currency == currency) {
            Some(total) => {
                total.debit_minor = total.debit_minor.saturating_add(debit_minor);
                total.credit_minor = total.credit_minor.saturating_add(credit_minor);
            }
            None => {
                let currency = currency.to_owned();
                self.totals.push(Total { currency, debit_minor, credit_minor });
            }
        }
    }
}

fn check(
    connection: &Connection,
    differs: &mut dyn FnMut(Difference),
) -> rusqlite::Result<Findings> {
    let mut findings = Findings::default();
    let mut statement = connection.prepare(ENTRIES)?;
    let mut rows = statement.query([])?;
    let (mut entries, mut of_postings, mut running) = (0_u64, 0_i64, Running::default());
    while let Some(row) = rows.next()? {
        let (account, currency) = (row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?);
        if entries == 0 || (account, currency) != (&running.account, &running.currency) {
            running = Running {
                account: account.into(),
                currency: currency.into(),
                ..Running::default()
            };
            findings.balances += 1;
        }
        entries += 1;
        if entries.is_multiple_of(PROGRESS) {
            tracing::info!(entries, "checking the books");
        }
        let differs = &mut |wrong| {
            let (account, currency) = (account.to_owned(), currency.to_owned());
            differs(Difference { account, currency, position: row.get(2)?, wrong });
            Ok(())
        };
        if let Some(posted) = running.post(row, differs)? {
            of_postings += 1;
            findings.add(currency, posted.0, posted.1);
        }
    }
    let (postings, sides): (i64, i64) =
        connection.query_row(COUNTS, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    findings.totals.sort_by(|one, other| one.currency.cmp(&other.currency));
    findings.postings = u64::try_from(postings).unwrap_or_default();
    // No two entries are of the same side of a posting: where there are as many as sides, none is missing.
    if of_postings != sides {
        let mut missing = connection.prepare(MISSING)?;
        let mut rows = missing.query([])?;
        while let Some(row) = rows.next()? {
            let (account, currency, position) = (row.get(0)?, row.get(1)?, row.get(2)?);
            differs(Difference { account, currency, position, wrong: Wrong::NoEntry });
        }
    }
    Ok(findings)
}

/// An account as it must be, from its postings so far.
#[derive(Default)]
struct Running {
    account: String,
    currency: String,
    debit_minor: i128,
    credit_minor: i128,
    latest_at: i64,
    balance_was_told: bool,
    latest_was_told: bool,
}

impl Running {
    /// Adds the posting of an entry, and compares. Gives what it posts to debit and credit, if there is such a posting.
    fn post(
        &mut self,
        row: &Row<'_>,
        differs: &mut dyn FnMut(Wrong) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<Option<(i128, i128)>> {
        let side =
            |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<bool>>(column)? == Some(true));
        let (is_debit, is_credit) = (side(6)?, side(7)?);
        if !is_debit && !is_credit {
            differs(Wrong::NoPosting)?;
            return Ok(None);
        }
        let amount_minor = i128::from(row.get::<_, i64>(8)?);
        let posted =
            (if is_debit { amount_minor } else { 0 }, if is_credit { amount_minor } else { 0 });
        // A sum of 64-bit numbers that fit a disk is far from the bounds of 128 bits.
        self.debit_minor = self.debit_minor.saturating_add(posted.0);
        self.credit_minor = self.credit_minor.saturating_add(posted.1);
        self.latest_at = self.latest_at.max(row.get(10)?);
        let kept: (i64, i64) = (row.get(3)?, row.get(4)?);
        let posted_so_far = (self.debit_minor, self.credit_minor);
        if (i128::from(kept.0), i128::from(kept.1)) != posted_so_far && !self.balance_was_told {
            self.balance_was_told = true;
            differs(Wrong::Balance { kept, posted: posted_so_far })?;
        }
        if row.get::<_, i64>(5)? != self.latest_at && !self.latest_was_told {
            self.latest_was_told = true;
            differs(Wrong::LatestAt)?;
        }
        let net_minor = self.credit_minor.saturating_sub(self.debit_minor);
        match row.get::<_, Option<i64>>(9)? {
            Some(floor_minor) if is_debit && net_minor < i128::from(floor_minor) => {
                differs(Wrong::Floor { floor_minor, net_minor })?;
            }
            _ => {}
        }
        Ok(Some(posted))
    }
}

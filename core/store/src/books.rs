//! Whether the books are right: every entry recomputed from the postings.

use std::path::{self, Path};

use countersign_domain::record::StoreError;
use rusqlite::Connection;

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
    pub fn check(
        &self,
        mut differs: impl FnMut(Difference) + Send,
    ) -> Result<Findings, StoreError> {
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
    differs: &mut (dyn FnMut(Difference) + Send),
) -> rusqlite::Result<Findings> {
    let mut audit = Audit::new(differs);
    let mut statement = connection.prepare(ENTRIES)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        audit.entry(&EntryBeside {
            account: row.get_ref(0)?.as_str()?,
            currency: row.get_ref(1)?.as_str()?,
            position: row.get(2)?,
            kept: (row.get(3)?, row.get(4)?),
            latest_at: row.get(5)?,
            is_debit: row.get::<_, Option<bool>>(6)? == Some(true),
            is_credit: row.get::<_, Option<bool>>(7)? == Some(true),
            amount_minor: row.get(8)?,
            floor_minor: row.get(9)?,
            at: row.get(10)?,
        });
    }
    let (postings, sides): (i64, i64) =
        connection.query_row(COUNTS, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if audit.misses(sides) {
        let mut missing = connection.prepare(MISSING)?;
        let mut rows = missing.query([])?;
        while let Some(row) = rows.next()? {
            audit.missing(row.get(0)?, row.get(1)?, row.get(2)?);
        }
    }
    Ok(audit.findings(postings))
}

/// An entry beside its posting, if that is there.
pub(crate) struct EntryBeside<'a> {
    pub(crate) account: &'a str,
    pub(crate) currency: &'a str,
    pub(crate) position: i64,
    /// The sums that the entry has, debit and credit.
    pub(crate) kept: (i64, i64),
    pub(crate) latest_at: i64,
    pub(crate) is_debit: bool,
    pub(crate) is_credit: bool,
    /// None without a posting; so is `at`.
    pub(crate) amount_minor: Option<i64>,
    pub(crate) floor_minor: Option<i64>,
    pub(crate) at: Option<i64>,
}

/// The books as they are gone through, whatever they are read from: every entry, the accounts one after the other.
pub(crate) struct Audit<'a> {
    findings: Findings,
    entries: u64,
    of_postings: i64,
    running: Running,
    differs: &'a mut (dyn FnMut(Difference) + Send),
}

impl<'a> Audit<'a> {
    pub(crate) fn new(differs: &'a mut (dyn FnMut(Difference) + Send)) -> Self {
        let (findings, running) = (Findings::default(), Running::default());
        Self { findings, entries: 0, of_postings: 0, running, differs }
    }

    pub(crate) fn entry(&mut self, entry: &EntryBeside<'_>) {
        let (account, currency) = (entry.account, entry.currency);
        if self.entries == 0
            || (account, currency) != (&self.running.account, &self.running.currency)
        {
            self.running = Running {
                account: account.into(),
                currency: currency.into(),
                ..Running::default()
            };
            self.findings.balances += 1;
        }
        self.entries += 1;
        if self.entries.is_multiple_of(PROGRESS) {
            tracing::info!(entries = self.entries, "checking the books");
        }
        let differs = &mut |wrong| {
            let (account, currency) = (account.to_owned(), currency.to_owned());
            (self.differs)(Difference { account, currency, position: entry.position, wrong });
        };
        if let Some(posted) = self.running.post(entry, differs) {
            self.of_postings += 1;
            self.findings.add(currency, posted.0, posted.1);
        }
    }

    /// Whether there are fewer entries than sides of postings. No two entries are of the same side of a posting: where there
    /// are as many as sides, none is missing.
    pub(crate) fn misses(&self, sides: i64) -> bool {
        self.of_postings != sides
    }

    pub(crate) fn missing(&mut self, account: String, currency: String, position: i64) {
        (self.differs)(Difference { account, currency, position, wrong: Wrong::NoEntry });
    }

    /// What was found beside so many postings.
    pub(crate) fn findings(mut self, postings: i64) -> Findings {
        self.findings.totals.sort_by(|one, other| one.currency.cmp(&other.currency));
        self.findings.postings = u64::try_from(postings).unwrap_or_default();
        self.findings
    }
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
        entry: &EntryBeside<'_>,
        differs: &mut dyn FnMut(Wrong),
    ) -> Option<(i128, i128)> {
        let EntryBeside { is_debit, is_credit, kept, .. } = *entry;
        let (Some(amount_minor), Some(at), true) =
            (entry.amount_minor, entry.at, is_debit || is_credit)
        else {
            differs(Wrong::NoPosting);
            return None;
        };
        let amount_minor = i128::from(amount_minor);
        let posted =
            (if is_debit { amount_minor } else { 0 }, if is_credit { amount_minor } else { 0 });
        // A sum of 64-bit numbers that fit a disk is far from the bounds of 128 bits.
        self.debit_minor = self.debit_minor.saturating_add(posted.0);
        self.credit_minor = self.credit_minor.saturating_add(posted.1);
        self.latest_at = self.latest_at.max(at);
        let posted_so_far = (self.debit_minor, self.credit_minor);
        if (i128::from(kept.0), i128::from(kept.1)) != posted_so_far && !self.balance_was_told {
            self.balance_was_told = true;
            differs(Wrong::Balance { kept, posted: posted_so_far });
        }
        if entry.latest_at != self.latest_at && !self.latest_was_told {
            self.latest_was_told = true;
            differs(Wrong::LatestAt);
        }
        let net_minor = self.credit_minor.saturating_sub(self.debit_minor);
        match entry.floor_minor {
            Some(floor_minor) if is_debit && net_minor < i128::from(floor_minor) => {
                differs(Wrong::Floor { floor_minor, net_minor });
            }
            _ => {}
        }
        Some(posted)
    }
}

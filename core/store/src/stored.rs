//! What stands in a row, with the integers of a database, and what it is to the domain.

use std::fmt;

use countersign_domain::{
    amount::{Amount, Currency},
    record::{Count, Record, RecordKey, StoreError, Version, Windows},
    register::{Account, Balance, Entry, Position, Posting, Statement},
    time::Timestamp,
};

use crate::error::{corrupt, corrupt_json};

/// A row of the records.
pub(crate) struct StoredRecord {
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) due_at: Option<i64>,
    pub(crate) final_at: Option<i64>,
    pub(crate) body: String,
}

impl StoredRecord {
    pub(crate) fn read(self, collection: &'static str) -> Result<Record, StoreError> {
        let key = RecordKey { collection, id: self.id };
        let version = Version(natural(self.version, &key, "version")?);
        let due_at = self.due_at.map(|at| natural(at, &key, "due_at")).transpose()?;
        let final_at = self.final_at.map(|at| natural(at, &key, "final_at")).transpose()?;
        Ok(Record {
            version,
            due_at: due_at.map(Timestamp::from_unix_millis),
            final_at: final_at.map(Timestamp::from_unix_millis),
            body: self.body,
            key,
        })
    }
}

/// An account after one of its entries; at its start before the first one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Last {
    /// The entry's own.
    pub(crate) sequence: i64,
    /// The sums up to and with it.
    pub(crate) balance: Balance,
    /// The latest time of a posting so far.
    pub(crate) latest_at: Timestamp,
}

impl Last {
    /// From the sequence, the two sums and the latest time of an entry, if there is one.
    pub(crate) fn read(
        found: Option<(i64, i64, i64, i64)>,
        account: impl fmt::Display,
    ) -> Result<Self, StoreError> {
        let Some((sequence, debit, credit, latest_at)) = found else { return Ok(Self::NONE) };
        Ok(Self {
            sequence,
            balance: balance((debit, credit), &account)?,
            latest_at: Timestamp::from_unix_millis(natural(latest_at, &account, "latest_at")?),
        })
    }

    /// There is no entry.
    pub(crate) const NONE: Self = Self {
        sequence: 0,
        balance: Balance { debit_minor: 0, credit_minor: 0 },
        latest_at: Timestamp::from_unix_millis(0),
    };
}

/// A row of the entries and its posting.
pub(crate) struct StoredEntry {
    pub(crate) sequence: i64,
    pub(crate) id: String,
    pub(crate) debit: String,
    pub(crate) credit: String,
    pub(crate) amount_minor: i64,
    pub(crate) floor_minor: Option<i64>,
    pub(crate) at: i64,
    /// Debit and credit.
    pub(crate) balance: (i64, i64),
}

impl StoredEntry {
    fn read(self, currency: Currency) -> Result<Entry, StoreError> {
        let id = self.id;
        let account =
            |text: String| Account::try_from(text).map_err(|error| corrupt(&id, error.to_string()));
        let (debit, credit) = (account(self.debit)?, account(self.credit)?);
        let amount = Amount::new(natural(self.amount_minor, &id, "amount_minor")?, currency)
            .map_err(|error| corrupt(&id, error.to_string()))?;
        let position = Position(natural(self.sequence, &id, "sequence")?);
        let at = Timestamp::from_unix_millis(natural(self.at, &id, "at")?);
        let balance = balance(self.balance, &id)?;
        let floor_minor = self.floor_minor;
        let posting = Posting { id, debit, credit, amount, floor_minor, at };
        Ok(Entry { position, posting, balance })
    }
}

/// Of the account's last entries before both cuts, and the entries between them. A span that closes before it opens is empty.
pub(crate) fn statement(
    opens: Last,
    closes: Last,
    entries: Vec<StoredEntry>,
    currency: Currency,
) -> Result<Statement, StoreError> {
    let closes = if closes.sequence < opens.sequence { opens } else { closes };
    let entries = entries.into_iter().map(|stored| stored.read(currency));
    Ok(Statement {
        opening: opens.balance,
        entries: entries.collect::<Result<_, _>>()?,
        closing: closes.balance,
        closes: Position(natural(closes.sequence, "the statement", "sequence")?),
    })
}

fn balance((debit, credit): (i64, i64), key: impl fmt::Display) -> Result<Balance, StoreError> {
    Ok(Balance {
        debit_minor: natural(debit, &key, "debit_minor")?,
        credit_minor: natural(credit, &key, "credit_minor")?,
    })
}

/// A row of the counters, but for its subject.
#[derive(Debug)]
pub(crate) struct Counter {
    /// The end of the last window.
    pub(crate) until: i64,
    /// As JSON.
    pub(crate) windows: String,
}

impl Counter {
    /// As it is with one more, after the windows that were kept. None when nothing is counted by it.
    pub(crate) fn of(kept: Option<&str>, count: &Count) -> Result<Option<Self>, StoreError> {
        let subject = &count.subject;
        let corrupt = |error| corrupt_json(subject, &error);
        let kept: Option<Windows> = kept.map(serde_json::from_str).transpose().map_err(corrupt)?;
        let windows = kept.unwrap_or_default().counted(count)?;
        let Some(until) = windows.until() else { return Ok(None) };
        let until = integer(until.unix_millis(), subject, "until")?;
        Ok(Some(Self { until, windows: serde_json::to_string(&windows).map_err(corrupt)? }))
    }
}

/// Which counters a group of batches deletes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Over {
    /// Those whose last window was over by then.
    pub(crate) by: i64,
    /// So many at most: more than are counted, so that what is over never piles up, and few, so that no commit waits for it.
    pub(crate) at_most: i64,
}

impl Over {
    /// After those counts, if there are any.
    pub(crate) fn of<'a>(counts: impl Iterator<Item = &'a Count>) -> Option<Self> {
        // A time that no database can hold is refused with its batch, and says nothing of others.
        let times = counts.filter_map(|count| i64::try_from(count.at.unix_millis()).ok());
        times.map(|by| Self { by, at_most: 4 }).reduce(|one, other| Self {
            by: one.by.max(other.by),
            at_most: one.at_most.saturating_add(other.at_most),
        })
    }
}

/// The integers of a database are signed; ours are not.
pub(crate) fn natural(value: i64, key: impl fmt::Display, name: &str) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| corrupt(key, format!("{name} {value} is below 0")))
}

/// The same the other way.
pub(crate) fn integer(value: u64, key: impl fmt::Display, name: &str) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| corrupt(key, format!("{name} {value} is above {}", i64::MAX)))
}

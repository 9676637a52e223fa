//! What a statement is of.

use countersign_domain::{
    amount::Currency,
    register::{Account, Entry, Statement},
    time::Timestamp,
};
use thiserror::Error;

/// What a page cannot say of itself.
#[derive(Clone, Copy, Debug)]
pub struct Heading<'a> {
    /// Names this statement among all: up to 29 characters, so that a page's number fits behind it.
    pub id: &'a str,
    /// The account in the books.
    pub account: &'a Account,
    /// What its holder knows it by: up to 34 characters.
    pub number: &'a str,
    /// The currency of the statement.
    pub currency: Currency,
    /// When its span opens.
    pub from: Timestamp,
    /// When its span closes.
    pub to: Timestamp,
    /// When it was read from the books.
    pub made_at: Timestamp,
    /// Which page this is, from 1 on.
    pub page: u16,
}

impl Heading<'_> {
    pub(crate) const fn is_first(&self) -> bool {
        self.page <= 1
    }

    /// Whether the entry is on the account's debit, and whether it is on its credit: it may be on both.
    pub(crate) fn sides(&self, entry: &Entry) -> (bool, bool) {
        (entry.posting.debit == *self.account, entry.posting.credit == *self.account)
    }

    /// The account on the other side.
    pub(crate) fn other<'e>(&self, entry: &'e Entry) -> &'e Account {
        let posting = &entry.posting;
        if posting.debit == *self.account { &posting.credit } else { &posting.debit }
    }
}

pub(crate) fn is_last(statement: &Statement) -> bool {
    statement.rest().is_none()
}

/// Why a statement cannot be written.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Unfit {
    /// ISO 20022 has no room for it.
    #[error("{element} {value:?} does not have 1 to {most} characters")]
    Length {
        /// The element by its name in the schema.
        element: &'static str,
        /// What it was to be.
        value: String,
        /// How many characters it may have.
        most: usize,
    },
    /// A balance with more digits than ISO 20022 has.
    #[error("the balance {minor} has more than 18 digits")]
    Digits {
        /// In minor units.
        minor: i128,
    },
    /// A time after the year 9999.
    #[error("{millis} ms after the Unix epoch is after the year 9999")]
    Time {
        /// Since the Unix epoch.
        millis: u64,
    },
}

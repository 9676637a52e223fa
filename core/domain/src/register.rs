//! The books: accounts that count what is owed, in double entry.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    amount::Amount,
    id::{Identifier, PaymentId, RelyingPartyId},
    invalid::{Field, InvalidInput},
    time::Timestamp,
};

/// A kind of account. Flows have kinds of their own, as they have collections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AccountKind(&'static str);

impl AccountKind {
    /// What a payer owes.
    pub const PAYER: Self = Self::new("payer");
    /// What is owed to a relying party.
    pub const RELYING_PARTY: Self = Self::new("relying_party");

    /// A kind of that name: lower-case letters and underscores. Make it a constant: another name does not compile then.
    ///
    /// # Panics
    /// When it is not such a name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        assert!(is_kind(name.as_bytes()), "lower-case letters and underscores");
        Self(name)
    }
}

const fn is_kind(mut name: &[u8]) -> bool {
    let some = !name.is_empty();
    while let [first, rest @ ..] = name {
        if !first.is_ascii_lowercase() && *first != b'_' {
            return false;
        }
        name = rest;
    }
    some
}

/// An account: its kind and whose it is, such as `payer:alice`.
///
/// Patent: *registre*; C19: on correspondence an account is incremented to the debit of the debtor.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Account(String);

impl Account {
    /// Longest name of an owner, in bytes.
    pub const MAX_OWNER_BYTES: usize = 128;

    /// The account of that kind of that owner.
    ///
    /// # Errors
    /// When the owner is empty, too long, or has a control character.
    pub fn new(kind: AccountKind, owner: &str) -> Result<Self, InvalidInput> {
        Self::try_from(format!("{}:{owner}", kind.0))
    }

    /// What that payer owes.
    pub fn payer(payer: &Identifier) -> Self {
        Self(format!("{}:{payer}", AccountKind::PAYER.0))
    }

    /// What is owed to that relying party.
    pub fn relying_party(party: &RelyingPartyId) -> Self {
        Self(format!("{}:{party}", AccountKind::RELYING_PARTY.0))
    }

    /// Kind and owner, as it is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Account {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        let refuse = |why| Err(InvalidInput::new(Field::Account, why));
        let Some((kind, owner)) = text.split_once(':') else {
            return refuse("has no colon after its kind");
        };
        if !is_kind(kind.as_bytes()) {
            return refuse("has a kind that is not lower-case letters and underscores");
        }
        if owner.is_empty() {
            return refuse("has no owner");
        }
        if owner.len() > Self::MAX_OWNER_BYTES {
            return refuse("has an owner of more than 128 bytes");
        }
        if owner.chars().any(char::is_control) {
            return refuse("has a control character");
        }
        Ok(Self(text))
    }
}

impl From<Account> for String {
    fn from(account: Account) -> Self {
        account.0
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One amount, on the debit of one account and on the credit of another, posted once ever.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Posting {
    /// Unique: a second posting of the same id is a conflict, whatever it posts.
    pub id: String,
    /// The account that owes.
    pub debit: Account,
    /// The account that is owed.
    pub credit: Account,
    /// In minor units of its currency.
    pub amount: Amount,
    /// The net balance, in minor units of the amount's currency, below which this posting must not bring the debited
    /// account.
    pub floor_minor: Option<i64>,
    /// When it was posted.
    pub at: Timestamp,
}

impl Posting {
    /// A posting without a floor.
    pub fn new(
        id: impl Into<String>,
        debit: Account,
        credit: Account,
        amount: Amount,
        at: Timestamp,
    ) -> Self {
        Self { id: id.into(), debit, credit, amount, floor_minor: None, at }
    }

    /// The same, which must not bring the debited account below `floor_minor`.
    #[must_use]
    pub fn not_below(self, floor_minor: i64) -> Self {
        Self { floor_minor: Some(floor_minor), ..self }
    }

    /// The credit of that number after the capture of a payment.
    pub fn credit(
        payment: &PaymentId,
        number: u32,
        debit: Account,
        credit: Account,
        amount: Amount,
        at: Timestamp,
    ) -> Self {
        Self::new(format!("{payment}/credit/{number}"), debit, credit, amount, at)
    }

    /// The reversal of the credit of that number.
    pub fn credit_reversal(
        payment: &PaymentId,
        number: u32,
        debit: Account,
        credit: Account,
        amount: Amount,
        at: Timestamp,
    ) -> Self {
        Self::new(format!("{payment}/credit/{number}/reversal"), debit, credit, amount, at)
    }

    /// The capture of a payment.
    pub fn capture(
        payment: &PaymentId,
        debit: Account,
        credit: Account,
        amount: Amount,
        at: Timestamp,
    ) -> Self {
        Self::new(format!("{payment}/capture"), debit, credit, amount, at)
    }
}

/// What was posted to an account in one currency, in minor units.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Balance {
    /// To its debit.
    pub debit_minor: u64,
    /// To its credit.
    pub credit_minor: u64,
}

impl Balance {
    /// Credits minus debits.
    pub fn net_minor(self) -> i128 {
        i128::from(self.credit_minor).saturating_sub(i128::from(self.debit_minor))
    }

    /// The balance after a posting to a side of `account`; none when a sum is above what a store can keep.
    #[must_use]
    pub fn after(self, posting: &Posting, account: &Account) -> Option<Self> {
        let add = |sum: u64, side: &Account| match side == account {
            true => sum
                .checked_add(posting.amount.amount_minor())
                .filter(|sum| i64::try_from(*sum).is_ok()),
            false => Some(sum),
        };
        Some(Self {
            debit_minor: add(self.debit_minor, &posting.debit)?,
            credit_minor: add(self.credit_minor, &posting.credit)?,
        })
    }
}

/// The place of a posting in the order of commits.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Position(pub u64);

impl Position {
    /// Before the first posting.
    pub const START: Self = Self(0);
    /// After the last one, whichever that is.
    pub const END: Self = Self(u64::MAX);
}

/// Between which two postings of an account something begins or ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cut {
    /// After the posting that stands there.
    After(Position),
    /// Before the account's first posting of that time or later. What was committed after that one is behind the cut,
    /// too, though the clock of its server may have been late: so the statements of two days share no entry and lose none,
    /// once both are over. One that continues what was read before opens after the position where that closed.
    Before(Timestamp),
}

/// The part of an account's entries that a statement is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Span {
    /// Where it opens.
    pub opens: Cut,
    /// Where it closes; never before it opens.
    pub closes: Cut,
}

impl Span {
    /// All entries there are.
    pub const ALL: Self = Self::since(Position::START);

    /// The entries behind a position.
    pub const fn since(position: Position) -> Self {
        Self { opens: Cut::After(position), closes: Cut::After(Position::END) }
    }

    /// The entries from one time on and before another.
    pub const fn between(from: Timestamp, to: Timestamp) -> Self {
        Self { opens: Cut::Before(from), closes: Cut::Before(to) }
    }
}

/// An account at one instant: a page of its entries, with the balances around them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    /// The balance before the page's first entry.
    pub opening: Balance,
    /// In the order of their commits.
    pub entries: Vec<Entry>,
    /// The balance after the last entry of the span, whether it is on this page or on a later one.
    pub closing: Balance,
    /// Where that entry stands. The span that closes after it never changes, whatever is posted.
    pub closes: Position,
}

impl Statement {
    /// The span of the entries behind this page, of the same instant; none when it is the last page.
    pub fn rest(&self) -> Option<Span> {
        let last = self.entries.last()?.position;
        let rest = Span { opens: Cut::After(last), closes: Cut::After(self.closes) };
        (last < self.closes).then_some(rest)
    }
}

/// A line of a statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Where it stands.
    pub position: Position,
    /// What was posted.
    pub posting: Posting,
    /// The balance of the statement's account after it.
    pub balance: Balance,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_a_kind_and_an_owner() {
        let alice = Account::payer(&Identifier::try_from("alice").unwrap());
        assert_eq!(Account::try_from("payer:alice".to_owned()), Ok(alice));
        for (text, why) in [
            ("alice".to_owned(), "has no colon after its kind"),
            (":alice".to_owned(), "has a kind that is not lower-case letters and underscores"),
            ("Payer:alice".to_owned(), "has a kind that is not lower-case letters and underscores"),
            ("payer:".to_owned(), "has no owner"),
            (format!("payer:{}", "x".repeat(129)), "has an owner of more than 128 bytes"),
            ("payer:a\nb".to_owned(), "has a control character"),
        ] {
            assert_eq!(Account::try_from(text), Err(InvalidInput::new(Field::Account, why)));
        }
    }

    #[test]
    fn every_payer_and_every_relying_party_has_an_account() {
        let longest = Identifier::try_from("~".repeat(Identifier::MAX_BYTES)).unwrap();
        let account = Account::payer(&longest);
        assert_eq!(Account::try_from(account.as_str().to_owned()), Ok(account));
    }
}

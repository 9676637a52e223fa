//! Registers: accounts that count what is owed, in double entry.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    amount::Amount,
    id::{Identifier, PaymentId, RelyingPartyId},
    time::Timestamp,
};

/// An account of the register.
///
/// Patent: *registre*; C19: on correspondence an account is incremented to the debit of the debtor.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// What a payer owes.
    Payer(Identifier),
    /// What is owed to a relying party.
    RelyingParty(RelyingPartyId),
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payer(identifier) => write!(f, "payer:{identifier}"),
            Self::RelyingParty(id) => write!(f, "relying_party:{id}"),
        }
    }
}

/// One amount, on the debit of one account and on the credit of another, posted once ever.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Posting {
    /// Unique: a second posting of the same id is a conflict, whoever makes it.
    pub id: String,
    /// The account that owes.
    pub debit: Account,
    /// The account that is owed.
    pub credit: Account,
    /// How much.
    pub amount: Amount,
    /// When it was posted.
    pub at: Timestamp,
}

impl Posting {
    /// The capture of a payment.
    pub fn capture(
        payment: &PaymentId,
        debit: Account,
        credit: Account,
        amount: Amount,
        at: Timestamp,
    ) -> Self {
        Self { id: format!("{payment}/capture"), debit, credit, amount, at }
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

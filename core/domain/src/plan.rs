//! What the policy decided for a payment.

use serde::{Deserialize, Serialize};

/// Whether the bank is asked before or after the person.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The code is sent only when the bank has granted the amount (claims 9 and 10; F7.707 before F7.708).
    #[default]
    BankFirst,
    /// The bank is asked last, after the code was checked (F7.v1, F8.v1).
    CodeFirst,
}

/// Which channels a transaction needs (C23).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Both: a code is sent and typed back. Patent: *transmission à sécuriser*.
    Secured,
    /// One only. Patent: *transmission normale*; an exemption in the words of the RTS (art. 16, 18).
    Normal,
}

//! Which messages wait behind which.

use serde::{Deserialize, Serialize};

/// Where a message waits. What anybody can have sent to any number, as enrolling does, waits apart from the codes of payers:
/// many of it delay nobody who pays.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Codes of payments.
    Payments,
    /// Codes for certificates, access and documents.
    Others,
    /// Codes that a telecom operator computes and sends (F12.v1): another way to the phone, whatever stands in ours.
    Operator,
}

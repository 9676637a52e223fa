//! Where a payment stands.

use serde::{Deserialize, Serialize};

use crate::{
    amount::Amount,
    bank::{ApprovalCode, BankReference, ResponseCode},
    refusal::VoidCause,
    time::Timestamp,
};

/// Where a payment stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PaymentState {
    /// The bank is asked to hold the amount.
    Authorizing {
        /// Whether the person agreed, or was not to be asked.
        agreed: bool,
    },
    /// The person has the next action.
    AwaitingCode {
        /// What the bank holds already, when it was asked first.
        approval: Option<ApprovalCode>,
    },
    /// The amount is held and agreed to; the relying party says when it is captured.
    Authorized {
        /// What the bank holds, if it was asked.
        approval: Option<ApprovalCode>,
        /// Until when it is held.
        until: Timestamp,
    },
    /// The bank is told to debit the amount.
    Capturing {
        /// What the bank holds.
        approval: ApprovalCode,
        /// How much of it is debited.
        amount: Amount,
    },
    /// The amount is debited and posted.
    Captured(Capture),
    /// The bank is asked to give some of it back.
    Crediting {
        /// What was captured.
        capture: Capture,
        /// How much is given back.
        amount: Amount,
        /// Names this credit towards the bank.
        reference: BankReference,
    },
    /// The bank refused.
    Declined {
        /// Why, in the bank's terms.
        response: ResponseCode,
        /// When that happened.
        at: Timestamp,
    },
    /// The bank is told to release what it holds, or may hold.
    Voiding {
        /// What ended it.
        cause: VoidCause,
        /// What the bank holds, if it said so.
        approval: Option<ApprovalCode>,
    },
    /// No amount is taken, none is held.
    Voided {
        /// What ended it.
        cause: VoidCause,
        /// When that happened.
        at: Timestamp,
    },
}

/// What was debited, and what of it was given back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Capture {
    /// How much was debited.
    pub amount: Amount,
    /// When it was posted.
    pub at: Timestamp,
    /// How often some of it was given back.
    pub credits: u32,
    /// How much was given back, in minor units.
    pub credited_minor: u64,
}

impl Capture {
    /// What can still be given back, in minor units.
    pub const fn left_minor(&self) -> u64 {
        self.amount.amount_minor().saturating_sub(self.credited_minor)
    }
}

impl PaymentState {
    /// The state's name, as the API and the errors give it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Authorizing { .. } => "authorizing",
            Self::AwaitingCode { .. } => "awaiting_code",
            Self::Authorized { .. } => "authorized",
            Self::Capturing { .. } => "capturing",
            Self::Captured(_) => "captured",
            Self::Crediting { .. } => "crediting",
            Self::Declined { .. } => "declined",
            Self::Voiding { .. } => "voiding",
            Self::Voided { .. } => "voided",
        }
    }

    /// How often some of it was given back.
    pub const fn credits(&self) -> u32 {
        match self {
            Self::Captured(capture) | Self::Crediting { capture, .. } => capture.credits,
            Self::Authorizing { .. }
            | Self::AwaitingCode { .. }
            | Self::Authorized { .. }
            | Self::Capturing { .. }
            | Self::Declined { .. }
            | Self::Voiding { .. }
            | Self::Voided { .. } => 0,
        }
    }

    /// Whether nothing more happens by itself; what was captured can still be credited.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Captured(_) | Self::Declined { .. } | Self::Voided { .. })
    }
}

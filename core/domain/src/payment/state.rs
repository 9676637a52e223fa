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
    /// The bank is asked to debit again what it gave back.
    ReversingCredit {
        /// What was captured.
        capture: Capture,
        /// Which credit is reversed.
        credit: Credited,
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
    /// The last credits that are not reversed, the latest last: at most 16, so that a record stays small.
    #[serde(default)]
    pub(crate) reversible: Vec<Credited>,
}

/// An amount that was given back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Credited {
    /// 1 for the payment's first credit.
    pub(crate) number: u32,
    /// How much it was.
    pub(crate) amount: Amount,
    /// By which the bank knows it.
    pub(crate) reference: BankReference,
}

/// How many credits of one payment can be reversed.
const MAX_REVERSIBLE: usize = 16;

impl Capture {
    /// All of an amount is debited.
    pub(crate) const fn new(amount: Amount, at: Timestamp) -> Self {
        Self { amount, at, credits: 0, credited_minor: 0, reversible: Vec::new() }
    }

    /// With one credit more.
    pub(crate) fn with_credit(mut self, amount: Amount, reference: BankReference) -> Self {
        self.credits = self.credits.saturating_add(1);
        self.credited_minor = self.credited_minor.saturating_add(amount.amount_minor());
        if self.reversible.len() >= MAX_REVERSIBLE {
            self.reversible.remove(0);
        }
        self.reversible.push(Credited { number: self.credits, amount, reference });
        self
    }

    /// The latest credit of that amount which can be reversed. One of several of the same amount is as good as another.
    pub(crate) fn reversible(&self, amount: Amount) -> Option<&Credited> {
        self.reversible.iter().rev().find(|credit| credit.amount == amount)
    }

    /// With that credit reversed.
    pub(crate) fn without_credit(mut self, credit: &Credited) -> Self {
        self.credited_minor = self.credited_minor.saturating_sub(credit.amount.amount_minor());
        self.reversible.retain(|one| one != credit);
        self
    }

    /// How many credits can be reversed.
    pub(crate) const fn reversibles(&self) -> usize {
        self.reversible.len()
    }

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
            Self::ReversingCredit { .. } => "reversing_credit",
            Self::Declined { .. } => "declined",
            Self::Voiding { .. } => "voiding",
            Self::Voided { .. } => "voided",
        }
    }

    /// What was captured, once it is.
    pub const fn capture(&self) -> Option<&Capture> {
        match self {
            Self::Captured(capture)
            | Self::Crediting { capture, .. }
            | Self::ReversingCredit { capture, .. } => Some(capture),
            Self::Authorizing { .. }
            | Self::AwaitingCode { .. }
            | Self::Authorized { .. }
            | Self::Capturing { .. }
            | Self::Declined { .. }
            | Self::Voiding { .. }
            | Self::Voided { .. } => None,
        }
    }

    /// Whether the bank is asked or told something in it.
    pub(crate) const fn asks_bank(&self) -> bool {
        match self {
            Self::Authorizing { .. }
            | Self::Capturing { .. }
            | Self::Crediting { .. }
            | Self::ReversingCredit { .. }
            | Self::Voiding { .. } => true,
            Self::AwaitingCode { .. }
            | Self::Authorized { .. }
            | Self::Captured(_)
            | Self::Declined { .. }
            | Self::Voided { .. } => false,
        }
    }

    /// Whether nothing more happens by itself; what was captured can still be credited.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Captured(_) | Self::Declined { .. } | Self::Voided { .. })
    }
}

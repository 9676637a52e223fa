//! What the items of a batch come to. Merchant and gateway count alike, each in its own books.

use countersign_domain::amount::{Amount, Currency};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::message::{
    batch::{BatchStatus, BatchTotals, TransactionAmtType},
    settlement::{SettlementCode, SettlementKind},
};

/// Items that were counted, in one currency.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Tally {
    /// Of which all items are: ISO 4217.
    #[schema(value_type = String, pattern = "^[A-Z]{3}$")]
    pub currency: Currency,
    /// Items of which there is no last word yet.
    pub under_way: u32,
    /// How many gave money back.
    pub credits: u32,
    /// How much they gave back, in minor units.
    pub credited_minor: u64,
    /// How many debited.
    pub debits: u32,
    /// How much they debited, in minor units.
    pub debited_minor: u64,
}

impl Tally {
    /// Nothing was counted.
    pub(crate) const fn none(currency: Currency) -> Self {
        Self { currency, under_way: 0, credits: 0, credited_minor: 0, debits: 0, debited_minor: 0 }
    }

    /// One more item has begun.
    pub(crate) const fn with_item(self) -> Self {
        Self { under_way: self.under_way.saturating_add(1), ..self }
    }

    /// One of the items has come to its end: it counts when it was done.
    pub(crate) fn ended(self, kind: SettlementKind, amount: Amount, code: SettlementCode) -> Self {
        let next = Self { under_way: self.under_way.saturating_sub(1), ..self };
        let more = amount.amount_minor();
        match (code, kind.direction()) {
            (SettlementCode::Success, Some(TransactionAmtType::Credit)) => Self {
                credits: next.credits.saturating_add(1),
                credited_minor: next.credited_minor.saturating_add(more),
                ..next
            },
            (SettlementCode::Success, Some(TransactionAmtType::Debit)) => Self {
                debits: next.debits.saturating_add(1),
                debited_minor: next.debited_minor.saturating_add(more),
                ..next
            },
            _ => next,
        }
    }

    /// In the words of the protocol.
    ///
    /// # Errors
    /// None: a batch has no more items than its numbers, of which each amount has twelve digits.
    pub(crate) fn totals(&self) -> der::Result<BatchTotals> {
        let total = |minor: u64| i64::try_from(minor).unwrap_or(i64::MAX);
        let exponent = i64::from(self.currency.minor_digits());
        Ok(BatchTotals {
            currency: i64::from(self.currency.numeric()).try_into()?,
            amt_exp10: exponent.checked_neg().unwrap_or(0).try_into()?,
            transaction_count_credit: i64::from(self.credits).try_into()?,
            transaction_total_amt_credit: total(self.credited_minor).try_into()?,
            transaction_count_debit: i64::from(self.debits).try_into()?,
            transaction_total_amt_debit: total(self.debited_minor).try_into()?,
        })
    }

    /// What the other side says it has counted, if it can be.
    pub(crate) fn of_status(status: &BatchStatus) -> Option<Self> {
        let totals = &status.batch_totals;
        let number = u16::try_from(totals.currency.get()).ok()?;
        Some(Self {
            currency: Currency::from_numeric(number)?,
            under_way: u32::try_from(status.items_under_way.get()).ok()?,
            credits: u32::try_from(totals.transaction_count_credit.get()).ok()?,
            credited_minor: u64::try_from(totals.transaction_total_amt_credit.get()).ok()?,
            debits: u32::try_from(totals.transaction_count_debit.get()).ok()?,
            debited_minor: u64::try_from(totals.transaction_total_amt_debit.get()).ok()?,
        })
    }

    /// A batch that is to be opened: nothing counted, in a currency that there is.
    pub(crate) fn of_opening(totals: &BatchTotals) -> Option<Self> {
        let number = u16::try_from(totals.currency.get()).ok()?;
        let none = Self::none(Currency::from_numeric(number)?);
        (none.totals().ok()? == *totals).then_some(none)
    }
}

impl SettlementKind {
    /// Which way the money goes; a reversal of an authorization moves none.
    pub(crate) const fn direction(self) -> Option<TransactionAmtType> {
        match self {
            Self::AuthReversal => None,
            Self::Capture | Self::CreditReversal => Some(TransactionAmtType::Debit),
            Self::CaptureReversal | Self::Credit => Some(TransactionAmtType::Credit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_done_counts_each_way_by_itself() {
        let euro = Currency::try_from("EUR").unwrap();
        let amount = |minor| Amount::new(minor, euro).unwrap();
        let tally = [
            (SettlementKind::Capture, 2_000, SettlementCode::Success),
            (SettlementKind::Capture, 1, SettlementCode::Declined),
            (SettlementKind::Credit, 500, SettlementCode::Success),
            (SettlementKind::CaptureReversal, 30, SettlementCode::Success),
            (SettlementKind::CreditReversal, 500, SettlementCode::Success),
        ];
        let tally = tally.into_iter().fold(Tally::none(euro), |tally, (kind, minor, code)| {
            tally.with_item().ended(kind, amount(minor), code)
        });
        let counted = (tally.debits, tally.debited_minor, tally.credits, tally.credited_minor);
        assert_eq!((counted, tally.under_way), ((2, 2_500, 2, 530), 0));
    }

    #[test]
    fn the_most_and_the_largest_items_fit_into_the_totals() {
        let euro = Currency::try_from("EUR").unwrap();
        let most =
            Tally { debits: 9_999, debited_minor: 9_999 * 999_999_999_999, ..Tally::none(euro) };
        assert!(most.totals().is_ok());
    }
}

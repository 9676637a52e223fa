//! What was paid without a code since the last one.

use serde::{Deserialize, Serialize};

use crate::{amount::Amount, id::Identifier, record::Stored};

/// How many payments were made without a code since the last one, and how much they come to in each currency (RTS art. 16(b)
/// and (c)). Each is counted twice, for the card and for the person: neither another name for one card nor another card of
/// one person begins anew.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Exempted {
    /// The keyed hash of the card's number, or the person.
    account: String,
    count: u32,
    totals: Vec<Amount>,
}

/// Where a payment without a code is counted.
pub(crate) fn counted_at(card_index: String, person: &Identifier) -> Vec<String> {
    vec![card_index, format!("person:{person}")]
}

impl Exempted {
    /// Nothing yet, or nothing since a code.
    pub(crate) const fn none(account: String) -> Self {
        Self { account, count: 0, totals: Vec::new() }
    }

    /// Whether there is nothing to forget.
    pub(crate) const fn is_none(&self) -> bool {
        self.count == 0
    }

    /// How many payments.
    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    /// What they come to in the currency of `amount`, in its minor units.
    pub(crate) fn total_minor(&self, amount: Amount) -> u64 {
        let total = self.totals.iter().find(|total| total.currency() == amount.currency());
        total.map_or(0, |total| total.amount_minor())
    }

    /// With one more payment. A total stops at the largest amount, which is above every limit.
    pub(crate) fn with(mut self, amount: Amount) -> Self {
        let sum = self.total_minor(amount).saturating_add(amount.amount_minor());
        let sum = sum.min(Amount::MAX_MINOR);
        self.count = self.count.saturating_add(1);
        self.totals.retain(|total| total.currency() != amount.currency());
        self.totals.push(Amount::new(sum, amount.currency()).unwrap_or(amount));
        self
    }
}

impl Stored for Exempted {
    const COLLECTION: &'static str = "exempted";

    fn id(&self) -> &str {
        &self.account
    }
}

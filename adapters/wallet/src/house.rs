//! Whose the wallets are, and on which terms.

use countersign_domain::{
    amount::Currency, id::RelyingPartyId, origin::Origin, transaction::Payee,
};

use crate::{
    error::MoneyRefusal,
    jws::{KeySet, PublicKey, SigningKey},
    purse::Limits,
};

/// The house that keeps the wallets.
#[derive(Clone, Debug)]
pub struct House {
    /// As people see it where they pay into a wallet.
    pub name: Payee,
    /// Its pages' host, by which tickets and receipts name it.
    pub origin: Origin,
    /// As bank and books know it.
    pub party: RelyingPartyId,
    /// What receipts are signed with.
    pub key: SigningKey,
    /// What receipts were signed with before: they are good for ever, and so these are published, too.
    pub earlier_keys: Vec<PublicKey>,
    /// The currencies that wallets are kept in.
    pub limits: Vec<Limits>,
    /// What it keeps of each payment.
    pub fee: Fee,
    /// How often a merchant is paid what it is owed.
    pub payout_every_seconds: u32,
}

impl House {
    /// What a merchant verifies receipts with, whenever they were signed: the key of now, and those before it.
    pub fn key_set(&self) -> KeySet {
        let current = self.key.public();
        let earlier = self.earlier_keys.iter().filter(|earlier| *earlier != current);
        KeySet { keys: [current].into_iter().chain(earlier).cloned().collect() }
    }

    pub(crate) fn limits(&self, currency: Currency) -> Result<&Limits, MoneyRefusal> {
        let mut limits = self.limits.iter();
        limits.find(|limits| limits.currency == currency).ok_or(MoneyRefusal::NoSuchCurrency)
    }
}

/// All of an amount, in basis points.
const WHOLE: u64 = 10_000;

/// What the house keeps of each payment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fee {
    /// Hundredths of a percent.
    pub basis_points: u16,
}

impl Fee {
    /// Of one payment, rounded down: the merchant never pays more than it was told.
    pub(crate) fn of(self, amount_minor: u64) -> u64 {
        // An amount has 12 digits at most, basis points have five.
        let fee = amount_minor.saturating_mul(u64::from(self.basis_points)) / WHOLE;
        fee.min(amount_minor)
    }
}

//! Merchants: who they are, what they sign with, and how they are paid.

use std::collections::BTreeMap;

use countersign_domain::{
    amount::{Amount, Currency},
    error::Error,
    invalid::InvalidInput,
    record::{Batch, Versioned},
    register::{Position, Posting, Span},
    transaction::Payee,
};

use super::Wallets;
use crate::{
    error::WalletError,
    house::House,
    jws::PublicKey,
    message::MerchantNumber,
    purse::{Movement, owed_to},
    record::{Merchant, MerchantKey, Payout},
};

/// How many postings one payout covers: its commit stays short.
const MAX_PER_PAYOUT: usize = 1000;

impl Wallets {
    /// Opens a merchant's wallet, and takes the key that it will sign its tickets with.
    ///
    /// # Errors
    /// When another merchant has that key, and when a port fails.
    pub async fn open_merchant(
        &self,
        name: Payee,
        key: PublicKey,
    ) -> Result<MerchantNumber, WalletError> {
        let number = MerchantNumber::random(self.ports.entropy.as_ref())?;
        let mut batch = Batch::default();
        batch.insert(&Merchant {
            number: number.clone(),
            name,
            payouts: 0,
            paid_through: BTreeMap::new(),
        })?;
        batch.insert(&MerchantKey::of(number.clone(), key))?;
        self.ports.store.commit(batch).await?;
        Ok(number)
    }

    /// Takes another key of a merchant, beside those that it has.
    ///
    /// # Errors
    /// When there is no such merchant, the key is somebody's already, and when the store fails.
    pub async fn add_merchant_key(
        &self,
        merchant: &MerchantNumber,
        key: PublicKey,
    ) -> Result<(), WalletError> {
        let store = &self.ports.store;
        store.expect::<Merchant>(merchant.as_str()).await?;
        let mut batch = Batch::default();
        batch.insert(&MerchantKey::of(merchant.clone(), key))?;
        Ok(store.commit(batch).await?)
    }

    /// From now on tickets signed with that key are refused. What was begun to be paid is paid.
    ///
    /// # Errors
    /// When there is no such key, and when the store fails.
    pub async fn revoke_merchant_key(&self, id: &str) -> Result<(), WalletError> {
        let revoke = |found: Versioned<MerchantKey>| async move {
            let mut batch = Batch::default();
            batch.replace(&found.map(|key| MerchantKey { revoked: true, ..key }))?;
            Ok((batch, ()))
        };
        Ok(self.ports.store.change(id, revoke).await?)
    }

    /// Pays a merchant what it is owed since the last time, less the fee: up to a thousand payments. None when there are
    /// none.
    ///
    /// # Errors
    /// When there is no such merchant, and when the store fails.
    pub async fn pay_out(
        &self,
        merchant: &MerchantNumber,
        currency: Currency,
    ) -> Result<Option<Payout>, WalletError> {
        let pay = |found: Versioned<Merchant>| self.payout(found, currency);
        Ok(self.ports.store.change(merchant.as_str(), pay).await?)
    }

    async fn payout(
        &self,
        found: Versioned<Merchant>,
        currency: Currency,
    ) -> Result<(Batch, Option<Payout>), Error> {
        let Versioned { version, value: mut merchant } = found;
        let (mut batch, at) = (Batch::default(), self.ports.clock.now());
        let account = owed_to(&merchant.number)?;
        let after = merchant.paid_through.get(&currency).copied().unwrap_or(Position::START);
        let span = Span::since(after);
        let statement = self.ports.store.statement(&account, currency, span, MAX_PER_PAYOUT);
        let entries = statement.await?.entries;
        let Some(last) = entries.last() else { return Ok((batch, None)) };
        merchant.paid_through.insert(currency, last.position);
        // Earlier payouts are on the other side of the account.
        let sales = entries.iter().filter(|entry| entry.posting.credit == account);
        let sales: Vec<u64> = sales.map(|entry| entry.posting.amount.amount_minor()).collect();
        let total_minor = sales.iter().sum();
        let fee_minor = sales.iter().map(|amount_minor| self.house.fee.of(*amount_minor)).sum();
        let payout = (!sales.is_empty()).then(|| Payout {
            id: format!("{}/{}", merchant.number, merchant.payouts.saturating_add(1)),
            merchant: merchant.number.clone(),
            currency,
            payments: u64::try_from(sales.len()).unwrap_or(u64::MAX),
            total_minor,
            fee_minor,
            at,
        });
        if let Some(payout) = &payout {
            merchant.payouts = merchant.payouts.saturating_add(1);
            batch.postings.extend(payout.postings(&self.house)?);
            batch.insert(payout)?;
        }
        batch.replace(&Versioned { version, value: merchant })?;
        Ok((batch, payout))
    }
}

impl Payout {
    fn postings(&self, house: &House) -> Result<Vec<Posting>, InvalidInput> {
        let mut postings = Vec::new();
        let movement = |amount| Movement { id: &self.id, amount, at: self.at };
        // A posting of nothing is none.
        if let Ok(fee) = Amount::new(self.fee_minor, self.currency) {
            postings.extend(movement(fee).fee(&self.merchant, &house.party)?);
        }
        let net_minor = self.total_minor.saturating_sub(self.fee_minor);
        if let Ok(net) = Amount::new(net_minor, self.currency) {
            postings.extend(movement(net).pay_out(&self.merchant)?);
        }
        Ok(postings)
    }
}

impl MerchantKey {
    fn of(merchant: MerchantNumber, key: PublicKey) -> Self {
        Self { id: key.id().to_owned(), merchant, key, revoked: false }
    }
}

//! Merchants: who they are, what they sign with, and how they are paid.

use std::collections::{BTreeMap, BTreeSet};

use countersign_domain::{
    amount::{Amount, Currency},
    error::Error,
    id::RelyingPartyId,
    invalid::InvalidInput,
    ports::Ports,
    record::{Batch, Stored as _, Versioned},
    register::{Position, Posting, Span},
    relying_party::RelyingParty,
    time::Timestamp,
    transaction::Payee,
};

use super::Wallets;
use crate::{
    error::{WalletError, attempted},
    house::House,
    jws::PublicKey,
    message::{MerchantNumber, registration::Registration},
    purse::{Movement, about, owed_to, paid_out_by},
    record::{Merchant, MerchantKey, MerchantName, Payout},
};

/// How many postings one payout covers: its commit stays short.
const MAX_PER_PAYOUT: usize = 1000;

impl Wallets {
    /// Opens a merchant's wallet, and takes the key that it will sign its tickets with.
    ///
    /// # Errors
    /// [`WalletError::NameTaken`], when another merchant has that key, and when a port fails.
    pub async fn open_merchant(
        &self,
        name: Payee,
        key: PublicKey,
    ) -> Result<MerchantNumber, WalletError> {
        let number = MerchantNumber::random(self.ports.entropy.as_ref())?;
        let mut batch = Batch::default();
        self.add_merchant(number.clone(), name, &mut batch).await?;
        batch.insert(&MerchantKey::of(number.clone(), key))?;
        self.ports.store.commit(batch).await?;
        Ok(number)
    }

    async fn add_merchant(
        &self,
        number: MerchantNumber,
        name: Payee,
        batch: &mut Batch,
    ) -> Result<(), WalletError> {
        let named = MerchantName::of(&name, number.clone());
        if self.ports.store.find::<MerchantName>(&named.id).await?.is_some() {
            return Err(WalletError::NameTaken);
        }
        batch.insert(&named)?;
        let (next_at, paid_through) = (Some(self.next_payout()), BTreeMap::new());
        let return_url = None;
        batch.insert(&Merchant { number, name, payouts: 0, paid_through, next_at, return_url })?;
        Ok(())
    }

    fn next_payout(&self) -> Timestamp {
        self.ports.clock.now().plus_seconds(self.house.payout_every_seconds)
    }

    /// Takes a key that a relying party signs its tickets with, beside those that it has; with its first, its wallet is opened.
    /// The same key is taken once, however often it is sent.
    ///
    /// # Errors
    /// The [`MessageRefusal`](crate::error::MessageRefusal) of the proof, [`WalletError::KeyRefused`], [`WalletError::NameTaken`], and when a port fails.
    pub async fn take_key(
        &self,
        party: &RelyingParty,
        registration: &Registration,
    ) -> Result<MerchantNumber, WalletError> {
        let now = self.ports.clock.now();
        let key = registration.verified(&party.id, &self.house.origin, now)?;
        let take = || async move { attempted(self.key_of(party, key).await) };
        self.ports.store.attempt(take).await?
    }

    async fn key_of(
        &self,
        party: &RelyingParty,
        key: &PublicKey,
    ) -> Result<(Batch, MerchantNumber), WalletError> {
        let (store, number) = (&self.ports.store, MerchantNumber::of(&party.id)?);
        let mut batch = Batch::default();
        match store.find::<MerchantKey>(key.id()).await?.map(|found| found.value) {
            Some(known) if known.merchant == number && !known.revoked => {
                return Ok((batch, number));
            }
            Some(_) => return Err(WalletError::KeyRefused),
            None => batch.insert(&MerchantKey::of(number.clone(), key.clone()))?,
        }
        if store.find::<Merchant>(number.as_str()).await?.is_none() {
            self.add_merchant(number.clone(), party.name.clone(), &mut batch).await?;
        }
        Ok((batch, number))
    }

    /// From now on tickets that a relying party signs with that key are refused.
    ///
    /// # Errors
    /// When this relying party has no such key, and when the store fails.
    pub async fn revoke_key(&self, party: &RelyingPartyId, id: &str) -> Result<(), WalletError> {
        let found = self.ports.store.find::<MerchantKey>(id).await?;
        let number = MerchantNumber::of(party)?;
        if found.is_none_or(|key| key.value.merchant != number) {
            let (collection, id) = (MerchantKey::COLLECTION, id.to_owned());
            return Err(Error::NotFound { collection, id }.into());
        }
        self.revoke_merchant_key(id).await
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

    /// Up to `limit` payouts of a house, after a position, each with its own.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn payouts(
        &self,
        currency: Currency,
        after: Position,
        limit: usize,
    ) -> Result<Vec<(Position, Payout)>, WalletError> {
        let (store, account) = (&self.ports.store, paid_out_by(&self.house.party)?);
        let statement = store.statement(&account, currency, Span::since(after), limit).await?;
        let mut payouts = Vec::new();
        for entry in statement.entries {
            payouts.push((entry.position, store.expect::<Payout>(about(&entry)).await?.value));
        }
        Ok(payouts)
    }

    /// Pays up to `limit` merchants whose time has come.
    pub(super) async fn resume_payouts(&self, limit: usize) -> Result<usize, Error> {
        let Ports { store, clock, .. } = &self.ports;
        let due = store.due(Merchant::COLLECTION, clock.now(), limit).await?;
        for record in &due {
            if let Err(error) = self.pay_all(&record.key.id).await {
                tracing::error!(merchant = record.key.id, %error, "cannot pay out this merchant yet");
            }
        }
        Ok(due.len())
    }

    /// Pays a merchant in every currency, also in those that the house keeps no more when the merchant was paid out in them before
    /// or they were withdrawn, and says when the next time is. Two processes at once pay nothing twice, and neither does one
    /// that crashed in between.
    async fn pay_all(&self, id: &str) -> Result<(), Error> {
        let store = &self.ports.store;
        let pay = |currency| move |found: Versioned<Merchant>| self.payout(found, currency);
        let paid_before = store.expect::<Merchant>(id).await?.value.paid_through.into_keys();
        let kept = self.house.limits.iter().map(|limits| limits.currency);
        let withdrawn = Currency::withdrawn();
        for currency in kept.chain(paid_before).chain(withdrawn).collect::<BTreeSet<_>>() {
            // What is sold meanwhile waits for the next time.
            while let Some(payout) = store.change(id, pay(currency)).await? {
                let Payout { id, payments, total_minor, fee_minor, .. } = &payout;
                tracing::info!(
                    payout = id,
                    payments,
                    total_minor,
                    fee_minor,
                    "paid out a merchant"
                );
                if usize::try_from(*payments).is_ok_and(|payments| payments < MAX_PER_PAYOUT / 2) {
                    break;
                }
            }
        }
        let later = |found: Versioned<Merchant>| async move {
            let mut batch = Batch::default();
            if found.value.is_due(self.ports.clock.now()) {
                let next_at = Some(self.next_payout());
                batch.replace(&found.map(|merchant| Merchant { next_at, ..merchant }))?;
            }
            Ok((batch, ()))
        };
        store.change(id, later).await
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
            id: format!("{}-{}", merchant.number, merchant.payouts.saturating_add(1)),
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
        if let Ok(net) = Amount::new(self.net_minor(), self.currency) {
            postings.extend(movement(net).pay_out(&self.merchant, &house.party)?);
        }
        Ok(postings)
    }
}

impl MerchantKey {
    fn of(merchant: MerchantNumber, key: PublicKey) -> Self {
        Self { id: key.id().to_owned(), merchant, key, revoked: false }
    }
}

//! What holders see of their wallets, and merchants of theirs.

use countersign_domain::{
    amount::Currency,
    error::Error,
    register::{Account, Entry, Position, Span},
    time::Timestamp,
};

use super::{Visitor, Wallets, balance_of};
use crate::{
    error::WalletError,
    message::{MerchantNumber, WalletName, WalletNumber},
    purse::{available, held, owed_to},
    record::{Holder, Merchant, Wallet},
};

/// A wallet, as its holder sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WalletView {
    /// Names it.
    pub number: WalletNumber,
    /// What its holder calls it.
    pub name: WalletName,
    /// In which its money is.
    pub currency: Currency,
    /// What can be spent, in minor units.
    pub available_minor: u64,
    /// What is held for payments and for what is being taken out, in minor units.
    pub held_minor: u64,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

impl Wallets {
    /// All wallets of a person, closed ones too, until they are removed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn wallets(&self, visitor: &Visitor) -> Result<Vec<WalletView>, WalletError> {
        let store = &self.ports.store;
        let holder = store.expect::<Holder>(visitor.identifier().as_str()).await?.value;
        let mut wallets = Vec::new();
        for number in holder.wallets {
            match self.wallet(visitor, &number).await {
                Err(WalletError::Domain(Error::NotFound { .. })) => {}
                wallet => wallets.push(wallet?),
            }
        }
        Ok(wallets)
    }

    /// A wallet of a person.
    ///
    /// # Errors
    /// When this person has no such wallet, and when the store fails.
    pub async fn wallet(
        &self,
        visitor: &Visitor,
        number: &WalletNumber,
    ) -> Result<WalletView, WalletError> {
        let Wallet { number, name, currency, closed_at, .. } =
            self.owned(visitor, number).await?.value;
        let store = &self.ports.store;
        let available_minor = balance_of(store, &available(&number)?, currency).await?;
        let held_minor = balance_of(store, &held(&number)?, currency).await?;
        Ok(WalletView { number, name, currency, available_minor, held_minor, closed_at })
    }

    /// The account of what is available in a wallet, whose statement is its holder's.
    ///
    /// # Errors
    /// When this person has no such wallet, and when the store fails.
    pub async fn account(
        &self,
        visitor: &Visitor,
        number: &WalletNumber,
    ) -> Result<(Account, Currency), WalletError> {
        let wallet = self.owned(visitor, number).await?.value;
        Ok((available(&wallet.number)?, wallet.currency))
    }

    /// Up to `limit` movements of what a merchant is owed, after a position.
    ///
    /// # Errors
    /// When there is no such merchant, and when the store fails.
    pub async fn merchant_entries(
        &self,
        merchant: &MerchantNumber,
        currency: Currency,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Entry>, WalletError> {
        let store = &self.ports.store;
        store.expect::<Merchant>(merchant.as_str()).await?;
        let (account, span) = (owed_to(merchant)?, Span::since(after));
        Ok(store.statement(&account, currency, span, limit).await?.entries)
    }
}

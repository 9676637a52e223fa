//! Where receipts are handed in.

use countersign_domain::{
    error::Error,
    id::RelyingPartyId,
    record::{Batch, Stored as _, Versioned},
};
use countersign_web::return_url::ReturnUrl;

use super::Wallets;
use crate::{error::WalletError, message::MerchantNumber, record::Merchant};

impl Wallets {
    /// From now on payers' browsers hand that relying party's receipts in there. It is the merchant's to say, under its API
    /// key, and stands in no ticket and no request of a client: nobody else can have a person sent anywhere.
    ///
    /// # Errors
    /// When this relying party is no merchant yet, and when the store fails.
    pub async fn set_return_url(
        &self,
        party: &RelyingPartyId,
        url: &ReturnUrl,
    ) -> Result<(), WalletError> {
        let (store, number) = (&self.ports.store, MerchantNumber::of(party)?);
        if store.find::<Merchant>(number.as_str()).await?.is_none() {
            let (collection, id) = (Merchant::COLLECTION, number.to_string());
            return Err(Error::NotFound { collection, id }.into());
        }
        let set = |found: Versioned<Merchant>| async move {
            let mut batch = Batch::default();
            let return_url = Some(url.clone());
            batch.replace(&found.map(|merchant| Merchant { return_url, ..merchant }))?;
            Ok((batch, ()))
        };
        Ok(store.change(number.as_str(), set).await?)
    }

    /// Where that merchant takes receipts in from browsers, if it said so.
    ///
    /// # Errors
    /// When there is no such merchant, and when the store fails.
    pub async fn return_url(
        &self,
        merchant: &MerchantNumber,
    ) -> Result<Option<ReturnUrl>, WalletError> {
        Ok(self.ports.store.expect::<Merchant>(merchant.as_str()).await?.value.return_url)
    }
}

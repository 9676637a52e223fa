//! What both shops sell at: one till, whose key the server takes when it is first needed.

use std::sync::Arc;

use countersign_certs::KeyPair;
use countersign_domain::{
    amount::Amount,
    hex,
    ports::{Clock as _, Entropy as _},
    transaction::ItemName,
};
use countersign_server::SystemEntropy;
use countersign_wallet::{
    jws::{PublicKey, SigningKey},
    merchant::{Delivered, Order, Till},
    message::{Goods, Item, Quantity, registration::Registration},
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::WALLET_HOST;
use crate::{certificates::MERCHANT, counterparties::Counterparties, problem::ControlError};

/// The folder with a file for each ticket that was delivered.
const DELIVERED: &str = "delivered";

/// A counter. Its clones are one.
#[derive(Clone)]
pub(super) struct Counter {
    pub(super) shared: Arc<Counterparties>,
    till: Arc<OnceCell<Till>>,
}

impl Counter {
    pub(super) fn new(shared: Arc<Counterparties>) -> Self {
        Self { shared, till: Arc::default() }
    }

    pub(super) async fn till(&self) -> Result<&Till, ControlError> {
        self.till.get_or_try_init(|| self.open()).await
    }

    /// The server is given the key, and told where payers' browsers hand receipts in.
    async fn open(&self) -> Result<Till, ControlError> {
        let pair = KeyPair::generate().map_err(|error| internal(&error))?;
        let key = SigningKey::from_pkcs8(pair.expose_der()).map_err(|error| internal(&error))?;
        let (merchant, server) = (MERCHANT.try_into()?, WALLET_HOST.try_into()?);
        let new = Registration::new(&key, merchant, server, self.shared.clock.now());
        let new = new.map_err(|error| internal(&error))?;
        let new = serde_json::to_value(new).map_err(|error| internal(&error))?;
        let taken = self.shared.merchant.call("POST", "/v1/wallet/keys", &new).await?;
        let handed_in = format!("http://localhost:{}/delivered", self.shared.address.port());
        let handed_in = json!({ "return_url": handed_in });
        self.shared.merchant.call("PUT", "/v1/wallet/return-url", &handed_in).await?;
        let text = |member: &str| {
            let found = taken.get(member).and_then(Value::as_str).map(str::to_owned);
            found.ok_or_else(|| internal(&"the server does not say what a till needs"))
        };
        let keys = taken.get("server_keys").cloned().unwrap_or_default();
        let server_keys = serde_json::from_value::<Vec<PublicKey>>(keys);
        Ok(Till {
            merchant: text("merchant")?.try_into()?,
            key,
            server: text("server")?.try_into()?,
            server_keys: server_keys.map_err(|error| internal(&error))?,
        })
    }

    /// What was delivered.
    pub(super) fn delivered(&self) -> Result<Delivered, ControlError> {
        let folder = self.shared.facts.folder.join(DELIVERED);
        Delivered::in_folder(folder).map_err(|error| internal(&error))
    }
}

/// One of something, under a number that no other order has.
pub(super) fn order(what: &str, amount: Amount, reference: &str) -> Result<Order, ControlError> {
    let mut number = [0; 16];
    SystemEntropy::default().fill(&mut number).map_err(|error| internal(&error))?;
    let one = Quantity::try_from(1).map_err(|error| internal(&error))?;
    let item = Item { name: ItemName::try_from(what)?, quantity: one };
    Ok(Order {
        number: hex::encode(&number).try_into()?,
        amount,
        reference: reference.try_into()?,
        goods: Goods::try_from(vec![item])?,
    })
}

pub(super) fn internal(error: &dyn std::fmt::Display) -> ControlError {
    ControlError::internal(&error.to_string())
}

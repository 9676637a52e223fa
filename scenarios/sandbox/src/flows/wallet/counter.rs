//! What both shops sell at: one till, whose key the server takes when it is first needed. What is said here is drawn.

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
    merchant::{Delivered, NotDelivered, Order, Till},
    message::{Goods, Item, Quantity, registration::Registration},
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    WALLET_HOST,
    messages::{content, named, payment},
};
use crate::{
    certificates::MERCHANT,
    counterparties::Counterparties,
    journal::{About, Detail, Party},
    problem::ControlError,
};

/// The folder with a file for each ticket that was delivered.
const DELIVERED: &str = "delivered";

/// A ticket that was signed.
pub(super) struct Sold {
    pub(super) number: String,
    pub(super) ticket: String,
}

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

    async fn till(&self) -> Result<&Till, ControlError> {
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

    /// Signs a ticket for one of something (GRT1).
    pub(super) async fn sell(
        &self,
        what: &str,
        amount: Amount,
        reference: &str,
    ) -> Result<Sold, ControlError> {
        let till = self.till().await?;
        let ticket = till.ticket(order(what, amount, reference)?, self.shared.clock.now());
        let number = ticket.jti.as_str().to_owned();
        let ticket = till.sign(&ticket).map_err(|error| internal(&error))?;
        self.asked(&ticket, format!("buys {what} for {amount}"), Vec::new());
        self.answered(&ticket, "Ticket (GRT1), signed", members("ticket", &ticket));
        Ok(Sold { number, ticket })
    }

    /// Delivers what a ticket is for, when a receipt says that it is paid (GPT4): once. It is checked offline.
    pub(super) async fn deliver(
        &self,
        ticket: &str,
        receipt: &str,
    ) -> Result<Result<String, NotDelivered>, ControlError> {
        self.asked(ticket, "Receipt (GPT4)", members("receipt", receipt));
        let (till, now) = (self.till().await?, self.shared.clock.now());
        let folder = self.shared.facts.folder.join(DELIVERED);
        let book = Delivered::in_folder(folder).map_err(|error| internal(&error))?;
        let paid = till.check(receipt, ticket, now);
        let taken = paid.and_then(|paid| book.take(&paid).map(|()| paid));
        let taken = taken.map(|paid| paid.goods.names().next().unwrap_or_default().to_owned());
        let label = match &taken {
            Ok(what) => format!("delivers {what}"),
            Err(why) => format!("delivers nothing: {why}"),
        };
        self.answered(ticket, label, Vec::new());
        Ok(taken)
    }

    /// Notes what the client's computer says to the shop of a ticket.
    fn asked(&self, ticket: &str, label: impl Into<String>, detail: Detail) {
        let about = of_payment(ticket);
        self.shared.journal.asked(Party::Payer, Party::Merchant, label, detail, about);
    }

    fn answered(&self, ticket: &str, label: impl Into<String>, detail: Detail) {
        let about = of_payment(ticket);
        self.shared.journal.answered(Party::Merchant, Party::Payer, label, detail, about);
    }
}

/// By what the flow of a ticket is found; what is none is of no flow.
fn of_payment(ticket: &str) -> About {
    let payment = content(ticket).as_ref().and_then(payment);
    payment.map_or(About::Nothing, About::Subject)
}

fn members(message: &str, compact: &str) -> Detail {
    content(compact).map_or_else(Vec::new, |content| named(message, &content))
}

/// One of something, under a number that no other order has.
fn order(what: &str, amount: Amount, reference: &str) -> Result<Order, ControlError> {
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

//! The bookshop's till (figure 12, 1202): it signs a ticket for those who pay by wallet, and delivers for a receipt.
//! It asks the server once, for the keys that receipts are signed with.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    response::IntoResponse as _,
    routing::post,
};
use countersign_certs::KeyPair;
use countersign_domain::{
    amount::{Amount, Currency},
    hex,
    ports::{Clock as _, Entropy as _},
    transaction::ItemName,
};
use countersign_server::SystemEntropy;
use countersign_wallet::{
    jws::{PublicKey, SigningKey},
    merchant::{Delivered, NotDelivered, Order, Till},
    message::{Goods, Item, Quantity},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::messages::{content, named, payment};
use crate::{
    counterparties::Counterparties,
    journal::{About, Detail, Party},
    page::Answer,
    problem::ControlError,
};

/// The folder with a file for each ticket that was delivered.
const DELIVERED: &str = "delivered";

/// The bookshop. Its clones are one.
#[derive(Clone)]
struct Bookshop {
    shared: Arc<Counterparties>,
    till: Arc<OnceCell<Till>>,
    sold: Arc<Mutex<BTreeMap<String, Sold>>>,
}

/// A ticket that was signed.
#[derive(Clone)]
struct Sold {
    ticket: String,
    goods: String,
    /// By what its flow is found.
    payment: String,
}

pub(super) fn routes(shared: Arc<Counterparties>) -> Router {
    let shop = Bookshop { shared, till: Arc::default(), sold: Arc::default() };
    Router::new()
        .route("/bookshop/tickets", post(sell))
        .route("/bookshop/receipts", post(deliver))
        .with_state(shop)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Basket {
    amount: Price,
    goods: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    value: String,
    currency: Currency,
}

/// Signs a ticket (GRT1).
async fn sell(State(shop): State<Bookshop>, body: Result<Json<Basket>, JsonRejection>) -> Answer {
    let Json(Basket { amount: Price { value, currency }, goods }) = body?;
    let amount = Amount::from_decimal(&value, currency)?;
    let till = shop.till().await?;
    let mut random = [0; 16];
    SystemEntropy::default().fill(&mut random).map_err(|error| internal(&error))?;
    let number = hex::encode(&random);
    let one = Quantity::try_from(1).map_err(|error| internal(&error))?;
    let item = Item { name: ItemName::try_from(goods.as_str())?, quantity: one };
    let order = Order {
        number: number.as_str().try_into()?,
        amount,
        reference: "by-wallet".try_into()?,
        goods: Goods::try_from(vec![item])?,
    };
    let ticket = till.ticket(order, shop.shared.clock.now());
    let ticket = till.sign(&ticket).map_err(|error| internal(&error))?;
    let signed = content(&ticket).unwrap_or_default();
    let payment = payment(&signed).unwrap_or_default();
    shop.asked(&payment, format!("buys {goods} for {amount}"), Vec::new());
    shop.answered(&payment, "Ticket (GRT1), signed", named("ticket", &signed));
    let sold = Sold { ticket: ticket.clone(), goods, payment };
    shop.sold.lock().unwrap_or_else(PoisonError::into_inner).insert(number.clone(), sold);
    Ok((StatusCode::CREATED, Json(json!({ "number": number, "ticket": ticket }))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Handed {
    number: String,
    receipt: String,
}

/// Delivers what a ticket is for, when a receipt says that it is paid (GPT4): once.
async fn deliver(
    State(shop): State<Bookshop>,
    body: Result<Json<Handed>, JsonRejection>,
) -> Answer {
    let Json(Handed { number, receipt }) = body?;
    let sold = shop.sold.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
    let sold = sold.ok_or_else(|| ControlError::not_found("The shop sold no such ticket."))?;
    let detail = content(&receipt).map_or_else(Vec::new, |signed| named("receipt", &signed));
    shop.asked(&sold.payment, "Receipt (GPT4)", detail);
    let (till, now) = (shop.till().await?, shop.shared.clock.now());
    let delivered = Delivered::in_folder(shop.shared.facts.folder.join(DELIVERED));
    let delivered = delivered.map_err(|error| internal(&error))?;
    let taken = till.check(&receipt, &sold.ticket, now);
    match taken.and_then(|ticket| delivered.take(&ticket)) {
        Ok(()) => {
            shop.answered(&sold.payment, format!("delivers {}", sold.goods), Vec::new());
            Ok(Json(json!({ "delivered": sold.goods })).into_response())
        }
        Err(why) => {
            shop.answered(&sold.payment, format!("delivers nothing: {why}"), Vec::new());
            Err(not_delivered(&why))
        }
    }
}

impl Bookshop {
    /// The till, with a key that the server has taken.
    async fn till(&self) -> Result<&Till, ControlError> {
        self.till.get_or_try_init(|| self.open()).await
    }

    async fn open(&self) -> Result<Till, ControlError> {
        let pair = KeyPair::generate().map_err(|error| internal(&error))?;
        let key = SigningKey::from_pkcs8(pair.expose_der()).map_err(|error| internal(&error))?;
        let jwk = serde_json::to_value(key.public()).map_err(|error| internal(&error))?;
        let taken = self.shared.merchant.call("POST", "/v1/wallet/keys", &jwk).await?;
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

    /// Notes what the client's computer says to the shop.
    fn asked(&self, payment: &str, label: impl Into<String>, detail: Detail) {
        let about = About::Subject(payment.to_owned());
        self.shared.journal.asked(Party::Payer, Party::Merchant, label, detail, about);
    }

    fn answered(&self, payment: &str, label: impl Into<String>, detail: Detail) {
        let about = About::Subject(payment.to_owned());
        self.shared.journal.answered(Party::Merchant, Party::Payer, label, detail, about);
    }
}

fn not_delivered(why: &NotDelivered) -> ControlError {
    let (status, name) = match why {
        NotDelivered::Message(refusal) => (StatusCode::UNPROCESSABLE_ENTITY, refusal.name()),
        NotDelivered::OtherTicket => (StatusCode::CONFLICT, "receipt-other-ticket"),
        NotDelivered::Taken => (StatusCode::CONFLICT, "ticket-delivered"),
        NotDelivered::Unknown(_) => (StatusCode::INTERNAL_SERVER_ERROR, "not-known"),
    };
    ControlError::of(status, name, "Nothing is delivered for this", format!("{why}."))
}

fn internal(error: &dyn std::fmt::Display) -> ControlError {
    ControlError::internal(&error.to_string())
}

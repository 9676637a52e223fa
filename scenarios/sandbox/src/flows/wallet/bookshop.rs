//! The bookshop's till (figure 12, 1202): it signs a ticket for those who pay by wallet, and delivers for a receipt.

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
use countersign_domain::{
    amount::{Amount, Currency},
    ports::Clock as _,
};
use countersign_wallet::merchant::NotDelivered;
use serde::Deserialize;
use serde_json::json;

use super::{
    counter::{Counter, internal, order},
    messages::{content, named, payment},
};
use crate::{
    journal::{About, Detail, Party},
    page::Answer,
    problem::ControlError,
};

/// The bookshop. Its clones are one.
#[derive(Clone)]
struct Bookshop {
    counter: Counter,
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

pub(super) fn routes(counter: Counter) -> Router {
    let shop = Bookshop { counter, sold: Arc::default() };
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
    let till = shop.counter.till().await?;
    let order = order(&goods, amount, "by-wallet")?;
    let number = order.number.as_str().to_owned();
    let ticket = till.ticket(order, shop.counter.shared.clock.now());
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
    let (till, now) = (shop.counter.till().await?, shop.counter.shared.clock.now());
    let delivered = shop.counter.delivered()?;
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
    /// Notes what the client's computer says to the shop.
    fn asked(&self, payment: &str, label: impl Into<String>, detail: Detail) {
        let about = About::Subject(payment.to_owned());
        self.counter.shared.journal.asked(Party::Payer, Party::Merchant, label, detail, about);
    }

    fn answered(&self, payment: &str, label: impl Into<String>, detail: Detail) {
        let about = About::Subject(payment.to_owned());
        self.counter.shared.journal.answered(Party::Merchant, Party::Payer, label, detail, about);
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

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
use countersign_domain::amount::{Amount, Currency};
use countersign_wallet::merchant::NotDelivered;
use serde::Deserialize;
use serde_json::json;

use super::counter::{Counter, Sold};
use crate::{page::Answer, problem::ControlError};

/// The bookshop. Its clones are one.
#[derive(Clone)]
struct Bookshop {
    counter: Counter,
    /// The tickets that were signed, by their numbers.
    sold: Arc<Mutex<BTreeMap<String, String>>>,
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
    let Sold { number, ticket } = shop.counter.sell(&goods, amount, "by-wallet").await?;
    let mut sold = shop.sold.lock().unwrap_or_else(PoisonError::into_inner);
    sold.insert(number.clone(), ticket.clone());
    Ok((StatusCode::CREATED, Json(json!({ "number": number, "ticket": ticket }))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Handed {
    number: String,
    receipt: String,
}

/// Delivers for a receipt (GPT4).
async fn deliver(
    State(shop): State<Bookshop>,
    body: Result<Json<Handed>, JsonRejection>,
) -> Answer {
    let Json(Handed { number, receipt }) = body?;
    let sold = shop.sold.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
    let ticket = sold.ok_or_else(|| ControlError::not_found("The shop sold no such ticket."))?;
    let delivered = shop.counter.deliver(&ticket, &receipt).await?;
    let goods = delivered.map_err(|why| not_delivered(&why))?;
    Ok(Json(json!({ "delivered": goods })).into_response())
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

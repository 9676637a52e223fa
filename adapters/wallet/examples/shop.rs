//! A shop that is paid by wallet: it signs a ticket, checks the receipt without asking anybody, and delivers once.
//!
//! `cargo run -p countersign-wallet --example shop -- FOLDER MERCHANT_NUMBER SERVER`: in the folder are `merchant.p8`, the
//! key of the shop (`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`, then `openssl pkcs8 -topk8 -nocrypt
//! -outform DER`), and `server_keys.json`, a list of the keys that the server signs receipts with.

use std::{error::Error, fs, sync::Arc, time::SystemTime};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use countersign_domain::{amount::Amount, time::Timestamp};
use countersign_wallet::{
    jws::SigningKey,
    merchant::{Delivered, NotDelivered, Order, Till},
    message::{Goods, Item},
};
use serde::Deserialize;

/// The shop.
pub(crate) struct Shop {
    /// Signs and checks.
    pub(crate) till: Till,
    /// Knows what went out.
    pub(crate) delivered: Delivered,
    /// Tells the time.
    pub(crate) now: fn() -> Timestamp,
}

/// What the client hands in.
#[derive(Deserialize)]
struct Paid {
    ticket: String,
    receipt: String,
}

/// `POST /ticket` gives a ticket for two books, `POST /deliver` takes it with its receipt.
pub(crate) fn routes(shop: Shop) -> Router {
    Router::new()
        .route("/ticket", post(ticket))
        .route("/deliver", post(deliver))
        .with_state(Arc::new(shop))
}

async fn ticket(State(shop): State<Arc<Shop>>) -> Result<String, StatusCode> {
    two_books(&shop).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

fn two_books(shop: &Shop) -> Result<String, Box<dyn Error>> {
    let mut number = [0; 16];
    aws_lc_rs::rand::fill(&mut number)?;
    let book = Item { name: "ISBN 2070360245".try_into()?, quantity: 2.try_into()? };
    let order = Order {
        number: format!("{:032x}", u128::from_be_bytes(number)).try_into()?,
        amount: Amount::from_decimal("49.90", "EUR".try_into()?)?,
        reference: "two books".try_into()?,
        goods: Goods::try_from(vec![book])?,
    };
    Ok(shop.till.sign(&shop.till.ticket(order, (shop.now)()))?)
}

async fn deliver(
    State(shop): State<Arc<Shop>>,
    Json(paid): Json<Paid>,
) -> Result<String, (StatusCode, String)> {
    let checked = shop.till.check(&paid.receipt, &paid.ticket, (shop.now)());
    let delivered = checked.and_then(|ticket| shop.delivered.take(&ticket).map(|()| ticket));
    let refuse = |error: NotDelivered| (StatusCode::CONFLICT, error.to_string());
    delivered.map(|ticket| format!("Here is {}.", ticket.reference)).map_err(refuse)
}

#[expect(clippy::disallowed_methods, reason = "a shop has a clock of its own")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_seconds(since.as_secs())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("shop FOLDER MERCHANT_NUMBER SERVER");
    let (folder, merchant, server) = (next()?, next()?, next()?);
    let till = Till {
        merchant: merchant.try_into()?,
        key: SigningKey::from_pkcs8(&fs::read(format!("{folder}/merchant.p8"))?)?,
        server: server.try_into()?,
        server_keys: serde_json::from_slice(&fs::read(format!("{folder}/server_keys.json"))?)?,
    };
    let delivered = Delivered::in_folder(format!("{folder}/delivered"))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8090").await?;
    Ok(axum::serve(listener, routes(Shop { till, delivered, now })).await?)
}

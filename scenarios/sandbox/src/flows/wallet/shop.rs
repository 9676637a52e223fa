//! The shop, paid from a wallet: it signs a ticket, checks the receipt without asking anybody, and delivers once.

use askama::Template;
use axum::{
    Form, Router,
    extract::{State, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
    routing::{get, post},
};
use countersign_domain::amount::Amount;
use countersign_wallet::merchant::NotDelivered;
use serde::Deserialize;

use super::counter::{Counter, Sold, internal};
use crate::{
    flows::checkout::good,
    page::{Answer, Frame, show},
    person::euro,
    problem::ControlError,
};

pub(super) fn routes(counter: Counter) -> Router {
    Router::new()
        .route("/by-wallet", post(hand_ticket))
        .route("/delivered", get(async || Redirect::to("/shop")).post(deliver))
        .with_state(counter)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuyForm {
    good: String,
}

/// The shop signs a ticket (GRT1), and the browser takes it to the wallet.
async fn hand_ticket(
    State(counter): State<Counter>,
    form: Result<Form<BuyForm>, FormRejection>,
) -> Answer {
    let Form(BuyForm { good: key }) = form?;
    let good = good(&key).ok_or_else(|| ControlError::invalid("The shop does not sell that."))?;
    let price = Amount::from_decimal(good.price, euro().map_err(|error| internal(&error))?)?;
    let Sold { ticket, .. } = counter.sell(good.name, price, &format!("shop-{}", good.key)).await?;
    let wallets = &counter.shared.facts.wallets;
    Ok(Redirect::to(&format!("{wallets}/pay?ticket={ticket}")).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PaidForm {
    ticket: String,
    receipt: String,
}

#[derive(Template)]
#[template(path = "delivered.html")]
struct Out {
    frame: Frame,
    what: String,
}

/// The browser hands in the receipt (GPT4).
async fn deliver(
    State(counter): State<Counter>,
    form: Result<Form<PaidForm>, FormRejection>,
) -> Answer {
    let Form(PaidForm { ticket, receipt }) = form?;
    let what = counter.deliver(&ticket, &receipt).await?.map_err(not_delivered)?;
    show(&Out { frame: counter.shared.places.at(""), what })
}

fn not_delivered(refused: NotDelivered) -> ControlError {
    let status = match &refused {
        NotDelivered::Message(_) => StatusCode::FORBIDDEN,
        NotDelivered::OtherTicket | NotDelivered::Taken => StatusCode::CONFLICT,
        NotDelivered::Unknown(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let why = format!("{refused}.");
    ControlError::of(status, "not-delivered", "Nothing is delivered", why)
}

//! The shop, paid from a wallet: it signs a ticket, checks the receipt without asking anybody, and delivers once.

use askama::Template;
use axum::{
    Form, Router,
    extract::{State, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
    routing::{get, post},
};
use countersign_domain::{amount::Amount, ports::Clock as _};
use countersign_wallet::merchant::NotDelivered;
use serde::Deserialize;

use super::counter::{Counter, internal, order};
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
    let order = order(good.name, price, &format!("shop-{}", good.key))?;
    let till = counter.till().await?;
    let ticket = till.ticket(order, counter.shared.clock.now());
    let ticket = till.sign(&ticket).map_err(|error| internal(&error))?;
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

/// The browser hands in the receipt (GPT4): it is checked offline, and what it pays for is delivered once.
async fn deliver(
    State(counter): State<Counter>,
    form: Result<Form<PaidForm>, FormRejection>,
) -> Answer {
    let Form(PaidForm { ticket, receipt }) = form?;
    let checked = counter.till().await?.check(&receipt, &ticket, counter.shared.clock.now());
    let delivered = counter.delivered()?;
    let ticket = checked.and_then(|ticket| delivered.take(&ticket).map(|()| ticket));
    let ticket = ticket.map_err(not_delivered)?;
    let what = ticket.goods.names().next().unwrap_or_default().to_owned();
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

//! The control: handsets, accounts and the clock, over plain HTTP on loopback, for people with `curl` and for tests.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post, put},
};
use countersign_domain::{
    amount::{Amount, Currency},
    card::{Card, CardExpiry},
    error::InvalidInput,
};
use countersign_web::problem::Problem;
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, task::JoinHandle, time::Instant};

use crate::{
    bank::{self, Movement, UnknownCard},
    centre::{HandsetMessage, HandsetState},
    counterparties::Counterparties,
    error::{SandboxError, listen},
    pages::pages,
    person::{BALANCE_MINOR, euro},
    problem::ControlError,
};

/// The furthest that the clock is set forward at once: a day.
const MAX_ADVANCE_SECONDS: u32 = 86_400;

/// A control at work, and with it what it controls.
pub(crate) struct Control {
    address: SocketAddr,
    counterparties: Arc<Counterparties>,
    task: JoinHandle<()>,
}

impl Control {
    pub(crate) async fn start(mut counterparties: Counterparties) -> Result<Self, SandboxError> {
        let address = counterparties.address;
        let cannot = |error: std::io::Error| listen(address, &error);
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        counterparties.address = address;
        let counterparties = Arc::new(counterparties);
        let routes = routes(Arc::clone(&counterparties));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                tracing::error!(%error, "the control ended");
            }
        });
        Ok(Self { address, counterparties, task })
    }

    pub(crate) fn counterparties(&self) -> &Counterparties {
        &self.counterparties
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What all handsets have got after `since`, oldest first, each with the handset's number.
    pub(crate) fn texts_since(&self, since: Instant) -> Vec<(String, HandsetMessage)> {
        let centre = &self.counterparties.centre;
        let of_handset = |number: String| {
            let messages = centre.handset(&number).unwrap_or_default();
            let new = messages.into_iter().filter(move |message| message.at > since);
            new.map(move |message| (number.clone(), message))
        };
        let mut texts: Vec<_> = centre.handsets().into_iter().flat_map(of_handset).collect();
        texts.sort_by_key(|(_, message)| message.at);
        texts
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Shared = State<Arc<Counterparties>>;

fn routes(counterparties: Arc<Counterparties>) -> Router {
    pages()
        .route("/sandbox.json", get(describe))
        .route("/handsets", get(handsets))
        .route("/handsets/{number}", put(set_handset))
        .route("/handsets/{number}/messages", get(messages))
        .route("/handsets/{number}/send", post(send))
        .route("/bank/cards/{number}", get(account).put(set_account))
        .route("/bank/silent", put(set_silent))
        .route("/clock", post(advance))
        .fallback(async || {
            let known = "There are / for people, and /sandbox.json, /handsets, /handsets/NUMBER, /handsets/NUMBER/messages, \
                         /handsets/NUMBER/send, /bank/cards/NUMBER, /bank/silent and /clock.";
            Problem::not_found(known)
        })
        .with_state(counterparties)
}

async fn describe(State(shared): Shared) -> Response {
    Json(shared.facts.as_ref()).into_response()
}

async fn handsets(State(shared): Shared) -> Json<Vec<String>> {
    Json(shared.centre.handsets())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HandsetBody {
    state: HandsetState,
}

async fn set_handset(
    State(shared): Shared,
    Path(number): Path<String>,
    body: Result<Json<HandsetBody>, JsonRejection>,
) -> Result<StatusCode, ControlError> {
    let Json(HandsetBody { state }) = body?;
    shared.set_handset(&number, state)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct Shown {
    from: String,
    text: String,
    age_seconds: u64,
}

/// What the handset shows, oldest first.
async fn messages(
    State(shared): Shared,
    Path(number): Path<String>,
) -> Result<Json<Vec<Shown>>, ControlError> {
    let shown = shared.centre.handset(&number)?.into_iter();
    let shown = shown.map(|message| Shown {
        age_seconds: message.at.elapsed().as_secs(),
        from: message.from,
        text: message.text,
    });
    Ok(Json(shown.collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextBody {
    to: String,
    text: String,
}

/// Sends a text from the handset to the server.
async fn send(
    State(shared): Shared,
    Path(number): Path<String>,
    body: Result<Json<TextBody>, JsonRejection>,
) -> Result<StatusCode, ControlError> {
    let Json(TextBody { to, text }) = body?;
    shared.centre.send_from_handset(&number, &to, &text)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct AccountView {
    #[serde(flatten)]
    account: bank::Account,
    movements: Vec<Movement>,
}

async fn account(
    State(shared): Shared,
    Path(number): Path<String>,
) -> Result<Json<AccountView>, ControlError> {
    let card = shared.bank.card(&number).ok_or(UnknownCard)?;
    let account = shared.bank.account(&card).ok_or(UnknownCard)?;
    let movements = shared.bank.movements(&card);
    Ok(Json(AccountView { account, movements }))
}

/// An amount as people write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BalanceBody {
    value: String,
    currency: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountBody {
    expiry: Option<String>,
    balance: Option<BalanceBody>,
    refuses: Option<bool>,
    blocked: Option<bool>,
}

/// Changes the account that the card draws on. One that is not there is opened; so is one that is given a balance.
async fn set_account(
    State(shared): Shared,
    Path(number): Path<String>,
    body: Result<Json<AccountBody>, JsonRejection>,
) -> Result<StatusCode, ControlError> {
    let Json(change) = body?;
    let known = shared.bank.card(&number);
    let is_new = known.is_none() || change.balance.is_some();
    let card = match (known, change.expiry) {
        (_, Some(expiry)) => Card::new(&number, CardExpiry::try_from(expiry)?)?,
        (Some(card), None) => card,
        (None, None) => return Err(UnknownCard.into()),
    };
    if is_new {
        let (balance_minor, currency) = match change.balance {
            None => (BALANCE_MINOR, euro()?),
            Some(BalanceBody { value, currency }) => {
                let amount = Amount::from_decimal(&value, Currency::try_from(currency)?)?;
                (amount.amount_minor(), amount.currency())
            }
        };
        shared.bank.open_account(card.clone(), balance_minor, currency);
    }
    if let Some(refuses) = change.refuses {
        shared.bank.refuse(&card, refuses)?;
    }
    if let Some(blocked) = change.blocked {
        shared.bank.block(&card, blocked)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SilentBody {
    silent: bool,
}

/// Has the bank do what it is asked and keep its answers to itself.
async fn set_silent(
    State(shared): Shared,
    body: Result<Json<SilentBody>, JsonRejection>,
) -> Result<StatusCode, ControlError> {
    let Json(SilentBody { silent }) = body?;
    shared.bank.set_silent(silent);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockBody {
    advance_seconds: u32,
}

/// Sets the server's clock forward.
async fn advance(
    State(shared): Shared,
    body: Result<Json<ClockBody>, JsonRejection>,
) -> Result<StatusCode, ControlError> {
    let Json(ClockBody { advance_seconds }) = body?;
    if advance_seconds > MAX_ADVANCE_SECONDS {
        return Err(InvalidInput::new("advance_seconds", "is more than a day").into());
    }
    shared.clock.advance(advance_seconds);
    Ok(StatusCode::NO_CONTENT)
}

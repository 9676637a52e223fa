//! The control: what people and programs ask of the sandbox, over plain HTTP on loopback.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post, put},
};
use countersign_domain::{
    invalid::{Field, InvalidInput},
    ports::Clock as _,
    settlement::{Because, Settlement},
};
use countersign_server::settle as desk;
use countersign_web::problem::Problem;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    accounts::{self, Accounts},
    centre::HandsetMessage,
    counterparties::Counterparties,
    error::SandboxError,
    flows,
    handsets::{self, Handsets},
    page,
    problem::ControlError,
    served::{Door, Served},
    stage::{self, Rooms},
};

/// The furthest that the clock is set forward at once: a day.
const MAX_ADVANCE_SECONDS: u32 = 86_400;

/// A control at work, and with it what it controls.
pub(crate) struct Control {
    counterparties: Arc<Counterparties>,
    _served: Served,
}

impl Control {
    pub(crate) async fn start(mut counterparties: Counterparties) -> Result<Self, SandboxError> {
        let door = Door::at(counterparties.address).await?;
        counterparties.address = door.address;
        let counterparties = Arc::new(counterparties);
        let served = door.serve(routes(&counterparties));
        Ok(Self { counterparties, _served: served })
    }

    pub(crate) fn counterparties(&self) -> &Counterparties {
        &self.counterparties
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.counterparties.address
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

type Shared = State<Arc<Counterparties>>;

fn routes(counterparties: &Arc<Counterparties>) -> Router {
    let handsets = Handsets {
        centre: Arc::clone(&counterparties.centre),
        people: counterparties.people.clone(),
        places: counterparties.places.clone(),
    };
    let accounts = Accounts {
        bank: Arc::clone(&counterparties.bank),
        server: Some(Arc::clone(counterparties)),
        places: counterparties.places.clone(),
    };
    let rooms = Rooms { counterparties: Arc::clone(counterparties), handsets: handsets.clone() };
    Router::new()
        .route("/sandbox.json", get(describe))
        .route("/clock", get(time).post(advance))
        .route("/operator", put(set_operator))
        .route("/stuck/{payment}", post(settle))
        .with_state(Arc::clone(counterparties))
        .merge(stage::routes(rooms))
        .merge(flows::routes(Arc::clone(counterparties)))
        .merge(handsets::routes(handsets))
        .merge(accounts::routes(accounts))
        .merge(page::routes(counterparties.journal.clone()))
        .fallback(async || {
            let (handsets, accounts) = (handsets::PATHS, accounts::PATHS);
            Problem::not_found(format!(
                "There are / for people, and /sandbox.json, {handsets}, {accounts}, /operator, /stuck/PAYMENT and /clock."
            ))
        })
}

async fn describe(State(shared): Shared) -> Response {
    Json(shared.facts.as_ref()).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockBody {
    advance_seconds: u32,
}

/// The server's time: what a tester signs must be of that time.
async fn time(State(shared): Shared) -> Response {
    Json(json!({ "unix_seconds": shared.clock.now().unix_seconds() })).into_response()
}

/// Sets the server's clock forward.
async fn advance(
    State(shared): Shared,
    body: Result<Json<ClockBody>, JsonRejection>,
) -> Result<StatusCode, ControlError> {
    let Json(ClockBody { advance_seconds }) = body?;
    if advance_seconds > MAX_ADVANCE_SECONDS {
        return Err(InvalidInput::new(Field::AdvanceSeconds, "is more than a day").into());
    }
    shared.clock.advance(advance_seconds);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorBody {
    away: bool,
}

/// Has the operator go away, or come back.
async fn set_operator(
    State(shared): Shared,
    body: Result<Json<OperatorBody>, JsonRejection>,
) -> Result<StatusCode, ControlError> {
    let Json(OperatorBody { away }) = body?;
    let none = || ControlError::not_found("This sandbox has no operator; see sandbox --help.");
    let operator = shared.operator.as_ref().ok_or_else(none)?;
    match away {
        true => operator.stop().await,
        false => {
            let back = operator.come_back().await;
            back.map_err(|error| ControlError::internal(&error.to_string()))?;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettleBody {
    settlement: Settlement,
    because: Because,
}

/// Has somebody settle what is stuck, as `countersign payments settle` does.
async fn settle(
    State(shared): Shared,
    Path(payment): Path<String>,
    body: Result<Json<SettleBody>, JsonRejection>,
) -> Result<StatusCode, ControlError> {
    let Json(SettleBody { settlement, because }) = body?;
    let configuration = &shared.facts.configuration;
    let settled = desk::settle(configuration, &payment, settlement, &because).await;
    match settled.map(drop).map_err(|error| error.to_string()) {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(why) => Err(ControlError::not_done(why)),
    }
}

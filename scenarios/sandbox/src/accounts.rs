//! The accounts at the bank, for people in a browser and for programs: what is on them, what moved, and what the bank is
//! to do.

use std::sync::Arc;

use askama::Template;
use axum::{
    Json, Router,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
    routing::{get, put},
};
use countersign_domain::{
    amount::{Amount, Currency},
    card::{Card, CardExpiry},
};
use serde::{Deserialize, Serialize};

use crate::{
    bank::{self, Bank, Movement, Trouble, UnknownCard},
    counterparties::Counterparties,
    page::{Answer, Frame, Places, show},
    person::{BALANCE_MINOR, euro},
    problem::ControlError,
    views::{AccountRow, MovementRow, PostedRow},
};

/// The paths of the control, as an unknown one is answered.
pub(crate) const PATHS: &str = "/bank/cards/NUMBER, /bank/silent";

/// The accounts of a bank.
#[derive(Clone)]
pub(crate) struct Accounts {
    pub(crate) bank: Arc<Bank>,
    /// Those whose register is shown beside the accounts, if there is a server.
    pub(crate) server: Option<Arc<Counterparties>>,
    pub(crate) places: Places,
}

pub(crate) fn routes(accounts: Accounts) -> Router {
    Router::new()
        .route("/bank", get(page))
        .route("/bank/cards/{number}", get(account).put(set_account))
        .route("/bank/silent", put(set_silent))
        .with_state(accounts)
}

type Shared = State<Accounts>;

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
    refuses_captures: Option<bool>,
    refuses_reversals: Option<bool>,
    refuses_repeats: Option<bool>,
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
    let before = shared.bank.account(&card).ok_or(UnknownCard)?.trouble;
    shared.bank.trouble(
        &card,
        Trouble {
            refuses_captures: change.refuses_captures.unwrap_or(before.refuses_captures),
            refuses_reversals: change.refuses_reversals.unwrap_or(before.refuses_reversals),
            refuses_repeats: change.refuses_repeats.unwrap_or(before.refuses_repeats),
        },
    )?;
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

#[derive(Template)]
#[template(path = "bank.html")]
struct BankPage {
    frame: Frame,
    accounts: Vec<AccountRow>,
    movements: Vec<MovementRow>,
    register: Option<Vec<PostedRow>>,
}

async fn page(State(shared): Shared) -> Answer {
    let register = match &shared.server {
        Some(server) => Some(server.register(&server.people.all()).await?),
        None => None,
    };
    let movements = shared.bank.all_movements();
    show(&BankPage {
        frame: shared.places.at("Bank"),
        accounts: shared.bank.accounts().iter().map(AccountRow::of).collect(),
        movements: movements.iter().map(|(card, moved)| MovementRow::of(card, moved)).collect(),
        register,
    })
}

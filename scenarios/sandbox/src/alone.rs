//! One counterparty alone, for people who test something else: a bank or an SMS centre, and a page to look at it.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, response::Redirect, routing::get};
use countersign_web::problem::Problem;

use crate::{
    accounts::{self, Accounts},
    address::url,
    bank::Bank,
    centre::{Account, Centre, CentreError},
    error::{SandboxError, listen},
    handsets::{self, Handsets},
    journal::Journal,
    page::{self, Places},
    person::People,
    served::{Door, Served},
};

/// A bank without a server, and its control. Dropping it closes both.
pub struct LoneBank {
    bank: Arc<Bank>,
    control: SocketAddr,
    _served: Served,
}

impl LoneBank {
    /// Opens a bank without accounts at `address`, and its control; port 0 takes a free one.
    ///
    /// # Errors
    /// When an address cannot be listened at.
    pub async fn start(address: SocketAddr, control: SocketAddr) -> Result<Self, SandboxError> {
        let door = Door::at(control).await?;
        let journal = Journal::default();
        let bank = Bank::start_noting(address, journal.clone()).await;
        let bank = Arc::new(bank.map_err(|error| listen(address, &error))?);
        let places = Places { title: "Bank", all: &[("Bank", "/bank")] };
        let accounts = Accounts { bank: Arc::clone(&bank), server: None, places };
        let routes = accounts::routes(accounts);
        let control = door.address;
        let routes = alone(routes, journal, "/bank", accounts::PATHS);
        Ok(Self { bank, control, _served: door.serve(routes) })
    }

    /// Its accounts, and what was asked of them.
    pub fn bank(&self) -> &Bank {
        &self.bank
    }

    /// Where its accounts are looked at and changed.
    pub fn control_url(&self) -> String {
        url("http", self.control)
    }
}

/// An SMS centre without a server, and its control. Dropping it closes both.
pub struct LoneCentre {
    centre: Arc<Centre>,
    control: SocketAddr,
    _served: Served,
}

impl LoneCentre {
    /// Opens a centre without handsets at `address`, and its control; port 0 takes a free one.
    ///
    /// # Errors
    /// When an address cannot be listened at.
    pub async fn start(
        address: SocketAddr,
        control: SocketAddr,
        account: Account,
    ) -> Result<Self, SandboxError> {
        let door = Door::at(control).await?;
        let journal = Journal::default();
        let centre = Centre::start_noting(address, vec![account], journal.clone()).await;
        let centre = Arc::new(centre.map_err(|error| match error {
            CentreError::Listen(kind) => listen(address, &kind.into()),
            error => error.into(),
        })?);
        let handsets = Handsets {
            centre: Arc::clone(&centre),
            people: People::default(),
            places: Places { title: "SMS centre", all: &[("Phones", "/phones")] },
        };
        let control = door.address;
        let routes = alone(handsets::routes(handsets), journal, "/phones", handsets::PATHS);
        Ok(Self { centre, control, _served: door.serve(routes) })
    }

    /// Its handsets, and what they show.
    pub fn centre(&self) -> &Centre {
        &self.centre
    }

    /// Where its handsets are looked at and changed.
    pub fn control_url(&self) -> String {
        url("http", self.control)
    }
}

/// The routes of one counterparty, with what every page needs, and its own page first.
fn alone(routes: Router, journal: Journal, first: &'static str, paths: &'static str) -> Router {
    routes.merge(page::routes(journal)).route("/", get(async move || Redirect::to(first))).fallback(
        async move || Problem::not_found(format!("There are {first} for people, and {paths}.")),
    )
}

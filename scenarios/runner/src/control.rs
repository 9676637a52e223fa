//! The sandbox's control: handsets, accounts and the clock, over plain HTTP on loopback.

use countersign_domain::{amount::Amount, time::Timestamp};
use countersign_sandbox::Flow;
use hyper::header;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    description::Description,
    failure::Failure,
    wire::{self, Answer, Ask},
};

/// A text that a handset shows.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Shown {
    /// The sender.
    pub(crate) from: String,
    pub(crate) text: String,
}

/// An account as the bank sees it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Account {
    pub(crate) held_minor: u64,
    pub(crate) movements: Vec<Movement>,
}

/// Something that happened to an account.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct Movement {
    /// `held`, `debited`, `released`, `given_back`, `credited`, `debited_again`.
    pub(crate) kind: String,
    pub(crate) amount: Amount,
}

impl Movement {
    /// Whether money went one way or the other; an amount that is held or released is only promised.
    pub(crate) fn is_of_money(&self) -> bool {
        self.moved_minor() != 0
    }

    /// What it moved from the account to merchants, in minor units.
    pub(crate) fn moved_minor(&self) -> i128 {
        let amount = i128::from(self.amount.amount_minor());
        match self.kind.as_str() {
            "debited" | "debited_again" => amount,
            "given_back" | "credited" => -amount,
            _ => 0,
        }
    }
}

/// The control of one sandbox.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    /// Such as `http://127.0.0.1:8080`.
    url: String,
}

impl Control {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.trim_end_matches('/').to_owned() }
    }

    pub(crate) async fn description(&self) -> Result<Description, Failure> {
        self.read("/sandbox.json").await
    }

    /// What the handset shows, oldest first.
    pub(crate) async fn messages(&self, number: &str) -> Result<Vec<Shown>, Failure> {
        self.read(&format!("/handsets/{number}/messages")).await
    }

    /// What was sent, as a flow's page has it.
    pub(crate) async fn flow(&self, path: &str) -> Result<Flow, Failure> {
        self.read(path).await
    }

    /// Switches a handset `on` or `off`, or has it `barred`; a handset that is not there is added.
    pub(crate) async fn set_handset(&self, number: &str, state: &str) -> Result<(), Failure> {
        self.tell("PUT", &format!("/handsets/{number}"), &json!({ "state": state })).await
    }

    /// Changes the account that a card draws on; an account that is not there is opened.
    pub(crate) async fn set_card(&self, number: &str, change: &Value) -> Result<(), Failure> {
        self.tell("PUT", &format!("/bank/cards/{number}"), change).await
    }

    pub(crate) async fn account(&self, number: &str) -> Result<Account, Failure> {
        self.read(&format!("/bank/cards/{number}")).await
    }

    /// Sets the server's clock forward.
    pub(crate) async fn advance_clock(&self, seconds: u32) -> Result<(), Failure> {
        self.tell("POST", "/clock", &json!({ "advance_seconds": seconds })).await
    }

    /// Has the operator go away, or come back.
    pub(crate) async fn set_operator_away(&self, away: bool) -> Result<(), Failure> {
        self.tell("PUT", "/operator", &json!({ "away": away })).await
    }

    /// Has somebody settle what is stuck, as the bank's desk said.
    pub(crate) async fn settle(&self, payment: &str, settlement: &str) -> Result<(), Failure> {
        let body = json!({ "settlement": settlement, "because": "the bank's desk said so" });
        self.tell("POST", &format!("/stuck/{payment}"), &body).await
    }

    /// The server's time: what a scenario signs must be of that time.
    pub(crate) async fn time(&self) -> Result<Timestamp, Failure> {
        #[derive(Deserialize)]
        struct Time {
            unix_seconds: u64,
        }
        let time: Time = self.read("/clock").await?;
        Ok(Timestamp::from_unix_seconds(time.unix_seconds))
    }

    /// Asks something of a shop of the sandbox, which may say no.
    pub(crate) async fn shop(&self, path: &str, body: &Value) -> Answer {
        let url = format!("{}{path}", self.url);
        let headers = vec![(header::CONTENT_TYPE, "application/json".to_owned())];
        let body = body.to_string();
        wire::ask(None, Ask { method: "POST", url: &url, headers, body }).await
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let body = wire::plain("GET", &self.url, path, None).await?;
        let unexpected = |error| Failure::new(format!("GET {}{path}: {error} in {body}", self.url));
        T::deserialize(&body).map_err(unexpected)
    }

    async fn tell(&self, method: &str, path: &str, body: &Value) -> Result<(), Failure> {
        wire::plain(method, &self.url, path, Some(body)).await.map(|_| ())
    }
}

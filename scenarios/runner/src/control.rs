//! The sandbox's control: handsets, accounts and the clock, over plain HTTP on loopback.

use std::path::PathBuf;

use countersign_domain::amount::Amount;
use countersign_sandbox::Flow;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{failure::Failure, wire};

/// What a sandbox says of itself, `GET /sandbox.json`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Description {
    /// The merchants' API.
    pub(crate) api: String,
    /// The key of a merchant that may enter subscribers.
    pub(crate) api_key: String,
    /// The key of another merchant.
    pub(crate) other_api_key: String,
    /// `bank_first` or `code_first`.
    pub(crate) order: String,
    /// The limit amounts up to which a transaction is normal.
    pub(crate) normal_up_to: Vec<Amount>,
    /// The file with the root that the server's certificate leads to.
    pub(crate) authority: PathBuf,
    /// Client certificates to try.
    pub(crate) certificates: Certificates,
}

/// Client certificates of every kind that matters.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Certificates {
    pub(crate) encrypted: ClientCertificate,
    pub(crate) clear: ClientCertificate,
    pub(crate) foreign: ClientCertificate,
    pub(crate) expired: ClientCertificate,
    pub(crate) moved: ClientCertificate,
}

/// A client certificate: files, and whose it is.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ClientCertificate {
    /// The file with the chain.
    pub(crate) certificate: PathBuf,
    /// The file with the private key.
    pub(crate) key: PathBuf,
    /// The number that it bears, E.164.
    pub(crate) number: String,
    /// The holder's card, whether the certificate bears it or not.
    pub(crate) card: Card,
}

/// A card of nobody, to try with.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Card {
    /// All digits.
    pub(crate) number: String,
    /// `YYYY-MM`.
    pub(crate) expiry: String,
}

/// A text that a handset shows.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Shown {
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
    /// `held`, `debited`, `released`, `given_back`.
    pub(crate) kind: String,
    pub(crate) amount: Amount,
}

impl Movement {
    /// Whether money went one way or the other; an amount that is held or released is only promised.
    pub(crate) fn is_of_money(&self) -> bool {
        matches!(self.kind.as_str(), "debited" | "given_back")
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

    /// What was sent for a purchase.
    pub(crate) async fn flow(&self, checkout: &str) -> Result<Flow, Failure> {
        self.read(&format!("/purchases/{checkout}/flow.json")).await
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

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let body = wire::plain("GET", &self.url, path, None).await?;
        let unexpected = |error| Failure::new(format!("GET {}{path}: {error} in {body}", self.url));
        T::deserialize(&body).map_err(unexpected)
    }

    async fn tell(&self, method: &str, path: &str, body: &Value) -> Result<(), Failure> {
        wire::plain(method, &self.url, path, Some(body)).await.map(|_| ())
    }
}

//! What a sandbox says of itself.

use std::path::PathBuf;

use countersign_domain::{amount::Amount, plan::Order, policy::Profile};
use serde::Serialize;

use crate::{
    certificates::{CardholderWallet, ClientCertificates},
    person::Person,
};

/// What a sandbox says of itself, `GET /sandbox.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Facts {
    pub(crate) api: String,
    pub(crate) checkout: String,
    /// Metrics, health and readiness.
    pub(crate) operations: Option<String>,
    pub(crate) api_key: String,
    pub(crate) other_api_key: String,
    pub(crate) order: Order,
    pub(crate) profile: Option<Profile>,
    pub(crate) normal_up_to: Vec<Amount>,
    pub(crate) folder: PathBuf,
    pub(crate) authority: PathBuf,
    pub(crate) configuration: PathBuf,
    pub(crate) person: Person,
    pub(crate) certificates: ClientCertificates,
    /// Where the person pays by SET in a browser.
    pub(crate) wallet_page: String,
    /// Where the operator that keeps the codes of tickets takes its orders, if there is one.
    pub(crate) operator: Option<String>,
    /// Where people's programs have their wallets.
    pub(crate) wallets: String,
    /// Where cardholders register with SET's messages.
    pub(crate) registration: String,
    /// With which the person pays by SET.
    pub(crate) wallet: CardholderWallet,
}

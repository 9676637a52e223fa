//! What a sandbox says of itself.

use std::path::PathBuf;

use countersign_domain::amount::Amount;
use serde::Deserialize;

/// What a sandbox says of itself, `GET /sandbox.json`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Description {
    /// The merchants' API.
    pub(crate) api: String,
    /// The key of a merchant that may enter subscribers.
    pub(crate) api_key: String,
    /// The key of another merchant.
    pub(crate) other_api_key: String,
    /// Where the operator takes its orders, if there is one.
    pub(crate) operator: Option<String>,
    /// `bank_first` or `code_first`.
    pub(crate) order: String,
    /// The profile of its policy: `psd2`, or none.
    pub(crate) profile: Option<String>,
    /// The limit amounts up to which a transaction is normal.
    pub(crate) normal_up_to: Vec<Amount>,
    /// The file with the root that the server's certificate leads to.
    pub(crate) authority: PathBuf,
    /// Client certificates to try.
    pub(crate) certificates: Certificates,
    /// Where the sandbox's files are.
    pub(crate) folder: PathBuf,
    /// Where cardholders register with SET's messages.
    pub(crate) registration: String,
    /// Where people's programs have their virtual wallets.
    pub(crate) wallets: String,
    /// With which to pay by SET.
    pub(crate) wallet: WalletOfHolder,
}

/// A cardholder's wallet: a file, what opens it, and whose it is.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct WalletOfHolder {
    /// Where it is.
    pub(crate) file: PathBuf,
    /// The static password.
    pub(crate) password: String,
    /// The number in its certificate, E.164.
    pub(crate) number: String,
    /// The card in it.
    pub(crate) card: Card,
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

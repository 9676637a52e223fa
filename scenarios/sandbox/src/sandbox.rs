//! From nothing to a server with everybody around it.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use countersign_domain::{
    amount::{Amount, Currency},
    card::{Card, CardExpiry},
    invalid::InvalidInput,
    plan::Order,
    ports::Clock as _,
};
use countersign_server::{ConfigError, Server, StartError};
use serde::Serialize;
use thiserror::Error;
use tokio::time::{Instant, sleep};

use crate::{
    bank::Bank,
    centre::{Account, Centre, CentreError, HandsetMessage},
    certificates::{self, ClientCertificates},
    clock::SandboxClock,
    control::{Control, ControlError},
    counterparties::Counterparties,
    journal::Journal,
    merchant::Merchant,
    plan::{CONFIGURATION, Keys, Plan, STORE, host},
};

/// The account of the server at the centre.
const SYSTEM_ID: &str = "countersign";
/// What is on an account that is opened, in minor units.
pub(crate) const BALANCE_MINOR: u64 = 100_000;
/// Up to this many cents a payment is normal (C24).
pub(crate) const NORMAL_UP_TO_MINOR: u64 = 500;
/// How often it is looked whether something came to a handset.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// What a sandbox is to be like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where certificates, configuration and store go; must be empty, or not there.
    pub folder: PathBuf,
    /// Whom the policy asks first.
    pub order: Order,
    /// Where handsets, accounts and the clock are told what to do.
    pub control: SocketAddr,
    /// Where payers' browsers are served; port 0 takes a free one.
    pub checkout: SocketAddr,
    /// Where merchants' back ends are served; port 0 takes a free one.
    pub api: SocketAddr,
    /// Where figures, health and readiness are served; port 0 takes a free one.
    pub operations: SocketAddr,
    /// A centre of one's own, instead of the sandbox's. Its handsets cannot be looked at from here.
    pub centre: Option<ExternalCentre>,
    /// Whether the person is in the directory from the beginning, and a second one with her.
    pub furnished: bool,
}

/// An SMS centre that is not the sandbox's.
#[derive(Clone, Debug)]
pub struct ExternalCentre {
    /// `host:port`.
    pub address: String,
    /// The account there.
    pub system_id: String,
    /// Its password.
    pub password: String,
    /// From whom messages come: a name, a number with `+`, or a short code.
    pub source: String,
    /// Whether it is to deliver at once and to answer only then.
    pub transaction_mode: bool,
}

impl Settings {
    /// A sandbox on loopback, on free ports, that asks the bank first.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            folder: folder.into(),
            order: Order::BankFirst,
            control: free,
            checkout: free,
            api: free,
            operations: free,
            centre: None,
            furnished: false,
        }
    }
}

/// Somebody who pays in the sandbox. Number and card are nobody's.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Person {
    /// As the directory knows him or her.
    pub user_id: String,
    /// The phone, E.164.
    pub number: String,
    /// The card.
    pub card: PlainCard,
}

/// A card for trying: it opens no account but the sandbox's.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PlainCard {
    /// All digits.
    pub number: String,
    /// `YYYY-MM`.
    pub expiry: String,
}

/// A sandbox at work.
pub struct Sandbox {
    server: Server,
    control: Control,
    facts: Arc<Facts>,
}

/// What a sandbox says of itself, `GET /sandbox.json`.
#[derive(Debug, Serialize)]
pub(crate) struct Facts {
    pub(crate) api: String,
    pub(crate) checkout: String,
    /// Figures, health and readiness.
    pub(crate) operations: Option<String>,
    pub(crate) api_key: String,
    pub(crate) other_api_key: String,
    pub(crate) order: Order,
    pub(crate) normal_up_to: Vec<Amount>,
    pub(crate) folder: PathBuf,
    pub(crate) authority: PathBuf,
    pub(crate) configuration: PathBuf,
    pub(crate) person: Person,
    pub(crate) certificates: ClientCertificates,
}

/// Why there is no sandbox.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum SandboxError {
    /// The folder holds something.
    #[error("{0} is not empty: a sandbox is made anew each time; name another folder")]
    FolderInUse(PathBuf),
    /// A file cannot be written.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// An address cannot be listened at.
    #[error(
        "cannot listen at {address}: {cause}; is another sandbox running? Choose other ports, see --help"
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system says.
        cause: String,
    },
    /// A certificate cannot be made.
    #[error("certificates: {0}")]
    Certificates(String),
    /// The centre does not start.
    #[error(transparent)]
    Centre(#[from] CentreError),
    /// The server does not start.
    #[error(transparent)]
    Server(#[from] StartError),
    /// A value of the sandbox's own is not valid, or chance failed.
    #[error("{0}")]
    Internal(String),
}

impl SandboxError {
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::File { path: path.to_owned(), cause: error.to_string() }
    }
}

impl From<countersign_certs::Error> for SandboxError {
    fn from(error: countersign_certs::Error) -> Self {
        Self::Certificates(error.to_string())
    }
}

impl From<ConfigError> for SandboxError {
    fn from(error: ConfigError) -> Self {
        Self::Server(error.into())
    }
}

impl From<InvalidInput> for SandboxError {
    fn from(error: InvalidInput) -> Self {
        Self::Internal(error.to_string())
    }
}

impl Sandbox {
    /// Makes the certificates, opens bank and centre, writes the server's configuration, starts it, and enters one
    /// person with phone, card and account.
    ///
    /// # Errors
    /// When the folder is in use or cannot be written to, or an address cannot be listened at.
    pub async fn start(settings: Settings) -> Result<Self, SandboxError> {
        let folder = empty_folder(&settings.folder)?;
        let clock = Arc::new(SandboxClock::default());
        let person = alice();
        let certificates = certificates::make(&folder, &person, clock.now())?;
        let keys = Keys::random()?;

        let journal = Journal::default();
        let (bank, centre) = bank_and_centre(&person, &keys, &journal).await?;
        let plan = Plan {
            folder: &folder,
            settings: &settings,
            centre: settings.centre.clone().unwrap_or_else(|| own_centre(&centre, &keys)),
            bank: bank.address(),
            keys: &keys,
            journal: journal.clone(),
        };
        let server = plan.start(clock.clone()).await?;
        let address = |section: &str| {
            let unserved = || SandboxError::Internal(format!("nothing listens for [{section}]"));
            server.address(section).ok_or_else(unserved)
        };
        let (api, checkout) = (address("api")?, address("checkout")?);
        let facts = Arc::new(Facts {
            api: url("https", api),
            checkout: url("https", checkout),
            operations: server.address("operations").map(|address| url("http", address)),
            api_key: keys.api_key,
            other_api_key: keys.other_api_key,
            order: settings.order,
            normal_up_to: vec![Amount::new(NORMAL_UP_TO_MINOR, euro()?)?],
            folder: folder.clone(),
            authority: folder.join("root.pem"),
            configuration: folder.join(CONFIGURATION),
            person,
            certificates,
        });
        let merchant = |key: &str| Merchant::new(api, key.to_owned(), &facts.authority);
        let control = Control::start(Counterparties {
            address: settings.control,
            centre,
            bank,
            clock,
            journal,
            merchant: merchant(&facts.api_key)?,
            other_merchant: merchant(&facts.other_api_key)?,
            store: folder.join(STORE),
            people: Mutex::new(vec![facts.person.clone()]),
            facts: Arc::clone(&facts),
        })
        .await?;
        if settings.furnished {
            furnish(control.counterparties())
                .await
                .map_err(|error| SandboxError::Internal(error.to_string()))?;
        }
        Ok(Self { server, control, facts })
    }

    /// Where handsets, accounts and the clock are told what to do, and where all the rest is said.
    pub fn control_url(&self) -> String {
        url("http", self.control.address())
    }

    /// The merchants' API.
    pub fn api_url(&self) -> &str {
        &self.facts.api
    }

    /// The payers' pages.
    pub fn checkout_url(&self) -> &str {
        &self.facts.checkout
    }

    /// The key of a merchant that may enter subscribers.
    pub fn api_key(&self) -> &str {
        &self.facts.api_key
    }

    /// The file with the root that the server's certificate leads to.
    pub fn authority(&self) -> &Path {
        &self.facts.authority
    }

    /// The certificate, and the key, of the person, with number and card encrypted to the gateway.
    pub fn client_certificate(&self) -> (&Path, &Path) {
        let files = &self.facts.certificates.encrypted;
        (&files.certificate, &files.key)
    }

    /// Where everything is kept.
    pub fn folder(&self) -> &Path {
        &self.facts.folder
    }

    /// The configuration that the server was started with.
    pub fn configuration(&self) -> &Path {
        &self.facts.configuration
    }

    /// The person who has phone, card and account; a subscriber once she is enrolled.
    pub fn person(&self) -> &Person {
        &self.facts.person
    }

    /// What comes to handsets from now on.
    pub fn texts(&self) -> Texts<'_> {
        Texts { control: &self.control, seen: Instant::now() }
    }

    /// Stops the server as in real life, then closes bank and centre.
    pub async fn stop(self) {
        self.server.stop().await;
        drop(self.control);
    }
}

/// What comes to handsets.
pub struct Texts<'a> {
    control: &'a Control,
    seen: Instant,
}

impl Texts<'_> {
    /// Waits for the next ones, oldest first, each with the handset's number.
    pub async fn next(&mut self) -> Vec<(String, HandsetMessage)> {
        loop {
            let texts = self.control.texts_since(self.seen);
            if let Some((_, last)) = texts.last() {
                self.seen = last.at;
                return texts;
            }
            sleep(LOOK_PAUSE).await;
        }
    }
}

/// Opens the bank with an account for that person, and the SMS centre with the person's handset.
async fn bank_and_centre(
    person: &Person,
    keys: &Keys,
    journal: &Journal,
) -> Result<(Bank, Centre), SandboxError> {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let bank = Bank::start_noting(loopback, journal.clone())
        .await
        .map_err(|error| listen(loopback, &error))?;
    let account =
        Account { system_id: SYSTEM_ID.to_owned(), password: keys.centre_password.clone() };
    let centre = Centre::start_noting(loopback, vec![account], journal.clone()).await?;
    centre.add_handset(&person.number)?;
    let expiry = CardExpiry::try_from(person.card.expiry.as_str())?;
    let card = Card::new(&person.card.number, expiry)?;
    bank.open_account(card, BALANCE_MINOR, euro()?);
    Ok((bank, centre))
}

fn own_centre(centre: &Centre, keys: &Keys) -> ExternalCentre {
    ExternalCentre {
        address: centre.address().to_string(),
        system_id: SYSTEM_ID.to_owned(),
        password: keys.centre_password.clone(),
        source: "Dupont".to_owned(),
        transaction_mode: false,
    }
}

impl Person {
    /// Somebody whose number is one that the French regulator keeps for fiction, and whose card no bank has issued.
    pub(crate) fn numbered(user_id: &str, number: usize) -> Self {
        Self {
            user_id: user_id.to_owned(),
            number: format!("+3363998{number:04}"),
            card: PlainCard {
                number: with_check_digit(&format!("4970100000{:05}", 14 + number)),
                expiry: "2035-12".to_owned(),
            },
        }
    }
}

/// The one who is there from the beginning.
fn alice() -> Person {
    Person::numbered("alice", 1)
}

async fn furnish(counterparties: &Counterparties) -> Result<(), ControlError> {
    counterparties.enrol(&counterparties.facts.person).await?;
    counterparties.add_person("bob").await.map(|_| ())
}

/// The digits with the one that makes them a card's number (ISO/IEC 7812-1 annex B).
pub fn with_check_digit(digits: &str) -> String {
    let weigh = |(digit, weight): (char, u32)| {
        let weighed = digit.to_digit(10).unwrap_or_default() * weight;
        weighed / 10 + weighed % 10
    };
    let weights = [2, 1].into_iter().cycle();
    let sum: u32 = digits.chars().rev().zip(weights).map(weigh).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

pub(crate) fn euro() -> Result<Currency, InvalidInput> {
    Currency::try_from("EUR")
}

fn empty_folder(folder: &Path) -> Result<PathBuf, SandboxError> {
    let failed = |error| SandboxError::file(folder, &error);
    fs::create_dir_all(folder).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(SandboxError::FolderInUse(folder.to_owned()));
    }
    folder.canonicalize().map_err(failed)
}

fn url(scheme: &str, address: SocketAddr) -> String {
    format!("{scheme}://{}", host(address))
}

pub(crate) fn listen(address: SocketAddr, error: &io::Error) -> SandboxError {
    SandboxError::Listen { address, cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_card_has_the_right_check_digit() {
        assert_eq!(with_check_digit("497010000000015"), "4970100000000154");
        assert_eq!(Person::numbered("alice", 1).card.number, "4970100000000154");
    }
}

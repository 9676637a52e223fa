//! From nothing to a server with everybody around it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use countersign_domain::{amount::Amount, ports::Clock as _};
use countersign_server::Server;
use tokio::time::{Instant, sleep};

use crate::{
    address::url,
    bank::Bank,
    centre::{Account, Centre, HandsetMessage, OPERATOR_ID},
    certificates,
    clock::SandboxClock,
    control::Control,
    counterparties::Counterparties,
    error::{SandboxError, listen},
    facts::Facts,
    flows::HOUSE,
    folder::empty_folder,
    journal::Journal,
    merchant::Merchant,
    operator::{Beginning, Operator},
    page::Places,
    person::{BALANCE_MINOR, People, Person, alice, euro},
    plan::{CONFIGURATION, Keys, Plan},
    problem::ControlError,
    settings::{ExternalCentre, NORMAL_UP_TO_MINOR, Settings},
    tap::tapped,
};

/// The account of the server at the centre.
const SYSTEM_ID: &str = "countersign";
/// How often it is looked whether something came to a handset.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// What each page leads to.
const PLACES: Places = Places {
    title: "Countersign sandbox",
    all: &[("Stage", "/"), ("Shop", "/shop"), ("Phones", "/phones"), ("Bank", "/bank")],
};

/// A sandbox at work.
pub struct Sandbox {
    server: Server,
    control: Control,
    facts: Arc<Facts>,
}

impl Sandbox {
    /// Makes the certificates, opens bank and centre, writes the server's configuration, starts it, and enters one
    /// person with phone, card and account.
    ///
    /// # Errors
    /// When the folder is in use or cannot be written to, or an address cannot be listened at.
    pub async fn start(settings: Settings) -> Result<Self, SandboxError> {
        let (folder, clock) = (empty_folder(&settings.folder)?, Arc::new(SandboxClock::default()));
        let person = alice();
        let certificates = certificates::make(&folder, &person, clock.now())?;
        let keys = Keys::random()?;

        let journal = Journal::default();
        let (bank, centre) = bank_and_centre(&person, &keys, &journal).await?;
        let ways = Ways::to(&centre, &settings, &keys);
        let operator =
            operator(&settings, &folder, &ways.operators, &keys, &clock, &journal).await?;
        let plan = Plan {
            folder: &folder,
            settings: &settings,
            centre: ways.servers,
            bank: bank.address(),
            operator: operator.as_ref(),
            keys: &keys,
            journal: journal.clone(),
        };
        let (server, store) = plan.start(clock.clone()).await?;
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
            profile: settings.profile,
            normal_up_to: vec![Amount::new(NORMAL_UP_TO_MINOR, euro()?)?],
            folder: folder.clone(),
            authority: folder.join("root.pem"),
            configuration: folder.join(CONFIGURATION),
            person,
            certificates: certificates.clients,
            operator: operator.as_ref().map(Operator::url),
            wallets: url("https", address("wallet")?),
            wallet_page: url("https", address("set.cardholder")?),
            registration: url("https", address("set.authority")?) + "/set/registration",
            wallet: certificates.wallet,
        });
        let people = People::default();
        people.add(facts.person.clone());
        let merchant = |key: &str| Merchant::new(api, key.to_owned(), &facts.authority);
        let control = Control::start(Counterparties {
            address: settings.control,
            centre: Arc::new(centre),
            bank: Arc::new(bank),
            operator,
            clock,
            journal,
            merchant: merchant(&facts.api_key)?,
            other_merchant: merchant(&facts.other_api_key)?,
            store,
            people,
            places: PLACES,
            facts: Arc::clone(&facts),
        })
        .await?;
        if settings.furnished {
            let furnished = furnish(control.counterparties()).await;
            furnished.map_err(|error| SandboxError::Internal(error.to_string()))?;
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

    /// Where people's programs have their wallets.
    pub fn wallets_url(&self) -> &str {
        &self.facts.wallets
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
        if let Some(operator) = &self.control.counterparties().operator {
            operator.stop().await;
        }
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
    let account = |system_id: &str, password: &str| Account {
        system_id: system_id.to_owned(),
        password: password.to_owned(),
    };
    let accounts = vec![
        account(SYSTEM_ID, &keys.centre_password),
        account(OPERATOR_ID, &keys.operators_centre_password),
    ];
    let centre = Centre::start_noting(loopback, accounts, journal.clone()).await?;
    centre.add_handset(&person.number)?;
    bank.open_account(person.card()?, BALANCE_MINOR, euro()?);
    Ok((bank, centre))
}

/// How the server and the operator come to their SMS centre.
struct Ways {
    servers: ExternalCentre,
    operators: ExternalCentre,
}

impl Ways {
    /// To the centre of the settings with the account there, or to the sandbox's, each with an account of its own.
    fn to(centre: &Centre, settings: &Settings, keys: &Keys) -> Self {
        let own = |system_id: &str, password: &str, source: &str| ExternalCentre {
            address: centre.address().to_string(),
            system_id: system_id.to_owned(),
            password: password.to_owned(),
            source: source.to_owned(),
            transaction_mode: false,
        };
        let or_own = |own| settings.centre.clone().unwrap_or(own);
        Self {
            servers: or_own(own(SYSTEM_ID, &keys.centre_password, "Dupont")),
            operators: or_own(own(OPERATOR_ID, &keys.operators_centre_password, "Operator")),
        }
    }
}

/// The operator, if the settings ask for one.
async fn operator(
    settings: &Settings,
    folder: &Path,
    centre: &ExternalCentre,
    keys: &Keys,
    clock: &Arc<SandboxClock>,
    journal: &Journal,
) -> Result<Option<Operator>, SandboxError> {
    if !settings.operator {
        return Ok(None);
    }
    let (clock, journal) = (Arc::clone(clock), journal.clone());
    let tap = Box::new(move |router| tapped(router, journal.clone()));
    let master = &keys.operators_master;
    let beginning = Beginning { folder, client: HOUSE, centre, master, clock, tap };
    Operator::start(beginning).await.map(Some)
}

async fn furnish(counterparties: &Counterparties) -> Result<(), ControlError> {
    counterparties.enrol(&counterparties.facts.person).await?;
    counterparties.add_person("bob").await.map(|_| ())
}

//! `countersign set registrations`: the authority's operator decides which merchants and gateways are certified.

use std::sync::Arc;

use countersign_authority::{Issued, last_issued};
use countersign_domain::ports::{Clock as _, Store};
use countersign_set::registrations::{BusinessRegistration, RegistrationState, decide, find, open};
use serde_json::json;

use super::{
    arguments::{AuthorityConfig, RegistrationsCommand},
    authority::SECTION,
    pay::line,
};
use crate::{
    config::{Config, needed},
    file::Failure,
    folder::AuthorityFolder,
    store_place::StorePlace,
    system::SystemClock,
};

/// Does what the operator says.
pub(super) async fn run(command: RegistrationsCommand) -> Result<(), Failure> {
    match command {
        RegistrationsCommand::List { of, json } => Books::open(&of).await?.list(json).await,
        RegistrationsCommand::Approve { of, same_holder, id } => {
            Books::open(&of).await?.approve(&id, same_holder).await
        }
        RegistrationsCommand::Refuse { of, id } => Books::open(&of).await?.decide(&id, false).await,
    }
}

/// What the authority keeps: who registers, and what it has issued.
struct Books {
    store: Arc<dyn Store>,
    register: Arc<dyn Store>,
}

impl Books {
    async fn open(of: &AuthorityConfig) -> Result<Self, Failure> {
        let config = Config::read(&of.config)?;
        needed(config.set.authority.as_ref(), SECTION, "countersign set registrations")?;
        let section = needed(config.authority.as_ref(), "authority", SECTION)?;
        let folder = AuthorityFolder::at(&config.files.path(&section.folder));
        let place = StorePlace::of(&config)?;
        let place = needed(place.as_ref(), "store", SECTION)?;
        let store = place.open(Arc::new(config.keys.ring(&config.files)?)).await?.store;
        let register: Arc<dyn Store> = match config.store {
            Some(_) => Arc::new(folder.register()?),
            None => Arc::clone(&store),
        };
        Ok(Self { store, register })
    }

    async fn list(&self, json: bool) -> Result<(), Failure> {
        let all = open(self.store.as_ref(), SystemClock::default().now()).await?;
        for registration in &all {
            let rival = self.rival(registration, &all).await?;
            if json {
                line(&described(registration, rival.as_ref()))?;
            } else {
                line(&worded(registration, rival.as_ref()))?;
            }
        }
        Ok(())
    }

    /// Approves; where the name is somebody's already, only if the operator says that it is the same one.
    async fn approve(&self, id: &str, same_holder: bool) -> Result<(), Failure> {
        let store = self.store.as_ref();
        if let Some(registration) = find(store, id).await?
            && !same_holder
            && let all = open(store, SystemClock::default().now()).await?
            && let Some(rival) = self.rival(&registration, &all).await?
        {
            let BusinessRegistration { role, name, .. } = registration;
            let (role, rival) = (role.name(), rival.worded());
            let why = "if it is the same holder that asks, say --same-holder";
            return Err(format!("{role} {name} {rival}: {why}").into());
        }
        self.decide(id, true).await
    }

    async fn decide(&self, id: &str, approved: bool) -> Result<(), Failure> {
        let decided = decide(self.store.as_ref(), id, approved).await?;
        let decided = decided.map_err(|why| format!("{id}: {why}"))?;
        let BusinessRegistration { role, name, state, .. } = decided;
        super::say(&format!("{} {name} is {}", role.name(), state.name()));
        Ok(())
    }

    /// The one that has the name already: in a certificate, or approved and not certified yet.
    async fn rival(
        &self,
        registration: &BusinessRegistration,
        all: &[BusinessRegistration],
    ) -> Result<Option<Rival>, Failure> {
        for kind in registration.role.kinds() {
            let issued = last_issued(self.register.as_ref(), kind, &registration.name).await?;
            // After a server died between the two, one of its own may be there.
            if let Some(issued) = issued.filter(|issued| !is_own(registration, issued)) {
                return Ok(Some(Rival::Certified(issued.serial)));
            }
        }
        let approved = all.iter().find(|other| {
            other.id != registration.id
                && other.state == RegistrationState::Approved
                && (other.role, &other.name) == (registration.role, &registration.name)
        });
        Ok(approved.map(|other| Rival::Approved(other.id.clone())))
    }
}

fn is_own(registration: &BusinessRegistration, issued: &Issued) -> bool {
    issued.key_sha256 == registration.id || issued.key_sha256 == registration.exchange_key_sha256()
}

/// One that has the name already.
enum Rival {
    /// By the serial number of its certificate.
    Certified(String),
    /// By the id of its registration.
    Approved(String),
}

impl Rival {
    fn worded(&self) -> String {
        match self {
            Self::Certified(serial) => format!("has a certificate, serial number {serial}"),
            Self::Approved(id) => format!("is approved for another key, {id}"),
        }
    }
}

fn described(registration: &BusinessRegistration, rival: Option<&Rival>) -> serde_json::Value {
    let (certified, approved) = match rival {
        Some(Rival::Certified(serial)) => (Some(serial), None),
        Some(Rival::Approved(id)) => (None, Some(id)),
        None => (None, None),
    };
    json!({
        "id": registration.id,
        "role": registration.role.name(),
        "name": registration.name,
        "acquirer": registration.acquirer_bin,
        "exchange_key": registration.exchange_key_sha256(),
        "asked_at": registration.asked_at.to_string(),
        "state": registration.state.name(),
        "certified_before": certified,
        "approved_before": approved,
    })
}

fn worded(registration: &BusinessRegistration, rival: Option<&Rival>) -> String {
    let BusinessRegistration { id, role, name, acquirer_bin, state, .. } = registration;
    let rival = rival.map_or_else(String::new, |rival| format!(" -- {name} {}", rival.worded()));
    let (role, state) = (role.name(), state.name());
    format!("{id} {state}: {role} {name} of acquirer {acquirer_bin}{rival}")
}

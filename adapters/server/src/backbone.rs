//! What every flow stands on: the ports, one verifier, the outbox, and the way to the phones.

use std::{path::PathBuf, sync::Arc};

use countersign_channels::SmppMessenger;
use countersign_domain::{
    keys::KeyRing,
    outbox::Outbox,
    policy::Policy,
    ports::{Clock, Ports, Store},
    verifier::{Verifier, Waits},
};
use countersign_store::SqliteStore;
use countersign_web::{relying_party::RelyingParties, words::SHARED};
use tokio::sync::watch;

use crate::{
    config::{Config, needed},
    drivers,
    error::{ConfigError, StartError},
    folder::AuthorityFolder,
    metered::Metered,
    metrics::Metrics,
    notifying_store::NotifyingStore,
    system::SystemEntropy,
    workers::{Task, send_messages},
};

/// What of a flow waits for challenges in that store.
pub(crate) type WaitsIn = fn(Arc<dyn Store>) -> Arc<dyn Waits>;

/// What every flow stands on.
pub(crate) struct Backbone {
    pub(crate) ports: Ports,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) messenger: Arc<SmppMessenger>,
    pub(crate) parties: RelyingParties,
    pub(crate) metrics: Arc<Metrics>,
    /// Turns true when nothing new is to be begun.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Turns true when all that was begun has ended.
    pub(crate) closing: watch::Receiver<bool>,
}

/// What a backbone is made of: read from the configuration; nothing is opened or connected yet.
pub(crate) struct Groundwork {
    store: PathBuf,
    keys: KeyRing,
    messenger: SmppMessenger,
    policy: Policy,
    parties: RelyingParties,
    clock: Arc<dyn Clock>,
}

impl Groundwork {
    /// What the configuration says of it; `flow` is a section that needs it.
    pub(crate) fn read(
        config: &Config,
        clock: Arc<dyn Clock>,
        flow: &'static str,
    ) -> Result<Self, ConfigError> {
        let sms = needed(config.sms.as_ref(), "sms", flow)?;
        Ok(Self {
            store: store(config, flow)?,
            keys: config.keys.ring(&config.files)?,
            messenger: drivers::messenger(sms, &config.files, Arc::clone(&clock))?,
            policy: config.policy.clone(),
            parties: RelyingParties::new(config.relying_parties.clone()),
            clock,
        })
    }
}

/// Where challenges and messages are kept: an authority that runs alone needs nothing beside its register.
fn store(config: &Config, flow: &'static str) -> Result<PathBuf, ConfigError> {
    match (&config.store, &config.authority) {
        (Some(section), _) => Ok(config.files.path(&section.path)),
        (None, Some(authority)) => {
            Ok(AuthorityFolder::at(&config.files.path(&authority.folder)).register_file())
        }
        (None, None) => Err(ConfigError::Missing { section: "store", by: flow }),
    }
}

impl Backbone {
    /// Opens the store. The tasks keep the session with the SMS centre and send what is committed.
    pub(crate) fn open(
        groundwork: Groundwork,
        waiting: impl IntoIterator<Item = WaitsIn>,
        stopping: watch::Receiver<bool>,
        closing: watch::Receiver<bool>,
    ) -> Result<(Self, Vec<Task>), StartError> {
        let Groundwork { store, keys, messenger, policy, parties, clock } = groundwork;
        let metrics = Arc::new(Metrics::new());
        let store =
            SqliteStore::open(&store).map_err(|error| StartError::Store(error.to_string()))?;
        let (store, committed) = NotifyingStore::of(store, Arc::clone(&metrics));
        let ports = Ports {
            store: Arc::new(store),
            clock,
            entropy: Arc::new(SystemEntropy::default()),
            keys: Arc::new(keys),
        };
        let mut verifier = Verifier::new(ports.clone(), policy);
        for waits in waiting {
            verifier = verifier.with_waiting(waits(Arc::clone(&ports.store)));
        }
        let verifier = Arc::new(verifier);
        let outbox = Arc::new(Outbox::new(ports.clone(), Arc::clone(&verifier), Arc::new(SHARED)));
        let messenger = Arc::new(messenger);
        let metered =
            Arc::new(Metered { inner: Arc::clone(&messenger), metrics: Arc::clone(&metrics) });
        let (session, inbox) = (Arc::clone(&messenger), Arc::clone(&outbox));
        let tasks: Vec<Task> = vec![
            Box::pin(async move { session.run(inbox).await }),
            Box::pin(send_messages(outbox, metered, committed, stopping.clone())),
        ];
        Ok((Self { ports, verifier, messenger, parties, metrics, stopping, closing }, tasks))
    }
}

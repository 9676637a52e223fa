//! From a configuration to a server at work.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use countersign_bank::Iso8583Bank;
use countersign_certs::RevocationList;
use countersign_channels::SmppMessenger;
use countersign_checkout::{Checkouts, merchant_api, payer_pages};
use countersign_domain::{
    directory::Subscribers,
    gateway::{AwaitedPayments, Gateway},
    id::MessageId,
    outbox::Outbox,
    ports::{Clock, Ports},
    verifier::Verifier,
};
use countersign_store::SqliteStore;
use countersign_web::{api::api, relying_party::RelyingParties, subscribers::subscribers};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{
    config::Config,
    drivers::{bank, bank_settings, messenger},
    error::{ConfigError, StartError},
    listener::Listener,
    metered::Metered,
    metrics::Metrics,
    notifying_store::NotifyingStore,
    operations::Operations,
    requests::watched,
    revocation,
    system::SystemEntropy,
    tls,
    trust::{certificate_reader, revocation_lists},
    workers,
};

/// A server at work.
pub struct Server {
    checkout: Listener,
    api: Listener,
    operations: Option<SocketAddr>,
    messenger: Arc<SmppMessenger>,
    bank: Arc<Iso8583Bank>,
    bank_connection: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Opens the store, begins to connect to the SMS centre and to the bank (either may come later), and listens.
    ///
    /// # Errors
    /// When the configuration cannot be used, the store cannot be opened, or an address cannot be listened at.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Self::start_with(config, clock, |router| router).await
    }

    /// As [`Server::start`], with every flow's routes wrapped by `wrap` first: for who serves in its own process and wants
    /// to see or shape the requests (axum's layers), as the sandbox does.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_with(
        config: Config,
        clock: Arc<dyn Clock>,
        wrap: impl Fn(Router) -> Router + Send,
    ) -> Result<Self, StartError> {
        let (stop, stopping) = watch::channel(false);
        let metrics = Arc::new(Metrics::new());
        let revoked = revocation_lists(&config)?;
        let Core { messenger, bank, outbox, gateway, directory, checkouts, committed } =
            Core::open(&config, clock, &metrics, &revoked)?;
        let (payer_tls_changes, payer_tls) = watch::channel(tls::for_payers(&config, &revoked)?);
        let (_, api_tls) = watch::channel(tls::for_merchants(&config)?);
        let served = |router, listener| watched(wrap(router), listener, Arc::clone(&metrics));
        let pages = payer_pages(Arc::clone(&checkouts), config.themes()?);
        let checkout = Listener::start(
            config.checkout.listen,
            payer_tls,
            served(pages, "checkout"),
            config.checkout.trusted_terminators.clone(),
            stopping.clone(),
        )
        .await?;
        let operations = Operations {
            metrics: Arc::clone(&metrics),
            store: Arc::clone(&checkouts.ports.store),
            clock: Arc::clone(&checkouts.ports.clock),
            messenger: Arc::clone(&messenger),
            stopping: stopping.clone(),
        };
        let parties = RelyingParties::new(config.relying_parties.clone());
        let api = Listener::start(
            config.api.listen,
            api_tls,
            served(
                api([
                    merchant_api(Arc::clone(&checkouts), parties.clone()),
                    subscribers(directory, parties),
                ]),
                "api",
            ),
            Vec::new(),
            stopping.clone(),
        )
        .await?;

        let metered = Arc::new(Metered { inner: Arc::clone(&messenger), metrics });
        let mut tasks = vec![
            run_session(&messenger, &outbox),
            workers::send_messages(outbox, metered, committed, stopping.clone()),
            workers::resume_payments(gateway, stopping.clone()),
        ];
        if !revoked.is_empty() {
            let (config, tls) = (config.clone(), payer_tls_changes);
            tasks.push(revocation::follow(config, revoked, checkouts, tls, stopping));
        }
        let mut watched_at = None;
        if let Some(section) = config.operations {
            let (address, task) = operations.start(section.listen).await?;
            tasks.push(task);
            watched_at = Some(address);
        }
        tracing::info!(checkout = %checkout.address(), api = %api.address(), operations = watched_at.map(display), "listening");
        let bank_connection = keep_connected(&bank);
        Ok(Self {
            checkout,
            api,
            operations: watched_at,
            messenger,
            bank,
            bank_connection,
            tasks,
            stop,
        })
    }

    /// Opens and reads everything that the configuration names, without listening or connecting.
    ///
    /// # Errors
    /// What [`Server::start`] would say of the configuration.
    pub fn check(config: &Config, clock: Arc<dyn Clock>) -> Result<(), ConfigError> {
        config.keys.ring(&config.files)?;
        messenger(&config.sms, &config.files, clock)?;
        bank_settings(config)?;
        let revoked = revocation_lists(config)?;
        certificate_reader(config, &revoked)?;
        config.themes()?;
        tls::for_payers(config, &revoked).map(|_| ())
    }

    /// Where payers' browsers are served.
    pub const fn checkout_address(&self) -> SocketAddr {
        self.checkout.address()
    }

    /// Where merchants' back ends are served.
    pub const fn api_address(&self) -> SocketAddr {
        self.api.address()
    }

    /// Where figures, health and readiness are served, if they are.
    pub const fn operations_address(&self) -> Option<SocketAddr> {
        self.operations
    }

    /// Stops listening, lets what is under way come to its end, and returns when all is done.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.checkout.stopped().await;
        self.api.stopped().await;
        self.messenger.stop();
        workers::ended(self.tasks).await;
        // Last: what is under way may still have to ask the bank.
        self.bank.stop();
        workers::ended(vec![self.bank_connection]).await;
    }
}

/// Keeps the session with the SMS centre, which hands what arrives to the outbox.
pub(crate) fn run_session(messenger: &Arc<SmppMessenger>, outbox: &Arc<Outbox>) -> JoinHandle<()> {
    let (session, inbox) = (Arc::clone(messenger), Arc::clone(outbox));
    tokio::spawn(async move { session.run(inbox).await })
}

/// Keeps the connection to the bank.
fn keep_connected(bank: &Arc<Iso8583Bank>) -> JoinHandle<()> {
    let bank = Arc::clone(bank);
    tokio::spawn(async move { bank.run().await })
}

/// The domain over its drivers, and the flow over the domain.
struct Core {
    messenger: Arc<SmppMessenger>,
    bank: Arc<Iso8583Bank>,
    outbox: Arc<Outbox>,
    gateway: Arc<Gateway>,
    directory: Arc<Subscribers>,
    checkouts: Arc<Checkouts>,
    committed: mpsc::Receiver<MessageId>,
}

impl Core {
    fn open(
        config: &Config,
        clock: Arc<dyn Clock>,
        metrics: &Arc<Metrics>,
        revoked: &[RevocationList],
    ) -> Result<Self, StartError> {
        let store = SqliteStore::open(&config.files.path(&config.store.path))
            .map_err(|error| StartError::Store(error.to_string()))?;
        let (store, committed) = NotifyingStore::of(store, Arc::clone(metrics));
        let ports = Ports {
            store: Arc::new(store),
            clock,
            entropy: Arc::new(SystemEntropy::default()),
            keys: Arc::new(config.keys.ring(&config.files)?),
        };
        let messenger = Arc::new(messenger(&config.sms, &config.files, Arc::clone(&ports.clock))?);
        let bank = Arc::new(bank(config, Arc::clone(&ports.clock))?);
        let metered = Arc::new(Metered { inner: Arc::clone(&bank), metrics: Arc::clone(metrics) });
        let payments = Arc::new(AwaitedPayments::of(Arc::clone(&ports.store)));
        let verifier = Verifier::new(ports.clone(), config.policy.clone()).with_waiting(payments);
        let verifier = Arc::new(verifier);
        let outbox = Outbox::new(ports.clone(), Arc::clone(&verifier));
        let gateway = Arc::new(Gateway::new(ports.clone(), metered, verifier));
        let directory = Arc::new(Subscribers::new(ports.clone()));
        let checkouts = Checkouts {
            ports,
            directory: directory.clone(),
            gateway: Arc::clone(&gateway),
            certificates: certificate_reader(config, revoked)?.map(Arc::new),
            public_origin: config.checkout.public_origin.clone(),
        };
        Ok(Self {
            messenger,
            bank,
            outbox: Arc::new(outbox),
            gateway,
            directory,
            checkouts: Arc::new(checkouts),
            committed,
        })
    }
}

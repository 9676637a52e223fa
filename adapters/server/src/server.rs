//! From a configuration to a server at work.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::Router;
use countersign_bank::{Iso8583Bank, Iso8583Settings};
use countersign_certs::{Certificate, GatewayKey, KeyPair, RevocationList, TrustAnchors};
use countersign_channels::{SmppMessenger, SmppSettings, SourceAddress, TlsSettings};
use countersign_checkout::{Checkouts, merchant_api, payer_pages};
use countersign_domain::{
    directory::Subscribers,
    gateway::{AwaitedPayments, Gateway},
    id::MessageId,
    outbox::Outbox,
    ports::{Clock, Ports},
    secret::Secret,
    verifier::Verifier,
};
use countersign_store::SqliteStore;
use countersign_web::{
    api::api, holder::CertificateReader, relying_party::RelyingParties, subscribers::subscribers,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{
    config::{Config, Files, SmsSection},
    error::{ConfigError, StartError},
    listener::Listener,
    metered::Metered,
    metrics::Metrics,
    notifying_store::NotifyingStore,
    operations::Operations,
    requests::watched,
    revocation,
    system::SystemEntropy,
    tls, workers,
};

/// The acquirer number when none is configured.
const DEFAULT_ACQUIRER: &str = "1";

/// In which a question to the bank must be settled: shorter than a payment's lease, so that no two processes ask at once.
const MAX_BANK_PATIENCE: Duration = Duration::from_secs(60);

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
        let revoked = revocation::read(&config)?;
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
        let revoked = revocation::read(config)?;
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

pub(crate) fn messenger(
    section: &SmsSection,
    files: &Files,
    clock: Arc<dyn Clock>,
) -> Result<SmppMessenger, ConfigError> {
    let (host, port) = host_and_port(&section.address, "sms.address")?;
    let password = files.text(&section.password_file)?;
    let password = Secret::new(password.trim().to_owned());
    let source = source(&section.source)?;
    let mut settings = SmppSettings::new(host, port, &section.system_id, password, source);
    settings.system_type.clone_from(&section.system_type);
    settings.transaction_mode = section.transaction_mode;
    settings.max_per_second = section.max_per_second;
    settings.window = section.window.unwrap_or(settings.window);
    settings.response_timeout =
        seconds(section.response_timeout_seconds, settings.response_timeout);
    settings.keepalive_after = seconds(section.enquire_link_seconds, settings.keepalive_after);
    if let (Some(server_name), Some(authorities)) =
        (&section.tls_server_name, &section.tls_authorities)
    {
        let roots_pem = files.text(authorities)?.to_string();
        settings.tls = Some(TlsSettings { server_name: server_name.clone(), roots_pem });
    }
    SmppMessenger::new(settings, clock).map_err(|error| ConfigError::unusable("sms", error))
}

fn source(text: &str) -> Result<SourceAddress, ConfigError> {
    SourceAddress::try_from(text).map_err(|error| ConfigError::unusable("sms.source", error.why))
}

fn bank(config: &Config, clock: Arc<dyn Clock>) -> Result<Iso8583Bank, ConfigError> {
    Iso8583Bank::new(bank_settings(config)?, clock)
        .map_err(|error| ConfigError::unusable("bank", error))
}

pub(crate) fn bank_settings(config: &Config) -> Result<Iso8583Settings, ConfigError> {
    let section = &config.bank;
    let (host, port) = host_and_port(&section.address, "bank.address")?;
    let acquirer_id = section.acquirer_id.as_deref().unwrap_or(DEFAULT_ACQUIRER);
    let mut settings = Iso8583Settings::new(host, port, acquirer_id);
    settings.terminal_id = section.terminal_id.clone().unwrap_or(settings.terminal_id);
    settings.merchant_category =
        section.merchant_category.clone().unwrap_or(settings.merchant_category);
    settings.merchant_numbers.clone_from(&section.merchant_numbers);
    settings.response_timeout =
        seconds(section.response_timeout_seconds, settings.response_timeout);
    settings.tries = section.tries.map_or(settings.tries, u32::from);
    settings.check().map_err(|error| ConfigError::unusable("bank", error))?;
    check_merchant_numbers(config, &settings)?;
    let once = settings.connect_timeout.saturating_add(settings.response_timeout);
    if once.saturating_mul(settings.tries) >= MAX_BANK_PATIENCE {
        let why = "times the waits of each try must stay below a minute: after that a payment is presumed abandoned";
        return Err(ConfigError::unusable("bank.tries", why));
    }
    Ok(settings)
}

/// The bank must know every relying party, and tell it from every other: none is paid for another.
fn check_merchant_numbers(config: &Config, settings: &Iso8583Settings) -> Result<(), ConfigError> {
    let unusable = |why| ConfigError::unusable("bank.merchant_numbers", why);
    let parties = || config.relying_parties.iter().map(|client| &client.party.id);
    let unknown = settings.merchant_numbers.keys().find(|named| !parties().any(|id| id == *named));
    if let Some(unknown) = unknown {
        return Err(unusable(format!("names {unknown}, which is no relying party")));
    }
    settings.check_parties(parties()).map_err(|error| unusable(error.why))
}

/// The trust anchors of client certificates, and what was revoked of them.
pub(crate) fn trust_anchors(
    config: &Config,
    revoked: &[RevocationList],
) -> Result<Option<TrustAnchors>, ConfigError> {
    let Some(authorities) = &config.checkout.client_authorities else {
        return Ok(None);
    };
    let unusable = |error| ConfigError::unusable("checkout.client_authorities", error);
    let anchors = TrustAnchors::from_pem(&config.files.text(authorities)?).map_err(unusable)?;
    let unusable = |error| ConfigError::unusable("checkout.revocation_lists", error);
    Ok(Some(anchors.with_revocation_lists(revoked).map_err(unusable)?))
}

fn certificate_reader(
    config: &Config,
    revoked: &[RevocationList],
) -> Result<Option<CertificateReader>, ConfigError> {
    let Some(anchors) = trust_anchors(config, revoked)? else {
        return Ok(None);
    };
    let keys = config.checkout.gateway_keys.iter();
    let keys = keys
        .map(|files| gateway_key(config, &files.certificate, &files.key))
        .collect::<Result<_, _>>()?;
    Ok(Some(CertificateReader::new(anchors, keys)))
}

fn gateway_key(config: &Config, certificate: &Path, key: &Path) -> Result<GatewayKey, ConfigError> {
    let unusable = |error| ConfigError::unusable("checkout.gateway_keys", error);
    let certificate = Certificate::from_pem(&config.files.text(certificate)?).map_err(unusable)?;
    let key = KeyPair::from_pem(&config.files.text(key)?).map_err(unusable)?;
    GatewayKey::new(&certificate, &key).map_err(unusable)
}

fn host_and_port<'a>(address: &'a str, key: &'static str) -> Result<(&'a str, u16), ConfigError> {
    let split = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    split
        .filter(|(host, port)| !host.is_empty() && *port != 0)
        .ok_or_else(|| ConfigError::unusable(key, "is not host:port"))
}

fn seconds(configured: Option<u64>, default: Duration) -> Duration {
    configured.map_or(default, Duration::from_secs)
}

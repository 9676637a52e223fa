//! From a configuration to a server at work.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::Router;
use countersign_bank::Iso8583Bank;
use countersign_certs::{Certificate, KeyPair, RecipientKey, RevocationList, TrustAnchors};
use countersign_channels::{SmppMessenger, SmppSettings, SourceAddress, TlsSettings};
use countersign_checkout::{CertificateReader, Checkouts, api, payer_pages};
use countersign_domain::{
    gateway::Gateway,
    id::MessageId,
    outbox::Outbox,
    ports::{Clock, Entropy, Store},
    secret::Secret,
    subscriber::Subscribers,
};
use countersign_store::SqliteStore;
use countersign_web::relying_party::RelyingParties;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{
    commits::Commits,
    config::{Config, Files, SmsSection},
    error::{ConfigError, StartError},
    listener::Listener,
    metrics::Metrics,
    observed::Observed,
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
        let Core { messenger, outbox, gateway, checkouts, committed } =
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
            store: Arc::clone(&checkouts.store),
            clock: Arc::clone(&checkouts.clock),
            messenger: Arc::clone(&messenger),
            stopping: stopping.clone(),
        };
        let parties = RelyingParties::new(config.relying_parties.clone());
        let api = Listener::start(
            config.api.listen,
            api_tls,
            served(api(Arc::clone(&checkouts), parties), "api"),
            Vec::new(),
            stopping.clone(),
        )
        .await?;

        let observed = Arc::new(Observed { inner: Arc::clone(&messenger), metrics });
        let mut tasks = vec![
            run_session(&messenger, &outbox),
            workers::send_messages(outbox, observed, committed, stopping.clone()),
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
        Ok(Self { checkout, api, operations: watched_at, messenger, tasks, stop })
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
    }
}

/// Keeps the session with the SMS centre, which hands what arrives to the outbox.
pub(crate) fn run_session(messenger: &Arc<SmppMessenger>, outbox: &Arc<Outbox>) -> JoinHandle<()> {
    let (session, inbox) = (Arc::clone(messenger), Arc::clone(outbox));
    tokio::spawn(async move { session.run(inbox).await })
}

/// The domain over its drivers, and the flow over the domain.
struct Core {
    messenger: Arc<SmppMessenger>,
    outbox: Arc<Outbox>,
    gateway: Arc<Gateway>,
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
        let keys = Arc::new(config.keys.ring(&config.files)?);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
        let store = SqliteStore::open(&config.files.path(&config.store.path))
            .map_err(|error| StartError::Store(error.to_string()))?;
        let (store, committed) = Commits::of(store, Arc::clone(metrics));
        let store: Arc<dyn Store> = Arc::new(store);
        let messenger = Arc::new(messenger(&config.sms, &config.files, Arc::clone(&clock))?);
        let bank = Arc::new(Observed {
            inner: bank(config, Arc::clone(&clock))?,
            metrics: Arc::clone(metrics),
        });

        let outbox = Outbox::new(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&keys));
        let directory =
            Subscribers::new(Arc::clone(&store), Arc::clone(&keys), Arc::clone(&entropy));
        let directory = Arc::new(directory);
        let gateway = Arc::new(Gateway::new(
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&entropy),
            bank,
            keys,
            config.policy.clone(),
        ));
        let checkouts = Checkouts {
            store,
            clock,
            entropy,
            directory: directory.clone(),
            subscribers: Some(directory),
            gateway: Arc::clone(&gateway),
            certificates: certificate_reader(config, revoked)?,
            public_origin: config.checkout.public_origin.clone(),
        };
        Ok(Self {
            messenger,
            outbox: Arc::new(outbox),
            gateway,
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
    let mut settings =
        SmppSettings::new(host, &section.system_id, password, source(&section.source)?);
    settings.port = port;
    settings.system_type.clone_from(&section.system_type);
    settings.transaction_mode = section.transaction_mode;
    settings.max_per_second = section.max_per_second;
    settings.window = section.window.unwrap_or(settings.window);
    settings.response_timeout =
        seconds(section.response_timeout_seconds, settings.response_timeout);
    settings.enquire_link_after =
        seconds(section.enquire_link_seconds, settings.enquire_link_after);
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
    Iso8583Bank::start(bank_settings(config)?, clock)
        .map_err(|error| ConfigError::unusable("bank", error))
}

fn bank_settings(config: &Config) -> Result<countersign_bank::Settings, ConfigError> {
    let section = &config.bank;
    host_and_port(&section.address, "bank.address")?;
    let acquirer = section.acquirer_id.as_deref().unwrap_or(DEFAULT_ACQUIRER);
    let mut settings = countersign_bank::Settings::new(section.address.as_str(), acquirer);
    settings.response_timeout =
        seconds(section.response_timeout_seconds, settings.response_timeout);
    settings.tries = section.tries.map_or(settings.tries, u32::from);
    settings.check().map_err(|error| ConfigError::unusable("bank", error))?;
    let once = settings.connect_timeout.saturating_add(settings.response_timeout);
    if once.saturating_mul(settings.tries) >= MAX_BANK_PATIENCE {
        let why = "times the waits of each try must stay below a minute: after that a payment is taken for left alone";
        return Err(ConfigError::unusable("bank.tries", why));
    }
    Ok(settings)
}

/// Whose client certificates are believed, and what was revoked of them.
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

fn gateway_key(
    config: &Config,
    certificate: &Path,
    key: &Path,
) -> Result<RecipientKey, ConfigError> {
    let unusable = |error| ConfigError::unusable("checkout.gateway_keys", error);
    let certificate = Certificate::from_pem(&config.files.text(certificate)?).map_err(unusable)?;
    let key = KeyPair::from_pem(&config.files.text(key)?).map_err(unusable)?;
    RecipientKey::new(&certificate, &key).map_err(unusable)
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

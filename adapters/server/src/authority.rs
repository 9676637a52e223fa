//! An authority that serves: people enrol over HTTP, and the number in each certificate is proved.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign_authority::{
    AuthorityService, CertificateAuthority, Enrolments, Leaf, Numbers, routes,
};
use countersign_certs::{CertificateDer, GatewayCertificate};
use countersign_channels::SmppMessenger;
use countersign_domain::{
    id::RelyingPartyId,
    outbox::Outbox,
    policy::Policy,
    ports::{Clock, Ports},
    verifier::Verifier,
};
use countersign_web::origin::PublicOrigin;
use serde::Deserialize;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    config::{Files, KeysSection, SmsSection, TlsSection, parse, unreadable},
    drivers::messenger,
    error::{ConfigError, StartError},
    folder::{AuthorityFolder, passphrase, read_certificate},
    listener::Listener,
    metered::Metered,
    metrics::Metrics,
    notifying_store::NotifyingStore,
    requests::watched,
    server::run_session,
    system::SystemEntropy,
    tls, workers,
};

/// The configuration of an authority that serves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorityConfig {
    /// Certificate and key of the listener.
    tls: TlsSection,
    /// The authority.
    authority: AuthoritySection,
    /// Master secrets of codes.
    keys: KeysSection,
    /// Limits of codes.
    #[serde(default)]
    policy: Policy,
    /// The SMS centre.
    sms: SmsSection,
    /// What paths are relative to.
    #[serde(skip)]
    files: Files,
}

/// `[authority]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthoritySection {
    /// Where to listen.
    listen: SocketAddr,
    /// How people reach it, such as `https://ca.example.com`; the last line of the SMS is bound to its host.
    public_origin: PublicOrigin,
    /// The authority's folder, as `countersign ca init` made it.
    folder: PathBuf,
    /// The file with the passphrase of its key. Absent: the environment has it.
    passphrase_file: Option<PathBuf>,
    /// What is issued to people: `tls-client` or `cardholder`.
    #[serde(default = "default_profile")]
    profile: String,
    /// Certificates of the gateways that numbers are encrypted to. None: numbers are in clear.
    #[serde(default)]
    gateways: Vec<PathBuf>,
}

fn default_profile() -> String {
    Leaf::TlsClient.name().to_owned()
}

impl AuthorityConfig {
    /// Reads a configuration file; the environment's overrides count.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        let mut config: Self = parse(&text, std::env::vars())?;
        config.files = Files::in_folder(path.parent().unwrap_or_else(|| Path::new(".")));
        config.sms.check()?;
        Ok(config)
    }

    fn leaf(&self) -> Result<Leaf, ConfigError> {
        Leaf::from_name(&self.authority.profile).filter(|leaf| leaf.bears_number()).ok_or_else(
            || ConfigError::unusable("authority.profile", "is not tls-client or cardholder"),
        )
    }

    fn numbers(&self) -> Result<Numbers, ConfigError> {
        let unusable = |error: &dyn std::fmt::Display| {
            ConfigError::unusable("authority.gateways", error.to_string())
        };
        let read = |path: &PathBuf| {
            let path = self.files.path(path);
            let certificate = read_certificate(&path).map_err(|error| unusable(&error))?;
            GatewayCertificate::new(&certificate)
                .map_err(|error| unusable(&format_args!("{}: {error}", path.display())))
        };
        let gateways = self.authority.gateways.iter().map(read);
        let gateways = gateways.collect::<Result<Vec<_>, _>>()?;
        Ok(if gateways.is_empty() { Numbers::Clear } else { Numbers::Encrypted(gateways) })
    }
}

/// An authority at work.
pub(crate) struct AuthorityServer {
    listener: Listener,
    messenger: Arc<SmppMessenger>,
    tasks: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

impl AuthorityServer {
    /// Opens the authority's folder, begins to connect to the SMS centre, and listens.
    pub(crate) async fn start(
        config: AuthorityConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let (stop, stopping) = watch::channel(false);
        let metrics = Arc::new(Metrics::new());
        let section = &config.authority;
        let folder = AuthorityFolder::at(&config.files.path(&section.folder));
        let chain = folder.chain().map_err(unusable_folder)?;
        let store = folder.register();
        let store = store.map_err(|error| StartError::Store(error.to_string()))?;
        let (store, committed) = NotifyingStore::of(store, Arc::clone(&metrics));
        let ports = Ports {
            store: Arc::new(store),
            clock: Arc::clone(&clock),
            entropy: Arc::new(SystemEntropy::default()),
            keys: Arc::new(config.keys.ring(&config.files)?),
        };
        let messenger = Arc::new(messenger(&config.sms, &config.files, clock)?);
        let verifier = Arc::new(Verifier::new(ports.clone(), config.policy.clone()));
        let outbox = Arc::new(Outbox::new(ports.clone(), Arc::clone(&verifier)));
        let enrolments = enrolments(&config, &folder, ports, verifier)?;
        enrolments.check().map_err(|error| ConfigError::unusable("authority.profile", error))?;
        let anchors: Vec<CertificateDer<'static>> =
            chain.iter().map(|above| above.der().clone()).collect();
        let tls = tls::server_config(&config.tls, &config.files, Some(anchors), &[])?;
        let listener = Listener::start(
            section.listen,
            watch::channel(tls).1,
            watched(
                routes(Arc::new(AuthorityService::new(enrolments, chain))),
                "authority",
                Arc::clone(&metrics),
            ),
            Vec::new(),
            stopping.clone(),
        )
        .await?;
        let metered = Arc::new(Metered { inner: Arc::clone(&messenger), metrics });
        let tasks = vec![
            run_session(&messenger, &outbox),
            workers::send_messages(outbox, metered, committed, stopping),
        ];
        tracing::info!(authority = %listener.address(), "listening");
        Ok(Self { listener, messenger, tasks, stop })
    }

    /// Stops listening, lets what is under way come to its end, and returns when all is done.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.listener.stopped().await;
        self.messenger.stop();
        workers::ended(self.tasks).await;
    }
}

/// The authority, its key opened, and those who enrol.
fn enrolments(
    config: &AuthorityConfig,
    folder: &AuthorityFolder,
    ports: Ports,
    verifier: Arc<Verifier>,
) -> Result<Enrolments, ConfigError> {
    let section = &config.authority;
    let file = section.passphrase_file.as_ref();
    let file = file.map(|file| config.files.path(file));
    let secret = passphrase(file.as_deref())
        .map_err(|error| ConfigError::unusable("authority.passphrase_file", error))?;
    let authority = CertificateAuthority::new(
        folder.authority(&secret).map_err(unusable_folder)?,
        config.numbers()?,
        Arc::clone(&ports.store),
        Arc::clone(&ports.clock),
        Arc::clone(&ports.entropy),
    );
    Ok(Enrolments {
        authority: Arc::new(authority),
        verifier,
        ports,
        relying_party: RelyingPartyId::try_from("authority")
            .map_err(|error| ConfigError::unusable("authority", error))?,
        leaf: config.leaf()?,
        origin: section.public_origin.host().to_owned(),
    })
}

fn unusable_folder(error: Box<dyn std::error::Error>) -> ConfigError {
    ConfigError::unusable("authority.folder", error)
}

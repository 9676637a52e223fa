//! From a configuration to a server at work.

use std::{collections::BTreeMap, error::Error, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use countersign_channels::SmppMessenger;
use countersign_domain::{
    directory::Subscribers,
    ports::{Clock, Ports, Store},
    time::Timestamp,
    verifier::Verifier,
};
use countersign_web::{
    api::{ApiPart, api},
    icon,
    pins::Argon2id,
    subscribers::subscribers,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};

use crate::{
    access, authority,
    backbone::{Backbone, Groundwork},
    checkout,
    config::{Config, ConnectionsSection, Withdrawn},
    descriptors,
    error::{ConfigError, StartError},
    flow::Flow,
    listener::{Bounds, Endpoint, Listener, MAX_WATCHING},
    operations::Operations,
    operator,
    requests::watched,
    set,
    store_place::Opened,
    system::SystemClock,
    tls, wallet,
    workers::{self, Signals},
};

/// Reads a flow's section, and what it names.
type ReadFlow = fn(&Config) -> Result<Option<Box<dyn Flow>>, ConfigError>;

/// Flows that are to run, each with its section.
type Flows = Vec<(&'static str, Box<dyn Flow>)>;

/// Every flow, by the section that makes it run.
const FLOWS: [(&str, ReadFlow); 9] = [
    (checkout::SECTION, checkout::read),
    (authority::SECTION, authority::read),
    (access::SECTION, access::read),
    (set::gateway::SECTION, set::gateway::read),
    (set::merchant::SECTION, set::merchant::read),
    (set::cardholder::SECTION, set::cardholder::read),
    (set::authority::SECTION, set::authority::read),
    (wallet::SECTION, wallet::read),
    (operator::SECTION, operator::read),
];

/// From the signal to the end of the process, whatever is under way: a service manager kills after 30 seconds or more.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);

/// A server at work.
pub struct Server {
    listeners: Vec<Listener>,
    addresses: BTreeMap<&'static str, SocketAddr>,
    messenger: Option<Arc<SmppMessenger>>,
    tasks: Vec<JoinHandle<()>>,
    connections: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    close: watch::Sender<bool>,
}

impl Server {
    /// Opens the store, begins to connect to the SMS centre and to the bank (either may come later), and listens.
    ///
    /// # Errors
    /// When the configuration cannot be used, the store cannot be opened, or an address cannot be listened at.
    pub async fn start(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        Self::start_with(config, clock, |router| router).await
    }

    /// As [`Server::start`], with every listener's routes wrapped by `wrap` first: for callers that serve in their own
    /// process and want to see or shape the requests (axum's layers), as the sandbox does.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_with(
        config: Config,
        clock: Arc<dyn Clock>,
        wrap: impl Fn(Router) -> Router + Send,
    ) -> Result<Self, StartError> {
        let (groundwork, flows) = read(&config, Arc::clone(&clock))?;
        let store = groundwork.store().await?;
        Self::begin(config, clock.now(), (groundwork, flows), store, wrap).await
    }

    /// As [`Server::start`], on a store of the caller's. The configured one is looked at and not written to.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_on(
        config: Config,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
    ) -> Result<Self, StartError> {
        let read = read(&config, Arc::clone(&clock))?;
        let opened = Opened { store, database: None };
        Self::begin(config, clock.now(), read, opened, |router| router).await
    }

    async fn begin(
        config: Config,
        now: Timestamp,
        (groundwork, flows): (Groundwork, Flows),
        store: Opened,
        wrap: impl Fn(Router) -> Router + Send,
    ) -> Result<Self, StartError> {
        warn(&config, now);
        let (stop, stopping) = watch::channel(false);
        let (close, closing) = watch::channel(false);
        let signals = Signals { stopping: stopping.clone(), closing };
        let (backbone, mut mounted) =
            Backbone::open(groundwork, store, signals, |ports, verifier| {
                let flows = flows.iter().map(|(_, flow)| flow);
                flows.fold(verifier, |verifier, flow| told(verifier, flow.as_ref(), ports))
            })?;
        for (_, flow) in flows {
            mounted = mounted.with(flow.mount(&backbone)?);
        }
        for check in std::mem::take(&mut mounted.checks) {
            check.await?;
        }
        mounted.endpoints.extend(api_endpoint(&config, &backbone, mounted.api)?);
        let tasks = mounted.tasks;

        let section = &config.connections;
        descriptors::secure(needed_for(section, mounted.endpoints.len()))?;
        let (mut listeners, mut addresses) = (Vec::new(), BTreeMap::new());
        let mut started = mounted
            .endpoints
            .into_iter()
            .map(|mut endpoint| {
                let (name, metrics) = (endpoint.name, Arc::clone(&backbone.metrics));
                let router = endpoint.router.merge(icon::routes());
                endpoint.router = watched(wrap(router), name, metrics);
                let bounds = Bounds::of(section, &endpoint.trusted_terminators);
                (endpoint, bounds)
            })
            .collect::<Vec<_>>();
        started.extend(config.operations.map(|section| {
            (Operations::of(&backbone).endpoint(section.listen), Bounds::of_operations())
        }));
        for (endpoint, bounds) in started {
            let (name, metrics) = (endpoint.name, Arc::clone(&backbone.metrics));
            let listener = Listener::start(endpoint, bounds, metrics, stopping.clone()).await?;
            addresses.insert(name, listener.address());
            listeners.push(listener);
        }
        tracing::info!(addresses = listed(&addresses), "listening");
        Ok(Self {
            listeners,
            addresses,
            messenger: backbone.messenger,
            // Only now: where an address cannot be listened at, nothing was begun.
            tasks: tasks.into_iter().map(tokio::spawn).collect(),
            connections: mounted.connections.into_iter().map(tokio::spawn).collect(),
            stop,
            close,
        })
    }

    /// Reads everything that the configuration names, without opening the store, listening or connecting. Gives the flows
    /// that would run.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn check(config: &Config, clock: Arc<dyn Clock>) -> Result<Vec<&'static str>, ConfigError> {
        let (_, flows) = read(config, clock)?;
        Ok(flows.into_iter().map(|(section, _)| section).collect())
    }

    /// Where the listener of that section is, such as `checkout`, `api` or `operations`, if there is one.
    pub fn address(&self, section: &str) -> Option<SocketAddr> {
        self.addresses.get(section).copied()
    }

    /// Stops listening, lets what is under way come to its end, and returns when all is done.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for listener in self.listeners {
            listener.stopped().await;
        }
        if let Some(messenger) = self.messenger {
            messenger.stop();
        }
        workers::ended(self.tasks).await;
        self.close.send_replace(true);
        workers::ended(self.connections).await;
        tracing::info!("stopped");
    }
}

/// Says what a server starts with, and should not run with for long.
fn warn(config: &Config, now: Timestamp) {
    for withdrawn in config.withdrawn(now) {
        let Withdrawn { key, currency, day, .. } = &withdrawn;
        tracing::warn!(key, %currency, %day, "{}", withdrawn.meaning());
    }
    for path in config.exposed_secrets() {
        tracing::warn!(path = %path.display(), "a secret that others can read or change");
    }
    for key in config.without_revocation_lists() {
        tracing::warn!(key, "no revocation list is configured: revoked certificates are accepted");
    }
}

/// Serves until the process is told to stop (SIGINT, SIGTERM).
///
/// # Errors
/// When the server cannot start.
pub async fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let server = Server::start(config, Arc::new(SystemClock::default())).await?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    if timeout(STOP_TIMEOUT, server.stop()).await.is_err() {
        tracing::warn!("what was not over at the end is resumed after the next start");
    }
    Ok(())
}

/// The verifier, which knows what of that flow waits for codes, and who else makes them.
fn told(verifier: Verifier, flow: &dyn Flow, ports: &Ports) -> Verifier {
    let verifier = flow.awaited(ports).into_iter().fold(verifier, Verifier::with_waiting);
    match flow.operator() {
        Some((party, operator)) => verifier.with_operator(party, operator),
        None => verifier,
    }
}

/// The flows whose sections are there, and what they stand on.
fn read(config: &Config, clock: Arc<dyn Clock>) -> Result<(Groundwork, Flows), ConfigError> {
    config.check_currencies()?;
    let mut flows = Flows::new();
    for (section, read) in FLOWS {
        flows.extend(read(config)?.map(|flow| (section, flow)));
    }
    let Some((first, _)) = flows.first() else {
        return Err(ConfigError::NoFlow {
            flows: FLOWS.map(|(section, _)| format!("[{section}]")).join(" or "),
        });
    };
    Ok((Groundwork::read(config, clock, first)?, flows))
}

/// The API for relying parties, if its section is there: every flow's part, and the directory that all of them share.
fn api_endpoint(
    config: &Config,
    backbone: &Backbone,
    parts: Vec<ApiPart>,
) -> Result<Option<Endpoint>, ConfigError> {
    let Some(section) = &config.api else {
        return Ok(None);
    };
    let directory = Subscribers::new(backbone.ports.clone()).with_pins(Arc::new(Argon2id));
    let directory = Arc::new(directory);
    let directory = subscribers(directory, backbone.parties.clone());
    Ok(Some(Endpoint {
        name: "api",
        address: section.listen,
        tls: Some(watch::channel(tls::without_clients(config)?).1),
        router: api(parts.into_iter().chain([directory])),
        public_origin: None,
        trusted_terminators: Vec::new(),
    }))
}

/// How many connections there may be at once on all listeners, and on that of operations.
fn needed_for(section: &ConnectionsSection, listeners: usize) -> u64 {
    let listeners = u64::try_from(listeners).unwrap_or(u64::MAX);
    let each = u64::from(section.max_per_listener.get());
    listeners.saturating_mul(each).saturating_add(MAX_WATCHING.into())
}

fn listed(addresses: &BTreeMap<&'static str, SocketAddr>) -> String {
    let listed = addresses.iter().map(|(name, address)| format!("{name}={address}"));
    listed.collect::<Vec<_>>().join(" ")
}

//! What every flow stands on: the ports, one verifier, the outbox, the way to the phones, the payments.

use std::sync::Arc;

use countersign_bank::Iso8583Settings;
use countersign_channels::SmppMessenger;
use countersign_domain::{
    gateway::{AwaitedPayments, Gateway},
    keys::KeyRing,
    limits::Limits,
    outbox::Outbox,
    policy::Policy,
    ports::{Clock, IssuingBank, Messenger, Ports, Store},
    retention::Kept,
    verifier::{Verifier, Watch},
};
use countersign_store::{Inspection, PostgresStore};
use countersign_web::{pins::Argon2id, relying_party::RelyingParties, words::SHARED};

use crate::{
    config::{Config, needed},
    drivers,
    error::{ConfigError, StartError},
    folder::AuthorityFolder,
    lanes::{self, Exits},
    metered::Metered,
    metrics::Metrics,
    mount::Mount,
    notifying_store::NotifyingStore,
    payments::{Payments, payments},
    retention,
    store_place::{self, Opened, StorePlace},
    system::SystemEntropy,
    workers::{Signals, Task, look_for_doubted, send_born, send_messages},
};

/// What every flow stands on.
pub(crate) struct Backbone {
    pub(crate) ports: Ports,
    /// What the authority issued, where that is kept beside the store.
    pub(crate) register: Option<Arc<dyn Store>>,
    pub(crate) verifier: Arc<Verifier>,
    /// The way to the phones, where it is configured.
    pub(crate) messenger: Option<Arc<SmppMessenger>>,
    /// Runs the payments, where a bank is configured.
    payments: Option<Payments>,
    pub(crate) parties: RelyingParties,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) signals: Signals,
    /// Finds out beside the traffic whether the store is whole, where it is a file.
    pub(crate) inspection: Option<Arc<Inspection>>,
    /// The store, where it is a database.
    pub(crate) database: Option<Arc<PostgresStore>>,
}

/// What a backbone is made of: read from the configuration; nothing is opened or connected yet.
pub(crate) struct Groundwork {
    store: StorePlace,
    register: Option<AuthorityFolder>,
    keys: Arc<KeyRing>,
    messenger: Option<SmppMessenger>,
    bank: Option<Iso8583Settings>,
    policy: Policy,
    kept: Vec<Kept>,
    limits: Limits,
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
        let messenger = config.sms.as_ref();
        let messenger =
            messenger.map(|sms| drivers::messenger(sms, &config.files, Arc::clone(&clock)));
        let kept = config.retention.as_ref();
        let kept = kept.map(|section| retention::kept(section, &config.policy));
        let bank = config.bank.as_ref();
        let bank = bank.map(|bank| drivers::bank_settings(bank, &config.relying_parties));
        Ok(Self {
            store: StorePlace::of(config)?
                .ok_or(ConfigError::Missing { section: "store", by: flow })?,
            register: store_place::register_beside(config),
            keys: Arc::new(config.keys.ring(&config.files)?),
            messenger: messenger.transpose()?,
            bank: bank.transpose()?,
            policy: config.policy.clone(),
            kept: kept.transpose()?.unwrap_or_default(),
            limits: config.limits.clone(),
            parties: RelyingParties::new(config.relying_parties.clone()),
            clock,
        })
    }

    /// Opens the store.
    pub(crate) async fn store(&self) -> Result<Opened, StartError> {
        self.store.open(Arc::clone(&self.keys)).await
    }
}

fn opened(folder: &AuthorityFolder) -> Result<Arc<dyn Store>, StartError> {
    let opened = folder.register();
    Ok(Arc::new(opened.map_err(|error| StartError::Store(error.to_string()))?))
}

/// What keeps the session with the SMS centre, and sends what is committed.
fn sending(
    messenger: Arc<Metered<Arc<SmppMessenger>>>,
    outbox: Outbox,
    exits: Exits,
    signals: &Signals,
) -> Vec<Task> {
    let outbox = Arc::new(outbox);
    let (session, inbox) = (Arc::clone(&messenger.inner), Arc::clone(&outbox));
    let mut tasks: Vec<Task> = vec![Box::pin(async move { session.run(inbox).await })];
    let lanes = exits.lanes.iter().map(|exit| Arc::clone(&exit.shared)).collect();
    for exit in exits.lanes {
        let (outbox, messenger) = (Arc::clone(&outbox), Arc::clone(&messenger));
        tasks.push(Box::pin(send_messages(exit, outbox, messenger, signals.stopping.clone())));
    }
    let stopping = signals.stopping.clone();
    let (born, doubting) = (exits.born, Arc::clone(&outbox));
    tasks.push(Box::pin(send_born(born, lanes, outbox, messenger, stopping.clone())));
    tasks.push(Box::pin(look_for_doubted(exits.doubted, doubting, stopping)));
    tasks
}

/// Refusals are counted in those metrics.
fn counted_in(metrics: &Arc<Metrics>) -> Watch {
    let metrics = Arc::clone(metrics);
    Arc::new(move |refusal| metrics.said_no(refusal))
}

impl Backbone {
    /// Stands on a store that [`Groundwork::store`] opened; `told` tells the verifier what of the flows waits for codes, beside
    /// payments, and who else makes them.
    /// The mount keeps the connections to the SMS centre and to the bank, sends what is committed and resumes payments.
    pub(crate) fn open(
        groundwork: Groundwork,
        Opened { store, database }: Opened,
        signals: Signals,
        told: impl FnOnce(&Ports, Verifier) -> Verifier,
    ) -> Result<(Self, Mount), StartError> {
        let Groundwork {
            store: place,
            register,
            keys,
            messenger,
            bank,
            policy,
            limits,
            kept,
            parties,
            clock,
        } = groundwork;
        let metrics = Arc::new(Metrics::new());
        let inspection = place.inspect()?.map(Arc::new);
        let register = register.map(|folder| opened(&folder)).transpose()?;
        let messenger = messenger.map(Arc::new);
        let metered = messenger.clone().map(|inner| {
            let metrics = Arc::clone(&metrics);
            Arc::new(Metered { inner, metrics })
        });
        let network = metered.clone().map(|metered| -> Arc<dyn Messenger> { metered });
        let (entrances, exits) = lanes::all(network);
        let (time, counted) = (Arc::clone(&clock), Arc::clone(&metrics));
        let store = NotifyingStore::of(store, time, counted, entrances);
        let ports = Ports {
            store: Arc::new(store),
            clock,
            entropy: Arc::new(SystemEntropy::default()),
            keys,
        };
        let waiting = Arc::new(AwaitedPayments::of(Arc::clone(&ports.store)));
        let verifier = Verifier::new(ports.clone(), policy)
            .with_limits(limits)
            .with_pins(Arc::new(Argon2id))
            .with_watch(counted_in(&metrics))
            .with_waiting(waiting);
        let verifier = Arc::new(told(&ports, verifier));
        let mut mount = Mount::default();
        // Each store is swept of whatever is final in it: what it was before, or shares with another, makes no difference.
        for swept in [Some(&ports.store), register.as_ref()].into_iter().flatten() {
            mount.tasks.extend(retention::task(swept, &ports, &kept, &signals));
        }
        let payments = match bank {
            None => None,
            Some(bank) => {
                let (payments, more) = payments(bank, &ports, &verifier, &metrics, &signals)?;
                mount = mount.with(more);
                Some(payments)
            }
        };
        if let Some(messenger) = metered {
            let outbox = Outbox::new(ports.clone(), Arc::clone(&verifier), Arc::new(SHARED));
            mount.tasks.extend(sending(messenger, outbox, exits, &signals));
        }
        let backbone = Self {
            ports,
            register,
            verifier,
            messenger,
            payments,
            parties,
            metrics,
            signals,
            inspection,
            database,
        };
        Ok((backbone, mount))
    }

    /// Runs the payments; `flow` is a section that needs them.
    pub(crate) fn payments(&self, flow: &'static str) -> Result<Arc<Gateway>, ConfigError> {
        needed(self.payments.as_ref(), "bank", flow).map(|payments| Arc::clone(&payments.gateway))
    }

    /// The bank behind them, for what is given back to cards; `flow` is a section that needs it.
    pub(crate) fn bank(&self, flow: &'static str) -> Result<Arc<dyn IssuingBank>, ConfigError> {
        needed(self.payments.as_ref(), "bank", flow).map(|payments| Arc::clone(&payments.bank))
    }
}

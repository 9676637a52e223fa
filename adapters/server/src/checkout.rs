//! The checkout: payers' pages, the merchants' part of the API, the bank behind both.

use std::sync::Arc;

use countersign_bank::{Iso8583Bank, Iso8583Settings};
use countersign_certs::RevocationList;
use countersign_checkout::{Checkouts, merchant_api, payer_pages};
use countersign_domain::{
    directory::Subscribers,
    gateway::{AwaitedPayments, Gateway},
    ports::Ports,
};
use countersign_web::{holder::CertificateReader, theme::Themes};
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::{
    backbone::{Backbone, WaitsIn},
    config::{CheckoutSection, Config, needed},
    drivers,
    error::{ConfigError, StartError},
    listener::Endpoint,
    metered::Metered,
    mount::{Flow, Mount},
    revocation::Follower,
    tls,
    trust::{certificate_reader, revocation_lists},
    workers::{self, Task},
};

pub(crate) const SECTION: &str = "checkout";

struct Checkout {
    config: Config,
    section: CheckoutSection,
    bank: Iso8583Settings,
    themes: Themes,
    revoked: Vec<RevocationList>,
    certificates: Option<CertificateReader>,
    tls: Arc<ServerConfig>,
}

/// The flow, if its section is there.
pub(crate) fn read(config: &Config) -> Result<Option<Box<dyn Flow>>, ConfigError> {
    let Some(section) = &config.checkout else {
        return Ok(None);
    };
    needed(config.api.as_ref(), "api", SECTION)?;
    needed(config.store.as_ref(), "store", SECTION)?;
    let bank = needed(config.bank.as_ref(), "bank", SECTION)?;
    let revoked = revocation_lists(section, &config.files)?;
    Ok(Some(Box::new(Checkout {
        bank: drivers::bank_settings(bank, &config.relying_parties)?,
        themes: config.themes()?,
        certificates: certificate_reader(section, &config.files, &revoked)?,
        tls: tls::for_payers(config, section, &revoked)?,
        revoked,
        section: section.clone(),
        config: config.clone(),
    })))
}

impl Flow for Checkout {
    fn waits(&self) -> Option<WaitsIn> {
        Some(|store| Arc::new(AwaitedPayments::of(store)))
    }

    fn mount(self: Box<Self>, backbone: &Backbone) -> Result<Mount, StartError> {
        let Self { config, section, bank, themes, revoked, certificates, tls } = *self;
        let Ports { clock, .. } = &backbone.ports;
        let bank = Arc::new(drivers::bank(bank, Arc::clone(clock))?);
        let metrics = Arc::clone(&backbone.metrics);
        let gateway = Arc::new(Gateway::new(
            backbone.ports.clone(),
            Arc::new(Metered { inner: Arc::clone(&bank), metrics }),
            Arc::clone(&backbone.verifier),
        ));
        let certificates = certificates.map(Arc::new);
        let checkouts = Arc::new(Checkouts {
            ports: backbone.ports.clone(),
            directory: Arc::new(Subscribers::new(backbone.ports.clone())),
            gateway: Arc::clone(&gateway),
            certificates: certificates.clone(),
            public_origin: section.public_origin.clone(),
        });
        let (renewed, tls) = watch::channel(tls);
        let endpoint = Endpoint {
            name: SECTION,
            address: section.listen,
            tls,
            router: payer_pages(Arc::clone(&checkouts), themes),
            trusted_terminators: section.trusted_terminators.clone(),
        };
        let stopping = &backbone.stopping;
        let mut tasks: Vec<Task> =
            vec![Box::pin(workers::resume_payments(gateway, stopping.clone()))];
        if let Some(reader) = certificates.filter(|_| !revoked.is_empty()) {
            let clock = Arc::clone(clock);
            let follower =
                Follower { config, section, lists: revoked, reader, tls: renewed, clock };
            tasks.push(Box::pin(follower.run(stopping.clone())));
        }
        Ok(Mount {
            endpoints: vec![endpoint],
            api: vec![merchant_api(checkouts, backbone.parties.clone())],
            tasks,
            connections: vec![Box::pin(keep_connected(bank, backbone.closing.clone()))],
        })
    }
}

/// Keeps the connection to the bank: what is under way may have to ask it to the end.
async fn keep_connected(bank: Arc<Iso8583Bank>, mut closing: watch::Receiver<bool>) {
    let until_closed = async {
        let _: Result<_, _> = closing.wait_for(|closing| *closing).await;
        bank.stop();
    };
    tokio::join!(bank.run(), until_closed);
}

//! The checkout: payers' pages, the merchants' part of the API, the bank behind both.

use std::sync::Arc;

use countersign_certs::RevocationList;
use countersign_checkout::{Checkouts, merchant_api, payer_pages};
use countersign_domain::directory::Subscribers;
use countersign_web::{holder::CertificateReader, theme::Themes};
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::{
    backbone::Backbone,
    config::{CheckoutSection, Config, needed},
    error::{ConfigError, StartError},
    listener::Endpoint,
    mount::{Flow, Mount},
    revocation::Follower,
    tls,
    trust::{certificate_reader, revocation_lists},
    workers::Task,
};

pub(crate) const SECTION: &str = "checkout";

struct Checkout {
    config: Config,
    section: CheckoutSection,
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
    needed(config.bank.as_ref(), "bank", SECTION)?;
    needed(config.sms.as_ref(), "sms", SECTION)?;
    let revoked = revocation_lists(section, &config.files)?;
    Ok(Some(Box::new(Checkout {
        themes: config.themes()?,
        certificates: certificate_reader(section, &config.files, &revoked)?,
        tls: tls::for_payers(config, section, &revoked)?,
        revoked,
        section: section.clone(),
        config: config.clone(),
    })))
}

impl Flow for Checkout {
    fn mount(self: Box<Self>, backbone: &Backbone) -> Result<Mount, StartError> {
        let Self { config, section, themes, revoked, certificates, tls } = *self;
        let certificates = certificates.map(Arc::new);
        let checkouts = Arc::new(Checkouts {
            ports: backbone.ports.clone(),
            directory: Arc::new(Subscribers::new(backbone.ports.clone())),
            gateway: backbone.payments(SECTION)?,
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
        let mut tasks: Vec<Task> = Vec::new();
        if let Some(reader) = certificates.filter(|_| !revoked.is_empty()) {
            let clock = Arc::clone(&backbone.ports.clock);
            let follower =
                Follower { config, section, lists: revoked, reader, tls: renewed, clock };
            tasks.push(Box::pin(follower.run(backbone.signals.stopping.clone())));
        }
        Ok(Mount {
            endpoints: vec![endpoint],
            api: vec![merchant_api(checkouts, backbone.parties.clone())],
            tasks,
            ..Mount::default()
        })
    }
}

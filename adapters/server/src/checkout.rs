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
    flow::Flow,
    listener::Endpoint,
    mount::Mount,
    revocation::{PutInForce, follow},
    tls,
    trust::{Authorities, certificate_reader},
};

pub(crate) const SECTION: &str = "checkout";

struct Checkout {
    config: Config,
    section: CheckoutSection,
    themes: Themes,
    clients: Option<Clients>,
    tls: Arc<ServerConfig>,
}

/// Client certificates: whose, less those that are revoked.
struct Clients {
    authorities: Authorities,
    revoked: Vec<RevocationList>,
    reader: CertificateReader,
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
    let clients = Authorities::of_clients(section, &config.files);
    let clients = clients.map(|authorities| Clients::read(section, authorities)).transpose()?;
    let revoked = clients.as_ref().map_or(&[][..], |clients| &clients.revoked);
    Ok(Some(Box::new(Checkout {
        themes: config.themes()?,
        tls: tls::for_payers(config, section, revoked)?,
        clients,
        section: section.clone(),
        config: config.clone(),
    })))
}

impl Clients {
    fn read(section: &CheckoutSection, authorities: Authorities) -> Result<Self, ConfigError> {
        let revoked = authorities.lists()?;
        let reader = certificate_reader(section, &authorities, &revoked)?;
        Ok(Self { authorities, revoked, reader })
    }
}

impl Flow for Checkout {
    fn mount(self: Box<Self>, backbone: &Backbone) -> Result<Mount, StartError> {
        let Self { config, section, themes, clients, tls } = *self;
        let (authorities, revoked, certificates) = match clients {
            Some(Clients { authorities, revoked, reader }) => {
                (Some(authorities), revoked, Some(Arc::new(reader)))
            }
            None => (None, Vec::new(), None),
        };
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
            tls: Some(tls),
            router: payer_pages(Arc::clone(&checkouts), themes),
            public_origin: Some(section.public_origin.clone()),
            trusted_terminators: section.trusted_terminators.clone(),
        };
        let mut following = Mount::default();
        if let (Some(authorities), Some(reader)) = (authorities, certificates) {
            let anchors = authorities.clone();
            let put: PutInForce = Box::new(move |lists| {
                // First where it needs nothing else: a key that cannot be read now must not keep a revocation from being in
                // force.
                reader.trust(anchors.anchors(lists)?);
                renewed.send_replace(tls::for_payers(&config, &section, lists)?);
                Ok(())
            });
            following = follow(authorities, revoked, put, backbone);
        }
        Ok(Mount {
            endpoints: vec![endpoint],
            api: vec![merchant_api(checkouts, backbone.parties.clone())],
            ..following
        })
    }
}

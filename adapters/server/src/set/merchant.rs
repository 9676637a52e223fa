//! A merchant: cardholders' messages, the shop's part of the API, and the way to the gateway.

use std::{sync::Arc, time::Duration};

use countersign_certs::{Certificate, EndEntityKind};
use countersign_set::{
    Trust,
    batches::batches_api,
    http::merchant_routes,
    link::{HttpClient, HttpLink},
    merchant::{KnownGateway, MerchantKeys, MerchantServer, MerchantSettings},
    message::common::Url,
    settlements::settlements_api,
    shop::shop_api,
};
use rustls::ServerConfig;
use tokio::{sync::watch, time::sleep};

use super::{RoleTrust, followed};
use crate::{
    backbone::Backbone,
    config::{Config, Files, PeerSection, SetMerchantSection, chain, exchange, needed},
    error::{ConfigError, StartError},
    flow::Flow,
    listener::Endpoint,
    mount::Mount,
    tls,
    trust::Authorities,
};

pub(crate) const SECTION: &str = "set.merchant";
const SIGNATURE: &str = "set.merchant.signature";
const GATEWAY: &str = "set.merchant.gateway";
/// How often purchases are looked at: they wait for seconds at least.
const PURCHASES_PAUSE: Duration = Duration::from_secs(1);
/// How often it is looked whether the gateway is to be asked for its certificates: they last for months.
const GATEWAY_PAUSE: Duration = Duration::from_secs(10);
/// Purchases that are asked about in one look.
const PURCHASES_AT_ONCE: usize = 64;

struct MerchantFlow {
    section: SetMerchantSection,
    keys: MerchantKeys,
    settings: MerchantSettings,
    gateway: Vec<Certificate>,
    trust: RoleTrust,
    link: HttpLink,
    tls: Arc<ServerConfig>,
}

/// The flow, if its section is there.
pub(crate) fn read(config: &Config) -> Result<Option<Box<dyn Flow>>, ConfigError> {
    let Some(section) = &config.set.merchant else {
        return Ok(None);
    };
    needed(config.api.as_ref(), "api", SECTION)?;
    needed(config.store.as_ref(), "store", SECTION)?;
    Ok(Some(Box::new(MerchantFlow {
        keys: keys(section, &config.files)?,
        settings: settings(section, config)?,
        gateway: gateway(section, &config.files)?,
        trust: RoleTrust::read(Authorities {
            files: config.files.clone(),
            authorities: section.authorities.clone(),
            authorities_key: "set.merchant.authorities",
            lists: section.revocation_lists.clone(),
            lists_key: "set.merchant.revocation_lists",
        })?,
        link: link(&section.gateway, &config.files)?,
        tls: tls::without_clients(config)?,
        section: section.clone(),
    })))
}

impl Flow for MerchantFlow {
    fn mount(self: Box<Self>, backbone: &Backbone) -> Result<Mount, StartError> {
        let Self { section, keys, settings, gateway, trust, link, tls } = *self;
        let clock = backbone.ports.clock.as_ref();
        let signs = EndEntityKind::MerchantSignature;
        trust.look_at(&keys.certificate, &keys.above, signs, SIGNATURE, clock);
        if let Some((certificate, above)) = gateway.split_first() {
            let role = EndEntityKind::GatewayKeyExchange;
            trust.look_at(certificate, above, role, GATEWAY, clock);
        }
        let RoleTrust { authorities, revoked, anchors } = trust;
        let merchant = Arc::new(MerchantServer {
            ports: backbone.ports.clone(),
            keys,
            settings,
            trust: Trust::new(anchors),
            gateway: KnownGateway::new(gateway),
            link: Arc::new(link),
        });
        let mut following =
            followed(authorities, revoked, &merchant, |merchant| &merchant.trust, backbone);
        let tasks = &mut following.tasks;
        tasks.push(Box::pin(ask_again(Arc::clone(&merchant), backbone.signals.stopping.clone())));
        tasks.push(Box::pin(follow(Arc::clone(&merchant), backbone.signals.stopping.clone())));
        let endpoint = Endpoint {
            name: SECTION,
            address: section.listen,
            tls: Some(watch::channel(tls).1),
            router: merchant_routes(Arc::clone(&merchant)),
            public_origin: None,
            trusted_terminators: Vec::new(),
        };
        Ok(Mount {
            endpoints: vec![endpoint],
            api: vec![
                shop_api(Arc::clone(&merchant), backbone.parties.clone()),
                settlements_api(Arc::clone(&merchant), backbone.parties.clone()),
                batches_api(merchant, backbone.parties.clone()),
            ],
            ..following
        })
    }
}

/// Asks the gateway about purchases that are not over until `stop` turns true.
async fn ask_again(merchant: Arc<MerchantServer>, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = merchant.resume(PURCHASES_AT_ONCE).await {
            tracing::error!(%error, "cannot ask about purchases that are not over");
        }
        tokio::select! {
            () = sleep(PURCHASES_PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
}

/// Follows the gateway's certificates until `stop` turns true.
async fn follow(merchant: Arc<MerchantServer>, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = merchant.follow_gateway().await {
            tracing::error!(%error, "cannot ask the gateway for its certificates");
        }
        tokio::select! {
            () = sleep(GATEWAY_PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
}

fn keys(section: &SetMerchantSection, files: &Files) -> Result<MerchantKeys, ConfigError> {
    let signature = section.signature.read(files, SIGNATURE)?;
    let (exchange, exchange_key) = exchange(files, &section.exchange, "set.merchant.exchange")?;
    Ok(MerchantKeys {
        certificate: signature.certificate,
        above: signature.above,
        key: signature.key,
        exchange,
        exchange_key,
    })
}

fn settings(
    section: &SetMerchantSection,
    config: &Config,
) -> Result<MerchantSettings, ConfigError> {
    let mut parties = config.relying_parties.iter().map(|client| &client.party);
    let party = parties.find(|party| party.id == section.relying_party).ok_or_else(|| {
        let why = format!("is {}, which is no relying party", section.relying_party);
        ConfigError::unusable("set.merchant.relying_party", why)
    })?;
    let url =
        |text: &str, key| Url::try_from(text).map_err(|error| ConfigError::unusable(key, error));
    Ok(MerchantSettings {
        id: party.id.clone(),
        name: party.name.clone(),
        url: url(&format!("{}/set", section.public_origin), "set.merchant.public_origin")?,
        unsigned: section.unsigned,
        capture_now: section.capture_now,
        gateway_url: url(&section.gateway.url, GATEWAY)?,
    })
}

/// The gateway's certificate to encrypt to, and those above it.
fn gateway(section: &SetMerchantSection, files: &Files) -> Result<Vec<Certificate>, ConfigError> {
    let (certificate, above) = chain(files, &section.gateway.certificate, GATEWAY)?;
    Ok([vec![certificate], above].concat())
}

fn link(section: &PeerSection, files: &Files) -> Result<HttpLink, ConfigError> {
    let authorities = section.tls_authorities.as_deref();
    let client = HttpClient::new(tls::client(files, authorities, GATEWAY)?);
    let url = section.merchant_url.as_ref().unwrap_or(&section.url);
    HttpLink::new(client, url).map_err(|error| ConfigError::unusable(GATEWAY, error))
}

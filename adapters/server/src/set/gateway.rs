//! The payment gateway: merchants' and cardholders' messages, the bank and the phones behind them.

use std::{collections::BTreeMap, sync::Arc};

use countersign_certs::{Certificate, EndEntityKind, RecipientKey};
use countersign_domain::{directory::Subscribers, id::RelyingPartyId};
use countersign_set::{
    Trust,
    gateway::{GatewayKeys, GatewaySettings, PaymentGateway},
    http::gateway_routes,
    message::common::{BrandId, Url},
    protect::{KeyOf, Merchant},
};
use rustls::ServerConfig;
use tokio::sync::watch;

use super::{RoleTrust, followed};
use crate::{
    backbone::Backbone,
    config::{
        Config, Files, SetGatewaySection, SuccessorSection, TlsSection, chain, exchange, needed,
    },
    error::{ConfigError, StartError},
    flow::Flow,
    listener::Endpoint,
    mount::Mount,
    tls,
    trust::Authorities,
};

pub(crate) const SECTION: &str = "set.gateway";
const SIGNATURE: &str = "set.gateway.signature";
const EXCHANGE: &str = "set.gateway.exchange";

struct GatewayFlow {
    section: SetGatewaySection,
    keys: GatewayKeys,
    settings: GatewaySettings,
    trust: RoleTrust,
    tls: Arc<ServerConfig>,
}

/// The flow, if its section is there.
pub(crate) fn read(config: &Config) -> Result<Option<Box<dyn Flow>>, ConfigError> {
    let Some(section) = &config.set.gateway else {
        return Ok(None);
    };
    needed(config.store.as_ref(), "store", SECTION)?;
    needed(config.bank.as_ref(), "bank", SECTION)?;
    needed(config.sms.as_ref(), "sms", SECTION)?;
    needed(config.relying_parties.first(), "[relying_party]", SECTION)?;
    Ok(Some(Box::new(GatewayFlow {
        keys: keys(section, &config.files)?,
        settings: settings(section, config)?,
        trust: RoleTrust::read(Authorities {
            files: config.files.clone(),
            authorities: section.authorities.clone(),
            authorities_key: "set.gateway.authorities",
            lists: section.revocation_lists.clone(),
            lists_key: "set.gateway.revocation_lists",
        })?,
        tls: tls::without_clients(config)?,
        section: section.clone(),
    })))
}

impl Flow for GatewayFlow {
    fn mount(self: Box<Self>, backbone: &Backbone) -> Result<Mount, StartError> {
        let Self { section, keys, settings, trust, tls } = *self;
        let clock = backbone.ports.clock.as_ref();
        let signs = EndEntityKind::GatewaySignature;
        trust.look_at(&keys.certificate, &keys.above, signs, SIGNATURE, clock);
        let RoleTrust { authorities, revoked, anchors } = trust;
        let gateway = Arc::new(PaymentGateway {
            ports: backbone.ports.clone(),
            directory: Arc::new(Subscribers::new(backbone.ports.clone())),
            payments: backbone.payments(SECTION)?,
            keys,
            settings,
            trust: Trust::new(anchors),
        });
        let following =
            followed(authorities, revoked, &gateway, |gateway| &gateway.trust, backbone);
        let endpoint = Endpoint {
            name: SECTION,
            address: section.listen,
            tls: Some(watch::channel(tls).1),
            router: gateway_routes(gateway),
            public_origin: None,
            trusted_terminators: Vec::new(),
        };
        Ok(Mount { endpoints: vec![endpoint], ..following })
    }
}

fn keys(section: &SetGatewaySection, files: &Files) -> Result<GatewayKeys, ConfigError> {
    let signature = section.signature.read(files, SIGNATURE)?;
    let Pairs { certificates: exchange, above: exchange_above, keys: exchange_keys } =
        pairs(&section.exchange, files, EXCHANGE)?;
    if exchange.is_empty() {
        return Err(ConfigError::unusable(EXCHANGE, "has no certificate and key"));
    }
    let phones = match section.phones.as_slice() {
        [] => pairs(&section.exchange, files, EXCHANGE)?.keys,
        phones => pairs(phones, files, "set.gateway.phones")?.keys,
    };
    Ok(GatewayKeys {
        certificate: signature.certificate,
        above: signature.above,
        key: signature.key,
        exchange,
        exchange_above,
        exchange_keys,
        phones,
    })
}

/// Certificates that are encrypted to, those above them, and their keys.
#[derive(Default)]
struct Pairs {
    certificates: Vec<Certificate>,
    above: Vec<Certificate>,
    keys: Vec<RecipientKey>,
}

fn pairs(pairs: &[TlsSection], files: &Files, key: &'static str) -> Result<Pairs, ConfigError> {
    let mut read = Pairs::default();
    for pair in pairs {
        let (chain, opening) = exchange(files, pair, key)?;
        let mut chain = chain.into_iter();
        read.certificates.extend(chain.next());
        for above in chain {
            if !read.above.contains(&above) {
                read.above.push(above);
            }
        }
        read.keys.push(opening);
    }
    Ok(read)
}

fn settings(section: &SetGatewaySection, config: &Config) -> Result<GatewaySettings, ConfigError> {
    const BRANDS: &str = "set.gateway.brands";
    let brands = section.brands.iter().map(|brand| BrandId::try_from(brand.as_str()));
    let brands = brands.collect::<Result<Vec<_>, _>>();
    let brands = brands.map_err(|error| ConfigError::unusable(BRANDS, error))?;
    if brands.is_empty() {
        return Err(ConfigError::unusable(BRANDS, "names no brand"));
    }
    let url = Url::try_from(format!("{}/set", section.public_origin).as_str());
    let named = config.relying_parties.iter().map(|client| &client.party);
    let merchants: BTreeMap<_, _> = named.map(|party| (party.id.clone(), party.clone())).collect();
    Ok(GatewaySettings {
        brands,
        unsigned: section.unsigned,
        url: url.map_err(|error| ConfigError::unusable("set.gateway.public_origin", error))?,
        merchants,
        successors: successors(section, config)?,
    })
}

/// The keys that followed others, by merchant.
fn successors(
    section: &SetGatewaySection,
    config: &Config,
) -> Result<BTreeMap<RelyingPartyId, Vec<KeyOf<Merchant>>>, ConfigError> {
    const SUCCESSORS: &str = "set.gateway.successors";
    let mut successors: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for SuccessorSection { relying_party, certificate } in &section.successors {
        let (certificate, _) = chain(&config.files, certificate, SUCCESSORS)?;
        let key = KeyOf::new(certificate.key_sha256());
        successors.entry(relying_party.clone()).or_default().push(key);
    }
    Ok(successors)
}

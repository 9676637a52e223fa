//! The telecom operator as trusted third party: codes for other servers, each known by its certificate.

use std::sync::Arc;

use countersign_certs::{Certificate, pkcs8_from_file};
use countersign_domain::{id::RelyingPartyId, ports::Ports, verifier::Waits};
use countersign_operator::{Desk, awaited, http::operator_routes, statement::StatementKey};
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::{
    backbone::Backbone,
    config::{Config, OperatorSection, needed},
    error::{ConfigError, StartError},
    flow::Flow,
    listener::Endpoint,
    mount::Mount,
    tls,
};

pub(crate) const SECTION: &str = "operator";
const CLIENTS: &str = "operator.clients";

struct OperatorFlow {
    section: OperatorSection,
    key: StatementKey,
    clients: Vec<(RelyingPartyId, Vec<u8>)>,
    tls: Arc<ServerConfig>,
}

/// The flow, if its section is there.
pub(crate) fn read(config: &Config) -> Result<Option<Box<dyn Flow>>, ConfigError> {
    let Some(section) = &config.operator else {
        return Ok(None);
    };
    needed(config.store.as_ref(), "store", SECTION)?;
    needed(config.sms.as_ref(), "sms", SECTION)?;
    Ok(Some(Box::new(OperatorFlow {
        key: signing_key(section, config)?,
        clients: clients(section, config)?,
        tls: tls::for_clients(config, &section.client_authorities, "operator.client_authorities")?,
        section: section.clone(),
    })))
}

impl Flow for OperatorFlow {
    fn awaited(&self, ports: &Ports) -> Vec<Arc<dyn Waits>> {
        vec![awaited(ports, self.key.clone())]
    }

    fn mount(self: Box<Self>, backbone: &Backbone) -> Result<Mount, StartError> {
        let Self { section, clients, tls, .. } = *self;
        let desk = |(party, certificate)| {
            let (ports, verifier) = (backbone.ports.clone(), Arc::clone(&backbone.verifier));
            (certificate, Arc::new(Desk { ports, verifier, party }))
        };
        let endpoint = Endpoint {
            name: SECTION,
            address: section.listen,
            tls: Some(watch::channel(tls).1),
            router: operator_routes(clients.into_iter().map(desk).collect()),
            public_origin: None,
            trusted_terminators: Vec::new(),
        };
        Ok(Mount { endpoints: vec![endpoint], ..Mount::default() })
    }
}

fn signing_key(section: &OperatorSection, config: &Config) -> Result<StatementKey, ConfigError> {
    let key = "operator.signing_key";
    let der = pkcs8_from_file(&config.files.key(&section.signing_key)?);
    let der = der.map_err(|error| ConfigError::unusable(key, error))?;
    StatementKey::from_pkcs8(&der).map_err(|error| ConfigError::unusable(key, error))
}

/// Each client's own certificate, in DER. Two that are the same would be one client with two names.
fn clients(
    section: &OperatorSection,
    config: &Config,
) -> Result<Vec<(RelyingPartyId, Vec<u8>)>, ConfigError> {
    let read = |(party, path): (&RelyingPartyId, &std::path::PathBuf)| {
        let certificate = Certificate::from_file(&config.files.content(path)?);
        let certificate = certificate.map_err(|error| ConfigError::unusable(CLIENTS, error))?;
        Ok((party.clone(), certificate.der().to_vec()))
    };
    let clients = section.clients.iter().map(read).collect::<Result<Vec<_>, ConfigError>>()?;
    let mut certificates: Vec<_> = clients.iter().map(|(_, certificate)| certificate).collect();
    certificates.sort_unstable();
    if certificates.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(ConfigError::unusable(CLIENTS, "have the same certificate twice"));
    }
    Ok(clients)
}

//! A cardholder's wallet on a page.

use std::sync::Arc;

use countersign_set::{
    cardholder_server::{CardholderServer, cardholder_routes},
    link::HttpClient,
    wallet_file::WalletFile,
};
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::{
    backbone::Backbone,
    config::{Config, SetCardholderSection, needed},
    error::{ConfigError, StartError},
    flow::Flow,
    listener::Endpoint,
    mount::Mount,
    tls,
};

pub(crate) const SECTION: &str = "set.cardholder";
const WALLET: &str = "set.cardholder.wallet";

struct CardholderFlow {
    section: SetCardholderSection,
    wallet: WalletFile,
    client: HttpClient,
    tls: Arc<ServerConfig>,
}

/// The flow, if its section is there.
pub(crate) fn read(config: &Config) -> Result<Option<Box<dyn Flow>>, ConfigError> {
    let Some(section) = &config.set.cardholder else {
        return Ok(None);
    };
    needed(config.store.as_ref(), "store", SECTION)?;
    let unusable = |error| ConfigError::unusable(WALLET, error);
    let wallet = WalletFile::read(&config.files.path(&section.wallet)).map_err(unusable)?;
    config.files.look_at(&section.wallet)?;
    wallet.anchors().map_err(unusable)?;
    let (authorities, key) = (section.tls_authorities.as_deref(), "set.cardholder.tls_authorities");
    Ok(Some(Box::new(CardholderFlow {
        client: HttpClient::new(tls::client(&config.files, authorities, key)?),
        wallet,
        tls: tls::without_clients(config)?,
        section: section.clone(),
    })))
}

impl Flow for CardholderFlow {
    fn mount(self: Box<Self>, backbone: &Backbone) -> Result<Mount, StartError> {
        let Self { section, wallet, client, tls } = *self;
        let server = CardholderServer::new(backbone.ports.clone(), wallet, client)
            .map_err(|error| ConfigError::unusable(WALLET, error))?;
        let endpoint = Endpoint {
            name: SECTION,
            address: section.listen,
            tls: Some(watch::channel(tls).1),
            router: cardholder_routes(Arc::new(server)),
            public_origin: None,
            trusted_terminators: Vec::new(),
        };
        Ok(Mount { endpoints: vec![endpoint], ..Mount::default() })
    }
}

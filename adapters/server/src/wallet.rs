//! Wallets: people's programs and pages, the merchants' part of the API, the bank behind the cards.

use std::{sync::Arc, time::Duration};

use countersign_certs::{pkcs8_from_file, spki_from_file};
use countersign_domain::{
    amount::{Amount, Currency},
    directory::Subscribers,
    id::RelyingPartyId,
    ports::{Operator, Ports},
    transaction::Payee,
    verifier::Waits,
};
use countersign_operator::{HttpOperator, link::MAX_ANSWER_BYTES, statement::StatementVerifier};
use countersign_wallet::{
    Fee, House, Limits, Wallets, flow,
    http::client_routes,
    jws::{KeySet, PublicKey, SigningKey},
    merchants_api::merchants_api,
    pages::page_routes,
};
use countersign_web::client::HttpClient;
use rustls::ServerConfig;
use tokio::{sync::watch, time::sleep};

use crate::{
    backbone::Backbone,
    config::{
        Config, Files, LimitsSection, OperatorLinkSection, TlsSection, WalletSection, needed,
    },
    error::{ConfigError, StartError},
    flow::Flow,
    listener::Endpoint,
    mount::Mount,
    tls,
    workers::Task,
};

pub(crate) const SECTION: &str = "wallet";
const LIMITS: &str = "wallet.limits";
const OPERATOR: &str = "wallet.operator";
/// All of a payment, in basis points.
const WHOLE: u16 = 10_000;
/// How often payments and transfers are looked at that nobody is at: they wait for seconds at least.
const PAUSE: Duration = Duration::from_secs(1);
/// Payments and transfers that are taken up in one look.
const AT_ONCE: usize = 64;

struct WalletFlow {
    section: WalletSection,
    house: Arc<House>,
    operator: Option<Arc<dyn Operator>>,
    tls: Arc<ServerConfig>,
}

/// The flow, if its section is there.
pub(crate) fn read(config: &Config) -> Result<Option<Box<dyn Flow>>, ConfigError> {
    let Some(section) = &config.wallet else {
        return Ok(None);
    };
    needed(config.api.as_ref(), "api", SECTION)?;
    needed(config.store.as_ref(), "store", SECTION)?;
    needed(config.bank.as_ref(), "bank", SECTION)?;
    needed(config.sms.as_ref(), "sms", SECTION)?;
    Ok(Some(Box::new(WalletFlow {
        house: Arc::new(house(section, config)?),
        operator: section
            .operator
            .as_ref()
            .map(|link| operator(link, &config.files))
            .transpose()?,
        tls: tls::without_clients(config)?,
        section: section.clone(),
    })))
}

impl Flow for WalletFlow {
    fn awaited(&self, ports: &Ports) -> Vec<Arc<dyn Waits>> {
        flow::awaited(ports, &self.house).into()
    }

    fn operator(&self) -> Option<(RelyingPartyId, Arc<dyn Operator>)> {
        self.operator.clone().map(|operator| (self.house.party.clone(), operator))
    }

    fn mount(self: Box<Self>, backbone: &Backbone) -> Result<Mount, StartError> {
        let Self { section, house, tls, .. } = *self;
        let wallets = Arc::new(Wallets {
            ports: backbone.ports.clone(),
            directory: Arc::new(Subscribers::new(backbone.ports.clone())),
            verifier: Arc::clone(&backbone.verifier),
            gateway: backbone.payments(SECTION)?,
            bank: backbone.bank(SECTION)?,
            house,
        });
        let endpoint = Endpoint {
            name: SECTION,
            address: section.listen,
            tls: Some(watch::channel(tls).1),
            router: client_routes(Arc::clone(&wallets)).merge(page_routes(Arc::clone(&wallets))),
            public_origin: Some(section.public_origin),
            trusted_terminators: Vec::new(),
        };
        let resuming: Task =
            Box::pin(resume(Arc::clone(&wallets), backbone.signals.stopping.clone()));
        Ok(Mount {
            endpoints: vec![endpoint],
            api: vec![merchants_api(wallets, backbone.parties.clone())],
            tasks: vec![resuming],
            ..Mount::default()
        })
    }
}

/// Resumes payments and transfers that nobody is at until `stop` turns true.
async fn resume(wallets: Arc<Wallets>, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = wallets.resume(AT_ONCE).await {
            tracing::error!(%error, "cannot resume the wallets' payments and transfers");
        }
        tokio::select! {
            () = sleep(PAUSE) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
}

/// The way to the operator that computes and sends the codes of tickets (F12.v1).
fn operator(
    section: &OperatorLinkSection,
    files: &Files,
) -> Result<Arc<dyn Operator>, ConfigError> {
    let us = TlsSection { certificate: section.certificate.clone(), key: section.key.clone() };
    let tls = tls::client_as(&us, files, section.tls_authorities.as_deref(), OPERATOR)?;
    let key = spki_from_file(&files.content(&section.statement_key)?);
    let key = key.map_err(|error| ConfigError::unusable(OPERATOR, error))?;
    let key = StatementVerifier::from_spki(&key);
    let key = key.map_err(|error| ConfigError::unusable(OPERATOR, error))?;
    let operator = HttpOperator::new(HttpClient::new(tls, MAX_ANSWER_BYTES), &section.url, key);
    Ok(Arc::new(operator.map_err(|error| ConfigError::unusable(OPERATOR, error))?))
}

fn house(section: &WalletSection, config: &Config) -> Result<House, ConfigError> {
    let mut parties = config.relying_parties.iter().map(|client| &client.party);
    let party = parties.find(|party| party.id == section.relying_party).ok_or_else(|| {
        let why = format!("is {}, which is no relying party", section.relying_party);
        ConfigError::unusable("wallet.relying_party", why)
    })?;
    if section.fee_basis_points > WHOLE {
        return Err(ConfigError::unusable("wallet.fee_basis_points", "is more than 10000"));
    }
    if section.payout_every_seconds == 0 {
        return Err(ConfigError::unusable("wallet.payout_every_seconds", "is 0"));
    }
    Ok(House {
        name: Payee::clone(&party.name),
        origin: section.public_origin.host().clone(),
        party: party.id.clone(),
        key: signing_key(section, config)?,
        earlier_keys: earlier_keys(section, config)?,
        limits: limits(&section.limits)?,
        fee: Fee { basis_points: section.fee_basis_points },
        payout_every_seconds: section.payout_every_seconds,
    })
}

fn signing_key(section: &WalletSection, config: &Config) -> Result<SigningKey, ConfigError> {
    let key = "wallet.signing_key";
    let der = pkcs8_from_file(&config.files.key(&section.signing_key)?);
    let der = der.map_err(|error| ConfigError::unusable(key, error))?;
    SigningKey::from_pkcs8(&der).map_err(|error| ConfigError::unusable(key, error))
}

/// Those of the set that `/jwks.json` gave before the key was changed.
fn earlier_keys(section: &WalletSection, config: &Config) -> Result<Vec<PublicKey>, ConfigError> {
    let Some(file) = &section.earlier_keys else { return Ok(Vec::new()) };
    let set = serde_json::from_str::<KeySet>(&config.files.text(file)?);
    let set = set.map_err(|error| ConfigError::unusable("wallet.earlier_keys", error))?;
    Ok(set.keys)
}

fn limits(sections: &[LimitsSection]) -> Result<Vec<Limits>, ConfigError> {
    let mut currencies: Vec<Currency> = sections.iter().map(|section| section.currency).collect();
    currencies.sort_unstable();
    if currencies.is_empty() {
        return Err(ConfigError::unusable(LIMITS, "are of no currency"));
    }
    if currencies.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(ConfigError::unusable(LIMITS, "are there twice for a currency"));
    }
    sections.iter().map(limits_of).collect()
}

fn limits_of(section: &LimitsSection) -> Result<Limits, ConfigError> {
    let minor = |decimal: &str| {
        let amount = Amount::from_decimal(decimal, section.currency);
        let amount = amount.map_err(|error| ConfigError::unusable(LIMITS, error))?;
        Ok(amount.amount_minor())
    };
    Ok(Limits {
        currency: section.currency,
        balance_minor: minor(&section.balance)?,
        payment_minor: minor(&section.payment)?,
        day_minor: minor(&section.day)?,
    })
}

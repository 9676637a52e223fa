//! The authority of figure 11: cardholders, merchants and gateways register with SET's own messages, and `[authority]`
//! certifies their keys.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_authority::{CertificateAuthority, Numbers};
use countersign_certs::{Certificate, EndEntityKind, PublicKey};
use countersign_domain::{directory::Subscribers, id::RelyingPartyId};
use countersign_set::{
    asn1::Text,
    authority::{AuthorityKeys, AuthoritySettings, BusinessSettings, RegistrationAuthority},
    http::authority_routes,
    issuer::{CertificateIssuer, IssuerError, NewCardholder},
    message::{
        common::{BrandId, Url},
        registration::Bin,
    },
    registrations::BusinessRole,
};
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::{
    authority::Issuing,
    backbone::Backbone,
    config::{BusinessesSection, Config, SetAuthoritySection, exchange, needed},
    error::{ConfigError, StartError},
    flow::Flow,
    listener::Endpoint,
    mount::Mount,
    tls,
};

pub(crate) const SECTION: &str = "set.authority";
const SIGNATURE: &str = "set.authority.signature";
const EXCHANGE: &str = "set.authority.exchange";
const GATEWAYS: &str = "authority.gateways";
/// Digits that a card's number begins with: with fewer than six no issuer is named (ISO/IEC 7812-1).
const PREFIX_DIGITS: std::ops::RangeInclusive<usize> = 6..=19;

struct RegistrationFlow {
    section: SetAuthoritySection,
    issuing: Issuing,
    keys: AuthorityKeys,
    settings: AuthoritySettings,
    tls: Arc<ServerConfig>,
}

/// The flow, if its section is there.
pub(crate) fn read(config: &Config) -> Result<Option<Box<dyn Flow>>, ConfigError> {
    let Some(section) = &config.set.authority else {
        return Ok(None);
    };
    needed(config.sms.as_ref(), "sms", SECTION)?;
    let issues = needed(config.authority.as_ref(), "authority", SECTION)?;
    let issuing = Issuing::read(issues, config)?;
    if matches!(issuing.numbers, Numbers::Clear) {
        let why = "names no gateway: a card is not certified where all can read it";
        return Err(ConfigError::unusable(GATEWAYS, why));
    }
    let businesses = section.businesses.as_ref().map(|section| businesses(section, &issuing));
    let signature = section.signature.read(&config.files, SIGNATURE)?;
    let (exchange, exchange_key) = exchange(&config.files, &section.exchange, EXCHANGE)?;
    Ok(Some(Box::new(RegistrationFlow {
        issuing,
        keys: AuthorityKeys {
            certificate: signature.certificate,
            above: signature.above,
            key: signature.key,
            exchange,
            exchange_keys: vec![exchange_key],
        },
        settings: settings(section, businesses.transpose()?)?,
        tls: tls::without_clients(config)?,
        section: section.clone(),
    })))
}

impl Flow for RegistrationFlow {
    fn mount(self: Box<Self>, backbone: &Backbone) -> Result<Mount, StartError> {
        let Self { section, issuing, keys, settings, tls } = *self;
        let above = issuing.chain.iter().filter(|above| !above.is_self_issued());
        let above = above.cloned().collect();
        let authority = issuing.with_register(backbone);
        if !authority.may_issue_to_people(EndEntityKind::Cardholder) {
            let why = "is of an authority that may not issue to cardholders";
            return Err(ConfigError::unusable("authority.folder", why).into());
        }
        let registration = RegistrationAuthority {
            ports: backbone.ports.clone(),
            directory: Arc::new(Subscribers::new(backbone.ports.clone())),
            verifier: Arc::clone(&backbone.verifier),
            issuer: Arc::new(Issuer { authority, above }),
            keys,
            settings,
        };
        let endpoint = Endpoint {
            name: SECTION,
            address: section.listen,
            tls: Some(watch::channel(tls).1),
            router: authority_routes(Arc::new(registration)),
            public_origin: None,
            trusted_terminators: Vec::new(),
        };
        Ok(Mount { endpoints: vec![endpoint], ..Mount::default() })
    }
}

/// Certifies the keys of those who register with the key of `[authority]`.
struct Issuer {
    authority: CertificateAuthority,
    /// The authority's certificate and those above it, without the root.
    above: Vec<Certificate>,
}

impl Issuer {
    fn with_chain(&self, certificate: Certificate) -> Vec<Certificate> {
        [certificate].into_iter().chain(self.above.iter().cloned()).collect()
    }
}

#[async_trait]
impl CertificateIssuer for Issuer {
    async fn certified(&self, key: &PublicKey) -> Result<Option<Vec<Certificate>>, IssuerError> {
        let found = self.authority.certificate_of(key).await;
        let found = found.map_err(|error| IssuerError { cause: error.to_string() })?;
        Ok(found.map(|certificate| self.with_chain(certificate)))
    }

    async fn check(&self, name: &str, key: &PublicKey) -> Result<(), IssuerError> {
        let checked = self.authority.check_cardholder(name, key).await;
        checked.map_err(|error| IssuerError { cause: error.to_string() })
    }

    async fn certify(&self, holder: NewCardholder<'_>) -> Result<Vec<Certificate>, IssuerError> {
        let NewCardholder { name, key, card, proof } = holder;
        let issued = self.authority.certify_cardholder(name, key, card, proof).await;
        let issued = issued.map_err(|error| IssuerError { cause: error.to_string() })?;
        Ok(self.with_chain(issued))
    }

    async fn certify_business(
        &self,
        kind: EndEntityKind,
        name: &str,
        key: &PublicKey,
    ) -> Result<Vec<Certificate>, IssuerError> {
        let issued = self.authority.certify_business(kind, name, key).await;
        let issued = issued.map_err(|error| IssuerError { cause: error.to_string() })?;
        Ok(self.with_chain(issued))
    }
}

fn businesses(
    section: &BusinessesSection,
    issuing: &Issuing,
) -> Result<BusinessSettings, ConfigError> {
    let roles = [BusinessRole::Merchant, BusinessRole::Gateway];
    if !roles.iter().flat_map(|role| role.kinds()).all(|kind| issuing.permits(kind)) {
        let why = "is of an authority that may not issue to merchants and gateways";
        return Err(ConfigError::unusable("authority.folder", why));
    }
    let acquirers = section.acquirers.iter().map(|text| Bin::try_from(text.as_str()));
    let acquirers = acquirers.collect::<Result<Vec<_>, _>>().unwrap_or_default();
    if acquirers.is_empty() {
        let why = "is not a list of acquirers' numbers, each of 6 digits";
        return Err(ConfigError::unusable("set.authority.businesses.acquirers", why));
    }
    let policy = Text::try_from(section.policy.as_str())
        .map_err(unusable("set.authority.businesses.policy"))?;
    Ok(BusinessSettings { acquirers, policy })
}

fn settings(
    section: &SetAuthoritySection,
    businesses: Option<BusinessSettings>,
) -> Result<AuthoritySettings, ConfigError> {
    const PREFIXES: &str = "set.authority.card_prefixes";
    let is_prefix = |text: &String| {
        PREFIX_DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if section.card_prefixes.is_empty() || !section.card_prefixes.iter().all(is_prefix) {
        let why = "is not a list of what cards' numbers begin with, each at least 6 digits";
        return Err(ConfigError::unusable(PREFIXES, why));
    }
    let url = format!("{}/set/registration", section.public_origin);
    Ok(AuthoritySettings {
        name: Text::try_from(section.name.as_str()).map_err(unusable("set.authority.name"))?,
        url: Url::try_from(url.as_str()).map_err(unusable("set.authority.public_origin"))?,
        brand: BrandId::try_from(section.brand.as_str())
            .map_err(unusable("set.authority.brand"))?,
        prefixes: section.card_prefixes.clone(),
        policy: Text::try_from(section.policy.as_str())
            .map_err(unusable("set.authority.policy"))?,
        relying_party: RelyingPartyId::try_from("authority")
            .map_err(|error| ConfigError::unusable(SECTION, error))?,
        businesses,
    })
}

fn unusable<E: std::fmt::Display>(key: &'static str) -> impl Fn(E) -> ConfigError {
    move |error| ConfigError::unusable(key, error)
}

//! The configuration: one TOML file, every key typed and documented, unknown keys refused.
//!
//! Every key can be overridden by the environment: `COUNTERSIGN__SECTION__KEY`, such as
//! `COUNTERSIGN__API__LISTEN=127.0.0.1:9444`. Secrets are never in the file itself but in files that it names, paths
//! being relative to the folder of the configuration.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use countersign_domain::{
    amount::Currency,
    hex,
    id::{KeyId, RelyingPartyId},
    keys::KeyRing,
    limits::Limits,
    origin::Origin,
    policy::Policy,
    secret::Secret,
};
use countersign_web::{
    origin::PublicOrigin,
    relying_party::ApiClient,
    theme::{Colour, Logo, Theme, Themes},
};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::ConfigError;

mod checks;
mod files;
mod set;

pub use self::checks::Withdrawn;
pub(crate) use self::files::{Files, unreadable};
pub(crate) use set::{
    BusinessesSection, PeerSection, SetAuthoritySection, SetCardholderSection, SetGatewaySection,
    SetMerchantSection, SetSection, SuccessorSection, chain, exchange,
};

/// The beginning of the name of an environment variable that overrides a key.
const ENVIRONMENT_PREFIX: &str = "COUNTERSIGN__";

/// The configuration of a server. A flow runs when its section is there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Certificate and key of every listener.
    pub(crate) tls: TlsSection,
    /// A flow: the payers' pages.
    pub(crate) checkout: Option<CheckoutSection>,
    /// A flow: an authority for people.
    pub(crate) authority: Option<AuthoritySection>,
    /// A flow: challenges for relying parties with pages of their own.
    pub(crate) access: Option<AccessSection>,
    /// Flows: the roles of figure 11.
    #[serde(default)]
    pub(crate) set: SetSection,
    /// A flow: wallets, and the intermediation server of figure 12.
    pub(crate) wallet: Option<WalletSection>,
    /// A flow: the telecom operator as trusted third party.
    pub(crate) operator: Option<OperatorSection>,
    /// The API for relying parties.
    pub(crate) api: Option<ApiSection>,
    /// Metrics, health and readiness. Absent: they are not served.
    pub(crate) operations: Option<OperationsSection>,
    /// How much each listener and each address may take.
    #[serde(default)]
    pub(crate) connections: ConnectionsSection,
    /// Where everything is kept. Absent: in the register of an authority that runs alone.
    pub(crate) store: Option<StoreSection>,
    /// When what is final is removed. Absent: never.
    pub(crate) retention: Option<RetentionSection>,
    /// Master secrets.
    pub(crate) keys: KeysSection,
    /// Limits, order, selection. Default: [`countersign_domain::policy::PolicySettings`].
    #[serde(default)]
    pub(crate) policy: Policy,
    /// Limits of phones, clients and relying parties. Default: [`countersign_domain::limits::LimitSettings`].
    #[serde(default)]
    pub(crate) limits: Limits,
    /// The SMS centre.
    pub(crate) sms: Option<SmsSection>,
    /// The issuing bank's host.
    pub(crate) bank: Option<BankSection>,
    /// The callers of the API.
    #[serde(default, rename = "relying_party")]
    pub(crate) relying_parties: Vec<ApiClient>,
    /// How relying parties' pages look, by their ids.
    #[serde(default)]
    theme: BTreeMap<RelyingPartyId, ThemeSection>,
    /// What paths are relative to.
    #[serde(skip)]
    pub(crate) files: Files,
}

/// `[tls]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSection {
    /// PEM of the chain, the server's own certificate first.
    pub(crate) certificate: PathBuf,
    /// PEM of its key, PKCS#8.
    pub(crate) key: PathBuf,
}

/// `[checkout]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckoutSection {
    /// Where to listen for payers' browsers.
    pub(crate) listen: SocketAddr,
    /// How payers reach it, such as `https://pay.example.com`; the last line of the SMS is bound to its host.
    pub(crate) public_origin: PublicOrigin,
    /// PEM of the authorities whose client certificates are trusted. Absent: no certificate is asked for.
    pub(crate) client_authorities: Option<PathBuf>,
    /// Revocation lists of those authorities, PEM or DER, read again when they change. As soon as there is one, there must
    /// be a current one of every authority in a path.
    #[serde(default)]
    pub(crate) revocation_lists: Vec<PathBuf>,
    /// Certificates and keys that open encrypted numbers; several while keys are changed.
    #[serde(default)]
    pub(crate) gateway_keys: Vec<TlsSection>,
    /// Addresses of TLS terminators that may say which certificate the payer presented (RFC 9440).
    #[serde(default)]
    pub(crate) trusted_terminators: Vec<IpAddr>,
}

/// `[authority]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthoritySection {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// How people reach it, such as `https://ca.example.com`; the last line of the SMS is bound to its host.
    pub(crate) public_origin: PublicOrigin,
    /// The authority's folder, as `countersign ca init` made it.
    pub(crate) folder: PathBuf,
    /// The file with the passphrase of its key. Absent: the environment has it.
    pub(crate) passphrase_file: Option<PathBuf>,
    /// What is issued to people: `tls-client` or `cardholder`. Absent: `tls-client`.
    pub(crate) profile: Option<String>,
    /// Certificates of the gateways that numbers are encrypted to. None: numbers are in clear.
    #[serde(default)]
    pub(crate) gateways: Vec<PathBuf>,
}

/// `[access]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessSection {
    /// The hosts of each relying party's own pages, which the last line of the SMS may be bound to.
    #[serde(default)]
    pub(crate) origins: BTreeMap<RelyingPartyId, Vec<Origin>>,
}

/// `[wallet]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WalletSection {
    /// Where to listen for people's programs.
    pub(crate) listen: SocketAddr,
    /// How they reach it; its host names the server in tickets and receipts.
    pub(crate) public_origin: PublicOrigin,
    /// Which relying party the house is: bank and books know it so.
    pub(crate) relying_party: RelyingPartyId,
    /// PEM of the key that receipts are signed with: PKCS#8, on P-256.
    pub(crate) signing_key: PathBuf,
    /// A JWK Set (RFC 7517) of the keys that receipts were signed with before.
    pub(crate) earlier_keys: Option<PathBuf>,
    /// The currencies that wallets are kept in, and what each may have and do.
    pub(crate) limits: Vec<LimitsSection>,
    /// What the house keeps of each payment, in hundredths of a percent.
    #[serde(default)]
    pub(crate) fee_basis_points: u16,
    /// How often merchants are paid what they are owed.
    #[serde(default = "a_day")]
    pub(crate) payout_every_seconds: u32,
    /// The operator that computes and sends the codes of tickets. Absent: this server does.
    pub(crate) operator: Option<OperatorLinkSection>,
}

const fn a_day() -> u32 {
    86_400
}

/// `wallet.operator`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperatorLinkSection {
    /// Where it takes orders.
    pub(crate) url: String,
    /// PEM of the certificate by which it knows us.
    pub(crate) certificate: PathBuf,
    /// PEM of its key, PKCS#8.
    pub(crate) key: PathBuf,
    /// PEM of the authorities that may have issued its listener's certificate. Absent: those that the system trusts.
    pub(crate) tls_authorities: Option<PathBuf>,
    /// PEM of the public key that verifies its statements.
    pub(crate) statement_key: PathBuf,
}

/// `[operator]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperatorSection {
    /// Where to listen for clients.
    pub(crate) listen: SocketAddr,
    /// PEM of the key that statements are signed with: PKCS#8, on P-256.
    pub(crate) signing_key: PathBuf,
    /// PEM of the authorities that issued the clients' certificates.
    pub(crate) client_authorities: PathBuf,
    /// PEM of each client's certificate.
    pub(crate) clients: BTreeMap<RelyingPartyId, PathBuf>,
}

/// `wallet.limits`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsSection {
    /// Of the wallets that they are for.
    pub(crate) currency: Currency,
    /// The most that a wallet may have, as a decimal number.
    pub(crate) balance: String,
    /// The most that one payment may be.
    pub(crate) payment: String,
    /// The most that may be paid on one day (UTC).
    pub(crate) day: String,
}

/// `[api]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiSection {
    /// Where to listen for relying parties' back ends.
    pub(crate) listen: SocketAddr,
}

/// `[operations]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationsSection {
    /// Where to listen for those who watch, without TLS and without a key.
    pub(crate) listen: SocketAddr,
}

/// `[connections]`
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConnectionsSection {
    /// Open at once on each listener; more wait in the system's queue.
    pub(crate) max_per_listener: NonZeroU32,
    /// Of those, from one IPv4 address or IPv6 /64; more are closed at once.
    pub(crate) max_per_address: NonZeroU32,
    /// Of those, in their TLS handshake.
    pub(crate) max_handshakes_per_address: NonZeroU32,
    /// Requests of one address that are worked on at once; more wait.
    pub(crate) max_requests_per_address: NonZeroU32,
    /// Addresses that many people come from, such as a load balancer's.
    pub(crate) exempt: Vec<IpAddr>,
}

impl Default for ConnectionsSection {
    fn default() -> Self {
        let at_most = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Self {
            max_per_listener: at_most(2048),
            max_per_address: at_most(256),
            max_handshakes_per_address: at_most(64),
            max_requests_per_address: at_most(128),
            exempt: Vec::new(),
        }
    }
}

/// `[theme.ID]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeSection {
    /// What is pressed has this colour, such as `#7a1f3d`; white text must be readable on it.
    colour: Option<Colour>,
    /// PNG, JPEG or SVG, at most 64 KiB.
    logo: Option<PathBuf>,
}

/// `[store]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreSection {
    /// The SQLite file; made when it is not there.
    pub(crate) path: Option<PathBuf>,
    /// The connection URL of a PostgreSQL database, in the place of a file; without a password.
    pub(crate) url: Option<String>,
    /// The password of its user.
    pub(crate) password_file: Option<PathBuf>,
    /// The authorities of its server's certificate. Default: those of the system.
    pub(crate) authorities: Option<PathBuf>,
    /// How many connections to it there may be.
    pub(crate) connections: Option<usize>,
    /// The PostgreSQL schema in which the store stands.
    pub(crate) schema: Option<String>,
}

/// `[retention]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionSection {
    /// For how long what is final is kept.
    pub(crate) days: u32,
    /// For how long an `Idempotency-Key` is good.
    #[serde(default = "a_month")]
    pub(crate) idempotency_days: u32,
}

const fn a_month() -> u32 {
    30
}

/// `[keys]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeysSection {
    /// The id of the key that makes what is new.
    current: KeyId,
    /// Files with 64 hexadecimal digits each (`openssl rand -hex 32`), by key id.
    files: BTreeMap<KeyId, PathBuf>,
}

/// `[sms]`: see [`countersign_channels`] for what each key means; absent keys have the defaults given there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmsSection {
    /// `host:port` of the centre.
    pub(crate) address: String,
    /// The account at the centre.
    pub(crate) system_id: String,
    /// The file with the account's password.
    pub(crate) password_file: PathBuf,
    /// From whom the messages come: `+` and a number, digits of a short code, or a name of up to 11 characters.
    pub(crate) source: String,
    /// What the centre wants to be told about our kind of system.
    #[serde(default)]
    pub(crate) system_type: String,
    /// Whether the centre is to deliver at once and to answer only then.
    #[serde(default)]
    pub(crate) transaction_mode: bool,
    /// Submissions that may wait for their answer at once.
    pub(crate) window: Option<usize>,
    /// Submissions in each second at most.
    pub(crate) max_per_second: Option<u32>,
    /// How long an answer is waited for.
    pub(crate) response_timeout_seconds: Option<u64>,
    /// After how long a silence the centre is asked whether it is there.
    pub(crate) enquire_link_seconds: Option<u64>,
    /// How ids in receipts are written; learned when it is not said.
    pub(crate) receipt_ids: Option<ReceiptIds>,
    /// What `data_coding` 0 means to the centre.
    #[serde(default)]
    pub(crate) default_alphabet: SmsAlphabet,
    /// How the centre is told until when a message is worth delivering.
    #[serde(default)]
    pub(crate) validity_period: SmsValidity,
    /// The name in the centre's certificate: turns TLS on, together with `tls_authorities`.
    pub(crate) tls_server_name: Option<String>,
    /// PEM of the authorities that may have issued the centre's certificate.
    pub(crate) tls_authorities: Option<PathBuf>,
}

/// How the centre writes in receipts the ids that it gave in its answers.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReceiptIds {
    Same,
    Hexadecimal,
    Decimal,
}

/// A centre's default alphabet.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SmsAlphabet {
    #[default]
    Gsm7,
    Latin1,
}

/// The form of `validity_period`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SmsValidity {
    #[default]
    Relative,
    Absolute,
    None,
}

/// `[bank]`: see [`countersign_bank`] for what each key means; absent keys have the defaults given there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BankSection {
    /// `host:port` of the bank.
    pub(crate) address: String,
    /// Our number as an acquirer, ISO 8583 field 32.
    pub(crate) acquirer_id: Option<String>,
    /// Our terminal, field 41.
    pub(crate) terminal_id: Option<String>,
    /// What the merchants trade in, field 18.
    pub(crate) merchant_category: Option<String>,
    /// By which number the bank knows a relying party, field 42; its id where there is none.
    #[serde(default)]
    pub(crate) merchant_numbers: BTreeMap<RelyingPartyId, String>,
    /// How long an answer is waited for.
    pub(crate) response_timeout_seconds: Option<u64>,
    /// How often a request is sent in all before its outcome is unknown.
    pub(crate) tries: Option<u8>,
}

impl Config {
    /// Reads a configuration file; the environment's overrides count.
    ///
    /// # Errors
    /// When the file cannot be read, or is not a valid configuration.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        Self::from(&text, folder, std::env::vars())
    }

    /// Reads a configuration from text, paths being relative to `folder`; the environment does not count.
    ///
    /// # Errors
    /// When it is not a valid configuration.
    pub fn from_toml(text: &str, folder: &Path) -> Result<Self, ConfigError> {
        Self::from(text, folder, std::iter::empty())
    }

    fn from(
        text: &str,
        folder: &Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut config = parse(text, environment)?;
        config.files.folder = folder.to_owned();
        config.check()
    }

    fn check(self) -> Result<Self, ConfigError> {
        if let Some(checkout) = &self.checkout
            && checkout.client_authorities.is_none()
            && !checkout.revocation_lists.is_empty()
        {
            let why = "are of no use without checkout.client_authorities";
            return Err(ConfigError::unusable("checkout.revocation_lists", why));
        }
        if let Some(sms) = &self.sms {
            sms.check()?;
        }
        if self.api.is_some() && self.relying_parties.is_empty() {
            return Err(ConfigError::Missing { section: "[relying_party]", by: "api" });
        }
        let mut ids: Vec<_> = self.relying_parties.iter().map(|client| &client.party.id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(ConfigError::unusable("relying_party.id", "is there twice"));
        }
        self.check_api_keys()?;
        Ok(self)
    }

    /// How pages look, logos read.
    pub(crate) fn themes(&self) -> Result<Themes, ConfigError> {
        let read = |(party, section): (&RelyingPartyId, &ThemeSection)| {
            if !self.relying_parties.iter().any(|known| known.party.id == *party) {
                return Err(ConfigError::unusable(
                    "theme",
                    format!("there is no relying party {party}"),
                ));
            }
            let logo = section.logo.as_ref().map(|path| {
                let path = self.files.path(path);
                let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
                Logo::try_from(bytes).map_err(|error| ConfigError::unusable("theme", error))
            });
            let theme = Theme { colour: section.colour, logo: logo.transpose()? };
            Ok((party.clone(), theme))
        };
        let themes = self.theme.iter().map(read);
        Ok(Themes::new(themes.collect::<Result<Vec<_>, _>>()?))
    }
}

/// A section that may be left out, but not when `by` is there.
pub(crate) fn needed<'s, T>(
    section: Option<&'s T>,
    name: &'static str,
    by: &'static str,
) -> Result<&'s T, ConfigError> {
    section.ok_or(ConfigError::Missing { section: name, by })
}

impl KeysSection {
    /// The master secrets.
    pub(crate) fn ring(&self, files: &Files) -> Result<KeyRing, ConfigError> {
        let read = |(id, path): (&KeyId, &PathBuf)| {
            let text = files.secret(path, "keys.files")?;
            let why = "name a file that does not hold 64 hexadecimal digits; make one with: openssl rand -hex 32";
            let secret = master_secret(text.trim())
                .ok_or_else(|| ConfigError::unusable("keys.files", why))?;
            Ok((id.clone(), secret))
        };
        let masters = self.files.iter().map(read);
        let masters = masters.collect::<Result<Vec<_>, ConfigError>>()?;
        let same = masters.iter().enumerate().any(|(index, (_, one))| {
            masters.iter().skip(index.saturating_add(1)).any(|(_, other)| one == other)
        });
        if same {
            let why = "name two files with the same secret: a new key is a new secret";
            return Err(ConfigError::unusable("keys.files", why));
        }
        KeyRing::new(self.current.clone(), masters)
            .map_err(|error| ConfigError::unusable("keys.current", error.why))
    }
}

impl SmsSection {
    fn check(&self) -> Result<(), ConfigError> {
        if self.tls_server_name.is_some() == self.tls_authorities.is_some() {
            return Ok(());
        }
        let why = "and sms.tls_authorities are needed together";
        Err(ConfigError::unusable("sms.tls_server_name", why))
    }
}

/// The text of a configuration file, and the environment's overrides, as a value.
fn parse(
    text: &str,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let invalid = |error: toml::de::Error| ConfigError::Invalid {
        cause: error.to_string().trim().to_owned(),
    };
    let overrides: Vec<_> = environment
        .filter_map(|(name, value)| {
            Some((name.strip_prefix(ENVIRONMENT_PREFIX)?.to_ascii_lowercase(), value))
        })
        .collect();
    if overrides.is_empty() {
        // From the text itself: the error then names line and column.
        return toml::from_str(text).map_err(invalid);
    }
    let mut table: toml::Table = toml::from_str(text).map_err(invalid)?;
    for (name, value) in overrides {
        override_key(&mut table, &name, value)?;
    }
    table.try_into().map_err(invalid)
}

/// Sets a key in the table; `section__key` names it. A value that is not TOML is text.
fn override_key(table: &mut toml::Table, name: &str, value: String) -> Result<(), ConfigError> {
    let mut parts: Vec<&str> = name.split("__").collect();
    let Some(key) = parts.pop() else {
        return Ok(());
    };
    let mut section = table;
    for part in parts {
        let entry = section.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        section = entry.as_table_mut().ok_or_else(|| ConfigError::Invalid {
            cause: format!("{ENVIRONMENT_PREFIX}{} names no section", name.to_ascii_uppercase()),
        })?;
    }
    let parsed = toml::from_str::<toml::Table>(&format!("value = {value}")).ok();
    let parsed = parsed.and_then(|mut table| table.remove("value"));
    section.insert(key.to_owned(), parsed.unwrap_or(toml::Value::String(value)));
    Ok(())
}

fn master_secret(text: &str) -> Option<Secret<[u8; 32]>> {
    let bytes = Zeroizing::new(hex::decode(text)?);
    bytes.as_slice().try_into().ok().map(Secret::new)
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

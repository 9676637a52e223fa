//! The server's configuration, written to a file like anybody's.

use std::{net::SocketAddr, path::Path, sync::Arc};

use countersign_domain::{
    hex,
    plan::Order,
    policy::Profile,
    ports::{Clock, Entropy as _, Store},
};
use countersign_server::{Config, Server, StartError, SystemEntropy, open_store};
use countersign_web::relying_party::KeyHash;

use crate::{
    address::free_port,
    error::SandboxError,
    flows::{self, Ground, HOUSE},
    folder::{write_public, write_secret},
    journal::Journal,
    operator::Operator,
    settings::{ExternalCentre, NORMAL_UP_TO_MINOR, Settings, StoreSchema},
    tap::tapped,
    unlimited::UNLIMITED,
};

/// How often other free ports are tried when somebody takes one of them first.
const PORT_TRIES: usize = 5;

/// What is drawn at random for each sandbox.
pub(crate) struct Keys {
    pub(crate) api_key: String,
    pub(crate) other_api_key: String,
    /// Of the house that has the wallets.
    house_api_key: String,
    pub(crate) centre_password: String,
    pub(crate) operators_centre_password: String,
    pub(crate) master: String,
    pub(crate) operators_master: String,
}

impl Keys {
    pub(crate) fn random() -> Result<Self, SandboxError> {
        let hex = |bytes: usize| {
            let mut drawn = vec![0; bytes];
            SystemEntropy::default()
                .fill(&mut drawn)
                .map_err(|error| SandboxError::Internal(error.to_string()))?;
            Ok::<_, SandboxError>(hex::encode(&drawn))
        };
        Ok(Self {
            api_key: hex(16)?,
            other_api_key: hex(16)?,
            house_api_key: hex(16)?,
            // SMPP 3.4 has room for eight characters.
            centre_password: hex(4)?,
            operators_centre_password: hex(4)?,
            master: hex(32)?,
            operators_master: hex(32)?,
        })
    }
}

/// The configuration's name in the folder.
pub(crate) const CONFIGURATION: &str = "countersign.toml";

/// The store's name in the folder.
const STORE: &str = "countersign.db";

/// What the server is configured from.
pub(crate) struct Plan<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) settings: &'a Settings,
    pub(crate) centre: ExternalCentre,
    pub(crate) bank: SocketAddr,
    pub(crate) operator: Option<&'a Operator>,
    pub(crate) keys: &'a Keys,
    pub(crate) journal: Journal,
}

impl Plan<'_> {
    /// Starts the server; and gives its own store, to be read.
    pub(crate) async fn start(
        &self,
        clock: Arc<dyn Clock>,
    ) -> Result<(Server, Arc<dyn Store>), SandboxError> {
        write_secret(&self.folder.join("master-1.key"), &self.keys.master)?;
        write_secret(&self.folder.join("centre.password"), &self.centre.password)?;
        let mut tries = 0;
        loop {
            let ground =
                Ground { folder: self.folder, settings: self.settings, operator: self.operator };
            let api = free_port(self.settings.api)?;
            let text = self.backbone(api) + &self.relying_parties() + &flows::sections(&ground)?;
            write_public(&self.folder.join(CONFIGURATION), &text)?;
            let config = Config::from_toml(&text, self.folder)?;
            tries += 1;
            let tap = |router| tapped(router, self.journal.clone());
            match Server::start_with(config, Arc::clone(&clock), tap).await {
                // Somebody took the free port before the server did.
                Err(StartError::Listen { address, .. })
                    if tries < PORT_TRIES
                        && address != self.settings.checkout
                        && address != self.settings.api => {}
                Err(StartError::Listen { address, cause }) => {
                    return Err(SandboxError::Listen { address, cause });
                }
                started => {
                    let server = started?;
                    let config = Config::from_toml(&text, self.folder)?;
                    return Ok((server, open_store(&config).await?));
                }
            }
        }
    }

    /// What all flows have in common.
    fn backbone(&self, api: SocketAddr) -> String {
        let order = match self.settings.order {
            Order::BankFirst => "bank_first",
            Order::CodeFirst => "code_first",
        };
        let bank_first_known_by = self.bank_first_known_by();
        let profile = match self.settings.profile {
            None => "",
            Some(Profile::Psd2) => "profile = \"psd2\"\npin_from = \"code\"\n",
        };
        let limits = if self.settings.limited { "" } else { UNLIMITED };
        let store = match &self.settings.database {
            None => format!("path = \"{STORE}\""),
            Some(StoreSchema { url, schema }) => {
                format!("url = \"{url}\"\nschema = \"{schema}\"")
            }
        };
        format!(
            r#"# Made by the sandbox. `countersign serve --config` takes it, too, while bank and SMS centre are there.

[tls]
certificate = "server.pem"
key = "server.key"

[api]
listen = "{api}"

[operations]
listen = "{operations}"

[store]
{store}

[keys]
current = "1"
files = {{ 1 = "master-1.key" }}

[policy]
order = "{order}"
{bank_first_known_by}
normal_up_to = [{{ amount_minor = {NORMAL_UP_TO_MINOR}, currency = "EUR" }}]
credit_days = 30
{profile}
[limits]
{limits}
[sms]
address = "{centre}"
system_id = "{system_id}"
password_file = "centre.password"
source = "{source}"
transaction_mode = {transaction_mode}

[bank]
address = "{bank}"
"#,
            operations = self.settings.operations,
            centre = self.centre.address,
            system_id = self.centre.system_id,
            source = self.centre.source,
            transaction_mode = self.centre.transaction_mode,
            bank = self.bank,
        )
    }

    /// Those who ask for payments.
    fn relying_parties(&self) -> String {
        let hash = |key: &str| KeyHash::of(key).to_string();
        let tells_unknown = if self.settings.limited { "" } else { "tells_unknown = true" };
        format!(
            r#"
[[relying_party]]
id = "dupont"
name = "Librairie Dupont"
{tells_unknown}
api_key_sha256 = "{key}"
may_enrol = true

[[relying_party]]
id = "martin"
name = "Boulangerie Martin"
{tells_unknown}
api_key_sha256 = "{other_key}"

[[relying_party]]
id = "{HOUSE}"
name = "Sandbox Wallets"
api_key_sha256 = "{house_key}"
"#,
            key = hash(&self.keys.api_key),
            other_key = hash(&self.keys.other_api_key),
            house_key = hash(&self.keys.house_api_key),
        )
    }

    /// The line that says for whom the bank is asked first; none where that is as by default.
    const fn bank_first_known_by(&self) -> &'static str {
        match (self.settings.limited, self.settings.order) {
            (true, _) => "",
            // Claims 9 and 10, and figure 7 as it is drawn: for payers who are known by a name, too.
            (false, Order::BankFirst) => {
                r#"bank_first_known_by = ["user_id", "card", "certificate", "unsigned"]"#
            }
            (false, Order::CodeFirst) => "bank_first_known_by = []",
        }
    }
}

//! The telecom operator that computes, sends and compares the codes of tickets (F12.v1): a server of its own, with keys, store
//! and account at the SMS centre of its own. It can go away, and come back with what it knew.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::Router;
use countersign_domain::ports::Clock;
use countersign_server::{Config, Server};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio::sync::Mutex;

use crate::unlimited::UNLIMITED;
use crate::{
    address::url,
    error::SandboxError,
    folder::{write_public, write_secret},
    settings::ExternalCentre,
};

/// Its folder, in the sandbox's.
const FOLDER: &str = "operator";
const STORE: &str = "operator.db";

/// What its routes are wrapped in, so that what goes through them is noted.
type Tap = Box<dyn Fn(Router) -> Router + Send + Sync>;

/// An operator.
pub(crate) struct Operator {
    folder: PathBuf,
    /// As a file has it, with the address that it came to the first time.
    configuration: String,
    address: SocketAddr,
    clock: Arc<dyn Clock>,
    tap: Tap,
    /// None while it is away.
    server: Mutex<Option<Server>>,
}

/// What one is started from.
pub(crate) struct Beginning<'a> {
    /// The sandbox's, where the client has its files.
    pub(crate) folder: &'a Path,
    /// By which name the operator knows the client.
    pub(crate) client: &'a str,
    pub(crate) centre: &'a ExternalCentre,
    /// In hexadecimal.
    pub(crate) master: &'a str,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tap: Tap,
}

impl Operator {
    pub(crate) async fn start(beginning: Beginning<'_>) -> Result<Self, SandboxError> {
        let Beginning { folder: sandbox, client, centre, master, clock, tap } = beginning;
        let folder = sandbox.join(FOLDER);
        fs::create_dir(&folder).map_err(|error| SandboxError::file(&folder, &error))?;
        keys(sandbox, &folder)?;
        write_secret(&folder.join("master-o.key"), master)?;
        write_secret(&folder.join("centre.password"), &centre.password)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let configuration = configuration(address, client, centre);
        let server = Mutex::new(None);
        let mut operator = Self { folder, configuration, address, clock, tap, server };
        let server = operator.serve().await?;
        let unserved = || SandboxError::Internal("nothing listens for the operator".to_owned());
        operator.address = server.address("operator").ok_or_else(unserved)?;
        operator.configuration = self::configuration(operator.address, client, centre);
        write_public(&operator.folder.join("operator.toml"), &operator.configuration)?;
        *operator.server.get_mut() = Some(server);
        Ok(operator)
    }

    /// Where it takes orders.
    pub(crate) fn url(&self) -> String {
        url("https", self.address)
    }

    /// What the server that has the wallets is told of it.
    pub(crate) fn link(&self) -> String {
        format!(
            r#"
[wallet.operator]
url = "{url}"
certificate = "operator-client.pem"
key = "operator-client.key"
tls_authorities = "root.pem"
statement_key = "operator-statements.pub"
"#,
            url = self.url()
        )
    }

    /// Goes away; away it stays until it comes back.
    pub(crate) async fn stop(&self) {
        let working = self.server.lock().await.take();
        if let Some(working) = working {
            working.stop().await;
        }
    }

    /// Comes back where it was, unless it is there.
    pub(crate) async fn come_back(&self) -> Result<(), SandboxError> {
        let mut server = self.server.lock().await;
        if server.is_none() {
            *server = Some(self.serve().await?);
        }
        Ok(())
    }

    /// Where it keeps what it knows.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder.join(STORE)
    }

    async fn serve(&self) -> Result<Server, SandboxError> {
        let config = Config::from_toml(&self.configuration, &self.folder)?;
        Ok(Server::start_with(config, Arc::clone(&self.clock), &*self.tap).await?)
    }
}

fn configuration(listen: SocketAddr, client: &str, centre: &ExternalCentre) -> String {
    format!(
        r#"# Made by the sandbox: the operator that computes and sends the codes of tickets.

[tls]
certificate = "../server.pem"
key = "../server.key"

[store]
path = "{STORE}"

[keys]
current = "o"
files = {{ o = "master-o.key" }}

[sms]
address = "{address}"
system_id = "{system_id}"
password_file = "centre.password"
source = "{source}"
transaction_mode = {transaction_mode}

[limits]
{UNLIMITED}
[operator]
listen = "{listen}"
signing_key = "statements.key"
client_authorities = "clients-root.pem"
clients = {{ {client} = "../operator-client.pem" }}
"#,
        address = centre.address,
        system_id = centre.system_id,
        source = centre.source,
        transaction_mode = centre.transaction_mode,
    )
}

/// The operator's authority for its clients and the key of its statements; the certificate, the key and the public key that the
/// client has. No profile of ours is of a client without a telephone number.
fn keys(sandbox: &Path, folder: &Path) -> Result<(), SandboxError> {
    let (root_key, client_key, statements) =
        (KeyPair::generate()?, KeyPair::generate()?, KeyPair::generate()?);
    let mut root = CertificateParams::default();
    root.distinguished_name.push(rcgen::DnType::CommonName, "Clients of the sandbox's operator");
    root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let root_certificate = root.self_signed(&root_key)?;
    let mut client = CertificateParams::default();
    client.distinguished_name.push(rcgen::DnType::CommonName, "Sandbox Wallets");
    client.is_ca = IsCa::ExplicitNoCa;
    client.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let client = client.signed_by(&client_key, &Issuer::new(root, root_key))?;
    write_public(&folder.join("clients-root.pem"), &root_certificate.pem())?;
    write_secret(&folder.join("statements.key"), &statements.serialize_pem())?;
    write_public(&sandbox.join("operator-client.pem"), &client.pem())?;
    write_secret(&sandbox.join("operator-client.key"), &client_key.serialize_pem())?;
    write_public(&sandbox.join("operator-statements.pub"), &statements.public_key_pem())
}

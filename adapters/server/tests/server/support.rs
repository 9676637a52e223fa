//! A folder with all that a configuration names, and a client.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use countersign_certs::{
    Authority, Certificate, KeyPair, Phone, PhoneNumber, Profile, UnixTime, Validity,
};
use countersign_domain::ports::Clock as _;
use countersign_server::{Config, Server, SystemClock};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::PrivateKeyDer};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// What `openssl rand -hex 16` could have made.
pub(crate) const API_KEY: &str = "key";

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn unix_time(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// A folder with a configuration and all that it names.
pub(crate) struct Folder {
    pub(crate) folder: TempDir,
    pub(crate) root: Authority,
    pub(crate) client: (Certificate, KeyPair),
    /// What the client sends behind its own certificate.
    pub(crate) above: Vec<Certificate>,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // From yesterday on: listeners know no other clock than the machine's.
        let yesterday = unix_time(SystemClock::default().now().unix_seconds() - DAY.as_secs());
        let validity = Validity::new(yesterday, 365 * DAY).unwrap();
        let root = Authority::root("Test root", validity).unwrap();
        let issue = |profile: &Profile<'_>| {
            let key = KeyPair::generate().unwrap();
            (root.issue(profile, key.public_key(), validity).unwrap(), key)
        };
        let (server, key) = issue(&Profile::TlsServer {
            common_name: "server",
            dns_names: &["localhost"],
            ip_addresses: &[],
        });
        let number = PhoneNumber::new("+33612345678").unwrap();
        let client =
            issue(&Profile::TlsClient { common_name: "client", phone: Phone::Clear(&number) });
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        };
        write("root.pem", &root.certificate().to_pem().unwrap());
        write("server.pem", &server.to_pem().unwrap());
        write("server.key", &key.expose_pem().unwrap());
        write("master.key", &"0a".repeat(32));
        write("centre.password", "secret");
        Self { folder, root, client, above: Vec::new() }
    }

    /// A configuration on free ports, in front of a bank and a centre that are not there.
    pub(crate) fn configuration(&self, terminators: &str) -> String {
        let [checkout, api, nobody] = [(); 3].map(|()| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            listener.local_addr().unwrap()
        });
        format!(
            r#"
tls = {{ certificate = "server.pem", key = "server.key" }}
api = {{ listen = "{api}" }}
store = {{ path = "countersign.db" }}
keys = {{ current = "1", files = {{ 1 = "master.key" }} }}
sms = {{ address = "{nobody}", system_id = "shop", password_file = "centre.password", source = "Shop" }}
bank = {{ address = "{nobody}", response_timeout_seconds = 1 }}
[checkout]
listen = "{checkout}"
public_origin = "https://localhost:{port}"
client_authorities = "root.pem"
trusted_terminators = [{terminators}]
[[relying_party]]
id = "dupont"
name = "Librairie Dupont"
api_key_sha256 = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"
may_enrol = true
"#,
            port = checkout.port()
        )
    }

    pub(crate) fn write(&self, configuration: &str) -> PathBuf {
        let file = self.folder.path().join("countersign.toml");
        fs::write(&file, configuration).unwrap();
        file
    }

    pub(crate) async fn start(&self, terminators: &str) -> Server {
        self.serve(&self.configuration(terminators)).await
    }

    /// A server of that configuration.
    pub(crate) async fn serve(&self, configuration: &str) -> Server {
        let config = Config::from_toml(configuration, self.folder.path()).unwrap();
        Server::start(config, Arc::new(SystemClock::default())).await.unwrap()
    }

    /// A TLS client that trusts the root, speaks those versions, and has the client certificate or none.
    pub(crate) fn tls(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
        with_certificate: bool,
    ) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.certificate().der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = if with_certificate {
            let (certificate, key) = &self.client;
            let key = PrivateKeyDer::try_from(key.expose_der().to_vec()).unwrap();
            let chain = std::iter::once(certificate).chain(&self.above);
            let chain = chain.map(|one| one.der().clone()).collect();
            builder.with_client_auth_cert(chain, key).unwrap()
        } else {
            builder.with_no_client_auth()
        };
        TlsConnector::from(Arc::new(config))
    }

    /// One request over TLS 1.3 without a certificate; the whole answer.
    pub(crate) async fn ask(&self, address: SocketAddr, request: &str) -> String {
        let connector = self.tls(&[&rustls::version::TLS13], false);
        ask(&connector, address, request.as_bytes()).await.unwrap()
    }
}

/// Tells the bytes and hears until the end.
pub(crate) async fn ask(
    connector: &TlsConnector,
    address: SocketAddr,
    request: &[u8],
) -> std::io::Result<String> {
    let stream = TcpStream::connect(address).await?;
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    let heard = timeout(Duration::from_secs(40), stream.read_to_end(&mut answer)).await;
    // Some servers end without close_notify; what came counts.
    let _: Result<_, _> = heard.unwrap();
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A request that ends its connection.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: application/json\r\n\
         Content-Length: {length}\r\n{headers}\r\n{body}"
    )
}

/// Creates a checkout; the path of its page.
pub(crate) async fn checkout(folder: &Folder, api: SocketAddr) -> String {
    let headers = format!("Authorization: Bearer {API_KEY}\r\n");
    let body = r#"{"amount":{"value":"49.90","currency":"EUR"},"reference":"order-1"}"#;
    let created = folder.ask(api, &request("POST", "/v1/checkouts", &headers, body)).await;
    let (_, rest) = created.split_once("/pay/").unwrap();
    format!("/pay/{}", rest.split('"').next().unwrap())
}

/// The cookie that opening the page gives.
pub(crate) async fn cookie(folder: &Folder, address: SocketAddr, page: &str) -> String {
    let shown = folder.ask(address, &request("GET", page, "", "")).await;
    let line = shown.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    let pair = line.unwrap().split(';').next().unwrap();
    format!("Cookie: {pair}\r\nContent-Type: application/x-www-form-urlencoded\r\n")
}

pub(crate) fn exists(folder: &Path, name: &str) -> bool {
    folder.join(name).exists()
}

//! An authority that serves, as `countersign ca` makes it, with an SMS centre beside it; `curl` and `openssl` enrol.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Command, Output},
    sync::Arc,
    time::Duration,
};

use clap::Parser;
use countersign_sandbox::centre::{Account, Centre};
use countersign_server::{
    Config, Server,
    ca::{self, Ca},
};
use countersign_tests::{Later, UNLIMITED};
use tokio::task::JoinHandle;

pub(crate) const NUMBER: &str = "+33639980001";

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    ca: Ca,
}

/// A cardholders' authority under a root, at work.
pub(crate) struct Town {
    folder: tempfile::TempDir,
    port: u16,
    centre: Centre,
    authority: JoinHandle<()>,
}

impl Drop for Town {
    fn drop(&mut self) {
        self.authority.abort();
    }
}

impl Town {
    /// Numbers in clear, or encrypted to a gateway whose `gateway.pem` and `gateway.key` are in the folder.
    pub(crate) async fn new(encrypted: bool) -> Self {
        Self::under(encrypted, UNLIMITED).await
    }

    /// The same under those limits, a line of the configuration.
    pub(crate) async fn under(encrypted: bool, limits: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        for (name, text) in [
            ("pw", "a passphrase for tests\n".to_owned()),
            ("centre.password", "secret\n".to_owned()),
            ("master.key", "0a".repeat(32)),
        ] {
            fs::write(at.join(name), text).unwrap();
        }
        for arguments in [
            "init --dir DIR/root --kind root --name Root",
            "init --dir DIR/ca --kind cardholders --name Cardholders --organization Example --issuer DIR/root",
            "init --dir DIR/gw --kind gateways --name Gateways --issuer DIR/root",
            "issue --dir DIR/gw --profile tls-server --name ca --dns localhost --new-key DIR/server.key --out DIR/server.pem",
            "issue --dir DIR/gw --profile gateway-key-exchange --name gateway --new-key DIR/gateway.key --out DIR/gateway.pem",
        ] {
            run(at, &format!("{arguments} --passphrase-file DIR/pw")).await.unwrap();
        }
        let account = Account { system_id: "ca".to_owned(), password: "secret".to_owned() };
        let centre = Centre::start((Ipv4Addr::LOCALHOST, 0).into(), vec![account]).await.unwrap();
        centre.add_handset(NUMBER).unwrap();
        let port = free_port();
        let gateways = if encrypted { "\"gateway.pem\"" } else { "" };
        let configuration = format!(
            r#"
tls = {{ certificate = "server.pem", key = "server.key" }}
keys = {{ current = "1", files = {{ 1 = "master.key" }} }}
{limits}
sms = {{ address = "{}", system_id = "ca", password_file = "centre.password", source = "Example" }}
[authority]
listen = "127.0.0.1:{port}"
public_origin = "https://localhost:{port}"
folder = "ca"
passphrase_file = "pw"
gateways = [{gateways}]
"#,
            centre.address()
        );
        fs::write(at.join("ca.toml"), configuration).unwrap();
        let serve =
            Program::parse_from(["ca", "serve", "--config", at.join("ca.toml").to_str().unwrap()]);
        let authority = tokio::spawn(async move {
            if let Err(error) = ca::run(serve.ca).await {
                tracing::error!(%error, "the authority ended");
            }
        });
        let town = Self { folder, port, centre, authority };
        town.until_it_listens().await;
        town
    }

    /// Ends `ca serve`: another server serves the authority from now on, with that in its configuration, too, and with a clock
    /// that is so many seconds fast.
    pub(crate) async fn later(&mut self, seconds: u32, more: &str) -> Server {
        self.authority.abort();
        let before = std::mem::replace(&mut self.port, free_port());
        let text =
            self.read("ca.toml").replace(&format!(":{before}\""), &format!(":{}\"", self.port));
        fs::write(self.path().join("ca.toml"), &text).unwrap();
        let config = Config::from_toml(&format!("{text}{more}"), self.path()).unwrap();
        Server::start(config, Arc::new(Later(seconds))).await.unwrap()
    }

    async fn until_it_listens(&self) {
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// One more phone is on.
    pub(crate) fn add_phone(&self, number: &str) {
        self.centre.add_handset(number).unwrap();
    }

    /// Where one of its paths is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// `countersign ca ARGUMENTS`, `DIR` being the folder.
    pub(crate) async fn ca(&self, arguments: &str) {
        run(self.path(), arguments).await.unwrap();
    }

    /// As [`Town::ca`], or why it did not.
    pub(crate) async fn try_ca(&self, arguments: &str) -> Result<(), String> {
        run(self.path(), arguments).await
    }

    /// A program not ours, in the folder; what it wrote, and whether it succeeded.
    pub(crate) fn program(&self, name: &str, arguments: &[&str]) -> (bool, String) {
        let Output { status, stdout, stderr } =
            Command::new(name).args(arguments).current_dir(self.path()).output().unwrap();
        let said = [stdout, stderr].concat();
        (status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    pub(crate) fn openssl(&self, arguments: &str) -> String {
        let arguments: Vec<_> = arguments.split_whitespace().collect();
        let (succeeded, said) = self.program("openssl", &arguments);
        assert!(succeeded, "openssl {arguments:?}\n{said}");
        said
    }

    /// `curl` to the authority; the status, and the body.
    pub(crate) fn curl(&self, path: &str, arguments: &[&str]) -> (u16, String) {
        let url = self.url(path);
        let mut all = vec![
            "-sS",
            "--max-time",
            "20",
            "--cacert",
            "root/authority.pem",
            "-w",
            "\n%{http_code}",
        ];
        all.extend(arguments);
        all.push(&url);
        let (_, said) = self.program("curl", &all);
        let (body, status) = said.rsplit_once('\n').unwrap();
        (status.parse().unwrap_or_default(), body.to_owned())
    }

    /// Makes a key and a request, `NAME.key` and `NAME.b64`, with a subject that nobody proved.
    pub(crate) fn request(&self, name: &str) {
        self.openssl(&format!(
            "req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout {name}.key -outform DER -out {name}.csr -subj /CN=mallory"
        ));
        self.openssl(&format!("base64 -in {name}.csr -out {name}.b64"));
    }

    /// Begins an enrolment; its token.
    pub(crate) fn begin(&self, identifier: &str, number: &str) -> String {
        let body = format!(r#"{{"identifier":"{identifier}","number":"{number}"}}"#);
        let (status, body) =
            self.curl("/v1/enrolments", &["-H", "content-type: application/json", "-d", &body]);
        assert_eq!(status, 201, "{body}");
        let begun: serde_json::Value = serde_json::from_str(&body).unwrap();
        begun.get("enrolment").unwrap().as_str().unwrap().to_owned()
    }

    /// How many messages the phone shows.
    pub(crate) fn messages(&self) -> usize {
        self.centre.handset(NUMBER).unwrap().len()
    }

    /// The code of the last message, once there are so many.
    pub(crate) async fn code(&self, messages: usize) -> String {
        for _ in 0..200 {
            let shown = self.centre.handset(NUMBER).unwrap();
            if shown.len() >= messages
                && let Some(last) = shown.last()
                && let Some((_, code)) = last.text.rsplit_once('#')
            {
                let says = ["Certificate for ", "Certificat pour "];
                let says = says.iter().any(|says| last.text.starts_with(says));
                assert!(says, "it does not say what for: {}", last.text);
                return code.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        String::new()
    }

    /// Posts `NAME.b64` to an EST path.
    pub(crate) fn est(&self, path: &str, proof: &str, name: &str, more: &[&str]) -> (u16, String) {
        let body = format!("@{name}.b64");
        let kind = "content-type: application/pkcs10";
        let mut arguments = vec!["-u", proof, "-H", kind, "--data-binary", &body];
        arguments.extend(more);
        self.curl(&format!("/.well-known/est/{path}"), &arguments)
    }

    /// Writes what EST answered to `NAME.pem`, by OpenSSL.
    pub(crate) fn unpack(&self, answer: &str, name: &str) -> String {
        fs::write(self.path().join("answer.b64"), answer.replace('\r', "")).unwrap();
        self.openssl("base64 -d -in answer.b64 -out answer.p7");
        self.openssl(&format!("pkcs7 -inform DER -in answer.p7 -print_certs -out {name}.pem"));
        self.read(&format!("{name}.pem"))
    }
}

fn free_port() -> u16 {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    free.local_addr().unwrap().port()
}

async fn run(folder: &Path, arguments: &str) -> Result<(), String> {
    let arguments = arguments.replace("DIR", folder.to_str().unwrap());
    let words = ["ca"].into_iter().chain(arguments.split_whitespace());
    let program = Program::try_parse_from(words).map_err(|error| error.to_string())?;
    ca::run(program.ca).await.map_err(|error| error.to_string())
}

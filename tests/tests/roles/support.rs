//! A gateway and a merchant in processes of their own, a cardholder at the command line, and a bank and an SMS centre.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Lines, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use countersign_certs::{
    Authority, Certificate, Holder, KeyPair, KeyUse, Phone, PhoneNumber, Profile,
    RecipientCertificate, Request, UnixTime, Validity,
};
use countersign_domain::card::Card;
use countersign_sandbox::{
    bank::Bank,
    centre::{Account, Centre},
};
use countersign_tests::{UNLIMITED, killable::Killable};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const PHONE: &str = "+33639980001";
pub(crate) const PASSWORD: &str = "a password for tests";
pub(crate) const CARD: (&str, &str) = ("4970100000000154", "12/35");
pub(crate) const API_KEY: &str = "key";
pub(crate) const API_KEY_SHA256: &str =
    "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683";

/// The configuration that a child serves, and the arguments of a child that pays.
pub(crate) const CONFIGURATION: &str = "COUNTERSIGN_TEST_CONFIGURATION";
pub(crate) const ARGUMENTS: &str = "COUNTERSIGN_TEST_ARGUMENTS";

/// Everything but the processes.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) root: Authority,
    pub(crate) validity: Validity,
    pub(crate) cert_pe: Certificate,
    pub(crate) centre: Centre,
    pub(crate) bank: Bank,
    pub(crate) card: Card,
    pub(crate) gateway: u16,
    pub(crate) gateway_api: u16,
    pub(crate) merchant: u16,
    pub(crate) api: u16,
}

/// What came back from curl.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) media_type: String,
    pub(crate) body: Vec<u8>,
    /// What curl complained of.
    pub(crate) complaint: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Ports that are free, each another one.
pub(crate) fn free<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::under("").await
    }

    /// With those sections in the gateway's configuration, too.
    pub(crate) async fn under(sections: &str) -> Self {
        let any = "127.0.0.1:0".parse().unwrap();
        let account = Account { system_id: "shop".to_owned(), password: "secret".to_owned() };
        let centre = Centre::start(any, vec![account]).await.unwrap();
        centre.add_handset(PHONE).unwrap();
        let bank = Bank::start(any).await.unwrap();
        let card = Card::new(CARD.0, CARD.1.try_into().unwrap()).unwrap();
        bank.open_account(card.clone(), 100_000, "EUR".try_into().unwrap());
        let from = UnixTime::now().as_secs() - 3_600;
        let from = UnixTime::since_unix_epoch(Duration::from_secs(from));
        let validity = Validity::new(from, Duration::from_secs(300 * 86_400)).unwrap();
        let root = Authority::root("Test root", validity).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let issue = |name: &str, profile: &Profile<'_>| {
            let key = KeyPair::generate().unwrap();
            let certificate = root.issue(profile, key.public_key(), validity).unwrap();
            let put = |end: &str, text: &str| {
                fs::write(folder.path().join(format!("{name}.{end}")), text).unwrap();
            };
            put("pem", &certificate.to_pem().unwrap());
            put("key", &key.expose_pem().unwrap());
            certificate
        };
        issue(
            "server",
            &Profile::TlsServer {
                common_name: "server",
                dns_names: &["localhost"],
                ip_addresses: &[],
            },
        );
        let gateway = |key_use| Profile::PaymentGateway { common_name: "gateway-1", key_use };
        let merchant = |key_use| Profile::Merchant { common_name: "dupont", key_use };
        issue("gateway-signature", &gateway(KeyUse::Signature));
        let cert_pe = issue("gateway-exchange", &gateway(KeyUse::KeyExchange));
        issue("dupont-signature", &merchant(KeyUse::Signature));
        issue("dupont-exchange", &merchant(KeyUse::KeyExchange));
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("root.pem", &root.certificate().to_pem().unwrap());
        write("master.key", &"0a".repeat(32));
        write("centre.password", "secret");
        write("wallet.password", PASSWORD);
        write("card", &format!("{} {}\n", CARD.0, CARD.1));
        let [gateway, gateway_api, merchant, api] = free();
        let house = Self {
            folder,
            root,
            validity,
            cert_pe,
            centre,
            bank,
            card,
            gateway,
            gateway_api,
            merchant,
            api,
        };
        house.configure(sections);
        house
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, sections: &str) {
        let both = |store: &str, api: u16| {
            format!(
                r#"
tls = {{ certificate = "server.pem", key = "server.key" }}
store = {{ path = "{store}" }}
keys = {{ current = "1", files = {{ 1 = "master.key" }} }}
{UNLIMITED}
api = {{ listen = "127.0.0.1:{api}" }}
[[relying_party]]
id = "dupont"
name = "Librairie Dupont"
api_key_sha256 = "{API_KEY_SHA256}"
may_enrol = true
[[relying_party]]
id = "martin"
name = "Martin"
api_key_sha256 = "{}"
"#,
                "0b".repeat(32)
            )
        };
        let (centre, bank) = (self.centre.address(), self.bank.address());
        let gateway = format!(
            r#"{}
[sms]
address = "{centre}"
system_id = "shop"
password_file = "centre.password"
source = "Gateway"
[bank]
address = "{bank}"
[set.gateway]
listen = "127.0.0.1:{gateway}"
public_origin = "https://localhost:{gateway}"
signature = {{ certificate = "gateway-signature.pem", key = "gateway-signature.key" }}
exchange = [{{ certificate = "gateway-exchange.pem", key = "gateway-exchange.key" }}]
authorities = "root.pem"
brands = ["Example"]
{sections}"#,
            both("gateway.db", self.gateway_api),
            gateway = self.gateway,
        );
        let merchant = format!(
            r#"{}
[set.merchant]
listen = "127.0.0.1:{merchant}"
public_origin = "https://localhost:{merchant}"
relying_party = "dupont"
signature = {{ certificate = "dupont-signature.pem", key = "dupont-signature.key" }}
exchange = {{ certificate = "dupont-exchange.pem", key = "dupont-exchange.key" }}
authorities = "root.pem"
[set.merchant.gateway]
url = "https://localhost:{gateway}/set"
certificate = "gateway-exchange.pem"
tls_authorities = "root.pem"
"#,
            both("merchant.db", self.api),
            merchant = self.merchant,
            gateway = self.gateway,
        );
        fs::write(self.path("gateway.toml"), gateway).unwrap();
        fs::write(self.path("merchant.toml"), merchant).unwrap();
    }

    /// A role in a process of its own.
    pub(crate) fn serve(&self, role: &str) -> Killable {
        let configuration = self.path(&format!("{role}.toml"));
        Killable::start("serves", &[(CONFIGURATION, configuration.as_path())]).unwrap()
    }

    /// A wallet with a certificate, or one without.
    pub(crate) fn wallet(&self, signed: bool) -> PathBuf {
        let (wallet, request) = (self.path("wallet.json"), self.path("wallet.csr"));
        let mut arguments = vec![
            "wallet",
            "new",
            "--brand",
            "Example",
            "--card-file",
            "card",
            "--wallet",
            "wallet.json",
            "--password-file",
            "wallet.password",
        ];
        if !signed {
            arguments.extend(["--unsigned", "--trust", "root.pem"]);
        }
        assert_eq!(self.set(&arguments).ends().0, 0);
        if signed {
            let request = Request::from_file(&fs::read(request).unwrap()).unwrap();
            let number = PhoneNumber::new(PHONE).unwrap();
            // Whose card it is, is vouched for as the number is: no directory is needed (F11.v2).
            let card = countersign_certs::Card::new(CARD.0, "2035-12").unwrap();
            let holder = Holder { number, card: Some(card) };
            let gateways = [RecipientCertificate::new(&self.cert_pe).unwrap()];
            let profile = Profile::Cardholder {
                common_name: request.common_name().unwrap(),
                phone: Phone::Encrypted { holder: &holder, gateways: &gateways },
            };
            let certificate = self.root.issue(&profile, request.key(), self.validity);
            let certificate = certificate.unwrap().to_pem().unwrap();
            fs::write(self.path("wallet.pem"), certificate).unwrap();
            let certified = self.set(&[
                "wallet",
                "certify",
                "--wallet",
                "wallet.json",
                "--certificate",
                "wallet.pem",
                "--trust",
                "root.pem",
            ]);
            assert_eq!(certified.ends().0, 0);
        }
        wallet
    }

    /// `countersign set` with those arguments, in this folder.
    pub(crate) fn set(&self, arguments: &[&str]) -> Payer {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["runs_set", "--exact", "--nocapture"])
            .env(ARGUMENTS, arguments.join("\n"))
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Payer { typed: child.stdin.take(), child, said }
    }

    pub(crate) fn pay(&self, url: &str, more: &[&str]) -> Payer {
        let usual = [
            "pay",
            "--wallet",
            "wallet.json",
            "--password-file",
            "wallet.password",
            "--yes",
            "--json",
            "--tls-authorities",
            "root.pem",
        ];
        self.set(&[&usual, more, &[url]].concat())
    }

    /// Runs curl, trusting the root.
    pub(crate) fn curl(&self, arguments: &[&str]) -> Answer {
        let body = tempfile::NamedTempFile::new().unwrap();
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "30", "--cacert", "root.pem"])
            .args(["--write-out", "%{http_code} %{content_type}", "--output"])
            .arg(body.path())
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let (status, media_type) = said.split_once(' ').unwrap();
        Answer {
            status: status.parse().unwrap(),
            media_type: media_type.to_owned(),
            body: fs::read(body.path()).unwrap(),
            complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The shop calls its part of the API.
    pub(crate) fn shop(&self, path: &str, more: &[&str]) -> Answer {
        let key = format!("Authorization: Bearer {API_KEY}");
        let url = format!("https://localhost:{}/v1/set/orders{path}", self.api);
        self.curl(&[&["-H", &key, &url], more].concat())
    }

    /// A new order: its id and where it is.
    pub(crate) fn order(&self, euros: &str) -> (String, String) {
        let body = format!(
            r#"{{"amount":{{"value":"{euros}","currency":"EUR"}},"description":"Two books"}}"#
        );
        let created = self.shop("", &["-d", &body]);
        let order = created.json();
        assert_eq!((created.status, &order["status"]), (201, &"open".into()), "{order}");
        let text = |member: &str| order[member].as_str().unwrap().to_owned();
        (text("id"), text("url"))
    }

    pub(crate) fn status(&self, order: &str) -> Value {
        self.shop(&format!("/{order}"), &[]).json()["status"].clone()
    }

    /// Enters the cardholder into the gateway's directory.
    pub(crate) fn enrol(&self) {
        self.enrol_at(self.gateway_api);
    }

    /// The same, into that of the server whose API is there.
    pub(crate) fn enrol_at(&self, api: u16) {
        let (number, expiry) = CARD;
        let card = json!({ "number": number, "expiry": expiry });
        self.enrol_as(api, "alice", &json!({ "number": PHONE, "card": card }));
    }

    /// Enters a subscriber of that name into the directory of the server whose API is there.
    pub(crate) fn enrol_as(&self, api: u16, name: &str, subscriber: &Value) {
        let (body, key) = (subscriber.to_string(), format!("Authorization: Bearer {API_KEY}"));
        let url = format!("https://localhost:{api}/v1/subscribers/{name}");
        let entered = self.curl(&["-X", "PUT", "-H", &key, "-d", &body, &url]);
        assert_eq!(entered.status, 204, "{entered:?}");
    }

    /// Code and reference in the newest of so many messages.
    pub(crate) async fn phone(&self, messages: usize) -> (String, String) {
        let end = Instant::now() + Duration::from_secs(15);
        loop {
            let shown = self.centre.handset(PHONE).unwrap();
            if let Some(last) = shown.last().filter(|_| shown.len() >= messages) {
                let (_, rest) = last.text.split_once("Code ").unwrap();
                let (code, rest) = rest.split_once(", ref ").unwrap();
                return (code.to_owned(), rest.get(..4).unwrap().to_owned());
            }
            assert!(Instant::now() < end, "no message came");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn movements(&self) -> Vec<String> {
        let movements = self.bank.movements(&self.card);
        movements.iter().map(|movement| format!("{:?}", movement.kind)).collect()
    }
}

/// `countersign set` at work, in a process of its own.
pub(crate) struct Payer {
    child: Child,
    typed: Option<ChildStdin>,
    said: Lines<BufReader<ChildStdout>>,
}

impl Payer {
    /// What it says next, if it is that event.
    pub(crate) fn says(&mut self, event: &str) -> Value {
        let mut lines = self.said.by_ref().map_while(Result::ok);
        let line = lines.find(|line| line.starts_with('{'));
        let said: Value = serde_json::from_str(&line.unwrap_or_default()).unwrap_or_default();
        assert_eq!(said["event"], event, "{said}");
        said
    }

    pub(crate) fn types(&mut self, text: &str) {
        let typed = self.typed.as_mut().unwrap();
        writeln!(typed, "{text}").unwrap();
    }

    /// How it ends, and what else it says.
    pub(crate) fn ends(mut self) -> (i32, Vec<String>) {
        drop(self.typed.take());
        let rest = self.said.by_ref().map_while(Result::ok);
        let rest = rest.filter(|line| line.starts_with('{')).collect();
        (self.child.wait().unwrap().code().unwrap(), rest)
    }
}

impl Drop for Payer {
    fn drop(&mut self) {
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<_> = self.child.wait();
    }
}

pub(crate) fn arguments() -> Option<Vec<String>> {
    let said = env::var_os(ARGUMENTS)?.into_string().ok()?;
    Some(said.split('\n').map(str::to_owned).collect())
}

pub(crate) fn configuration() -> Option<PathBuf> {
    env::var_os(CONFIGURATION).map(|path| Path::new(&path).to_owned())
}

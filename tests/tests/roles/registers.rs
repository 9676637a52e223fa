//! F11.1 over sockets: `countersign set register` at a server with `[set.authority]`, and the wallet pays where no directory
//! knows its card (F11.v2); `countersign set register-as`, and the merchant sells once the operator has approved it.

use std::{fs, path::Path};

use clap::FromArgMatches as _;
use countersign_server::ca::{Ca, run};
use countersign_tests::killable::Killable;
use serde_json::Value;

use crate::support::{API_KEY_SHA256, House, Payer, free};

/// `countersign ca` with those arguments, which have no spaces; `@` is the folder.
async fn ca(folder: &Path, arguments: &str) {
    let arguments = arguments.replace('@', &folder.display().to_string());
    let command = <Ca as clap::Args>::augment_args(clap::Command::new("ca"));
    let matches = command.get_matches_from(["ca"].into_iter().chain(arguments.split(' ')));
    run(Ca::from_arg_matches(&matches).unwrap()).await.unwrap();
}

/// An authority at which cardholders register, below a root that gateway and merchant trust, too.
struct Authority {
    house: House,
    api: u16,
    url: String,
}

impl Authority {
    /// One that registers cardholders alone.
    async fn new() -> Self {
        Self::of_kind("cardholders", "").await
    }

    async fn of_kind(kind: &str, businesses: &str) -> Self {
        let house = House::new().await;
        let folder = house.folder.path();
        fs::write(folder.join("pw"), "a passphrase for tests").unwrap();
        let secret = "--passphrase-file @/pw";
        ca(folder, &format!("init --dir @/brand --kind root --name Root {secret}")).await;
        ca(
            folder,
            &format!(
                "init --dir @/ca --kind {kind} --name Example --organization Example --issuer @/brand {secret}"
            ),
        )
        .await;
        for name in ["signature", "exchange"] {
            let profile = if name == "exchange" { "key-exchange" } else { name };
            let named = format!("--profile authority-{profile} --name example-ca");
            let files = format!("--new-key @/authority-{name}.key --out @/authority-{name}.pem");
            ca(folder, &format!("issue --dir @/ca {secret} {named} {files}")).await;
        }
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let roots = read("root.pem") + &read("brand/authority.pem");
        fs::write(folder.join("set-roots.pem"), roots).unwrap();
        for role in ["gateway", "merchant"] {
            let file = folder.join(format!("{role}.toml"));
            let text = fs::read_to_string(&file).unwrap();
            let both = "\nauthorities = \"set-roots.pem\"";
            fs::write(file, text.replace("\nauthorities = \"root.pem\"", both)).unwrap();
        }
        let [enrolments, registration, api] = free();
        let configuration = format!(
            r#"
tls = {{ certificate = "server.pem", key = "server.key" }}
store = {{ path = "authority.db" }}
keys = {{ current = "1", files = {{ 1 = "master.key" }} }}
api = {{ listen = "127.0.0.1:{api}" }}
[[relying_party]]
id = "dupont"
name = "Librairie Dupont"
api_key_sha256 = "{API_KEY_SHA256}"
may_enrol = true
[sms]
address = "{centre}"
system_id = "shop"
password_file = "centre.password"
source = "Example"
[authority]
listen = "127.0.0.1:{enrolments}"
public_origin = "https://localhost:{enrolments}"
folder = "ca"
passphrase_file = "pw"
profile = "cardholder"
gateways = ["gateway-exchange.pem"]
[set.authority]
listen = "127.0.0.1:{registration}"
public_origin = "https://localhost:{registration}"
signature = {{ certificate = "authority-signature.pem", key = "authority-signature.key" }}
exchange = {{ certificate = "authority-exchange.pem", key = "authority-exchange.key" }}
name = "Example Bank"
brand = "Example"
card_prefixes = ["497010"]
policy = "The card pays only after a code that goes to its phone."
{businesses}
"#,
            centre = house.centre.address(),
        );
        fs::write(folder.join("authority.toml"), configuration).unwrap();
        let url = format!("https://localhost:{registration}/set/registration");
        Self { house, api, url }
    }

    fn serve(&self) -> Killable {
        self.house.serve("authority")
    }

    /// `countersign set register`, with what a wallet is made of where there is none.
    fn register(&self, more: &[&str]) -> Payer {
        let usual = [
            "register",
            "--wallet",
            "wallet.json",
            "--password-file",
            "wallet.password",
            "--yes",
            "--json",
            "--tls-authorities",
            "root.pem",
        ];
        self.house.set(&[&usual, more, &[&self.url]].concat())
    }
}

/// `countersign set register-as merchant`, in the name of dupont, with keys and certificates in those files.
fn register_as(authority: &Authority, files: &str, more: &[&str]) -> Payer {
    let usual = [
        "register-as",
        "merchant",
        "--name",
        "dupont",
        "--acquirer",
        "497010",
        "--brand",
        "Example",
        "--trust",
        "set-roots.pem",
        "--yes",
        "--json",
        "--tls-authorities",
        "root.pem",
        "--files",
        files,
    ];
    authority.house.set(&[&usual, more, &[&authority.url]].concat())
}

/// What the operator says at the command line, how that ended, and what was answered.
fn operator(authority: &Authority, command: &str, more: &[&str]) -> (i32, Vec<Value>) {
    let usual = ["registrations", command, "--config", "authority.toml"];
    let (code, said) = authority.house.set(&[&usual, more].concat()).ends();
    (code, said.iter().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merchant_registers_by_message_and_sells_once_the_operator_has_approved_it() {
    let businesses =
        r#"businesses = { acquirers = ["497010"], policy = "A key that is lost is told." }"#;
    let authority = Authority::of_kind("issuing", businesses).await;
    let house = &authority.house;
    let _authority = authority.serve();

    // The operator has not decided yet.
    let mut merchant = register_as(&authority, "new", &[]);
    assert_eq!(merchant.says("terms")["policy"], "A key that is lost is told.");
    let id = merchant.says("pending")["id"].as_str().unwrap().to_owned();
    assert_eq!(merchant.ends(), (2, Vec::new()));
    let (_, listed) = operator(&authority, "list", &["--json"]);
    assert_eq!(listed.len(), 1);
    for (member, value) in
        [("id", id.as_str()), ("role", "merchant"), ("name", "dupont"), ("state", "pending")]
    {
        assert_eq!(listed[0][member], value, "{listed:?}");
    }
    assert_eq!(listed[0]["certified_before"], Value::Null);

    // It asks again with the same keys, and is waiting when the operator approves.
    let mut merchant = register_as(&authority, "new", &["--wait-seconds", "60"]);
    merchant.says("terms");
    assert_eq!(merchant.says("pending")["id"], id.as_str());
    assert_eq!(operator(&authority, "approve", &[&id]).0, 0);
    assert_eq!(merchant.says("registered")["signature"], "new-signature.pem");
    assert_eq!(merchant.ends(), (0, Vec::new()));
    assert_eq!(operator(&authority, "approve", &[&id]).0, 1, "it is certified already");
    assert_eq!(register_as(&authority, "new", &[]).ends().0, 1, "the certificates are there");

    // Another that asks for the name is shown with its holder, and approved by no mistake.
    let mut other = register_as(&authority, "other", &[]);
    other.says("terms");
    let rival = other.says("pending")["id"].as_str().unwrap().to_owned();
    assert_eq!(other.ends().0, 2);
    let (_, listed) = operator(&authority, "list", &["--json"]);
    assert!(listed[0]["certified_before"].is_string(), "{listed:?}");
    assert_eq!(operator(&authority, "approve", &[&rival]).0, 1);
    assert_eq!(operator(&authority, "refuse", &[&rival]).0, 0);
    let mut other = register_as(&authority, "other", &[]);
    other.says("terms");
    assert_eq!(other.says("not_registered")["cause"], "rejectedByAquirer");
    assert_eq!(other.ends().0, 2);

    // The merchant's server reads what was written, and the gateway accepts what it signs.
    let file = house.path("merchant.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, text.replace("\"dupont-", "\"new-")).unwrap();
    house.enrol_at(authority.api);
    let (_gateway, _merchant) = (house.serve("gateway"), house.serve("merchant"));
    let mut payer = authority.register(&NEW);
    payer.says("terms");
    payer.says("code_asked");
    payer.types(&house.phone(1).await.0);
    payer.says("registered");
    assert_eq!(payer.ends().0, 0);
    let (order, url) = house.order("49.90");
    let mut payer = house.pay(&url, &[]);
    payer.says("offer");
    payer.says("reference");
    payer.says("code_asked");
    payer.types(&house.phone(2).await.0);
    payer.says("paid");
    assert_eq!(payer.ends().0, 0);
    assert_eq!(house.status(&order), "paid");
}

const NEW: [&str; 6] = ["--card-file", "card", "--brand", "Example", "--trust", "set-roots.pem"];

/// A code that is wrong for certain.
fn wrong(code: &str) -> String {
    code.chars().map(|digit| if digit == '1' { '2' } else { '1' }).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallet_registers_its_card_and_pays_where_no_directory_knows_it() {
    let authority = Authority::new().await;
    let house = &authority.house;
    let _authority = authority.serve();
    let (_gateway, _merchant) = (house.serve("gateway"), house.serve("merchant"));
    house.enrol_at(authority.api);

    let mut payer = authority.register(&NEW);
    let terms = payer.says("terms");
    assert_eq!(terms["authority"], "Example Bank");
    assert_eq!(terms["policy"], "The card pays only after a code that goes to its phone.");
    let asked = payer.says("code_asked");
    let (code, reference) = house.phone(1).await;
    assert_eq!(asked["reference"], reference.as_str(), "W12");
    let text = house.centre.handset(crate::support::PHONE).unwrap().remove(0).text;
    assert!(text.contains("Example ...0154"), "{text}");
    payer.types(&wrong(&code));
    assert_eq!(payer.says("code_wrong")["attempts_left"], 2);
    payer.types(&code);
    payer.says("registered");
    assert_eq!(payer.ends(), (0, Vec::new()));
    let (ended, _) = authority.register(&[]).ends();
    assert_eq!(ended, 1, "it is certified already");

    let (order, url) = house.order("49.90");
    let mut payer = house.pay(&url, &[]);
    payer.says("offer");
    payer.says("reference");
    payer.says("code_asked");
    let (code, _) = house.phone(2).await;
    payer.types(&code);
    payer.says("paid");
    assert_eq!(payer.ends().0, 0);
    assert_eq!(house.status(&order), "paid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_nobody_knows_is_asked_for_a_code_and_never_registered_until_it_is_known() {
    let authority = Authority::new().await;
    let house = &authority.house;
    let _authority = authority.serve();
    let mut payer = authority.register(&NEW);
    payer.says("terms");
    let mut event = "code_asked";
    for _ in 0..3 {
        payer.says(event);
        payer.types("000000");
        event = "code_wrong";
    }
    assert_eq!(payer.says("not_registered")["cause"], "codeLocked");
    assert_eq!(payer.ends().0, 2);
    assert_eq!(house.centre.handset(crate::support::PHONE).unwrap().len(), 0);

    // The wallet is there, with its key; the card is known by now.
    house.enrol_at(authority.api);
    let mut payer = authority.register(&[]);
    payer.says("terms");
    payer.says("code_asked");
    let (code, _) = house.phone(1).await;
    payer.types(&code);
    payer.says("registered");
    assert_eq!(payer.ends().0, 0);
}

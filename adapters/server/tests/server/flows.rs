//! Which flows run, and what they need.

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use countersign_domain::{
    ports::{Clock as _, Store as _},
    time::Timestamp,
};
use countersign_server::{Config, ConfigError, Server, StartError, SystemClock};
use countersign_store::SqliteStore;
use tokio::{net::TcpListener, time::timeout};

use crate::support::{Folder, exists, request};

/// Listeners that a server may have, and what each answers `GET` of a path of its own with.
const LISTENERS: [(&str, &str, u16); 4] = [
    ("api", "/openapi.json", 200),
    ("authority", "/enrol", 200),
    ("checkout", "/pay/none", 404),
    ("wallet", "/jwks.json", 200),
];

const AUTHORITY: &str = r#"
[authority]
listen = "127.0.0.1:0"
public_origin = "https://localhost:8444"
folder = "people"
passphrase_file = "pw"
"#;

pub(crate) const ACCESS: &str = r#"
[access]
origins = { dupont = ["login.example.com"] }
"#;

pub(crate) const WALLET: &str = r#"
[wallet]
listen = "127.0.0.1:0"
public_origin = "https://localhost:8448"
relying_party = "dupont"
signing_key = "server.key"
limits = [{ currency = "EUR", balance = "1000.00", payment = "250.00", day = "500.00" }]
"#;

const OPERATOR: &str = r#"
[operator]
listen = "127.0.0.1:0"
signing_key = "server.key"
client_authorities = "root.pem"
clients = { wallets = "server.pem" }
"#;

/// A wallet's, after [`WALLET`].
const ITS_OPERATOR: &str = r#"
[wallet.operator]
url = "https://localhost:8449"
certificate = "server.pem"
key = "server.key"
tls_authorities = "root.pem"
statement_key = "statements.pub"
"#;

const STATEMENTS: &str = "-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYkJtYDiHfZFpukOlXfeba6qYvGoo\n\
mnhjRQHQ5xhl8lWdB2fVYQYRqSuvqvK8UGKnnd9DOHHzCR6CrV44Oz1+iQ==\n\
-----END PUBLIC KEY-----";

/// A folder with an authority for people in it, too.
pub(crate) fn folder() -> Folder {
    let folder = Folder::new();
    std::fs::write(folder.folder.path().join("pw"), "a passphrase for tests\n").unwrap();
    for arguments in
        ["root --kind root --name Root", "people --kind cardholders --name People --issuer root"]
    {
        let made = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["ca", "init", "--passphrase-file", "pw", "--dir"])
            .args(arguments.split_whitespace())
            .current_dir(folder.folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    folder
}

/// The configuration of a checkout without those sections.
fn checkout_without(folder: &Folder, sections: &[&str]) -> String {
    let text = folder.configuration("");
    let (rest, parties) = text.split_once("[[relying_party]]").unwrap();
    let (rest, checkout) = rest.split_once("[checkout]").unwrap();
    let is_left =
        |line: &&str| !sections.iter().any(|name| line.starts_with(&format!("{name} = ")));
    let mut left = rest.lines().filter(is_left).collect::<Vec<_>>().join("\n");
    for (section, text) in [("checkout", checkout), ("[relying_party]", parties)] {
        if !sections.contains(&section) {
            left.push_str(&format!("\n[{section}]\n{text}"));
        }
    }
    left
}

/// An authority that runs alone.
pub(crate) fn authority_alone(folder: &Folder) -> String {
    checkout_without(folder, &["checkout", "api", "bank", "store", "[relying_party]"]) + AUTHORITY
}

/// An operator alone, without that section.
fn operator_without(folder: &Folder, section: &str) -> String {
    checkout_without(folder, &["checkout", "bank", "api", "[relying_party]", section]) + OPERATOR
}

pub(crate) fn clock() -> Arc<SystemClock> {
    Arc::new(SystemClock::default())
}

pub(crate) async fn start(folder: &Folder, text: &str) -> Server {
    let config = Config::from_toml(text, folder.folder.path()).unwrap();
    Server::start(config, clock()).await.unwrap()
}

#[tokio::test]
async fn a_flow_runs_when_its_section_is_there() {
    let folder = folder();
    let checkout = checkout_without(&folder, &[]);
    let both = checkout.clone() + AUTHORITY;
    let access = checkout_without(&folder, &["checkout", "bank"]) + ACCESS;
    let wallet = checkout_without(&folder, &["checkout"]) + WALLET;
    let with_pins = format!("{wallet}[policy]\nprofile = \"psd2\"\n");
    let operator = operator_without(&folder, "");
    for (text, flows, served) in [
        (&with_pins, &["wallet"][..], &["api", "wallet"][..]),
        (&operator, &["operator"][..], &[][..]),
        (&wallet, &["wallet"], &["api", "wallet"]),
        (&checkout, &["checkout"], &["api", "checkout"]),
        (&authority_alone(&folder), &["authority"], &["authority"]),
        (&both, &["checkout", "authority"], &["api", "authority", "checkout"]),
        (&access, &["access"], &["api"]),
    ] {
        let config = Config::from_toml(text, folder.folder.path()).unwrap();
        assert_eq!(Server::check(&config, clock()).unwrap(), flows);
        let server = Server::start(config, clock()).await.unwrap();
        for (listener, path, status) in LISTENERS {
            let address = server.address(listener);
            assert_eq!(address.is_some(), served.contains(&listener), "{flows:?}: {listener}");
            if let Some(address) = address {
                let answer = folder.ask(address, &request("GET", path, "", "")).await;
                assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{flows:?}: {answer}");
                // Browsers ask every host for it.
                let icon = folder.ask(address, &request("HEAD", "/favicon.ico", "", "")).await;
                assert!(icon.starts_with("HTTP/1.1 200 "), "{listener}: {icon}");
                assert!(icon.contains("content-type: image/png"), "{listener}: {icon}");
            }
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn without_a_flow_nothing_starts() {
    let folder = Folder::new();
    let text = checkout_without(&folder, &["checkout"]);
    let config = Config::from_toml(&text, folder.folder.path()).unwrap();
    let refused = Server::check(&config, clock()).unwrap_err();
    let said = refused.to_string();
    assert!(
        said.contains("there is no flow") && said.contains("[checkout] or [authority]"),
        "{said}"
    );
    let started = Server::start(config, clock()).await.map(|_| ()).unwrap_err();
    assert_eq!(started, StartError::Config(refused));
}

#[tokio::test]
async fn a_section_without_what_it_needs_is_refused_by_name() {
    let folder = folder();
    let without = |section: &str| checkout_without(&folder, &[section]);
    let access_without =
        |section: &str| checkout_without(&folder, &["checkout", "bank", section]) + ACCESS;
    let wallet_without = |section: &str| checkout_without(&folder, &["checkout", section]) + WALLET;
    for (text, section, by) in [
        (without("[relying_party]"), "[relying_party]", "api"),
        (without("api"), "api", "checkout"),
        (without("store"), "store", "checkout"),
        (without("store") + AUTHORITY, "store", "checkout"),
        (without("bank"), "bank", "checkout"),
        (without("sms"), "sms", "checkout"),
        (access_without("api"), "api", "access"),
        (access_without("store"), "store", "access"),
        (access_without("sms"), "sms", "access"),
        (wallet_without("api"), "api", "wallet"),
        (wallet_without("store"), "store", "wallet"),
        (wallet_without("bank"), "bank", "wallet"),
        (wallet_without("sms"), "sms", "wallet"),
        (operator_without(&folder, "store"), "store", "operator"),
        (operator_without(&folder, "sms"), "sms", "operator"),
        (authority_alone(&folder).replace("\nsms = ", "\n#"), "sms", "authority"),
    ] {
        let config = Config::from_toml(&text, folder.folder.path());
        let refused = config.and_then(|config| Server::check(&config, clock())).unwrap_err();
        assert_eq!(refused, ConfigError::Missing { section, by }, "{text}");
        let said = format!("[{by}] needs [{section}], which is not there");
        assert_eq!(refused.to_string(), said);
    }
    assert!(!exists(folder.folder.path(), "countersign.db"), "it made something");
}

#[test]
fn a_wallet_section_that_cannot_be_used_is_refused_by_its_key() {
    let folder = folder();
    let whole = checkout_without(&folder, &["checkout"]) + WALLET;
    let twice = "[{ currency = \"EUR\", balance = \"1\", payment = \"1\", day = \"1\" }, {";
    for (given, instead, key) in [
        ("relying_party = \"dupont\"", "relying_party = \"nobody\"", "wallet.relying_party"),
        ("signing_key = \"server.key\"", "signing_key = \"server.pem\"", "wallet.signing_key"),
        ("balance = \"1000.00\"", "balance = \"1000.001\"", "wallet.limits"),
        ("limits = [{", &format!("limits = {twice}"), "wallet.limits"),
        ("limits = [", "fee_basis_points = 10001\nlimits = [", "wallet.fee_basis_points"),
        ("limits = [", "earlier_keys = \"server.pem\"\nlimits = [", "wallet.earlier_keys"),
        ("limits = [", "payout_every_seconds = 0\nlimits = [", "wallet.payout_every_seconds"),
    ] {
        let (before, section) = whole.split_once("[wallet]").unwrap();
        let text = format!("{before}[wallet]{}", section.replace(given, instead));
        let config = Config::from_toml(&text, folder.folder.path()).unwrap();
        let refused = Server::check(&config, clock()).unwrap_err();
        assert!(refused.to_string().contains(key), "{key}: {refused}");
    }
}

#[tokio::test]
async fn a_withdrawn_currency_stops_no_server_and_a_fund_is_refused_by_name() {
    let folder = folder();
    let whole = checkout_without(&folder, &["checkout"]) + WALLET;
    let with = |currency: &str| {
        let text = whole.replace("currency = \"EUR\"", &format!("currency = \"{currency}\""));
        Config::from_toml(&text, folder.folder.path()).unwrap()
    };
    let told = with("BGN").withdrawn(clock().now());
    let keys: Vec<_> =
        told.iter().map(|told| (told.key, told.day.as_str(), told.is_over)).collect();
    assert_eq!(keys, [("wallet.limits", "2026-01-01", true)]);
    let server = Server::start(with("BGN"), clock()).await.unwrap();
    assert!(server.address("wallet").is_some());
    server.stop().await;
    let refused = Server::check(&with("CLF"), clock()).unwrap_err().to_string();
    assert!(refused.contains("wallet.limits names CLF, which is a fund"), "{refused}");
}

#[test]
fn an_operators_section_and_a_wallets_way_to_it_are_refused_by_their_keys() {
    let folder = folder();
    std::fs::write(folder.folder.path().join("statements.pub"), STATEMENTS).unwrap();
    let operator = operator_without(&folder, "");
    let wallet = checkout_without(&folder, &["checkout"]) + WALLET + ITS_OPERATOR;
    let check = |text: &str| {
        let config = Config::from_toml(text, folder.folder.path()).unwrap();
        Server::check(&config, clock())
    };
    assert_eq!((check(&operator), check(&wallet)), (Ok(vec!["operator"]), Ok(vec!["wallet"])));
    for (whole, given, instead, key) in [
        (
            &operator,
            "signing_key = \"server.key\"",
            "signing_key = \"server.pem\"",
            "operator.signing_key",
        ),
        (
            &operator,
            "client_authorities = \"root.pem\"",
            "client_authorities = \"server.key\"",
            "operator.client_authorities",
        ),
        (&operator, "wallets = \"server.pem\"", "wallets = \"server.key\"", "operator.clients"),
        (
            &operator,
            "wallets = \"server.pem\"",
            "a = \"server.pem\", b = \"server.pem\"",
            "operator.clients",
        ),
        (&wallet, "url = \"https://", "url = \"ftp://", "wallet.operator"),
        (
            &wallet,
            "certificate = \"server.pem\"\nkey",
            "certificate = \"server.key\"\nkey",
            "wallet.operator",
        ),
        (&wallet, "key = \"server.key\"\ntls", "key = \"server.pem\"\ntls", "wallet.operator"),
        (
            &wallet,
            "tls_authorities = \"root.pem\"",
            "tls_authorities = \"server.key\"",
            "wallet.operator",
        ),
        (
            &wallet,
            "statement_key = \"statements.pub\"",
            "statement_key = \"server.key\"",
            "wallet.operator",
        ),
    ] {
        let text = whole.replace(given, instead);
        assert_ne!(text, **whole, "{given}");
        let refused = check(&text).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("{key} ")), "{key}: {refused}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_listen_says_where_and_calls_nobody() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let centre = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let text = authority_alone(&folder).replace("127.0.0.1:0", &address.to_string());
    let (before, rest) = text.split_once("sms = { address = \"").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    let centre_at = centre.local_addr().unwrap();
    let text = format!("{before}sms = {{ address = \"{centre_at}\"{after}");
    let config = Config::from_toml(&text, folder.folder.path()).unwrap();
    let refused = Server::start(config, clock()).await.map(|_| ()).unwrap_err();
    assert!(
        matches!(refused, StartError::Listen { address: at, .. } if at == address),
        "{refused}"
    );
    let called = timeout(Duration::from_millis(500), centre.accept()).await;
    assert!(called.is_err(), "it called the centre");
}

#[tokio::test]
async fn access_is_a_part_of_the_api_where_its_section_is_there() {
    let folder = folder();
    let checkout = checkout_without(&folder, &[]);
    for (text, status) in [(checkout.clone() + ACCESS, 401), (checkout, 404)] {
        let server = start(&folder, &text).await;
        let asked = request("POST", "/v1/challenges", "", "");
        let answer = folder.ask(server.address("api").unwrap(), &asked).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        server.stop().await;
    }
}

#[test]
fn an_origin_of_an_unknown_relying_party_is_refused_by_name() {
    let folder = Folder::new();
    let text = checkout_without(&folder, &["checkout"]) + &ACCESS.replace("dupont", "martin");
    let config = Config::from_toml(&text, folder.folder.path()).unwrap();
    let why = "name martin, which is no relying party".to_owned();
    let refused = ConfigError::Unusable { key: "access.origins", why };
    assert_eq!(Server::check(&config, clock()), Err(refused));
}

/// How many messages that store has to send, now or later.
async fn messages(store: &Path) -> u64 {
    let store = SqliteStore::open(store).unwrap();
    let ever = Timestamp::from_unix_seconds(u64::from(u32::MAX));
    store.reads().count_due("message", ever).await.unwrap()
}

#[tokio::test]
async fn an_authority_keeps_its_codes_in_the_store_and_without_one_in_its_register() {
    let folder = folder();
    let (store, register) = (
        folder.folder.path().join("countersign.db"),
        folder.folder.path().join("people/register.db"),
    );
    let alone = authority_alone(&folder);
    let beside = alone.clone() + "[store]\npath = \"countersign.db\"\n";
    for (text, in_store, in_register) in [(&beside, 1, 0), (&alone, 1, 1)] {
        let server = start(&folder, text).await;
        let enrolment = request(
            "POST",
            "/v1/enrolments",
            "Content-Type: application/json\r\n",
            r#"{"identifier":"alice","number":"+33612345678"}"#,
        );
        let begun = folder.ask(server.address("authority").unwrap(), &enrolment).await;
        assert!(begun.starts_with("HTTP/1.1 201 "), "{begun}");
        server.stop().await;
        assert_eq!((messages(&store).await, messages(&register).await), (in_store, in_register));
    }
}

#[test]
fn ca_serve_wants_an_authority() {
    let folder = Folder::new();
    let file = folder.write(&folder.configuration(""));
    let said = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["ca", "serve", "--config"])
        .arg(file)
        .output()
        .unwrap();
    assert_eq!(said.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&said.stderr).contains("has no section [authority]"));
}

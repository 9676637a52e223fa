//! F12.v1 over sockets: the wallets' server holds, the operator's server computes, sends and compares, and each knows the other
//! by its certificate. Both are set up as the guide says.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    middleware::{Next, from_fn},
};
use countersign_server::{Config, Server, SystemClock};
use countersign_tests::{
    curl::{Answer, Shop},
    killable::Site,
};
use serde_json::{Value, json};

use super::{Person, sandbox, ticket};

const GUIDE: &str = include_str!("../../../docs/guides/operator.md");

/// The first block of that language after a heading of the guide.
fn block(heading: &str, language: &str) -> &'static str {
    let (_, after) = GUIDE.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, block) = after.split_once(&format!("```{language}\n")).unwrap();
    block.split_once("```").unwrap().0
}

/// The bodies of all requests that the operator got.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn listening(&self, router: Router) -> Router {
        let heard = self.clone();
        router.layer(from_fn(move |request: Request, next: Next| {
            let heard = heard.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = to_bytes(body, 64 * 1024).await.unwrap();
                heard.0.lock().unwrap().push(String::from_utf8(body.to_vec()).unwrap());
                next.run(Request::from_parts(head, Body::from(body))).await
            }
        }))
    }
}

/// A person at the wallets of a server whose tickets' codes are an operator's.
struct Operated {
    person: Person,
    wallets: Server,
    operator: Option<Server>,
    operator_at: SocketAddr,
    operator_file: PathBuf,
    heard: Heard,
}

/// A payment that has begun, and what it is of.
struct Begun {
    started: Answer,
    merchant: String,
}

impl Operated {
    async fn new() -> Self {
        let (folder, sandbox) = sandbox().await;
        let there = sandbox.folder().to_owned();
        let made = Command::new("sh")
            .args(["-e", "-c", block("Keys", "sh")])
            .current_dir(&there)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let operator_at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let operator_file = operators_configuration(&sandbox, operator_at);

        let site = Site::beside(&sandbox, "operated").unwrap();
        let link = block("The wallets' server", "toml")
            .replace("codes.example.net:8449", &format!("localhost:{}", operator_at.port()))
            .replace("tls-roots.pem", "root.pem");
        let text = fs::read_to_string(&site.configuration).unwrap() + &link;
        fs::write(&site.configuration, text).unwrap();
        let wallets = served(&site.configuration, |router| router).await;

        let address = wallets.address("wallet").unwrap();
        let mut shop = Shop::of(&sandbox);
        shop.api = site.api;
        let address = format!("https://localhost:{}", address.port());
        let person = Person::at(folder, sandbox, shop, address);
        let heard = Heard::default();
        let mut operated =
            Self { person, wallets, operator: None, operator_at, operator_file, heard };
        operated.operator_starts().await;
        operated
    }

    async fn operator_starts(&mut self) {
        let heard = self.heard.clone();
        self.operator =
            Some(served(&self.operator_file, move |router| heard.listening(router)).await);
    }

    async fn operator_stops(&mut self) {
        self.operator.take().unwrap().stop().await;
    }

    fn begin(&self, ticket: &str, source: &Value, nonce: &str) -> Begun {
        let shown = self.person.post("/v1/tickets", &json!({ "ticket": ticket }));
        let request = json!({ "ticket": ticket, "source": source, "nonce": nonce });
        let started = self.person.post("/v1/payments", &request);
        assert_eq!(started.status, 201, "{started:?}");
        Begun { started, merchant: shown.text("/iss").to_owned() }
    }

    fn type_code(&self, begun: &Begun, code: &str) -> Answer {
        let Begun { started, merchant } = begun;
        let typed = json!({
            "payment": started.text("/payment"), "ticket_sha256": started.text("/ticket_sha256"),
            "merchant": merchant, "amount_minor": 4_990, "currency": "EUR", "code": code,
        });
        self.person.post(&format!("/v1/payments/{}/code", started.text("/payment")), &typed)
    }

    async fn stop(self) {
        self.wallets.stop().await;
        if let Some(operator) = self.operator {
            operator.stop().await;
        }
        self.person.sandbox.stop().await;
    }
}

/// The operator's own configuration, store and master secret; it has an account at the same centre.
fn operators_configuration(sandbox: &countersign_sandbox::Sandbox, at: SocketAddr) -> PathBuf {
    let text = fs::read_to_string(sandbox.configuration()).unwrap();
    let section = |name: &str| {
        let (_, after) = text.split_once(&format!("[{name}]\n")).unwrap();
        format!("[{name}]\n{}\n", after.split("\n[").next().unwrap())
    };
    let sms = section("sms").replace("source = \"Dupont\"", "source = \"Operator\"");
    let own = block("The operator", "toml").replace("0.0.0.0:8449", &at.to_string());
    let keys =
        "[store]\npath = \"operator.db\"\n[keys]\ncurrent = \"o\"\nfiles = { o = \"o.key\" }\n";
    fs::write(sandbox.folder().join("o.key"), "0b".repeat(32)).unwrap();
    let file = sandbox.folder().join("operator.toml");
    fs::write(&file, [section("tls"), keys.to_owned(), section("limits"), sms, own].concat())
        .unwrap();
    file
}

async fn served(file: &Path, wrap: impl Fn(Router) -> Router + Send) -> Server {
    let config = Config::read(file).unwrap();
    Server::start_with(config, Arc::new(SystemClock::default()), wrap).await.unwrap()
}

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_paid_with_the_operators_code_which_is_told_no_card_and_no_wallet() {
    let mut operated = Operated::new().await;
    let (wallet, card) = operated.person.with_money().await;
    // Opening and paying in are the wallets' own codes.
    assert_eq!(operated.heard.all(), [""; 0]);
    let till = operated.person.till();
    let first = ticket(&till, "ticket-0001");
    let begun = operated.begin(&first, &json!({ "wallet": wallet }), "nonce-0001");
    let (text, code) = operated.person.message().await;
    let reference = format!("ref {},", begun.started.text("/short_reference"));
    assert!(text.starts_with("Pay 49.90 EUR to Librairie Dupont"), "{text}");
    assert!(text.contains(&reference), "{reference}: {text}");

    let refused = operated.type_code(&begun, wrong(&code));
    assert_eq!((refused.status, &refused.body["attempts_left"]), (422, &json!(2)), "{refused:?}");
    assert_eq!(operated.person.available(&wallet), 5_010);
    let paid = operated.type_code(&begun, &code);
    assert_eq!((paid.text("/status"), &paid.body["balance_minor"]), ("paid", &json!(5_010)));
    assert!(till.check(paid.text("/receipt"), &first, super::now()).is_ok());
    let again = operated.type_code(&begun, &code);
    assert_eq!(again.body, paid.body);

    let second = ticket(&till, "ticket-0002");
    let begun = operated.begin(&second, &json!({ "card": card }), "nonce-0002");
    let (_, code) = operated.person.message().await;
    assert_eq!(operated.type_code(&begun, &code).text("/status"), "paid");
    let third = ticket(&till, "ticket-0003");
    let begun = operated.begin(&third, &json!({ "wallet": wallet }), "nonce-0003");
    let (_, code) = operated.person.message().await;
    for _ in 0..2 {
        assert_eq!(operated.type_code(&begun, wrong(&code)).status, 422);
    }
    assert_eq!(operated.type_code(&begun, wrong(&code)).status, 403);
    assert_eq!(operated.type_code(&begun, &code).status, 403);
    assert_eq!(operated.person.available(&wallet), 5_010, "what was held is released");

    let alice = operated.person.sandbox.person().clone();
    let heard = operated.heard.all();
    assert!(heard.iter().any(|body| body.contains(&alice.number)), "{heard:?}");
    let digits: String = alice.card.number.chars().filter(char::is_ascii_digit).collect();
    let (_, last_four) = digits.split_at(12);
    for secret in [&wallet, &card, &digits, "alice", "two books", "2070360245"] {
        assert!(!heard.iter().any(|body| body.contains(secret)), "{secret}: {heard:?}");
    }
    // So few digits are in random names, too: as a value of their own.
    for secret in ["5010", "10000", last_four] {
        let values = [format!(":{secret},"), format!(":{secret}}}"), format!("\"{secret}\"")];
        let is_told = |body: &String| values.iter().any(|value| body.contains(value));
        assert!(!heard.iter().any(is_told), "{secret}: {heard:?}");
    }
    operated.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_is_out_of_reach_loses_nothing_and_is_asked_again() {
    let mut operated = Operated::new().await;
    let (wallet, _) = operated.person.with_money().await;
    let till = operated.person.till();
    operated.operator_stops().await;
    let first = ticket(&till, "ticket-0001");
    let begun = operated.begin(&first, &json!({ "wallet": wallet }), "nonce-0001");
    assert_eq!(operated.person.available(&wallet), 5_010);
    let try_again = operated.type_code(&begun, "123456");
    assert_eq!(try_again.status, 503, "{try_again:?}");
    assert!(try_again.text("/type").ends_with(":not-available"), "{try_again:?}");

    operated.operator_starts().await;
    let (_, code) = operated.person.message().await;
    operated.operator_stops().await;
    for _ in 0..4 {
        assert_eq!(operated.type_code(&begun, &code).status, 503);
    }
    assert_eq!(operated.person.available(&wallet), 5_010, "the hold stays");
    operated.operator_starts().await;
    let paid = operated.type_code(&begun, &code);
    assert_eq!((paid.text("/status"), &paid.body["balance_minor"]), ("paid", &json!(5_010)));

    // Time releases what is held for an operator that never comes back: a payer who cancels need not wait for it.
    operated.operator_stops().await;
    let second = ticket(&till, "ticket-0002");
    let begun = operated.begin(&second, &json!({ "wallet": wallet }), "nonce-0002");
    assert_eq!(operated.person.available(&wallet), 20);
    let path = format!("/v1/payments/{}/cancel", begun.started.text("/payment"));
    assert_eq!(operated.person.call("POST", &path, None).text("/status"), "not_paid");
    assert_eq!(operated.person.available(&wallet), 5_010);
    operated.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_takes_orders_from_the_certificates_of_its_clients_alone() {
    let operated = Operated::new().await;
    let there = operated.person.sandbox.folder();
    let strangers = r#"
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=wallets -keyout other.key -out other.csr
        openssl x509 -req -in other.csr -CA clients-root.pem -CAkey clients-root.key -days 1 -extfile client.ext -out other.pem
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 1 -subj "/CN=Clients of the operator" -keyout false.key -out false.pem
        openssl x509 -req -in other.csr -CA false.pem -CAkey false.key -days 1 -extfile client.ext -out forged.pem
    "#;
    let made =
        Command::new("sh").args(["-e", "-c", strangers]).current_dir(there).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let url = format!("https://localhost:{}/v1/codes", operated.operator_at.port());
    let ask = |files: Option<(&str, &str)>| {
        let file = |name: &str| there.join(name).to_string_lossy().into_owned();
        let files = files.map(|(certificate, key)| (file(certificate), file(key)));
        let mut arguments = vec!["-d", "{}", &url];
        if let Some((certificate, key)) = &files {
            arguments.extend(["--cert", certificate, "--key", key]);
        }
        operated.person.shop.curl(&arguments)
    };
    assert_eq!(ask(None).status, 0, "no certificate, no TLS session");
    assert_eq!(ask(Some(("forged.pem", "other.key"))).status, 0, "of another authority");
    let stranger = ask(Some(("other.pem", "other.key")));
    assert_eq!(stranger.status, 403, "{stranger:?}");
    assert!(stranger.text("/type").ends_with(":client-not-known"), "{stranger:?}");
    // A client is let in, and told what is wrong with its order.
    assert_eq!(ask(Some(("operator-client.pem", "operator-client.key"))).status, 400);
    operated.stop().await;
}

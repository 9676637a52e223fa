//! The cardholder's page: nothing is lost, paid twice or kept in clear, and a form that cannot be done says what to do.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use countersign_domain::policy::PolicySettings;
use countersign_set::{
    cardholder_server::{CardholderServer, cardholder_routes},
    http::merchant_routes,
    link::HttpClient,
    testing::{Issuer, Parties, Setup},
    wallet_file::{NewWallet, WalletFile},
};
use countersign_web::testing::{Answer, send};
use http_body_util::BodyExt as _;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::net::TcpListener;

const PASSWORD: &str = "a long password";

/// The way to the merchant: what went over it, and whether answers to purchases are lost.
#[derive(Clone, Default)]
struct Line {
    seen: Arc<Mutex<Vec<Bytes>>>,
    loses_answers: Arc<AtomicBool>,
}

async fn over(State(line): State<Line>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    line.seen.lock().unwrap().push(body.clone());
    // Only a purchase has an envelope, and is as long.
    let is_purchase = body.len() > 1_000;
    let answer = next.run(Request::from_parts(head, Body::from(body))).await;
    if is_purchase && line.loses_answers.load(Ordering::SeqCst) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    answer
}

/// A cardholder's page, and a merchant behind a socket.
struct House {
    parties: Parties,
    line: Line,
    file: WalletFile,
    page: Router,
}

impl House {
    async fn new() -> Self {
        let mut parties = Parties::with(PolicySettings::bank_first(), Setup::default());
        parties.enrol().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/set", listener.local_addr().unwrap());
        Arc::get_mut(&mut parties.merchant).unwrap().settings.url =
            url.as_str().try_into().unwrap();
        let line = Line::default();
        let routes = merchant_routes(parties.merchant.clone());
        let routes = routes.layer(from_fn_with_state(line.clone(), over));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let file = wallet(&parties, &parties.issuer);
        let page = page(&parties, &file);
        Self { parties, line, file, page }
    }

    /// The program again, with nothing but store and wallet.
    fn restarted(&mut self) {
        self.page = page(&self.parties, &self.file);
    }

    async fn get(&self, path: &str) -> Answer {
        self.get_in(path, "en").await
    }

    async fn get_in(&self, path: &str, language: &str) -> Answer {
        let request = Request::builder().uri(path).header("Accept-Language", language);
        send(&self.page, request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        self.post_from("same-origin", path, form).await
    }

    async fn post_from(&self, site: &str, path: &str, form: &str) -> Answer {
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header("Sec-Fetch-Site", site)
            .header("Content-Type", "application/x-www-form-urlencoded");
        send(&self.page, request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// The address of a new order.
    async fn order(&self) -> String {
        let order = self.parties.order("49.90").await;
        let url = self.parties.merchant.settings.url.as_str();
        format!("{url}/orders/{}", order.id)
    }

    /// Where the page of a new purchase is.
    async fn offered(&self) -> String {
        let answer = self.post("/", &format!("order={}", self.order().await)).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        answer.header(axum::http::header::LOCATION).to_owned()
    }

    async fn pay(&self, path: &str) -> Answer {
        self.post(&format!("{path}/pay"), &format!("password={PASSWORD}")).await
    }

    async fn type_code(&self, path: &str, code: &str) -> Answer {
        self.post(&format!("{path}/code"), &format!("code={code}")).await
    }
}

/// A wallet without a certificate, which trusts that authority.
fn wallet(parties: &Parties, issuer: &Issuer) -> WalletFile {
    let new = NewWallet { card: &parties.wallet.card, brand: "Example", language: "en" };
    let (mut file, _) = WalletFile::new(&new, PASSWORD, &parties.entropy).unwrap();
    file.trust(&issuer.root.certificate().to_pem().unwrap()).unwrap();
    file
}

fn page(parties: &Parties, file: &WalletFile) -> Router {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let tls = tls.with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let client = HttpClient::new(Arc::new(tls));
    let ports = parties.fixture.ports.clone();
    cardholder_routes(Arc::new(CardholderServer::new(ports, file.clone(), client).unwrap()))
}

fn assert_refused(answer: &Answer, status: u16, words: &str) {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    assert!(answer.body.contains(words), "{words}: {answer:?}");
}

#[tokio::test]
async fn a_purchase_goes_on_after_a_restart_at_any_step() {
    let mut house = House::new().await;
    let path = house.offered().await;
    house.restarted();
    let shown = house.get(&path).await.body;
    for said in ["49.90\u{a0}EUR", "Librairie Dupont", "Two books", "Open your wallet"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert_eq!(house.pay(&path).await.status, StatusCode::SEE_OTHER);
    house.restarted();
    let (code, reference) = house.parties.phone().await.unwrap();
    let shown = house.get(&path).await.body;
    assert!(shown.contains(&format!("<dd id=\"reference\">{reference}</dd>")), "{shown}");
    assert!(shown.contains("3 attempts left"), "{shown}");
    assert_eq!(house.type_code(&path, &code).await.status, StatusCode::SEE_OTHER);
    house.restarted();
    assert!(house.get(&path).await.body.contains("The gateway&#39;s signed receipt"));
    let names = house.parties.fixture.bank.call_names();
    assert_eq!(names.iter().filter(|name| **name == "authorize").count(), 1, "{names:?}");
}

#[tokio::test]
async fn a_purchase_whose_answer_was_lost_is_sent_again_as_it_is_and_paid_once() {
    let mut house = House::new().await;
    let path = house.offered().await;
    house.line.loses_answers.store(true, Ordering::SeqCst);
    assert_refused(&house.pay(&path).await, 502, "The merchant does not answer");
    house.restarted();
    house.line.loses_answers.store(false, Ordering::SeqCst);
    assert!(house.get(&path).await.body.contains("It is not known yet how this ends"));
    // It was sent: paying once more is asking, and not another purchase.
    assert_eq!(house.pay(&path).await.status, StatusCode::SEE_OTHER);
    let purchases: Vec<Bytes> = {
        let seen = house.line.seen.lock().unwrap();
        seen.iter().filter(|message| message.len() > 1_000).cloned().collect()
    };
    assert_eq!(purchases.len(), 2);
    assert_eq!(purchases[0], purchases[1]);
    let (code, _) = house.parties.phone().await.unwrap();
    assert_eq!(house.type_code(&path, &code).await.status, StatusCode::SEE_OTHER);
    assert!(house.get(&path).await.body.contains("49.90\u{a0}EUR to Librairie Dupont."));
    assert_eq!(house.parties.fixture.messenger.taken().len(), 1);
}

#[tokio::test]
async fn two_windows_that_pay_at_once_pay_once() {
    let house = House::new().await;
    let path = house.offered().await;
    let (one, two) = tokio::join!(house.pay(&path), house.pay(&path));
    assert_eq!((one.status, two.status), (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER));
    house.parties.phone().await.unwrap();
    let names = house.parties.fixture.bank.call_names();
    assert_eq!(names.iter().filter(|name| **name == "authorize").count(), 1, "{names:?}");
}

#[tokio::test]
async fn a_wrong_code_is_counted_and_what_cannot_be_a_code_is_not() {
    let house = House::new().await;
    let path = house.offered().await;
    house.pay(&path).await;
    let (code, _) = house.parties.phone().await.unwrap();
    let wrong = if code == "000000" { "111111" } else { "000000" };
    assert_refused(&house.type_code(&path, "12345678").await, 422, "3 attempts left");
    assert_refused(&house.type_code(&path, "abc").await, 422, "3 attempts left");
    assert_refused(&house.type_code(&path, wrong).await, 422, "2 attempts left");
    assert_refused(&house.type_code(&path, wrong).await, 422, "One attempt left");
    house.type_code(&path, wrong).await;
    let over = house.get(&path).await.body;
    assert!(over.contains("Too many wrong codes were typed."), "{over}");
    // What is over stays over.
    house.type_code(&path, &code).await;
    house.pay(&path).await;
    assert!(house.get(&path).await.body.contains("Nothing was paid"));
}

#[tokio::test]
async fn with_a_wrong_password_nothing_is_sent() {
    let house = House::new().await;
    let path = house.offered().await;
    let before = house.line.seen.lock().unwrap().len();
    let answer = house.post(&format!("{path}/pay"), "password=another").await;
    assert_refused(&answer, 403, "This is not the password");
    assert_eq!(house.line.seen.lock().unwrap().len(), before);
}

#[tokio::test]
async fn what_cannot_be_looked_at_says_why() {
    let house = House::new().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (form, status, words) in [
        (String::new(), 422, "This is not the address of an order"),
        ("order=".to_owned(), 422, "This is not the address of an order"),
        ("order=shop.example.com".to_owned(), 422, "This is not the address of an order"),
        ("order=ftp://shop.example.com/1".to_owned(), 422, "not the address of an order"),
        (format!("order=http://{nobody}/1"), 502, "The merchant does not answer"),
    ] {
        assert_refused(&house.post("/", &form).await, status, words);
    }
    // Of an authority that the wallet does not trust.
    let foreign = Issuer::new(house.parties.now(), Default::default());
    let page = page(&house.parties, &wallet(&house.parties, &foreign));
    let house = House { page, ..house };
    let form = format!("order={}", house.order().await);
    assert_refused(&house.post("/", &form).await, 502, "not to be trusted");
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let house = House::new().await;
    let path = house.offered().await;
    for site in ["cross-site", "same-site"] {
        for (path, form) in [
            ("/".to_owned(), format!("order={}", house.order().await)),
            (format!("{path}/pay"), format!("password={PASSWORD}")),
            (format!("{path}/code"), "code=123456".to_owned()),
        ] {
            assert_eq!(house.post_from(site, &path, &form).await.status, StatusCode::FORBIDDEN);
        }
    }
    assert!(house.get(&path).await.body.contains("Open your wallet"));
}

#[tokio::test]
async fn the_page_speaks_french_and_knows_no_other_purchase() {
    let house = House::new().await;
    let path = house.offered().await;
    let french = house.get_in(&path, "fr").await.body;
    for said in ["<html lang=\"fr\">", "49,90\u{a0}EUR", "Mot de passe"] {
        assert!(french.contains(said), "{said}: {french}");
    }
    let other = format!("/purchases/buy_{}", "0".repeat(32));
    assert_eq!(house.get(&other).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.get("/purchases/x").await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.get(&format!("{path}/receipt")).await.status, StatusCode::NOT_FOUND);
}

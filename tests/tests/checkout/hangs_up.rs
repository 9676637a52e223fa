//! Payers who close the page while the bank is asked: what was begun is done.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use countersign_sandbox::with_check_digit;
use countersign_server::{Config, Server, SystemClock};
use countersign_tests::{curl::Shop, killable::Site};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Mutex,
    time::sleep,
};
use tokio_rustls::TlsConnector;

use crate::support::{Trial, until};

const PAYERS: u32 = 20;
/// For the server to see that a payer has gone, before the bank's answer comes.
const HEAD_START: Duration = Duration::from_millis(300);

/// A way to the bank on which no answer comes while somebody holds it up.
async fn held_up_way_to(bank: String, held_up: Arc<Mutex<()>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(&bank).await.unwrap();
            let (mut hears, mut tells) = near.into_split();
            let (mut answers, mut asked) = far.into_split();
            let held_up = Arc::clone(&held_up);
            tokio::spawn(async move { tokio::io::copy(&mut hears, &mut asked).await });
            tokio::spawn(async move {
                let mut bytes = vec![0; 4096];
                while let Ok(length @ 1..) = answers.read(&mut bytes).await {
                    drop(held_up.lock().await);
                    sleep(HEAD_START).await;
                    tells.write_all(bytes.get(..length).unwrap()).await.unwrap();
                }
            });
        }
    });
    address
}

/// The value of a line such as `address = "127.0.0.1:1"` in a section of a configuration.
fn address_in(text: &str, section: &str) -> String {
    let (_, rest) = text.split_once(&format!("[{section}]")).unwrap();
    let (_, rest) = rest.split_once("address = \"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

struct Payer {
    tls: TlsConnector,
    address: String,
}

impl Payer {
    async fn send(&self, request: &str) -> tokio_rustls::client::TlsStream<TcpStream> {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let mut stream = self.tls.connect(name, stream).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Opens the page; the session's cookie.
    async fn open(&self, path: &str) -> String {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut said = Vec::new();
        let _ = self.send(&request).await.read_to_end(&mut said).await;
        let said = String::from_utf8_lossy(&said).into_owned();
        let cookie = said.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        cookie.unwrap_or_else(|| panic!("no cookie: {said}")).split(';').next().unwrap().to_owned()
    }

    /// Says who pays, and goes once the bank is asked.
    async fn pay_and_go(
        &self,
        path: &str,
        cookie: &str,
        user_id: &str,
        is_asked: impl Fn() -> bool,
    ) {
        let form = format!("user_id={user_id}");
        let stream = self
            .send(&format!(
                "POST {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nContent-Length: {}\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
                form.len()
            ))
            .await;
        until("the bank is asked", || is_asked().then_some(()));
        drop(stream);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn payers_who_hang_up_while_the_bank_is_asked_get_their_messages_all_the_same() {
    let trial = Trial::start(None).await;
    let site = Site::beside(&trial.sandbox, "hanging").unwrap();
    let text = fs::read_to_string(&site.configuration).unwrap();
    let bank = address_in(&text, "bank");
    let held_up = Arc::default();
    let way = held_up_way_to(bank.clone(), Arc::clone(&held_up)).await;
    let text = text.replace(&bank, &way.to_string());
    let config = Config::from_toml(&text, trial.sandbox.folder()).unwrap();
    let server = Server::start(config, Arc::new(SystemClock::default())).await.unwrap();
    let mut shop = Shop::of(&trial.sandbox);
    shop.api.clone_from(&site.api);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trial.sandbox.authority()).unwrap()).unwrap();
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let payer = Payer {
        tls: TlsConnector::from(Arc::new(tls)),
        address: site.checkout.trim_start_matches("https://").to_owned(),
    };

    let mut pages = Vec::new();
    let account =
        json!({ "expiry": "2035-12", "balance": { "value": "9000.00", "currency": "EUR" } });
    for person in 0..PAYERS {
        let number = format!("+33639977{person:04}");
        let card = with_check_digit(&format!("49701000002{person:04}"));
        shop.control("PUT", &format!("/handsets/{number}"), Some(&json!({ "state": "on" })));
        shop.control("PUT", &format!("/bank/cards/{card}"), Some(&account));
        let user_id = format!("payer-{person}");
        assert_eq!(shop.enrol(&user_id, &number, &card, "12/35").status, 204);
        let page = shop.order("49.90", &json!([]));
        let path = format!("/pay/{}", page.rsplit('/').next().unwrap());
        let cookie = payer.open(&path).await;
        pages.push((path, cookie, user_id, card, number));
    }
    for (path, cookie, user_id, card, _) in &pages {
        let no_answer = held_up.lock().await;
        let is_asked = || !trial.movements_of(card).is_empty();
        payer.pay_and_go(path, cookie, user_id, is_asked).await;
        drop(no_answer);
    }
    for (.., number) in &pages {
        until("a payer who hung up gets a message", || {
            let shown = shop.control("GET", &format!("/handsets/{number}/messages"), None);
            shown.body.get(0).is_some().then_some(())
        });
    }
    server.stop().await;
}

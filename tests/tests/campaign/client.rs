//! Merchant and payers over TLS, each request on a connection of its own; and the sandbox's control.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use countersign_sandbox::Sandbox;
use countersign_tests::killable::Site;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::random::Random;

/// For one answer. A server that was killed does not answer at all.
const PATIENCE: Duration = Duration::from_secs(20);
/// One request of so many is given up by somebody who hangs up at random, within so many milliseconds: about as long as a
/// session and its answer take.
const HANGS_UP_ONCE_IN: u64 = 5;
const LONGEST_PATIENCE: u64 = 40;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) cookie: Option<String>,
    pub(crate) body: Value,
}

impl Answer {
    /// Where the checkout stands, by this answer.
    pub(crate) fn stands(&self) -> &str {
        self.body.get("status").and_then(Value::as_str).unwrap_or_default()
    }

    /// The name of the problem that it is; empty when it is none.
    pub(crate) fn problem(&self) -> &str {
        let name = self.body.get("type").and_then(Value::as_str);
        name.and_then(|name| name.rsplit(':').next()).unwrap_or_default()
    }

    pub(crate) fn text(&self, pointer: &str) -> String {
        let member = self.body.pointer(pointer).and_then(Value::as_str);
        member.unwrap_or_default().to_owned()
    }
}

/// Where a server serves what.
#[derive(Default)]
struct Origins {
    api: String,
    checkout: String,
    wallets: String,
}

impl Origins {
    fn of(site: &Site) -> Self {
        let Site { api, checkout, wallets, .. } = site.clone();
        Self { api, checkout, wallets }
    }
}

pub(crate) struct Client {
    tls: TlsConnector,
    /// The servers, which are asked in turn.
    servers: Vec<Origins>,
    turn: AtomicUsize,
    asks_the_last: AtomicBool,
    control: String,
    key: String,
    /// There while people hang up at random.
    moods: Mutex<Option<Random>>,
}

impl Client {
    pub(crate) fn of<'a>(sandbox: &Sandbox, sites: impl IntoIterator<Item = &'a Site>) -> Self {
        Self {
            tls: TlsConnector::from(trusting(sandbox.authority())),
            servers: sites.into_iter().map(Origins::of).collect(),
            turn: AtomicUsize::new(0),
            asks_the_last: AtomicBool::new(false),
            control: sandbox.control_url(),
            key: sandbox.api_key().to_owned(),
            moods: Mutex::default(),
        }
    }

    /// A shop that calls nothing but its API.
    pub(crate) fn of_shop(tls: Arc<ClientConfig>, api: String, key: &str) -> Self {
        Self {
            tls: TlsConnector::from(tls),
            servers: vec![Origins { api, ..Origins::default() }],
            turn: AtomicUsize::new(0),
            asks_the_last: AtomicBool::new(false),
            control: String::new(),
            key: key.to_owned(),
            moods: Mutex::default(),
        }
    }

    /// From now on some hang up before they have heard the answer, or said everything.
    pub(crate) fn hang_up_at_random(&self, random: Random) {
        *self.moods.lock().unwrap() = Some(random);
    }

    /// From now on everybody waits for the answer.
    pub(crate) fn hang_up_no_more(&self) {
        *self.moods.lock().unwrap() = None;
    }

    /// From now on everything is asked of the last server: the others are dead for good.
    pub(crate) fn ask_the_last_only(&self) {
        self.asks_the_last.store(true, Ordering::Relaxed);
    }

    fn server(&self) -> &Origins {
        if self.asks_the_last.load(Ordering::Relaxed) {
            return self.servers.last().unwrap();
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.servers.iter().cycle().nth(turn % self.servers.len()).unwrap()
    }

    fn patience(&self) -> Duration {
        let mut moods = self.moods.lock().unwrap();
        let gone = moods.as_mut().and_then(|random| {
            let hangs_up = random.below(HANGS_UP_ONCE_IN) == 0;
            hangs_up.then(|| Duration::from_millis(random.below(LONGEST_PATIENCE)))
        });
        gone.unwrap_or(PATIENCE)
    }

    /// The merchants' API; `None` when there was no answer.
    pub(crate) async fn merchant(
        &self,
        method: &str,
        path: &str,
        idempotency: &str,
        body: &str,
    ) -> Option<Answer> {
        let request = Request::builder()
            .method(method)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header("Idempotency-Key", idempotency);
        self.ask_a_while(&self.server().api, path, request, body).await
    }

    /// The payers' pages.
    pub(crate) async fn payer(
        &self,
        method: &str,
        path: &str,
        cookie: &str,
        form: &str,
    ) -> Option<Answer> {
        let request = Request::builder()
            .method(method)
            .header(header::ACCEPT, "application/json")
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask_a_while(&self.server().checkout, path, request, form).await
    }

    /// People's wallets.
    pub(crate) async fn person(
        &self,
        method: &str,
        path: &str,
        cookie: &str,
        body: &str,
    ) -> Option<Answer> {
        let request = Request::builder()
            .method(method)
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/json");
        self.ask_a_while(&self.server().wallets, path, request, body).await
    }

    /// The sandbox's control, which is always there.
    pub(crate) async fn control(&self, method: &str, path: &str, body: &str) -> Value {
        let request =
            Request::builder().method(method).header(header::CONTENT_TYPE, "application/json");
        let asked = self.ask(&self.control, path, request, body);
        let answer = timeout(PATIENCE, asked).await.unwrap().unwrap();
        assert!(answer.status < 300, "{path}: {}", answer.body);
        answer.body
    }

    /// A card's account at the sandbox's bank.
    pub(crate) async fn account(&self, card: &str) -> Value {
        self.control("GET", &format!("/bank/cards/{card}"), "").await
    }

    /// What a handset of the sandbox shows, oldest first.
    pub(crate) async fn texts(&self, number: &str) -> Vec<String> {
        let shown = self.control("GET", &format!("/handsets/{number}/messages"), "").await;
        let texts = shown.as_array().unwrap().iter();
        let texts = texts.filter_map(|message| message.get("text")?.as_str());
        texts.map(str::to_owned).collect()
    }

    /// Asks, and gives up after a while; the connection is closed then, whatever the server is at.
    async fn ask_a_while(
        &self,
        origin: &str,
        path: &str,
        request: hyper::http::request::Builder,
        body: &str,
    ) -> Option<Answer> {
        timeout(self.patience(), self.ask(origin, path, request, body)).await.ok().flatten()
    }

    async fn ask(
        &self,
        origin: &str,
        path: &str,
        request: hyper::http::request::Builder,
        body: &str,
    ) -> Option<Answer> {
        let (scheme, authority) = origin.split_once("://").unwrap();
        let request = request
            .uri(path)
            .header(header::HOST, authority)
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        let stream = TcpStream::connect(authority).await.ok()?;
        if scheme == "http" {
            return send(stream, request).await;
        }
        let name = ServerName::try_from("localhost").unwrap();
        send(self.tls.connect(name, stream).await.ok()?, request).await
    }
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Option<Answer> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    // In a set of its own, so that a request that is given up takes its connection with it.
    let mut driven = JoinSet::new();
    driven.spawn(connection);
    async {
        let (head, body) = sender.send_request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        let cookie = head.headers.get(header::SET_COOKIE);
        let cookie = cookie.and_then(|value| value.to_str().ok()?.split(';').next());
        Some(Answer {
            status: head.status.as_u16(),
            cookie: cookie.map(str::to_owned),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }
    .await
}

/// TLS that trusts one authority.
pub(crate) fn trusting(authority: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

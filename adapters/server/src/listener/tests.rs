//! Over real sockets, with waits that a test can wait for.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicU32, Ordering},
};

use axum::{body::Bytes, routing::post};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::Instant,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{bounds::Waits, *};
use crate::places::Places;

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(30);
/// As long as a bank may take that is asked in a step.
const STEP: Duration = Duration::from_millis(300);

const REQUEST: &str = "POST /step HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";

/// A listener in front of one route, whose step takes its time.
struct House {
    listener: Listener,
    tls: Arc<rustls::ClientConfig>,
    metrics: Arc<Metrics>,
    begun: Arc<AtomicU32>,
    done: Arc<AtomicU32>,
    stop: watch::Sender<bool>,
}

fn waits() -> Waits {
    Waits { handshake: LONG, quiet: LONG, body: LONG, answer: LONG, age: LONG, stop: SHORT }
}

fn places(waits: Waits, for_each: u32, exempt: &[IpAddr]) -> Bounds {
    let places = |max| Places::new(max, for_each, exempt);
    Bounds { connections: places(64), handshakes: places(64), requests: places(64), waits }
}

impl House {
    async fn with(waits: Waits) -> Self {
        Self::bounded(places(waits, 64, &[]), true).await
    }

    async fn bounded(bounds: Bounds, with_tls: bool) -> Self {
        let (server, client) = identities();
        let (begun, done) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (begins, ends) = (Arc::clone(&begun), Arc::clone(&done));
        let step = async move |body: Result<Bytes, _>| {
            if body.is_err() {
                return "broken";
            }
            begins.fetch_add(1, Ordering::SeqCst);
            sleep(STEP).await;
            ends.fetch_add(1, Ordering::SeqCst);
            "done"
        };
        let panics = async || -> &'static str { panic!("a step that breaks") };
        let endpoint = Endpoint {
            name: "test",
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            tls: with_tls.then(|| watch::channel(server).1),
            router: Router::new().route("/step", post(step)).route("/broken", post(panics)),
            public_origin: None,
            trusted_terminators: Vec::new(),
        };
        let (stop, stopping) = watch::channel(false);
        let metrics = Arc::new(Metrics::new());
        let listener = Listener::start(endpoint, bounds, Arc::clone(&metrics), stopping);
        let listener = listener.await.unwrap();
        Self { listener, tls: client, metrics, begun, done, stop }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.listener.address()).await.unwrap()
    }

    /// A session in which that protocol is agreed upon.
    async fn session(&self, protocol: &str) -> TlsStream<TcpStream> {
        let mut tls = rustls::ClientConfig::clone(&self.tls);
        tls.alpn_protocols = vec![protocol.into()];
        let stream = self.connect().await;
        let name = "localhost".try_into().unwrap();
        TlsConnector::from(Arc::new(tls)).connect(name, stream).await.unwrap()
    }

    /// All that comes until the connection ends, and how long that took.
    async fn heard(mut stream: impl tokio::io::AsyncRead + Unpin) -> (String, Duration) {
        let begun = Instant::now();
        let mut said = Vec::new();
        // How it ends says nothing here.
        let ended = timeout(Duration::from_secs(10), stream.read_to_end(&mut said)).await;
        assert!(ended.is_ok(), "the connection was left open");
        (String::from_utf8_lossy(&said).into_owned(), begun.elapsed())
    }

    fn refused(&self, cause: NotServed) -> bool {
        let line = format!("refused_total{{listener=\"test\",cause=\"{}\"}} ", cause.name());
        let text = self.metrics.text().unwrap();
        let (_, rest) = text.split_once(&line).unwrap();
        !rest.starts_with('0')
    }

    async fn until_done(&self, count: u32) {
        let all = async {
            while self.done.load(Ordering::SeqCst) < count {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let ended = timeout(Duration::from_secs(5), all).await;
        let done = self.done.load(Ordering::SeqCst);
        assert!(ended.is_ok(), "{done} of {count} came to their end");
    }
}

/// A server's TLS, and that of a client that trusts it.
fn identities() -> (Arc<ServerConfig>, Arc<rustls::ClientConfig>) {
    use countersign_certs::{Authority, KeyPair, Profile, UnixTime, Validity};
    use countersign_domain::ports::Clock as _;

    let now = crate::SystemClock::default().now().unix_seconds();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now - 60));
    let validity = Validity::new(now, Duration::from_secs(86_400)).unwrap();
    let root = Authority::root("Test root", validity).unwrap();
    let key = KeyPair::generate().unwrap();
    let names =
        Profile::TlsServer { common_name: "server", dns_names: &["localhost"], ip_addresses: &[] };
    let chain = vec![root.issue(&names, key.public_key(), validity).unwrap().der().clone()];
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.expose_der().to_vec()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.certificate().der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

/// A request that is sent over HTTP/2, and what asks it.
async fn h2_request(
    house: &House,
) -> (hyper::client::conn::http2::SendRequest<String>, JoinHandle<()>) {
    let io = TokioIo::new(house.session("h2").await);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
    let (sender, connection) = handshake.await.unwrap();
    let driven = tokio::spawn(async move { drop(connection.await) });
    (sender, driven)
}

fn h2_step() -> hyper::Request<String> {
    hyper::Request::post("https://localhost/step").body(String::new()).unwrap()
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_nothing_that_has_begun() {
    let house = House::with(waits()).await;
    let mut sessions = Vec::new();
    for _ in 0..10 {
        let mut session = house.session("http/1.1").await;
        session.write_all(REQUEST.as_bytes()).await.unwrap();
        sessions.push(session);
    }
    sleep(Duration::from_millis(50)).await;
    assert_eq!(house.begun.load(Ordering::SeqCst), 10);
    drop(sessions);
    house.until_done(10).await;
}

#[tokio::test]
async fn a_stream_that_is_reset_ends_nothing_that_has_begun_and_neither_does_its_connection() {
    let house = House::with(waits()).await;
    let (mut sender, driven) = h2_request(&house).await;
    let asked = timeout(Duration::from_millis(50), sender.send_request(h2_step()));
    // RST_STREAM: the answer is not waited for any more.
    assert!(asked.await.is_err());
    let second = timeout(Duration::from_millis(50), sender.send_request(h2_step()));
    assert!(second.await.is_err());
    driven.abort();
    assert_eq!(house.begun.load(Ordering::SeqCst), 2);
    house.until_done(2).await;
}

#[tokio::test]
async fn a_step_that_takes_longer_than_an_answer_may_is_done_all_the_same() {
    let house = House::with(Waits { answer: Duration::from_millis(100), ..waits() }).await;
    let mut session = house.session("http/1.1").await;
    session.write_all(REQUEST.as_bytes()).await.unwrap();
    let mut begins = [0; 12];
    session.read_exact(&mut begins).await.unwrap();
    assert_eq!(&begins, b"HTTP/1.1 504");
    house.until_done(1).await;
}

#[tokio::test]
async fn a_step_that_panics_is_not_known_to_be_done_and_the_next_one_is_answered() {
    let house = House::with(waits()).await;
    let mut session = house.session("http/1.1").await;
    for (path, status) in [("/broken", "503"), ("/step", "200")] {
        session.write_all(REQUEST.replace("/step", path).as_bytes()).await.unwrap();
        let mut said = vec![0; 2048];
        let length = session.read(&mut said).await.unwrap();
        let said = String::from_utf8_lossy(&said[..length]).into_owned();
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {said}");
    }
}

#[tokio::test]
async fn a_peer_that_is_silent_or_slow_is_let_go_in_time() {
    let house = House::with(Waits { handshake: SHORT, quiet: SHORT, body: SHORT, ..waits() }).await;
    let bound = Duration::from_secs(3);

    let (_, took) = House::heard(house.connect().await).await;
    assert!(took < bound && house.refused(NotServed::HandshakeTimeout), "no handshake: {took:?}");

    for protocol in ["http/1.1", "h2"] {
        let (_, took) = House::heard(house.session(protocol).await).await;
        assert!(took < bound, "a silent session of {protocol}: {took:?}");
    }
    assert!(house.refused(NotServed::Silent));

    let mut slow = house.session("http/1.1").await;
    slow.write_all(b"POST /step HTTP/1.1\r\nHost: loc").await.unwrap();
    let (_, took) = House::heard(slow).await;
    assert!(took < bound, "half of its headers: {took:?}");

    let mut slow = house.session("http/1.1").await;
    slow.write_all(REQUEST.replace("Length: 0", "Length: 9").as_bytes()).await.unwrap();
    slow.write_all(b"half").await.unwrap();
    let (said, took) = House::heard(slow).await;
    assert!(said.contains("broken") && took < bound, "half of a body: {took:?} {said}");
    assert_eq!(house.begun.load(Ordering::SeqCst), 0);

    // Pings are answered by the library, and are no request.
    let (mut sender, driven) = h2_request(&house).await;
    sender.send_request(h2_step()).await.unwrap();
    assert!(timeout(bound, driven).await.is_ok(), "a quiet HTTP/2 connection was left open");
}

#[tokio::test]
async fn a_connection_that_is_too_old_ends_after_the_request_that_is_under_way() {
    let house = House::with(Waits { age: Duration::from_millis(100), ..waits() }).await;
    let mut session = house.session("http/1.1").await;
    session.write_all(REQUEST.as_bytes()).await.unwrap();
    let (said, _) = House::heard(session).await;
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("done"), "{said}");
    assert!(said.to_lowercase().contains("connection: close"), "{said}");

    let (mut sender, driven) = h2_request(&house).await;
    let answered = sender.send_request(h2_step()).await.unwrap();
    assert_eq!(answered.status(), 200);
    assert!(timeout(Duration::from_secs(3), driven).await.is_ok(), "no GOAWAY");
}

#[tokio::test]
async fn one_address_does_not_take_the_places_of_another() {
    let house = House::bounded(places(waits(), 4, &[]), true).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(house.session("http/1.1").await);
    }
    let (_, took) = House::heard(house.connect().await).await;
    assert!(took < Duration::from_secs(1) && house.refused(NotServed::Address), "{took:?}");

    // Every address of 127.0.0.0/8 is ours (RFC 1122 section 3.2.1.3).
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    other.bind((Ipv4Addr::new(127, 0, 0, 2), 0).into()).unwrap();
    let stream = other.connect(house.listener.address()).await.unwrap();
    let connector = TlsConnector::from(Arc::clone(&house.tls));
    let mut session = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    session.write_all(REQUEST.as_bytes()).await.unwrap();
    let mut begins = [0; 12];
    session.read_exact(&mut begins).await.unwrap();
    assert_eq!(&begins, b"HTTP/1.1 200");

    drop(held);
    sleep(Duration::from_millis(100)).await;
    house.session("http/1.1").await;
}

#[tokio::test]
async fn an_exempt_address_has_as_many_as_there_are() {
    let bounds = places(waits(), 1, &[Ipv4Addr::LOCALHOST.into()]);
    let house = House::bounded(bounds, true).await;
    let mut held = Vec::new();
    for _ in 0..8 {
        held.push(house.session("http/1.1").await);
    }
    assert!(!house.refused(NotServed::Address));
}

#[tokio::test]
async fn a_full_listener_stops_in_its_time_whatever_is_open_or_hangs() {
    let house = House::with(waits()).await;
    let mut held = Vec::new();
    for _ in 0..62 {
        held.push(house.connect().await);
    }
    let mut hanging = house.session("http/1.1").await;
    hanging.write_all(REQUEST.replace("Length: 0", "Length: 9").as_bytes()).await.unwrap();
    let idle = house.session("http/1.1").await;
    let begun = Instant::now();
    house.stop.send_replace(true);
    timeout(Duration::from_secs(5), house.listener.stopped()).await.unwrap();
    assert!(begun.elapsed() < SHORT * 4, "{:?}", begun.elapsed());
    drop((held, hanging, idle));
}

#[tokio::test]
async fn without_tls_the_same_waits_hold() {
    let bounds = places(Waits { quiet: SHORT, ..waits() }, 64, &[]);
    let house = House::bounded(bounds, false).await;
    let (_, took) = House::heard(house.connect().await).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
    let mut plain = house.connect().await;
    plain.write_all(REQUEST.as_bytes()).await.unwrap();
    let (said, _) = House::heard(plain).await;
    assert!(said.ends_with("done"), "{said}");
}

/// What is answered to a request as it is written.
async fn told(house: &House, request: &str) -> String {
    let mut session = house.session("http/1.1").await;
    session.write_all(request.as_bytes()).await.unwrap();
    House::heard(session).await.0
}

#[tokio::test]
async fn every_answer_says_that_it_is_not_kept_not_guessed_and_comes_over_tls() {
    let house = House::with(Waits { answer: Duration::from_millis(100), ..waits() }).await;
    let close = "Host: localhost\r\nConnection: close\r\n\r\n";
    for (rule, request, status) in [
        ("nothing is there", format!("GET /none HTTP/1.1\r\n{close}"), "404"),
        ("another method", format!("GET /step HTTP/1.1\r\n{close}"), "405"),
        ("a panic", format!("POST /broken HTTP/1.1\r\n{close}"), "503"),
        ("too long", format!("POST /step HTTP/1.1\r\nContent-Length: 0\r\n{close}"), "504"),
        ("no host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), "400"),
        (
            "a header of a terminator",
            format!("GET / HTTP/1.1\r\nClient-Cert: :AA==:\r\n{close}"),
            "400",
        ),
    ] {
        let said = told(&house, &request).await.to_lowercase();
        assert!(said.starts_with(&format!("http/1.1 {status}")), "{rule}: {said}");
        for header in [
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "vary: accept, accept-language, cookie",
            "strict-transport-security: max-age=31536000",
        ] {
            assert!(said.contains(header), "{rule}: {header}: {said}");
        }
        assert!(status != "405" || said.contains("allow: post"), "{said}");
    }
}

#[tokio::test]
async fn without_tls_nothing_is_said_of_transport_security() {
    let house = House::bounded(places(waits(), 64, &[]), false).await;
    let mut plain = house.connect().await;
    let request = "GET / HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n";
    plain.write_all(request.as_bytes()).await.unwrap();
    let said = House::heard(plain).await.0.to_lowercase();
    assert!(said.contains("nosniff") && !said.contains("strict-transport"), "{said}");
}

#[tokio::test]
async fn a_request_for_no_host_two_or_another_is_refused_before_anything_is_done() {
    let house = House::with(waits()).await;
    for (hosts, status, name) in [
        (&[][..], 400, "bad-host"),
        (&["localhost", "localhost"], 400, "bad-host"),
        (&["local host"], 400, "bad-host"),
        (&["evil.example"], 421, "misdirected"),
    ] {
        let lines: String = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
        let request = format!("POST /step HTTP/1.1\r\nConnection: close\r\n{lines}\r\n");
        let said = told(&house, &request).await;
        let begins = format!("HTTP/1.1 {status}");
        assert!(said.starts_with(&begins) && said.contains(name), "{hosts:?}: {said}");
    }
    let (mut sender, _driven) = h2_request(&house).await;
    for (host, status) in [("evil.example", 400), ("localhost", 200)] {
        let mut request = h2_step();
        request.headers_mut().insert("host", host.parse().unwrap());
        assert_eq!(sender.send_request(request).await.unwrap().status(), status, "{host}");
    }
    assert_eq!(house.begun.load(Ordering::SeqCst), 1);
}

//! Listeners: TLS in front, a router behind, every wait and every size bounded.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use countersign_web::{
    client_address::ClientAddress,
    peer_certificate::{PeerCertificates, peer_certificates},
    problem::Problem,
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tower::ServiceExt as _;

use crate::error::StartError;

/// Connections at once on one listener; more wait in the system's queue.
const MAX_CONNECTIONS: usize = 4096;
/// For a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// For a peer without a session to read why, and how much of what it sends meanwhile is read.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_LINGER_BYTES: u64 = 64 * 1024;
/// For the headers of a request, and so also between two requests of one connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(20);
/// For an answer; longer than bank and messages take in the worst case.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// For a whole connection, so that none is kept for ever.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(600);
/// For the connections that are open when the server stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 32;

/// What is to be served, and where.
pub(crate) struct Endpoint {
    /// The section that says where: metrics, logs and callers know the listener by it.
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// Each session begins with what is in it then.
    pub(crate) tls: watch::Receiver<Arc<ServerConfig>>,
    pub(crate) router: Router,
    /// Peers that may say which certificate was presented (RFC 9440).
    pub(crate) trusted_terminators: Vec<IpAddr>,
}

/// A listener at work.
pub(crate) struct Listener {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listener {
    /// Listens until `stop` turns true.
    pub(crate) async fn start(
        endpoint: Endpoint,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, StartError> {
        let address = endpoint.address;
        let cannot =
            |error: std::io::Error| StartError::Listen { address, cause: error.to_string() };
        let socket = TcpListener::bind(address).await.map_err(cannot)?;
        let address = socket.local_addr().map_err(cannot)?;
        Ok(Self { address, task: tokio::spawn(accept(socket, Arc::new(endpoint), stop)) })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a listener has failed");
        }
    }
}

async fn accept(socket: TcpListener, endpoint: Arc<Endpoint>, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (endpoint, watcher) = (Arc::clone(&endpoint), graceful.watcher());
                tokio::spawn(async move {
                    if timeout(CONNECTION_TIMEOUT, serve(stream, peer, endpoint, watcher))
                        .await
                        .is_err()
                    {
                        tracing::debug!(peer = %peer.ip(), "a connection was open for too long");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, mostly: accepting again at once would spin.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(socket);
    if timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections were still open at the end");
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, endpoint: Arc<Endpoint>, watcher: Watcher) {
    // Answers are small, and the other side waits for each.
    if let Err(error) = stream.set_nodelay(true) {
        return tracing::debug!(%error, "a connection ended at once");
    }
    let acceptor = TlsAcceptor::from(Arc::clone(&endpoint.tls.borrow()));
    let handshake = acceptor.accept(stream).into_fallible();
    let tls = match timeout(HANDSHAKE_TIMEOUT, handshake).await {
        Ok(Ok(tls)) => tls,
        Ok(Err((error, stream))) => {
            tracing::info!(peer = %peer.ip(), %error, "no TLS session");
            return linger(stream).await;
        }
        Err(_) => return tracing::info!(peer = %peer.ip(), "a TLS handshake took too long"),
    };
    let presented = presented(&tls);
    let service = service_fn(move |request| {
        answer(request, peer.ip(), presented.clone(), Arc::clone(&endpoint))
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(HEADER_TIMEOUT);
    if let Err(error) =
        watcher.watch(builder.serve_connection(TokioIo::new(tls), service).into_owned()).await
    {
        tracing::debug!(peer = %peer.ip(), error, "a connection has failed");
    }
}

/// Lets the peer hear why it was refused: in TLS 1.3 it has sent its request by then, and a connection that is closed
/// with unread octets is reset, the alert with it.
async fn linger(mut stream: TcpStream) {
    let drained = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(MAX_LINGER_BYTES), &mut tokio::io::sink()).await
    };
    // Whether it heard is the peer's affair.
    let _: Result<_, _> = timeout(LINGER_TIMEOUT, drained).await;
}

/// The certificates that the peer presented; rustls has verified them.
fn presented(tls: &TlsStream<TcpStream>) -> PeerCertificates {
    let certificates = tls.get_ref().1.peer_certificates().unwrap_or_default();
    PeerCertificates(certificates.iter().map(|certificate| certificate.to_vec()).collect())
}

async fn answer(
    request: hyper::Request<Incoming>,
    peer: IpAddr,
    presented: PeerCertificates,
    endpoint: Arc<Endpoint>,
) -> Result<Response, Infallible> {
    let mut request: Request = request.map(Body::new);
    let client = ClientAddress::of(peer, &endpoint.trusted_terminators, request.headers());
    request.extensions_mut().insert(client);
    match peer_certificates(presented, peer, &endpoint.trusted_terminators, request.headers_mut()) {
        Ok(certificates) => request.extensions_mut().insert(certificates),
        Err(problem) => return Ok(problem.into_response()),
    };
    match timeout(REQUEST_TIMEOUT, endpoint.router.clone().oneshot(request)).await {
        Ok(answered) => answered,
        Err(_) => {
            let problem = Problem::shared(StatusCode::GATEWAY_TIMEOUT, "timeout");
            Ok(problem.into_response())
        }
    }
}

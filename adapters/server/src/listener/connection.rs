//! One connection: a session, then requests, each of which is run to its end.

use std::{convert::Infallible, net::IpAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use countersign_web::{
    answer::guard,
    client_address::{ClientAddress, is_trusted},
    host::{Here, check_host},
    origin::PublicOrigin,
    peer_certificate::{PeerCertificates, peer_certificates},
    problem::Problem,
    step::{StepLost, to_the_end},
};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tower::ServiceExt as _;

use super::{Shared, activity::Activity, timed_body::TimedBody};
use crate::metrics::NotServed;

/// For a peer without a session to read why, and how much of what it sends meanwhile is read; also for one that has never
/// asked anything to take leave.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_LINGER_BYTES: u64 = 64 * 1024;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 32;
/// How HTTP/2 is called where the protocol is agreed upon (RFC 7301).
const H2: &[u8] = b"h2";

pub(super) async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) {
    // Answers are small, and the other side waits for each.
    if let Err(error) = stream.set_nodelay(true) {
        return tracing::debug!(%error, "a connection ended at once");
    }
    let Some(tls) = &shared.endpoint.tls else {
        let none = PeerCertificates::default();
        let server_name = None;
        return Connection { peer, presented: none, server_name, shared, stop }.http1(stream).await;
    };
    let acceptor = TlsAcceptor::from(Arc::clone(&tls.borrow()));
    let Some(session) = session(stream, peer, &acceptor, &shared).await else {
        return;
    };
    // Told by the session, and not guessed from the first octets: somebody who sends none would be guessed about for ever.
    let is_h2 = session.get_ref().1.alpn_protocol() == Some(H2);
    let server_name = session.get_ref().1.server_name().map(str::to_owned);
    let presented = presented(&session);
    let connection = Connection { peer, presented, server_name, shared, stop };
    if is_h2 { connection.http2(session).await } else { connection.http1(session).await }
}

/// The TLS session, if one comes about in time.
async fn session(
    stream: TcpStream,
    peer: IpAddr,
    acceptor: &TlsAcceptor,
    shared: &Shared,
) -> Option<TlsStream<TcpStream>> {
    let Some(_place) = shared.bounds.handshakes.take(peer) else {
        shared.refused(NotServed::Handshakes);
        tracing::info!(%peer, "too many TLS handshakes of one address");
        return None;
    };
    let handshake = acceptor.accept(stream).into_fallible();
    match timeout(shared.bounds.waits.handshake, handshake).await {
        Ok(Ok(session)) => Some(session),
        Ok(Err((error, stream))) => {
            shared.refused(NotServed::NoSession);
            tracing::info!(%peer, %error, "no TLS session");
            linger(stream).await;
            None
        }
        Err(_) => {
            shared.refused(NotServed::HandshakeTimeout);
            tracing::info!(%peer, "a TLS handshake took too long");
            None
        }
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

/// A connection that can ask.
struct Connection {
    peer: IpAddr,
    presented: PeerCertificates,
    /// The host that the client named in its TLS session.
    server_name: Option<String>,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
}

impl Connection {
    async fn http1(self, io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let activity = Activity::new();
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(self.shared.bounds.waits.quiet);
        let service = service_fn(|request| self.answer(request, &activity));
        self.until_over(builder.serve_connection(TokioIo::new(io), service), &activity).await;
    }

    async fn http2(self, io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let activity = Activity::new();
        let this = Arc::new(self);
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .keep_alive_interval(this.shared.bounds.waits.quiet);
        let (each, at) = (Arc::clone(&this), Arc::clone(&activity));
        let service = service_fn(move |request| {
            let (connection, activity) = (Arc::clone(&each), Arc::clone(&at));
            async move { connection.answer(request, &activity).await }
        });
        this.until_over(builder.serve_connection(TokioIo::new(io), service), &activity).await;
    }

    /// Drives it to its end. One that is quiet, too old or on a server that stops takes leave (`GOAWAY`,
    /// `Connection: close`) and has the time of an answer to end what is under way.
    async fn until_over<C: GracefulConnection<Error = hyper::Error>>(
        &self,
        connection: C,
        activity: &Activity,
    ) {
        let waits = &self.shared.bounds.waits;
        let mut stop = self.stop.clone();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = activity.quiet_for(waits.quiet) => None,
            () = sleep(waits.age) => None,
            _ = stop.wait_for(|stop| *stop) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                if !activity.is_used() {
                    self.shared.refused(NotServed::Silent);
                }
                let leave = if activity.is_used() { waits.answer } else { LINGER_TIMEOUT };
                timeout(leave, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %self.peer, %error, "a connection has failed");
        }
    }

    /// Answers a request. It runs in a task of its own, which a client that hangs up does not end: what it has begun is done.
    async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        activity: &Arc<Activity>,
    ) -> Result<Response, Infallible> {
        let _under_way = activity.begin();
        let within = self.shared.bounds.waits.body;
        let request = request.map(|body| Body::new(TimedBody::new(body, within)));
        let answered = self.answered(request).await;
        let answered = answered.unwrap_or_else(|problem| problem.into_response());
        Ok(guard(answered, self.shared.endpoint.tls.is_some()))
    }

    async fn answered(&self, request: Request) -> Result<Response, Problem> {
        let Shared { endpoint, bounds, .. } = self.shared.as_ref();
        let (mut parts, body) = request.into_parts();
        let terminators = &endpoint.trusted_terminators;
        let here = Here {
            server_name: self.server_name.as_deref(),
            public: endpoint.public_origin.as_ref().map(PublicOrigin::host),
            is_terminator: is_trusted(self.peer, terminators),
        };
        check_host(&mut parts, here)?;
        parts.extensions.insert(ClientAddress::of(self.peer, terminators, &parts.headers));
        let presented = self.presented.clone();
        let certificates =
            peer_certificates(presented, self.peer, terminators, &mut parts.headers)?;
        parts.extensions.insert(certificates);
        if let Some(origin) = &endpoint.public_origin {
            parts.extensions.insert(origin.clone());
        }
        let request = Request::from_parts(parts, body);
        let answered = timeout(bounds.waits.answer, self.to_the_end(request)).await;
        answered.map_err(|_| Problem::shared(StatusCode::GATEWAY_TIMEOUT, "timeout"))
    }

    async fn to_the_end(&self, request: Request) -> Response {
        // A client that hangs up while it waits here has begun nothing.
        let place = self.shared.bounds.requests.wait(self.peer).await;
        let router = self.shared.endpoint.router.clone();
        let done = to_the_end(async move {
            let Ok(response) = router.oneshot(request).await;
            drop(place);
            Ok::<_, StepLost>(response)
        });
        done.await.unwrap_or_else(|lost| Problem::from(lost).into_response())
    }
}

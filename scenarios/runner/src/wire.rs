//! HTTP as merchant, payer and tester speak it: each request on a connection of its own, with a limit on all it may take.

use std::{error::Error, fmt, io, path::Path, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1,
    header::{self, HeaderMap},
};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{description::ClientCertificate, failure::Failure};

/// For one request and its answer: longer than a bank that does not answer is waited for.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest answer that is read.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Json {
        Json(serde_json::from_str(&self.body).unwrap_or_default())
    }

    /// The name of the problem that the answer is, if it is one.
    pub(crate) fn problem(&self) -> Option<String> {
        let kind = self.json().text("/type")?.to_owned();
        kind.rsplit(':').next().map(str::to_owned)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.body)
    }
}

/// What an answer says, read by JSON pointers (RFC 6901).
#[derive(Clone, Debug)]
pub(crate) struct Json(pub(crate) Value);

impl Json {
    /// A member that is text.
    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer)?.as_str()
    }

    /// A member that is a whole number.
    pub(crate) fn number(&self, pointer: &str) -> Option<u64> {
        self.0.pointer(pointer)?.as_u64()
    }
}

/// What a request came to.
pub(crate) type Answer = Result<Reply, Unanswered>;

/// There is no answer.
#[derive(Clone, Debug)]
pub(crate) enum Unanswered {
    /// The other side ended the TLS session with that alert (RFC 8446 section 6).
    Alert(String),
    /// Anything else.
    Broken(String),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alert(alert) => write!(f, "no answer: TLS alert {alert}"),
            Self::Broken(cause) => write!(f, "no answer: {cause}"),
        }
    }
}

impl Unanswered {
    fn new(what: &str, error: &(dyn Error + 'static)) -> Self {
        let mut source = Some(error);
        while let Some(error) = source {
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            let tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
            if let Some(rustls::Error::AlertReceived(alert)) = tls {
                return Self::Alert(format!("{alert:?}"));
            }
            source = error.source();
        }
        Self::Broken(format!("{what}: {error}"))
    }
}

/// A TLS client that trusts one authority.
#[derive(Clone)]
pub(crate) struct Tls(TlsConnector);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(..)")
    }
}

impl Tls {
    /// Trusts the authority in that PEM file; presents the certificate, if any.
    pub(crate) fn new(
        authority: &Path,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Self, Failure> {
        let unusable = |path: &Path, error: &dyn fmt::Display| {
            Failure::new(format!("{}: {error}", path.display()))
        };
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(authority)
            .map_err(|error| unusable(authority, &error))?;
        roots.add(root).map_err(|error| unusable(authority, &error))?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::new(error.to_string()))?
            .with_root_certificates(roots);
        let config = match certificate {
            None => builder.with_no_client_auth(),
            Some(ClientCertificate { certificate, key, .. }) => {
                let chain = CertificateDer::pem_file_iter(certificate)
                    .and_then(Iterator::collect)
                    .map_err(|error| unusable(certificate, &error))?;
                let secret =
                    PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
                builder
                    .with_client_auth_cert(chain, secret)
                    .map_err(|error| unusable(key, &error))?
            }
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

impl Tls {
    /// The same, for another client.
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(self.0.config())
    }
}

/// A request to be sent.
#[derive(Debug, Default)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
    pub(crate) headers: Vec<(header::HeaderName, String)>,
    pub(crate) body: String,
}

/// Sends a request; over TLS when the URL says so.
pub(crate) async fn ask(tls: Option<&Tls>, ask: Ask<'_>) -> Result<Reply, Unanswered> {
    let late = |_| {
        Unanswered::Broken(format!("{} did not answer in {} s", ask.url, REQUEST_TIMEOUT.as_secs()))
    };
    timeout(REQUEST_TIMEOUT, exchange(tls, &ask)).await.map_err(late)?
}

async fn exchange(tls: Option<&Tls>, ask: &Ask<'_>) -> Result<Reply, Unanswered> {
    let broken = |cause: &str| Unanswered::Broken(format!("{}: {cause}", ask.url));
    let (scheme, rest) = ask.url.split_once("://").ok_or_else(|| broken("no URL"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, _) = authority.rsplit_once(':').ok_or_else(|| broken("no port"))?;
    let stream =
        TcpStream::connect(authority).await.map_err(|error| Unanswered::new(ask.url, &error))?;
    let mut request = Request::builder()
        .method(ask.method)
        .uri(format!("/{path}"))
        .header(header::HOST, authority);
    for (name, value) in &ask.headers {
        request = request.header(name, value);
    }
    let request = request
        .body(Full::new(Bytes::from(ask.body.clone())))
        .map_err(|error| broken(&error.to_string()))?;
    match (scheme, tls) {
        ("http", _) => send(stream, request, ask.url).await,
        ("https", Some(tls)) => {
            let name = ServerName::try_from(host.to_owned())
                .map_err(|error| broken(&error.to_string()))?;
            let stream = tls
                .0
                .connect(name, stream)
                .await
                .map_err(|error| Unanswered::new(ask.url, &error))?;
            send(stream, request, ask.url).await
        }
        _ => Err(broken("neither http nor https with an authority")),
    }
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
    url: &str,
) -> Result<Reply, Unanswered> {
    let failed = |error: hyper::Error| Unanswered::new(url, &error);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let mut driven = tokio::spawn(connection);
    let answered = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        Ok::<_, hyper::Error>((head, Limited::new(body, MAX_ANSWER_BYTES).collect().await))
    };
    let answered = match answered.await {
        // The connection ended before the request was on it: why, the connection knows.
        Err(error) if error.is_canceled() => match (&mut driven).await {
            Ok(Err(end)) => Err(failed(end)),
            _ => Err(failed(error)),
        },
        Err(error) => Err(failed(error)),
        Ok((head, body)) => {
            body.map_err(|error| Unanswered::Broken(format!("{url}: {error}"))).map(|body| Reply {
                status: head.status,
                headers: head.headers,
                body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
            })
        }
    };
    driven.abort();
    answered
}

/// Asks the control: JSON in, JSON out; what is not done is a failure.
pub(crate) async fn plain(
    method: &str,
    url: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Failure> {
    let url = format!("{url}{path}");
    let headers = vec![(header::CONTENT_TYPE, "application/json".to_owned())];
    let body = body.map(Value::to_string).unwrap_or_default();
    let reply = ask(None, Ask { method, url: &url, headers, body }).await;
    let reply = reply.map_err(|error| Failure::new(format!("{error}; does the sandbox run?")))?;
    if reply.status.is_success() {
        return Ok(reply.json().0);
    }
    Err(Failure::new(format!("{method} {url}: {reply}")))
}

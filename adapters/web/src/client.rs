//! What a server of ours asks another over HTTP: one connection for each exchange, everything bounded.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    http::{Method, Request, StatusCode, Uri, header, uri::Scheme},
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::body::is_of_type;

/// For a whole exchange: the other side may have to ask others meanwhile, and says within this that it is under way.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(20);

/// Why there is no answer.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum HttpError {
    /// The address is not one.
    #[error("{0} is not http:// or https:// and a host")]
    Address(String),
    /// The host cannot be reached.
    #[error("{host} cannot be reached: {cause}")]
    Unreachable {
        /// Which host.
        host: String,
        /// What failed.
        cause: String,
    },
    /// The connection broke.
    #[error("{host} did not answer: {cause}")]
    Broken {
        /// Which host.
        host: String,
        /// What failed.
        cause: String,
    },
    /// It took too long.
    #[error("{host} did not answer within {} seconds", EXCHANGE_TIMEOUT.as_secs())]
    Late {
        /// Which host.
        host: String,
    },
    /// Another status than 200.
    #[error("{host} answered with status {status}")]
    Status {
        /// Which host.
        host: String,
        /// In HTTP (RFC 9110 section 15).
        status: u16,
    },
    /// The answer is no message.
    #[error("{host} answered with something else than {expected}")]
    MediaType {
        /// Which host.
        host: String,
        /// What was asked for.
        expected: &'static str,
    },
    /// The answer is too long, or broke off.
    #[error("{host}: the answer is too long or broke off")]
    Body {
        /// Which host.
        host: String,
    },
}

impl HttpError {
    /// Whether the same message may be answered a little later.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Broken { .. }
            | Self::Late { .. }
            | Self::Body { .. } => true,
            Self::Status { status, .. } => *status >= 500,
            Self::Address(_) | Self::MediaType { .. } => false,
        }
    }
}

/// Asks other servers.
#[derive(Clone)]
pub struct HttpClient {
    tls: Arc<ClientConfig>,
    max_answer_bytes: usize,
}

impl HttpClient {
    /// A client that trusts what that configuration trusts, and is known by its certificate if it has one, where the address
    /// begins with `https`. Of an answer it reads so many octets at most.
    pub const fn new(tls: Arc<ClientConfig>, max_answer_bytes: usize) -> Self {
        Self { tls, max_answer_bytes }
    }

    /// Whether that is an address that it can ask.
    ///
    /// # Errors
    /// [`HttpError::Address`].
    pub fn check(url: &str) -> Result<(), HttpError> {
        Target::of(url).map(drop)
    }

    /// Sends a message of that media type, and gives the answer, which is of the same.
    ///
    /// # Errors
    /// When there is none: whether the message arrived is not known.
    pub async fn exchange(
        &self,
        url: &str,
        method: Method,
        message: Vec<u8>,
        media_type: &'static str,
    ) -> Result<Vec<u8>, HttpError> {
        let target = Target::of(url)?;
        let host = target.host.clone();
        let asking = self.ask(&target, method, message, media_type);
        timeout(EXCHANGE_TIMEOUT, asking).await.unwrap_or(Err(HttpError::Late { host }))
    }

    async fn ask(
        &self,
        target: &Target,
        method: Method,
        message: Vec<u8>,
        media_type: &'static str,
    ) -> Result<Vec<u8>, HttpError> {
        let unreachable =
            |cause: String| HttpError::Unreachable { host: target.host.clone(), cause };
        let request = target.request(method, message, media_type)?;
        let stream = TcpStream::connect((target.host.as_str(), target.port)).await;
        let stream = stream.map_err(|error| unreachable(error.to_string()))?;
        if !target.is_tls {
            return target.answer(stream, request, media_type, self.max_answer_bytes).await;
        }
        let name = ServerName::try_from(target.host.clone());
        let name = name.map_err(|error| unreachable(error.to_string()))?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        let stream = stream.map_err(|error| unreachable(error.to_string()))?;
        target.answer(stream, request, media_type, self.max_answer_bytes).await
    }
}

/// An address, taken apart.
struct Target {
    host: String,
    port: u16,
    is_tls: bool,
    authority: String,
    path: String,
}

impl Target {
    fn of(url: &str) -> Result<Self, HttpError> {
        let refuse = || HttpError::Address(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| refuse())?;
        let is_tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(_) | None => return Err(refuse()),
        };
        let authority = uri.authority().ok_or_else(refuse)?;
        // An IPv6 address stands in brackets (RFC 3986 section 3.2.2).
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self {
            host,
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            is_tls,
            authority: authority.as_str().to_owned(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }

    fn request(
        &self,
        method: Method,
        message: Vec<u8>,
        media_type: &'static str,
    ) -> Result<Request<Full<Bytes>>, HttpError> {
        let mut request = Request::builder()
            .method(&method)
            .uri(&self.path)
            .header(header::HOST, &self.authority)
            .header(header::ACCEPT, media_type)
            .header(header::CONNECTION, "close");
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, media_type);
        }
        let refuse = |_| HttpError::Address(self.authority.clone());
        request.body(Full::new(message.into())).map_err(refuse)
    }

    async fn answer<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        &self,
        stream: S,
        request: Request<Full<Bytes>>,
        media_type: &'static str,
        max_bytes: usize,
    ) -> Result<Vec<u8>, HttpError> {
        let host = || self.host.clone();
        let broken =
            |error: hyper::Error| HttpError::Broken { host: host(), cause: error.to_string() };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(broken)?;
            let (head, body) = response.into_parts();
            if head.status != StatusCode::OK {
                return Err(HttpError::Status { host: host(), status: head.status.as_u16() });
            }
            if !is_of_type(&head.headers, media_type) {
                return Err(HttpError::MediaType { host: host(), expected: media_type });
            }
            let body = Limited::new(body, max_bytes).collect().await;
            let body = body.map_err(|_| HttpError::Body { host: host() })?;
            Ok(body.to_bytes().to_vec())
        };
        // The connection is driven beside the exchange, and ends with it.
        tokio::pin!(exchange);
        tokio::select! {
            done = &mut exchange => done,
            _ = connection => exchange.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_http_or_https_and_a_host() {
        for (url, expected) in [
            ("https://pay.example.com/set", Some(("pay.example.com", 443, true, "/set"))),
            (
                "http://127.0.0.1:8080/set/orders/1",
                Some(("127.0.0.1", 8080, false, "/set/orders/1")),
            ),
            ("http://[::1]:81", Some(("::1", 81, false, "/"))),
            ("ftp://pay.example.com/set", None),
            ("pay.example.com/set", None),
            ("/set", None),
            ("https://", None),
            ("", None),
        ] {
            let found = Target::of(url);
            let found = found.as_ref().map(|target| {
                (target.host.as_str(), target.port, target.is_tls, target.path.as_str())
            });
            assert_eq!(found.ok(), expected, "{url}");
        }
    }
}

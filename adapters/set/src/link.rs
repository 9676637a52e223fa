//! The way to a gateway or a merchant over HTTP: one connection for each exchange, everything bounded.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::http::{Method, Request, StatusCode, Uri, header, uri::Scheme};
use bytes::Bytes;
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

use crate::{
    http::{INITIATION, PAYMENT, REGISTRATION, REGISTRATION_INITIATION, is_of_type},
    merchant::{GatewayLink, LinkError},
    wire::MAX_MESSAGE_BYTES,
};

/// For a whole exchange: the gateway asks the bank meanwhile, and answers within this that it is under way.
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

/// A client of SET's messages over HTTP.
#[derive(Clone)]
pub struct HttpClient {
    tls: Arc<ClientConfig>,
}

/// The way to one gateway.
pub struct HttpLink {
    client: HttpClient,
    url: String,
}

impl HttpLink {
    /// The way to the gateway that takes messages there.
    ///
    /// # Errors
    /// [`HttpError::Address`].
    pub fn new(client: HttpClient, url: &str) -> Result<Self, HttpError> {
        Target::of(url)?;
        Ok(Self { client, url: url.to_owned() })
    }
}

#[async_trait]
impl GatewayLink for HttpLink {
    async fn exchange(&self, message: Vec<u8>) -> Result<Vec<u8>, LinkError> {
        let answered = self.client.exchange(&self.url, message).await;
        answered.map_err(|error| LinkError { cause: error.to_string() })
    }
}

impl HttpClient {
    /// A client that trusts what that configuration trusts, where the address begins with `https`.
    pub const fn new(tls: Arc<ClientConfig>) -> Self {
        Self { tls }
    }

    /// Sends a message, and gives the answer.
    ///
    /// # Errors
    /// When there is none: whether the message arrived is not known.
    pub async fn exchange(&self, url: &str, message: Vec<u8>) -> Result<Vec<u8>, HttpError> {
        self.asked(url, Method::POST, message, PAYMENT).await
    }

    /// The wake-up at the address of an order.
    ///
    /// # Errors
    /// When there is none.
    pub async fn wake_up(&self, url: &str) -> Result<Vec<u8>, HttpError> {
        self.asked(url, Method::GET, Vec::new(), INITIATION).await
    }

    /// Sends a message of a registration, and gives the answer.
    ///
    /// # Errors
    /// When there is none: whether the message arrived is not known.
    pub async fn register(&self, url: &str, message: Vec<u8>) -> Result<Vec<u8>, HttpError> {
        self.asked(url, Method::POST, message, REGISTRATION).await
    }

    /// What an authority says of where one registers.
    ///
    /// # Errors
    /// When there is none.
    pub async fn invitation(&self, url: &str) -> Result<Vec<u8>, HttpError> {
        self.asked(url, Method::GET, Vec::new(), REGISTRATION_INITIATION).await
    }

    async fn asked(
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
            return target.answer(stream, request, media_type).await;
        }
        let name = ServerName::try_from(target.host.clone());
        let name = name.map_err(|error| unreachable(error.to_string()))?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        let stream = stream.map_err(|error| unreachable(error.to_string()))?;
        target.answer(stream, request, media_type).await
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
            let body = Limited::new(body, MAX_MESSAGE_BYTES).collect().await;
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

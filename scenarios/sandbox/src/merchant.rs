//! The shop's back end: a client of the merchants' API over TLS, like any merchant's.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::Value;
use thiserror::Error;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use crate::error::SandboxError;

/// A request with this header is the sandbox's own look at a purchase, or a tester's, and part of none.
pub const OWN_LOOK: &str = "sandbox-look";

const PATIENCE: Duration = Duration::from_secs(10);
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// A merchant with its key.
pub(crate) struct Merchant {
    tls: TlsConnector,
    api: SocketAddr,
    key: String,
}

/// TLS of a program that trusts that authority.
pub(crate) fn trusting(authority: &Path) -> Result<Arc<ClientConfig>, SandboxError> {
    let unusable = |error: &dyn std::fmt::Display| SandboxError::Certificates(error.to_string());
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(authority).map_err(|error| unusable(&error))?;
    roots.add(root).map_err(|error| unusable(&error))?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The API did not do what it was asked.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct NotDone(pub(crate) String);

impl Merchant {
    pub(crate) fn new(
        api: SocketAddr,
        key: String,
        authority: &Path,
    ) -> Result<Self, SandboxError> {
        let config = trusting(authority)?;
        Ok(Self { tls: TlsConnector::from(config), api, key })
    }

    /// Calls the API as a merchant does.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, NotDone> {
        let request = Request::builder().header(header::CONTENT_TYPE, "application/json");
        self.ask(request, method, path, body.to_string()).await
    }

    /// Looks at something for a page of the sandbox; this is no part of the purchase's flow.
    pub(crate) async fn look(&self, path: &str) -> Result<Value, NotDone> {
        let request = Request::builder().header(OWN_LOOK, "1");
        self.ask(request, "GET", path, String::new()).await
    }

    async fn ask(
        &self,
        request: hyper::http::request::Builder,
        method: &str,
        path: &str,
        body: String,
    ) -> Result<Value, NotDone> {
        let request = request
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| NotDone(error.to_string()))?;
        let asked = timeout(PATIENCE, self.exchange(request)).await;
        let answer = asked.map_err(|_| NotDone("the API does not answer".to_owned()))?;
        answer.map_err(|error| NotDone(error.to_string()))
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(self.api).await?;
        let stream = self.tls.connect(ServerName::try_from("localhost")?, stream).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let driven = tokio::spawn(connection);
        let answered = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await?.to_bytes();
            let said: Value = serde_json::from_slice(&body).unwrap_or_default();
            if head.status.is_success() {
                return Ok(said);
            }
            let detail = said.get("detail").and_then(Value::as_str).unwrap_or_default();
            Err(format!("{}: {detail}", head.status).into())
        }
        .await;
        driven.abort();
        answered
    }
}

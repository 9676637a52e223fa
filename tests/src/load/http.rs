//! A light HTTP/1.1 client over TLS: it must not be what is measured. One request at a time, kept alive.

use std::{
    io::{Error, ErrorKind, Result},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use rustls::{ClientConfig, RootCertStore, client::Resumption, crypto::ring::default_provider};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// How to reach servers whose certificates lead to one root.
#[derive(Clone)]
pub struct Dialler {
    connector: TlsConnector,
}

/// A connection to a server.
pub struct Connection {
    stream: TlsStream<TcpStream>,
    received: Vec<u8>,
}

/// What came back.
pub struct Answer {
    /// As in its first line.
    pub status: u16,
    /// Status line and headers, as they came.
    pub head: String,
    /// What follows its headers.
    pub body: String,
}

impl Answer {
    /// The value of a member of a flat JSON body that is text; empty when it is not there.
    pub fn text(&self, member: &str) -> &str {
        between(&self.body, &format!("\"{member}\":\""), "\"")
    }

    /// The cookie that the answer sets; empty when it sets none.
    pub fn cookie(&self) -> &str {
        between(&self.head, "set-cookie: ", ";")
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let found = text.split_once(before);
    let found = found.and_then(|(_, rest)| rest.split_once(after));
    found.map_or("", |(found, _)| found)
}

impl Dialler {
    /// Trusts the authorities of a PEM text, and presents a client certificate, chain and key in PEM, if there is one.
    /// Every connection is a full handshake: nothing is resumed.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn new(authorities: &str, client: Option<(&str, &str)>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
            roots.add(root.map_err(other)?).map_err(other)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(other)?
            .with_root_certificates(roots);
        let mut config = match client {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = CertificateDer::pem_slice_iter(chain.as_bytes());
                let chain = chain.collect::<std::result::Result<_, _>>().map_err(other)?;
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(other)?;
                config.with_client_auth_cert(chain, key).map_err(other)?
            }
        };
        config.resumption = Resumption::disabled();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Connects to a port on this machine.
    ///
    /// # Errors
    /// When there is no TLS session.
    pub async fn dial(&self, port: u16) -> Result<Connection> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").map_err(other)?;
        let stream = self.connector.connect(name, stream).await?;
        Ok(Connection { stream, received: Vec::with_capacity(4_096) })
    }
}

impl Connection {
    /// Sends a request and reads the answer. `headers` are whole lines, each with its end.
    ///
    /// # Errors
    /// When the connection breaks, or what comes is no HTTP.
    pub async fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Result<Answer> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n\
             content-length: {length}\r\n{headers}\r\n{body}"
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.received.clear();
        let head = loop {
            if let Some(end) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.receive().await?;
        };
        let text = String::from_utf8_lossy(self.received.get(..head).unwrap_or_default());
        let head_text = text.to_ascii_lowercase();
        // The cookie's value has lower case only, so that nothing of it is lost.
        let length: usize = between(&head_text, "content-length: ", "\r\n").parse().unwrap_or(0);
        while self.received.len() < head + length {
            self.receive().await?;
        }
        let status = between(&head_text, "http/1.1 ", " ").parse();
        let body = self.received.get(head..head + length).unwrap_or_default();
        Ok(Answer {
            status: status.map_err(other)?,
            body: String::from_utf8_lossy(body).into_owned(),
            head: head_text,
        })
    }

    async fn receive(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Ends the session as it should be.
    ///
    /// # Errors
    /// When the other side was faster.
    pub async fn close(mut self) -> Result<()> {
        self.stream.shutdown().await
    }
}

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::other(error)
}

//! From nothing to a bound session, again and again.

use std::{sync::Arc, time::Duration};

use bytes::{Buf, BytesMut};
use rustls::{ClientConfig, crypto::ring};
use rustls_pki_types::ServerName;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::{
    pdu::{Bind, Body, Malformed, Pdu, RESPONSE_BIT, first_pdu},
    settings::{InvalidSettings, SmppSettings},
    status::Status,
};

/// The sequence number of the bind, the first request of a session.
const BIND_SEQUENCE: u32 = 1;

/// Octets of requests that are kept until the bind is answered.
const MAX_EARLY_OCTETS: usize = 65_536;

/// A connection to the centre, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Why there is no session.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(super) enum Unbound {
    #[error("no connection: {0}")]
    Unreachable(std::io::ErrorKind),
    #[error("no answer in time")]
    Silent,
    #[error("the bind was refused with {0}")]
    Refused(Status),
    #[error("the bind was answered with something else")]
    Unexpected,
}

impl From<std::io::Error> for Unbound {
    fn from(error: std::io::Error) -> Self {
        Self::Unreachable(error.kind())
    }
}

/// How to call the centre.
pub(super) struct Caller {
    settings: Arc<SmppSettings>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Caller {
    pub(super) fn new(settings: Arc<SmppSettings>) -> Result<Self, InvalidSettings> {
        let tls = settings.tls.as_ref().map(|tls| {
            let (name, roots) = tls.parts()?;
            let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|_| InvalidSettings { setting: "tls", why: "has no protocol version" })?
                .with_root_certificates(roots)
                .with_no_client_auth();
            Ok((TlsConnector::from(Arc::new(config)), name))
        });
        Ok(Self { tls: tls.transpose()?, settings })
    }

    /// Connects and binds. Returns the connection and what came on it after the answer to the bind.
    pub(super) async fn call(&self) -> Result<(Box<dyn Stream>, BytesMut), Unbound> {
        let patience = self.settings.response_timeout;
        let mut stream = timeout(patience, self.connect()).await.map_err(|_| Unbound::Silent)??;
        let received =
            timeout(patience, self.bind(&mut stream)).await.map_err(|_| Unbound::Silent)??;
        Ok((stream, received))
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, Unbound> {
        let tcp = TcpStream::connect((self.settings.host.as_str(), self.settings.port)).await?;
        // A submission is one small write: it must not wait for more.
        tcp.set_nodelay(true)?;
        Ok(match &self.tls {
            None => Box::new(tcp),
            Some((connector, name)) => Box::new(connector.connect(name.clone(), tcp).await?),
        })
    }

    async fn bind(&self, stream: &mut Box<dyn Stream>) -> Result<BytesMut, Unbound> {
        let bind = Body::BindTransceiver(Bind {
            system_id: self.settings.system_id.clone(),
            password: Zeroizing::new(self.settings.password.expose().clone()),
            system_type: self.settings.system_type.clone(),
        });
        let mut octets = Zeroizing::new(Vec::with_capacity(128));
        Pdu::request(BIND_SEQUENCE, bind).encode(&mut octets).map_err(|_| Unbound::Unexpected)?;
        stream.write_all(&octets).await?;
        stream.flush().await?;

        let (mut received, mut requests) = (BytesMut::new(), BytesMut::new());
        let answer = loop {
            if requests.len() > MAX_EARLY_OCTETS {
                return Err(Unbound::Unexpected);
            }
            match first_pdu(&received) {
                Ok(Some(octets)) => {
                    let pdu = Pdu::decode(octets);
                    let octets = octets.to_vec();
                    received.advance(octets.len());
                    if !is_request(&pdu) {
                        break pdu;
                    }
                    // Centres that ask or deliver before they answer the bind: it is answered once there is a session.
                    requests.extend_from_slice(&octets);
                    continue;
                }
                Ok(None) => {}
                Err(_) => return Err(Unbound::Unexpected),
            }
            if stream.read_buf(&mut received).await? == 0 {
                return Err(Unbound::Unreachable(std::io::ErrorKind::UnexpectedEof));
            }
        };
        match answer {
            Ok(Pdu {
                status: Status::ESME_ROK,
                sequence: BIND_SEQUENCE,
                body: Body::BindTransceiverResp { .. },
            }) => {
                requests.extend_from_slice(&received);
                Ok(requests)
            }
            Ok(Pdu {
                status, body: Body::BindTransceiverResp { .. } | Body::GenericNack, ..
            }) => Err(Unbound::Refused(status)),
            Ok(_) | Err(_) => Err(Unbound::Unexpected),
        }
    }
}

fn is_request(pdu: &Result<Pdu, Malformed>) -> bool {
    let command_id = match pdu {
        Ok(pdu) => pdu.body.command_id(),
        Err(malformed) => malformed.command_id,
    };
    command_id & RESPONSE_BIT == 0
}

/// The pauses between calls: each twice as long as the one before, up to the longest, without jitter, so that what
/// happens can be told beforehand.
pub(super) struct Pauses {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Pauses {
    pub(super) const fn new(settings: &SmppSettings) -> Self {
        let (first, longest) = (settings.reconnect_pause, settings.max_reconnect_pause);
        Self { first, longest, next: first }
    }

    /// The pause before the next call.
    pub(super) fn take(&mut self) -> Duration {
        let pause = self.next.min(self.longest);
        self.next = pause.saturating_mul(2);
        pause
    }

    /// A session ended that had lived for so long: the next pause is the first again if that is longer than the pause would
    /// be. A centre that takes every bind and drops every session is called less and less.
    pub(super) fn after(&mut self, life: Duration) {
        if life >= self.next.min(self.longest) {
            self.next = self.first;
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_domain::secret::Secret;

    use super::*;
    use crate::smpp::SourceAddress;

    #[test]
    fn the_pauses_double_up_to_the_longest_and_begin_again_once_a_session_has_lived() {
        let source = SourceAddress::ShortCode("3800".to_owned());
        let mut settings =
            SmppSettings::new("127.0.0.1", 2775, "me", Secret::new(String::new()), source);
        settings.max_reconnect_pause = Duration::from_secs(5);
        let mut pauses = Pauses::new(&settings);
        assert_eq!(
            [1, 2, 4, 5, 5].map(Duration::from_secs),
            std::array::from_fn(|_| pauses.take())
        );
        pauses.after(Duration::from_secs(4));
        assert_eq!(pauses.take(), Duration::from_secs(5));
        pauses.after(Duration::from_secs(10));
        assert_eq!(pauses.take(), Duration::from_secs(1));
        pauses.after(Duration::from_millis(1));
        assert_eq!(pauses.take(), Duration::from_secs(2));
    }
}

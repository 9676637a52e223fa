//! Listeners: TLS in front, a router behind, every wait, every size and every peer's share bounded.

mod activity;
mod bounds;
mod connection;
#[cfg(test)]
mod tests;
mod timed_body;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use countersign_web::origin::PublicOrigin;
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

pub(crate) use self::bounds::{Bounds, MAX_WATCHING};
use self::connection::serve;
use crate::{
    error::StartError,
    metrics::{Metrics, NotServed},
    places::Place,
};

/// Before it is accepted again where that failed: out of file descriptors, mostly, and at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is to be served, and where.
pub(crate) struct Endpoint {
    /// The section that says where: metrics, logs and callers know the listener by it.
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// Each session begins with what is in it then. `None`: there is no TLS.
    pub(crate) tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    pub(crate) router: Router,
    /// Where people reach it, where that is configured: requests for that host are ours.
    pub(crate) public_origin: Option<PublicOrigin>,
    /// Peers that may say which certificate was presented (RFC 9440).
    pub(crate) trusted_terminators: Vec<IpAddr>,
}

/// What the connections of a listener have in common.
struct Shared {
    endpoint: Endpoint,
    bounds: Bounds,
    metrics: Arc<Metrics>,
}

impl Shared {
    fn refused(&self, cause: NotServed) {
        self.metrics.refused(self.endpoint.name, cause);
    }

    fn counted(&self) {
        self.metrics.connected(self.endpoint.name, self.bounds.connections.held());
    }
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
        bounds: Bounds,
        metrics: Arc<Metrics>,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, StartError> {
        let address = endpoint.address;
        let cannot = |error: io::Error| StartError::Listen { address, cause: error.to_string() };
        let socket = TcpListener::bind(address).await.map_err(cannot)?;
        let address = socket.local_addr().map_err(cannot)?;
        metrics.listens(endpoint.name);
        let shared = Arc::new(Shared { endpoint, bounds, metrics });
        Ok(Self { address, task: tokio::spawn(listen(socket, shared, stop)) })
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

/// Accepts until `stop` turns true, then waits for connections and work, but not for ever.
async fn listen(socket: TcpListener, shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    let mut stopping = stop.clone();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&socket, &shared) => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        if let Some((stream, peer, place)) = accepted {
            let (shared, stop) = (Arc::clone(&shared), stop.clone());
            tokio::spawn(async move {
                shared.counted();
                serve(stream, peer, Arc::clone(&shared), stop).await;
                drop(place);
                shared.counted();
            });
        }
    }
    drop(socket);
    let Bounds { connections, requests, waits, .. } = &shared.bounds;
    let over = async {
        connections.all_free().await;
        requests.all_free().await;
    };
    if timeout(waits.stop, over).await.is_err() {
        tracing::warn!(
            listener = shared.endpoint.name,
            connections = connections.held(),
            requests = requests.held(),
            "some connections or requests were not over at the end"
        );
    }
}

/// The next connection that has a place.
async fn accept(socket: &TcpListener, shared: &Shared) -> Option<(TcpStream, IpAddr, Place)> {
    let place = shared.bounds.connections.reserve().await?;
    match socket.accept().await {
        Ok((stream, peer)) => {
            let peer = peer.ip();
            let Some(place) = shared.bounds.connections.give(place, peer) else {
                shared.refused(NotServed::Address);
                tracing::debug!(%peer, "too many connections of one address");
                return None;
            };
            Some((stream, peer, place))
        }
        Err(error) => {
            shared.refused(NotServed::Accept);
            tracing::warn!(%error, "cannot accept a connection");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

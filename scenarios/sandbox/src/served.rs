//! Pages and control, served on an address over plain HTTP.

use std::net::SocketAddr;

use axum::Router;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::error::{SandboxError, listen};

/// A listener that has its address, and serves nothing yet.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    listener: TcpListener,
}

/// Routes that are served until this is dropped.
pub(crate) struct Served(JoinHandle<()>);

impl Door {
    /// Listens; port 0 takes a free one.
    pub(crate) async fn at(address: SocketAddr) -> Result<Self, SandboxError> {
        let cannot = |error: std::io::Error| listen(address, &error);
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        Ok(Self { address, listener })
    }

    pub(crate) fn serve(self, routes: Router) -> Served {
        Served(tokio::spawn(async move {
            if let Err(error) = axum::serve(self.listener, routes).await {
                tracing::error!(%error, "control stopped");
            }
        }))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.abort();
    }
}

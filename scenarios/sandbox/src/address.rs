//! Where things listen, and how people write that.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use crate::error::{SandboxError, listen};

/// The address itself, or one with a port that is free now: the public origin names it before the server listens.
pub(crate) fn free_port(address: SocketAddr) -> Result<SocketAddr, SandboxError> {
    if address.port() != 0 {
        return Ok(address);
    }
    TcpListener::bind(address)
        .and_then(|listener| listener.local_addr())
        .map_err(|error| listen(address, &error))
}

/// `localhost` where it means this address, as certificates and the last line of the message name hosts.
pub(crate) fn host(address: SocketAddr) -> String {
    if address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    }
}

pub(crate) fn url(scheme: &str, address: SocketAddr) -> String {
    format!("{scheme}://{}", host(address))
}

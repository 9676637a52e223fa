//! A loopback address for each centre.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use super::error::CentreError;

/// Below the ports that the system gives to clients, and used by none of the programs.
const CLAIM_PORT: u16 = 29_117;
/// How many addresses are tried.
const TRIES: u16 = 64;

/// An address in 127.200.0.0/16 that belongs to one centre. A listener that nobody calls claims it: the system lets only
/// one process have it, and takes it back from a process that died.
pub(super) struct LoopbackAddress {
    address: Ipv4Addr,
    _claim: TcpListener,
}

impl LoopbackAddress {
    /// Claims an address that no other centre on this machine has.
    pub(super) fn claim() -> Result<Self, CentreError> {
        /// Spreads the centres of one process; the process number spreads the processes.
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let [low, high, ..] = std::process::id().to_le_bytes();
        let start = u16::from_le_bytes([high, low]);
        let mut reason = String::new();
        for _ in 0..TRIES {
            let [third, fourth] =
                start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
            let address = Ipv4Addr::new(127, 200, third, fourth);
            match TcpListener::bind(SocketAddrV4::new(address, CLAIM_PORT)) {
                Ok(claim) => {
                    return Ok(Self { address, _claim: claim });
                }
                Err(error) => reason = error.to_string(),
            }
        }
        Err(CentreError::NoAddress { reason })
    }

    pub(super) fn port(&self, port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, port)
    }

    pub(super) fn ip(&self) -> Ipv4Addr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_centres_have_two_addresses() {
        let (one, other) = (LoopbackAddress::claim().unwrap(), LoopbackAddress::claim().unwrap());
        assert_ne!(one.ip(), other.ip());
    }
}

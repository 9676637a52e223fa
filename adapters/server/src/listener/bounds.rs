//! What a listener lets one peer, and all of them, take of it: places and time.

use std::{net::IpAddr, time::Duration};

use crate::{config::ConnectionsSection, places::Places};

/// Requests that a listener works on at once, those counted whose clients have gone; more wait.
const MAX_REQUESTS: u32 = 512;
/// Connections of those who watch.
pub(crate) const MAX_WATCHING: u32 = 64;

/// How long a peer may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waits {
    /// For a TLS handshake.
    pub(crate) handshake: Duration,
    /// For the headers of a request, and between two requests of one connection; also before the first.
    pub(crate) quiet: Duration,
    /// For the body of a request.
    pub(crate) body: Duration,
    /// For an answer; longer than bank and messages take in the worst case.
    pub(crate) answer: Duration,
    /// For a whole connection, so that none is kept for ever: it is then closed after what is under way.
    pub(crate) age: Duration,
    /// For the connections and the work that are there when the server stops.
    pub(crate) stop: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            quiet: Duration::from_secs(20),
            body: Duration::from_secs(20),
            answer: Duration::from_secs(60),
            age: Duration::from_secs(600),
            stop: Duration::from_secs(10),
        }
    }
}

/// Places and waits of one listener.
pub(crate) struct Bounds {
    pub(crate) connections: Places,
    pub(crate) handshakes: Places,
    pub(crate) requests: Places,
    pub(crate) waits: Waits,
}

impl Bounds {
    /// As configured; `terminators` are exempt beside those that the section names.
    pub(crate) fn of(section: &ConnectionsSection, terminators: &[IpAddr]) -> Self {
        let exempt = [section.exempt.as_slice(), terminators].concat();
        let max = section.max_per_listener.get();
        let places = |max, each: std::num::NonZeroU32| Places::new(max, each.get(), &exempt);
        Self {
            connections: places(max, section.max_per_address),
            handshakes: places(max, section.max_handshakes_per_address),
            requests: places(MAX_REQUESTS, section.max_requests_per_address),
            waits: Waits::default(),
        }
    }

    /// Of those who watch, who are few and ask for little.
    pub(crate) fn of_operations() -> Self {
        let places = || Places::new(MAX_WATCHING, MAX_WATCHING, &[]);
        Self {
            connections: places(),
            handshakes: places(),
            requests: places(),
            waits: Waits::default(),
        }
    }
}

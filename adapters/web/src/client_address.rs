//! Where a request comes from: messages to phones are limited for each client.

use std::{convert::Infallible, net::IpAddr};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, request::Parts},
};

/// The header in which terminators say for whom they ask; each adds the address that it sees at the end.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address; none where it is not known. Present in a request's extensions: the listener puts it there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl ClientAddress {
    /// The peer; or, where that is a trusted terminator, the address that it has added to the header. Anybody else's header says
    /// nothing, and a terminator that says nothing speaks for clients that nobody can tell apart.
    pub fn of(peer: IpAddr, trusted_terminators: &[IpAddr], headers: &HeaderMap) -> Self {
        let peer = peer.to_canonical();
        if !is_trusted(peer, trusted_terminators) {
            return Self(Some(peer));
        }
        let last = headers.get_all(FORWARDED_FOR).iter().next_back();
        let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next());
        let address = last.and_then(|address| address.trim().parse::<IpAddr>().ok());
        Self(address.map(|address| address.to_canonical()))
    }
}

/// Whether the peer is one of those terminators. A socket for both families gives an IPv4 peer as an IPv4-mapped address (RFC
/// 4291 section 2.5.5.2), and an operator may write either.
pub fn is_trusted(peer: IpAddr, trusted_terminators: &[IpAddr]) -> bool {
    let peer = peer.to_canonical();
    trusted_terminators.iter().any(|trusted| trusted.to_canonical() == peer)
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_is_the_same_however_it_is_mapped() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for (peer, trusted, expected) in [
            ("10.0.0.1", "10.0.0.1", true),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "::ffff:10.0.0.1", true),
            ("::10.0.0.1", "10.0.0.1", false),
            ("::ffff:10.0.0.2", "10.0.0.1", false),
            ("2001:db8::1", "2001:db8::1", true),
        ] {
            assert_eq!(
                is_trusted(address(peer), &[address(trusted)]),
                expected,
                "{peer} {trusted}"
            );
        }
    }

    #[test]
    fn only_a_trusted_terminator_says_for_whom_it_asks() {
        let terminator = [10, 0, 0, 1].into();
        let of = |peer: &str, values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(FORWARDED_FOR, value.parse().unwrap());
            }
            let address = ClientAddress::of(peer.parse().unwrap(), &[terminator], &headers).0;
            address.map(|address| address.to_string())
        };
        for (peer, values, address) in [
            ("192.0.2.7", &[][..], Some("192.0.2.7")),
            ("192.0.2.7", &["198.51.100.1"], Some("192.0.2.7")),
            ("10.0.0.1", &["198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &["203.0.113.9, 2001:db8::1"], Some("2001:db8::1")),
            ("10.0.0.1", &["203.0.113.9", "198.51.100.1"], Some("198.51.100.1")),
            ("10.0.0.1", &["unknown"], None),
            ("10.0.0.1", &[], None),
            ("::ffff:10.0.0.1", &["198.51.100.1"], Some("198.51.100.1")),
            ("::ffff:192.0.2.7", &["198.51.100.1"], Some("192.0.2.7")),
            ("10.0.0.1", &["::ffff:198.51.100.1"], Some("198.51.100.1")),
        ] {
            assert_eq!(of(peer, values).as_deref(), address, "{peer} {values:?}");
        }
    }
}

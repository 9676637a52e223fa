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
        if !trusted_terminators.contains(&peer) {
            return Self(Some(peer));
        }
        let last = headers.get_all(FORWARDED_FOR).iter().next_back();
        let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next());
        Self(last.and_then(|address| address.trim().parse().ok()))
    }
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
        ] {
            assert_eq!(of(peer, values).as_deref(), address, "{peer} {values:?}");
        }
    }
}

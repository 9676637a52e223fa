//! Where people reach us: pages link to it, and the last line of a message to the phone is bound to its host.

use std::fmt;

use countersign_domain::{
    invalid::{Field, InvalidInput},
    origin::Origin,
};
use serde::Deserialize;

/// The scheme of every origin; plain HTTP is permitted to the own machine, as browsers permit it (W3C Secure Contexts
/// section 3.1).
const SCHEME: &str = "https://";
const LOCAL_SCHEME: &str = "http://";
/// The ports of both, which browsers leave out of an origin: one that names them is never that of a request.
const PORT: &str = ":443";
const LOCAL_PORT: &str = ":80";

/// The origin of pages (RFC 6454): `https://`, a host in lower case, perhaps a port; no path, no user.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct PublicOrigin {
    text: String,
    host: Origin,
}

impl PublicOrigin {
    /// The host, without the port: what an origin-bound code names.
    pub const fn host(&self) -> &Origin {
        &self.host
    }
}

/// As a browser writes it, so that a path can follow.
impl fmt::Display for PublicOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for PublicOrigin {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        let why = "is not https:// and a host in lower case, without a path";
        let found = host(&text).and_then(|host| Origin::try_from(host).ok());
        let host = found.ok_or_else(|| InvalidInput::new(Field::PublicOrigin, why))?;
        Ok(Self { text, host })
    }
}

fn host(origin: &str) -> Option<&str> {
    let (authority, is_local) = match origin.strip_prefix(SCHEME) {
        Some(authority) => (authority, false),
        None => (origin.strip_prefix(LOCAL_SCHEME)?, true),
    };
    // An IPv6 address has colons of its own, and stands in brackets (RFC 3986 section 3.2.2).
    let (host, rest) = match authority.strip_prefix('[') {
        Some(inside) => authority.split_at(inside.find(']')?.checked_add(2)?),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let default = if is_local { LOCAL_PORT } else { PORT };
    let is_ours = rest != default && rest.strip_prefix(':').is_some_and(is_port);
    let has_port = rest.is_empty() || is_ours;
    let may_be_plain = !is_local || matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    (has_port && may_be_plain).then_some(host)
}

fn is_port(text: &str) -> bool {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits && !text.starts_with('0') && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<PublicOrigin> {
        PublicOrigin::try_from(text.to_owned()).ok()
    }

    #[test]
    fn the_host_of_an_origin_is_without_its_port() {
        for (text, host) in [
            ("https://pay.example.com", "pay.example.com"),
            ("https://pay.example.com:8443", "pay.example.com"),
            ("https://localhost", "localhost"),
            ("https://192.0.2.1:8443", "192.0.2.1"),
            ("https://[::1]", "[::1]"),
            ("https://[2001:db8::1]:8443", "[2001:db8::1]"),
            ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("http://127.0.0.1:3000", "127.0.0.1"),
            ("http://[::1]:3000", "[::1]"),
        ] {
            let origin = read(text);
            assert_eq!(origin.as_ref().map(|origin| origin.host().as_str()), Some(host), "{text}");
            assert_eq!(origin.map(|origin| origin.to_string()), Some(text.to_owned()));
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_refused() {
        let long = format!("https://{}", ["a"; 128].join("."));
        for (rule, text) in [
            ("a scheme", "pay.example.com"),
            ("HTTPS", "http://pay.example.com"),
            ("a known scheme", "ftp://pay.example.com"),
            ("a scheme in lower case", "HTTPS://pay.example.com"),
            ("a host", "https://"),
            ("a host before the port", "https://:8443"),
            ("a host in lower case", "https://Pay.example.com"),
            ("no path", "https://pay.example.com/shop"),
            ("no slash at the end", "https://pay.example.com/"),
            ("no query", "https://pay.example.com?x"),
            ("no user", "https://alice@pay.example.com"),
            ("no password", "https://alice:secret@pay.example.com"),
            ("no blank", "https://pay.example.com "),
            ("a port after the colon", "https://pay.example.com:"),
            ("a port that is a number", "https://pay.example.com:http"),
            ("a port above zero", "https://pay.example.com:0"),
            ("a port of 16 bits", "https://pay.example.com:65536"),
            ("no port that browsers leave out", "https://pay.example.com:443"),
            ("no such port without TLS", "http://localhost:80"),
            ("a host that is one", "https://0.0.0.0"),
            ("a name that is no number", "https://10.0.1"),
            ("one port", "https://pay.example.com:1:2"),
            ("brackets that close", "https://[::1"),
            ("an address in the brackets", "https://[pay.example.com]"),
            ("nothing but a port after the brackets", "https://[::1]x"),
            ("an address in lower case", "https://[2001:DB8::1]"),
            ("no empty label", "https://pay..example.com"),
            ("no label that begins with a hyphen", "https://-pay.example.com"),
            ("a host of 253 characters", &long),
        ] {
            assert_eq!(read(text), None, "{rule}: {text}");
        }
    }
}

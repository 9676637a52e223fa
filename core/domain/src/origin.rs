//! Which page asks for a code.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use serde::{Deserialize, Serialize};

use crate::invalid::{Field, InvalidInput};

/// Longest host name (RFC 1035 §2.3.4).
const MAX_BYTES: usize = 253;
/// Longest label in it (the same).
const MAX_LABEL_BYTES: usize = 63;

/// The host of the page that asks for the code, without a port: the last line of the message is bound to it (origin-bound
/// one-time codes). A host name, or an address; an IPv6 address in its brackets.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "String")]
pub struct Origin(String);

impl Origin {
    /// The host as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Origin {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        if is_host(&text) {
            Ok(Self(text))
        } else {
            Err(InvalidInput::new(Field::Origin, "is not a host in lower case"))
        }
    }
}

/// Whether a browser can reach it by that text, and writes it so: an address that is not that of no machine, or a name.
fn is_host(text: &str) -> bool {
    if let Some(inside) = text.strip_prefix('[') {
        let inside = inside.strip_suffix(']').unwrap_or_default();
        let address = inside.parse::<Ipv6Addr>().ok();
        return inside == inside.to_ascii_lowercase()
            && address.is_some_and(|address| !address.is_unspecified());
    }
    match text.parse::<Ipv4Addr>() {
        Ok(address) => !address.is_unspecified(),
        Err(_) => is_name(text),
    }
}

/// A name whose last label is no number: browsers read such a name as an address (WHATWG URL section 3.5).
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= MAX_BYTES
        && text.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

impl TryFrom<&str> for Origin {
    type Error = InvalidInput;

    fn try_from(text: &str) -> Result<Self, InvalidInput> {
        Self::try_from(text.to_owned())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_host_in_lower_case_without_scheme_or_path() {
        for host in ["pay.example.com", "localhost", "192.0.2.1", "[2001:db8::1]"] {
            assert!(Origin::try_from(host).is_ok(), "{host}");
        }
        for text in [
            "",
            "Pay.example.com",
            "https://pay.example.com",
            "pay.example.com/",
            "pay.example.com:8443",
            "a b",
            "a\n",
            "é",
            "pay..example.com",
            "-pay.example.com",
            "pay-.example.com",
            "pay.example.",
            "10.0.1",
            "256.0.0.1",
            "0.0.0.0",
            "[::]",
            "[::1",
            "[2001:DB8::1]",
            "[pay]",
            &"a".repeat(64),
        ] {
            assert!(Origin::try_from(text).is_err(), "{text}");
        }
        let long = |labels: usize| vec!["a"; labels].join(".");
        assert!(Origin::try_from(long(127)).is_ok());
        assert!(Origin::try_from(long(128)).is_err(), "253 characters at most");
    }
}

//! Which page asks for a code.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::invalid::{Field, InvalidInput};

/// Longest host name (RFC 1035 §2.3.4).
const MAX_BYTES: usize = 253;

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
        let is_of_a_host =
            |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b':' | b'[' | b']');
        if (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(is_of_a_host) {
            Ok(Self(text))
        } else {
            Err(InvalidInput::new(Field::Origin, "is not a host in lower case"))
        }
    }
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
        for text in ["", "Pay.example.com", "https://pay.example.com", "a b", "a\n", "é"] {
            assert!(Origin::try_from(text).is_err(), "{text}");
        }
        assert!(Origin::try_from("a".repeat(254)).is_err());
    }
}

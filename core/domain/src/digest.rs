//! The digest of something that we do not keep.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    hex,
    invalid::{Field, InvalidInput},
};

/// A SHA-256 digest, written as 64 hexadecimal digits in lower case: programs that compare it as text must find the same.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// A digest that was computed elsewhere.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Its octets.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TryFrom<String> for Sha256Digest {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        let octets = hex::decode(&text).and_then(|octets| octets.try_into().ok()).map(Self);
        let refuse = || {
            InvalidInput::new(Field::Digest, "is not 64 lower-case hexadecimal digits (SHA-256)")
        };
        octets.filter(|digest| digest.to_string() == text).ok_or_else(refuse)
    }
}

impl From<Sha256Digest> for String {
    fn from(digest: Sha256Digest) -> Self {
        hex::encode(&digest.0)
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_sixty_four_hexadecimal_digits_in_lower_case() {
        let text = "0a".repeat(32);
        let digest = Sha256Digest::try_from(text.clone()).unwrap();
        assert_eq!(digest.to_string(), text);
        for text in ["", "0a", &"0a".repeat(33), &"0g".repeat(32), &"0A".repeat(32)] {
            assert!(Sha256Digest::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}

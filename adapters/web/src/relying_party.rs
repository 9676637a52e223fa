//! API keys of relying parties, and the caller that one proves.

use std::{fmt, sync::Arc};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{StatusCode, header, request::Parts},
};
use countersign_domain::{
    hex,
    id::RelyingPartyId,
    invalid::{Field, InvalidInput},
    relying_party::RelyingParty,
    transaction::Payee,
};
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use tracing::{Span, field::display};

use crate::problem::Problem;

/// A relying party and its API key: `[[relying_party]]` of a configuration.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(from = "Section")]
pub struct ApiClient {
    /// The relying party.
    pub party: RelyingParty,
    /// SHA-256 of its API key, in hexadecimal: the key itself is not kept.
    pub api_key_sha256: KeyHash,
}

/// As a configuration has it: one flat table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    id: RelyingPartyId,
    name: Payee,
    api_key_sha256: KeyHash,
    #[serde(default)]
    may_enrol: bool,
    #[serde(default)]
    tells_unknown: bool,
}

impl From<Section> for ApiClient {
    fn from(section: Section) -> Self {
        let Section { id, name, api_key_sha256, may_enrol, tells_unknown } = section;
        Self { party: RelyingParty { id, name, may_enrol, tells_unknown }, api_key_sha256 }
    }
}

/// The digits of the longest key of zeros that is looked for: 256 bits.
const MAX_ZEROS: usize = 64;

/// SHA-256 of an API key. A key has at least 128 random bits, so that a fast hash is enough.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(try_from = "String")]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of a key.
    pub fn of(key: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
        Self(hash)
    }

    /// Whether the key is empty or nothing but zeros, as one that was never filled in.
    pub fn is_of_nothing(&self) -> bool {
        let zeros = "0".repeat(MAX_ZEROS);
        let mut keys = (0..=MAX_ZEROS).filter_map(|digits| zeros.get(..digits));
        self.0 == [0; 32] || keys.any(|key| *self == Self::of(key))
    }
}

/// As a configuration has it.
impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl TryFrom<String> for KeyHash {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        let refuse = InvalidInput::new(Field::ApiKeySha256, "is not 64 hexadecimal digits");
        let bytes = hex::decode(&text).ok_or_else(|| refuse.clone())?;
        bytes.try_into().map(Self).map_err(|_| refuse)
    }
}

/// The relying parties of a server, found by their keys.
#[derive(Clone, Debug, Default)]
pub struct RelyingParties(Arc<Vec<ApiClient>>);

impl RelyingParties {
    /// The relying parties with those keys.
    pub fn new(clients: Vec<ApiClient>) -> Self {
        Self(Arc::new(clients))
    }

    /// The relying party with that key. All keys are compared, so that the time does not tell which one matched.
    fn authenticate(&self, key: &str) -> Option<&RelyingParty> {
        let hash = KeyHash::of(key);
        let (mut found, mut which) = (Choice::from(0), 0_u64);
        for (index, client) in (0_u64..).zip(self.0.iter()) {
            let same = client.api_key_sha256.0.ct_eq(&hash.0);
            which = u64::conditional_select(&which, &index, same);
            found |= same;
        }
        let which = usize::try_from(which).ok()?;
        bool::from(found).then(|| self.0.get(which)).flatten().map(|client| &client.party)
    }
}

/// The relying party that calls, from `Authorization: Bearer KEY`.
#[derive(Clone, Debug)]
pub struct ApiCaller(pub RelyingParty);

impl<S: Send + Sync> FromRequestParts<S> for ApiCaller
where
    RelyingParties: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = header
            .and_then(|value| value.split_once(' '))
            // The scheme's name is in any case (RFC 9110 section 11.1).
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
            .map(|(_, key)| key.trim());
        let parties = RelyingParties::from_ref(state);
        let party = key.and_then(|key| parties.authenticate(key)).cloned();
        let party =
            party.ok_or_else(|| Problem::shared(StatusCode::UNAUTHORIZED, "not-authenticated"))?;
        // For the request's line in the log.
        Span::current().record("relying_party", display(&party.id));
        Ok(Self(party))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: &str, key: &str) -> ApiClient {
        let party = RelyingParty {
            id: id.try_into().unwrap(),
            name: "Librairie Dupont".try_into().unwrap(),
            may_enrol: false,
            tells_unknown: false,
        };
        ApiClient { party, api_key_sha256: KeyHash::of(key) }
    }

    #[test]
    fn a_key_finds_its_own_relying_party_and_an_unknown_one_finds_none() {
        let parties = RelyingParties::new(vec![client("one", "key-1"), client("two", "key-2")]);
        assert_eq!(parties.authenticate("key-2").map(|party| party.id.as_str()), Some("two"));
        assert_eq!(parties.authenticate("key-1").map(|party| party.id.as_str()), Some("one"));
        assert_eq!(parties.authenticate("key-3"), None);
        assert_eq!(RelyingParties::default().authenticate("key-1"), None);
    }

    #[test]
    fn a_key_hash_is_sixty_four_hexadecimal_digits() {
        let hex = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683";
        assert_eq!(KeyHash::try_from(hex.to_owned()), Ok(KeyHash::of("key")));
        assert_eq!(KeyHash::of("key").to_string(), hex);
        for nothing in [KeyHash::of(""), KeyHash::of(&"0".repeat(32)), KeyHash([0; 32])] {
            assert!(nothing.is_of_nothing(), "{nothing}");
        }
        assert!(!KeyHash::of("key").is_of_nothing());
        for text in ["", "2c70", &"zz".repeat(32), &hex.repeat(2)] {
            assert!(KeyHash::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}

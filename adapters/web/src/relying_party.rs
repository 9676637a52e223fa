//! Relying parties: who may call the API, proved by an API key.

use std::{fmt, sync::Arc};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{StatusCode, header, request::Parts},
};
use countersign_domain::{error::InvalidInput, hex, id::RelyingPartyId, transaction::Payee};
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use crate::problem::Problem;

/// Somebody who asks for payments: in payments, a merchant.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct RelyingParty {
    /// Its id.
    pub id: RelyingPartyId,
    /// Its name, as payers see it on the page and on the phone. Never taken from a request.
    pub name: Payee,
    /// SHA-256 of its API key, in hexadecimal: the key itself is not kept.
    pub api_key_sha256: KeyHash,
    /// Whether it may enter subscribers into the directory: whoever may can decide which phone is asked.
    #[serde(default)]
    pub may_enrol: bool,
}

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
        let refuse = InvalidInput::new("api_key_sha256", "is not 64 hexadecimal digits");
        let bytes = hex::decode(&text).ok_or_else(|| refuse.clone())?;
        bytes.try_into().map(Self).map_err(|_| refuse)
    }
}

/// All relying parties of a server.
#[derive(Clone, Debug, Default)]
pub struct RelyingParties(Arc<Vec<RelyingParty>>);

impl RelyingParties {
    /// Those.
    pub fn new(parties: Vec<RelyingParty>) -> Self {
        Self(Arc::new(parties))
    }

    /// The one of that id.
    pub fn find(&self, id: &RelyingPartyId) -> Option<&RelyingParty> {
        self.0.iter().find(|party| party.id == *id)
    }

    /// Whose key it is. All of them are compared, so that the time tells nothing of which one it is.
    fn authenticate(&self, key: &str) -> Option<&RelyingParty> {
        let hash = KeyHash::of(key);
        let (mut found, mut which) = (Choice::from(0), 0_u64);
        for (index, party) in (0_u64..).zip(self.0.iter()) {
            let same = party.api_key_sha256.0.ct_eq(&hash.0);
            which = u64::conditional_select(&which, &index, same);
            found |= same;
        }
        let which = usize::try_from(which).ok()?;
        bool::from(found).then(|| self.0.get(which)).flatten()
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
        key.and_then(|key| parties.authenticate(key)).cloned().map(Self).ok_or_else(|| {
            let detail = "Send your API key as Authorization: Bearer KEY.";
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "not-authenticated",
                "The API key is missing or not known",
                detail,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(id: &str, key: &str) -> RelyingParty {
        RelyingParty {
            id: id.try_into().unwrap(),
            name: "Librairie Dupont".try_into().unwrap(),
            api_key_sha256: KeyHash::of(key),
            may_enrol: false,
        }
    }

    #[test]
    fn a_key_finds_its_own_relying_party_and_an_unknown_one_finds_none() {
        let parties = RelyingParties::new(vec![party("one", "key-1"), party("two", "key-2")]);
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
        for text in ["", "2c70", &"zz".repeat(32), &hex.repeat(2)] {
            assert!(KeyHash::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}

//! `Idempotency-Key`: a request that is repeated has one effect and one answer.
//!
//! The answer is a record that is committed in the same batch as the effect: there is no moment in which the one is
//! there and the other is not.

use axum::{
    extract::FromRequestParts,
    http::{HeaderName, StatusCode, request::Parts},
};
use countersign_domain::{
    error::Error as DomainError,
    hex,
    id::RelyingPartyId,
    ports::Store,
    record::{StoreError, Stored},
    time::Timestamp,
};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::{accept::outside_quotes, problem::Problem};

/// The records of answers: a key is good for as long as its record is kept.
pub const COLLECTION: &str = "idempotency";

/// The header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Longest key, in characters.
pub const MAX_KEY: usize = 255;

/// The caller's name for a request: 1 to 255 printable ASCII characters. Written as a string of structured fields
/// (draft-ietf-httpapi-idempotency-key-header, RFC 9651 section 3.3.3) or bare, it is the same key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdempotencyKey(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else {
            return Ok(Self(None));
        };
        let refuse = |words| {
            let problem = Problem::shared(StatusCode::UNPROCESSABLE_ENTITY, "invalid-value");
            problem.worded(words).with("field", "Idempotency-Key")
        };
        let text = value.to_str().map_err(|_| refuse("idempotency-key"))?.trim();
        // Lines may be joined by a comma on the way (RFC 9110 section 5.3).
        if values.next().is_some() || outside_quotes(text, ',').nth(1).is_some() {
            return Err(refuse("idempotency-keys"));
        }
        let key = if text.starts_with('"') { unquoted(text) } else { bare(text) };
        let key = key.filter(|key| (1..=MAX_KEY).contains(&key.len()));
        key.map(|key| Self(Some(key))).ok_or_else(|| refuse("idempotency-key"))
    }
}

fn bare(text: &str) -> Option<String> {
    let is_bare = text.bytes().all(|byte| matches!(byte, b'!'..=b'~') && byte != b'"');
    is_bare.then(|| text.to_owned())
}

/// What stands between the quotes; a backslash is before a quote or another one.
fn unquoted(text: &str) -> Option<String> {
    let mut inside = text.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut key = String::new();
    while let Some(character) = inside.next() {
        key.push(match character {
            '\\' => inside.next().filter(|escaped| matches!(escaped, '"' | '\\'))?,
            '"' => return None,
            ' '..='~' => character,
            _ => return None,
        });
    }
    Some(key)
}

/// Why an earlier answer cannot be given.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum IdempotencyError {
    /// The key was used for another content.
    #[error("the Idempotency-Key was used for another request")]
    KeyReused,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<&IdempotencyError> for Problem {
    fn from(error: &IdempotencyError) -> Self {
        match error {
            IdempotencyError::KeyReused => {
                Self::shared(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused")
            }
            IdempotencyError::Store(error) => Self::from(&DomainError::from(error.clone())),
        }
    }
}

/// One request of one relying party: which operation under which key, with which content.
#[derive(Clone, Debug)]
pub struct Request {
    id: Option<String>,
    content: String,
}

/// What was answered to a request.
#[derive(Debug, Deserialize, Serialize)]
pub struct Answered<T> {
    id: String,
    content: String,
    answer: T,
    at: Timestamp,
}

impl<T: DeserializeOwned + Serialize> Stored for Answered<T> {
    const COLLECTION: &'static str = COLLECTION;

    fn id(&self) -> &str {
        &self.id
    }

    fn final_at(&self) -> Option<Timestamp> {
        Some(self.at)
    }
}

impl Request {
    /// The request of that relying party for that operation; `content` is all that makes it another request.
    pub fn new(
        party: &RelyingPartyId,
        operation: &str,
        key: IdempotencyKey,
        content: &[u8],
    ) -> Self {
        let id = key.0.map(|key| sha256(format!("{party}\n{operation}\n{key}").as_bytes()));
        Self { id, content: sha256(content) }
    }

    /// What was answered before, if it was asked before.
    ///
    /// # Errors
    /// When the key was used for another content, and when the store fails.
    pub async fn answered<T: DeserializeOwned + Serialize>(
        &self,
        store: &dyn Store,
    ) -> Result<Option<T>, IdempotencyError> {
        let Some(id) = &self.id else {
            return Ok(None);
        };
        let Some(found) = store.find::<Answered<T>>(id).await? else {
            return Ok(None);
        };
        if found.value.content != self.content {
            return Err(IdempotencyError::KeyReused);
        }
        Ok(Some(found.value.answer))
    }

    /// The record of the answer, to be inserted in the batch of the effect; `None` when the caller gave no key.
    pub fn record<T>(&self, answer: T, at: Timestamp) -> Option<Answered<T>> {
        self.id.clone().map(|id| Answered { id, content: self.content.clone(), answer, at })
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use axum::http::Request as HttpRequest;

    use super::*;

    async fn read(lines: &[&str]) -> Result<Option<String>, String> {
        let mut request = HttpRequest::builder();
        for line in lines {
            request = request.header(IDEMPOTENCY_KEY, *line);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        let key = IdempotencyKey::from_request_parts(&mut parts, &()).await;
        key.map(|key| key.0).map_err(|problem| problem.explanation())
    }

    #[tokio::test]
    async fn a_key_is_the_same_in_quotes_and_bare() {
        let longest = "k".repeat(MAX_KEY);
        for (key, lines) in [
            ("order-1", ["order-1", "\"order-1\"", " \"order-1\" "]),
            ("a+b/c==;d\\", ["a+b/c==;d\\", "\"a+b/c==;d\\\\\"", "a+b/c==;d\\"]),
            ("an order, of \"two\"", ["\"an order, of \\\"two\\\"\""; 3]),
            (&longest, [&longest, &format!("\"{longest}\""), &longest]),
        ] {
            for line in lines {
                assert_eq!(read(&[line]).await, Ok(Some(key.to_owned())), "{line}");
            }
        }
        assert_eq!(read(&[]).await, Ok(None));
    }

    #[tokio::test]
    async fn a_key_that_is_none_is_refused_and_so_is_more_than_one() {
        let long = "k".repeat(MAX_KEY + 1);
        for refused in [
            "",
            "\"\"",
            "\"",
            "two words",
            "\"open",
            "open\"",
            "a\"b",
            "\"a\"b",
            "\"a\\b\"",
            "\"a\";p=1",
            "é",
            "\"é\"",
            "a\tb",
            &long,
            &format!("\"{long}\""),
        ] {
            let said = read(&[refused]).await.unwrap_err();
            assert!(said.contains("1 to 255"), "{refused}: {said}");
        }
        for lines in
            [&["a", "b"][..], &["a", "a"], &["a, b"], &["a,b"], &["\"a\", \"b\""], &["\"a\",\"a\""]]
        {
            let said = read(lines).await.unwrap_err();
            assert!(said.contains("more than one"), "{lines:?}: {said}");
        }
    }
}

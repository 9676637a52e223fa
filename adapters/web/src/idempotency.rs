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

use crate::problem::Problem;

/// The records of answers: a key is good for as long as its record is kept.
pub const COLLECTION: &str = "idempotency";

/// The header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The caller's name for a request: 1 to 255 printable ASCII characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdempotencyKey(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(Self(None));
        };
        let text = value.to_str().ok().filter(|text| {
            (1..=255).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'!'..=b'~'))
        });
        let refuse = || {
            let problem = Problem::shared(StatusCode::UNPROCESSABLE_ENTITY, "invalid-value");
            problem.worded("idempotency-key")
        };
        text.map(|text| Self(Some(text.to_owned()))).ok_or_else(refuse)
    }
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

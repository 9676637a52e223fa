//! Why a challenge does not continue, and what the wire says of it.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use countersign_domain::{
    error::Error, invalid::InvalidInput, randomness::EntropyError, record::StoreError,
    refusal::Refusal, subscriber::DirectoryError,
};
use countersign_web::{idempotency::IdempotencyError, problem::Problem, step::StepLost};
use thiserror::Error;

/// Why a challenge does not continue.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum AccessError {
    /// The domain's no, or its failure.
    #[error(transparent)]
    Domain(#[from] Error),
    /// The code is refused, or a further message is.
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// An earlier answer cannot be given again.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// A step did not come to its end.
    #[error(transparent)]
    Lost(#[from] StepLost),
    /// The directory has nobody of that `user_id`, which the relying party has told.
    #[error("the person is not known")]
    UnknownPerson,
    /// The challenge is over.
    #[error("the challenge is {0}")]
    NotNow(&'static str),
}

impl From<StoreError> for AccessError {
    fn from(error: StoreError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<DirectoryError> for AccessError {
    fn from(error: DirectoryError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<InvalidInput> for AccessError {
    fn from(error: InvalidInput) -> Self {
        Self::Domain(error.into())
    }
}

impl From<EntropyError> for AccessError {
    fn from(error: EntropyError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Domain(error) => Self::from(&error),
            AccessError::Refused(refusal) => Self::from(&refusal),
            AccessError::Idempotency(error) => Self::from(&error),
            AccessError::Lost(error) => error.into(),
            AccessError::UnknownPerson => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "person-not-recognised",
                "The person is not known",
                "The directory has nobody of this user_id. Do not say so on a page: it would tell a stranger who is known here.",
            ),
            AccessError::NotNow(state) => Self::not_now(state),
        }
    }
}

impl IntoResponse for AccessError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

//! Why a request over HTTP is not answered, and what the wire says of it. What a message says is answered with a message.

use countersign_domain::{error::Error, invalid::InvalidInput, record::StoreError};
use countersign_web::{idempotency::IdempotencyError, problem::Problem, step::StepLost};
use thiserror::Error as ThisError;

use crate::wire::Failure;

/// Why a request is not answered.
#[derive(Clone, Debug, ThisError, PartialEq)]
pub enum SetError {
    /// It failed on our side.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// A step did not come to its end.
    #[error(transparent)]
    Lost(#[from] StepLost),
    /// An earlier answer cannot be given again.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// A value breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// The goods cannot be said in a message.
    #[error("description is not 1 to 1024 characters on one line")]
    Description,
    /// No item of a batch has such a number.
    #[error("from is not 1 to 9999")]
    Item,
    /// The caller is another relying party than the merchant.
    #[error("the caller is not the merchant")]
    OtherMerchant,
}

impl From<StoreError> for SetError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<SetError> for Problem {
    fn from(error: SetError) -> Self {
        match error {
            SetError::Failed(Failure::Domain(error)) => Self::from(&error),
            SetError::Failed(Failure::Entropy(error)) => Self::from(&Error::from(error)),
            SetError::Failed(
                error @ (Failure::Encoding(_) | Failure::Protecting(_) | Failure::Issuing(_)),
            ) => {
                tracing::error!(%error, "a request could not be answered");
                Self::internal()
            }
            SetError::Lost(error) => error.into(),
            SetError::Idempotency(error) => Self::from(&error),
            SetError::Invalid(error) => error.into(),
            SetError::Description => Self::broken_rule(&error).with("field", "description"),
            SetError::Item => Self::broken_rule(&error).with("field", "from"),
            // Another merchant's orders are not there for this one.
            SetError::OtherMerchant => Self::not_found("This is another merchant's shop."),
        }
    }
}

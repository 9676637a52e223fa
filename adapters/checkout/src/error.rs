//! Why a checkout does not go on, and what the wire says of it.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use countersign_domain::{
    error::Error, invalid::InvalidInput, record::StoreError, refusal::Refusal,
    subscriber::DirectoryError,
};
use countersign_web::{
    holder::HolderError, idempotency::IdempotencyError, problem::Problem, step::StepLost,
};
use thiserror::Error;

use crate::words::WORDS;

/// Why a checkout does not go on.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CheckoutError {
    /// The domain's no, or its failure.
    #[error(transparent)]
    Domain(#[from] Error),
    /// The code is refused, or a further message is.
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// The certificate has no holder for us.
    #[error(transparent)]
    Certificate(#[from] HolderError),
    /// An earlier answer cannot be given again.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// A step did not come to its end.
    #[error(transparent)]
    Lost(#[from] StepLost),
    /// The directory has no subscriber of that `userId` or card, or not together.
    #[error("the payer is not known")]
    UnknownPayer,
    /// No card is kept for the payer, and none was given.
    #[error("a card is needed")]
    CardNeeded,
    /// The payer gave nothing to be known by.
    #[error("nothing was given to be known by")]
    NothingGiven,
    /// A payment is under way or made, or the checkout is over.
    #[error("the checkout is {0}")]
    NotNow(&'static str),
    /// As many payments were begun as a checkout allows.
    #[error("too many payments were begun")]
    TooManyPayments,
}

impl From<InvalidInput> for CheckoutError {
    fn from(error: InvalidInput) -> Self {
        Self::Domain(error.into())
    }
}

impl From<DirectoryError> for CheckoutError {
    fn from(error: DirectoryError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<StoreError> for CheckoutError {
    fn from(error: StoreError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<CheckoutError> for Problem {
    fn from(error: CheckoutError) -> Self {
        let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
        match error {
            CheckoutError::Domain(error) => Self::from(&error),
            CheckoutError::Refused(refusal) => Self::from(&refusal),
            CheckoutError::Certificate(error) => error.into(),
            CheckoutError::Idempotency(error) => Self::from(&error),
            CheckoutError::Lost(error) => error.into(),
            CheckoutError::UnknownPayer => WORDS.problem(unprocessable, "payer-not-recognised"),
            CheckoutError::CardNeeded => WORDS.problem(unprocessable, "card-needed"),
            CheckoutError::NothingGiven => WORDS.problem(unprocessable, "payer-not-given"),
            CheckoutError::NotNow(state) => Self::not_now(state),
            CheckoutError::TooManyPayments => {
                WORDS.problem(StatusCode::TOO_MANY_REQUESTS, "too-many-payments")
            }
        }
    }
}

impl IntoResponse for CheckoutError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

/// There is no checkout of that id, as its page says it.
pub(crate) fn no_checkout() -> Problem {
    WORDS.problem(StatusCode::NOT_FOUND, "not-found").worded("no-checkout")
}

#[cfg(test)]
mod tests {
    use countersign_web::words::Language;

    use super::*;

    #[test]
    fn every_error_has_its_words_in_every_language() {
        let errors = [
            CheckoutError::Domain(Error::Contention),
            CheckoutError::Refused(Refusal::Late),
            CheckoutError::Certificate(countersign_certs::Refusal::Expired.into()),
            CheckoutError::Idempotency(IdempotencyError::KeyReused),
            CheckoutError::Lost(StepLost),
            CheckoutError::UnknownPayer,
            CheckoutError::CardNeeded,
            CheckoutError::NothingGiven,
            CheckoutError::NotNow("paid"),
            CheckoutError::TooManyPayments,
        ];
        for problem in errors.map(Problem::from).into_iter().chain([no_checkout()]) {
            for language in Language::all() {
                assert!(problem.is_worded(&language), "{problem:?}");
            }
        }
    }
}

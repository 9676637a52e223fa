//! From what went wrong, and from what was rightly refused, to the wire.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use countersign_domain::{
    challenge::Refusal,
    error::{Error, InvalidInput},
    ports::{DirectoryError, StoreError},
};
use countersign_web::problem::Problem;
use thiserror::Error;

/// Why a checkout does not go on.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum CheckoutError {
    /// The domain's no, or its failure.
    #[error(transparent)]
    Domain(#[from] Error),
    /// The code is refused, or a further message is.
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// The certificate is refused.
    #[error("the certificate is refused: {0}")]
    Certificate(#[from] countersign_certs::Refusal),
    /// The directory knows nobody of that `userId` or card, or not together.
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
    /// The answer is a problem already.
    #[error("{}", .0.title())]
    Problem(Problem),
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
            CheckoutError::Problem(problem) => problem,
            CheckoutError::Domain(error) => of_domain(&error),
            CheckoutError::Refused(refusal) => of_refusal(&refusal),
            CheckoutError::Certificate(refusal) => {
                let title = "Your certificate is not accepted";
                let detail = format!(
                    "{}. Use another certificate, or your userId.",
                    capitalised(&refusal.to_string())
                );
                Self::new(
                    StatusCode::FORBIDDEN,
                    &format!("certificate-{}", certificate_cause(&refusal)),
                    title,
                    detail,
                )
            }
            CheckoutError::UnknownPayer => {
                let detail =
                    "Check what you typed. If it is right, your bank does not take part yet.";
                Self::new(unprocessable, "payer-not-recognised", "We do not recognise you", detail)
            }
            CheckoutError::CardNeeded => {
                let detail = "No card is kept for you. Give the number and expiry of your card.";
                Self::new(unprocessable, "card-needed", "A card is needed", detail)
            }
            CheckoutError::NothingGiven => {
                let detail = "Give your userId or your card, or present a client certificate that bears your number.";
                Self::new(unprocessable, "payer-not-given", "Who are you?", detail)
            }
            CheckoutError::NotNow(state) => {
                let detail = format!("This checkout is {state}.");
                Self::new(StatusCode::CONFLICT, "not-now", "This cannot be done now", detail)
                    .with("state", state)
            }
            CheckoutError::TooManyPayments => {
                let detail =
                    "Too many payments were begun for this checkout. Order again at the shop.";
                Self::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too-many-payments",
                    "Too many payments",
                    detail,
                )
            }
        }
    }
}

fn of_domain(error: &Error) -> Problem {
    match error {
        Error::Invalid(error) => {
            Problem::invalid(capitalised(&format!("{error}."))).with("field", error.what)
        }
        Error::NotFound { collection, .. } => {
            Problem::not_found(format!("No {collection} has this id."))
        }
        Error::NotNow { state, .. } => CheckoutError::NotNow(state).into(),
        Error::Contention | Error::Store(StoreError::Conflict { .. }) => {
            let detail = "Somebody else changed this at the same time. Look at it, then try again.";
            Problem::new(
                StatusCode::CONFLICT,
                "changed-meanwhile",
                "This was changed meanwhile",
                detail,
            )
        }
        Error::Store(StoreError::Unavailable { .. }) | Error::Directory(_) => {
            tracing::error!(%error, "not available");
            let detail = "Nothing was done. Try again in a moment.";
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "not-available",
                "Not available now",
                detail,
            )
        }
        _ => {
            tracing::error!(%error, "internal error");
            Problem::internal()
        }
    }
}

/// A refused code is not found out more about than RTS art. 4(3)(a) permits: only that it is not the one.
fn of_refusal(refusal: &Refusal) -> Problem {
    let (status, title, detail) = match refusal {
        Refusal::WrongCode { .. } => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "This is not the code",
            "Look at the message again, and type its code.",
        ),
        Refusal::TooManyAttempts => (
            StatusCode::FORBIDDEN,
            "Too many wrong codes",
            "Nothing was paid. Begin the payment again.",
        ),
        Refusal::Late => {
            (StatusCode::GONE, "The code is too late", "Nothing was paid. Begin the payment again.")
        }
        Refusal::AlreadyUsed => {
            (StatusCode::CONFLICT, "The code was used already", "A code is good once.")
        }
        Refusal::OtherSession => {
            let detail = "Type the code in the browser in which you began the payment.";
            (StatusCode::FORBIDDEN, "This is not the session that asked for the code", detail)
        }
        Refusal::Undeliverable => (
            StatusCode::GONE,
            "Your phone cannot be reached",
            "Nothing was paid. Is it on, and is the number right?",
        ),
        Refusal::Cancelled => (StatusCode::GONE, "The payment was called off", "Nothing was paid."),
        Refusal::TooManySends => {
            let detail = "No further message is sent for this payment.";
            (StatusCode::TOO_MANY_REQUESTS, "Too many messages", detail)
        }
        Refusal::TooSoon { .. } => {
            let detail = "The last message may still be on its way. Wait a little.";
            (StatusCode::TOO_MANY_REQUESTS, "Too soon for another message", detail)
        }
        _ => (StatusCode::FORBIDDEN, "Refused", "Nothing was paid."),
    };
    let problem = Problem::new(status, refusal.name(), title, detail);
    match refusal {
        Refusal::WrongCode { attempts_left } => problem.with("attempts_left", *attempts_left),
        Refusal::TooSoon { wait_seconds } => problem.with("wait_seconds", *wait_seconds),
        _ => problem,
    }
}

/// The cause's name in the problem's type.
const fn certificate_cause(refusal: &countersign_certs::Refusal) -> &'static str {
    use countersign_certs::Refusal as Cause;
    match refusal {
        Cause::Expired => "expired",
        Cause::NotYetValid => "not-yet-valid",
        Cause::UnknownAuthority => "unknown-authority",
        Cause::WrongUsage => "wrong-usage",
        Cause::BadSignature => "bad-signature",
        Cause::Revoked => "revoked",
        Cause::RevocationUnknown => "revocation-unknown",
        Cause::NoPhone => "without-phone",
        Cause::SeveralPhones => "several-phones",
        Cause::Envelope(_) | Cause::Record(_) => "phone-not-readable",
        Cause::MovedFromAnotherCertificate => "phone-moved",
        Cause::NumberNotE164 | Cause::CardInvalid | Cause::TnAuthList => "phone-not-valid",
        Cause::Malformed | Cause::CertificateTooLarge | Cause::ChainTooLong => "malformed",
        _ => "not-valid",
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

impl IntoResponse for CheckoutError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

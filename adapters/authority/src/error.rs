//! What can go wrong at an authority, what it rightly says no to, and both on the wire.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use countersign_domain::{
    challenge::Refusal,
    error::{Error as DomainError, InvalidInput},
    ports::{EntropyError, StoreError},
};
use countersign_web::problem::Problem;
use thiserror::Error;

/// Why nothing was issued, or taken back. None holds a number, a code or a key.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The certificate cannot be made: a name, a lifetime, a key that does not fit.
    #[error(transparent)]
    Certificate(#[from] countersign_certs::Error),
    /// The store or another port failed.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// The key has a certificate already.
    #[error("this key is certified already, under serial number {serial}: make a new key")]
    KeyCertifiedBefore {
        /// Which certificate has it.
        serial: String,
    },
    /// Nothing of that serial number was issued here.
    #[error("no certificate with serial number {serial} was issued here")]
    UnknownSerial {
        /// The serial number.
        serial: String,
    },
    /// It was taken back before.
    #[error("certificate {serial} was revoked already")]
    RevokedBefore {
        /// The serial number.
        serial: String,
    },
    /// It is not valid any more.
    #[error("certificate {serial} has expired")]
    Expired {
        /// The serial number.
        serial: String,
    },
    /// A certificate of this profile bears a number, and none was proved.
    #[error("a certificate of this profile bears a number that its holder must prove first")]
    NumberNotProved,
    /// A number was given for a profile that bears none.
    #[error("a certificate of this profile bears no number")]
    NumberHasNoPlace,
    /// What is to be renewed is an authority's certificate.
    #[error("an authority is renewed by the one above it, for a new request: countersign ca issue")]
    IsAuthority,
    /// More certificates are revoked than a list holds.
    #[error("more certificates are revoked than one list holds: begin a new authority")]
    TooManyRevoked,
    /// The profile needs a common name, and the request has not exactly one.
    #[error("the request names no common name: give one")]
    NoCommonName,
    /// The code is refused.
    #[error("the code is refused: {}", .0.name())]
    Refused(Refusal),
    /// The text does not name an enrolment.
    #[error("there is no such enrolment")]
    NoEnrolment,
    /// So many codes were sent to the number today that no further one is.
    #[error("too many codes were sent to this number today")]
    TooManyCodes,
    /// The certificate that is to be renewed was issued to somebody else, or for another number.
    #[error("the certificate to be renewed is not that of this holder and number")]
    OtherHolder,
}

impl From<StoreError> for AuthorityError {
    fn from(error: StoreError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<EntropyError> for AuthorityError {
    fn from(error: EntropyError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<InvalidInput> for AuthorityError {
    fn from(error: InvalidInput) -> Self {
        Self::Domain(error.into())
    }
}

impl From<AuthorityError> for Problem {
    fn from(error: AuthorityError) -> Self {
        use AuthorityError as Cause;
        let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
        let (status, name, title) = match &error {
            Cause::Certificate(
                countersign_certs::Error::Failed(_)
                | countersign_certs::Error::MalformedCertificate
                | countersign_certs::Error::MayNotIssue
                | countersign_certs::Error::OutsideAuthorityValidity
                | countersign_certs::Error::InvalidValidity
                | countersign_certs::Error::RecipientCount,
            ) => return failed(&error),
            Cause::TooManyRevoked => return failed(&error),
            Cause::Certificate(_)
            | Cause::NoCommonName
            | Cause::NumberNotProved
            | Cause::NumberHasNoPlace
            | Cause::IsAuthority => (unprocessable, "invalid-value", "A value is not valid"),
            Cause::Domain(DomainError::Invalid(error)) => {
                let what = match error.what {
                    "Msisdn" => "number",
                    "Identifier" => "name",
                    what => what,
                };
                let detail = format!("The {what} {}.", error.why);
                return Self::invalid(detail).with("field", error.what);
            }
            Cause::Domain(DomainError::Contention) => (
                StatusCode::CONFLICT,
                "changed-meanwhile",
                "Somebody else did the same at this moment",
            ),
            Cause::Domain(_) => return failed(&error),
            Cause::KeyCertifiedBefore { .. } => {
                (StatusCode::CONFLICT, "key-certified-before", "This key has a certificate")
            }
            Cause::UnknownSerial { .. } | Cause::OtherHolder => {
                (StatusCode::FORBIDDEN, "other-holder", "This is not the certificate to be renewed")
            }
            Cause::RevokedBefore { .. } => {
                (StatusCode::FORBIDDEN, "certificate-revoked", "The certificate was revoked")
            }
            Cause::Expired { .. } => {
                (StatusCode::FORBIDDEN, "certificate-expired", "The certificate has expired")
            }
            Cause::Refused(refusal) => return of_refusal(refusal),
            Cause::NoEnrolment => {
                (StatusCode::NOT_FOUND, "no-enrolment", "There is no such enrolment")
            }
            Cause::TooManyCodes => {
                (StatusCode::TOO_MANY_REQUESTS, "too-many-codes", "Too many codes")
            }
        };
        Self::new(status, name, title, sentence(&error.to_string()))
    }
}

/// A code that is refused. How near it was is nobody's business (RTS art. 4(3)(a)).
fn of_refusal(refusal: &Refusal) -> Problem {
    let (status, title, detail) = match refusal {
        Refusal::WrongCode { .. } => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "This is not the code",
            "Look at the message again, and type its code.",
        ),
        Refusal::AlreadyUsed => {
            (StatusCode::CONFLICT, "The code was used already", "A code is good once. Begin again.")
        }
        Refusal::OtherSession => {
            (StatusCode::NOT_FOUND, "There is no such enrolment", "Begin again.")
        }
        Refusal::Undeliverable => (
            StatusCode::GONE,
            "Your phone cannot be reached",
            "Is it on, and is the number right? Begin again.",
        ),
        _ => (
            StatusCode::GONE,
            "The code is not good any more",
            "Begin again; another code is sent.",
        ),
    };
    let problem = Problem::new(status, refusal.name(), title, detail);
    match refusal {
        Refusal::WrongCode { attempts_left } => problem.with("attempts_left", *attempts_left),
        _ => problem,
    }
}

fn failed(error: &AuthorityError) -> Problem {
    tracing::error!(%error, "an authority failed");
    Problem::internal()
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next();
    let first = first.into_iter().flat_map(char::to_uppercase);
    first.chain(characters).chain(['.']).collect()
}

impl IntoResponse for AuthorityError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

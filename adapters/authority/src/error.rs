//! What can go wrong at an authority, what it rightly says no to, and both on the wire.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use countersign_domain::{
    error::Error as DomainError, invalid::InvalidInput, ports::EntropyError, record::StoreError,
    refusal::Refusal,
};
use countersign_web::{problem::Problem, step::StepLost};
use thiserror::Error;

use crate::words::WORDS;

/// Why nothing was issued, or revoked. None holds a number, a code or a key.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum AuthorityError {
    /// The certificate cannot be made: a name, a lifetime, a key that does not fit.
    #[error(transparent)]
    Certificate(#[from] countersign_certs::Error),
    /// The store or another port failed.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// A step did not come to its end.
    #[error(transparent)]
    Lost(#[from] StepLost),
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
    /// It was revoked before.
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
    /// A card would be for all to read.
    #[error("a card is vouched for only where numbers are encrypted to gateways")]
    CardInClear,
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
    /// The certificate that is to be renewed was issued to another holder, or for another number.
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
        match &error {
            Cause::Certificate(cause) => of_certificate(&error, cause),
            Cause::Domain(error) => Self::from(error),
            Cause::Lost(error) => (*error).into(),
            Cause::TooManyRevoked => failed(&error),
            Cause::NoCommonName
            | Cause::NumberNotProved
            | Cause::NumberHasNoPlace
            | Cause::CardInClear
            | Cause::IsAuthority => Self::broken_rule(&error),
            Cause::KeyCertifiedBefore { serial } => WORDS
                .problem(StatusCode::CONFLICT, "key-certified-before")
                .filled("serial", serial.as_str()),
            Cause::UnknownSerial { .. } | Cause::OtherHolder => {
                WORDS.problem(StatusCode::FORBIDDEN, "other-holder")
            }
            Cause::RevokedBefore { .. } => {
                Self::shared(StatusCode::FORBIDDEN, "certificate-revoked")
            }
            Cause::Expired { .. } => Self::shared(StatusCode::FORBIDDEN, "certificate-expired"),
            Cause::Refused(refusal) => Self::from(refusal),
            Cause::NoEnrolment => WORDS.problem(StatusCode::NOT_FOUND, "no-enrolment"),
        }
    }
}

/// What a certificate cannot be made of is the caller's fault, unless it is the authority that is set up wrongly.
fn of_certificate(error: &AuthorityError, cause: &countersign_certs::Error) -> Problem {
    use countersign_certs::Error as Cause;
    let invalid = WORDS.problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid-value");
    match cause {
        Cause::PassphraseTooShort => invalid.worded("passphrase-too-short"),
        Cause::PassphraseBeyondBmp => invalid.worded("passphrase-beyond-bmp"),
        Cause::MalformedRequest => invalid.worded("request-malformed"),
        Cause::RequestSignature => invalid.worded("request-signature"),
        Cause::SignatureAlgorithm(known) => {
            invalid.worded("request-algorithm").filled("algorithms", *known)
        }
        Cause::UnexpectedPem { found, .. } => {
            invalid.worded("request-of-another-kind").filled("found", found.clone())
        }
        Cause::SeveralInFile(_) => invalid.worded("request-several"),
        Cause::KeyNotAllowed => invalid.worded("key-not-allowed"),
        Cause::InvalidCommonName => invalid.worded("name-not-allowed"),
        Cause::Failed(_)
        | Cause::MalformedCertificate
        | Cause::MayNotIssue
        | Cause::OutsideAuthorityValidity
        | Cause::InvalidValidity
        | Cause::RecipientCount => failed(error),
        _ => Problem::broken_rule(cause),
    }
}

fn failed(error: &AuthorityError) -> Problem {
    tracing::error!(%error, "an authority failed");
    Problem::internal()
}

impl IntoResponse for AuthorityError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use countersign_web::words::Language;

    use super::*;

    #[test]
    fn every_error_has_its_words_in_every_language() {
        use countersign_certs::Error as Certs;
        let serial = || "0123".to_owned();
        let certificates = [
            Certs::PassphraseTooShort,
            Certs::PassphraseBeyondBmp,
            Certs::MalformedRequest,
            Certs::RequestSignature,
            Certs::SignatureAlgorithm("ECDSA with SHA-256"),
            Certs::UnexpectedPem { found: "PKCS7".to_owned(), expected: "a request" },
            Certs::SeveralInFile("a request"),
            Certs::KeyNotAllowed,
            Certs::InvalidCommonName,
            Certs::RecipientCount,
            Certs::InvalidDnsName,
        ];
        let errors = [
            AuthorityError::Domain(DomainError::Contention),
            AuthorityError::KeyCertifiedBefore { serial: serial() },
            AuthorityError::UnknownSerial { serial: serial() },
            AuthorityError::RevokedBefore { serial: serial() },
            AuthorityError::Expired { serial: serial() },
            AuthorityError::NumberNotProved,
            AuthorityError::NumberHasNoPlace,
            AuthorityError::CardInClear,
            AuthorityError::IsAuthority,
            AuthorityError::TooManyRevoked,
            AuthorityError::NoCommonName,
            AuthorityError::Refused(Refusal::Late),
            AuthorityError::NoEnrolment,
            AuthorityError::OtherHolder,
        ];
        let others = [
            WORDS.problem(StatusCode::UNAUTHORIZED, "proof-needed"),
            WORDS.problem(StatusCode::FORBIDDEN, "certificate-not-presented"),
            WORDS.problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-pkcs10"),
        ];
        let errors = certificates.map(AuthorityError::from).into_iter().chain(errors);
        for problem in errors.map(Problem::from).chain(others) {
            for language in Language::all() {
                assert!(problem.is_worded(&language), "{problem:?}");
            }
        }
    }
}

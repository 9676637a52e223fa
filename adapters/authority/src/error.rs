//! What can go wrong at an authority, and what it rightly says no to.

use countersign_domain::{
    challenge::Refusal,
    error::{Error as DomainError, InvalidInput},
    ports::{EntropyError, StoreError},
};
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
    /// The client certificate that is to be renewed is not accepted.
    #[error("the certificate to be renewed is refused: {0}")]
    Presented(countersign_certs::Refusal),
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

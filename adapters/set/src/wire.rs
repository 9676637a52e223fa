//! Messages in and out: the wrapper around them, its version and its time, and how large one may be.

use countersign_domain::{
    error::Error as DomainError, randomness::EntropyError, record::StoreError, time::Timestamp,
};
use der::{Decode as _, Encode as _, asn1::GeneralizedTime};

use crate::{
    asn1::Random,
    message::{
        common::Software,
        failure::ErrorCode,
        wrapper::{Message, MessageHeader, MessageWrapper},
    },
    name::{generalized_time, timestamp},
};

/// The largest message that is read, in bytes: a purchase with chains of RSA certificates has a fifth of it.
pub const MAX_MESSAGE_BYTES: usize = 128 * 1024;
/// The protocol's version and revision.
const VERSION: i64 = 1;
const REVISION: i64 = 0;
/// How far the clocks of two sides may be apart, in seconds.
const CLOCK_SKEW_SECONDS: u64 = 10 * 60;
/// How old a request may be that is begun, in seconds: as long as an order may be paid.
const MAX_AGE_SECONDS: u64 = 30 * 60;
/// What this program calls itself.
pub(crate) const SOFTWARE: &str = concat!("Countersign ", env!("CARGO_PKG_VERSION"));

/// A message of ours, wrapped.
///
/// # Errors
/// When it cannot be encoded: after the year 9999.
pub(crate) fn wrap(
    message: Message,
    rrpid: &Random,
    xid: Option<&Random>,
    now: Timestamp,
) -> der::Result<Vec<u8>> {
    let header = MessageHeader {
        version: VERSION.try_into()?,
        revision: REVISION.try_into()?,
        date: generalized_time(now)?,
        sw_ident: Software::try_from(SOFTWARE)?,
        rrpid: rrpid.clone(),
        xid: xid.cloned(),
    };
    MessageWrapper { header, message }.to_der()
}

/// A message of somebody else, unwrapped. The header is not signed: its date is for people who look for what went wrong. How
/// old a request may be is decided by what is signed in it, once it is known that it was not answered before.
///
/// # Errors
/// The code to answer it with.
pub(crate) fn unwrap(bytes: &[u8]) -> Result<MessageWrapper, ErrorCode> {
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(ErrorCode::MessageTooBig);
    }
    let wrapper = MessageWrapper::from_der(bytes).map_err(|_| ErrorCode::DecodingFailure)?;
    match wrapper.header.version.get() {
        VERSION => Ok(wrapper),
        older if older < VERSION => Err(ErrorCode::VersionTooOld),
        _ => Err(ErrorCode::VersionTooNew),
    }
}

/// Whether a request that was made then is too old to be begun now, or from the future.
pub(crate) fn is_untimely(made: &GeneralizedTime, now: Timestamp) -> bool {
    let (made, now) = (timestamp(made).unix_seconds(), now.unix_seconds());
    made.saturating_add(MAX_AGE_SECONDS) < now || now.saturating_add(CLOCK_SKEW_SECONDS) < made
}

/// A value as it stands in a message, or that it is out of bounds.
pub(crate) fn encoding_failed(error: der::Error) -> Failure {
    Failure::Encoding(error.kind())
}

/// What is on our side.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum Failure {
    /// A message of ours cannot be encoded.
    #[error("a message cannot be encoded: {0}")]
    Encoding(der::ErrorKind),
    /// A key or a library failed.
    #[error(transparent)]
    Protecting(#[from] crate::protect::ProtectError),
    /// The domain failed.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// The source of randomness failed.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A key cannot be certified.
    #[error(transparent)]
    Issuing(#[from] crate::issuer::IssuerError),
}

impl Failure {
    /// Whether a limit was reached in a commit.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self, Self::Domain(error) if error.refusal().is_some())
    }

    /// Whether a record was changed, or made, by another request at the same time.
    pub(crate) const fn is_conflict(&self) -> bool {
        matches!(self, Self::Domain(DomainError::Store(StoreError::Conflict { .. })))
    }
}

impl From<der::Error> for Failure {
    fn from(error: der::Error) -> Self {
        encoding_failed(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<countersign_domain::invalid::InvalidInput> for Failure {
    fn from(error: countersign_domain::invalid::InvalidInput) -> Self {
        Self::Domain(error.into())
    }
}

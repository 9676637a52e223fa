//! Messages in and out: the wrapper around them, its version and its time, and how large one may be.

use countersign_domain::{randomness::EntropyError, time::Timestamp};
use der::{Decode as _, Encode as _};

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

/// A request of somebody else, unwrapped.
///
/// # Errors
/// The code to answer it with.
pub(crate) fn unwrap(bytes: &[u8], now: Timestamp) -> Result<MessageWrapper, ErrorCode> {
    let wrapper = unwrap_answer(bytes)?;
    let (made, now) = (timestamp(&wrapper.header.date).unix_seconds(), now.unix_seconds());
    if made.saturating_add(CLOCK_SKEW_SECONDS) < now {
        return Err(ErrorCode::MessageTooOld);
    }
    if now.saturating_add(CLOCK_SKEW_SECONDS) < made {
        return Err(ErrorCode::MessageTooNew);
    }
    Ok(wrapper)
}

/// An answer, unwrapped. It may have been kept for long and is given as it was: what it answers tells that it is no old
/// one, not its time.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn unwrap_answer(bytes: &[u8]) -> Result<MessageWrapper, ErrorCode> {
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(ErrorCode::MessageTooBig);
    }
    let wrapper = MessageWrapper::from_der(bytes).map_err(|_| ErrorCode::DecodingFailure)?;
    match wrapper.header.version.get() {
        VERSION => {}
        older if older < VERSION => return Err(ErrorCode::VersionTooOld),
        _ => return Err(ErrorCode::VersionTooNew),
    }
    Ok(wrapper)
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
    Domain(#[from] countersign_domain::error::Error),
    /// The source of randomness failed.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl From<der::Error> for Failure {
    fn from(error: der::Error) -> Self {
        encoding_failed(error)
    }
}

impl From<countersign_domain::record::StoreError> for Failure {
    fn from(error: countersign_domain::record::StoreError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<countersign_domain::invalid::InvalidInput> for Failure {
    fn from(error: countersign_domain::invalid::InvalidInput) -> Self {
        Self::Domain(error.into())
    }
}

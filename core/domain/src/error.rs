//! What can go wrong. A *refusal* (a correct "no") is not here: see [`Refusal`].

use thiserror::Error;

use crate::{
    invalid::InvalidInput,
    operator::OperatorError,
    pin::PinError,
    randomness::EntropyError,
    record::StoreError,
    refusal::{Outcome, Refusal},
    subscriber::DirectoryError,
};

/// The domain could not do what was asked, through the caller's fault or a port's.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Error {
    /// The caller's value is not valid.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// There is no such record.
    #[error("there is no {collection} {id}")]
    NotFound {
        /// The kind of record.
        collection: &'static str,
        /// Its id.
        id: String,
    },
    /// The record exists but not in a state in which this can be asked.
    #[error("{collection} {id} is {state}")]
    NotNow {
        /// The kind of record.
        collection: &'static str,
        /// Its id.
        id: String,
        /// The state it is in.
        state: &'static str,
    },
    /// A challenge names a record of a flow that does not run in this process.
    #[error("nothing here knows the {collection} that waits for this challenge")]
    NobodyWaits {
        /// The kind of record.
        collection: String,
    },
    /// The key that a record was made with is in the key ring no more.
    #[error("key {0} is not in the key ring")]
    UnknownKey(crate::id::KeyId),
    /// Something sealed under our keys does not open: changed, moved or sealed under another key.
    #[error("a sealed card does not open")]
    Sealed,
    /// Others changed the same record too many times in a row.
    #[error("too many changes of the same record at once; try again")]
    Contention,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The operator that computes the codes did not say whether one is right.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// A PIN cannot be compared or set now.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// The source of randomness failed.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl Error {
    /// The refusal that it is, where a limit was reached in a commit.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Store(StoreError::Exhausted { counter, wait_seconds }) => {
                Some(Refusal::of_counter(counter, *wait_seconds))
            }
            _ => None,
        }
    }
}

impl<T> Outcome<T> {
    /// Of what a commit came to: a limit that was reached meanwhile is a refusal, and no error.
    ///
    /// # Errors
    /// Every other error.
    pub fn of(result: Result<T, Error>) -> Result<Self, Error> {
        match result {
            Ok(done) => Ok(Self::Done(done)),
            Err(error) => error.refusal().map(Self::Refused).ok_or(error),
        }
    }
}

//! Where keys and ids come from.

use thiserror::Error;

/// A cryptographically secure source of randomness, fit for keys and ids.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random bits.
    ///
    /// # Errors
    /// When the source fails.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// The source of randomness failed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the source of random bits failed")]
pub struct EntropyError;

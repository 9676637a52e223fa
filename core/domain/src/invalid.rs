//! What is refused of what comes from outside.

use thiserror::Error;

/// A value from outside that cannot be what it says it is. Names the culprit, never quotes it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{what} {why}")]
#[non_exhaustive]
pub struct InvalidInput {
    /// Which value.
    pub what: &'static str,
    /// Which rule it broke, as the rest of a sentence.
    pub why: &'static str,
}

impl InvalidInput {
    /// `what` broke the rule `why`.
    pub const fn new(what: &'static str, why: &'static str) -> Self {
        Self { what, why }
    }
}

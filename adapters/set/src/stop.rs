//! A message is not processed: what the other side is told, or what failed on ours.

use crate::{message::failure::ErrorCode, wire::Failure};

/// Why a message is not processed.
#[derive(Debug, PartialEq)]
pub(crate) enum Stop {
    /// The message is to blame.
    Told(ErrorCode),
    /// We are.
    Failed(Failure),
}

impl<F: Into<Failure>> From<F> for Stop {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

impl Stop {
    /// Whether a limit was reached in a commit.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.is_limit())
    }

    /// What the other side is told, after it is logged.
    pub(crate) fn told(self, role: &'static str) -> ErrorCode {
        match self {
            Self::Told(code) => {
                tracing::info!(role, %code, "a message cannot be processed");
                code
            }
            Self::Failed(error) => {
                tracing::error!(role, %error, "a message could not be processed");
                ErrorCode::UnspecifiedFailure
            }
        }
    }
}

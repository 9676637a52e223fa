//! Why nothing was played.

use std::path::PathBuf;

use countersign_sandbox::SandboxError;
use thiserror::Error;

/// Why nothing was played.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum RunError {
    /// The selection leaves nothing.
    #[error("no scenario is selected; see `scenario list`, and check --tags")]
    NothingSelected,
    /// No sandbox can be started.
    #[error("no sandbox can be started: {0}")]
    Sandbox(#[from] SandboxError),
    /// The sandbox that is said to run does not answer.
    #[error("{url}: {cause}")]
    NotRunning {
        /// The control's URL.
        url: String,
        /// What came instead.
        cause: String,
    },
    /// The report cannot be written.
    #[error("{path}: {cause}")]
    Report {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// There is no room for a sandbox's files.
    #[error("no temporary folder: {0}")]
    NoFolder(String),
    /// There is no PostgreSQL for a sandbox's store.
    #[error("{0}")]
    NoPostgres(String),
}

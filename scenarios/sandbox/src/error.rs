//! Why there is no sandbox.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use countersign_domain::invalid::InvalidInput;
use countersign_server::{ConfigError, StartError};
use countersign_set::wallet_file::WalletFileError;
use thiserror::Error;

use crate::centre::CentreError;

/// Why there is no sandbox.
#[derive(Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum SandboxError {
    /// The folder holds something.
    #[error("{0} is not empty: a sandbox is made anew each time; name another folder")]
    FolderInUse(PathBuf),
    /// A file cannot be written.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// An address cannot be listened at.
    #[error(
        "cannot listen at {address}: {cause}; is another sandbox running? Choose other ports, see --help"
    )]
    Listen {
        /// At which nothing can listen.
        address: SocketAddr,
        /// What the system says.
        cause: String,
    },
    /// A certificate cannot be made.
    #[error("certificates: {0}")]
    Certificates(String),
    /// The centre does not start.
    #[error(transparent)]
    Centre(#[from] CentreError),
    /// The server does not start.
    #[error(transparent)]
    Server(#[from] StartError),
    /// A value of the sandbox's own is not valid, or there is no randomness.
    #[error("{0}")]
    Internal(String),
}

impl SandboxError {
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::File { path: path.to_owned(), cause: error.to_string() }
    }
}

impl From<countersign_certs::Error> for SandboxError {
    fn from(error: countersign_certs::Error) -> Self {
        Self::Certificates(error.to_string())
    }
}

impl From<rcgen::Error> for SandboxError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificates(error.to_string())
    }
}

impl From<WalletFileError> for SandboxError {
    fn from(error: WalletFileError) -> Self {
        Self::Certificates(error.to_string())
    }
}

impl From<ConfigError> for SandboxError {
    fn from(error: ConfigError) -> Self {
        Self::Server(error.into())
    }
}

impl From<InvalidInput> for SandboxError {
    fn from(error: InvalidInput) -> Self {
        Self::Internal(error.to_string())
    }
}

pub(crate) fn listen(address: SocketAddr, error: &io::Error) -> SandboxError {
    SandboxError::Listen { address, cause: error.to_string() }
}

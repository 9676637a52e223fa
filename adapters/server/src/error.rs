//! Why a server does not start. Each text says what to change.

use std::net::SocketAddr;

use thiserror::Error;

/// The configuration cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file that is named cannot be read.
    #[error("{file} cannot be read: {cause}")]
    Unreadable {
        /// Which file.
        file: String,
        /// What the system said.
        cause: String,
    },
    /// The text is not TOML, or has a key that is not known, or a value that is not valid.
    #[error("the configuration is not valid: {cause}")]
    Invalid {
        /// Where and what.
        cause: String,
    },
    /// A section needs another, which is not there.
    #[error("[{by}] needs [{section}], which is not there")]
    Missing {
        /// The section that is not there.
        section: &'static str,
        /// The one that needs it.
        by: &'static str,
    },
    /// There is nothing to run.
    #[error("there is no flow: give one a section, such as {flows}")]
    NoFlow {
        /// The sections of which one is needed.
        flows: String,
    },
    /// What a key says cannot be used.
    #[error("{key} {why}")]
    Unusable {
        /// Which key.
        key: &'static str,
        /// The rule it breaks, as the rest of a sentence.
        why: String,
    },
}

impl ConfigError {
    pub(crate) fn unusable(key: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Unusable { key, why: why.to_string() }
    }
}

/// The server cannot start.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be listened at.
    #[error("cannot listen at {address}: {cause}; is something else running there?")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system said.
        cause: String,
    },
    /// The system allows fewer open files than all connections together need.
    #[error(
        "{needed} open files are needed and {allowed} are allowed: raise the hard limit (systemd: LimitNOFILE={needed}; \
         a shell: ulimit -Hn {needed}) or lower connections.max_per_listener"
    )]
    Descriptors {
        /// For all listeners' connections, and the reserve.
        needed: u64,
        /// By the hard limit of this process.
        allowed: u64,
    },
    /// The store cannot be opened.
    #[error("the store cannot be opened: {0}")]
    Store(String),
}

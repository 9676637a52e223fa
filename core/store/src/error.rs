//! Why a store cannot be opened; and how a failure of SQLite is told to the domain.

use std::{fmt, path::PathBuf};

use countersign_domain::record::StoreError;
use thiserror::Error;

/// A store that cannot be opened. A file that is foreign, older or newer is left as it was.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be made, read, written, or kept durably.
    #[error("{path} cannot be used: {cause}")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What failed.
        cause: String,
    },
    /// The file belongs to something else.
    #[error("{path} is not a Countersign store")]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// An earlier program wrote the file, and nothing brings it up to date.
    #[error(
        "{path} has schema version {found}, of an earlier build; this program knows version {known} only: \
         run the build that made it, or move it away and start with a new store"
    )]
    OlderSchema {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The version that this program knows.
        known: usize,
    },
    /// A later program wrote the file.
    #[error(
        "{path} has schema version {found}, of a later build; this program knows version {known} only: run the later build"
    )]
    NewerSchema {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The version that this program knows.
        known: usize,
    },
    /// Somebody changed the schema of the file.
    #[error(
        "{path} does not have the schema that this program makes: {object} {how}. Find out who wrote to it, and restore a backup"
    )]
    Altered {
        /// Which file.
        path: PathBuf,
        /// Kind and name of the first object that is not as it must be.
        object: String,
        /// What is wrong with it.
        how: Alteration,
    },
    /// Its store was moved to a database.
    #[error(
        "the store in {path} was moved to {database}: start servers on that (store.url). To go back, without what was done there since: \
         sqlite3 {path} 'DROP TABLE moved_to'"
    )]
    Moved {
        /// Which file.
        path: PathBuf,
        /// Where its store is.
        database: String,
    },
    /// The facts are not those that were committed, or cannot be known to be.
    #[error(
        "the facts of {path} cannot be trusted: {cause}. Look with `countersign check --facts`; restore a backup where they were changed"
    )]
    Facts {
        /// Which file.
        path: PathBuf,
        /// What is wrong with them.
        cause: String,
    },
    /// The file is broken.
    #[error("{path} is damaged: {cause}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What SQLite found first.
        cause: String,
    },
}

/// What became of an object of the schema.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Alteration {
    /// It is not there.
    Missing,
    /// It has another definition.
    Changed,
    /// It is none of ours.
    Added,
}

impl fmt::Display for Alteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "is missing",
            Self::Changed => "was changed",
            Self::Added => "is none of ours",
        })
    }
}

/// A failure of SQLite while the store is in use. Its messages name tables and columns, never values.
pub(crate) fn unavailable(failure: impl fmt::Display) -> StoreError {
    StoreError::Unavailable { cause: failure.to_string() }
}

/// A value that SQLite cannot hold, or that we did not write.
pub(crate) fn corrupt(key: impl fmt::Display, cause: impl Into<String>) -> StoreError {
    StoreError::Corrupt { key: key.to_string(), cause: cause.into() }
}

/// JSON that is not the value it should be. Only where it broke: the reader's own message may quote the value.
pub(crate) fn corrupt_json(key: impl fmt::Display, error: &serde_json::Error) -> StoreError {
    corrupt(key, format!("JSON error at line {}, column {}", error.line(), error.column()))
}

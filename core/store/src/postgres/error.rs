//! Why a database cannot be used, and how a failure of it is told.

use std::error::Error as _;

use thiserror::Error;
use tokio_postgres::error::{DbError, Severity};

use super::connection::PoolError;
use crate::error::Alteration;

/// A database that cannot be used as a store. One that is foreign, older or newer is left as it was.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The URL cannot be read. It is not shown, as it may have a password in it.
    #[error(
        "the URL of the database cannot be read: it is such as postgresql://user:password@host/database, and what is \
         no letter or digit in a name or a password is percent-encoded"
    )]
    Url,
    /// The schema has no name that PostgreSQL and people take alike.
    #[error(
        "the name of a schema is small letters, digits and _, at most 63 of them, and begins with no digit and not with pg_"
    )]
    SchemaName,
    /// The database cannot be reached, read, or written to durably.
    #[error("{database} cannot be used: {cause}")]
    Unusable {
        /// Which database.
        database: String,
        /// What failed.
        cause: String,
    },
    /// Nobody has made a store in it yet.
    #[error("{database} has no store yet: make it with `countersign migrate`")]
    Empty {
        /// Which database.
        database: String,
    },
    /// Its schema belongs to something else.
    #[error(
        "{database} has a schema named {schema} that is no Countersign store: use another database, or another schema"
    )]
    Foreign {
        /// Which database.
        database: String,
        /// The name that the store's schema would have.
        schema: String,
    },
    /// A store is being moved to it, and not all of it is there.
    #[error(
        "{database} has only part of a store that is being moved to it: run `countersign migrate --from` to its end"
    )]
    Partial {
        /// Which database.
        database: String,
    },
    /// Somebody else is moving a store to it at this moment.
    #[error(
        "another `countersign migrate --from` runs on {database}, or its connection goes through a pooler that keeps it: \
         give the URL of the server itself"
    )]
    Moving {
        /// Which database.
        database: String,
    },
    /// Another build made the store.
    #[error(
        "{database} has a store of schema version {found}; this program knows version {known} only: run the build that made it"
    )]
    OtherVersion {
        /// Which database.
        database: String,
        /// Its version.
        found: String,
        /// The version that this program knows.
        known: u32,
    },
    /// Somebody changed the schema.
    #[error(
        "{database} does not have the schema that this program makes: {object} {how}. Find out who changed it, and restore a backup"
    )]
    Altered {
        /// Which database.
        database: String,
        /// Kind and name of the first object that is not as it must be.
        object: String,
        /// What is wrong with it.
        how: Alteration,
    },
    /// The server would answer before a commit is on the disk.
    #[error(
        "{database} would lose what it has acknowledged: the server's setting {setting} must not be off"
    )]
    NotDurable {
        /// Which database.
        database: String,
        /// The setting of the server.
        setting: &'static str,
    },
    /// The facts are not those that were committed, or cannot be known to be.
    #[error(
        "the facts of {database} cannot be trusted: {cause}. Restore a backup where they were changed"
    )]
    Facts {
        /// Which database.
        database: String,
        /// What is wrong with them.
        cause: String,
    },
}

/// What failed, without the values that a server tells as detail.
pub(super) fn told(error: &tokio_postgres::Error) -> String {
    if let Some(failure) = error.as_db_error() {
        return format!("{} ({})", failure.message(), failure.code().code());
    }
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        told = format!("{told}: {cause}");
        source = cause.source();
    }
    told
}

/// Whether the server said that a statement failed, and keeps the connection.
pub(super) fn goes_on(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().and_then(DbError::parsed_severity) == Some(Severity::Error)
}

pub(super) fn pool_told(error: &PoolError) -> String {
    match error {
        PoolError::Backend(unreached) => unreached.to_string(),
        PoolError::Timeout(_)
        | PoolError::Closed
        | PoolError::NoRuntimeSpecified
        | PoolError::PostCreateHook(_) => error.to_string(),
    }
}

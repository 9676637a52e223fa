//! The store on PostgreSQL, for several machines.
//!
//! ```text
//!   commit --> queue --> writer: one task                          load, due, statement ... --> a connection of the pool
//!     ^                    |  BEGIN, lock, read what all touch           ^                            |
//!     |                    |  decide each batch (group.rs)               |                            v
//!     |                    v  write, COMMIT                              +-------- one statement, one round trip
//!     +---- answers ---- PostgreSQL: one group at a time, whichever process it is of
//! ```
//!
//! Modules in reading order: `store` (the port), `database` (which it is), `hosts` and `connection` (how it is reached), `shard`, `schema`,
//! `writer` (group commit, and what a lost connection means), `transaction` (one group), `group` (what becomes of its batches), `write`,
//! `query`, `snapshot` (everything at once, to be checked), `moving` (a file into a database), `tls`, `error`.

mod store;

mod connection;
mod database;
mod group;
mod hosts;
mod moving;
mod query;
mod schema;
mod shard;
mod snapshot;
mod tls;
mod transaction;
mod write;
mod writer;

mod error;

pub use connection::InUse;
pub use database::Database;
pub use error::DatabaseError;
pub use moving::{MoveError, Moved, Moving, move_store};
pub use schema::{check_schema, make_schema};
pub use snapshot::Snapshot;
pub use store::PostgresStore;

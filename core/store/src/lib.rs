//! The store port twice: [`SqliteStore`] implements the domain's [`Store`](countersign_domain::ports::Store) on one file that
//! an operator can copy and look into; [`PostgresStore`] on a database that servers on several machines share, as `postgres`
//! says. What follows is of the file.
//!
//! It does not know what a record means, it does not decide what becomes of a batch that conflicts, and it deletes
//! nothing by itself. More than one server on one file is safe, as versions are compared under the file's lock, but servers on
//! several machines want a database server.
//!
//! One record or balance is read by whoever asks for it, on a connection that is free; all other reads are made by
//! threads.
//!
//! ```text
//!   commit --> queue --> writer: one thread                due, facts, statement --> queue --> readers: threads
//!     ^                    |  BEGIN IMMEDIATE                       ^                          |
//!     |                    |  all batches, or anew one by one       |                          |
//!     |                    v  COMMIT: one sync for all of them      |                          v
//!     +---- answers ---- SQLite, write-ahead log, synchronous=FULL --------- read-only connections
//! ```
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use countersign_domain::{
//!     ports::{Reads, Store},
//!     record::{Batch, Record, RecordKey, StoreError, Version},
//! };
//! use countersign_store::SqliteStore;
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let store = SqliteStore::open(&folder.join("countersign.db"))?;
//!
//! let key = RecordKey { collection: "note", id: "1".to_owned() };
//! let note = Record { key: key.clone(), version: Version::FIRST, due_at: None, final_at: None, body: r#"{"text":"hello"}"#.to_owned() };
//! let insertion = Batch { inserts: vec![note.clone()], ..Batch::default() };
//! store.commit(insertion.clone()).await?;
//! assert_eq!(store.load(&key).await?, Some(note));
//!
//! let again = store.commit(insertion).await;
//! assert_eq!(again, Err(StoreError::Conflict { key: "note 1".to_owned() }));
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # For the operator
//! The tables are described in `src/schema.sql`; `docs/guides/operate.md` says how to look into a store, how to back it up
//! while it is written to, and how to restore it. A program does it with [`backup`].
//!
//! Modules in reading order: `store` (the port), `queue` (what shares a commit), `writer` (group commit), `apply` (what a batch
//! changes), `readers`, `query` (what can be asked), `backup`, `chain` (whether the facts are those that were committed),
//! `books` (whether they are right), `export` (the books for another program), `inspection` (whether the file is whole),
//! `schema` (opening it), `threads`, `error`.

mod store;

mod apply;
mod backup;
mod books;
mod chain;
mod export;
mod inspection;
mod log;
mod postgres;
mod query;
mod queue;
mod readers;
mod schema;
mod stored;
#[cfg(feature = "testing")]
pub mod testing;
mod threads;
mod writer;

mod error;

pub use backup::backup;
pub use books::{Books, Difference, Findings, Total, Wrong};
pub use chain::{Break, ChainFindings, Facts};
pub use error::{Alteration, OpenError};
pub use inspection::{Inspected, Inspection, check_pages};
pub use postgres::{
    Database, DatabaseError, InUse, MoveError, Moved, Moving, PostgresStore, Snapshot,
    check_schema, make_schema, move_store,
};
pub use schema::check_file;
pub use store::SqliteStore;

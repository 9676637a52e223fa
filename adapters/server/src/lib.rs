//! The composition root: reads the configuration, opens the drivers, mounts the flows, listens.
//!
//! The only crate that names other adapters and drivers. There is no simulator in it: what it talks to is what the
//! configuration names.
//!
//! ```text
//!   config.rs --> server.rs --+--> backbone.rs: SqliteStore, SmppMessenger (drivers.rs), Verifier, Outbox, payments.rs
//!                             +--> checkout.rs, authority.rs, set/: one file for each flow, each is a Flow and gives a Mount
//!                             +--> listener.rs: places.rs --> TLS --> the flows' routers, each request to its end
//!                             +--> workers.rs: what was committed (notifying_store.rs), what is due
//!                             +--> metered.rs, requests.rs, notifying_store.rs, log.rs --> metrics.rs --> operations.rs
//!
//!   ca.rs --> countersign-authority over the folder of an authority (folder.rs)
//! ```

pub mod ca;
mod server;
pub mod set;
pub mod settle;

// The flows.
mod access;
mod authority;
mod checkout;

mod at_hand;
mod backbone;
mod books;
mod config;
mod descriptors;
mod drivers;
mod error;
mod evidence;
mod file;
mod flow;
mod folder;
mod key_uri;
mod lanes;
mod listener;
mod log;
mod metered;
mod metrics;
mod migrate;
mod mount;
mod notifying_store;
mod operations;
mod operator;
mod payments;
mod places;
mod requests;
mod resealed;
mod retention;
mod revocation;
mod seen_lists;
mod store_place;
mod system;
mod tls;
#[cfg(feature = "pkcs11")]
mod token;
mod trust;
mod unlock;
mod wallet;
mod workers;

pub use books::{BooksReport, books, copy_store};
pub use config::{Config, Withdrawn};
pub use error::{ConfigError, StartError};
pub use evidence::{FactsReport, PagesReport, facts, pages, schema};
pub use log::{Log, LogEnd, LogForm};
pub use migrate::{MigrationReport, migrate};
pub use resealed::{KeysReport, keys, reseal};
pub use retention::sweep;
pub use server::{Server, serve};
pub use store_place::open_store;
pub use system::{SystemClock, SystemEntropy};
pub use unlock::{Phone, UnlockReport, unlock};

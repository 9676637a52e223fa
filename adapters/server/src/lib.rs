//! The composition root: reads the configuration, opens the drivers, mounts the flows, listens.
//!
//! The only crate that names other adapters and drivers. There is no simulator in it: what it talks to is what the
//! configuration names.
//!
//! ```text
//!   config.rs --> server.rs --+--> SqliteStore, SmppMessenger, BankClient       (drivers)
//!                             +--> Gateway, Outbox, Subscribers                 (domain)
//!                             +--> listener.rs: TLS --> checkout's routers      (flows)
//!                             +--> workers.rs: what was committed (notifying_store.rs), what is due
//!                             +--> notifying_store.rs, metered.rs, requests.rs --> metrics.rs --> operations.rs  (for operators)
//!
//!   ca.rs --> countersign-authority over the folder of an authority; ca serve: authority.rs --> listener.rs, workers.rs
//! ```

pub mod ca;
mod server;

mod authority;
mod config;
mod drivers;
mod error;
mod folder;
mod listener;
mod metered;
mod metrics;
mod notifying_store;
mod operations;
mod requests;
mod revocation;
mod system;
mod tls;
mod trust;
mod workers;

pub use config::Config;
pub use error::{ConfigError, StartError};
pub use server::Server;
pub use system::{SystemClock, SystemEntropy};

//! Counterparties for a machine that has none: an SMS centre with handsets, an issuing bank and a certificate
//! authority, with the server between them. Real protocols over real sockets, everything in one process.
//!
//! ```text
//!   a person, a test                                          the server, as in real life
//!     | HTTP                +--> centre.rs: handsets <-- SMPP 3.4 --+
//!     +--> control.rs ------+--> bank.rs: accounts <-- ISO 8583 ----+ countersign-server
//!                           +--> clock.rs: the server's time -------+   ^ TLS: curl, a browser
//!   a browser --> pages.rs -+    journal.rs, drawing.rs: what was sent --+ tap.rs
//!   operator.rs: another server, when it is asked for -------------+
//!   certificates.rs: the server's, the gateway's, clients' ---------+---+
//! ```
//!
//! The server knows nothing of this: `sandbox.rs` writes it a configuration file like anybody's.

// The whole, the configuration that it writes for the server, and what a newcomer is told.
mod address;
mod error;
mod facts;
mod folder;
mod introduction;
mod person;
mod plan;
mod sandbox;
mod settings;
mod unlimited;
// What was sent, and the flow of each purchase made of it.
mod bodies;
mod drawing;
mod journal;
mod tap;
// What people and programs see of it and tell it, over HTTP.
mod accounts;
mod clock;
mod control;
mod counterparties;
mod handsets;
mod page;
mod problem;
mod served;
mod stage;
mod views;
// The flows: each its section of the configuration, and its pages.
mod flows;
mod merchant;
// The counterparties, and each alone.
mod alone;
pub mod bank;
pub mod centre;
mod certificates;
mod operator;

pub use alone::{LoneBank, LoneCentre};
pub use drawing::{Arrow, Flow, STYLE};
pub use error::SandboxError;
pub use journal::Party;
pub use merchant::OWN_LOOK;
pub use person::{Person, PlainCard, with_check_digit};
pub use sandbox::{Sandbox, Texts};
pub use settings::{ExternalCentre, Settings, StoreSchema};

//! Runs the testers' scripts and says what they cover.
//!
//! A script is Gherkin: one file per figure, readable by a banker. Its steps are spoken to a running server over the
//! same wires as merchants, payers and phones use; what a phone shows and what the bank booked is read from the
//! sandbox's control.
//!
//! ```text
//!   *.feature --> script.rs --> run.rs --> steps/ --> flows/ --> wire.rs ----> server (API, pages)
//!                     |           |            |         \-> control.rs --> handsets, accounts, clock
//!   rows.toml --> catalogue.rs    |         world.rs
//!                     |         bench.rs: our own sandboxes, or one that runs
//!                coverage.rs
//! ```
//!
//! To add a flow: its wire in `flows/`, its steps in `steps/`, and one member of `world.rs` for what it remembers.

// The program.
pub mod cli;
mod error;
mod report;
mod run;

// Scripts, and what they cover.
mod catalogue;
mod coverage;
mod script;

// Playing them: what steps say, do and know.
mod bench;
mod failure;
mod phrase;
mod steps;
mod world;

// The wires.
mod browser;
mod control;
mod description;
mod flows;
mod wire;

pub use catalogue::{Catalogue, Group, Row};
pub use coverage::{Coverage, CoveredGroup, CoveredRow, Covering};
pub use error::RunError;
pub use run::{Outcome, Running, Stores, run};
pub use script::{ScriptError, Scripts, Told, Variant};

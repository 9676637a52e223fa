//! Runs the testers' scripts and says what they cover.
//!
//! A script is Gherkin: one file per figure, readable by a banker. Its steps are spoken to a running server over the
//! same wires as merchants, payers and phones use; what a phone shows and what the bank booked is read from the
//! sandbox's control.
//!
//! ```text
//!   *.feature --> script.rs --> run.rs --> steps/*.rs --> wire.rs ----> server (API, pages)
//!                     |           |            |     \-> control.rs --> handsets, accounts, clock
//!   rows.toml --> catalogue.rs    |         world.rs
//!                     |         bench.rs: our own sandboxes, or one that runs
//!                coverage.rs
//! ```

// The program.
pub mod cli;
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
mod wire;

pub use catalogue::{Catalogue, Group, Row};
pub use coverage::{Coverage, CoveredGroup, CoveredRow, Covering};
pub use run::{Outcome, RunError, Running, run};
pub use script::{CODE_FIRST, ScriptError, Scripts, Told};

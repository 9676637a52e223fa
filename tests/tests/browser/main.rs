//! The sandbox and the code page in Chromium, driven by chromedriver: what people see, and how they get on.
//!
//! Pictures of what was seen are in `target/tmp/seen`.
#![expect(clippy::unwrap_used, reason = "a test's own steps fail the test")]

mod accessible;
mod driver;
mod fits;
mod speaks;

mod again;
mod buys;
mod enrols;
mod looks;
mod narrow;
mod pastes;
mod pins;
mod wallet;
mod wallets;

#[path = "../enrolment/support.rs"]
#[expect(dead_code, reason = "programs enrol in other ways than people")]
mod town;

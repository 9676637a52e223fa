//! What crosses crates: walls, interoperability with programs not ours, processes that are killed.
//!
//! The tests are in `tests/`; here is what they stand on: a real SMS centre, and `curl` as merchant and payer.

pub mod curl;
pub mod killable;
pub mod osmo;

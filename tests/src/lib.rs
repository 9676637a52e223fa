//! What crosses crates: walls, interoperability with programs not ours, processes that are killed.
//!
//! The tests are in `tests/`; here is what they stand on: a real SMS centre, `curl` as merchant and payer, and a desk that
//! makes and checks codes on any store; and `load`, for the programs in `benches/` that print measurements.

pub mod curl;
pub mod desk;
pub mod killable;
pub mod load;
pub mod osmo;

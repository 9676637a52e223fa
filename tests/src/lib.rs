//! What crosses crates: walls, interoperability with programs not ours, processes that are killed.
//!
//! The tests are in `tests/`; here is what they stand on: a real SMS centre, `curl` as merchant and payer, and a desk that
//! makes and checks codes on any store; and `load`, for the programs in `benches/` that print measurements.

pub mod curl;
pub mod desk;
pub mod killable;
pub mod load;
pub mod osmo;
pub mod untold;

/// A line for a server's configuration: one phone and one client as often as a test likes.
pub const UNLIMITED: &str = "limits = { failures_in_a_row = 100, payments_waiting = 0, pause_seconds = 0, \
    messages_per_number_an_hour = 0, messages_per_number_a_day = 0, messages_per_range_an_hour = 0, \
    messages_per_client_an_hour = 0, messages_per_client_a_day = 0 }";

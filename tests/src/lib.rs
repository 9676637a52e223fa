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

use countersign_domain::{ports::Clock, time::Timestamp};
use countersign_server::SystemClock;

/// The machine's clock, so many seconds later.
pub struct Later(pub u32);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock::default().now().plus_seconds(self.0)
    }
}

/// A line for a server's configuration: one phone and one client as often as a test likes.
pub const UNLIMITED: &str = "limits = { failures_in_a_row = 100, payments_waiting = 0, pause_seconds = 0, \
    messages_per_number_an_hour = 0, messages_per_number_a_day = 0, messages_per_range_an_hour = 0, \
    messages_per_client_an_hour = 0, messages_per_client_a_day = 0 }";

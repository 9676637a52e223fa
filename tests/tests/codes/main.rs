//! Codes on the real store, under many hands at once: races, and replays by the hundred thousand.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's own steps fail the test"
)]

mod races;
mod replays;

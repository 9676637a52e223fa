//! What the programs in `benches/` share: how to measure, how to say it, and whom to measure against.
#![expect(
    clippy::as_conversions,
    clippy::float_arithmetic,
    reason = "numbers for people: a rounding decides nothing here"
)]

pub mod centre;
pub mod clients;
pub mod http;
pub mod lives;
pub mod machine;
pub mod shop;
pub mod table;
pub mod throttle;
pub mod welch;

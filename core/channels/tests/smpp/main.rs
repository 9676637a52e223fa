//! The session's promises, against a centre on loopback that does what each test tells it to.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed; the lints spare test functions but not what they share"
)]

mod centre;
mod inbound;
mod logs;
mod receipts;
mod session;
mod settings;
mod submission;
mod tls;
mod vectors;

//! The server's side, over the domain's fakes, and the merchant's.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod hot;
mod http;
mod interleavings;
mod money;
mod operator;
mod pages;
mod pin;
mod purchase;
mod references;
mod retention;
mod shops;
mod turns;
mod withdrawals;
mod withdrawn;

//! The purchase of figure 11, its variants, and attacks on it.
#![allow(dead_code, reason = "an attacker's tools, of which each file takes some")]
#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

mod attacks;
mod forge;
mod late;
mod once;
mod purchase;
mod secrets;
mod settlement;
mod vouched;

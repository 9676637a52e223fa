//! The purchase of figure 11, its variants, and attacks on it.
#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

mod late;
mod purchase;
mod settlement;
mod vouched;

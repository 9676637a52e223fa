//! The purchase of figure 11, its variants, and attacks on it.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "the functions that tests share may panic as tests do, and tables are long"
)]

mod attacks;
mod batch;
mod cardholder_checks;
mod cardholder_server;
mod forge;
mod gateway_checks;
mod late;
mod merchant_checks;
mod once;
mod pin;
mod purchase;
mod registration;
mod removed;
mod renewal;
mod secrets;
mod settlement;
mod shop;
mod untold;
mod vouched;

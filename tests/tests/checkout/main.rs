//! A whole server between programs that are not ours: a real SMS centre, `curl`, `openssl`, and `kill -9`.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's own steps fail the test"
)]

mod support;

mod attacks;
mod born;
mod clients;
mod disk_full;
mod drawn;
mod garbage;
mod hangs_up;
mod killed;
mod outlived;
mod real_centre;
mod refused;
mod throttled;
mod untold;

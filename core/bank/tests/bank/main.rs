//! The driver against a bank that the test plays itself, over real sockets.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod advices;
mod answers;
mod authorizations;
mod played;
mod trouble;

//! An operator's desk over the domain's fakes, in process and over HTTP.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod desk;
mod http;
mod retention;
mod statement;
mod support;

//! What others say of the messages: a page that comes of the table, vectors, and libraries that are not ours.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod forge;
mod page;
mod python;
mod refusals;
mod requests;
mod vectors;

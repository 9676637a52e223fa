//! What others say of the messages: an ASN.1 module and a page that come of the table, vectors, and programs that are not
//! ours.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod bouncy_castle;
mod codec;
mod house;
mod module;
mod openssl;
mod page;
mod programs;
mod python;
mod reference;
mod registration;
mod tshark;
mod vectors;
mod walk;

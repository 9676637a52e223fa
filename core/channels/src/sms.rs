//! What a short message is, whatever protocol carries it: alphabets, parts, receipts, validity.
//!
//! Nothing here knows SMPP sessions or the domain; a counterparty for tests may build on it.

pub mod gsm7;
pub mod header;
pub mod reassembly;
pub mod receipt;
pub mod text;
pub mod validity;

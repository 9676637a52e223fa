//! The structures, with SET's names for what SET has: see the table's ASN.1 module in docs/reference/set.asn1.

pub mod authorization;
pub mod batch;
pub mod certificates;
pub mod code;
pub mod common;
pub mod failure;
pub mod initiation;
pub mod inquiry;
pub mod purchase;
pub mod registration;
pub mod settlement;
pub mod wrapper;

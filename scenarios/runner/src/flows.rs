//! The flows on their wires: what is asked of the server, by whom, and what a scenario remembers of it.

pub(crate) mod access;
pub(crate) mod checkout;
pub(crate) mod registration;
pub(crate) mod set;
pub(crate) mod settle;
pub(crate) mod wallet;

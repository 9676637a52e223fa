//! Figure 11: a SET-like payment with dual signatures, the code in its heart. Roles of several parties, each a library
//! that takes messages and gives messages.
//!
//! ```text
//!   phone 1105   cardholder 1101              merchant 1102                 gateway 1103      code, bank
//!     |               |<------ PWakeUp -------------|                            |               |
//!     |               |------- PInitReq ----------->|                            |               |
//!     |               |<------ PInitRes ------------|                            |               |
//!     |               |------- PReq --------------->| order: is it what I sold?  |               |
//!     |               |        (order | payment)    |------- AuthReq ----------->| do they fit?  |
//!     |<-------------------------------- amount, merchant, reference, code ------|-------------->|
//!     |               |<------ PRes: code asked ----|<------ AuthRes ------------|               |
//!     | reads, types  |                             |                            |               |
//!     |-------------->|------- code ----------------|------- or straight ------->|-------------->|
//!     |               |<------ PRes: receipt -------|<------ CodeRes ------------|<--------------|
//! ```
//!
//! Before, cardholder (F11.1), merchant and gateway register with an authority: authority.rs and applicant.rs. A merchant and
//! a gateway wait for its operator: registrations.rs.
//!
//! The merchant never sees the card, the gateway never sees the goods; one signature ties both. The certificate proves a
//! computer, and the code proves the person. docs/reference/set.md has every structure, docs/security/proof.md what is
//! proved of them.

// The structures: one table, from which codec, ASN.1 module, reference and model are made.
pub mod asn1;
pub mod message;
pub mod protect;
pub mod table;

// Around them: names, the wrapper, trust, what is kept, why a message is not processed.
mod name;
mod record;
mod retention;
mod stop;
mod tally;
mod trust;
mod wire;

// The roles.
pub mod applicant;
pub mod authority;
pub mod cardholder;
pub mod gateway;
pub mod issuer;
pub mod merchant;
pub mod registrations;

// Over HTTP: the roles' messages, the shop's part of the API, and the way to another role.
pub mod batches;
mod error;
pub mod http;
pub mod link;
pub mod settlements;
pub mod shop;

// The cardholder's key store, and the page that pays with it.
pub mod cardholder_server;
pub mod wallet_file;

pub use error::SetError;
pub use name::cardholder_name;
pub use record::{
    BatchNumber, BatchRecord, Order, OrderId, Sale, SettlementId, SettlementRecord, payment_of,
};
pub use retention::FINAL;
pub use tally::Tally;
pub use trust::Trust;
pub use wire::{Failure, MAX_MESSAGE_BYTES};

#[cfg(feature = "testing")]
pub mod testing;

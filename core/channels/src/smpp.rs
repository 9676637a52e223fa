//! SMS over SMPP 3.4: a persistent transceiver session with a message centre.
//!
//! ```text
//!   Messenger::send ──▶ messenger ──▶ session ──▶ centre       submit_sm, one window
//!                                       │  ▲
//!   Inbox::accept  ◀── inbound   ◀──────┘  └────── centre       deliver_sm: receipts and texts
//!                        connection: connect, TLS, bind, again
//! ```

mod begun;
mod connection;
mod forms;
mod inbound;
mod messenger;
pub mod pdu;
mod reference;
mod session;
mod settings;
pub mod status;

pub use messenger::SmppMessenger;
pub use reference::IdForm;
pub use settings::{
    DefaultAlphabet, InvalidSettings, SmppSettings, SourceAddress, TlsSettings, Validity,
};

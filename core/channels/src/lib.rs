//! The second networks: short messages over SMPP 3.4, for the domain's `Messenger` port.
//!
//! What it does not do: it keeps nothing on disk, sends nothing again by itself, and knows no codes, only texts. What is
//! sent when, and what becomes of it, is the domain's outbox.
//!
//! ```text
//!   outbox ──Messenger::send──▶ smpp ──submit_sm──▶ message centre ──▶ phone
//!   inbox  ◀──Inbox::accept──── smpp ◀─deliver_sm── message centre ◀── phone
//!                                │
//!                               sms   alphabets, parts, receipts, validity
//! ```
//!
//! A text becomes short messages like this:
//!
//! ```
//! use countersign_channels::sms::text::{Alphabet, encode};
//!
//! let short = encode("Code 123456: 49.99 € to SHOP", 1).expect("fits");
//! assert_eq!((short.alphabet, short.parts.len()), (Alphabet::Gsm7, 1));
//!
//! // One character outside the alphabet makes the message longer: 70 characters instead of 160.
//! let long = encode("Achat de 49,99 € chez SHOP : tapez le code 123456 pour être débité aujourd'hui", 1);
//! assert_eq!(long.expect("fits").parts.len(), 2);
//! ```

pub mod smpp;
pub mod sms;

pub use smpp::{
    DefaultAlphabet, IdForm, InvalidSettings, SmppMessenger, SmppSettings, SourceAddress,
    TlsSettings, Validity,
};

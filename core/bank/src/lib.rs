//! The issuing bank over ISO 8583:1987: [`Iso8583Bank`] implements the domain's port
//! [`IssuingBank`](countersign_domain::ports::IssuingBank).
//!
//! It keeps one connection to the bank's host and asks many questions on it at once. It stores nothing: what makes a
//! repetition recognisable is in the domain's `BankReference`. It does not decide what becomes of a purchase whose
//! outcome is not known; it says so, and the domain asks again or voids. There is no TLS in it: put the connection
//! into a private network, as banks ask for anyway.
//!
//! ```text
//!  authorize, capture, void, credit and its reversal                                    the bank
//!        |                    question                                0100 0220 0400 0200
//!   Iso8583Bank ---- tries, time, repeats ----> connection ----------------------------> host
//!        ^                                     |  in flight by MTI,  |0110 0230 0410 0210
//!        +------------- answer ----------------+  fields 11, 41, 37, 7 <------------------+
//! ```
//!
//! | the domain calls | sent; repeated | answered | what the answer means |
//! | --- | --- | --- | --- |
//! | `authorize` | `0100`; `0101` | `0110` | field 39 `00` or `11`: approved; `08`, `09`, `10`, `16`, `68`, `94`: not known; else declined |
//! | `capture` | `0220`; `0221` | `0230` | `00`, `11` or `94`: done; `09`, `68`, `90`, `91`, `96`: not known; else refused |
//! | `void` | `0400`; `0401` | `0410` | the same, and `25` (nothing was held): done |
//! | `credit` | `0200`, processing code `20`; `0201` | `0210` | `00` or `11`: done; `08`, `09`, `10`, `16`, `68`, `90`, `91`, `94`, `96`: not known; else refused |
//! | `reverse_credit` | `0400` that names the `0200`; `0401` | `0410` | as to a credit |
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use countersign_bank::{Iso8583Bank, InvalidSettings, Iso8583Settings};
//! # use countersign_domain::ports::Clock;
//! # fn example(clock: Arc<dyn Clock>) -> Result<(), InvalidSettings> {
//! let bank = Arc::new(Iso8583Bank::new(Iso8583Settings::new("bank.example", 8583, "123456"), clock)?);
//! // The connection is made and kept in a task; `stop` ends it.
//! let running = Arc::clone(&bank);
//! tokio::spawn(async move { running.run().await });
//! # Ok(())
//! # }
//! ```
//!
//! Modules in reading order: `settings`, `client` (the port; tries and time), `request` (what is asked), `response`
//! (what the answer means), `connection` (the socket).

mod client;
mod connection;
mod request;
mod response;
mod settings;

pub use client::Iso8583Bank;
pub use settings::{InvalidSettings, Iso8583Settings};

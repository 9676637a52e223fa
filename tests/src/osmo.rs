//! A real GSM switching centre on loopback, with phones to look at: osmo-msc and osmo-hlr from Debian, and a test phone of our own.
//!
//! ```text
//!    an ESME under test                 the centre, not ours                    ours
//!   +------------------+  SMPP 3.4   +----------+  GSUP  +----------+
//!   | SMS channel      |------------>| osmo-msc |------->| osmo-hlr |<-- subscribers, over its VTY
//!   +------------------+  port 2775  +----------+        +----------+
//!                                         ^  SGsAP (3GPP TS 29.118), SCTP carried over TCP
//!                                         +---------------------------------------------- Phone
//! ```
//!
//! The centre runs unmodified. It needs SCTP, which not every kernel has, so `osmo/sctp_over_tcp.c` is preloaded into it.
//! Each centre has a loopback address of its own, because the GSUP and CTRL ports of osmo-hlr and the CTRL port of osmo-msc
//! cannot be configured. All ports are then the standard ones, tests run in parallel, and no other centre is met by accident.
//!
//! It does not imitate the radio side: no calls, no ciphering, no location areas, one phone per SGs association.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use countersign_tests::osmo::{OsmoCentre, Phone};
//!
//! let centre = OsmoCentre::start().await?;
//! centre.add_subscriber("001010000000001", "33612345678").await?;
//! let mut phone = Phone::attach(&centre, "001010000000001").await?;
//! // An ESME binds to centre.smpp_address() with centre.system_id() and centre.password(), and submits to 33612345678.
//! let sms = phone.next_message(Duration::from_secs(5)).await?;
//! println!("{}: {}", sms.from, sms.text);
//! phone.send(centre.short_code(), "YES 123456").await?; // arrives at the ESME as deliver_sm
//! # Ok(()) }
//! ```

mod centre;
mod error;
mod loopback;
mod program;
mod vty;

mod phone;
mod sgsap;
mod short_message_service;

mod alphabet;
mod octets;
mod sms_pdu;

pub use centre::OsmoCentre;
pub use error::{CentreError, PduError, PhoneError};
pub use phone::{Phone, ReceivedSms};

//! A codec of ISO 8583:1987 messages: the language between payment terminals, gateways and banks. It writes nothing that
//! breaks a rule of the standard; [`Message::decode`] refuses what does, [`Message::read`] reads what is there.
//!
//! It opens no socket, keeps no time and knows no flow: bytes in, [`Message`] out, and back. Of the encodings that
//! the standard leaves open it has one: text fields in ASCII, bitmaps and binary fields as plain bytes, lengths as
//! two or three ASCII digits. On a stream every message follows its length, two bytes, big-endian.
//!
//! ```text
//!  length  message type  bitmap 1  [bitmap 2]  fields, in the order of their numbers
//! +------+-------------+---------+-----------+----------------+--------+-- - -
//! | 00 5A| 0 1 0 0     | 8 bytes | 8 bytes   | 16 49701000... | 000000 |
//! +------+-------------+---------+-----------+----------------+--------+-- - -
//!                       bit n set: field n is present; bit 1: bitmap 2 follows
//! ```
//!
//! ```
//! use countersign_iso8583::{Field, Message, Mti, frame, FrameBuffer};
//!
//! let request = Message::new(Mti::AUTHORIZATION_REQUEST)
//!     .with(Field::PAN, "4970100000000154")?
//!     .with(Field::AMOUNT, "000000004990")?
//!     .with(Field::STAN, "000123")?;
//!
//! // The bank reads it from its connection ...
//! let mut buffer = FrameBuffer::new();
//! buffer.unfilled().extend_from_slice(&frame(&request));
//! let received = buffer.next_message().unwrap().unwrap();
//! assert_eq!(received, request);
//!
//! // ... and answers it. The card number is never shown.
//! let response = received.response(&[Field::AMOUNT, Field::STAN]).unwrap().with(Field::RESPONSE_CODE, "00")?;
//! assert_eq!(response.mti(), Mti::AUTHORIZATION_RESPONSE);
//! assert!(format!("{request:?}").contains("\"•••• 0154\""));
//! # Ok::<(), countersign_iso8583::FieldError>(())
//! ```
//!
//! Modules in reading order: `mti` the message type, `field` the table of all fields, `message` the message,
//! `frame` the length on a stream.

mod field;
mod frame;
mod message;
mod mti;

pub use field::{Content, Field, FieldError, FieldRule, Length};
pub use frame::{FrameBuffer, FrameError, frame};
pub use message::{DecodeError, MAX_MESSAGE_BYTES, Message};
pub use mti::{InvalidMti, Mti};

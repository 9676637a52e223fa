//! The protocol data units of SMPP 3.4 (section 4) that a transceiver session uses, as octets and as types.
//!
//! A PDU is cut out of the stream by its length first ([`first_pdu`]) and read after ([`Pdu::decode`]), so that nothing
//! inside it can shift the boundary of the next one.

mod decode;
mod encode;

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use super::status::Status;

pub use decode::{MAX_MESSAGE_ID_OCTETS, first_pdu};

/// Octets of a PDU's header (section 3.2).
pub const HEADER_OCTETS: usize = 16;

/// Longest PDU that is read, in octets: a message_payload as long as its length can say, and all the rest.
pub const MAX_PDU_OCTETS: usize = 69_632;

/// The greatest sequence_number (section 3.2); the least is 1.
pub const MAX_SEQUENCE: u32 = 0x7FFF_FFFF;

/// The bit of a command_id that makes it a response (section 5.1.2.1).
pub const RESPONSE_BIT: u32 = 0x8000_0000;

/// Command identifiers (section 5.1.2.1).
pub mod command {
    #![expect(missing_docs, reason = "the names are the norm's")]
    pub const GENERIC_NACK: u32 = 0x8000_0000;
    pub const SUBMIT_SM: u32 = 0x0000_0004;
    pub const SUBMIT_SM_RESP: u32 = 0x8000_0004;
    pub const DELIVER_SM: u32 = 0x0000_0005;
    pub const DELIVER_SM_RESP: u32 = 0x8000_0005;
    pub const UNBIND: u32 = 0x0000_0006;
    pub const UNBIND_RESP: u32 = 0x8000_0006;
    pub const BIND_TRANSCEIVER: u32 = 0x0000_0009;
    pub const BIND_TRANSCEIVER_RESP: u32 = 0x8000_0009;
    pub const ENQUIRE_LINK: u32 = 0x0000_0015;
    pub const ENQUIRE_LINK_RESP: u32 = 0x8000_0015;
    pub const OUTBIND: u32 = 0x0000_000B;
    pub const ALERT_NOTIFICATION: u32 = 0x0000_0102;
    pub const DATA_SM: u32 = 0x0000_0103;
    pub const DATA_SM_RESP: u32 = 0x8000_0103;
}

/// Tags of optional parameters (section 5.3.2).
pub mod tag {
    #![expect(missing_docs, reason = "the names are the norm's")]
    pub const RECEIPTED_MESSAGE_ID: u16 = 0x001E;
    pub const USER_MESSAGE_REFERENCE: u16 = 0x0204;
    pub const SAR_MSG_REF_NUM: u16 = 0x020C;
    pub const SAR_TOTAL_SEGMENTS: u16 = 0x020E;
    pub const SAR_SEGMENT_SEQNUM: u16 = 0x020F;
    pub const MESSAGE_PAYLOAD: u16 = 0x0424;
    pub const MESSAGE_STATE: u16 = 0x0427;

    /// Those of text, whose NUL is counted here and not written there.
    pub(crate) const MAY_END_WITH_NUL: [u16; 2] = [RECEIPTED_MESSAGE_ID, MESSAGE_PAYLOAD];
}

/// The user data begins with a header: a bit of esm_class (section 5.2.12).
pub const ESM_CLASS_UDHI: u8 = 0x40;

/// Deliver at once and answer then: esm_class, transaction mode.
pub const ESM_CLASS_TRANSACTION: u8 = 0x02;

/// The message is a delivery receipt: esm_class, under [`ESM_CLASS_TYPE`].
pub const ESM_CLASS_RECEIPT: u8 = 0x04;

/// The bits of esm_class that tell the type of a message.
pub const ESM_CLASS_TYPE: u8 = 0x3C;

/// One protocol data unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Pdu {
    /// Zero in a request.
    pub status: Status,
    /// Ties a response to its request, per direction.
    pub sequence: u32,
    /// What it asks or answers.
    pub body: Body,
}

/// What a PDU asks or answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Something could not be understood at all (section 4.3).
    GenericNack,
    /// Opens a session in both directions (section 4.1.5).
    BindTransceiver(Bind),
    /// Answers it (section 4.1.6). Optional parameters are not kept: sc_interface_version says nothing that we use.
    BindTransceiverResp {
        /// How the centre names itself.
        system_id: String,
    },
    /// A message for a receiver (section 4.4.1).
    SubmitSm(ShortMessage),
    /// Answers it (section 4.4.2).
    SubmitSmResp {
        /// How the centre names the message; empty when it refused it.
        message_id: String,
    },
    /// A receipt, or a message from a phone (section 4.6.1).
    DeliverSm(ShortMessage),
    /// Answers it (section 4.6.2).
    DeliverSmResp,
    /// A receipt, or a message from a phone, in the shorter form (section 4.7.1).
    DataSm(ShortMessage),
    /// Answers it (section 4.7.2).
    DataSmResp,
    /// Closes the session (section 4.2.1).
    Unbind,
    /// Answers it.
    UnbindResp,
    /// Asks whether the other side is there (section 4.11.1).
    EnquireLink,
    /// Answers it.
    EnquireLinkResp,
    /// A phone is reachable again (section 4.12.1); there is no answer to it, and we make nothing of it.
    AlertNotification,
    /// The centre asks to be called (section 4.1.7); there is no answer to it, and a session is bound already.
    Outbind,
    /// Something that this session does not use.
    Other {
        /// Its command_id.
        command_id: u32,
    },
}

/// The request to open a session.
#[derive(Clone, Default, PartialEq)]
pub struct Bind {
    /// The account, up to 15 octets.
    pub system_id: String,
    /// The proof, up to 8 octets by the standard, and up to 64 at centres that do not keep it.
    pub password: Zeroizing<String>,
    /// What kind of system it is, up to 12 octets; mostly empty.
    pub system_type: String,
}

/// The body that submit_sm and deliver_sm have in common, and of which data_sm has a part.
#[derive(Clone, Default, PartialEq)]
pub struct ShortMessage {
    /// From whom.
    pub source: Address,
    /// To whom.
    pub destination: Address,
    /// Mode, type and features (section 5.2.12).
    pub esm_class: u8,
    /// How long it is worth delivering (section 7.1.1), or empty.
    pub validity_period: String,
    /// Whether a receipt is asked for (section 5.2.17).
    pub registered_delivery: u8,
    /// How the text is coded (section 5.2.19).
    pub data_coding: u8,
    /// The user data, up to 254 octets. Wiped when dropped.
    pub short_message: Zeroizing<Vec<u8>>,
    /// Optional parameters in their order, known or not.
    pub parameters: Vec<Parameter>,
}

/// An address and how to read it (sections 5.2.5 to 5.2.9).
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Address {
    /// Type of number.
    pub ton: u8,
    /// Numbering plan indicator.
    pub npi: u8,
    /// Up to 20 characters.
    pub digits: String,
}

/// An optional parameter (section 5.3).
#[derive(Clone, PartialEq)]
pub struct Parameter {
    /// Its number in the standard.
    pub tag: u16,
    /// What it says. Wiped when dropped: it may be the text.
    pub value: Zeroizing<Vec<u8>>,
}

/// The stream cannot be cut into PDUs any more: the connection has to end.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a command_length of {0} is not from {HEADER_OCTETS} to {MAX_PDU_OCTETS}")]
pub struct BadLength(pub u32);

/// A PDU whose octets are not what its command_id calls for, and not to be understood all the same. The session can go on
/// after it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{field} {why} in the PDU {command_id:#010x}")]
pub struct Malformed {
    /// The PDU's command_id.
    pub command_id: u32,
    /// The PDU's command_status.
    pub status: Status,
    /// The PDU's sequence_number.
    pub sequence: u32,
    /// Which field.
    pub field: &'static str,
    /// Which rule it breaks, as the rest of a sentence.
    pub why: &'static str,
}

/// A value of ours that its field cannot hold.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{field} is too long or holds a NUL")]
pub struct Unfit {
    /// Which field.
    pub field: &'static str,
}

impl Pdu {
    /// A request.
    pub const fn request(sequence: u32, body: Body) -> Self {
        Self { status: Status::ESME_ROK, sequence, body }
    }

    /// An answer to the request `sequence`.
    pub const fn response(sequence: u32, status: Status, body: Body) -> Self {
        Self { status, sequence, body }
    }
}

impl Body {
    /// Its command_id.
    pub const fn command_id(&self) -> u32 {
        match self {
            Self::GenericNack => command::GENERIC_NACK,
            Self::BindTransceiver(_) => command::BIND_TRANSCEIVER,
            Self::BindTransceiverResp { .. } => command::BIND_TRANSCEIVER_RESP,
            Self::SubmitSm(_) => command::SUBMIT_SM,
            Self::SubmitSmResp { .. } => command::SUBMIT_SM_RESP,
            Self::DeliverSm(_) => command::DELIVER_SM,
            Self::DeliverSmResp => command::DELIVER_SM_RESP,
            Self::DataSm(_) => command::DATA_SM,
            Self::DataSmResp => command::DATA_SM_RESP,
            Self::Unbind => command::UNBIND,
            Self::UnbindResp => command::UNBIND_RESP,
            Self::EnquireLink => command::ENQUIRE_LINK,
            Self::EnquireLinkResp => command::ENQUIRE_LINK_RESP,
            Self::AlertNotification => command::ALERT_NOTIFICATION,
            Self::Outbind => command::OUTBIND,
            Self::Other { command_id } => *command_id,
        }
    }
}

impl ShortMessage {
    /// The value of an optional parameter, the first one if there are several.
    pub fn parameter(&self, tag: u16) -> Option<&[u8]> {
        let found = self.parameters.iter().find(|parameter| parameter.tag == tag)?;
        Some(&found.value)
    }
}

impl Parameter {
    /// The parameter `tag` with these octets.
    pub fn new(tag: u16, value: impl Into<Vec<u8>>) -> Self {
        Self { tag, value: Zeroizing::new(value.into()) }
    }
}

/// Without the password.
impl fmt::Debug for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bind({:?}, {:?})", self.system_id, self.system_type)
    }
}

/// Without the text and without the numbers.
impl fmt::Debug for ShortMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShortMessage")
            .field("source", &self.source)
            .field("destination", &self.destination)
            .field("esm_class", &self.esm_class)
            .field("data_coding", &self.data_coding)
            .field("octets", &self.short_message.len())
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

/// Masked: the last two digits only.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail =
            self.digits.char_indices().rev().nth(1).and_then(|(at, _)| self.digits.get(at..));
        write!(f, "{}/{}/..{}", self.ton, self.npi, tail.unwrap_or_default())
    }
}

/// Without the value.
impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}[{}]", self.tag, self.value.len())
    }
}

#[cfg(test)]
mod tests;

//! Octets to types.
//!
//! What a centre sends is read as far as it goes: a tail that means nothing, a string whose NUL is missing and a body that
//! was left out are common, and none of them makes a message or a receipt less true. What a client sends is read by the
//! letter, so that a centre made of this codec, as the sandbox's, tells on every fault of ours.

use zeroize::Zeroizing;

use super::{
    Address, BadLength, Bind, Body, HEADER_OCTETS, MAX_PDU_OCTETS, Malformed, Parameter, Pdu,
    ShortMessage, command, tag,
};
use crate::smpp::status::Status;

/// Octets of a message_id that count (section 5.2.23, without its NUL): what is longer is cut, in answers and receipts alike.
pub const MAX_MESSAGE_ID_OCTETS: usize = 64;

/// The octets of the first PDU of `stream`, or `None` while it is not there in full.
///
/// # Errors
/// When its length cannot be; the stream has no boundaries from there on.
pub fn first_pdu(stream: &[u8]) -> Result<Option<&[u8]>, BadLength> {
    let Some((length, _)) = stream.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*length);
    let octets = usize::try_from(length).map_err(|_| BadLength(length))?;
    if !(HEADER_OCTETS..=MAX_PDU_OCTETS).contains(&octets) {
        return Err(BadLength(length));
    }
    Ok(stream.get(..octets))
}

impl Pdu {
    /// Reads what [`first_pdu`] cut out.
    ///
    /// # Errors
    /// When the body of a client's request is not what its command_id calls for; when what a centre delivers does not even
    /// tell from whom and to whom.
    pub fn decode(octets: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields { rest: octets, strict: false };
        let mut word = || fields.word().unwrap_or_default();
        let [_length, command_id, status, sequence] = [word(), word(), word(), word()];
        let status = Status(status);
        let malformed = |(field, why)| Malformed { command_id, status, sequence, field, why };
        if octets.len() < HEADER_OCTETS {
            return Err(malformed(("command_length", "is shorter than a header")));
        }
        let body = fields.body(command_id).map_err(malformed)?;
        Ok(Self { status, sequence, body })
    }
}

/// The octets of one PDU that are still to be read; an error names the field and the rule.
struct Fields<'a> {
    rest: &'a [u8],
    /// Whether every rule counts.
    strict: bool,
}

type Field<T> = Result<T, (&'static str, &'static str)>;

impl<'a> Fields<'a> {
    fn body(&mut self, command_id: u32) -> Field<Body> {
        self.strict = matches!(command_id, command::BIND_TRANSCEIVER | command::SUBMIT_SM);
        let body = match command_id {
            command::BIND_TRANSCEIVER => Body::BindTransceiver(self.bind()?),
            command::BIND_TRANSCEIVER_RESP => {
                Body::BindTransceiverResp { system_id: self.c_octets("system_id", 16)? }
            }
            command::SUBMIT_SM => Body::SubmitSm(self.message()?),
            command::SUBMIT_SM_RESP => Body::SubmitSmResp { message_id: self.message_id()? },
            command::DELIVER_SM => Body::DeliverSm(self.message()?),
            command::DATA_SM => Body::DataSm(self.data()?),
            // Nothing of these is used, so nothing of them is read.
            command::GENERIC_NACK => Body::GenericNack,
            command::DELIVER_SM_RESP => Body::DeliverSmResp,
            command::DATA_SM_RESP => Body::DataSmResp,
            command::UNBIND => Body::Unbind,
            command::UNBIND_RESP => Body::UnbindResp,
            command::ENQUIRE_LINK => Body::EnquireLink,
            command::ENQUIRE_LINK_RESP => Body::EnquireLinkResp,
            command::OUTBIND => Body::Outbind,
            command::ALERT_NOTIFICATION => Body::AlertNotification,
            _ => Body::Other { command_id },
        };
        if self.strict && !self.rest.is_empty() {
            return Err(("command_length", "is longer than the body"));
        }
        Ok(body)
    }

    fn bind(&mut self) -> Field<Bind> {
        let bind = Bind {
            system_id: self.c_octets("system_id", 16)?,
            // Nine octets by the standard; centres that give longer ones are common.
            password: Zeroizing::new(self.c_octets("password", 65)?),
            system_type: self.c_octets("system_type", 13)?,
        };
        for field in ["interface_version", "addr_ton", "addr_npi"] {
            self.octet(field)?;
        }
        self.c_octets("address_range", 41)?;
        self.parameters()?;
        Ok(bind)
    }

    fn message(&mut self) -> Field<ShortMessage> {
        self.c_octets("service_type", 6)?;
        let source = self.address("source_addr")?;
        let destination = self.address("destination_addr")?;
        let esm_class = self.octet("esm_class")?;
        self.octet_or_zero("protocol_id")?;
        self.octet_or_zero("priority_flag")?;
        self.c_octets("schedule_delivery_time", 17)?;
        let validity_period = self.c_octets("validity_period", 17)?;
        let registered_delivery = self.octet_or_zero("registered_delivery")?;
        self.octet_or_zero("replace_if_present_flag")?;
        let data_coding = self.octet_or_zero("data_coding")?;
        self.octet_or_zero("sm_default_msg_id")?;
        let length = self.octet_or_zero("sm_length")?;
        let short_message = self.octets("short_message", usize::from(length))?;
        Ok(ShortMessage {
            source,
            destination,
            esm_class,
            validity_period,
            registered_delivery,
            data_coding,
            short_message: Zeroizing::new(short_message.to_vec()),
            parameters: self.parameters()?,
        })
    }

    /// The same of a data_sm, whose text is a parameter (section 4.7.1).
    fn data(&mut self) -> Field<ShortMessage> {
        self.c_octets("service_type", 6)?;
        Ok(ShortMessage {
            source: self.address("source_addr")?,
            destination: self.address("destination_addr")?,
            esm_class: self.octet("esm_class")?,
            registered_delivery: self.octet_or_zero("registered_delivery")?,
            data_coding: self.octet_or_zero("data_coding")?,
            parameters: self.parameters()?,
            ..ShortMessage::default()
        })
    }

    fn address(&mut self, field: &'static str) -> Field<Address> {
        Ok(Address {
            ton: self.octet(field)?,
            npi: self.octet(field)?,
            digits: self.c_octets(field, 21)?,
        })
    }

    fn message_id(&mut self) -> Field<String> {
        let id = self.c_octets("message_id", MAX_MESSAGE_ID_OCTETS + 1)?;
        Ok(id.chars().take(MAX_MESSAGE_ID_OCTETS).collect())
    }

    /// Optional parameters up to the end (section 3.2.4).
    ///
    /// The last may be cut short: an id or a text that lacks one octet lacks the NUL that its length counts. Of one that
    /// lacks more, nothing is known. Fewer octets than a tag and a length are filling.
    fn parameters(&mut self) -> Field<Vec<Parameter>> {
        let mut parameters = Vec::new();
        while let Some((head, rest)) = self.rest.split_first_chunk::<4>() {
            let [tag_high, tag_low, length_high, length_low] = *head;
            let length = usize::from(u16::from_be_bytes([length_high, length_low]));
            let tag = u16::from_be_bytes([tag_high, tag_low]);
            self.rest = rest;
            let value = self.octets("optional parameter", length)?;
            if value.len() + usize::from(tag::MAY_END_WITH_NUL.contains(&tag)) >= length {
                parameters.push(Parameter::new(tag, value));
            }
        }
        if self.strict && !self.rest.is_empty() {
            return Err(("optional parameter", "is cut short"));
        }
        Ok(parameters)
    }

    /// A C-Octet String (section 3.1) of `max` octets at most, its NUL included. Where rules may be broken, it goes up to
    /// its NUL, or to the end of the PDU.
    fn c_octets(&mut self, field: &'static str, max: usize) -> Field<String> {
        let within = if self.strict { self.rest.get(..max) } else { None }.unwrap_or(self.rest);
        let length = within.iter().position(|octet| *octet == 0);
        if self.strict && length.is_none() {
            return Err((field, "is too long or lacks its NUL"));
        }
        let text = self.octets(field, length.unwrap_or(within.len()))?;
        if length.is_some() {
            self.octet(field)?;
        }
        // The norm says ASCII. What is not, such as a sender's name in Latin-1, is no reason to refuse a message.
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    fn word(&mut self) -> Option<u32> {
        let (word, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(u32::from_be_bytes(*word))
    }

    fn octet(&mut self, field: &'static str) -> Field<u8> {
        let (octet, rest) = self.rest.split_first().ok_or((field, "is missing"))?;
        self.rest = rest;
        Ok(*octet)
    }

    /// An octet behind those that everything hangs on: zero, its default, when it was left out.
    fn octet_or_zero(&mut self, field: &'static str) -> Field<u8> {
        if self.rest.is_empty() && !self.strict { Ok(0) } else { self.octet(field) }
    }

    /// So many octets, or as many as there are.
    fn octets(&mut self, field: &'static str, length: usize) -> Field<&'a [u8]> {
        if self.strict && length > self.rest.len() {
            return Err((field, "is cut short"));
        }
        let (octets, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        Ok(octets)
    }
}

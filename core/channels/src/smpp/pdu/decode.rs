//! Octets to types.

use zeroize::Zeroizing;

use super::{
    Address, BadLength, Bind, Body, HEADER_OCTETS, MAX_PDU_OCTETS, Malformed, Parameter, Pdu,
    ShortMessage, command,
};
use crate::smpp::status::Status;

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
    /// When the body is not what the command_id calls for. An octet too many is as wrong as one too few.
    pub fn decode(octets: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields { rest: octets };
        let mut word = || fields.word().unwrap_or_default();
        let [_length, command_id, status, sequence] = [word(), word(), word(), word()];
        let status = Status(status);
        let malformed = |(field, why)| Malformed { command_id, status, sequence, field, why };
        if octets.len() < HEADER_OCTETS {
            return Err(malformed(("command_length", "is shorter than a header")));
        }
        let body = fields.body(command_id, status).map_err(malformed)?;
        Ok(Self { status, sequence, body })
    }
}

/// The octets of one PDU that are still to be read; an error names the field and the rule.
struct Fields<'a> {
    rest: &'a [u8],
}

type Field<T> = Result<T, (&'static str, &'static str)>;

impl<'a> Fields<'a> {
    fn body(&mut self, command_id: u32, status: Status) -> Field<Body> {
        let body = match command_id {
            command::GENERIC_NACK => Body::GenericNack,
            command::BIND_TRANSCEIVER => Body::BindTransceiver(self.bind()?),
            command::BIND_TRANSCEIVER_RESP => {
                let system_id = self.c_octets_if_ok("system_id", 16, status)?;
                self.parameters()?;
                Body::BindTransceiverResp { system_id }
            }
            command::SUBMIT_SM => Body::SubmitSm(self.message()?),
            command::SUBMIT_SM_RESP => {
                let message_id = self.c_octets_if_ok("message_id", 65, status)?;
                self.parameters()?;
                Body::SubmitSmResp { message_id }
            }
            command::DELIVER_SM => Body::DeliverSm(self.message()?),
            command::DELIVER_SM_RESP => {
                // Many leave out the empty message_id.
                if !self.rest.is_empty() {
                    self.c_octets("message_id", 65)?;
                }
                self.parameters()?;
                Body::DeliverSmResp
            }
            command::UNBIND => Body::Unbind,
            command::UNBIND_RESP => Body::UnbindResp,
            command::ENQUIRE_LINK => Body::EnquireLink,
            command::ENQUIRE_LINK_RESP => Body::EnquireLinkResp,
            // Nothing of these is used, so nothing of them is read.
            command::ALERT_NOTIFICATION => return Ok(Body::AlertNotification),
            _ => return Ok(Body::Other { command_id }),
        };
        if self.rest.is_empty() {
            Ok(body)
        } else {
            Err(("command_length", "is longer than the body"))
        }
    }

    fn bind(&mut self) -> Field<Bind> {
        let bind = Bind {
            system_id: self.c_octets("system_id", 16)?,
            password: Zeroizing::new(self.c_octets("password", 9)?),
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
        self.octet("protocol_id")?;
        self.octet("priority_flag")?;
        self.c_octets("schedule_delivery_time", 17)?;
        let validity_period = self.c_octets("validity_period", 17)?;
        let registered_delivery = self.octet("registered_delivery")?;
        self.octet("replace_if_present_flag")?;
        let data_coding = self.octet("data_coding")?;
        self.octet("sm_default_msg_id")?;
        let length = self.octet("sm_length")?;
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

    fn address(&mut self, field: &'static str) -> Field<Address> {
        Ok(Address {
            ton: self.octet(field)?,
            npi: self.octet(field)?,
            digits: self.c_octets(field, 21)?,
        })
    }

    /// Optional parameters up to the end (section 3.2.4).
    fn parameters(&mut self) -> Field<Vec<Parameter>> {
        let mut parameters = Vec::new();
        while let Some((head, rest)) = self.rest.split_first_chunk::<4>() {
            let [tag_high, tag_low, length_high, length_low] = *head;
            let length = usize::from(u16::from_be_bytes([length_high, length_low]));
            self.rest = rest;
            let value = self.octets("optional parameter", length)?;
            parameters.push(Parameter::new(u16::from_be_bytes([tag_high, tag_low]), value));
        }
        if self.rest.is_empty() {
            Ok(parameters)
        } else {
            Err(("optional parameter", "is cut short"))
        }
    }

    /// A response that refuses may leave its body out (section 4.4.2, note on message_id).
    fn c_octets_if_ok(&mut self, field: &'static str, max: usize, status: Status) -> Field<String> {
        if self.rest.is_empty() && status != Status::ESME_ROK {
            return Ok(String::new());
        }
        self.c_octets(field, max)
    }

    /// A C-Octet String (section 3.1) of `max` octets at most, its NUL included.
    fn c_octets(&mut self, field: &'static str, max: usize) -> Field<String> {
        let within = self.rest.get(..max).unwrap_or(self.rest);
        let Some(length) = within.iter().position(|octet| *octet == 0) else {
            return Err((field, "is too long or lacks its NUL"));
        };
        let text = self.octets(field, length)?;
        self.octet(field)?;
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

    fn octets(&mut self, field: &'static str, length: usize) -> Field<&'a [u8]> {
        let (octets, rest) = self.rest.split_at_checked(length).ok_or((field, "is cut short"))?;
        self.rest = rest;
        Ok(octets)
    }
}

//! Types to octets.

use super::{Address, Bind, Body, HEADER_OCTETS, Parameter, Pdu, ShortMessage, Unfit};

/// The interface_version of SMPP 3.4 (section 5.2.4).
const INTERFACE_VERSION: u8 = 0x34;

impl Pdu {
    /// Appends the PDU's octets.
    ///
    /// # Errors
    /// When a field is too long or holds a NUL; nothing is appended then.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unfit> {
        let start = out.len();
        self.append(out).inspect_err(|_| out.truncate(start))
    }

    fn append(&self, out: &mut Vec<u8>) -> Result<(), Unfit> {
        let start = out.len();
        out.extend([0; HEADER_OCTETS]);
        match &self.body {
            Body::BindTransceiver(bind) => append_bind(out, bind)?,
            Body::BindTransceiverResp { system_id } => {
                append_c_octets(out, "system_id", system_id, 16)?
            }
            Body::SubmitSm(message) | Body::DeliverSm(message) => append_message(out, message)?,
            Body::SubmitSmResp { message_id } => {
                append_c_octets(out, "message_id", message_id, 65)?
            }
            Body::DataSm(message) => append_data(out, message)?,
            // "This field is unused and is set to NULL" (section 4.6.2): message_id. Ours for a data_sm says nothing either.
            Body::DeliverSmResp | Body::DataSmResp => out.push(0),
            Body::GenericNack
            | Body::Unbind
            | Body::UnbindResp
            | Body::EnquireLink
            | Body::EnquireLinkResp
            | Body::AlertNotification
            | Body::Outbind
            | Body::Other { .. } => {}
        }
        let length =
            u32::try_from(out.len() - start).map_err(|_| Unfit { field: "command_length" })?;
        let header = [length, self.body.command_id(), self.status.0, self.sequence];
        let header = header.into_iter().flat_map(u32::to_be_bytes);
        for (octet, value) in out.iter_mut().skip(start).zip(header) {
            *octet = value;
        }
        Ok(())
    }
}

fn append_bind(out: &mut Vec<u8>, bind: &Bind) -> Result<(), Unfit> {
    append_c_octets(out, "system_id", &bind.system_id, 16)?;
    append_c_octets(out, "password", &bind.password, 65)?;
    append_c_octets(out, "system_type", &bind.system_type, 13)?;
    // addr_ton, addr_npi and an empty address_range: every address that the centre routes to this account.
    out.extend([INTERFACE_VERSION, 0, 0, 0]);
    Ok(())
}

fn append_message(out: &mut Vec<u8>, message: &ShortMessage) -> Result<(), Unfit> {
    // service_type: the centre's default.
    out.push(0);
    append_address(out, "source_addr", &message.source)?;
    append_address(out, "destination_addr", &message.destination)?;
    // protocol_id, priority_flag, and schedule_delivery_time: at once.
    out.extend([message.esm_class, 0, 0, 0]);
    append_c_octets(out, "validity_period", &message.validity_period, 17)?;
    // replace_if_present_flag, and sm_default_msg_id after data_coding: none.
    out.extend([message.registered_delivery, 0, message.data_coding, 0]);

    let length = u8::try_from(message.short_message.len()).ok().filter(|length| *length <= 254);
    out.push(length.ok_or(Unfit { field: "short_message" })?);
    out.extend_from_slice(&message.short_message);
    append_parameters(out, &message.parameters)
}

fn append_data(out: &mut Vec<u8>, message: &ShortMessage) -> Result<(), Unfit> {
    // service_type: the centre's default.
    out.push(0);
    append_address(out, "source_addr", &message.source)?;
    append_address(out, "destination_addr", &message.destination)?;
    out.extend([message.esm_class, message.registered_delivery, message.data_coding]);
    append_parameters(out, &message.parameters)
}

fn append_parameters(out: &mut Vec<u8>, parameters: &[Parameter]) -> Result<(), Unfit> {
    for parameter in parameters {
        let length = u16::try_from(parameter.value.len());
        let length = length.map_err(|_| Unfit { field: "optional parameter" })?;
        out.extend(parameter.tag.to_be_bytes());
        out.extend(length.to_be_bytes());
        out.extend_from_slice(&parameter.value);
    }
    Ok(())
}

fn append_address(out: &mut Vec<u8>, field: &'static str, address: &Address) -> Result<(), Unfit> {
    out.extend([address.ton, address.npi]);
    append_c_octets(out, field, &address.digits, 21)
}

/// A C-Octet String (section 3.1) of `max` octets at most, its NUL included.
fn append_c_octets(
    out: &mut Vec<u8>,
    field: &'static str,
    text: &str,
    max: usize,
) -> Result<(), Unfit> {
    if text.len() >= max || text.bytes().any(|octet| octet == 0) {
        return Err(Unfit { field });
    }
    out.extend_from_slice(text.as_bytes());
    out.push(0);
    Ok(())
}

//! The layers below a short message: CP and RP (3GPP TS 24.011 sections 7 and 8), as carried in a NAS message container.

use super::error::PduError;
use super::octets::Octets;

/// What the network sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Downlink<'a> {
    /// First octet of the phone's answers in this transaction.
    pub(super) answer_octet: u8,
    pub(super) content: Cp<'a>,
}

/// CP messages (section 7.2).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cp<'a> {
    Data(Rp<'a>),
    Ack,
    Error { cause: u8 },
}

/// RP messages towards a phone (section 7.3).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rp<'a> {
    Data { reference: u8, tpdu: &'a [u8] },
    Ack { reference: u8 },
    Error { reference: u8, cause: u8 },
}

/// SMS messages, in the protocol discriminator (3GPP TS 24.007 section 11.2.3.1.1).
const PROTOCOL_SMS: u8 = 0x09;
/// Set in the transaction identifier by the side that did not begin (3GPP TS 24.007 section 11.2.3.1.3).
const TRANSACTION_FLAG: u8 = 0x80;

const CP_DATA: u8 = 0x01;
const CP_ACK: u8 = 0x04;
const CP_ERROR: u8 = 0x10;

/// RP-Cause 22, memory capacity exceeded (section 8.2.5.4): the refusal a phone's owner can provoke.
pub(super) const MEMORY_CAPACITY_EXCEEDED: u8 = 22;
/// RP-Cause 111, protocol error, unspecified.
pub(super) const PROTOCOL_ERROR: u8 = 111;

/// Reads what a downlink NAS message container holds.
pub(super) fn read_downlink(nas: &[u8]) -> Result<Downlink<'_>, PduError> {
    let mut octets = Octets::new(nas);
    let first = octets.octet("protocol discriminator")?;
    if first & 0x0F != PROTOCOL_SMS {
        return Err(PduError::Unsupported { field: "protocol discriminator", value: first & 0x0F });
    }
    let content = match octets.octet("CP message type")? {
        CP_DATA => Cp::Data(read_rp(octets.length_prefixed("CP-User data")?)?),
        CP_ACK => Cp::Ack,
        CP_ERROR => Cp::Error { cause: octets.octet("CP-Cause")? },
        value => {
            return Err(PduError::Unsupported { field: "CP message type", value });
        }
    };
    Ok(Downlink { answer_octet: first ^ TRANSACTION_FLAG, content })
}

fn read_rp(rpdu: &[u8]) -> Result<Rp<'_>, PduError> {
    let mut octets = Octets::new(rpdu);
    let kind = octets.octet("RP message type")? & 0b111;
    let reference = octets.octet("RP-Message reference")?;
    match kind {
        1 => {
            octets.length_prefixed("RP-Originator address")?;
            octets.length_prefixed("RP-Destination address")?;
            Ok(Rp::Data { reference, tpdu: octets.length_prefixed("RP-User data")? })
        }
        3 => Ok(Rp::Ack { reference }),
        5 => match octets.length_prefixed("RP-Cause")? {
            [cause, ..] => Ok(Rp::Error { reference, cause: cause & 0x7F }),
            [] => Err(PduError::Truncated { field: "RP-Cause" }),
        },
        value => Err(PduError::Unsupported { field: "RP message type", value }),
    }
}

/// First octet of a transaction that the phone begins; identifiers 0 to 6 (3GPP TS 24.007 section 11.2.3.1.3).
pub(super) fn begin_transaction(number: u8) -> u8 {
    (number % 7) << 4 | PROTOCOL_SMS
}

/// CP-ACK (section 7.2.2).
pub(super) fn cp_ack(first_octet: u8) -> Vec<u8> {
    vec![first_octet, CP_ACK]
}

/// RP-ACK in CP-DATA (section 7.3.3).
pub(super) fn rp_ack(first_octet: u8, reference: u8) -> Vec<u8> {
    vec![first_octet, CP_DATA, 2, 2, reference]
}

/// RP-ERROR in CP-DATA (section 7.3.4).
pub(super) fn rp_error(first_octet: u8, reference: u8, cause: u8) -> Vec<u8> {
    vec![first_octet, CP_DATA, 4, 4, reference, 1, cause]
}

/// RP-DATA in CP-DATA (section 7.3.1.2). The service centre's address is a placeholder: the MSC is its own service centre.
pub(super) fn rp_data(first_octet: u8, reference: u8, tpdu: &[u8]) -> Result<Vec<u8>, PduError> {
    let too_long = PduError::Unsupported { field: "TPDU length", value: u8::MAX };
    let tpdu_length = u8::try_from(tpdu.len()).map_err(|_| too_long.clone())?;
    let mut rpdu = vec![0, reference, 0];
    rpdu.extend([4, 0x91, 0x00, 0x00, 0xF0]);
    rpdu.push(tpdu_length);
    rpdu.extend(tpdu);
    let mut message = vec![first_octet, CP_DATA, u8::try_from(rpdu.len()).map_err(|_| too_long)?];
    message.extend(rpdu);
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_for_the_phone_is_read_and_answered_with_the_flag() {
        let nas = [0x09, 0x01, 7, 1, 0x42, 0, 0, 2, 0xAA, 0xBB];
        let content = Cp::Data(Rp::Data { reference: 0x42, tpdu: &[0xAA, 0xBB] });
        assert_eq!(read_downlink(&nas), Ok(Downlink { answer_octet: 0x89, content }));
    }

    #[test]
    fn a_refusal_by_the_network_is_read() {
        let content = Cp::Data(Rp::Error { reference: 7, cause: 38 });
        assert_eq!(
            read_downlink(&[0xA9, 0x01, 4, 5, 7, 1, 38]),
            Ok(Downlink { answer_octet: 0x29, content })
        );
    }

    #[test]
    fn another_protocol_is_refused() {
        assert_eq!(
            read_downlink(&[0x05, 0x01]),
            Err(PduError::Unsupported { field: "protocol discriminator", value: 5 })
        );
    }

    #[test]
    fn an_unknown_cp_message_is_refused() {
        assert_eq!(
            read_downlink(&[0x09, 0x02]),
            Err(PduError::Unsupported { field: "CP message type", value: 2 })
        );
    }

    #[test]
    fn a_truncated_cp_data_is_refused() {
        assert_eq!(
            read_downlink(&[0x09, 0x01, 9, 1]),
            Err(PduError::Truncated { field: "CP-User data" })
        );
    }

    #[test]
    fn an_rp_message_of_the_other_direction_is_refused() {
        assert_eq!(
            read_downlink(&[0x09, 0x01, 2, 0, 1]),
            Err(PduError::Unsupported { field: "RP message type", value: 0 })
        );
    }

    #[test]
    fn an_error_without_a_cause_is_refused() {
        assert_eq!(
            read_downlink(&[0x09, 0x01, 3, 5, 1, 0]),
            Err(PduError::Truncated { field: "RP-Cause" })
        );
    }
}

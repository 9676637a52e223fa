//! SGsAP, between a mobility management entity (here: one test phone) and the MSC (3GPP TS 29.118 sections 8 and 9).

use tokio_util::codec::LengthDelimitedCodec;

use super::error::{PduError, PhoneError};
use super::octets::Octets;

/// Far above any SGsAP message.
const MESSAGE_OCTETS: usize = 4096;

/// The records of `osmo/sctp_over_tcp.c`: two octets of length, then one message.
pub(super) fn records() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .length_field_length(2)
        .max_frame_length(MESSAGE_OCTETS)
        .new_codec()
}

/// What the MSC sends, as far as a phone must act on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FromMsc<'a> {
    /// SGsAP-LOCATION-UPDATE-ACCEPT (section 8.9); a new temporary identity is to be acknowledged.
    LocationUpdateAccepted { new_identity: bool },
    /// SGsAP-LOCATION-UPDATE-REJECT (section 8.10).
    LocationUpdateRejected { cause: u8 },
    /// SGsAP-PAGING-REQUEST (section 8.14).
    Paging { service: u8 },
    /// SGsAP-DOWNLINK-UNITDATA (section 8.4): a NAS message for the phone.
    Downlink(&'a [u8]),
    /// SGsAP-RESET-INDICATION (section 8.16).
    Reset,
    /// SGsAP-STATUS (section 8.18): the MSC could not read a message.
    Status { cause: u8 },
    /// Anything else: releases, information for the display.
    Other,
}

mod message_type {
    pub(super) const PAGING_REQUEST: u8 = 0x01;
    pub(super) const SERVICE_REQUEST: u8 = 0x06;
    pub(super) const DOWNLINK_UNITDATA: u8 = 0x07;
    pub(super) const UPLINK_UNITDATA: u8 = 0x08;
    pub(super) const LOCATION_UPDATE_REQUEST: u8 = 0x09;
    pub(super) const LOCATION_UPDATE_ACCEPT: u8 = 0x0A;
    pub(super) const LOCATION_UPDATE_REJECT: u8 = 0x0B;
    pub(super) const TMSI_REALLOCATION_COMPLETE: u8 = 0x0C;
    pub(super) const RESET_INDICATION: u8 = 0x15;
    pub(super) const RESET_ACK: u8 = 0x16;
    pub(super) const STATUS: u8 = 0x1D;
}

/// Section 9.3, table 9.3.
mod element {
    pub(super) const IMSI: u8 = 0x01;
    pub(super) const LOCATION_AREA: u8 = 0x04;
    pub(super) const SGS_CAUSE: u8 = 0x08;
    pub(super) const MME_NAME: u8 = 0x09;
    pub(super) const LOCATION_UPDATE_TYPE: u8 = 0x0A;
    pub(super) const MOBILE_IDENTITY: u8 = 0x0E;
    pub(super) const REJECT_CAUSE: u8 = 0x0F;
    pub(super) const NAS_CONTAINER: u8 = 0x16;
    pub(super) const SERVICE: u8 = 0x20;
}

/// Mobile country code 001, network code 01, area 1 (3GPP TS 24.008 section 10.5.1.3), as `osmo/osmo-msc.cfg` has it.
const LOCATION_AREA: [u8; 5] = [0x00, 0xF1, 0x10, 0x00, 0x01];
/// IMSI attach (section 9.4.2).
const IMSI_ATTACH: u8 = 0x01;

/// Reads one message of the MSC.
pub(super) fn read(message: &[u8]) -> Result<FromMsc<'_>, PduError> {
    let mut octets = Octets::new(message);
    let kind = octets.octet("SGsAP message type")?;
    Ok(match kind {
        message_type::LOCATION_UPDATE_ACCEPT => FromMsc::LocationUpdateAccepted {
            new_identity: find_element(octets, element::MOBILE_IDENTITY, "identity").is_ok(),
        },
        message_type::LOCATION_UPDATE_REJECT => FromMsc::LocationUpdateRejected {
            cause: octet_element(octets, element::REJECT_CAUSE, "reject cause")?,
        },
        message_type::PAGING_REQUEST => FromMsc::Paging {
            service: octet_element(octets, element::SERVICE, "service indicator")?,
        },
        message_type::DOWNLINK_UNITDATA => FromMsc::Downlink(find_element(
            octets,
            element::NAS_CONTAINER,
            "NAS message container",
        )?),
        message_type::RESET_INDICATION => FromMsc::Reset,
        message_type::STATUS => {
            FromMsc::Status { cause: octet_element(octets, element::SGS_CAUSE, "SGs cause")? }
        }
        _ => FromMsc::Other,
    })
}

/// The value of one element; elements are tag, length, value (section 9.2).
fn find_element<'a>(
    mut octets: Octets<'a>,
    wanted: u8,
    field: &'static str,
) -> Result<&'a [u8], PduError> {
    while !octets.is_empty() {
        let tag = octets.octet("element")?;
        let value = octets.length_prefixed("element")?;
        if tag == wanted {
            return Ok(value);
        }
    }
    Err(PduError::Missing { field })
}

fn octet_element(octets: Octets<'_>, wanted: u8, field: &'static str) -> Result<u8, PduError> {
    match find_element(octets, wanted, field)? {
        &[value] => Ok(value),
        _ => Err(PduError::Truncated { field }),
    }
}

/// A subscriber and the name of the entity that serves it: what this phone's messages begin with.
pub(super) struct Identity {
    imsi: Vec<u8>,
    mme_name: Vec<u8>,
}

impl Identity {
    /// Each phone is an entity of its own, since an MSC keeps one association for each name. The name is made of the
    /// last six digits of the IMSI, in which the phones of one centre must differ.
    pub(super) fn new(imsi: &str) -> Result<Self, PhoneError> {
        let digits: Option<Vec<u8>> =
            imsi.chars().map(|c| c.to_digit(10).and_then(|d| u8::try_from(d).ok())).collect();
        let digits = digits.filter(|digits| digits.len() == 15).ok_or(PhoneError::InvalidImsi)?;
        let (group, code) = imsi
            .get(9..)
            .and_then(|last| last.split_at_checked(4))
            .ok_or(PhoneError::InvalidImsi)?;
        let name = format!("mmec{code}.mmegi{group}.mme.epc.mnc001.mcc001.3gppnetwork.org");
        Ok(Self { imsi: mobile_identity(&digits), mme_name: domain_name(&name) })
    }

    /// SGsAP-LOCATION-UPDATE-REQUEST (section 8.11).
    pub(super) fn location_update_request(&self) -> Vec<u8> {
        let mut message = self.message(message_type::LOCATION_UPDATE_REQUEST);
        add_element(&mut message, element::MME_NAME, &self.mme_name);
        add_element(&mut message, element::LOCATION_UPDATE_TYPE, &[IMSI_ATTACH]);
        add_element(&mut message, element::LOCATION_AREA, &LOCATION_AREA);
        message
    }

    /// SGsAP-TMSI-REALLOCATION-COMPLETE (section 8.19).
    pub(super) fn identity_taken(&self) -> Vec<u8> {
        self.message(message_type::TMSI_REALLOCATION_COMPLETE)
    }

    /// SGsAP-SERVICE-REQUEST (section 8.17), the answer to a paging for the same service.
    pub(super) fn service_request(&self, service: u8) -> Vec<u8> {
        let mut message = self.message(message_type::SERVICE_REQUEST);
        add_element(&mut message, element::SERVICE, &[service]);
        message
    }

    /// SGsAP-UPLINK-UNITDATA (section 8.22).
    pub(super) fn uplink(&self, nas: &[u8]) -> Vec<u8> {
        let mut message = self.message(message_type::UPLINK_UNITDATA);
        add_element(&mut message, element::NAS_CONTAINER, nas);
        message
    }

    /// SGsAP-RESET-ACK (section 8.15).
    pub(super) fn reset_ack(&self) -> Vec<u8> {
        let mut message = vec![message_type::RESET_ACK];
        add_element(&mut message, element::MME_NAME, &self.mme_name);
        message
    }

    fn message(&self, kind: u8) -> Vec<u8> {
        let mut message = vec![kind];
        add_element(&mut message, element::IMSI, &self.imsi);
        message
    }
}

/// Values here are far below 255 octets; a longer one would be cut, and refused by the MSC.
fn add_element(message: &mut Vec<u8>, tag: u8, value: &[u8]) {
    let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
    message.extend([tag, length]);
    message.extend(value.iter().take(length.into()));
}

/// An IMSI of 15 digits as a mobile identity (3GPP TS 24.008 section 10.5.1.4): odd count, type 1.
fn mobile_identity(digits: &[u8]) -> Vec<u8> {
    let (first, rest) = digits.split_first().unwrap_or((&0, &[]));
    let mut identity = vec![first << 4 | 0x09];
    identity.extend(rest.chunks(2).map(|pair| match pair {
        [low, high] => high << 4 | low,
        _ => 0xFF,
    }));
    identity
}

/// A domain name as labels, each after its length (section 9.4.13).
fn domain_name(name: &str) -> Vec<u8> {
    let mut labels = Vec::new();
    for label in name.split('.') {
        labels.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        labels.extend(label.bytes());
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imsi_is_written_as_a_mobile_identity() {
        let identity = Identity::new("001010123456789").unwrap();
        assert_eq!(identity.imsi, [0x09, 0x10, 0x10, 0x10, 0x32, 0x54, 0x76, 0x98]);
    }

    #[test]
    fn an_entity_name_has_the_55_octets_of_the_standard() {
        let identity = Identity::new("001010123456789").unwrap();
        assert_eq!(identity.mme_name.len(), 55);
        assert_eq!(identity.mme_name[..7], *b"\x06mmec89");
    }

    #[test]
    fn an_imsi_of_other_than_15_digits_is_refused() {
        assert_eq!(Identity::new("00101012345678").err(), Some(PhoneError::InvalidImsi));
        assert_eq!(Identity::new("00101012345678x").err(), Some(PhoneError::InvalidImsi));
    }

    #[test]
    fn a_downlink_message_is_found_among_the_elements() {
        assert_eq!(
            read(&[0x07, 0x01, 1, 0x99, 0x16, 2, 0xAA, 0xBB]),
            Ok(FromMsc::Downlink(&[0xAA, 0xBB]))
        );
    }

    #[test]
    fn an_empty_message_is_refused() {
        assert_eq!(read(&[]), Err(PduError::Truncated { field: "SGsAP message type" }));
    }

    #[test]
    fn an_element_longer_than_the_message_is_refused() {
        assert_eq!(read(&[0x07, 0x16, 9, 0xAA]), Err(PduError::Truncated { field: "element" }));
    }

    #[test]
    fn a_paging_without_a_service_is_refused() {
        assert_eq!(
            read(&[0x01, 0x01, 1, 0x99]),
            Err(PduError::Missing { field: "service indicator" })
        );
    }
}

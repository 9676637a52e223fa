//! One malformed PDU per rule; every PDU that we write is read by another implementation, and the other way round.

use bytes::BytesMut;
use proptest::prelude::*;
use rusmpp::tokio_codec::CommandCodec;
use tokio_util::codec::{Decoder, Encoder};

use super::*;

fn encoded(pdu: &Pdu) -> Vec<u8> {
    let mut octets = Vec::new();
    pdu.encode(&mut octets).unwrap();
    octets
}

/// A PDU made by hand.
fn raw(command_id: u32, status: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER_OCTETS + body.len()).unwrap();
    let mut octets: Vec<u8> =
        [length, command_id, status, 7].into_iter().flat_map(u32::to_be_bytes).collect();
    octets.extend(body);
    octets
}

fn message() -> ShortMessage {
    ShortMessage {
        source: Address { ton: 5, npi: 0, digits: "SHOP".to_owned() },
        destination: Address { ton: 1, npi: 1, digits: "33612345678".to_owned() },
        esm_class: ESM_CLASS_UDHI,
        validity_period: "000000000500000R".to_owned(),
        registered_delivery: 1,
        data_coding: 8,
        short_message: Zeroizing::new(vec![5, 0, 3, 1, 2, 1, 0, b'a']),
        parameters: vec![
            Parameter::new(tag::USER_MESSAGE_REFERENCE, [0x10, 0x92]),
            Parameter::new(0x1400, b"own".as_slice()),
        ],
    }
}

fn bodies() -> Vec<Body> {
    vec![
        Body::GenericNack,
        Body::BindTransceiver(Bind {
            system_id: "countersign".to_owned(),
            password: Zeroizing::new("secret".to_owned()),
            system_type: "otp".to_owned(),
        }),
        Body::BindTransceiverResp { system_id: "centre".to_owned() },
        Body::SubmitSm(message()),
        Body::SubmitSmResp { message_id: "1A2b".to_owned() },
        Body::DeliverSm(message()),
        Body::DeliverSmResp,
        Body::Unbind,
        Body::UnbindResp,
        Body::EnquireLink,
        Body::EnquireLinkResp,
    ]
}

#[test]
fn what_is_written_is_read() {
    for body in bodies() {
        let pdu = Pdu::response(MAX_SEQUENCE, Status::ESME_RTHROTTLED, body);
        let octets = encoded(&pdu);
        assert_eq!(first_pdu(&octets), Ok(Some(octets.as_slice())));
        assert_eq!(Pdu::decode(&octets), Ok(pdu));
    }
}

#[test]
fn another_implementation_reads_what_we_write_and_writes_what_we_read() {
    for body in bodies() {
        let ours = encoded(&Pdu::response(9, Status::ESME_ROK, body));
        let mut octets = BytesMut::from(ours.as_slice());
        let theirs = CommandCodec::new().decode(&mut octets).unwrap().unwrap();
        assert!(theirs.pdu().is_some(), "not understood: {theirs:?}");
        CommandCodec::new().encode(&theirs, &mut octets).unwrap();
        assert_eq!(octets, ours);
    }
}

/// The example of SMPP 3.4 section 3.2.2, as a bind_transceiver.
#[test]
fn a_bind_is_written_as_in_the_norm() {
    let bind = Bind {
        system_id: "SMPP3TEST".to_owned(),
        password: Zeroizing::new("secret08".to_owned()),
        system_type: "SUBMIT1".to_owned(),
    };
    let mut expected = vec![0, 0, 0, 0x2F, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1];
    expected.extend(b"SMPP3TEST\0secret08\0SUBMIT1\0\x34\0\0\0");
    assert_eq!(encoded(&Pdu::request(1, Body::BindTransceiver(bind))), expected);
}

#[test]
fn the_stream_is_cut_at_each_length() {
    let mut stream = encoded(&Pdu::request(1, Body::EnquireLink));
    stream.extend([0, 0, 0]);
    assert_eq!(first_pdu(&stream).unwrap().unwrap().len(), HEADER_OCTETS);
    assert_eq!(first_pdu(&stream[..15]), Ok(None));
    assert_eq!(first_pdu(&stream[..3]), Ok(None));
    assert_eq!(first_pdu(&[]), Ok(None));
}

#[test]
fn a_length_shorter_than_a_header_is_refused() {
    assert_eq!(first_pdu(&[0, 0, 0, 15, 0]), Err(BadLength(15)));
}

#[test]
fn a_length_above_the_limit_is_refused_before_it_is_waited_for() {
    assert_eq!(first_pdu(&[0, 0, 0x20, 0x01]), Err(BadLength(8_193)));
    assert_eq!(first_pdu(&[0xFF; 4]), Err(BadLength(u32::MAX)));
    assert_eq!(first_pdu(&[0, 0, 0x20, 0x00]), Ok(None));
}

#[test]
fn a_response_that_refuses_may_have_no_body() {
    for (command_id, body) in [
        (command::SUBMIT_SM_RESP, Body::SubmitSmResp { message_id: String::new() }),
        (command::BIND_TRANSCEIVER_RESP, Body::BindTransceiverResp { system_id: String::new() }),
        (command::DELIVER_SM_RESP, Body::DeliverSmResp),
    ] {
        assert_eq!(Pdu::decode(&raw(command_id, 0x58, &[])).unwrap().body, body);
    }
}

#[test]
fn a_bind_response_without_a_version_is_read() {
    let pdu = Pdu::decode(&raw(command::BIND_TRANSCEIVER_RESP, 0, b"centre\0")).unwrap();
    assert_eq!(pdu.body, Body::BindTransceiverResp { system_id: "centre".to_owned() });
}

#[test]
fn a_command_that_is_not_used_keeps_its_id() {
    let pdu = Pdu::decode(&raw(0x103, 0, b"whatever")).unwrap();
    assert_eq!(pdu.body, Body::Other { command_id: 0x103 });
    assert_eq!(Pdu::decode(&raw(0x102, 0, b"whatever")).unwrap().body, Body::AlertNotification);
}

/// What a body is refused for; the refusal tells the header, so that it can be answered.
fn refused(command_id: u32, body: &[u8]) -> (&'static str, &'static str) {
    let malformed = Pdu::decode(&raw(command_id, 0, body)).unwrap_err();
    assert_eq!((malformed.command_id, malformed.status.0, malformed.sequence), (command_id, 0, 7));
    (malformed.field, malformed.why)
}

const NO_NUL: &str = "is too long or lacks its NUL";

#[test]
fn a_message_that_breaks_a_rule_is_refused_with_the_rule() {
    let message = ShortMessage { parameters: Vec::new(), ..message() };
    let good = encoded(&Pdu::request(7, Body::SubmitSm(message)))[HEADER_OCTETS..].to_vec();
    let submit = |body: &[u8]| refused(command::SUBMIT_SM, body);
    let with = |parameters: &[u8]| [good.as_slice(), parameters].concat();

    assert_eq!(submit(&[]), ("service_type", NO_NUL));
    assert_eq!(submit(b"123456\0"), ("service_type", NO_NUL));
    assert_eq!(submit(&[0]), ("source_addr", "is missing"));
    let long_address = [&[0, 1, 1], [b'1'; 21].as_slice(), &[0]].concat();
    assert_eq!(submit(&long_address), ("source_addr", NO_NUL));
    assert_eq!(submit(&good[..good.len() - 9]), ("sm_length", "is missing"));
    assert_eq!(submit(&good[..good.len() - 1]), ("short_message", "is cut short"));
    assert_eq!(submit(&with(&[4, 0x27, 0])), ("optional parameter", "is cut short"));
    assert_eq!(submit(&with(&[4, 0x27, 0, 2, 1])), ("optional parameter", "is cut short"));
    assert_eq!(refused(command::DELIVER_SM, &[0, 1]), ("source_addr", "is missing"));
}

#[test]
fn another_body_that_breaks_a_rule_is_refused_with_the_rule() {
    let too_long = ("command_length", "is longer than the body");
    assert_eq!(refused(command::SUBMIT_SM_RESP, b"12"), ("message_id", NO_NUL));
    assert_eq!(refused(command::SUBMIT_SM_RESP, &[]), ("message_id", NO_NUL));
    assert_eq!(refused(command::SUBMIT_SM_RESP, &[b'1'; 66]), ("message_id", NO_NUL));
    assert_eq!(refused(command::ENQUIRE_LINK, &[0]), too_long);
    assert_eq!(refused(command::GENERIC_NACK, &[0]), too_long);
    let long_password = b"me\x00123456789\0";
    assert_eq!(refused(command::BIND_TRANSCEIVER, long_password), ("password", NO_NUL));
    let short = b"me\0secret\0\0\x34\0\0";
    assert_eq!(refused(command::BIND_TRANSCEIVER, short), ("address_range", NO_NUL));
}

#[test]
fn less_than_a_header_is_refused() {
    assert_eq!(Pdu::decode(&[0; 15]).unwrap_err().why, "is shorter than a header");
}

#[test]
fn a_field_of_ours_that_does_not_fit_is_refused() {
    let unfit = |change: fn(&mut ShortMessage)| {
        let mut message = message();
        change(&mut message);
        let mut out = vec![1, 2];
        let refusal = Pdu::request(1, Body::SubmitSm(message)).encode(&mut out).unwrap_err();
        assert_eq!(out, [1, 2], "nothing may be left of what was refused");
        refusal.field
    };
    assert_eq!(unfit(|m| m.source.digits = "1".repeat(21)), "source_addr");
    assert_eq!(unfit(|m| m.destination.digits = "33\x006".to_owned()), "destination_addr");
    assert_eq!(unfit(|m| m.validity_period = "0".repeat(17)), "validity_period");
    assert_eq!(unfit(|m| m.short_message = Zeroizing::new(vec![0; 255])), "short_message");
    assert_eq!(
        unfit(|m| m.parameters = vec![Parameter::new(1, vec![0; 65_536])]),
        "optional parameter"
    );
}

#[test]
fn neither_text_nor_numbers_nor_passwords_are_shown() {
    let mut message = message();
    message.short_message = Zeroizing::new(b"code 123456".to_vec());
    let shown = format!("{:?}", Pdu::request(1, Body::SubmitSm(message)));
    for secret in ["123456", "49, 50, 51", "33612345678"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let bind = Bind { password: Zeroizing::new("geheim".to_owned()), ..Bind::default() };
    assert!(!format!("{bind:?}").contains("geheim"));
}

proptest! {
    #[test]
    fn no_octets_make_the_reader_panic(octets in prop::collection::vec(any::<u8>(), 0..300), id in 0..10_usize) {
        let ids = [4, 5, 9, 0x15, 0x8000_0004, 0x8000_0005, 0x8000_0009, 0x8000_0000, 6, 0x102];
        if let Ok(pdu) = Pdu::decode(&raw(ids[id], 0, &octets)) {
            // What is read can be written, unless its text is longer than the norm allows.
            let mut out = Vec::new();
            if pdu.encode(&mut out).is_ok() {
                prop_assert!(matches!(first_pdu(&out), Ok(Some(_))));
            }
        }
        let _: Result<_, _> = first_pdu(&octets);
    }
}

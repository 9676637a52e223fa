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
        Body::DataSm(ShortMessage {
            validity_period: String::new(),
            short_message: Zeroizing::default(),
            ..message()
        }),
        Body::DataSmResp,
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
    assert_eq!(first_pdu(&[0, 1, 0x10, 0x01]), Err(BadLength(69_633)));
    assert_eq!(first_pdu(&[0xFF; 4]), Err(BadLength(u32::MAX)));
    assert_eq!(first_pdu(&[0, 1, 0x10, 0x00]), Ok(None));
}

#[test]
fn an_answer_may_have_no_body_whatever_it_says() {
    for status in [0, 0x58] {
        for (command_id, body) in [
            (command::SUBMIT_SM_RESP, Body::SubmitSmResp { message_id: String::new() }),
            (
                command::BIND_TRANSCEIVER_RESP,
                Body::BindTransceiverResp { system_id: String::new() },
            ),
            (command::DELIVER_SM_RESP, Body::DeliverSmResp),
            (command::DATA_SM_RESP, Body::DataSmResp),
        ] {
            assert_eq!(Pdu::decode(&raw(command_id, status, &[])).unwrap().body, body);
        }
    }
}

#[test]
fn a_bind_response_is_read_whatever_follows_its_name_or_lacks() {
    for body in [b"centre\0".as_slice(), b"centre", b"centre\0\0", b"centre\0\x02\x10\0\x09\x34"] {
        let pdu = Pdu::decode(&raw(command::BIND_TRANSCEIVER_RESP, 0, body)).unwrap();
        assert_eq!(pdu.body, Body::BindTransceiverResp { system_id: "centre".to_owned() });
    }
}

#[test]
fn an_id_is_read_without_its_nul_and_with_a_tail_and_up_to_its_bound() {
    let id = |body: &[u8]| match Pdu::decode(&raw(command::SUBMIT_SM_RESP, 0, body)).unwrap().body {
        Body::SubmitSmResp { message_id } => message_id,
        other => panic!("{other:?}"),
    };
    assert_eq!(id(b"1005"), "1005");
    assert_eq!(id(b"1005\0\0"), "1005");
    assert_eq!(id(b"1005\0\x04\x27\0\x09"), "1005");
    assert_eq!(id(&[b'1'; 2_000]), "1".repeat(64));
    assert_eq!(id(b"\xFF1\0"), "\u{FFFD}1");
}

#[test]
fn what_of_a_command_is_not_used_is_not_read() {
    for (command_id, body) in [
        (command::GENERIC_NACK, Body::GenericNack),
        (command::ENQUIRE_LINK, Body::EnquireLink),
        (command::ENQUIRE_LINK_RESP, Body::EnquireLinkResp),
        (command::UNBIND, Body::Unbind),
        (command::UNBIND_RESP, Body::UnbindResp),
        (command::DELIVER_SM_RESP, Body::DeliverSmResp),
        (command::OUTBIND, Body::Outbind),
        (command::ALERT_NOTIFICATION, Body::AlertNotification),
        // query_sm_resp, and what nobody has heard of.
        (0x8000_0003, Body::Other { command_id: 0x8000_0003 }),
        (0x7777, Body::Other { command_id: 0x7777 }),
    ] {
        assert_eq!(Pdu::decode(&raw(command_id, 0, b"whatever")).unwrap().body, body);
    }
}

/// A delivery as far as its short_message, of which `cut` octets are left out at the end.
fn delivered(cut: usize, tail: &[u8]) -> ShortMessage {
    let message = ShortMessage { parameters: Vec::new(), ..message() };
    let octets = encoded(&Pdu::request(7, Body::DeliverSm(message)));
    let body = [&octets[HEADER_OCTETS..octets.len() - cut], tail].concat();
    match Pdu::decode(&raw(command::DELIVER_SM, 0, &body)).unwrap().body {
        Body::DeliverSm(message) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_delivery_is_read_as_far_as_it_goes() {
    let whole = ShortMessage { parameters: Vec::new(), ..message() };
    // A tail that is no parameter.
    for tail in [&[][..], &[0], &[0, 0, 0], &[4, 0x27, 0], &[0x04, 0x23, 0, 3, 3, 0]] {
        assert_eq!(delivered(0, tail), whole, "{tail:?}");
    }
    // Less of a text than its length says, and none of what is before it.
    assert_eq!(*delivered(2, &[]).short_message, [5, 0, 3, 1, 2, 1]);
    let short = delivered(9, &[]);
    assert_eq!((short.data_coding, short.short_message.len()), (8, 0));
    assert_eq!(delivered(31, &[]).esm_class, ESM_CLASS_UDHI);
}

#[test]
fn of_a_parameter_that_is_cut_short_only_a_nul_may_be_missing() {
    let parameters = |tail: &[u8]| delivered(0, tail).parameters;
    assert_eq!(
        parameters(&[0, 0x1E, 0, 3, b'1', b'2']),
        [Parameter::new(tag::RECEIPTED_MESSAGE_ID, *b"12")]
    );
    assert_eq!(parameters(&[0, 0x1E, 0, 4, b'1', b'2']), []);
    assert_eq!(parameters(&[4, 0x27, 0, 1]), []);
    let good_before = [4, 0x27, 0, 1, 2, 4, 0x23, 0, 3, 3, 0];
    assert_eq!(parameters(&good_before), [Parameter::new(tag::MESSAGE_STATE, [2])]);
}

#[test]
fn an_address_longer_than_the_norm_is_read_up_to_its_nul() {
    let body = [&[0, 1, 1], [b'1'; 30].as_slice(), &[0, 1, 1, b'2', 0, 4]].concat();
    let Body::DataSm(message) = Pdu::decode(&raw(command::DATA_SM, 0, &body)).unwrap().body else {
        panic!("no data_sm")
    };
    assert_eq!((message.source.digits.len(), message.destination.digits.as_str()), (30, "2"));
    assert_eq!(message.esm_class, ESM_CLASS_RECEIPT);
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
}

#[test]
fn a_delivery_from_nobody_to_nobody_is_refused() {
    for command_id in [command::DELIVER_SM, command::DATA_SM] {
        assert_eq!(refused(command_id, &[]), ("source_addr", "is missing"));
        assert_eq!(refused(command_id, &[0, 1]), ("source_addr", "is missing"));
        assert_eq!(refused(command_id, &[0, 1, 1, b'3']), ("destination_addr", "is missing"));
        assert_eq!(refused(command_id, &[0, 1, 1, 0, 1, 1, 0]), ("esm_class", "is missing"));
    }
}

#[test]
fn a_bind_that_breaks_a_rule_is_refused_with_the_rule() {
    let long_password = [b"me\0".as_slice(), &[b'1'; 65], &[0]].concat();
    assert_eq!(refused(command::BIND_TRANSCEIVER, &long_password), ("password", NO_NUL));
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

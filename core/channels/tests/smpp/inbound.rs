//! What the centre delivers.

use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use countersign_channels::{
    smpp::{
        pdu::{
            Address, Body, ESM_CLASS_RECEIPT, ESM_CLASS_UDHI, Parameter, Pdu, ShortMessage,
            first_pdu, tag,
        },
        status::Status,
    },
    sms::{header, text},
};
use countersign_domain::message::{Delivery, Inbound, InboundText, Receipt};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};
use zeroize::Zeroizing;

use crate::centre::{Peer, Scene};

fn international(digits: &str) -> Address {
    Address { ton: 1, npi: 1, digits: digits.to_owned() }
}

/// A message from the phone to our short code.
fn from_phone(data_coding: u8, octets: &[u8]) -> ShortMessage {
    ShortMessage {
        source: international("33612345678"),
        destination: Address { ton: 3, npi: 1, digits: "3800".to_owned() },
        data_coding,
        short_message: Zeroizing::new(octets.to_vec()),
        ..ShortMessage::default()
    }
}

fn receipt(text: &str) -> ShortMessage {
    ShortMessage { esm_class: ESM_CLASS_RECEIPT, ..from_phone(0, text.as_bytes()) }
}

fn only_receipt(scene: &Scene) -> Receipt {
    match scene.inbox.taken().as_slice() {
        [Inbound::Receipt(receipt)] => receipt.clone(),
        other => panic!("{other:?}"),
    }
}

fn texts(scene: &Scene) -> Vec<InboundText> {
    let text = |inbound| match inbound {
        Inbound::Text(text) => text,
        other => panic!("{other:?}"),
    };
    scene.inbox.taken().into_iter().map(text).collect()
}

/// Submits a text and returns the names of the message that the centre accepted as `message_id`.
async fn accepted(scene: &Scene, centre: &mut Peer, message_id: &str) -> Vec<String> {
    let sending = scene.send("text");
    let (request, _) = centre.next_message().await;
    centre.accept(&request, message_id).await;
    sending.await.unwrap().unwrap().references
}

/// Whether a receipt bears one of these names.
fn names(receipt: &Receipt, references: &[String]) -> bool {
    receipt.ranks.iter().flatten().any(|name| references.contains(name))
}

#[tokio::test]
async fn a_receipt_names_the_message_and_its_end() {
    for (text, delivery) in [
        ("id:4D2 sub:001 dlvrd:001 stat:DELIVRD err:000 text:", Delivery::Delivered),
        (
            "id:1234 stat:UNDELIV err:027",
            Delivery::Failed { cause: "UNDELIV, error 027".to_owned() },
        ),
        ("id:000004d2 stat:EXPIRED", Delivery::Failed { cause: "EXPIRED".to_owned() }),
        (
            "id:4d2 stat:REJECTD err:<script>123",
            Delivery::Failed { cause: "REJECTD, error script12".to_owned() },
        ),
    ] {
        let (scene, mut centre) = Scene::bound(|_| {}).await;
        let reference = accepted(&scene, &mut centre, "4d2").await;
        assert_eq!(centre.deliver(1, receipt(text)).await, Status::ESME_ROK);
        let receipt = only_receipt(&scene);
        assert!(names(&receipt, &reference), "{text}: {receipt:?} {reference:?}");
        assert_eq!(receipt.delivery, delivery);
    }
}

#[tokio::test]
async fn the_parameters_of_a_receipt_are_surer_than_its_text() {
    for id in [b"4d2\0".as_slice(), b"4d2"] {
        let (scene, mut centre) = Scene::bound(|_| {}).await;
        let reference = accepted(&scene, &mut centre, "4d2").await;
        let mut message = receipt("id:9 stat:ENROUTE err:001");
        message.parameters.push(Parameter::new(tag::RECEIPTED_MESSAGE_ID, id));
        message.parameters.push(Parameter::new(tag::MESSAGE_STATE, [2]));
        assert_eq!(centre.deliver(1, message).await, Status::ESME_ROK);
        let receipt = only_receipt(&scene);
        assert!(names(&receipt, &reference), "{receipt:?} {reference:?}");
        assert_eq!(receipt.delivery, Delivery::Delivered);
    }
}

#[tokio::test]
async fn a_receipt_marked_as_a_plain_message_is_known_by_its_parameter() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let mut message = from_phone(0, b"");
    message.parameters.push(Parameter::new(tag::RECEIPTED_MESSAGE_ID, b"4d2\0".as_slice()));
    message.parameters.push(Parameter::new(tag::MESSAGE_STATE, [5]));
    assert_eq!(centre.deliver(1, message).await, Status::ESME_ROK);
    assert_eq!(only_receipt(&scene).delivery, Delivery::Failed { cause: "UNDELIV".to_owned() });
}

#[tokio::test]
async fn a_receipt_before_the_answer_to_its_submission_names_the_same_message() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let sending = scene.send("text");
    let (request, _) = centre.next_message().await;
    assert_eq!(centre.deliver(1, receipt("id:77 stat:DELIVRD")).await, Status::ESME_ROK);
    centre.accept(&request, "77").await;
    let references = sending.await.unwrap().unwrap().references;
    assert!(names(&only_receipt(&scene), &references));
}

#[tokio::test]
async fn a_centre_without_ids_is_matched_by_number_reference_and_time() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let sending = scene.send("text");
    let (request, submitted) = centre.next_message().await;
    let ours = submitted.parameter(tag::USER_MESSAGE_REFERENCE).unwrap()[1];
    centre.accept(&request, "msg_id_not_implemented").await;
    let references = sending.await.unwrap().unwrap().references;

    // As OsmoMSC does: an id of its own, dates that are none, our reference cut to 8 bits.
    scene.clock.advance_seconds(600);
    let mut message =
        receipt("id:3 submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:DELIVRD err:000");
    message.parameters.push(Parameter::new(tag::USER_MESSAGE_REFERENCE, [0, ours]));
    assert_eq!(centre.deliver(1, message).await, Status::ESME_ROK);
    assert!(names(&only_receipt(&scene), &references));
}

#[tokio::test]
async fn a_receipt_that_is_no_end_or_names_nothing_is_left_aside() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let intermediate = ShortMessage { esm_class: 0x20, ..receipt("id:1 stat:ENROUTE") };
    for message in [
        receipt("id:1 stat:ENROUTE"),
        receipt("id:1 stat:ACCEPTD"),
        receipt("id:1"),
        receipt("stat:DELIVRD"),
        intermediate,
    ] {
        assert_eq!(centre.deliver(1, message).await, Status::ESME_ROK);
    }
    assert_eq!(scene.inbox.taken(), []);
}

#[tokio::test]
async fn a_phone_cannot_forge_a_receipt() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    assert_eq!(centre.deliver(1, from_phone(0, b"id:1 stat:DELIVRD")).await, Status::ESME_ROK);
    assert_eq!(texts(&scene)[0].text.expose(), "id:1 stat:DELIVRD");
}

#[tokio::test]
async fn a_text_from_a_phone_is_handed_over() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let utf16: Vec<u8> = "Жук 😀".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let untyped = ShortMessage {
        source: Address { ton: 0, ..international("33612345678") },
        ..from_phone(8, &utf16)
    };
    let mut payload = from_phone(0, b"");
    payload.parameters.push(Parameter::new(tag::MESSAGE_PAYLOAD, b"in the payload".as_slice()));
    payload.destination = international("33999000000");
    for message in [from_phone(0, b"123456 \x1B\x65"), untyped, payload] {
        assert_eq!(centre.deliver(1, message).await, Status::ESME_ROK);
    }
    let texts = texts(&scene);
    let seen: Vec<_> =
        texts.iter().map(|t| (t.from.expose(), t.to.as_str(), t.text.expose().as_str())).collect();
    assert_eq!(
        seen,
        [
            ("+33612345678", "3800", "123456 €"),
            ("+33612345678", "3800", "Жук 😀"),
            ("+33612345678", "+33999000000", "in the payload"),
        ]
    );
}

#[tokio::test]
async fn a_text_in_parts_is_handed_over_whole() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let long = "ê".repeat(100);
    let parts = text::encode(&long, 9).unwrap().parts;
    for (sequence, part) in (1..).zip(parts.iter().rev()) {
        let message = ShortMessage { esm_class: ESM_CLASS_UDHI, ..from_phone(8, part) };
        assert_eq!(centre.deliver(sequence, message).await, Status::ESME_ROK);
    }
    for (number, part) in [(1_u8, b"one, "), (2, b"two. ")] {
        let mut message = from_phone(0, part);
        message.parameters.push(Parameter::new(tag::SAR_MSG_REF_NUM, [1, 2]));
        message.parameters.push(Parameter::new(tag::SAR_TOTAL_SEGMENTS, [2]));
        message.parameters.push(Parameter::new(tag::SAR_SEGMENT_SEQNUM, [number]));
        assert_eq!(centre.deliver(9, message).await, Status::ESME_ROK);
    }
    let texts = texts(&scene);
    let seen: Vec<_> = texts.iter().map(|text| text.text.expose().as_str()).collect();
    assert_eq!(seen, [long.as_str(), "one, two. "]);
}

#[tokio::test]
async fn a_receipt_is_read_in_whatever_coding_it_comes() {
    let text = "id:4d2 stat:DELIVRD";
    let ucs2: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (data_coding, octets) in [
        (0, text.as_bytes()),
        // OsmoMSC.
        (2, text.as_bytes()),
        (0xF0, text.as_bytes()),
        (8, &ucs2),
    ] {
        let (scene, mut centre) = Scene::bound(|_| {}).await;
        let reference = accepted(&scene, &mut centre, "4d2").await;
        let receipt =
            ShortMessage { esm_class: ESM_CLASS_RECEIPT, ..from_phone(data_coding, octets) };
        assert_eq!(centre.deliver(1, receipt).await, Status::ESME_ROK);
        assert!(names(&only_receipt(&scene), &reference));
    }
}

#[tokio::test]
async fn a_sender_whose_type_of_number_is_not_told_is_an_international_one() {
    for ton in [0, 1, 3] {
        let (scene, mut centre) = Scene::bound(|_| {}).await;
        let message = ShortMessage {
            source: Address { ton, ..international("33612345678") },
            ..from_phone(0, b"YES")
        };
        assert_eq!(centre.deliver(1, message).await, Status::ESME_ROK);
        let from = texts(&scene).remove(0).from;
        assert_eq!(from, "+33612345678".try_into().unwrap(), "{ton}");
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_used_is_refused_for_good() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let binary = from_phone(4, &[1, 2, 3]);
    let from_a_name = ShortMessage {
        source: Address { ton: 5, npi: 0, digits: "BANK".to_owned() },
        ..from_phone(0, b"x")
    };
    let national = Address { ton: 2, npi: 1, digits: "612345678".to_owned() };
    let from_a_national_number = ShortMessage { source: national, ..from_phone(0, b"x") };
    let bad_header = ShortMessage { esm_class: ESM_CLASS_UDHI, ..from_phone(0, &[200, 0, 3]) };
    for message in [binary, from_a_name, from_a_national_number, bad_header] {
        assert_eq!(centre.deliver(1, message).await, Status::ESME_RX_P_APPN);
    }
    assert_eq!(scene.inbox.taken(), []);
}

#[tokio::test]
async fn a_delivery_is_answered_only_after_the_domain_has_it() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    scene.inbox.close();
    centre.say(&Pdu::request(1, Body::DeliverSm(from_phone(0, b"text")))).await;
    centre.hears_nothing_for(Duration::from_millis(100)).await;
    scene.inbox.open();
    assert_eq!(centre.next().await, Pdu::response(1, Status::ESME_ROK, Body::DeliverSmResp));
    assert_eq!(texts(&scene).len(), 1);
}

#[tokio::test]
async fn a_delivery_that_the_domain_cannot_keep_is_offered_again() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let first = ShortMessage {
        esm_class: ESM_CLASS_UDHI,
        ..from_phone(0, &[header::write(1, 2, 1).as_slice(), b"a"].concat())
    };
    let last = ShortMessage {
        esm_class: ESM_CLASS_UDHI,
        ..from_phone(0, &[header::write(1, 2, 2).as_slice(), b"b"].concat())
    };
    assert_eq!(centre.deliver(1, first).await, Status::ESME_ROK);
    scene.inbox.fail(true);
    assert_eq!(centre.deliver(2, last.clone()).await, Status::ESME_RX_T_APPN);
    assert_eq!(centre.deliver(3, receipt("id:1 stat:DELIVRD")).await, Status::ESME_RX_T_APPN);
    scene.inbox.fail(false);
    assert_eq!(centre.deliver(4, last).await, Status::ESME_ROK);
    assert_eq!(texts(&scene)[0].text.expose(), "ab");
}

#[tokio::test]
async fn no_more_deliveries_than_the_limit_are_under_way_and_the_others_wait() {
    let (scene, mut centre) = Scene::bound(|settings| {
        settings.response_timeout = Duration::from_millis(300);
        settings.keepalive_after = Duration::from_millis(200);
    })
    .await;
    scene.inbox.close();
    for sequence in 1..=500 {
        centre.say(&Pdu::request(sequence, Body::DeliverSm(from_phone(0, b"text")))).await;
    }
    // Longer than a silent centre is borne: the silence is ours, and not one of them is refused.
    let heard = timeout(Duration::from_millis(1_000), async {
        while centre.next().await.body == Body::EnquireLink {}
    });
    assert!(heard.await.is_err(), "an answer before the domain has it");
    scene.inbox.open();
    let mut answered = 0;
    while answered < 500 {
        let answer = centre.next().await;
        if answer.body == Body::DeliverSmResp {
            assert_eq!(answer.status, Status::ESME_ROK);
            answered += 1;
        }
    }
    assert!(scene.messenger.is_bound());
}

/// All of them are taken, none is refused, and the domain has no more in its hands than the limit, nor we in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_deliveries_at_once_are_taken() {
    const COUNT: u32 = 10_000;
    let (scene, centre) = Scene::bound(|_| {}).await;
    scene.inbox.close();
    let mut octets = Vec::new();
    for sequence in 1..=COUNT {
        let text = format!("id:{sequence} stat:DELIVRD {}", "x".repeat(200));
        Pdu::request(sequence, Body::DeliverSm(receipt(&text))).encode(&mut octets).unwrap();
    }
    let (mut reader, mut writer) = centre.stream.into_split();
    let writing = tokio::spawn(async move { writer.write_all(&octets).await.map(|()| writer) });
    while scene.inbox.most_at_once() < 64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    scene.inbox.open();
    let (mut received, mut answered) = (BytesMut::new(), 0);
    while answered < COUNT {
        while let Some(octets) = first_pdu(&received).unwrap() {
            let (length, answer) = (octets.len(), Pdu::decode(octets).unwrap());
            received.advance(length);
            if answer.body == Body::DeliverSmResp {
                assert_eq!(answer.status, Status::ESME_ROK);
                answered += 1;
            }
        }
        if answered < COUNT {
            let read = timeout(Duration::from_secs(30), reader.read_buf(&mut received)).await;
            assert!(read.unwrap().unwrap() > 0, "the connection ended after {answered}");
        }
    }
    writing.await.unwrap().unwrap();
    assert_eq!(scene.inbox.taken().len(), 10_000);
    assert_eq!(scene.inbox.most_at_once(), 64);
}

#[tokio::test]
async fn in_a_centre_of_latin_1_a_text_is_read_so() {
    let latin1 = countersign_channels::DefaultAlphabet::Latin1;
    let (scene, mut centre) = Scene::bound(|settings| settings.default_alphabet = latin1).await;
    assert_eq!(centre.deliver(1, from_phone(0, b"d\xE9j\xE0 @")).await, Status::ESME_ROK);
    assert_eq!(texts(&scene)[0].text.expose(), "déjà @");
}

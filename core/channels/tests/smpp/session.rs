//! The life of the session: bind, silence, garbage, end.

use std::time::Duration;

use countersign_channels::smpp::{
    pdu::{Body, Pdu},
    status::Status,
};
use countersign_domain::{lane::Lane, ports::Messenger as _};
use tokio::time::{Instant, timeout};

use crate::centre::Scene;

const SHORT: Duration = Duration::from_millis(100);

/// Short, but not so short that a busy machine is presumed a silent centre.
const TIMEOUT: Duration = Duration::from_millis(500);

#[tokio::test]
async fn the_account_binds_as_a_transceiver() {
    let scene = Scene::unbound(|settings| settings.system_type = "otp".to_owned()).await;
    let mut centre = scene.accept().await;
    let bind = centre.next().await;
    let Body::BindTransceiver(account) = bind.body else { panic!("{bind:?}") };
    assert_eq!(
        (account.system_id.as_str(), account.password.as_str()),
        ("countersign", "secret08")
    );
    assert_eq!(account.system_type, "otp");
    assert!(!scene.messenger.is_bound());
}

#[tokio::test]
async fn nothing_is_asked_before_the_bind_is_answered() {
    let scene = Scene::unbound(|settings| settings.keepalive_after = SHORT / 4).await;
    let mut centre = scene.accept().await;
    let bind = centre.next().await;
    centre.hears_nothing_for(SHORT).await;
    centre.answer(&bind, Body::BindTransceiverResp { system_id: String::new() }).await;
    assert_eq!(centre.next().await.body, Body::EnquireLink);
}

#[tokio::test]
async fn what_comes_with_the_answer_to_the_bind_is_heard() {
    let scene = Scene::unbound(|_| {}).await;
    let mut centre = scene.accept().await;
    let bind = centre.next().await;
    let mut octets = Vec::new();
    let answer = Body::BindTransceiverResp { system_id: String::new() };
    Pdu::response(bind.sequence, Status::ESME_ROK, answer).encode(&mut octets).unwrap();
    Pdu::request(7, Body::EnquireLink).encode(&mut octets).unwrap();
    centre.say_octets(&octets).await;
    assert_eq!(centre.next().await, Pdu::response(7, Status::ESME_ROK, Body::EnquireLinkResp));
}

#[tokio::test]
async fn only_what_goes_through_the_centre_waits_for_it() {
    let scene = Scene::unbound(|_| {}).await;
    for (lane, waits) in [(Lane::Operator, false), (Lane::Payments, true), (Lane::Others, true)] {
        let turn = timeout(SHORT, scene.messenger.turn(lane)).await;
        assert_eq!(turn.is_err(), waits, "{lane:?}");
    }
}

#[tokio::test]
async fn a_refused_bind_is_tried_again_after_a_pause_that_doubles() {
    let scene = Scene::unbound(|settings| settings.reconnect_pause = SHORT).await;
    let mut since = Instant::now();
    for pause in [Duration::ZERO, SHORT, SHORT * 2] {
        let mut centre = scene.accept().await;
        assert!(since.elapsed() >= pause, "{:?}", since.elapsed());
        let bind = centre.next().await;
        since = Instant::now();
        let refusal = Body::BindTransceiverResp { system_id: String::new() };
        centre.say(&Pdu::response(bind.sequence, Status::ESME_RINVPASWD, refusal)).await;
        centre.hears_the_end().await;
    }
    assert!(!scene.messenger.is_bound());
}

#[tokio::test]
async fn after_a_session_that_has_lived_the_pause_is_the_first_again() {
    let scene = Scene::unbound(|settings| settings.reconnect_pause = SHORT / 2).await;
    for _ in 0..5 {
        drop(scene.accept().await);
    }
    let lived = scene.accept_and_bind().await;
    tokio::time::sleep(Duration::from_millis(1_700)).await;
    drop(lived);
    let since = Instant::now();
    scene.accept().await;
    // Without a session in between it would be 1.6 seconds.
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
}

#[tokio::test]
async fn an_answer_to_another_request_is_no_answer_to_the_bind() {
    let scene = Scene::unbound(|_| {}).await;
    let mut centre = scene.accept().await;
    let bind = centre.next().await;
    let answer = Body::BindTransceiverResp { system_id: String::new() };
    centre.say(&Pdu::response(bind.sequence + 1, Status::ESME_ROK, answer)).await;
    centre.hears_the_end().await;
    scene.accept_and_bind().await;
}

#[tokio::test]
async fn a_centre_that_does_not_answer_the_bind_is_called_again() {
    let scene = Scene::unbound(|settings| settings.response_timeout = TIMEOUT).await;
    let mut silent = scene.accept().await;
    silent.next().await;
    scene.accept_and_bind().await;
}

#[tokio::test]
async fn an_enquiry_of_the_centre_is_answered() {
    let (_scene, mut centre) = Scene::bound(|_| {}).await;
    centre.say(&Pdu::request(42, Body::EnquireLink)).await;
    assert_eq!(centre.next().await, Pdu::response(42, Status::ESME_ROK, Body::EnquireLinkResp));
}

#[tokio::test]
async fn a_centre_that_answers_enquiries_keeps_its_session() {
    let (scene, mut centre) = Scene::bound(|settings| {
        settings.keepalive_after = SHORT / 4;
        settings.response_timeout = TIMEOUT;
    })
    .await;
    for _ in 0..8 {
        let enquiry = centre.next().await;
        assert_eq!(enquiry.body, Body::EnquireLink);
        centre.answer(&enquiry, Body::EnquireLinkResp).await;
    }
    assert!(scene.messenger.is_bound());
}

#[tokio::test]
async fn a_silent_centre_is_dropped_and_called_again() {
    let (scene, mut centre) = Scene::bound(|settings| {
        settings.keepalive_after = SHORT / 2;
        settings.response_timeout = TIMEOUT;
    })
    .await;
    assert_eq!(centre.next().await.body, Body::EnquireLink);
    centre.hears_the_end().await;
    let mut again = scene.accept_and_bind().await;
    assert_eq!(again.next().await.body, Body::EnquireLink);
}

#[tokio::test]
async fn a_length_that_cannot_be_ends_the_session() {
    for length in [0, 15, 69_633, u32::MAX] {
        let (scene, mut centre) = Scene::bound(|_| {}).await;
        centre.say_octets(&length.to_be_bytes()).await;
        let nack = Pdu::response(0, Status::ESME_RINVCMDLEN, Body::GenericNack);
        assert_eq!(centre.next().await, nack, "{length}");
        centre.hears_the_end().await;
        scene.accept_and_bind().await;
    }
}

#[tokio::test]
async fn garbage_ends_the_session_and_leaves_what_was_submitted_in_doubt() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let sending = scene.send("text");
    centre.next_message().await;
    centre.say_octets(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let error = sending.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "not known whether it was sent: the session ended");
    scene.accept_and_bind().await;
}

#[tokio::test]
async fn a_request_that_is_not_known_is_refused_and_the_session_goes_on() {
    let (_scene, mut centre) = Scene::bound(|_| {}).await;
    // submit_multi, with a body.
    let octets = [20, 0x21, 0, 9, 0xFFFF_FFFF_u32].map(u32::to_be_bytes).concat();
    centre.say_octets(&octets).await;
    assert_eq!(centre.next().await, Pdu::response(9, Status::ESME_RINVCMDID, Body::GenericNack));
    centre.say(&Pdu::request(10, Body::EnquireLink)).await;
    assert_eq!(centre.next().await.body, Body::EnquireLinkResp);
}

#[tokio::test]
async fn a_request_that_cannot_be_used_is_refused_and_the_session_goes_on() {
    let (_scene, mut centre) = Scene::bound(|_| {}).await;
    let octets =
        |command_id: u32| [20, command_id, 0, 9, 0xFFFF_FFFF_u32].map(u32::to_be_bytes).concat();
    for (command_id, answer) in [(5, Body::DeliverSmResp), (0x103, Body::DataSmResp)] {
        centre.say_octets(&octets(command_id)).await;
        assert_eq!(centre.next().await, Pdu::response(9, Status::ESME_RX_P_APPN, answer));
    }
    // An enquiry with a body is an enquiry; an outbind has no answer.
    centre.say_octets(&octets(0x0B)).await;
    centre.say_octets(&octets(0x15)).await;
    assert_eq!(centre.next().await, Pdu::response(9, Status::ESME_ROK, Body::EnquireLinkResp));
}

#[tokio::test]
async fn what_the_centre_asks_before_it_answers_the_bind_is_answered_after_it() {
    let scene = Scene::unbound(|_| {}).await;
    let mut centre = scene.accept().await;
    let bind = centre.next().await;
    centre.say(&Pdu::request(7, Body::EnquireLink)).await;
    centre.answer(&bind, Body::BindTransceiverResp { system_id: String::new() }).await;
    assert_eq!(centre.next().await, Pdu::response(7, Status::ESME_ROK, Body::EnquireLinkResp));
}

#[tokio::test]
async fn answers_to_nothing_and_alerts_change_nothing() {
    let (_scene, mut centre) = Scene::bound(|_| {}).await;
    centre
        .say(&Pdu::response(
            77,
            Status::ESME_ROK,
            Body::SubmitSmResp { message_id: "1".to_owned() },
        ))
        .await;
    centre.say(&Pdu::response(78, Status::ESME_ROK, Body::UnbindResp)).await;
    centre.say(&Pdu::response(0, Status::ESME_RUNKNOWNERR, Body::GenericNack)).await;
    centre.say(&Pdu::request(79, Body::AlertNotification)).await;
    centre.say(&Pdu::request(80, Body::EnquireLink)).await;
    assert_eq!(centre.next().await, Pdu::response(80, Status::ESME_ROK, Body::EnquireLinkResp));
}

#[tokio::test]
async fn a_centre_that_unbinds_is_answered_and_called_again() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    centre.say(&Pdu::request(5, Body::Unbind)).await;
    assert_eq!(centre.next().await, Pdu::response(5, Status::ESME_ROK, Body::UnbindResp));
    centre.hears_the_end().await;
    scene.accept_and_bind().await;
}

#[tokio::test]
async fn a_stop_waits_for_answers_and_unbinds() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let sending = scene.send("text");
    let (request, _) = centre.next_message().await;
    scene.messenger.stop();
    centre.hears_nothing_for(SHORT).await;
    centre.accept(&request, "1").await;
    assert!(sending.await.unwrap().is_ok());
    let unbind = centre.next().await;
    assert_eq!(unbind.body, Body::Unbind);
    centre.answer(&unbind, Body::UnbindResp).await;
    timeout(Duration::from_secs(5), scene.running).await.unwrap().unwrap();
    assert!(!scene.messenger.is_bound());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_silent_centre() {
    let (scene, mut centre) = Scene::bound(|settings| settings.response_timeout = TIMEOUT).await;
    scene.messenger.stop();
    assert_eq!(centre.next().await.body, Body::Unbind);
    timeout(Duration::from_secs(5), scene.running).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_ends_the_calls_of_a_centre_that_is_not_there() {
    let scene =
        Scene::unbound(|settings| settings.reconnect_pause = Duration::from_secs(3_600)).await;
    drop(scene.accept().await);
    scene.messenger.stop();
    timeout(Duration::from_secs(5), scene.running).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_centre_that_asks_and_does_not_read_is_dropped() {
    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let mut enquiries = Vec::new();
    for sequence in 1..=1_000 {
        Pdu::request(sequence, Body::EnquireLink).encode(&mut enquiries).unwrap();
    }
    // Until our answers fill every buffer in between, and our own limit.
    let flood = async {
        use tokio::io::AsyncWriteExt as _;
        while centre.stream.write_all(&enquiries).await.is_ok() {}
    };
    timeout(Duration::from_secs(20), flood).await.unwrap();
    scene.accept_and_bind().await;
}

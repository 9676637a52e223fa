//! Every setting reaches the wire.

use std::time::Duration;

use countersign_channels::{
    DefaultAlphabet, SmppSettings, SourceAddress, Validity,
    smpp::pdu::{Body, ShortMessage},
};
use countersign_domain::{
    lane::Lane,
    ports::{Messenger as _, Turn},
    secret::Secret,
};
use tokio::{task::JoinHandle, time::timeout};

use crate::centre::Scene;

const SHORT: Duration = Duration::from_millis(100);

/// What the centre is asked to deliver with such settings.
async fn submitted(change: impl FnOnce(&mut SmppSettings), text: &str) -> ShortMessage {
    let (scene, mut centre) = Scene::bound(change).await;
    let _sending = scene.send(text);
    centre.next_message().await.1
}

#[tokio::test]
async fn the_centre_is_told_until_when_a_message_is_of_use_in_the_form_that_it_takes() {
    for (validity, period) in [
        (Validity::Relative, "000000000459000R"),
        // Five minutes after 14 November 2023, 22:13:20.
        (Validity::Absolute, "231114221820000+"),
        (Validity::Unsaid, ""),
    ] {
        let message = submitted(|settings| settings.validity = validity, "text").await;
        assert_eq!(message.validity_period, period, "{validity:?}");
    }
}

#[tokio::test]
async fn a_text_is_written_in_the_alphabet_of_the_centre() {
    for (alphabet, text, data_coding, octets) in [
        (DefaultAlphabet::Gsm7, "é@ 9 €", 0, b"\x05\x00 9 \x1B\x65".as_slice()),
        (DefaultAlphabet::Latin1, "é@ 9", 0, b"\xE9@ 9"),
        (DefaultAlphabet::Latin1, "9 €", 8, b"\x00\x39\x00\x20\x20\xAC"),
    ] {
        let message = submitted(|settings| settings.default_alphabet = alphabet, text).await;
        let written = (message.data_coding, message.short_message.as_slice());
        assert_eq!(written, (data_coding, octets), "{alphabet:?} {text}");
    }
}

#[tokio::test]
async fn the_sender_has_the_type_and_plan_of_what_it_is() {
    for (source, ton, npi, digits) in [
        ("A. B-C_D&E", 5, 0, "A. B-C_D&E"),
        ("3800", 3, 0, "3800"),
        ("+33612345678", 1, 1, "33612345678"),
    ] {
        let source = SourceAddress::try_from(source).unwrap();
        let sender = submitted(|settings| settings.source = source, "text").await.source;
        assert_eq!((sender.ton, sender.npi, sender.digits.as_str()), (ton, npi, digits));
    }
}

#[tokio::test]
async fn a_password_longer_than_the_standards_is_sent_whole() {
    for length in [0, 8, 9, 64] {
        let expected = "p".repeat(length);
        let password = Secret::new(expected.clone());
        let scene = Scene::unbound(|settings| settings.password = password).await;
        let bind = scene.accept().await.next().await;
        let Body::BindTransceiver(account) = bind.body else { panic!("{bind:?}") };
        assert_eq!(*account.password, expected);
    }
}

/// Payments that wait go before others that wait, and each lane is served in its order.
#[tokio::test]
async fn payments_go_first_and_each_lane_in_its_order() {
    let (scene, _centre) = Scene::bound(|settings| settings.window = 1).await;
    let mut taken = Vec::new();
    while let Ok(turn) = timeout(SHORT, scene.messenger.turn(Lane::Payments)).await {
        taken.push(turn);
    }
    let (served, mut order) = tokio::sync::mpsc::unbounded_channel();
    let mut waiting: Vec<JoinHandle<()>> = Vec::new();
    for name in ["payment 1", "other 1", "other 2", "payment 2", "payment 3"] {
        let (messenger, served) = (scene.messenger.clone(), served.clone());
        let lane = if name.starts_with("other") { Lane::Others } else { Lane::Payments };
        waiting.push(tokio::spawn(async move {
            let turn: Turn = messenger.turn(lane).await;
            let _: Result<_, _> = served.send(name);
            // As long as a message takes.
            tokio::time::sleep(SHORT / 2).await;
            drop(turn);
        }));
        tokio::time::sleep(SHORT / 10).await;
    }
    drop((taken.pop(), served));
    let mut names = Vec::new();
    while let Some(name) = order.recv().await {
        names.push(name);
    }
    assert_eq!(names[..3], ["payment 1", "payment 2", "payment 3"]);
    assert_eq!(names.len(), 5);
}

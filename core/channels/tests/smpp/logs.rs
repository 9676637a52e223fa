//! What must never be in a log.

use std::{
    io,
    sync::{Arc, Mutex},
};

use countersign_channels::smpp::{
    pdu::{Address, ESM_CLASS_RECEIPT, Parameter, ShortMessage, tag},
    status::Status,
};
use zeroize::Zeroizing;

use crate::centre::Scene;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_has_a_text_a_number_or_a_password() {
    let log = Log::default();
    let writer = log.clone();
    // Without the time, whose digits may be any.
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // This test's runtime has one thread: everything that it does is seen.
    let _seen = tracing::subscriber::set_default(subscriber);

    let (scene, mut centre) = Scene::bound(|_| {}).await;
    let sending = scene.send("code 987654");
    let (request, _) = centre.next_message().await;
    centre.accept(&request, "0").await;
    let names = sending.await.unwrap().unwrap().references;
    assert!(names.iter().any(|name| name.contains("345678")), "{names:?}");
    let text = |ton, data_coding, esm_class, octets: &[u8]| ShortMessage {
        source: Address { ton, npi: 1, digits: "33612345678".to_owned() },
        data_coding,
        esm_class,
        short_message: Zeroizing::new(octets.to_vec()),
        ..ShortMessage::default()
    };
    // A centre that gives every message the same id, and our reference with it.
    let mut nameless = text(1, 0, ESM_CLASS_RECEIPT, b"id:0 stat:DELIVRD");
    nameless.parameters.push(Parameter::new(tag::USER_MESSAGE_REFERENCE, [0, 7]));
    for message in [
        nameless,
        text(1, 0, 0, b"code 987654"),
        text(1, 4, 0, b"code 987654"),
        text(5, 0, 0, b"code 987654"),
        text(1, 0, 0x40, b"\xC8code 987654"),
        text(1, 0, ESM_CLASS_RECEIPT, b"stat:DELIVRD text:code 987654"),
        text(1, 0, ESM_CLASS_RECEIPT, b"id:1 text:code 987654"),
    ] {
        centre.deliver(1, message).await;
    }
    scene.inbox.fail(true);
    assert_eq!(centre.deliver(2, text(1, 0, 0, b"code 987654")).await, Status::ESME_RX_T_APPN);

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("bound to the centre") && log.contains("accepted by the centre"), "{log}");
    assert!(log.contains("a receipt came"), "{log}");
    for secret in ["987654", "345678", "secret08"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

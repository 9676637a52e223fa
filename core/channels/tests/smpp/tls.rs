//! The session over TLS.

use std::{sync::Arc, time::Duration};

use countersign_channels::{
    TlsSettings,
    smpp::{
        pdu::{Body, Pdu, first_pdu},
        status::Status,
    },
};
use rustls_pki_types::PrivateKeyDer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::centre::Scene;

/// A centre's certificate for `name`, as its TLS side and as the root that its clients trust.
fn certificate(name: &str) -> (TlsAcceptor, String) {
    let certified = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![certified.cert.der().clone()], key)
    .unwrap();
    (TlsAcceptor::from(Arc::new(config)), certified.cert.pem())
}

#[tokio::test]
async fn a_session_is_bound_and_used_over_tls() {
    let (acceptor, roots_pem) = certificate("centre.example");
    let server_name = "centre.example".to_owned();
    let scene =
        Scene::unbound(|settings| settings.tls = Some(TlsSettings { server_name, roots_pem }))
            .await;
    let mut stream = acceptor.accept(scene.accept().await.stream).await.unwrap();
    let mut received = Vec::new();
    let mut next = async |answer: fn(&Pdu) -> Body| {
        while first_pdu(&received).unwrap().is_none() {
            assert_ne!(stream.read_buf(&mut received).await.unwrap(), 0);
        }
        let request = Pdu::decode(first_pdu(&received).unwrap().unwrap()).unwrap();
        received.clear();
        let mut octets = Vec::new();
        Pdu::response(request.sequence, Status::ESME_ROK, answer(&request))
            .encode(&mut octets)
            .unwrap();
        stream.write_all(&octets).await.unwrap();
        request.body
    };

    let bind = next(|_| Body::BindTransceiverResp { system_id: String::new() }).await;
    assert!(matches!(bind, Body::BindTransceiver(_)));
    timeout(Duration::from_secs(5), scene.messenger.until_bound()).await.unwrap();
    let sending = scene.send("text");
    let submission = next(|_| Body::SubmitSmResp { message_id: "1".to_owned() }).await;
    assert!(matches!(submission, Body::SubmitSm(_)));
    assert!(sending.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_centre_with_another_name_gets_no_password() {
    let (acceptor, roots_pem) = certificate("other.example");
    let server_name = "centre.example".to_owned();
    let scene =
        Scene::unbound(|settings| settings.tls = Some(TlsSettings { server_name, roots_pem }))
            .await;
    assert!(acceptor.accept(scene.accept().await.stream).await.is_err());
    assert!(!scene.messenger.is_bound());
}

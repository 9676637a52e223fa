//! What the listeners take, and what they refuse.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::version::{TLS12, TLS13};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{API_KEY, Folder, ask, checkout, cookie, request};

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_with_and_without_a_client_certificate() {
    let folder = Folder::new();
    let server = folder.start("").await;
    let page = checkout(&folder, server.address("api").unwrap()).await;
    for (version, with_certificate) in
        [(&TLS12, false), (&TLS12, true), (&TLS13, false), (&TLS13, true)]
    {
        let connector = folder.tls(&[version], with_certificate);
        let shown = ask(
            &connector,
            server.address("checkout").unwrap(),
            request("GET", &page, "", "").as_bytes(),
        )
        .await
        .unwrap();
        assert!(shown.starts_with("HTTP/1.1 200 "), "{shown}");
    }
    server.stop().await;
}

#[tokio::test]
async fn http_2_is_spoken_to_clients_that_ask_for_it() {
    let folder = Folder::new();
    let server = folder.start("").await;
    let mut config = rustls::ClientConfig::clone(folder.tls(&[&TLS13], false).config());
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    // The preface and an empty SETTINGS frame (RFC 9113 section 3.4).
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    let stream = TcpStream::connect(server.address("api").unwrap()).await.unwrap();
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    stream.write_all(preface).await.unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 0x04, "not a SETTINGS frame");
}

#[tokio::test]
async fn a_peer_that_does_not_speak_tls_is_refused_and_no_other_is_harmed() {
    let folder = Folder::new();
    let server = folder.start("").await;
    for address in [server.address("api").unwrap(), server.address("checkout").unwrap()] {
        for nonsense in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 3_000], &[0x16, 3, 1, 0xff, 0xff]]
        {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(nonsense).await.unwrap();
            let mut answer = Vec::new();
            let ended = timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await;
            assert!(ended.is_ok() && answer.len() < 100, "{answer:?}");
        }
    }
    checkout(&folder, server.address("api").unwrap()).await;
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let folder = Folder::new();
    let server = folder.start("").await;
    let headers = format!("Authorization: Bearer {API_KEY}\r\n");
    let body = "x".repeat(17 * 1024);
    let answer = folder
        .ask(server.address("api").unwrap(), &request("POST", "/v1/checkouts", &headers, &body))
        .await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let many = "X: y\r\n".repeat(200);
    let answer = folder.ask(server.address("api").unwrap(), &request("GET", "/", &many, "")).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn only_a_trusted_terminator_says_which_certificate_was_presented() {
    let folder = Folder::new();
    let der = STANDARD.encode(folder.client.0.der());
    let header = format!("Client-Cert: :{der}:\r\n");
    for (terminators, status, problem) in [
        ("", "400", "client-cert-header"),
        // The certificate is taken, and bears no card.
        ("\"127.0.0.1\"", "422", "card-needed"),
    ] {
        let server = folder.start(terminators).await;
        let page = checkout(&folder, server.address("api").unwrap()).await;
        let address = server.address("checkout").unwrap();
        let headers = cookie(&folder, address, &page).await + &header;
        let answer =
            folder.ask(address, &request("POST", &page, &headers, "certificate=presented")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains(problem), "{answer}");
        server.stop().await;
    }
}

#[tokio::test]
async fn without_a_bank_nothing_is_paid_and_the_payer_is_told() {
    let folder = Folder::new();
    // A payer who is known by a name only is asked for a code first.
    let policy = "policy = { bank_first_known_by = [\"user_id\"] }\n";
    let server = folder.serve(&(policy.to_owned() + &folder.configuration(""))).await;
    let headers = format!("Authorization: Bearer {API_KEY}\r\n");
    let alice =
        r#"{"number":"+33612345678","card":{"number":"4970100000000154","expiry":"12/35"}}"#;
    let enrolled = folder
        .ask(
            server.address("api").unwrap(),
            &request("PUT", "/v1/subscribers/alice", &headers, alice),
        )
        .await;
    assert!(enrolled.starts_with("HTTP/1.1 204 "), "{enrolled}");
    let page = checkout(&folder, server.address("api").unwrap()).await;
    let headers = cookie(&folder, server.address("checkout").unwrap(), &page).await;
    let answer = folder
        .ask(
            server.address("checkout").unwrap(),
            &request("POST", &page, &headers, "user_id=alice"),
        )
        .await;
    assert!(answer.contains(r#""status":"releasing""#), "{answer}");
    assert!(answer.contains(r#""cause":"interrupted""#), "{answer}");
}

#[tokio::test]
async fn a_stopped_server_has_let_go_of_everything() {
    let folder = Folder::new();
    let server = folder.start("").await;
    let (api, address) = (server.address("api").unwrap(), server.address("checkout").unwrap());
    // Somebody who has connected and says nothing does not hold it up for long.
    let _silent = TcpStream::connect(api).await.unwrap();
    timeout(Duration::from_secs(20), server.stop()).await.unwrap();
    for address in [api, address] {
        assert!(TcpStream::connect(address).await.is_err());
    }
}

//! The desk over HTTP: who is let in, what cannot be read, and what a client makes of an answer that is none.

use std::sync::Arc;

use axum::{Extension, Json, Router, routing::post};
use countersign_domain::{
    message::SendError, operator::OperatorError, ports::Operator, secret::Secret,
};
use countersign_operator::{
    HttpOperator,
    http::operator_routes,
    link::MAX_ANSWER_BYTES,
    message::{Answer, Checking, Order, Sending},
    statement::StatementVerifier,
};
use countersign_web::{client::HttpClient, peer_certificate::PeerCertificates, testing};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Operating, keys, message, order};

const CERTIFICATE: &[u8] = b"the certificate of the wallets";

/// What TLS would have said of the peer.
fn presenting(router: Router, certificates: &[&[u8]]) -> Router {
    let certificates = certificates.iter().map(|certificate| certificate.to_vec()).collect();
    router.layer(Extension(PeerCertificates(certificates)))
}

fn routes(operating: &Operating) -> Router {
    operator_routes(vec![(CERTIFICATE.to_vec(), operating.desk("wallets"))])
}

async fn link_to(router: Router, statements: StatementVerifier) -> Arc<dyn Operator> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = HttpClient::new(no_tls(), MAX_ANSWER_BYTES);
    Arc::new(HttpOperator::new(client, &url, statements).unwrap())
}

/// The certificate of a connection is the listener's business: TLS is tried with whole servers.
fn no_tls() -> Arc<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    Arc::new(config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

/// A client of that operator, which knows its certificate.
pub(crate) async fn over_http(operating: &Operating) -> Arc<dyn Operator> {
    link_to(presenting(routes(operating), &[CERTIFICATE]), operating.statements.clone()).await
}

#[tokio::test]
async fn a_client_is_known_by_its_own_certificate_and_by_nothing_above_it() {
    let operating = Operating::new();
    let strangers: [&[&[u8]]; 3] = [&[], &[b"another"], &[b"another", CERTIFICATE]];
    for presented in strangers {
        let router = presenting(routes(&operating), presented);
        for path in ["/v1/codes", "/v1/codes/check"] {
            let answer = testing::call(&router, "key", "POST", path, &[], "{}").await;
            assert_eq!(answer.refusal(), (403, "client-not-known".to_owned()), "{presented:?}");
        }
    }
    let router = presenting(routes(&operating), &[b"another"]);
    let link = link_to(router, operating.statements.clone()).await;
    assert!(link.send(&order(1), &message(1)).await.is_err());
    assert!(operating.texts().await.is_empty());
}

#[tokio::test]
async fn what_is_no_order_is_refused_by_the_rule_it_breaks_and_nothing_is_sent() {
    let operating = Operating::new();
    let router = presenting(routes(&operating), &[CERTIFICATE]);
    let sending = Sending { message: message(1), order: Order::from(&order(1)) };
    let good = serde_json::to_value(sending).unwrap();
    let changed = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body.to_string()
    };
    let mut more = good.clone();
    more["order"]["card"] = json!("4970100000000154");
    let rows = [
        ("JSON", "nothing".to_owned(), 400),
        ("no member more", more.to_string(), 400),
        ("a message's name", changed("/message", json!("msg_1")), 422),
        ("a challenge's name", changed("/order/challenge", json!("../x")), 422),
        ("a number", changed("/order/number", json!("0612345678")), 422),
        ("a language", changed("/order/locale", json!("../en")), 422),
        ("a host", changed("/order/origin", json!("Wallet Example")), 422),
        ("no negative amount", changed("/order/amount_minor", json!(-1)), 400),
        ("a currency", changed("/order/currency", json!("eur")), 422),
        ("a payee without line breaks", changed("/order/payee", json!("Shop\nPay 0.01")), 422),
        ("a digest", changed("/order/digest", json!("00")), 422),
        ("a currency of today", changed("/order/currency", json!("SLL")), 422),
        ("no fund", changed("/order/currency", json!("COU")), 422),
        (
            "an amount of 12 digits",
            changed("/order/amount_minor", json!(1_000_000_000_000_u64)),
            422,
        ),
        ("16 KiB", " ".repeat(16 * 1024 + 1), 413),
    ];
    for (rule, body, status) in rows {
        let answer = testing::call(&router, "key", "POST", "/v1/codes", &[], body).await;
        assert_eq!(answer.status.as_u16(), status, "{rule}: {answer:?}");
        assert!(!answer.body.contains("4970100000000154"), "{rule}: {answer:?}");
    }
    assert!(operating.texts().await.is_empty());
    let sent = testing::call(&router, "key", "POST", "/v1/codes", &[], good.to_string()).await;
    assert_eq!((sent.status.as_u16(), operating.texts().await.len()), (200, 1));
}

#[tokio::test]
async fn what_is_no_code_is_no_attempt_and_is_not_quoted() {
    let operating = Operating::new();
    let router = presenting(routes(&operating), &[CERTIFICATE]);
    let desk = operating.desk("wallets");
    desk.send(&order(1), &message(1)).await.unwrap();
    let code = operating.code().await;
    let sent = Order::from(&order(1));
    for typed in ["", "12345", "12345678901", "12345a"] {
        let checking = Checking {
            challenge: sent.challenge.clone(),
            order_sha256: sent.sha256(),
            code: Secret::new(typed.to_owned()),
        };
        let body = serde_json::to_string(&checking).unwrap();
        let answer = testing::call(&router, "key", "POST", "/v1/codes/check", &[], body).await;
        assert_eq!(answer.refusal(), (422, "invalid-value".to_owned()), "{typed}");
        assert!(typed.is_empty() || !answer.body.contains(typed), "{answer:?}");
        assert!(!format!("{checking:?}").contains("12345"), "{checking:?}");
    }
    let verdict = desk.check(&order(1), &code).await.unwrap();
    assert!(matches!(Answer::from(verdict), Answer::Accepted(_)));
}

/// An operator that answers so, whatever it is asked.
async fn answering(answer: Value, statements: StatementVerifier) -> Arc<dyn Operator> {
    let said = move || async move { Json(answer) };
    link_to(Router::new().route("/v1/codes/check", post(said)), statements).await
}

#[tokio::test]
async fn an_answer_that_says_nothing_of_this_order_is_no_verdict() {
    let operating = Operating::new();
    let desk = operating.desk("wallets");
    desk.send(&order(2), &message(2)).await.unwrap();
    let other = desk.check(&order(2), &operating.code().await).await.unwrap();
    let of_other = serde_json::to_value(Answer::from(other)).unwrap();
    let (_, stranger) = keys();
    let code = Secret::new("123456".to_owned());
    let rows = [
        (of_other.clone(), operating.statements.clone(), "the statement is of another order"),
        (of_other, stranger, "the statement is not signed by the operator"),
        (json!({ "accepted": "yes" }), operating.statements.clone(), "not signed by the operator"),
        (json!({ "accepted": true }), operating.statements.clone(), "the answer is none"),
        (json!({}), operating.statements.clone(), "the answer is none"),
        (json!({ "refused": { "cause": "because" } }), operating.statements.clone(), "is none"),
        (json!("x".repeat(MAX_ANSWER_BYTES)), operating.statements.clone(), "too long"),
    ];
    for (answer, statements, why) in rows {
        let link = answering(answer.clone(), statements).await;
        // It was asked: it may have counted.
        match link.check(&order(1), &code).await.unwrap_err() {
            OperatorError::Unknown { cause } => assert!(cause.contains(why), "{cause}"),
            error @ OperatorError::Unreachable { .. } => panic!("{why}: {error}"),
        }
    }
}

#[tokio::test]
async fn an_operator_that_nobody_reaches_is_asked_again_later() {
    let operating = Operating::new();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = HttpClient::new(no_tls(), MAX_ANSWER_BYTES);
    let url = format!("http://{gone}");
    let link = HttpOperator::new(client, &url, operating.statements.clone()).unwrap();
    let sent = link.send(&order(1), &message(1)).await;
    assert!(matches!(sent, Err(SendError::Temporary { .. })), "{sent:?}");
    let checked = link.check(&order(1), &Secret::new("123456".to_owned())).await;
    assert!(matches!(checked, Err(OperatorError::Unreachable { .. })), "{checked:?}");
}

//! Every listener is told nonsense; each refuses it, and goes on serving.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use serde_json::json;

use crate::support::{Trial, code_in};

/// What comes back on a raw connection until it is closed, or nothing more comes for a while.
fn tell(address: &str, bytes: &[u8]) -> Vec<u8> {
    let address = address.rsplit('/').next().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    // The other side may close before all is written: that is an answer, too.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        answer.extend_from_slice(&piece[..count]);
    }
    answer
}

/// Nonsense of many kinds: noise, other protocols, lengths that lie.
fn nonsense() -> Vec<(&'static str, Vec<u8>)> {
    let noise: Vec<u8> =
        (0_u32..70_000).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    vec![
        ("nothing", Vec::new()),
        ("zeros", vec![0; 5_000]),
        ("noise", noise),
        ("HTTP without TLS", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("a ClientHello cut short", vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]),
        ("a TLS record that is too long", vec![0x16, 0x03, 0x01, 0xff, 0xff, 0x01, 0x00]),
        ("an SMPP PDU of 4 GiB", vec![0xff, 0xff, 0xff, 0xff, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1]),
        (
            "an SMPP PDU shorter than its header",
            vec![0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1],
        ),
        ("an ISO 8583 message cut short", b"\x00\x500100".to_vec()),
        ("an ISO 8583 message that is none", b"\x00\x04ABCD".to_vec()),
    ]
}

/// Where bank and centre of the sandbox listen, from the configuration that it wrote.
fn counterparties(trial: &Trial) -> Vec<String> {
    let configuration = std::fs::read_to_string(trial.sandbox.configuration()).unwrap();
    let addresses = configuration.lines().filter_map(|line| line.strip_prefix("address = \""));
    addresses.map(|rest| rest.trim_end_matches('"').to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_listener_is_harmed_by_nonsense() {
    let trial = Trial::start(None).await;
    let mut addresses = counterparties(&trial);
    assert_eq!(addresses.len(), 2);
    addresses.extend([
        trial.shop.api.clone(),
        trial.shop.checkout.clone(),
        trial.shop.control.clone(),
    ]);
    for address in &addresses {
        for (what, bytes) in nonsense() {
            let answer = tell(address, &bytes);
            // The control has a page for clients that speak HTTP.
            assert!(answer.len() < 16_384, "{what} to {address}: a flood");
        }
    }
    let browser = trial.shop.browser("payer");
    let page = trial.begin(&browser);
    let typed = browser.type_code(&page, code_in(&trial.text()));
    assert_eq!(typed.text("/status"), "paid", "{typed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bad_request_is_answered_by_the_rule_it_breaks() {
    let trial = Trial::start(None).await;
    let order = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut body = json!({
            "amount": { "value": "49.90", "currency": "EUR" }, "reference": "order-1",
        });
        change(&mut body);
        trial.shop.merchant("POST", "/v1/checkouts", Some(&body))
    };
    let long = "x".repeat(20_000);
    let answers = [
        (order(&|body| body["amount"]["value"] = json!("49.999")), 422, "invalid-value"),
        (order(&|body| body["amount"]["currency"] = json!("XAU")), 422, "invalid-value"),
        (order(&|body| body["surprise"] = json!(1)), 400, "malformed-json"),
        (order(&|body| body["reference"] = json!(&long)), 413, ""),
        (trial.shop.merchant("DELETE", "/v1/checkouts", None), 405, "method-not-allowed"),
        (trial.shop.merchant("GET", "/v1/checkouts/co_1", None), 404, "not-found"),
        (trial.shop.merchant("GET", "/v2", None), 404, "not-found"),
    ];
    for (answer, status, problem) in answers {
        assert_eq!(answer.status, status, "{answer:?}");
        let kind = answer.text("/type");
        assert!(kind.ends_with(problem), "{answer:?}");
    }
}

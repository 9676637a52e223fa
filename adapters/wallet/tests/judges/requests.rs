//! What a client sends under TLS is read as strictly as what is signed.

use countersign_wallet::message::{CodeTyped, PaymentRequest};
use serde::de::DeserializeOwned;

const REQUEST: &str = r#"{"ticket":"a.b.c","source":{"wallet":"wal_0123456789abcdef0123456789abcdef"},"nonce":"nonce-0001"}"#;
const TYPED: &str = r#"{"payment":"pur_0123456789abcdef0123456789abcdef","ticket_sha256":"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a","merchant":"mer_0123456789abcdef0123456789abcdef","amount_minor":4990,"currency":"EUR","code":"123456"}"#;

fn refuses<T: DeserializeOwned>(good: &str, changes: &[(&str, &str)]) {
    assert!(serde_json::from_str::<T>(good).is_ok(), "{good}");
    for (from, to) in changes {
        assert!(good.contains(from), "{from}");
        let bad = good.replacen(from, to, 1);
        assert!(serde_json::from_str::<T>(&bad).is_err(), "{bad}");
    }
}

#[test]
fn a_payment_is_asked_for_from_one_source_under_one_name() {
    refuses::<PaymentRequest>(
        REQUEST,
        &[
            (r#""nonce":"#, r#""tip":1,"nonce":"#),
            (r#""nonce":"#, r#""nonce":"nonce-0002","nonce":"#),
            (r#","nonce":"nonce-0001""#, ""),
            ("nonce-0001", "nonce 0001"),
            ("wal_", "mer_"),
            (r#"{"wallet""#, r#"{"card":"crd_0123456789abcdef0123456789abcdef","wallet""#),
            (r#"{"wallet""#, r#"{"account""#),
        ],
    );
}

#[test]
fn a_code_is_joined_to_all_of_its_transaction() {
    refuses::<CodeTyped>(
        TYPED,
        &[
            (r#""code":"#, r#""code":"000000","code":"#),
            (r#""merchant":"#, r#""payee":"#),
            (r#","currency":"EUR""#, ""),
            ("4990", "0"),
            ("4990", "-4990"),
            ("4990", "4990.0"),
            (r#""123456""#, "123456"),
            (r#""123456""#, r#""123456","pin":null"#),
            (r#""123456""#, r#""123456","pin":283915"#),
            (r#""123456""#, r#""123456","pin":"283915","pin":"283915""#),
            (r#""123456""#, r#""123456","new_pin":null"#),
        ],
    );
    let typed: CodeTyped = serde_json::from_str(TYPED).unwrap();
    assert!(typed.response().is_ok());
    assert!(!format!("{typed:?}").contains("123456"), "a code in a log");
    let with_pin = TYPED.replace(r#""123456""#, r#""123456","pin":"283915","new_pin":"283915""#);
    let with_pin: CodeTyped = serde_json::from_str(&with_pin).unwrap();
    assert!(!format!("{with_pin:?}").contains("283915"), "a PIN in a log");
    let short: CodeTyped =
        serde_json::from_str(&TYPED.replace(r#""123456""#, r#""12345""#)).unwrap();
    assert!(short.response().is_err());
}

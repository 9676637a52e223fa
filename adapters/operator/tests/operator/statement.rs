//! What an operator signs, and what is refused of it.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign_domain::{
    amount::Amount, digest::Sha256Digest, operator::Verdict, ports::Operator as _,
};
use countersign_operator::{
    message::Order,
    statement::{StatementRefusal, StatementVerifier, TYP},
};

use crate::support::{Operating, keys, message, order};

/// A statement of the first order, and what verifies it.
async fn stated() -> (String, StatementVerifier) {
    let operating = Operating::new();
    let desk = operating.desk("wallets");
    desk.send(&order(1), &message(1)).await.unwrap();
    let verdict = desk.check(&order(1), &operating.code().await).await.unwrap();
    let Verdict::Accepted { statement } = verdict else { panic!("{verdict:?}") };
    (statement, operating.statements)
}

#[tokio::test]
async fn a_statement_says_what_was_agreed_to_and_no_number() {
    let (statement, verifier) = stated().await;
    let said = verifier.verify(&statement, &Order::from(&order(1))).unwrap();
    assert_eq!((said.amount_minor, said.payee.as_str()), (4_990, "Librairie Dupont"));
    assert_eq!((said.challenge, said.digest), (order(1).challenge, order(1).digest));
    let payload = statement.split('.').nth(1).unwrap();
    let payload = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert!(!payload.contains("612345678"), "{payload}");
}

#[tokio::test]
async fn a_statement_of_another_order_is_refused() {
    let (statement, verifier) = stated().await;
    let right = Order::from(&order(1));
    let cent = Amount::from_decimal("0.01", "EUR".try_into().unwrap()).unwrap();
    for other in [
        Order::from(&order(2)),
        Order { challenge: order(2).challenge, ..right.clone() },
        Order { amount_minor: cent.amount_minor(), ..right.clone() },
        Order { currency: "USD".try_into().unwrap(), ..right.clone() },
        Order { payee: "Disquaire".try_into().unwrap(), ..right.clone() },
        Order { digest: Sha256Digest::new([9; 32]), ..right.clone() },
        Order { name: Sha256Digest::new([9; 32]), ..right },
    ] {
        let refused = verifier.verify(&statement, &other);
        assert_eq!(refused, Err(StatementRefusal::OtherOrder), "{other:?}");
    }
}

#[tokio::test]
async fn what_the_operator_did_not_sign_is_refused() {
    let (statement, verifier) = stated().await;
    let right = Order::from(&order(1));
    let (_, other_key) = keys();
    assert_eq!(other_key.verify(&statement, &right), Err(StatementRefusal::Signature));
    let parts: Vec<&str> = statement.split('.').collect();
    let header = |alg: &str, typ: &str| {
        BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"{typ}","alg":"{alg}"}}"#))
    };
    let with =
        |header: &str, payload: &str, signature: &str| format!("{header}.{payload}.{signature}");
    for (rule, compact) in [
        ("a JWS", "nothing".to_owned()),
        ("a signature", with(parts[0], parts[1], "")),
        ("of all of it", with(parts[0], &parts[1].replacen('e', "f", 1), parts[2])),
        ("ES256, not none", with(&header("none", TYP), parts[1], "")),
        ("ES256, not a shared secret", with(&header("HS256", TYP), parts[1], parts[2])),
        ("a statement by its type", with(&header("ES256", "JWT"), parts[1], parts[2])),
    ] {
        let refused = verifier.verify(&compact, &right);
        assert_eq!(refused, Err(StatementRefusal::Signature), "{rule}");
    }
}

#[test]
fn a_key_that_is_none_is_refused_before_it_is_used() {
    use countersign_operator::statement::{KeyFault, StatementKey};
    assert_eq!(StatementKey::from_pkcs8(b"no key").err(), Some(KeyFault));
    assert_eq!(StatementVerifier::from_spki(b"no key").err(), Some(KeyFault));
}

//! The desk's rules, held by both implementations of the port: the one in process, and the one over HTTP.

use std::sync::Arc;

use countersign_domain::{
    amount::Amount,
    binding::ShortReference,
    challenge::Challenge,
    digest::Sha256Digest,
    message::SendError,
    operator::{CodeOrder, Verdict},
    ports::Operator,
    refusal::Refusal,
};
use countersign_operator::own_challenge;

use crate::{
    http::over_http,
    support::{Operating, message, order, wrong},
};

/// The same operator, asked in both ways; each with a desk of its own.
async fn both() -> Vec<(&'static str, Operating, Arc<dyn Operator>)> {
    let (near, far) = (Operating::new(), Operating::new());
    let desk: Arc<dyn Operator> = near.desk("wallets");
    let link = over_http(&far).await;
    vec![("in process", near, desk), ("over HTTP", far, link)]
}

fn is_accepted(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Accepted { .. })
}

#[tokio::test]
async fn the_message_has_amount_payee_reference_and_the_origin_bound_line_and_no_two_are_sent_for_one()
 {
    for (way, operating, operator) in both().await {
        let order = order(1);
        for _ in 0..2 {
            operator.send(&order, &message(1)).await.unwrap();
        }
        let texts = operating.texts().await;
        assert_eq!(texts.len(), 1, "{way}");
        let text = &texts[0];
        let reference = ShortReference::of(&order.name);
        assert!(text.starts_with("Pay 49.90 EUR to Librairie Dupont\nCode "), "{way}: {text}");
        assert!(text.contains(&format!(", ref {}, ", reference.as_str())), "{way}: {text}");
        assert!(text.contains("\n@wallet.example.com #"), "{way}: {text}");
    }
}

#[tokio::test]
async fn a_right_code_is_accepted_with_the_same_words_however_often_and_a_wrong_one_is_not_any_more()
 {
    for (way, operating, operator) in both().await {
        let order = order(1);
        operator.send(&order, &message(1)).await.unwrap();
        let code = operating.code().await;
        let first = operator.check(&order, &code).await.unwrap();
        assert!(is_accepted(&first), "{way}: {first:?}");
        for _ in 0..4 {
            assert_eq!(operator.check(&order, &code).await.unwrap(), first, "{way}");
        }
        let used = Verdict::Refused(Refusal::AlreadyUsed);
        assert_eq!(operator.check(&order, &wrong(&code)).await.unwrap(), used, "{way}");
        // A message that is sent again now is of no use.
        let again = operator.send(&order, &message(2)).await;
        assert!(matches!(again, Err(SendError::Unknown { .. })), "{way}: {again:?}");
    }
}

#[tokio::test]
async fn attempts_are_counted_told_and_none_is_left_after_the_third() {
    for (way, operating, operator) in both().await {
        let order = order(1);
        operator.send(&order, &message(1)).await.unwrap();
        let code = operating.code().await;
        for attempts_left in [2, 1] {
            let refused = Verdict::Refused(Refusal::WrongCode { attempts_left });
            assert_eq!(operator.check(&order, &wrong(&code)).await.unwrap(), refused, "{way}");
        }
        let over = Verdict::Refused(Refusal::TooManyAttempts);
        assert_eq!(operator.check(&order, &wrong(&code)).await.unwrap(), over, "{way}");
        assert_eq!(operator.check(&order, &code).await.unwrap(), over, "{way}");
    }
}

#[tokio::test]
async fn a_code_is_late_after_the_operators_own_time() {
    for (way, operating, operator) in both().await {
        let order = order(1);
        operator.send(&order, &message(1)).await.unwrap();
        let code = operating.code().await;
        operating.fixture.clock.advance_seconds(301);
        let late = Verdict::Refused(Refusal::Late);
        assert_eq!(operator.check(&order, &code).await.unwrap(), late, "{way}");
    }
}

#[tokio::test]
async fn a_further_message_has_the_same_code_and_comes_when_it_may() {
    for (way, operating, operator) in both().await {
        let order = order(1);
        operator.send(&order, &message(1)).await.unwrap();
        let code = operating.code().await;
        let soon = operator.send(&order, &message(2)).await;
        assert!(matches!(soon, Err(SendError::Temporary { .. })), "{way}: {soon:?}");
        operating.fixture.clock.advance_seconds(31);
        for _ in 0..2 {
            operator.send(&order, &message(2)).await.unwrap();
        }
        assert_eq!(operating.texts().await.len(), 2, "{way}");
        assert_eq!(operating.code().await, code, "{way}");
    }
}

#[tokio::test]
async fn an_order_is_what_it_was_when_it_was_taken() {
    let order = order(1);
    let euros = |euros| Amount::from_decimal(euros, "EUR".try_into().unwrap()).unwrap();
    let others = [
        CodeOrder { amount: euros("49.91"), ..order.clone() },
        CodeOrder { payee: "Disquaire".try_into().unwrap(), ..order.clone() },
        CodeOrder { digest: Sha256Digest::new([9; 32]), ..order.clone() },
        CodeOrder { name: Sha256Digest::new([9; 32]), ..order.clone() },
        CodeOrder { origin: None, ..order.clone() },
    ];
    for (way, operating, operator) in both().await {
        operator.send(&order, &message(1)).await.unwrap();
        let code = operating.code().await;
        for other in &others {
            let sent = operator.send(other, &message(2)).await;
            assert!(matches!(sent, Err(SendError::Permanent { .. })), "{way}: {other:?}");
            assert!(operator.check(other, &code).await.is_err(), "{way}: {other:?}");
        }
        // None of them was counted as an attempt.
        assert!(is_accepted(&operator.check(&order, &code).await.unwrap()), "{way}");
    }
}

#[tokio::test]
async fn a_code_of_another_order_is_wrong_and_one_that_was_never_ordered_has_no_verdict() {
    for (way, operating, operator) in both().await {
        operator.send(&order(1), &message(1)).await.unwrap();
        let code = operating.code().await;
        assert!(operator.check(&order(2), &code).await.is_err(), "{way}");
        operator.send(&order(2), &message(2)).await.unwrap();
        let refused = Verdict::Refused(Refusal::WrongCode { attempts_left: 2 });
        assert_eq!(operator.check(&order(2), &code).await.unwrap(), refused, "{way}");
    }
}

#[tokio::test]
async fn a_client_neither_sees_nor_answers_the_orders_of_another() {
    let operating = Operating::new();
    let (one, other) = (operating.desk("one"), operating.desk("other"));
    one.send(&order(1), &message(1)).await.unwrap();
    let code = operating.code().await;
    assert!(other.check(&order(1), &code).await.is_err());
    other.send(&order(1), &message(1)).await.unwrap();
    let verdict = other.check(&order(1), &code).await.unwrap();
    assert_eq!(verdict, Verdict::Refused(Refusal::WrongCode { attempts_left: 2 }));
    assert!(is_accepted(&one.check(&order(1), &code).await.unwrap()));
}

#[tokio::test]
async fn an_order_is_followed_to_the_operators_own_challenge_and_no_further_than_its_client() {
    let operating = Operating::new();
    operating.desk("one").send(&order(1), &message(1)).await.unwrap();
    let store = operating.fixture.ports.store.as_ref();
    let own = async |client: &str, number: u8| {
        let client = client.try_into().unwrap();
        own_challenge(store, &client, &order(number).challenge).await.unwrap()
    };
    let found = own("one", 1).await.unwrap();
    assert_ne!(found, order(1).challenge);
    assert!(store.find::<Challenge>(found.as_str()).await.unwrap().is_some());
    assert_eq!(own("other", 1).await, None);
    assert_eq!(own("one", 2).await, None);
}

//! What comes late, twice, or at once.

use std::sync::atomic::Ordering;

use countersign_set::{
    message::{authorization::AuthCode, purchase::CompletionCode},
    testing::Parties,
};

#[tokio::test]
async fn a_gateway_that_was_out_of_reach_is_asked_again_when_the_cardholder_inquires() {
    let parties = Parties::new();
    parties.wire.is_cut.store(true, Ordering::SeqCst);
    let (sent, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().completion, CompletionCode::OrderReceived);
    parties.wire.is_cut.store(false, Ordering::SeqCst);
    parties.fixture.clock.advance_seconds(20 * 60);
    assert_eq!(parties.inquire(&sent).await.unwrap().auth_code, Some(AuthCode::CodePending));
}

#[tokio::test]
async fn a_request_that_was_held_back_does_not_make_the_phone_ring() {
    let parties = Parties::new();
    parties.wire.is_cut.store(true, Ordering::SeqCst);
    let (sent, _) = parties.buy("49.90").await;
    parties.wire.is_cut.store(false, Ordering::SeqCst);
    parties.fixture.clock.advance_seconds(31 * 60);
    let late = parties.inquire(&sent).await.unwrap();
    assert_eq!(late.auth_code, Some(AuthCode::Untimely));
    assert_eq!(late.completion, CompletionCode::NotAuthorized);
    assert_eq!(parties.phone().await, None);
    assert!(parties.fixture.bank.calls().is_empty());
}

#[tokio::test]
async fn an_answer_that_was_lost_an_hour_ago_is_still_given_and_accepted() {
    let parties = Parties::new();
    *parties.wire.instead.lock().unwrap() = Some(b"lost".to_vec());
    let (sent, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().completion, CompletionCode::OrderReceived);
    parties.fixture.clock.advance_seconds(60 * 60);
    // The answer of then is not the last word: the code has expired meanwhile, and the next inquiry says so.
    assert_eq!(parties.inquire(&sent).await.unwrap().auth_code, Some(AuthCode::CodePending));
    parties.fixture.gateway.resume(10).await.unwrap();
    assert_eq!(parties.inquire(&sent).await.unwrap().auth_code, Some(AuthCode::CodeExpired));
}

#[tokio::test]
async fn one_purchase_that_is_sent_twice_at_once_is_one_purchase() {
    let parties = Parties::new();
    let order = parties.order("49.90").await;
    let purchase = parties.named(&order).await;
    let (message, asked, sent) =
        purchase.request(&parties.wallet, &parties.entropy, parties.now()).unwrap();
    let (one, two) =
        tokio::join!(parties.merchant.answer(&message), parties.merchant.answer(&message));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one, two, "byte for byte");
    let progress = sent.answer(&asked, &one, &parties.wallet.trust, parties.now()).unwrap();
    assert_eq!(progress.auth_code, Some(AuthCode::CodePending));
    assert_eq!(parties.fixture.bank.call_names(), ["authorize"]);
}

#[tokio::test]
async fn a_merchant_learns_by_itself_that_the_code_went_straight_to_the_gateway() {
    let parties = Parties::new();
    let order = parties.order("49.90").await;
    let (sent, _) = parties.buy_order(&order).await;
    let (code, _) = parties.phone().await.unwrap();
    let paid = parties.type_code_direct(&sent, &code).await.unwrap();
    assert_eq!(paid.completion, CompletionCode::CapturePerformed);
    assert_eq!(parties.merchant.resume(10).await, Ok(0), "not yet due");
    parties.fixture.clock.advance_seconds(15);
    assert_eq!(parties.merchant.resume(10).await, Ok(1));
    let (_, sale) = parties.merchant.order(&order.id).await.unwrap();
    assert_eq!(sale.unwrap().standing().unwrap(), Some((AuthCode::Approved, true)));
    parties.fixture.clock.advance_seconds(60);
    assert_eq!(parties.merchant.resume(10).await, Ok(0), "it is over");
}

//! What retention leaves of a purchase: nobody's data, and the truth that it was.

use std::collections::BTreeSet;

use countersign_domain::retention::{COLLECTIONS, Kept, Retention};
use countersign_set::{
    FINAL,
    message::{authorization::AuthCode, purchase::CompletionCode},
    testing::Parties,
};

const DAY_SECONDS: u32 = 86_400;

/// Two days later, what was final for a day is gone.
pub(crate) async fn two_days_later(parties: &Parties) {
    parties.fixture.clock.advance_seconds(u64::from(2 * DAY_SECONDS));
    parties.fixture.gateway.resume(9).await.unwrap();
    parties.fixture.clock.advance_seconds(u64::from(2 * DAY_SECONDS));
    let collections = COLLECTIONS.into_iter().chain(FINAL);
    let kept = collections.map(|collection| Kept { collection, seconds: DAY_SECONDS }).collect();
    let retention = Retention::new(parties.fixture.ports.clone(), kept);
    while retention.remove(2).await.unwrap() > 0 {}
}

fn there(parties: &Parties) -> BTreeSet<&'static str> {
    parties.fixture.store.records().iter().map(|record| record.key.collection).collect()
}

#[tokio::test]
async fn a_purchase_whose_payment_was_removed_is_not_made_again_and_its_merchant_hears_how_it_ended()
 {
    let parties = Parties::new();
    let (sent, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().completion, CompletionCode::CodeAsked);
    let (code, _) = parties.phone().await.unwrap();
    two_days_later(&parties).await;
    let left = there(&parties);
    for gone in ["payment", "challenge", "message", "set_answer"] {
        assert!(!left.contains(gone), "{gone} is there: {left:?}");
    }
    assert!(left.contains("set_gateway_purchase"), "that it was is forgotten: {left:?}");
    let calls = parties.fixture.bank.calls().len();
    let told = parties.type_code_direct(&sent, &code).await.unwrap_err();
    assert!(format!("{told:?}").contains("UnknownXid"), "{told:?}");
    let ended = parties.inquire(&sent).await.unwrap();
    assert_eq!(ended.auth_code, Some(AuthCode::CodeExpired));
    assert_eq!(parties.fixture.bank.calls().len(), calls, "the bank was asked again");
    assert!(!there(&parties).contains("payment"), "it was begun again");
}

#[tokio::test]
async fn what_was_paid_before_its_payment_was_removed_is_told_with_a_receipt() {
    let parties = Parties::new();
    let (sent, _) = parties.buy("49.90").await;
    let (code, _) = parties.phone().await.unwrap();
    // Straight to the gateway: the merchant does not hear of it.
    parties.type_code_direct(&sent, &code).await.unwrap();
    two_days_later(&parties).await;
    assert!(!there(&parties).contains("payment"));
    let calls = parties.fixture.bank.calls().len();
    let ended = parties.inquire(&sent).await.unwrap();
    assert_eq!(ended.auth_code, Some(AuthCode::Approved));
    assert_eq!(ended.completion, CompletionCode::CapturePerformed);
    let (receipt, _) = ended.receipt.unwrap();
    assert!(receipt.code_verified);
    assert_eq!(parties.fixture.bank.calls().len(), calls);
}

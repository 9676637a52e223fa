//! Figure 11 from the wake-up to the receipt.

use countersign_set::{
    message::{
        authorization::AuthCode,
        purchase::{CompletionCode, Mode},
    },
    testing::Parties,
};

#[tokio::test]
async fn a_purchase_is_paid_after_the_code_came_back_through_the_merchant() {
    let parties = Parties::new();
    let (sent, progress) = parties.buy("49.90").await;
    let progress = progress.unwrap();
    assert_eq!(progress.completion, CompletionCode::CodeAsked);
    assert_eq!(progress.auth_code, Some(AuthCode::CodePending));
    assert!(progress.receipt.is_none());
    assert_eq!(parties.fixture.bank.call_names(), ["authorize"]);

    let (code, reference) = parties.phone().await.unwrap();
    assert_eq!(sent.purchase().reference().unwrap().as_str(), reference);
    let paid = parties.type_code(&sent, &code).await.unwrap();
    assert_eq!(paid.completion, CompletionCode::CapturePerformed);
    let (receipt, _) = paid.receipt.unwrap();
    assert_eq!((receipt.mode, receipt.code_verified), (Mode::DualSigned, true));
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "capture"]);
}

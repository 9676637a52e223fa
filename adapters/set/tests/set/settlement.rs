//! Capture later and in part, reversal, credit: each is carried out once.

use countersign_domain::{amount::Amount, policy::PolicySettings, record::Batch};
use countersign_set::{
    Order, SettlementId, SettlementRecord,
    message::{
        purchase::CompletionCode,
        settlement::{SettlementCode, SettlementKind},
    },
    testing::{Parties, Setup},
};

/// A purchase of 49.90 that is authorized, and captured only by a message of its own.
async fn authorized(setup: Setup) -> (Parties, Order, countersign_set::cardholder::Sent) {
    let policy = PolicySettings { credit_days: 30, ..PolicySettings::default() };
    let parties = Parties::with(policy, setup);
    let order = parties.order("49.90").await;
    let (sent, _) = parties.buy_order(&order).await;
    let (code, _) = parties.phone().await.unwrap();
    parties.type_code(&sent, &code).await.unwrap();
    (parties, order, sent)
}

const LATER: Setup =
    Setup { key_kind: countersign_certs::KeyKind::P256, signed_only: false, capture_later: true };

fn euros(text: &str) -> Option<Amount> {
    Some(Amount::from_decimal(text, "EUR".try_into().unwrap()).unwrap())
}

async fn settle(
    parties: &Parties,
    order: &Order,
    kind: SettlementKind,
    amount: Option<Amount>,
) -> SettlementRecord {
    let id = SettlementId::random(&parties.entropy).unwrap();
    parties.merchant.settle(id, &order.id, kind, amount, Batch::default()).await.unwrap()
}

#[tokio::test]
async fn an_authorized_purchase_is_captured_in_part_and_once() {
    let (parties, order, sent) = authorized(LATER).await;
    assert_eq!(
        parties.inquire(&sent).await.unwrap().completion,
        CompletionCode::AuthorizationPerformed
    );
    let more = settle(&parties, &order, SettlementKind::Capture, euros("49.91")).await;
    assert_eq!(more.code(), Some(SettlementCode::AmountError));
    let part = settle(&parties, &order, SettlementKind::Capture, euros("20.00")).await;
    assert_eq!(part.code(), Some(SettlementCode::Success));
    let again = settle(&parties, &order, SettlementKind::Capture, euros("20.00")).await;
    assert_eq!(again.code(), Some(SettlementCode::NotNow));
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "capture"]);
    assert_eq!(parties.inquire(&sent).await.unwrap().completion, CompletionCode::CapturePerformed);
}

#[tokio::test]
async fn an_authorization_that_is_reversed_is_released_and_cannot_be_captured() {
    let (parties, order, sent) = authorized(LATER).await;
    let reversed = settle(&parties, &order, SettlementKind::AuthReversal, None).await;
    assert_eq!(reversed.code(), Some(SettlementCode::Success));
    let capture = settle(&parties, &order, SettlementKind::Capture, None).await;
    assert_eq!(capture.code(), Some(SettlementCode::NotNow));
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "void"]);
    let told = parties.inquire(&sent).await.unwrap();
    assert_eq!(told.completion, CompletionCode::NotAuthorized);
    assert!(told.receipt.is_none(), "what was approved is worth nothing any more");
}

#[tokio::test]
async fn no_more_is_given_back_than_was_debited() {
    let (parties, order, sent) = authorized(Setup::default()).await;
    for (amount, code) in [
        ("30.00", SettlementCode::Success),
        ("19.91", SettlementCode::AmountError),
        ("19.90", SettlementCode::Success),
        ("0.01", SettlementCode::AmountError),
    ] {
        let credit = settle(&parties, &order, SettlementKind::Credit, euros(amount)).await;
        assert_eq!(credit.code(), Some(code), "{amount}");
    }
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "capture", "credit", "credit"]);
    assert_eq!(parties.inquire(&sent).await.unwrap().completion, CompletionCode::CreditPerformed);
}

#[tokio::test]
async fn a_capture_is_reversed_as_a_whole_and_once() {
    let (parties, order, _) = authorized(Setup::default()).await;
    for (amount, code) in [
        (euros("20.00"), SettlementCode::AmountError),
        (None, SettlementCode::Success),
        (None, SettlementCode::AmountError),
    ] {
        let reversal = settle(&parties, &order, SettlementKind::CaptureReversal, amount).await;
        assert_eq!(reversal.code(), Some(code), "{amount:?}");
    }
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "capture", "credit"]);
}

#[tokio::test]
async fn a_credit_whose_answer_was_lost_is_asked_for_again_and_made_once() {
    let (parties, order, _) = authorized(Setup::default()).await;
    // The gateway answers, and the answer does not arrive.
    *parties.wire.instead.lock().unwrap() = Some(b"lost".to_vec());
    let lost = settle(&parties, &order, SettlementKind::Credit, euros("10.00")).await;
    assert_eq!(lost.code(), None);
    let found = parties.merchant.settlement(&lost.id).await.unwrap();
    assert_eq!(found.code(), Some(SettlementCode::Success));
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "capture", "credit"]);
    // The very bytes that were lost.
    let seen = parties.wire.seen.lock().unwrap();
    let [.., (first, lost), (second, found)] = seen.as_slice() else { panic!("two exchanges") };
    assert_eq!((first, lost), (second, found));
}

#[tokio::test]
async fn another_merchants_purchase_is_none_of_ones_business() {
    let (parties, order, _) = authorized(LATER).await;
    let other = parties.second_merchant("other-shop");
    let id = SettlementId::random(&parties.entropy).unwrap();
    let stolen = other.settle(id, &order.id, SettlementKind::Capture, None, Batch::default()).await;
    assert_eq!(stolen.unwrap().code(), None);
    assert_eq!(parties.fixture.bank.call_names(), ["authorize"]);
}

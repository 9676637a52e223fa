//! Capture later and in part, credit, their reversals: each is carried out once.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use countersign_domain::{amount::Amount, bank::BankError, policy::PolicySettings, record::Batch};
use countersign_set::{
    Order, SettlementId, SettlementRecord,
    cardholder::Sent,
    merchant::{KnownGateway, MerchantServer},
    message::{
        authorization::AuthCode,
        failure::ErrorCode,
        purchase::CompletionCode,
        settlement::{SettlementCode, SettlementKind},
        wrapper::Message,
    },
    protect::{KeyOf, Sealed},
    testing::{self, GATEWAY, MERCHANT, Parties, Setup, Wire},
};

use crate::forge;

/// A purchase of 49.90 that is authorized, and captured only by a message of its own.
async fn authorized(setup: Setup) -> (Parties, Order, Sent) {
    let policy = PolicySettings { credit_days: 30, ..PolicySettings::bank_first() };
    let parties = Parties::with(policy, setup);
    let order = parties.order("49.90").await;
    let (sent, _) = parties.buy_order(&order).await;
    let (code, _) = parties.phone().await.unwrap();
    parties.type_code(&sent, &code).await.unwrap();
    (parties, order, sent)
}

const LATER: Setup = Setup {
    key_kind: countersign_certs::KeyKind::P256,
    signed_only: false,
    tells_unknown: false,
    capture_later: true,
};

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
    parties.merchant.settle(id, &order.id, kind, amount, None, Batch::default()).await.unwrap()
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
async fn a_purchase_whose_certificate_is_revoked_after_the_code_is_released_and_not_captured() {
    let (parties, order, sent) = authorized(LATER).await;
    let own = &parties.wallet.identity.as_ref().unwrap().certificate;
    parties.gateway.trust.replace(forge::revoking(&parties, own));
    for _ in 0..2 {
        let capture = settle(&parties, &order, SettlementKind::Capture, euros("20.00")).await;
        assert_ne!(capture.code(), Some(SettlementCode::Success));
        assert_eq!(parties.fixture.bank.call_names(), ["authorize", "void"]);
    }
    parties.merchant.resume(10).await.unwrap();
    let (_, sale) = parties.merchant.order(&order.id).await.unwrap();
    assert_eq!(sale.unwrap().standing().unwrap(), Some((AuthCode::Cancelled, false)));
    assert_eq!(parties.merchant.resume(10).await, Ok(0), "it is over");
    is_told(&parties, &sent, CompletionCode::NotAuthorized).await;
}

/// What the cardholder is told, with a receipt if the purchase is good for something.
async fn is_told(parties: &Parties, sent: &Sent, completion: CompletionCode) {
    let told = parties.inquire(sent).await.unwrap();
    assert_eq!(told.completion, completion);
    assert_eq!(told.receipt.is_some(), completion != CompletionCode::NotAuthorized);
}

#[tokio::test]
async fn a_cardholder_who_asks_before_the_merchant_has_is_told_that_the_amount_was_released() {
    let (parties, order, sent) = authorized(LATER).await;
    let own = &parties.wallet.identity.as_ref().unwrap().certificate;
    parties.gateway.trust.replace(forge::revoking(&parties, own));
    settle(&parties, &order, SettlementKind::Capture, None).await;
    is_told(&parties, &sent, CompletionCode::NotAuthorized).await;
}

#[tokio::test]
async fn a_capture_that_the_bank_refuses_is_told_to_merchant_and_cardholder() {
    let (parties, order, sent) = authorized(LATER).await;
    let response = "51".to_owned().try_into().unwrap();
    parties.fixture.bank.fail_with(Some(BankError::Refused { response }));
    let capture = settle(&parties, &order, SettlementKind::Capture, None).await;
    assert_eq!(capture.code(), Some(SettlementCode::Declined));
    parties.fixture.bank.fail_with(None);
    parties.merchant.resume(10).await.unwrap();
    let (_, sale) = parties.merchant.order(&order.id).await.unwrap();
    assert_eq!(sale.unwrap().standing().unwrap(), Some((AuthCode::Declined, false)));
    is_told(&parties, &sent, CompletionCode::NotAuthorized).await;
}

#[tokio::test]
async fn what_nobody_captured_in_time_is_told_to_be_released() {
    let (parties, order, sent) = authorized(LATER).await;
    is_told(&parties, &sent, CompletionCode::AuthorizationPerformed).await;
    parties.fixture.clock.advance_seconds(60 * 24 * 3_600);
    while parties.fixture.gateway.resume(10).await.unwrap() > 0 {}
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "void"]);
    let (_, sale) = parties.merchant.inquired(&order.id).await.unwrap();
    assert_eq!(sale.unwrap().standing().unwrap(), Some((AuthCode::UnspecifiedFailure, false)));
}

#[tokio::test]
async fn a_capture_whose_answer_was_lost_is_told_when_the_cardholder_asks() {
    let (parties, order, sent) = authorized(LATER).await;
    *parties.wire.instead.lock().unwrap() = Some(b"lost".to_vec());
    let lost = settle(&parties, &order, SettlementKind::Capture, None).await;
    assert_eq!(lost.code(), None);
    is_told(&parties, &sent, CompletionCode::CapturePerformed).await;
}

#[tokio::test]
async fn a_code_that_is_typed_again_after_the_authorization_changes_nothing() {
    let (parties, _, sent) = authorized(LATER).await;
    let told = parties.type_code(&sent, "000000").await.unwrap();
    assert_eq!(told.completion, CompletionCode::AuthorizationPerformed);
    is_told(&parties, &sent, CompletionCode::AuthorizationPerformed).await;
}

#[tokio::test]
async fn anothers_certificate_that_is_revoked_keeps_nothing_from_capture() {
    let (parties, order, _) = authorized(LATER).await;
    let (other, _) = parties.issuer.merchant("other", countersign_certs::KeyUse::Signature);
    parties.gateway.trust.replace(forge::revoking(&parties, &other));
    let capture = settle(&parties, &order, SettlementKind::Capture, euros("20.00")).await;
    assert_eq!(capture.code(), Some(SettlementCode::Success));
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "capture"]);
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
async fn a_credit_is_reversed_as_a_whole_and_once() {
    let (parties, order, sent) = authorized(Setup::default()).await;
    for amount in ["30.00", "10.00"] {
        settle(&parties, &order, SettlementKind::Credit, euros(amount)).await;
    }
    for (amount, code) in [
        ("29.99", SettlementCode::AmountError),
        ("40.00", SettlementCode::AmountError),
        ("30.00", SettlementCode::Success),
        ("30.00", SettlementCode::AmountError),
        ("10.00", SettlementCode::Success),
    ] {
        let undone = settle(&parties, &order, SettlementKind::CreditReversal, euros(amount)).await;
        assert_eq!(undone.code(), Some(code), "{amount}");
    }
    let calls = ["authorize", "capture", "credit", "credit", "reverse_credit", "reverse_credit"];
    assert_eq!(parties.fixture.bank.call_names(), calls);
    let told = parties.inquire(&sent).await.unwrap();
    assert_eq!(told.completion, CompletionCode::CapturePerformed, "nothing is given back any more");
}

#[tokio::test]
async fn what_was_not_captured_has_no_credit_to_reverse() {
    let (parties, order, _) = authorized(LATER).await;
    let undone = settle(&parties, &order, SettlementKind::CreditReversal, None).await;
    assert_eq!(undone.code(), Some(SettlementCode::NotNow));
    assert_eq!(parties.fixture.bank.call_names(), ["authorize"]);
}

#[tokio::test]
async fn a_bank_that_will_not_debit_again_leaves_the_credit_as_it_is() {
    let (parties, order, sent) = authorized(Setup::default()).await;
    settle(&parties, &order, SettlementKind::Credit, euros("10.00")).await;
    let response = "51".to_owned().try_into().unwrap();
    parties.fixture.bank.fail_with(Some(BankError::Refused { response }));
    let undone = settle(&parties, &order, SettlementKind::CreditReversal, euros("10.00")).await;
    assert_eq!(undone.code(), Some(SettlementCode::Declined));
    assert_eq!(parties.inquire(&sent).await.unwrap().completion, CompletionCode::CreditPerformed);
}

#[tokio::test]
async fn a_reversal_that_the_bank_did_not_answer_is_told_again_and_answered_by_what_became_of_it() {
    let (parties, order, _) = authorized(Setup::default()).await;
    settle(&parties, &order, SettlementKind::Credit, euros("10.00")).await;
    let silent = BankError::Unknown { cause: "silent".to_owned() };
    parties.fixture.bank.fail_with(Some(silent));
    let undone = settle(&parties, &order, SettlementKind::CreditReversal, euros("10.00")).await;
    assert_eq!(undone.code(), Some(SettlementCode::UnderWay));
    parties.fixture.bank.fail_with(None);
    parties.fixture.clock.advance_seconds(15);
    parties.fixture.gateway.resume(10).await.unwrap();
    let found = parties.merchant.settlement(&undone.id).await.unwrap();
    assert_eq!(found.code(), Some(SettlementCode::Success));
    let asked = parties.fixture.bank.call_names();
    assert_eq!(asked.iter().filter(|name| **name == "reverse_credit").count(), 2);
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
async fn a_credit_or_its_reversal_whose_answer_was_lost_is_asked_for_again_and_made_once() {
    let (parties, order, _) = authorized(Setup::default()).await;
    for kind in [SettlementKind::Credit, SettlementKind::CreditReversal] {
        // The gateway answers, and the answer does not arrive.
        *parties.wire.instead.lock().unwrap() = Some(b"lost".to_vec());
        let lost = settle(&parties, &order, kind, euros("10.00")).await;
        assert_eq!(lost.code(), None);
        let found = parties.merchant.settlement(&lost.id).await.unwrap();
        assert_eq!(found.code(), Some(SettlementCode::Success));
        // The very bytes that were lost.
        let seen = parties.wire.seen.lock().unwrap();
        let [.., (first, lost), (second, found)] = seen.as_slice() else { panic!("two exchanges") };
        assert_eq!((first, lost), (second, found));
    }
    let calls = ["authorize", "capture", "credit", "reverse_credit"];
    assert_eq!(parties.fixture.bank.call_names(), calls);
}

#[tokio::test]
async fn another_merchants_purchase_is_none_of_ones_business() {
    let (parties, order, _) = authorized(LATER).await;
    let other = parties.second_merchant("other-shop");
    let id = SettlementId::random(&parties.entropy).unwrap();
    let stolen =
        other.settle(id, &order.id, SettlementKind::Capture, None, None, Batch::default()).await;
    assert_eq!(stolen.unwrap().code(), None);
    assert_eq!(parties.fixture.bank.call_names(), ["authorize"]);
}

/// Asks for a capture by another merchant's program, over the same books.
async fn captured_by(
    merchant: &MerchantServer,
    parties: &Parties,
    order: &Order,
) -> Option<SettlementCode> {
    let id = SettlementId::random(&parties.entropy).unwrap();
    let asked =
        merchant.settle(id, &order.id, SettlementKind::Capture, None, None, Batch::default());
    asked.await.unwrap().code()
}

#[tokio::test]
async fn another_merchant_of_the_same_name_settles_nothing() {
    let (parties, order, _) = authorized(LATER).await;
    let namesake = parties.second_merchant(MERCHANT);
    assert_eq!(captured_by(&namesake, &parties, &order).await, None);
    assert_eq!(parties.fixture.bank.call_names(), ["authorize"]);
}

#[tokio::test]
async fn a_merchant_with_a_new_key_settles_when_the_gateway_knows_it_as_its_successor() {
    let (parties, order, _) = authorized(LATER).await;
    let renewed = parties.second_merchant(MERCHANT);
    let (mut gateway, cert_pe) =
        testing::gateway(&parties.fixture, &parties.issuer, GATEWAY, Setup::default());
    let key = KeyOf::new(renewed.keys.certificate.key_sha256());
    gateway.settings.successors = BTreeMap::from([(MERCHANT.try_into().unwrap(), vec![key])]);
    let wire = Arc::new(Wire::to(Arc::new(gateway)));
    let mut renewed = MerchantServer { link: wire, ..renewed };
    renewed.gateway = KnownGateway::new(vec![cert_pe]);
    assert_eq!(captured_by(&renewed, &parties, &order).await, Some(SettlementCode::Success));
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "capture"]);
}

#[tokio::test]
async fn what_was_asked_of_another_gateway_is_not_carried_out() {
    let (mut parties, order, _) = authorized(LATER).await;
    // A gateway of which the merchant asks the capture opens it, and encrypts it to the one that has the purchase.
    let (elsewhere, cert_pe) =
        testing::gateway(&parties.fixture, &parties.issuer, "gateway-2", Setup::default());
    Arc::get_mut(&mut parties.merchant).unwrap().gateway = KnownGateway::new(vec![cert_pe]);
    parties.wire.is_cut.store(true, Ordering::SeqCst);
    assert_eq!(captured_by(&parties.merchant, &parties, &order).await, None);
    let held = parties.wire.held.lock().unwrap().last().unwrap().clone();
    let moved = forge::edited(&held, |wrapper| {
        let Message::CapReq(sealed) = &mut wrapper.message else { panic!("no CapReq") };
        let signed = sealed.open(&elsewhere.keys.exchange_keys).unwrap();
        *sealed = Sealed::seal(&signed, &forge::cert_pe(&parties)).unwrap();
    });
    let answer = forge::read(&parties.gateway.answer(&moved).await.unwrap());
    assert_eq!(forge::error_code(answer, &parties), ErrorCode::SignatureFailure);
    assert_eq!(parties.fixture.bank.call_names(), ["authorize"]);
}

//! What retention leaves of a purchase: nobody's data, and the truth that it was.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use countersign_domain::retention::{COLLECTIONS, Kept, Retention};
use countersign_set::{
    FINAL,
    message::{authorization::AuthCode, purchase::CompletionCode},
    testing::{PHONE, Parties},
};

const DAY_SECONDS: u32 = 86_400;

/// Two days later, what was final for a day is gone.
async fn two_days_later(parties: &Parties) {
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

/// What stands in the records: as text, and in hexadecimal, which messages are kept in.
fn records_with(parties: &Parties, octets: &[u8]) -> BTreeSet<&'static str> {
    let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    let text = std::str::from_utf8(octets).ok();
    let has = |body: &str| body.contains(&hex) || text.is_some_and(|text| body.contains(text));
    let records = parties.fixture.store.records().into_iter();
    records.filter(|record| has(&record.body)).map(|record| record.key.collection).collect()
}

#[tokio::test]
async fn of_a_cardholder_no_certificate_number_or_card_is_left_with_gateway_or_merchant() {
    for is_paid in [true, false] {
        let parties = Parties::new();
        let (sent, _) = parties.buy("49.90").await;
        let certificate = parties.wallet.identity.as_ref().unwrap().certificate.der().to_vec();
        let (code, _) = parties.phone().await.unwrap();
        if is_paid {
            parties.type_code(&sent, &code).await.unwrap();
        }
        let found = records_with(&parties, &certificate);
        assert_eq!(found, BTreeSet::from(["set_signer"]), "where it is while it is needed");
        two_days_later(&parties).await;
        let card = parties.wallet.card.expose_number().to_owned();
        for data in [certificate.as_slice(), card.as_bytes(), PHONE.as_bytes(), b"0154"] {
            assert_eq!(records_with(&parties, data), BTreeSet::new(), "{is_paid}: {data:02x?}");
        }
        let left = there(&parties);
        assert!(left.contains("set_sale") && left.contains("set_gateway_purchase"), "{left:?}");
        // All of the same purchase again, by the cardholder and by the merchant, asks no bank.
        let calls = parties.fixture.bank.calls().len();
        let again = parties.type_code(&sent, &code).await;
        let code = again.as_ref().ok().and_then(|progress| progress.auth_code.clone());
        assert!(again.is_err() || code == Some(AuthCode::Approved) || !is_paid, "{again:?}");
        parties.merchant.resume(10).await.unwrap();
        assert_eq!(parties.fixture.bank.calls().len(), calls, "{is_paid}");
        assert!(!there(&parties).contains("payment"));
    }
}

#[tokio::test]
async fn the_request_of_a_merchant_whom_the_gateway_never_answered_is_kept_until_it_has() {
    let parties = Parties::new();
    parties.wire.is_cut.store(true, Ordering::SeqCst);
    let (_, progress) = parties.buy("49.90").await;
    assert!(progress.unwrap().auth_code.is_none());
    let certificate = parties.wallet.identity.as_ref().unwrap().certificate.der().to_vec();
    assert_eq!(records_with(&parties, &certificate), BTreeSet::from(["set_sale"]));
    parties.wire.is_cut.store(false, Ordering::SeqCst);
    parties.fixture.clock.advance_seconds(16);
    parties.merchant.resume(10).await.unwrap();
    assert!(parties.phone().await.is_some());
    assert_eq!(records_with(&parties, &certificate), BTreeSet::from(["set_signer"]));
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

//! What retention leaves of a purchase: nobody's data, and the truth that it was.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use countersign_certs::KeyKind;
use countersign_domain::{
    retention::{COLLECTIONS, Kept, Retention},
    testing::Fixture,
};
use countersign_set::{
    FINAL,
    message::{authorization::AuthCode, purchase::CompletionCode, registration::CertStatusCode},
    testing::{PHONE, Parties, registration::Registry},
};

const DAY_SECONDS: u32 = 86_400;

/// Some days later, what was final for a day is gone.
pub(crate) async fn days_later(fixture: &Fixture) {
    fixture.clock.advance_seconds(u64::from(2 * DAY_SECONDS));
    fixture.gateway.resume(9).await.unwrap();
    fixture.clock.advance_seconds(u64::from(2 * DAY_SECONDS));
    let collections = COLLECTIONS.into_iter().chain(FINAL);
    let kept = collections.map(|collection| Kept { collection, seconds: DAY_SECONDS }).collect();
    let mut retention = Retention::new(fixture.ports.clone(), kept);
    while retention.remove(2).await.unwrap() > 0 {}
}

fn there(fixture: &Fixture) -> BTreeSet<&'static str> {
    fixture.store.records().iter().map(|record| record.key.collection).collect()
}

#[tokio::test]
async fn a_purchase_whose_payment_was_removed_is_not_made_again_and_its_merchant_hears_how_it_ended()
 {
    let parties = Parties::new();
    let (sent, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().completion, CompletionCode::CodeAsked);
    let (code, _) = parties.phone().await.unwrap();
    days_later(&parties.fixture).await;
    let left = there(&parties.fixture);
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
    assert!(!there(&parties.fixture).contains("payment"), "it was begun again");
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
        days_later(&parties.fixture).await;
        let card = parties.wallet.card.expose_number().to_owned();
        for data in [certificate.as_slice(), card.as_bytes(), PHONE.as_bytes()] {
            assert_eq!(records_with(&parties, data), BTreeSet::new(), "{is_paid}: {data:02x?}");
        }
        let left = there(&parties.fixture);
        assert!(left.contains("set_sale") && left.contains("set_gateway_purchase"), "{left:?}");
        // All of the same purchase again, by the cardholder and by the merchant, asks no bank.
        let calls = parties.fixture.bank.calls().len();
        let again = parties.type_code(&sent, &code).await;
        let code = again.as_ref().ok().and_then(|progress| progress.auth_code);
        assert!(again.is_err() || code == Some(AuthCode::Approved) || !is_paid, "{again:?}");
        parties.merchant.resume(10).await.unwrap();
        // Nor does whatever was sent to the gateway, byte for byte.
        let sent: Vec<Vec<u8>> = {
            let seen = parties.wire.seen.lock().unwrap();
            seen.iter().map(|(question, _)| question.clone()).collect()
        };
        for message in &sent {
            parties.tell_gateway(message).await;
        }
        assert_eq!(parties.fixture.bank.calls().len(), calls, "{is_paid}");
        assert!(!there(&parties.fixture).contains("payment"));
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
    days_later(&parties.fixture).await;
    assert!(!there(&parties.fixture).contains("payment"));
    let calls = parties.fixture.bank.calls().len();
    let ended = parties.inquire(&sent).await.unwrap();
    assert_eq!(ended.auth_code, Some(AuthCode::Approved));
    assert_eq!(ended.completion, CompletionCode::CapturePerformed);
    let (receipt, _) = ended.receipt.unwrap();
    assert!(receipt.code_verified);
    assert_eq!(parties.fixture.bank.calls().len(), calls);
}

#[tokio::test]
async fn of_a_registration_neither_card_nor_code_is_left_and_its_messages_certify_nothing_again() {
    let registry = Registry::new(KeyKind::default());
    registry.enrol().await;
    let registrant = registry.registrant();
    let form = registry.form(&registrant).await.unwrap();
    let (wish, asked, registration) =
        form.request(&registrant, &registry.entropy, registry.now()).unwrap();
    let answer = registry.authority.answer(&wish).await.unwrap();
    registration.answer(&asked, &answer, &registrant, registry.now()).unwrap();
    let (_, code, _) = registry.phone().await.unwrap();
    let (proof, asked) =
        registration.prove(&code, &registrant, &registry.entropy, registry.now()).unwrap();
    let answer = registry.authority.answer(&proof).await.unwrap();
    let done = registration.answer(&asked, &answer, &registrant, registry.now()).unwrap();
    assert_eq!(done.status, CertStatusCode::RequestComplete);
    let young = registry.registrant();
    days_later(&registry.fixture).await;
    let (still, _) = registry.request(&young).await.unwrap();
    let left = there(&registry.fixture);
    for (collection, count) in [("set_registration", 1), ("challenge", 1), ("message", 1)] {
        let records = registry.fixture.store.records().into_iter();
        let of_it = records.filter(|record| record.key.collection == collection);
        assert_eq!(of_it.count(), count, "{collection}: {left:?}");
    }
    // The same messages again, of which nothing is known any more.
    let rung = registry.rung().await;
    for message in [&wish, &proof] {
        registry.authority.answer(message).await.unwrap();
    }
    assert_eq!((registry.rung().await, registry.register.count()), (rung, 1));
    let (_, code, _) = registry.phone().await.unwrap();
    let done = registry.prove(&still, &young, &code).await.unwrap();
    assert_eq!(done.status, CertStatusCode::RequestComplete);
}

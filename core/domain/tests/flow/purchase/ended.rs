//! How purchases end that are not simply paid: called off, with a bank that is silent or refuses, out of time.

use super::*;

#[tokio::test]
async fn a_cancelled_payment_is_released_and_its_code_is_of_no_use() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    assert_eq!(
        shop.gateway.cancel_payment(&waiting.payment).await.unwrap().state().name(),
        "voided"
    );
    let refused = waiting.finish(&shop, &waiting.right_code()).await;
    assert_eq!(refused.1, Some(Refusal::Cancelled));
    assert_eq!(shop.bank.call_names(), ["authorize", "void"]);
    // To cancel twice is to cancel.
    assert_eq!(
        shop.gateway.cancel_payment(&waiting.payment).await.unwrap().state().name(),
        "voided"
    );
}

#[tokio::test]
async fn a_captured_payment_cannot_be_cancelled() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    waiting.finish(&shop, &waiting.right_code()).await;
    let refused = shop.gateway.cancel_payment(&waiting.payment).await.unwrap_err();
    assert!(matches!(refused, Error::NotNow { state: "captured", .. }), "{refused}");
    assert_eq!(shop.bank.call_names(), ["authorize", "capture"]);
}

#[tokio::test]
async fn what_a_silent_bank_may_hold_is_released_when_it_answers_again() {
    let shop = Fixture::new();
    shop.bank.fail_with(Some(silent()));
    let started =
        shop.gateway.start_payment(shop.purchase("49.90"), Batch::default()).await.unwrap();
    assert_eq!(
        started.state(),
        &PaymentState::Voiding { cause: VoidCause::Interrupted, approval: None }
    );
    assert_eq!(shop.next_message().await, None);
    shop.bank.fail_with(None);
    shop.clock.advance_seconds(14);
    assert_eq!(shop.gateway.resume(10).await, Ok(0));
    shop.clock.advance_seconds(1);
    assert_eq!(shop.gateway.resume(10).await, Ok(1));
    assert_eq!(state_of(&shop, started.id()).await, "voided");
    assert_eq!(
        (shop.bank.call_names(), bank_references(&shop)),
        (vec!["authorize", "void", "void"], 1)
    );
}

#[tokio::test]
async fn a_capture_that_the_bank_did_not_answer_is_told_again_under_the_same_reference() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    shop.bank.fail_with(Some(silent()));
    let finished = waiting.finish(&shop, &waiting.right_code()).await;
    assert_eq!(finished, ("capturing", None));
    assert!(shop.store.postings().is_empty());
    shop.bank.fail_with(None);
    shop.clock.advance_seconds(15);
    assert_eq!(shop.gateway.resume(10).await, Ok(1));
    assert_eq!(state_of(&shop, waiting.payment.id()).await, "captured");
    assert_eq!(
        (shop.bank.call_names(), bank_references(&shop)),
        (vec!["authorize", "capture", "capture"], 1)
    );
    assert_eq!(shop.store.postings().len(), 1);
}

#[tokio::test]
async fn nobody_makes_the_bank_be_told_again_before_its_time() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    shop.bank.fail_with(Some(silent()));
    waiting.finish(&shop, &waiting.right_code()).await;
    let told = shop.bank.calls().len();
    // A second click, and a late change of mind.
    let replayed = waiting.finish(&shop, &waiting.right_code()).await;
    assert_eq!(replayed.1, Some(Refusal::AlreadyUsed));
    assert!(shop.gateway.cancel_payment(&waiting.payment).await.is_err());
    assert_eq!(shop.bank.calls().len(), told);
}

#[tokio::test]
async fn a_capture_that_the_bank_refuses_is_voided_and_never_posted() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    let response = "05".to_owned().try_into().unwrap();
    shop.bank.fail_with(Some(BankError::Refused { response }));
    let finished = waiting.finish(&shop, &waiting.right_code()).await;
    assert_eq!(finished.0, "voiding");
    shop.bank.fail_with(None);
    shop.clock.advance_seconds(15);
    shop.gateway.resume(10).await.unwrap();
    assert_eq!(state_of(&shop, waiting.payment.id()).await, "voided");
    assert!(shop.store.postings().is_empty());
}

#[tokio::test]
async fn resume_voids_what_nobody_answered_in_time() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    shop.clock.advance_seconds(299);
    assert_eq!(shop.gateway.resume(10).await, Ok(0));
    shop.clock.advance_seconds(1);
    assert_eq!(shop.gateway.resume(10).await, Ok(1));
    let payment = shop.gateway.payment(waiting.payment.id()).await.unwrap();
    let cause = VoidCause::NotVerified { refusal: Refusal::Late };
    assert!(
        matches!(payment.state(), PaymentState::Voided { cause: voided, .. } if *voided == cause)
    );
    assert_eq!(shop.bank.call_names(), ["authorize", "void"]);
    assert_eq!(shop.gateway.resume(10).await, Ok(0));
}

#[tokio::test]
async fn a_currency_is_paid_in_until_it_is_withdrawn_and_given_back_after() {
    let shop =
        Fixture::with_policy(PolicySettings { credit_days: 30, ..PolicySettings::bank_first() });
    // The last second of 2025: from the next one on Bulgaria has the euro.
    shop.clock.set(Timestamp::from_unix_seconds(1_767_225_599));
    let leva = purchase_in("20.00", "BGN");
    let start = async || {
        let purchase = shop.purchase("20.00");
        let request =
            PaymentRequest { transaction: leva.clone(), capture: CaptureTime::Later, ..purchase };
        let session = request.person.session.clone();
        Ok((shop.gateway.start_payment(request, Batch::default()).await?, session))
    };
    let (payment, session) = start().await.unwrap();
    shop.clock.advance_seconds(1);
    let refused: Result<_, Error> = start().await;
    let Err(Error::Invalid(refused)) = refused else { panic!("{refused:?}") };
    assert_eq!(refused.field, Field::Currency);
    assert_eq!(shop.bank.call_names(), ["authorize"]);
    // What was begun before goes on.
    let code: TypedCode =
        shop.code_in(&shop.next_message().await.unwrap()).as_str().try_into().unwrap();
    shop.gateway.finish_payment(&payment, &session, &code).await.unwrap().done().unwrap();
    let (id, all) = (payment.id(), leva.amount());
    shop.gateway.capture_payment(id, all, Batch::default()).await.unwrap();
    let credited = shop.gateway.credit_payment(id, all, Batch::default()).await.unwrap();
    assert!(matches!(credited, Credit::Done(_)), "{credited:?}");
    assert_eq!(shop.bank.call_names(), ["authorize", "capture", "credit"]);
}

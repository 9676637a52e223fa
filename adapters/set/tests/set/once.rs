//! Whatever is lost, comes twice, at once or after a crash: one purchase is one payment.

use std::sync::{Arc, Mutex, atomic::Ordering};

use async_trait::async_trait;
use countersign_domain::{
    ports::{Reads, Store},
    record::{Batch, StoreError},
    testing::{Fixture, MemoryStore, Unhurried},
};
use countersign_set::{
    message::{
        authorization::AuthCode, failure::ErrorCode, purchase::CompletionCode, wrapper::Message,
    },
    testing::{Parties, Setup},
};

use crate::forge::{self, Authorization};

/// A store that fails a commit: the process has crashed before it.
struct Faulty {
    store: Arc<MemoryStore>,
    /// The beginning of a key whose record is not written, once.
    fails: Arc<Mutex<Option<&'static str>>>,
}

#[async_trait]
impl Store for Faulty {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut records = batch.inserts.iter().chain(&batch.replacements);
        let is_hit = |key: &mut &str| records.any(|one| one.key.to_string().starts_with(*key));
        if self.fails.lock().unwrap().take_if(is_hit).is_some() {
            return Err(StoreError::Unavailable { cause: "crashed".to_owned() });
        }
        self.store.commit(batch).await
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self.store.as_ref()
    }
}

fn over(wrap: impl FnOnce(Arc<MemoryStore>) -> Arc<dyn Store>) -> Parties {
    let mut fixture = Fixture::new();
    let store = wrap(fixture.store.clone());
    let (gateway, outbox) = fixture.process_on(store.clone());
    fixture.ports.store = store;
    (fixture.gateway, fixture.outbox) = (Arc::new(gateway), Arc::new(outbox));
    Parties::over(fixture, Setup::default())
}

fn crashing() -> (Parties, impl Fn(&'static str)) {
    let fails = Arc::new(Mutex::new(None));
    let parties = over(|store| Arc::new(Faulty { store, fails: fails.clone() }));
    (parties, move |key| *fails.lock().unwrap() = Some(key))
}

#[tokio::test]
async fn two_identical_purchases_at_once_are_one_and_answered_alike() {
    let parties = over(|store| Arc::new(Unhurried(store)));
    let order = parties.order("49.90").await;
    let purchase = parties.named(&order).await;
    let (message, asked, sent) =
        purchase.request(&parties.wallet, &parties.entropy, parties.now()).unwrap();
    let (one, two) =
        tokio::join!(parties.merchant.answer(&message), parties.merchant.answer(&message));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one, two);
    let progress = sent.answer(&asked, &one, &parties.wallet.trust, parties.now()).unwrap();
    // Which of the two the gateway answers first is not known: it may still be at work for the other.
    assert_ne!(progress.completion, CompletionCode::OrderRejected);
    let progress = parties.inquire(&sent).await.unwrap();
    assert_eq!(progress.completion, CompletionCode::CodeAsked);
    assert_eq!(parties.fixture.bank.call_names(), ["authorize"]);
    parties.fixture.next_message().await;
    assert_eq!(parties.fixture.messenger.taken().len(), 1);
}

#[tokio::test]
async fn an_order_is_bought_once_by_whichever_wallet_is_first() {
    let parties = over(|store| Arc::new(Unhurried(store)));
    let order = parties.order("49.90").await;
    let (one, two) = (parties.named(&order).await, parties.named(&order).await);
    let request = |purchase: countersign_set::cardholder::Purchase| {
        purchase.request(&parties.wallet, &parties.entropy, parties.now()).unwrap()
    };
    let ((one, _, _), (two, _, _)) = (request(one), request(two));
    let (one, two) = tokio::join!(forge::tell(&parties, &one), forge::tell(&parties, &two));
    let mut said = [one, two].map(|answer| answer.unwrap().completion_code);
    said.sort_by_key(|code| code.name());
    assert_eq!(said, [CompletionCode::CodeAsked, CompletionCode::OrderRejected]);
    assert_eq!(parties.fixture.bank.call_names(), ["authorize"]);
}

#[tokio::test]
async fn two_wallets_that_ask_for_a_name_at_once_both_get_one() {
    let parties = over(|store| Arc::new(Unhurried(store)));
    let order = parties.order("49.90").await;
    let wake_up = parties.merchant.wake_up(&order.id).await.unwrap();
    let begin = || {
        let offer = parties.wallet.offer(&wake_up, parties.now()).unwrap();
        offer.begin(&parties.wallet, &parties.entropy, parties.now()).unwrap()
    };
    let ((one, begun_one), (two, begun_two)) = (begin(), begin());
    let (one, two) = tokio::join!(parties.merchant.answer(&one), parties.merchant.answer(&two));
    for (begun, answer) in [(begun_one, one), (begun_two, two)] {
        begun.accept(&answer.unwrap(), &parties.wallet, parties.now()).unwrap();
    }
}

#[tokio::test]
async fn an_order_that_is_paid_is_not_paid_again_and_one_that_came_to_nothing_is() {
    let parties = Parties::new();
    let order = parties.order("49.90").await;
    let (sent, _) = parties.buy_order(&order).await;
    let (code, _) = parties.phone().await.unwrap();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for left in [AuthCode::CodeWrong, AuthCode::CodeWrong, AuthCode::CodeLocked] {
        let progress = parties.type_code(&sent, wrong).await.unwrap();
        assert_eq!(progress.auth_code, Some(left));
    }
    let (sent, progress) = parties.buy_order(&order).await;
    assert_eq!(progress.unwrap().completion, CompletionCode::CodeAsked);
    let (code, _) = parties.phone().await.unwrap();
    let paid = parties.type_code(&sent, &code).await.unwrap();
    assert_eq!(paid.completion, CompletionCode::CapturePerformed);
    let (_, progress) = parties.buy_order(&order).await;
    assert_eq!(progress.unwrap().completion, CompletionCode::OrderRejected);
    let captures = parties.fixture.bank.call_names();
    assert_eq!(captures.iter().filter(|name| **name == "capture").count(), 1);
}

/// While the last attempt is looked at, another finds all of them counted: nothing is locked yet, for it may be right.
#[tokio::test]
async fn a_right_code_that_is_the_last_attempt_pays_though_it_comes_twice_at_once() {
    let parties = over(|store| Arc::new(Unhurried(store)));
    let (sent, _) = parties.buy("49.90").await;
    let (code, _) = parties.phone().await.unwrap();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..2 {
        let progress = parties.type_code(&sent, wrong).await.unwrap();
        assert_eq!(progress.auth_code, Some(AuthCode::CodeWrong));
    }
    let (one, two, three, four) = tokio::join!(
        parties.type_code_direct(&sent, &code),
        parties.type_code_direct(&sent, &code),
        parties.type_code(&sent, &code),
        parties.type_code(&sent, &code),
    );
    for progress in [one, two, three, four] {
        assert_ne!(progress.unwrap().auth_code, Some(AuthCode::CodeLocked));
    }
    let progress = parties.inquire(&sent).await.unwrap();
    assert_eq!(progress.completion, CompletionCode::CapturePerformed);
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "capture"]);
}

#[tokio::test]
async fn a_purchase_for_which_the_bank_does_not_answer_is_over_and_says_so() {
    let parties = Parties::new();
    let unreachable = countersign_domain::bank::BankError::Unreachable { cause: "cut".to_owned() };
    parties.fixture.bank.fail_with(Some(unreachable));
    let order = parties.order("49.90").await;
    let (_, progress) = parties.buy_order(&order).await;
    let progress = progress.unwrap();
    assert_eq!(progress.auth_code, Some(AuthCode::NoReply));
    assert_eq!(progress.completion, CompletionCode::NotAuthorized);
    parties.fixture.bank.fail_with(None);
    let (_, progress) = parties.buy_order(&order).await;
    assert_eq!(progress.unwrap().completion, CompletionCode::CodeAsked);
}

/// Longer than the clocks of two sides may be apart, shorter than a code lives.
const A_WHILE_SECONDS: u64 = 11 * 60;

#[tokio::test]
async fn a_gateway_that_was_out_of_reach_for_a_while_is_asked_again() {
    let parties = Parties::new();
    parties.wire.is_cut.store(true, Ordering::SeqCst);
    let (sent, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().completion, CompletionCode::OrderReceived);
    assert!(parties.fixture.bank.call_names().is_empty());
    parties.wire.is_cut.store(false, Ordering::SeqCst);
    parties.fixture.clock.advance_seconds(A_WHILE_SECONDS);
    let progress = parties.inquire(&sent).await.unwrap();
    assert_eq!(progress.completion, CompletionCode::CodeAsked);
    let (code, _) = parties.phone().await.unwrap();
    let paid = parties.type_code(&sent, &code).await.unwrap();
    assert_eq!(paid.completion, CompletionCode::CapturePerformed);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again_however_old_it_is() {
    let parties = Parties::new();
    parties.wire.loses_answers.store(true, Ordering::SeqCst);
    let (sent, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().completion, CompletionCode::OrderReceived);
    let (code, _) = parties.phone().await.unwrap();
    parties.type_code_direct(&sent, &code).await.unwrap();
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "capture"]);

    parties.wire.loses_answers.store(false, Ordering::SeqCst);
    parties.fixture.clock.advance_seconds(A_WHILE_SECONDS);
    let first = parties.inquire(&sent).await.unwrap();
    assert_eq!(first.completion, CompletionCode::CodeAsked, "the answer that was lost");
    let paid = parties.inquire(&sent).await.unwrap();
    assert_eq!(paid.completion, CompletionCode::CapturePerformed);
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "capture"]);
}

#[tokio::test]
async fn a_gateway_that_crashed_before_it_kept_its_answer_answers_of_what_it_began() {
    let (parties, crash) = crashing();
    crash("set_answer gateway");
    let (sent, progress) = parties.buy("49.90").await;
    assert_eq!(progress.unwrap().completion, CompletionCode::OrderReceived);
    let progress = parties.inquire(&sent).await.unwrap();
    assert_eq!(progress.completion, CompletionCode::CodeAsked);
    assert_eq!(parties.fixture.bank.call_names(), ["authorize"]);
    let (code, _) = parties.phone().await.unwrap();
    assert_eq!(parties.fixture.messenger.taken().len(), 1);
    parties.type_code(&sent, &code).await.unwrap().receipt.unwrap();
}

#[tokio::test]
async fn a_request_with_another_content_is_none_that_began_a_purchase_even_after_a_crash() {
    let (parties, crash) = crashing();
    let (_, message) = forge::held(&parties, "49.90").await;
    let honest = Authorization::open(&parties, &message);
    crash("set_answer gateway");
    assert_eq!(forge::ask(&parties, &message).await, Err(ErrorCode::UnspecifiedFailure));
    let mut other = honest.clone();
    let payload = &mut other.tbs.auth_req_data.auth_req_payload;
    payload.capture_now = !payload.capture_now;
    let other = other.close(&parties);
    assert_eq!(forge::ask(&parties, &other).await, Err(ErrorCode::UnknownRrpid));
    let answer = forge::ask(&parties, &message).await.unwrap();
    assert_eq!(answer.auth_code, AuthCode::CodePending);
}

#[tokio::test]
async fn a_merchant_that_crashed_after_the_gateway_answered_asks_again_and_pays_once() {
    for crashed_at in ["set_sale", "set_answer merchant"] {
        let (parties, crash) = crashing();
        let order = parties.order("49.90").await;
        let purchase = parties.named(&order).await;
        let (message, asked, sent) =
            purchase.request(&parties.wallet, &parties.entropy, parties.now()).unwrap();
        crash(crashed_at);
        let failed = forge::tell(&parties, &message).await;
        assert_eq!(failed, Err(ErrorCode::UnspecifiedFailure), "{crashed_at}");
        let answer = parties.merchant.answer(&message).await.unwrap();
        let progress = sent.answer(&asked, &answer, &parties.wallet.trust, parties.now()).unwrap();
        assert_eq!(progress.completion, CompletionCode::CodeAsked, "{crashed_at}");
        assert_eq!(parties.fixture.bank.call_names(), ["authorize"]);
        parties.phone().await.unwrap();
        assert_eq!(parties.fixture.messenger.taken().len(), 1);
    }
}

#[tokio::test]
async fn another_content_under_the_name_of_a_purchase_is_refused_even_after_a_crash() {
    let (parties, crash) = crashing();
    let order = parties.order("49.90").await;
    let purchase = parties.named(&order).await;
    let request = |parties: &Parties| {
        purchase.clone().request(&parties.wallet, &parties.entropy, parties.now()).unwrap()
    };
    let (message, _, _) = request(&parties);
    let (other, _, _) = request(&parties);
    // The other payment, under the first one's request.
    let rrpid = forge::read(&message).header.rrpid;
    let other = forge::renamed_p_req(&parties, &other, &rrpid);
    crash("set_answer merchant");
    assert_eq!(forge::tell(&parties, &message).await, Err(ErrorCode::UnspecifiedFailure));
    assert_eq!(forge::tell(&parties, &other).await, Err(ErrorCode::UnknownRrpid));
    let answer = forge::tell(&parties, &message).await.unwrap();
    assert_eq!(answer.completion_code, CompletionCode::CodeAsked);
}

#[tokio::test]
async fn a_code_and_an_inquiry_at_once_are_both_answered() {
    let parties = over(|store| Arc::new(Unhurried(store)));
    let (sent, _) = parties.buy("49.90").await;
    let (code, _) = parties.phone().await.unwrap();
    let (paid, stands) = tokio::join!(parties.type_code(&sent, &code), parties.inquire(&sent));
    assert_eq!(paid.unwrap().completion, CompletionCode::CapturePerformed);
    stands.unwrap();
}

#[tokio::test]
async fn a_wrong_code_that_is_given_again_is_counted_once() {
    let parties = Parties::new();
    let (sent, _) = parties.buy("49.90").await;
    let (code, _) = parties.phone().await.unwrap();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let (direct, rrpid) = sent.code_direct(wrong, &parties.entropy, parties.now()).unwrap();
    let (forward, _) = sent.code_forward(wrong, &parties.entropy, parties.now()).unwrap();
    let first = parties.gateway.answer(&direct).await.unwrap();
    assert_eq!(parties.gateway.answer(&direct).await.unwrap(), first);
    let progress =
        sent.direct_answer(&rrpid, &first, &parties.wallet.trust, parties.now()).unwrap();
    assert_eq!(progress.attempts_left, Some(2));
    let first = parties.merchant.answer(&forward).await.unwrap();
    assert_eq!(parties.merchant.answer(&forward).await.unwrap(), first);
    assert_eq!(forge::tell(&parties, &forward).await.unwrap().attempts_left, 1.try_into().ok());
    let paid = parties.type_code(&sent, &code).await.unwrap();
    assert_eq!(paid.completion, CompletionCode::CapturePerformed);
}

#[tokio::test]
async fn a_right_code_whose_answer_was_lost_is_told_when_it_is_asked_again() {
    let (parties, crash) = crashing();
    let (sent, _) = parties.buy("49.90").await;
    let (code, _) = parties.phone().await.unwrap();
    let (message, rrpid) = sent.code_direct(&code, &parties.entropy, parties.now()).unwrap();
    crash("set_answer gateway");
    let lost = parties.gateway.answer(&message).await.unwrap();
    assert!(matches!(forge::read(&lost).message, Message::Error(_)));
    let answer = parties.gateway.answer(&message).await.unwrap();
    let paid = sent.direct_answer(&rrpid, &answer, &parties.wallet.trust, parties.now()).unwrap();
    assert_eq!(paid.auth_code, Some(AuthCode::Approved));
    assert_eq!(parties.fixture.bank.call_names(), ["authorize", "capture"]);

    let (sent, _) = parties.buy("49.90").await;
    let (code, _) = parties.phone().await.unwrap();
    parties.wire.loses_answers.store(true, Ordering::SeqCst);
    let unknown = parties.type_code(&sent, &code).await.unwrap();
    assert_eq!(unknown.completion, CompletionCode::CodeAsked);
    parties.wire.loses_answers.store(false, Ordering::SeqCst);
    let paid = parties.inquire(&sent).await.unwrap();
    assert_eq!(paid.completion, CompletionCode::CapturePerformed);
}

#[tokio::test]
async fn every_request_of_a_cardholder_gets_the_same_answer_again_and_its_name_serves_nothing_else()
{
    let parties = Parties::new();
    let order = parties.order("49.90").await;
    let offer = parties.merchant.wake_up(&order.id).await.unwrap();
    let offer = parties.wallet.offer(&offer, parties.now()).unwrap();
    let (init, begun) = offer.begin(&parties.wallet, &parties.entropy, parties.now()).unwrap();
    let answer = parties.merchant.answer(&init).await.unwrap();
    let purchase = begun.accept(&answer, &parties.wallet, parties.now()).unwrap();
    let (buy, _, sent) =
        purchase.request(&parties.wallet, &parties.entropy, parties.now()).unwrap();
    let (code, _) = sent.code_forward("123456", &parties.entropy, parties.now()).unwrap();
    let (inquiry, _) = sent.inquiry(&parties.wallet, &parties.entropy, parties.now()).unwrap();
    let all = [("PInitReq", init), ("PReq", buy), ("CodeForwardReq", code), ("InqReq", inquiry)];
    for (what, message) in &all {
        let first = parties.merchant.answer(message).await.unwrap();
        parties.fixture.clock.advance_seconds(60);
        assert_eq!(parties.merchant.answer(message).await.unwrap(), first, "{what}");
    }
    for (what, message) in &all {
        let other = forge::edited(message, |wrapper| {
            wrapper.header.sw_ident = "another program".try_into().unwrap();
        });
        let answer = forge::read(&parties.merchant.answer(&other).await.unwrap());
        assert_eq!(forge::error_code(answer, &parties), ErrorCode::UnknownRrpid, "{what}");
    }
}

#[tokio::test]
async fn every_request_to_the_gateway_gets_the_same_answer_again_and_its_name_serves_nothing_else()
{
    let parties = Parties::new();
    let (sent, _) = parties.buy("49.90").await;
    let (authorize, answered) = parties.wire.seen.lock().unwrap()[0].clone();
    let honest = Authorization::open(&parties, &authorize);
    let question = forge::code_req(&parties, &honest.tbs, None);
    let signer = forge::merchant_signer(&parties);
    let asked = forge::closed_code_req(&parties, &question, &signer);
    let (direct, _) = sent.code_direct("123456", &parties.entropy, parties.now()).unwrap();
    parties.phone().await.unwrap();
    assert_eq!(parties.gateway.answer(&authorize).await.unwrap(), answered);
    // Sealed and signed anew it is the same request, too.
    assert_eq!(parties.gateway.answer(&honest.close(&parties)).await.unwrap(), answered);
    for message in [&asked, &direct] {
        let first = parties.gateway.answer(message).await.unwrap();
        assert_eq!(parties.gateway.answer(message).await.unwrap(), first);
    }
    parties.phone().await.unwrap();
    assert_eq!(parties.fixture.messenger.taken().len(), 1, "the phone does not ring again");

    let mut other = honest.clone();
    other.tbs.auth_req_data.auth_req_payload.capture_now = false;
    let (header, mut tbs) = question;
    tbs.auth_tags.auth_rr_tags.date = forge::later(&parties);
    let elsewhere = forge::edited(&direct, |wrapper| {
        let Message::CodeDirectReq(request) = &mut wrapper.message else { panic!() };
        request.xid = parties.random().into();
        wrapper.header.xid = None;
    });
    for (what, message) in [
        ("AuthReq", other.close(&parties)),
        ("CodeReq", forge::closed_code_req(&parties, &(header, tbs), &signer)),
        ("CodeDirectReq", elsewhere),
    ] {
        let answer = forge::read(&parties.gateway.answer(&message).await.unwrap());
        assert_eq!(forge::error_code(answer, &parties), ErrorCode::UnknownRrpid, "{what}");
    }
}

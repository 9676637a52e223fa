//! The message with the code: sent once, whatever the network answers or does not.

use std::{future, sync::Arc};

use async_trait::async_trait;
use countersign_domain::{
    address::Msisdn,
    id::MessageId,
    lane::Lane,
    message::{
        Accepted, Delivery, Inbound, InboundText, Message, MessageState, OutboundMessage, Receipt,
        SendError, Tail,
    },
    outbox::Outbox,
    payment::PaymentState,
    ports::{Inbox as _, Messenger, Reads as _, Store},
    record::{Batch, RecordKey},
    refusal::Refusal,
    secret::Secret,
    testing::{Fixture, START},
};

use crate::{Waiting, state_of, store::until_death};

const CAUSE: &str = "as the test wants it";

fn cause() -> String {
    CAUSE.to_owned()
}

/// Starts a purchase; its message waits in the outbox.
async fn queued(shop: &Fixture) -> (Waiting, MessageId) {
    let purchase = shop.purchase("49.90");
    let session = purchase.person.session.clone();
    let payment = shop.gateway.start_payment(purchase, Batch::default()).await.unwrap();
    let message = shop.gateway.challenge_of(&payment).await.unwrap().last_message().clone();
    (Waiting { payment, session, code: String::new() }, message)
}

async fn message_state(shop: &Fixture, id: &MessageId) -> MessageState {
    let store: &dyn Store = shop.store.as_ref();
    store.expect::<Message>(id.as_str()).await.unwrap().value.state().clone()
}

/// Sends what is due, and goes on for as many seconds, one by one.
async fn send_for(shop: &Fixture, seconds: u32) {
    for _ in 0..seconds {
        shop.next_message().await;
        shop.clock.advance_seconds(1);
    }
}

fn receipt(reference: &str, delivery: Delivery) -> Inbound {
    Inbound::Receipt(Receipt {
        ranks: vec![vec![reference.to_owned()]],
        numbers: Vec::new(),
        delivery,
    })
}

fn failed() -> Delivery {
    Delivery::Failed { cause: cause() }
}

async fn assert_undeliverable(shop: &Fixture, waiting: &Waiting) {
    shop.gateway.resume(10).await.unwrap();
    assert_eq!(state_of(shop, waiting.payment.id()).await, "voided");
    assert_eq!(shop.bank.call_names(), ["authorize", "void"]);
    let typed = "123456".try_into().unwrap();
    let (_, refusal) = waiting.finish(shop, &typed).await;
    assert_eq!(refusal, Some(Refusal::Undeliverable));
}

#[tokio::test]
async fn a_message_goes_to_the_payers_number_and_lives_as_long_as_its_code() {
    let shop = Fixture::new();
    queued(&shop).await;
    shop.clock.advance_seconds(10);
    shop.next_message().await.unwrap();
    let [sent] = &shop.messenger.taken()[..] else { panic!("not one message") };
    assert_eq!((sent.to.msisdn().unwrap().expose(), sent.valid_for_seconds), ("+33612345678", 290));
}

#[tokio::test]
async fn two_senders_send_a_message_once() {
    let shop = Fixture::new();
    let (_, id) = queued(&shop).await;
    for _ in 0..2 {
        shop.outbox.send(&id, shop.messenger.as_ref()).await.unwrap();
    }
    assert_eq!(shop.messenger.taken().len(), 1);
}

#[tokio::test]
async fn a_number_that_the_network_refuses_voids_the_payment() {
    let shop = Fixture::new();
    let (waiting, _) = queued(&shop).await;
    shop.messenger.fail_with(Some(SendError::Permanent { cause: cause() }));
    shop.next_message().await;
    assert_undeliverable(&shop, &waiting).await;
}

#[tokio::test]
async fn a_receipt_of_failure_voids_the_payment() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    shop.outbox.accept(receipt("ref-1", failed())).await.unwrap();
    assert_undeliverable(&shop, &waiting).await;
}

#[tokio::test]
async fn a_receipt_of_delivery_is_kept_and_final() {
    let shop = Fixture::new();
    let (waiting, id) = queued(&shop).await;
    shop.next_message().await;
    shop.outbox.accept(receipt("ref-1", Delivery::Delivered)).await.unwrap();
    shop.outbox.accept(receipt("ref-1", failed())).await.unwrap();
    assert_eq!(message_state(&shop, &id).await, MessageState::Delivered { at: START });
    assert_eq!(state_of(&shop, waiting.payment.id()).await, "awaiting_code");
}

#[tokio::test]
async fn a_receipt_of_an_unknown_message_changes_nothing() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    shop.outbox.accept(receipt("of somebody else", failed())).await.unwrap();
    assert_eq!(state_of(&shop, waiting.payment.id()).await, "awaiting_code");
}

#[tokio::test]
async fn a_first_message_that_fails_after_a_second_one_ends_nothing() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    shop.clock.advance_seconds(30);
    shop.gateway.resend_code(&waiting.payment, &waiting.session).await.unwrap().done().unwrap();
    shop.next_message().await;
    shop.outbox.accept(receipt("ref-1", failed())).await.unwrap();
    assert_eq!(state_of(&shop, waiting.payment.id()).await, "awaiting_code");
}

#[tokio::test]
async fn what_the_network_cannot_take_yet_is_tried_again_with_growing_pauses() {
    let shop = Fixture::new();
    queued(&shop).await;
    shop.messenger.fail_with(Some(SendError::Temporary { cause: cause() }));
    for pause in [1, 2, 4, 8, 15, 15] {
        assert_eq!(
            shop.outbox.due(10).await.unwrap().len(),
            1,
            "due after the pause before {pause}"
        );
        shop.next_message().await;
        shop.clock.advance_seconds(pause - 1);
        assert_eq!(
            shop.outbox.due(10).await.unwrap().len(),
            usize::from(pause == 0),
            "before {pause}"
        );
        shop.clock.advance_seconds(1);
    }
    shop.messenger.fail_with(None);
    send_for(&shop, 120).await;
    assert_eq!(shop.messenger.taken().len(), 1);
}

#[tokio::test]
async fn a_message_whose_code_is_late_is_not_sent_any_more() {
    let shop = Fixture::new();
    let (_, id) = queued(&shop).await;
    shop.clock.advance_seconds(300);
    assert_eq!(shop.next_message().await, None);
    assert_eq!(message_state(&shop, &id).await.name(), "failed");
}

#[tokio::test]
async fn a_message_of_a_cancelled_payment_is_not_sent_any_more() {
    let shop = Fixture::new();
    let (waiting, id) = queued(&shop).await;
    shop.gateway.cancel_payment(&waiting.payment).await.unwrap();
    assert_eq!(shop.next_message().await, None);
    assert_eq!(message_state(&shop, &id).await.name(), "failed");
}

#[tokio::test]
async fn what_the_network_may_have_is_never_sent_again() {
    let shop = Fixture::new();
    let (waiting, id) = queued(&shop).await;
    shop.messenger.fail_with(Some(SendError::Unknown { cause: cause() }));
    shop.next_message().await;
    shop.messenger.fail_with(None);
    send_for(&shop, 299).await;
    assert!(shop.messenger.taken().is_empty());
    assert_eq!(message_state(&shop, &id).await, MessageState::Unconfirmed { at: START });
    // The person may still have it.
    assert_eq!(state_of(&shop, waiting.payment.id()).await, "awaiting_code");
}

/// A network that takes a message and never answers.
pub(crate) struct Mute;

#[async_trait]
impl Messenger for Mute {
    async fn send(&self, _: &OutboundMessage) -> Result<Accepted, SendError> {
        future::pending().await
    }
}

#[tokio::test]
async fn a_message_whose_sender_died_is_in_doubt_after_the_lease_and_not_sent_again() {
    let shop = Fixture::new();
    let (_, id) = queued(&shop).await;
    assert!(until_death(shop.outbox.send(&id, &Mute)).await.is_none());
    send_for(&shop, 60).await;
    assert_eq!(message_state(&shop, &id).await, MessageState::Sending { since: START });
    send_for(&shop, 200).await;
    assert_eq!(
        message_state(&shop, &id).await,
        MessageState::Unconfirmed { at: START.plus_seconds(60) }
    );
    assert!(shop.messenger.taken().is_empty());
}

/// A network whose receipt is faster than its answer.
struct Eager {
    outbox: Arc<Outbox>,
    delivery: Delivery,
}

#[async_trait]
impl Messenger for Eager {
    async fn send(&self, _: &OutboundMessage) -> Result<Accepted, SendError> {
        self.outbox.accept(receipt("eager", self.delivery.clone())).await.unwrap();
        Ok(Accepted { references: vec!["eager".to_owned()], network_id: "network".to_owned() })
    }
}

#[tokio::test]
async fn a_receipt_before_the_answer_finds_its_message() {
    for (delivery, message, payment) in
        [(Delivery::Delivered, "delivered", "awaiting_code"), (failed(), "failed", "voiding")]
    {
        let shop = Fixture::new();
        let (waiting, id) = queued(&shop).await;
        let network = Eager { outbox: shop.outbox.clone(), delivery };
        shop.outbox.send(&id, &network).await.unwrap();
        assert_eq!(message_state(&shop, &id).await.name(), message);
        assert_eq!(state_of(&shop, waiting.payment.id()).await, payment);
    }
}

#[tokio::test]
async fn an_old_receipt_is_not_mistaken_for_one_of_a_new_message_of_the_same_name() {
    let shop = Fixture::new();
    shop.outbox.accept(receipt("ref-1", failed())).await.unwrap();
    shop.clock.advance_seconds(60);
    let (_, id) = queued(&shop).await;
    shop.next_message().await;
    assert_eq!(message_state(&shop, &id).await.name(), "sent");
}

/// A network that names every message alike.
struct SameName;

#[async_trait]
impl Messenger for SameName {
    async fn send(&self, _: &OutboundMessage) -> Result<Accepted, SendError> {
        Ok(Accepted { references: vec!["again".to_owned()], network_id: "network".to_owned() })
    }
}

#[tokio::test]
async fn a_name_that_the_network_gives_again_means_the_message_that_is_not_over() {
    let shop = Fixture::new();
    let ((_, older), (_, latest)) = (queued(&shop).await, queued(&shop).await);
    shop.outbox.send(&older, &SameName).await.unwrap();
    shop.outbox.accept(receipt("again", Delivery::Delivered)).await.unwrap();
    shop.outbox.send(&latest, &SameName).await.unwrap();
    shop.outbox.accept(receipt("again", failed())).await.unwrap();
    assert_eq!(message_state(&shop, &older).await.name(), "delivered");
    assert_eq!(message_state(&shop, &latest).await.name(), "failed");
}

#[tokio::test]
async fn a_name_that_is_used_again_means_the_message_whose_code_can_still_be_typed() {
    let shop = Fixture::new();
    let (_, older) = queued(&shop).await;
    shop.outbox.send(&older, &SameName).await.unwrap();
    shop.clock.advance_seconds(361);
    let (_, latest) = queued(&shop).await;
    shop.outbox.send(&latest, &SameName).await.unwrap();
    shop.outbox.accept(receipt("again", Delivery::Delivered)).await.unwrap();
    assert_eq!(message_state(&shop, &older).await.name(), "sent");
    assert_eq!(message_state(&shop, &latest).await.name(), "delivered");
}

#[tokio::test]
async fn a_receipt_that_may_be_about_several_messages_ends_none() {
    let shop = Fixture::new();
    let ((one, first), (other, second)) = (queued(&shop).await, queued(&shop).await);
    for id in [&first, &second] {
        shop.outbox.send(id, shop.messenger.as_ref()).await.unwrap();
    }
    let ranks = vec![vec!["ref-1".to_owned(), "ref-2".to_owned()]];
    let receipt = Receipt { ranks, numbers: Vec::new(), delivery: failed() };
    shop.outbox.accept(Inbound::Receipt(receipt)).await.unwrap();
    for (waiting, id) in [(one, first), (other, second)] {
        assert_eq!(message_state(&shop, &id).await.name(), "sent");
        assert_eq!(state_of(&shop, waiting.payment.id()).await, "awaiting_code");
    }
}

#[tokio::test]
async fn a_receipt_of_the_surest_name_is_not_of_another() {
    let shop = Fixture::new();
    let ((_, first), (_, second)) = (queued(&shop).await, queued(&shop).await);
    for id in [&first, &second] {
        shop.outbox.send(id, shop.messenger.as_ref()).await.unwrap();
    }
    let ranks = vec![vec!["ref-2".to_owned()], vec!["ref-1".to_owned()]];
    let receipt = Receipt { ranks, numbers: Vec::new(), delivery: Delivery::Delivered };
    shop.outbox.accept(Inbound::Receipt(receipt)).await.unwrap();
    assert_eq!(message_state(&shop, &first).await.name(), "sent");
    assert_eq!(message_state(&shop, &second).await.name(), "delivered");
}

#[tokio::test]
async fn a_receipt_that_bears_a_number_is_of_a_message_to_it_only() {
    for (number, state) in [
        ("33612345678", "failed"),
        ("+33612345678", "failed"),
        ("0033612345678", "failed"),
        ("0612345678", "failed"),
        ("33712345678", "sent"),
        ("49612345678", "sent"),
        ("612345679", "sent"),
    ] {
        let shop = Fixture::new();
        let (_, id) = queued(&shop).await;
        shop.outbox.send(&id, shop.messenger.as_ref()).await.unwrap();
        let numbers = Tail::of(number).into_iter().collect();
        let ranks = vec![vec!["ref-1".to_owned()]];
        let receipt = Receipt { ranks, numbers, delivery: failed() };
        shop.outbox.accept(Inbound::Receipt(receipt)).await.unwrap();
        assert_eq!(message_state(&shop, &id).await.name(), state, "{number}");
    }
}

#[tokio::test]
async fn a_receipt_before_the_answer_is_of_one_message() {
    let shop = Fixture::new();
    let ranks = vec![vec!["ref-1".to_owned(), "ref-2".to_owned()]];
    let receipt = Receipt { ranks, numbers: Vec::new(), delivery: failed() };
    shop.outbox.accept(Inbound::Receipt(receipt)).await.unwrap();
    let ((_, first), (_, second)) = (queued(&shop).await, queued(&shop).await);
    for id in [&first, &second] {
        shop.outbox.send(id, shop.messenger.as_ref()).await.unwrap();
    }
    assert_eq!(message_state(&shop, &first).await.name(), "failed");
    assert_eq!(message_state(&shop, &second).await.name(), "sent");
}

/// A receipt by those names, equally sure.
fn named(names: &[&str], delivery: Delivery) -> Inbound {
    let ranks = vec![names.iter().copied().map(str::to_owned).collect()];
    Inbound::Receipt(Receipt { ranks, numbers: Vec::new(), delivery })
}

/// The receipt of the second message may be of the first by its other name, which the network gave before, and again.
#[tokio::test]
async fn a_delivery_before_the_answer_is_not_lost_to_an_older_message_that_is_over() {
    for names in [&["ref-2", "ref-1"][..], &["ref-1", "ref-2"], &["ref-2"]] {
        let shop = Fixture::new();
        let ((_, first), (_, second)) = (queued(&shop).await, queued(&shop).await);
        shop.outbox.send(&first, shop.messenger.as_ref()).await.unwrap();
        shop.outbox.accept(receipt("ref-1", Delivery::Delivered)).await.unwrap();
        shop.outbox.accept(named(names, Delivery::Delivered)).await.unwrap();
        shop.outbox.send(&second, shop.messenger.as_ref()).await.unwrap();
        assert_eq!(message_state(&shop, &second).await.name(), "delivered", "{names:?}");
    }
}

#[tokio::test]
async fn a_failure_that_may_be_a_repetition_ends_no_later_message() {
    let shop = Fixture::new();
    let ((_, first), (waiting, second)) = (queued(&shop).await, queued(&shop).await);
    shop.outbox.send(&first, shop.messenger.as_ref()).await.unwrap();
    for _ in 0..2 {
        shop.outbox.accept(named(&["ref-1", "ref-2"], failed())).await.unwrap();
    }
    shop.outbox.send(&second, shop.messenger.as_ref()).await.unwrap();
    assert_eq!(message_state(&shop, &first).await.name(), "failed");
    assert_eq!(message_state(&shop, &second).await.name(), "sent");
    assert_eq!(state_of(&shop, waiting.payment.id()).await, "awaiting_code");
}

#[tokio::test]
async fn receipts_before_the_answer_that_have_a_name_in_common_do_not_push_each_other_out() {
    let (one, other) = (["ref-1", "ref-2"], ["ref-2", "ref-1"]);
    for receipts in [[one, other], [other, one]] {
        let shop = Fixture::new();
        let ids = [queued(&shop).await.1, queued(&shop).await.1];
        for names in receipts {
            shop.outbox.accept(named(&names, Delivery::Delivered)).await.unwrap();
        }
        for id in &ids {
            shop.outbox.send(id, shop.messenger.as_ref()).await.unwrap();
            assert_eq!(message_state(&shop, id).await.name(), "delivered");
        }
        assert_eq!(format!("{:?}", shop.store).matches("receipts").count(), 0, "nothing is left");
    }
}

/// A delivery by that name, to that number.
fn delivered_to(name: &str, number: &str) -> Inbound {
    let numbers = Tail::of(number).into_iter().collect();
    let ranks = vec![vec![name.to_owned()]];
    Inbound::Receipt(Receipt { ranks, numbers, delivery: Delivery::Delivered })
}

/// What becomes of a message whose receipt comes before the answer, and after it those by the same name to these numbers.
async fn after_others(numbers: &[String]) -> &'static str {
    let shop = Fixture::new();
    let (_, id) = queued(&shop).await;
    shop.outbox.accept(delivered_to("ref-1", "33612345678")).await.unwrap();
    for number in numbers {
        shop.outbox.accept(delivered_to("ref-1", number)).await.unwrap();
    }
    shop.outbox.send(&id, shop.messenger.as_ref()).await.unwrap();
    message_state(&shop, &id).await.name()
}

#[tokio::test]
async fn a_receipt_before_the_answer_is_pushed_out_by_four_others_by_its_name() {
    let others: Vec<_> = (0..4).map(|number| format!("3370000000{number}")).collect();
    assert_eq!(after_others(&others[..3]).await, "delivered");
    assert_eq!(after_others(&others).await, "sent");
}

#[tokio::test]
async fn a_receipt_before_the_answer_is_not_pushed_out_by_repetitions() {
    let others: Vec<_> = (0..30).map(|number| format!("3370000000{}", number % 3)).collect();
    assert_eq!(after_others(&others).await, "delivered");
}

#[tokio::test]
async fn a_receipt_before_the_answer_is_not_pushed_out_by_those_that_waited_in_vain() {
    let shop = Fixture::new();
    for number in 0..4 {
        let other = delivered_to("ref-1", &format!("3370000000{number}"));
        shop.outbox.accept(other).await.unwrap();
    }
    shop.clock.advance_seconds(60);
    let (_, id) = queued(&shop).await;
    for number in ["33612345678", "33700000004", "33700000005", "33700000006"] {
        shop.outbox.accept(delivered_to("ref-1", number)).await.unwrap();
    }
    shop.outbox.send(&id, shop.messenger.as_ref()).await.unwrap();
    assert_eq!(message_state(&shop, &id).await.name(), "delivered");
}

/// The centre missed our answer, or reads its ids in another way by now.
#[tokio::test]
async fn a_failure_that_is_repeated_before_the_answer_ends_no_later_message() {
    let again = |cause: &str| Delivery::Failed { cause: cause.to_owned() };
    for (names, repetition) in [
        (&["ref-1", "ref-2"][..], failed()),
        (&["ref-1", "ref-2"], again("another word for it")),
        (&["ref-2", "ref-1"], failed()),
        (&["ref-1", "ref-3", "ref-2"], failed()),
    ] {
        for pause in [0, 1, 30] {
            let shop = Fixture::new();
            let ((_, first), (waiting, second)) = (queued(&shop).await, queued(&shop).await);
            shop.outbox.accept(named(&["ref-1", "ref-2"], failed())).await.unwrap();
            shop.clock.advance_seconds(pause);
            for _ in 0..2 {
                shop.outbox.accept(named(names, repetition.clone())).await.unwrap();
            }
            shop.outbox.send(&first, shop.messenger.as_ref()).await.unwrap();
            shop.outbox.send(&second, shop.messenger.as_ref()).await.unwrap();
            assert_eq!(message_state(&shop, &first).await.name(), "failed");
            assert_eq!(message_state(&shop, &second).await.name(), "sent", "{names:?} {pause}");
            assert_eq!(state_of(&shop, waiting.payment.id()).await, "awaiting_code");
            assert_eq!(format!("{:?}", shop.store).matches("receipts").count(), 0, "none is left");
        }
    }
}

#[tokio::test]
async fn a_receipt_that_waits_in_vain_is_removed_from_under_a_message_that_stays() {
    let shop = Fixture::new();
    let (_, first) = queued(&shop).await;
    shop.outbox.send(&first, shop.messenger.as_ref()).await.unwrap();
    shop.outbox.accept(receipt("ref-1", Delivery::Delivered)).await.unwrap();
    shop.outbox.accept(receipt("ref-1", Delivery::Delivered)).await.unwrap();
    let waiting = || format!("{:?}", shop.store).matches("receipts").count();
    assert_eq!(waiting(), 1);
    shop.clock.advance_seconds(60);
    for number in 0..16 {
        shop.outbox.accept(receipt(&format!("foreign-{number}"), failed())).await.unwrap();
    }
    let of_first = format!("{:?}", shop.store);
    assert_eq!(of_first.matches("receipts").count(), 16, "{of_first}");
    assert!(of_first.contains("\\\"reference\\\":\\\"ref-1\\\""), "{of_first}");
}

#[tokio::test]
async fn receipts_of_foreign_messages_are_removed() {
    let shop = Fixture::new();
    let foreign = |number: u32| receipt(&format!("foreign-{number}"), failed());
    let kept = || format!("{:?}", shop.store).matches("foreign-").count();
    for number in 0..100 {
        shop.outbox.accept(foreign(number)).await.unwrap();
    }
    let before = kept();
    shop.clock.advance_seconds(60);
    for number in 100..132 {
        shop.outbox.accept(foreign(number)).await.unwrap();
    }
    assert!(kept() < before / 2, "{} of {before} are left", kept());
}

#[tokio::test]
async fn what_the_network_has_no_room_for_keeps_its_place_and_counts_no_try() {
    let shop = Fixture::new();
    let (_, first) = queued(&shop).await;
    shop.clock.advance_seconds(1);
    let (_, second) = queued(&shop).await;
    shop.messenger.fail_with(Some(SendError::Waiting { cause: cause() }));
    for _ in 0..20 {
        shop.clock.advance_seconds(1);
        shop.outbox.send(&first, shop.messenger.as_ref()).await.unwrap();
        assert_eq!(shop.outbox.due(10).await.unwrap(), [first.clone(), second.clone()]);
    }
    let store: &dyn Store = shop.store.as_ref();
    let waiting = store.expect::<Message>(first.as_str()).await.unwrap().value;
    assert_eq!(waiting.state(), &MessageState::Queued { not_before: START });
    assert_eq!(waiting.standing(START.plus_seconds(2)), "queued");
    assert_eq!(waiting.standing(START.plus_seconds(3)), "waiting");
    // A fault that passes is its first try all the same: it waits for one second.
    shop.messenger.fail_with(Some(SendError::Temporary { cause: cause() }));
    shop.outbox.send(&first, shop.messenger.as_ref()).await.unwrap();
    let now = START.plus_seconds(21);
    assert_eq!(
        message_state(&shop, &first).await,
        MessageState::Queued { not_before: now.plus_seconds(1) }
    );
}

#[tokio::test]
async fn one_message_that_cannot_be_read_does_not_keep_others_from_being_due() {
    let shop = Fixture::new();
    let (_, broken) = queued(&shop).await;
    let (_, id) = queued(&shop).await;
    let key = RecordKey::of::<Message>(broken.as_str());
    let mut record = shop.store.load(&key).await.unwrap().unwrap();
    (record.version, record.body) = (record.version.next(), "{}".to_owned());
    shop.store.commit(Batch { replacements: vec![record], ..Batch::default() }).await.unwrap();
    assert!(shop.outbox.due(10).await.unwrap().contains(&id));
    assert_eq!(shop.outbox.due_in(Lane::Payments, 10).await, Ok(vec![id]));
}

#[tokio::test]
async fn of_a_text_from_a_phone_only_its_masked_sender_is_kept() {
    let shop = Fixture::new();
    let from = Msisdn::try_from("+33612345678").unwrap();
    let about = RecordKey { collection: "inbound_text", id: from.masked() };
    let text =
        InboundText { from, to: "38383".to_owned(), text: Secret::new("code 123456".to_owned()) };
    shop.outbox.accept(Inbound::Text(text)).await.unwrap();
    let facts = format!("{:?}", shop.store.facts(&about).await.unwrap());
    assert!(facts.contains("TextReceived") && !facts.contains("123456"), "{facts}");
    assert!(!facts.contains("612345"), "{facts}");
}

#[tokio::test]
async fn nothing_that_is_kept_holds_the_code_or_the_card_number() {
    let shop = Fixture::new();
    let waiting = Waiting::at(&shop, "49.90").await;
    let kept = format!("{:?}", shop.store);
    assert!(kept.contains(waiting.payment.id().as_str()));
    assert!(!kept.contains(&waiting.code), "the code is kept");
    assert!(!kept.contains("4970100000000154"), "the card number is kept");
    let payment = shop.gateway.payment(waiting.payment.id()).await.unwrap();
    assert!(matches!(payment.state(), PaymentState::AwaitingCode { .. }));
}

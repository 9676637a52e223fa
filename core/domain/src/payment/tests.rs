use super::*;
use crate::{
    challenge::Challenge,
    code::TypedCode,
    refusal::Outcome,
    testing::{Fixture, START, card, challenge, key_ring},
};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_010);

fn approval() -> ApprovalCode {
    "A12345".to_owned().try_into().unwrap()
}

fn response() -> ResponseCode {
    "51".to_owned().try_into().unwrap()
}

/// Alice's purchase of 49.90 euros, for which the bank is to be asked first.
fn payment() -> Payment {
    let shop = Fixture::new();
    let purchase = shop.purchase("49.90");
    let entropy = shop.entropy.as_ref();
    let card = key_ring().seal_card(&card(), purchase.payment.as_str(), entropy).unwrap();
    let bank = BankReference::random(entropy, START).unwrap();
    Payment::begin(purchase, Order::BankFirst, None, card, bank).next
}

fn payment_in(state: PaymentState) -> Payment {
    Payment { state, ..payment() }
}

fn every_state() -> [(&'static str, PaymentState); 9] {
    let cause = VoidCause::Interrupted;
    [
        ("authorizing", PaymentState::Authorizing { agreed: false }),
        ("authorizing, agreed", PaymentState::Authorizing { agreed: true }),
        ("awaiting code", PaymentState::AwaitingCode { approval: None }),
        ("awaiting code, held", PaymentState::AwaitingCode { approval: Some(approval()) }),
        ("capturing", PaymentState::Capturing { approval: approval() }),
        ("captured", PaymentState::Captured { approval: approval(), at: NOW }),
        ("declined", PaymentState::Declined { response: response(), at: NOW }),
        ("voiding", PaymentState::Voiding { cause: cause.clone(), approval: None }),
        ("voided", PaymentState::Voided { cause, at: NOW }),
    ]
}

/// The states in which a transition is made. In every other one it must be refused, by the name of the state.
fn possible_in(transition: impl Fn(Payment) -> Result<Step<Payment>, Error>) -> Vec<&'static str> {
    let made = |(label, state): (&'static str, PaymentState)| match transition(payment_in(
        state.clone(),
    )) {
        Ok(_) => Some(label),
        Err(error) => {
            assert_eq!(error, payment_in(state).not_now(), "{label}");
            None
        }
    };
    every_state().into_iter().filter_map(made).collect()
}

/// A challenge whose code was typed back, and the proof of it.
async fn verified(shop: &Fixture) -> (Challenge, Verified) {
    let purchase = shop.purchase("49.90");
    let session = purchase.person.session.clone();
    let challenge = shop.verifier.start_challenge(shop.access(session.clone())).await.unwrap();
    let sms = shop.next_message().await.unwrap();
    let typed = TypedCode::try_from(shop.code_in(&sms)).unwrap();
    match shop.verifier.finish_challenge(challenge.id(), &session, &typed).await.unwrap() {
        Outcome::Done(proof) => (challenge, proof),
        Outcome::Refused(refusal) => panic!("{refusal:?}"),
    }
}

#[test]
fn a_refused_transition_names_payment_and_state() {
    let refused = payment().voided(NOW).unwrap_err();
    let (collection, id) = ("payment", payment().id.to_string());
    assert_eq!(refused, Error::NotNow { collection, id, state: "authorizing" });
}

#[test]
fn a_code_is_asked_for_once_and_before_anybody_agreed() {
    assert_eq!(possible_in(|payment| payment.ask_code(None, &challenge())), ["authorizing"]);
}

#[test]
fn what_the_bank_grants_is_captured_at_once_only_when_agreed() {
    assert_eq!(possible_in(|payment| payment.authorized(approval(), NOW)), ["authorizing, agreed"]);
}

#[test]
fn the_bank_declines_only_while_it_is_asked() {
    let possible = possible_in(|payment| payment.declined(response(), NOW));
    assert_eq!(possible, ["authorizing", "authorizing, agreed"]);
}

#[test]
fn a_payment_is_captured_only_while_capturing() {
    let possible = possible_in(|payment| payment.captured(NOW));
    assert_eq!(possible, ["capturing"]);
}

#[test]
fn a_payment_is_voided_only_before_its_capture_or_when_the_bank_refuses_it() {
    let mut possible =
        vec!["authorizing", "authorizing, agreed", "awaiting code", "awaiting code, held"];
    assert_eq!(possible_in(|payment| payment.void(VoidCause::Interrupted, NOW)), possible);
    possible.push("capturing");
    let cause = VoidCause::CaptureRefused { response: response() };
    assert_eq!(possible_in(|payment| payment.void(cause.clone(), NOW)), possible);
}

#[test]
fn a_release_ends_only_what_is_being_released() {
    assert_eq!(possible_in(|payment| payment.voided(NOW)), ["voiding"]);
}

#[tokio::test]
async fn a_proof_agrees_only_to_a_payment_that_waits_for_it() {
    let shop = Fixture::new();
    let mut possible = Vec::new();
    for (label, state) in every_state() {
        let (challenge, proof) = verified(&shop).await;
        let waiting = Payment { challenge: Some(challenge.id().clone()), ..payment_in(state) };
        match waiting.clone().agree(&proof, NOW) {
            Ok(agreed) => possible.push((label, agreed.next.state.name())),
            Err(error) => assert_eq!(error, waiting.not_now(), "{label}"),
        }
    }
    // Code first: the bank is asked only now.
    assert_eq!(possible, [("awaiting code", "authorizing"), ("awaiting code, held", "capturing")]);
}

#[tokio::test]
async fn a_proof_of_another_challenge_does_not_agree() {
    let shop = Fixture::new();
    let ((_, proof), (other, _)) = (verified(&shop).await, verified(&shop).await);
    let waiting = payment().ask_code(Some(approval()), &other).unwrap().next;
    assert_eq!(waiting.clone().agree(&proof, NOW), Err(waiting.not_now()));
}

#[tokio::test]
async fn a_payment_without_a_challenge_takes_no_proof() {
    let (_, proof) = verified(&Fixture::new()).await;
    let never_asked = payment_in(PaymentState::AwaitingCode { approval: Some(approval()) });
    assert_eq!(never_asked.clone().agree(&proof, NOW), Err(never_asked.not_now()));
}

#[test]
fn a_capture_posts_the_amount_from_payer_to_relying_party() {
    let captured =
        payment_in(PaymentState::Capturing { approval: approval() }).captured(NOW).unwrap();
    let [posting] = &captured.postings[..] else { panic!("not one posting") };
    assert_eq!(posting.id, format!("{}/capture", captured.next.id));
    assert_eq!(posting.debit.to_string(), "payer:alice");
    assert_eq!(posting.credit.to_string(), "relying_party:librairie");
    assert_eq!(posting.amount.to_string(), "49.90 EUR");
}

#[test]
fn what_the_bank_may_hold_is_released_before_the_end() {
    let void = |state| payment_in(state).void(VoidCause::Interrupted, NOW).unwrap().next.state;
    let cause = VoidCause::Interrupted;
    let in_doubt = PaymentState::Voiding { cause: cause.clone(), approval: None };
    let held = PaymentState::Voiding { cause: cause.clone(), approval: Some(approval()) };
    assert_eq!(void(PaymentState::Authorizing { agreed: false }), in_doubt);
    assert_eq!(void(PaymentState::AwaitingCode { approval: Some(approval()) }), held);
    // The bank was never asked.
    assert_eq!(
        void(PaymentState::AwaitingCode { approval: None }),
        PaymentState::Voided { cause, at: NOW }
    );
}

#[test]
fn the_sealed_card_is_forgotten_at_every_end_and_not_before() {
    let capturing = payment_in(PaymentState::Capturing { approval: approval() });
    let voiding = payment().void(VoidCause::Interrupted, NOW).unwrap().next;
    assert!(capturing.sealed_card.is_some() && voiding.sealed_card.is_some());
    for ended in [
        payment().declined(response(), NOW).unwrap(),
        capturing.captured(NOW).unwrap(),
        voiding.voided(NOW).unwrap(),
        payment_in(PaymentState::AwaitingCode { approval: None })
            .void(VoidCause::Interrupted, NOW)
            .unwrap(),
    ] {
        let ended = ended.next;
        assert!(ended.state.is_final(), "{}", ended.state.name());
        assert_eq!((&ended.sealed_card, ended.due_at()), (&None, None), "{}", ended.state.name());
    }
}

#[tokio::test]
async fn others_may_go_on_when_the_lease_or_the_time_of_the_code_is_over() {
    let lease_over = Some(NOW.plus_seconds(60));
    let (challenge, proof) = verified(&Fixture::new()).await;
    assert_eq!(payment().due_at(), Some(START.plus_seconds(60)));
    let asked = payment().ask_code(Some(approval()), &challenge).unwrap().next;
    assert_eq!(asked.due_at(), Some(challenge.expires_at()));
    // Whoever ends the challenge may have no bank at hand, so that anybody may go on.
    assert_eq!(asked.clone().void(VoidCause::Interrupted, NOW).unwrap().next.due_at(), Some(NOW));
    assert_eq!(asked.agree(&proof, NOW).unwrap().next.due_at(), lease_over);
    let agreed = payment_in(PaymentState::Authorizing { agreed: true });
    assert_eq!(agreed.authorized(approval(), NOW).unwrap().next.due_at(), lease_over);
    assert_eq!(payment().later(NOW).due_at(), Some(NOW));
}

use super::*;
use crate::{
    bank::BankError,
    challenge::Challenge,
    code::TypedCode,
    plan::Exemption,
    refusal::Outcome,
    settlement::{Because, Settlement},
    testing::{Fixture, START, card, challenge, key_ring, purchase, purchase_in},
};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_010);
const LATER: Timestamp = Timestamp::from_unix_seconds(1_800_001_000);

fn approval() -> ApprovalCode {
    "A12345".to_owned().try_into().unwrap()
}

fn response() -> ResponseCode {
    "51".to_owned().try_into().unwrap()
}

const FIRST: Plan =
    Plan { bank: BankTurn::First, code: CodeDemand::Ask, capture: CaptureTime::AtOnce };

/// Alice's purchase of 49.90 euros, for which the bank is to be asked first.
fn payment() -> Payment {
    begun(FIRST, 0).next
}

fn begun(plan: Plan, credit_days: u32) -> Step<Payment> {
    let shop = Fixture::new();
    let purchase = shop.purchase("49.90");
    let entropy = shop.entropy.as_ref();
    let card = key_ring().seal_card(&card(), purchase.payment.as_str(), entropy).unwrap();
    let bank = BankReference::random(entropy, START).unwrap();
    let opening = Opening { plan, counted_at: Vec::new(), credit_days };
    Payment::begin(purchase, opening, card, bank)
}

fn payment_in(state: PaymentState) -> Payment {
    Payment { state, ..payment() }
}

fn euros(amount: &str) -> Amount {
    purchase(amount).amount()
}

fn capture() -> Capture {
    Capture::new(euros("49.90"), NOW)
}

fn capturing() -> PaymentState {
    PaymentState::Capturing { approval: approval(), amount: euros("49.90") }
}

fn crediting() -> PaymentState {
    let reference = payment().bank;
    PaymentState::Crediting { capture: capture(), amount: euros("10.00"), reference }
}

/// A capture of which 10.00 were given back, which is being undone.
fn reversing() -> PaymentState {
    let capture = capture().with_credit(euros("10.00"), payment().bank);
    let credit = capture.reversible(euros("10.00")).unwrap().clone();
    PaymentState::ReversingCredit { capture, credit }
}

fn every_state() -> [(&'static str, PaymentState); 13] {
    let cause = VoidCause::Interrupted;
    [
        ("authorizing", PaymentState::Authorizing { agreed: false }),
        ("authorizing, agreed", PaymentState::Authorizing { agreed: true }),
        ("awaiting code", PaymentState::AwaitingCode { approval: None }),
        ("awaiting code, held", PaymentState::AwaitingCode { approval: Some(approval()) }),
        ("authorized", PaymentState::Authorized { approval: None, until: LATER }),
        ("authorized, held", PaymentState::Authorized { approval: Some(approval()), until: LATER }),
        ("capturing", capturing()),
        ("captured", PaymentState::Captured(capture())),
        ("crediting", crediting()),
        ("reversing a credit", reversing()),
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
    let started = shop.verifier.start_challenge(shop.access(session.clone())).await.unwrap();
    let challenge = started.done().unwrap();
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
fn a_payment_is_captured_later_only_when_authorized_and_not_above_what_is_held() {
    let whole = possible_in(|payment| payment.start_capture(euros("49.90"), NOW));
    assert_eq!(whole, ["authorized", "authorized, held"]);
    let authorized =
        || payment_in(PaymentState::Authorized { approval: Some(approval()), until: LATER });
    let part = authorized().start_capture(euros("20.00"), NOW).unwrap().next;
    let captured = part.captured(NOW).unwrap();
    assert_eq!(captured.postings[0].amount, euros("20.00"));
    for above in [euros("49.91"), purchase_in("1.00", "USD").amount()] {
        let refused = authorized().start_capture(above, NOW);
        assert!(matches!(refused, Err(Error::Invalid(_))), "{above}");
    }
}

#[test]
fn where_the_plan_skips_the_bank_the_capture_is_its_posting_alone() {
    let exempt = Plan {
        bank: BankTurn::Skip,
        code: CodeDemand::Exempt(Exemption::LowValue),
        capture: CaptureTime::AtOnce,
    };
    let captured = begun(exempt, 0);
    assert_eq!((captured.next.state.name(), captured.postings.len()), ("captured", 1));
    let later = begun(Plan { capture: CaptureTime::Later, ..exempt }, 0).next;
    assert!(matches!(later.state, PaymentState::Authorized { approval: None, .. }));
    let captured = later.start_capture(euros("9.00"), NOW).unwrap();
    assert_eq!(captured.next.state.name(), "captured");
    let events: Vec<bool> =
        captured.events.iter().map(|event| matches!(event, Event::CaptureAsked { .. })).collect();
    assert_eq!(events, [true, false]);
}

#[test]
fn a_capture_is_credited_as_long_as_the_card_is_kept_and_not_above_what_is_left() {
    let credit = |payment: Payment, amount| {
        let reference = payment.bank.clone();
        payment.start_credit(euros(amount), reference, NOW)
    };
    let capturing = Payment { state: capturing(), ..begun(FIRST, 30).next };
    let mut captured = capturing.captured(NOW).unwrap().next;
    assert_eq!(captured.due_at(), Some(NOW.plus_seconds(30 * 86_400)));
    for (amount, id) in [("20.00", "credit/1"), ("29.90", "credit/2")] {
        let credited = credit(captured.clone(), amount).unwrap().next.credited(NOW).unwrap();
        assert!(credited.postings[0].id.ends_with(id), "{:?}", credited.postings);
        assert_eq!(credited.postings[0].credit.to_string(), "payer:alice");
        captured = credited.next;
    }
    // All is given back; a credit may still be reversed, for which the card is needed.
    assert_eq!(captured.due_at(), Some(NOW.plus_seconds(30 * 86_400)));
    assert!(captured.sealed_card.is_some());
    assert!(matches!(credit(captured, "0.01"), Err(Error::Invalid(_))));
    let never = payment_in(PaymentState::Captured(capture()));
    assert_eq!(credit(never.clone(), "1.00"), Err(never.not_now()));
    let open = Payment { credit_days: 30, ..payment_in(PaymentState::Captured(capture())) };
    assert!(matches!(credit(open.clone(), "49.91"), Err(Error::Invalid(_))));
    // Nobody came by to forget the card in time.
    let late =
        open.clone().start_credit(euros("1.00"), open.bank.clone(), NOW.plus_seconds(30 * 86_400));
    assert_eq!(late, Err(open.not_now()));
}

#[test]
fn what_no_bank_debited_is_given_back_without_the_bank() {
    let skipping = Plan { bank: BankTurn::Skip, ..FIRST };
    let captured = Payment { state: PaymentState::Captured(capture()), ..begun(skipping, 30).next };
    assert_eq!(captured.sealed_card, None);
    let reference = captured.bank.clone();
    let credited = captured.start_credit(euros("9.90"), reference, NOW).unwrap();
    assert_eq!((credited.next.state.name(), credited.postings.len()), ("captured", 1));
    let reversed = credited.next.start_credit_reversal(euros("9.90"), NOW).unwrap();
    assert_eq!((reversed.next.state.name(), reversed.postings.len()), ("captured", 1));
    assert_eq!(reversed.next.state.capture().unwrap().credited_minor, 0);
}

#[test]
fn at_its_end_a_payment_is_nobodys_to_lease() {
    let approval = None;
    let authorized = payment_in(PaymentState::Authorized { approval, until: LATER });
    let voided = authorized.void(VoidCause::NotCaptured, NOW).unwrap().next.leased(NOW);
    assert_eq!((voided.state.name(), voided.due_at()), ("voided", None));
}

#[test]
fn what_is_held_no_more_is_not_captured() {
    let approval = Some(approval());
    let authorized = payment_in(PaymentState::Authorized { approval, until: LATER });
    assert_eq!(authorized.clone().start_capture(euros("1.00"), LATER), Err(authorized.not_now()));
}

#[test]
fn a_credit_ends_only_what_is_being_credited() {
    assert_eq!(possible_in(|payment| payment.credited(NOW)), ["crediting"]);
    assert_eq!(possible_in(|payment| payment.credit_refused(response(), NOW)), ["crediting"]);
    let refused = payment_in(crediting()).credit_refused(response(), NOW).unwrap();
    assert_eq!(
        (refused.next.state, refused.postings.len()),
        (PaymentState::Captured(capture()), 0)
    );
}

#[test]
fn a_credit_is_reversed_as_a_whole_once_and_in_time() {
    let captured = Payment { credit_days: 30, ..payment_in(PaymentState::Captured(capture())) };
    let credited = |payment: Payment, amount: &str| {
        let reference = payment.bank.clone();
        let crediting = payment.start_credit(euros(amount), reference, NOW).unwrap().next;
        crediting.credited(NOW).unwrap().next
    };
    let twice = credited(credited(captured, "10.00"), "5.00");
    for amount in ["9.99", "15.00"] {
        let none = twice.clone().start_credit_reversal(euros(amount), NOW);
        assert!(matches!(none, Err(Error::Invalid(_))), "{amount}");
    }
    let late = twice.clone().start_credit_reversal(euros("5.00"), NOW.plus_seconds(30 * 86_400));
    assert_eq!(late, Err(twice.not_now()));
    let reversing = twice.start_credit_reversal(euros("10.00"), NOW).unwrap().next;
    let reversed = reversing.credit_reversed(NOW).unwrap();
    let posting = &reversed.postings[0];
    assert!(posting.id.ends_with("credit/1/reversal"), "{posting:?}");
    assert_eq!(posting.credit.to_string(), "relying_party:librairie");
    assert_eq!(reversed.next.state.capture().unwrap().credited_minor, 500);
    let again = reversed.next.start_credit_reversal(euros("10.00"), NOW);
    assert!(matches!(again, Err(Error::Invalid(_))), "{again:?}");
}

#[test]
fn the_reversal_of_a_credit_ends_only_one_that_was_begun() {
    let only = ["reversing a credit"];
    assert_eq!(possible_in(|payment| payment.credit_reversed(NOW)), only);
    assert_eq!(possible_in(|payment| payment.credit_reversal_refused(response(), NOW)), only);
    let refused = payment_in(reversing()).credit_reversal_refused(response(), NOW).unwrap();
    assert_eq!(refused.next.state.capture().unwrap().credited_minor, 1000);
    assert!(refused.postings.is_empty());
}

#[test]
fn the_last_sixteen_credits_can_be_reversed() {
    let reference = payment().bank;
    let credit = |capture: Capture, cents| {
        capture.with_credit(euros(&format!("0.{cents:02}")), reference.clone())
    };
    let capture = (1..=17).fold(capture(), credit);
    assert_eq!((capture.credits, capture.reversibles()), (17, 16));
    assert_eq!(capture.reversible(euros("0.01")), None);
    assert!(capture.reversible(euros("0.02")).is_some());
}

#[test]
fn a_payment_is_voided_only_before_its_capture_or_when_the_bank_refuses_it() {
    let mut possible = vec![
        "authorizing",
        "authorizing, agreed",
        "awaiting code",
        "awaiting code, held",
        "authorized",
        "authorized, held",
    ];
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
    let captured = payment_in(capturing()).captured(NOW).unwrap();
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
    let capturing = payment_in(capturing());
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
    // The process that ends the challenge may have no bank at hand, so that any may go on.
    assert_eq!(asked.clone().void(VoidCause::Interrupted, NOW).unwrap().next.due_at(), Some(NOW));
    assert_eq!(asked.agree(&proof, NOW).unwrap().next.due_at(), lease_over);
    let agreed = payment_in(PaymentState::Authorizing { agreed: true });
    assert_eq!(agreed.authorized(approval(), NOW).unwrap().next.due_at(), lease_over);
}

/// That payment, whose bank refused thrice what its state asks of it.
fn stuck(payment: Payment) -> Result<Payment, Error> {
    let refused = BankError::Refused { response: response() }.into();
    (0..3).try_fold(payment, |payment, _| Ok(payment.not_done(&refused, NOW)?.next))
}

#[test]
fn a_bank_is_told_again_only_what_it_must_do() {
    let possible = possible_in(|payment| {
        payment.not_done(&BankError::Unknown { cause: "silent".to_owned() }.into(), NOW)
    });
    assert_eq!(possible, ["capturing", "crediting", "reversing a credit", "voiding"]);
}

#[test]
fn a_person_settles_only_what_is_stuck_and_as_what_it_can_be() {
    let because = || Because::try_from("the bank said so".to_owned()).unwrap();
    for settlement in Settlement::ALL {
        let not_stuck = possible_in(|payment| payment.settled(settlement, because(), NOW));
        assert!(not_stuck.is_empty(), "{settlement:?}: {not_stuck:?}");
        let ends = |(label, state): (&'static str, PaymentState)| {
            let stuck = stuck(payment_in(state)).ok()?;
            stuck.settled(settlement, because(), NOW).is_ok().then_some(label)
        };
        let ended: Vec<_> = every_state().into_iter().filter_map(ends).collect();
        let expected: &[_] = match settlement {
            Settlement::Captured => &["capturing"],
            Settlement::Voided => &["capturing", "voiding"],
            Settlement::Credited | Settlement::NotCredited => &["crediting"],
            Settlement::CreditReversed | Settlement::CreditNotReversed => &["reversing a credit"],
        };
        assert_eq!(ended, expected, "{settlement:?}");
    }
    assert!(possible_in(|payment| payment.told_again(NOW)).is_empty());
}

#[test]
fn what_a_person_settles_has_the_facts_and_postings_of_that_end_and_forgets_the_card() {
    let because = Because::try_from("the bank said so".to_owned()).unwrap();
    for (state, settlement, postings) in [
        (capturing(), Settlement::Captured, 1),
        (capturing(), Settlement::Voided, 0),
        (crediting(), Settlement::Credited, 1),
        (crediting(), Settlement::NotCredited, 0),
        (reversing(), Settlement::CreditReversed, 1),
        (reversing(), Settlement::CreditNotReversed, 0),
    ] {
        let stuck = stuck(payment_in(state)).unwrap();
        assert!(stuck.sealed_card.is_some() && stuck.due_at().is_none());
        let settled = stuck.settled(settlement, because.clone(), NOW).unwrap();
        let confirmed = Event::PaymentSettled { settlement, because: because.clone() };
        assert_eq!((settled.events.first(), settled.postings.len()), (Some(&confirmed), postings));
        let next = settled.next;
        assert!(next.state.is_final() && next.tries().is_none(), "{settlement:?}: {next:?}");
        assert_eq!((&next.sealed_card, next.due_at()), (&None, None), "{settlement:?}");
    }
}

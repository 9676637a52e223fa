use super::*;
use crate::testing::{binding, challenge};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_010);

/// The challenge after one more counted attempt, and the attempt.
fn counted(challenge: Challenge) -> (Challenge, Attempt) {
    match challenge.count_attempt(&session(), NOW) {
        Transition::Made(step, attempt) => (step.next, attempt),
        refused => panic!("not counted: {refused:?}"),
    }
}

fn session() -> SessionId {
    binding().person.session
}

fn other_session() -> SessionId {
    "ses_ffffffffffffffffffffffffffffffff".to_owned().try_into().unwrap()
}

#[test]
fn a_right_response_verifies_once() {
    let (standing, attempt) = counted(challenge());
    let Transition::Made(verified, proof) = standing.conclude(attempt, true, NOW) else {
        panic!("not accepted")
    };
    assert_eq!(verified.events, [Event::ChallengeVerified { elements: vec![Element::Phone] }]);
    assert_eq!(proof.challenge(), challenge().id());
    let again = verified.next.clone().count_attempt(&session(), NOW);
    assert_eq!(again, Transition::Refused(Refusal::AlreadyUsed));
    let again = verified.next.conclude(attempt, true, NOW);
    assert!(matches!(again, Transition::Refused(Refusal::AlreadyUsed)), "{again:?}");
}

#[test]
fn the_third_wrong_response_ends_the_challenge() {
    let mut standing = challenge();
    for left in [2, 1] {
        let (next, attempt) = counted(standing);
        let refused = next.clone().conclude(attempt, false, NOW);
        assert!(
            matches!(refused, Transition::Refused(Refusal::WrongCode { attempts_left }) if attempts_left == left),
            "{refused:?}"
        );
        standing = next;
    }
    let (standing, attempt) = counted(standing);
    let Transition::Ended(ended, cause) = standing.conclude(attempt, false, NOW) else {
        panic!("not ended")
    };
    assert_eq!(cause, Refusal::TooManyAttempts);
    assert_eq!(ended.events, [Event::ChallengeRefused { cause: cause.clone() }]);
    assert_eq!(ended.next.count_attempt(&session(), NOW), Transition::Refused(cause));
}

#[test]
fn attempts_that_a_crash_left_without_conclusion_are_used_up() {
    let mut standing = challenge();
    for _ in 0..3 {
        standing = counted(standing).0;
    }
    let refused = standing.count_attempt(&session(), NOW);
    assert_eq!(refused, Transition::Refused(Refusal::TooManyAttempts));
}

#[test]
fn a_response_of_another_session_is_refused_and_not_counted() {
    let refused = challenge().count_attempt(&other_session(), NOW);
    assert_eq!(refused, Transition::Refused(Refusal::OtherSession));
}

#[test]
fn a_response_at_the_end_of_the_time_is_late() {
    let end = challenge().expires_at();
    let Transition::Ended(expired, Refusal::Late) = challenge().count_attempt(&session(), end)
    else {
        panic!("not late")
    };
    assert_eq!(expired.next.state(), &State::Expired { at: end });
    assert_eq!(expired.events, [Event::ChallengeRefused { cause: Refusal::Late }]);
}

#[test]
fn a_resend_gives_back_neither_attempts_nor_time() {
    let (standing, _) = counted(challenge());
    let (message, expires_at) = (standing.last_message.clone(), standing.expires_at());
    let again = standing.count_send(&session(), message, NOW.plus_seconds(60)).unwrap().next;
    assert_eq!((again.attempts_left(), again.expires_at()), (2, expires_at));
}

#[test]
fn a_resend_is_refused_by_the_rule_it_breaks() {
    let message = challenge().last_message;
    let send = |challenge: Challenge, session, now| {
        challenge.count_send(&session, message.clone(), now).map(|_| ())
    };
    let later = NOW.plus_seconds(60);
    let spent = Challenge { sends: 3, ..challenge() };
    let cancelled = challenge().refuse(Refusal::Cancelled, NOW).unwrap().next;
    assert_eq!(send(challenge(), other_session(), later), Err(Refusal::OtherSession));
    assert_eq!(send(cancelled, session(), later), Err(Refusal::Cancelled));
    assert_eq!(send(challenge(), session(), challenge().expires_at()), Err(Refusal::Late));
    assert_eq!(send(spent, session(), later), Err(Refusal::TooManySends));
    assert_eq!(send(challenge(), session(), NOW), Err(Refusal::TooSoon { wait_seconds: 20 }));
}

#[test]
fn what_is_over_is_not_ended_again() {
    let over = challenge().refuse(Refusal::Cancelled, NOW).unwrap().next;
    assert_eq!(over.clone().refuse(Refusal::Undeliverable, NOW), None);
    assert_eq!(over.expire(challenge().expires_at()), None);
    assert_eq!(challenge().expire(NOW), None);
}

#[test]
fn what_is_called_off_after_its_time_has_ended_with_its_time() {
    let late = challenge().expires_at();
    for reason in [Refusal::Cancelled, Refusal::Undeliverable] {
        let ended = challenge().refuse(reason, late).unwrap();
        assert_eq!(ended.next.over(), Some(Refusal::Late));
        assert_eq!(ended.events, [Event::ChallengeRefused { cause: Refusal::Late }]);
    }
}

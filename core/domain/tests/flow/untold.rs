//! What may not be told: who is known (ASVS 6.3.8), and what is refused for another cause than the code.

use std::sync::{Arc, Mutex};

use countersign_domain::{
    address::Msisdn,
    agreement::Agreement,
    challenge::{Challenge, ChallengeRequest},
    code::TypedCode,
    id::SessionId,
    limits::{LimitSettings, Limits},
    ports::{Ports, Reads as _, Store as _},
    record::{Batch, Stored as _},
    refusal::Refusal,
    testing::Fixture,
    verifier::Verifier,
};

use crate::store::{Act, Eventful, Happening};

fn session(shop: &Fixture) -> SessionId {
    SessionId::random(shop.entropy.as_ref()).unwrap()
}

/// A challenge of somebody with that number, and how many messages are to be sent for it.
async fn ask(shop: &Fixture, number: &str, is_known: bool) -> (Challenge, usize) {
    let mut request = shop.access(session(shop));
    request.person.address = Msisdn::try_from(number).unwrap().into();
    let mut batch = Batch::default();
    let begun = shop.verifier.add_untold_challenge(request, is_known, &mut batch).await.unwrap();
    let messages = batch.messages.len();
    shop.store.commit(batch).await.unwrap();
    (begun.done().unwrap(), messages)
}

async fn answer(shop: &Fixture, challenge: &Challenge, code: &str) -> Result<(), Refusal> {
    let (id, session) = (challenge.id(), &challenge.person().session);
    let code = TypedCode::try_from(code).unwrap();
    shop.verifier.finish_challenge(id, session, code).await.unwrap().map(drop).done()
}

async fn try_code(shop: &Fixture, challenge: &Challenge, code: &str) -> Result<(), Refusal> {
    let (id, session) = (challenge.id(), &challenge.person().session);
    let code = TypedCode::try_from(code).unwrap();
    shop.verifier.try_code(id, session, &code).await.unwrap().done()
}

/// A challenge, and its code.
async fn asked(shop: &Fixture) -> (Challenge, String) {
    let request: ChallengeRequest = shop.access(session(shop));
    let begun = shop.verifier.start_challenge(request).await.unwrap().done().unwrap();
    let text = shop.next_message().await.unwrap();
    let (_, code) = text.rsplit_once('#').unwrap();
    (begun, code.to_owned())
}

#[tokio::test]
async fn whoever_may_not_be_told_costs_the_same_work_known_or_not_and_where_no_message_goes() {
    let mut kept = Vec::new();
    for (is_known, number, rings) in
        [(true, "+33612345678", 1), (false, "+999123123123", 0), (true, "+881612345678", 0)]
    {
        let shop = Fixture::new();
        let (begun, messages) = ask(&shop, number, is_known).await;
        assert_eq!(messages, rings, "{number}");
        shop.clock.advance_seconds(31);
        let again = shop.verifier.resend(begun.id(), &begun.person().session).await.unwrap();
        assert!(again.done().is_ok(), "{number}");
        let wrong = answer(&shop, &begun, "0000000000").await;
        assert_eq!(wrong, Err(Refusal::WrongCode { attempts_left: 2 }), "{number}");
        let records = shop.store.records().into_iter();
        let mut records: Vec<_> =
            records.map(|record| (record.key.to_string(), record.version)).collect();
        for (key, _) in &mut records {
            key.truncate(key.find(' ').unwrap());
        }
        records.sort();
        let facts = shop.store.facts(&begun.key()).await.unwrap().len();
        kept.push((records, facts));
    }
    assert!(kept.windows(2).all(|pair| pair[0] == pair[1]), "{kept:?}");
}

#[tokio::test]
async fn a_code_that_is_tried_stays_good_and_costs_an_attempt() {
    let shop = Fixture::new();
    let (begun, code) = asked(&shop).await;
    let wrong = try_code(&shop, &begun, "0000000000").await;
    assert_eq!(wrong, Err(Refusal::WrongCode { attempts_left: 2 }));
    assert_eq!(try_code(&shop, &begun, &code).await, Ok(()));
    assert_eq!(answer(&shop, &begun, &code).await, Ok(()));
    assert_eq!(try_code(&shop, &begun, &code).await, Err(Refusal::AlreadyUsed));
    // A challenge is no place to look at codes without end.
    let (begun, code) = asked(&shop).await;
    for _ in 0..3 {
        assert_eq!(try_code(&shop, &begun, &code).await, Ok(()));
    }
    assert_eq!(try_code(&shop, &begun, &code).await, Err(Refusal::TooManyAttempts));
}

#[tokio::test]
async fn a_right_code_that_is_tried_ends_the_row_of_failures_and_a_wrong_one_makes_it_longer() {
    let mut shop = Fixture::new();
    let settings = LimitSettings { pause_seconds: 0, ..LimitSettings::default() };
    let verifier = Verifier::new(shop.ports.clone(), shop.policy.clone())
        .with_limits(Limits::try_from(settings).unwrap());
    shop.verifier = Arc::new(verifier);
    for _ in 0..2 {
        let (begun, code) = asked(&shop).await;
        for _ in 0..2 {
            assert!(try_code(&shop, &begun, "0000000000").await.is_err());
        }
        assert_eq!(try_code(&shop, &begun, &code).await, Ok(()));
    }
    let (begun, _) = asked(&shop).await;
    for _ in 0..3 {
        assert!(try_code(&shop, &begun, "0000000000").await.is_err());
    }
    let (begun, code) = asked(&shop).await;
    for _ in 0..2 {
        assert!(try_code(&shop, &begun, "0000000000").await.is_err());
    }
    assert_eq!(try_code(&shop, &begun, &code).await, Err(Refusal::Blocked { wait_seconds: 900 }));
}

async fn proves_again(shop: &Fixture, challenge: &Challenge, code: &str) -> bool {
    let (id, session) = (challenge.id(), &challenge.person().session);
    let code = TypedCode::try_from(code).unwrap();
    shop.verifier.verified_again(id, session, &code).await.unwrap().is_some()
}

/// A challenge of a certificate, and its code.
async fn asked_for_a_certificate(shop: &Fixture) -> (Challenge, String) {
    let mut request = shop.access(session(shop));
    request.agreement = Agreement::Certificate { name: "alice".try_into().unwrap() };
    let begun = shop.verifier.start_challenge(request).await.unwrap().done().unwrap();
    let code = shop.code_in(&shop.next_message().await.unwrap());
    (begun, code)
}

#[tokio::test]
async fn the_code_of_a_certificate_alone_proves_again_what_it_proved() {
    for proves in [false, true] {
        let shop = Fixture::new();
        let (begun, code) = match proves {
            true => asked_for_a_certificate(&shop).await,
            false => asked(&shop).await,
        };
        assert!(!proves_again(&shop, &begun, &code).await, "not verified yet");
        assert_eq!(answer(&shop, &begun, &code).await, Ok(()));
        for _ in 0..5 {
            assert_eq!(proves_again(&shop, &begun, &code).await, proves);
        }
        let typed = TypedCode::try_from(code.as_str()).unwrap();
        let elsewhere = shop.verifier.verified_again(begun.id(), &session(&shop), &typed).await;
        assert!(elsewhere.unwrap().is_none());
        shop.clock.advance_seconds(300);
        assert!(!proves_again(&shop, &begun, &code).await, "late");
    }
}

#[tokio::test]
async fn wrong_codes_of_a_verified_challenge_use_up_its_attempts() {
    for wrong_before in 0..=2 {
        let shop = Fixture::new();
        let (begun, code) = asked_for_a_certificate(&shop).await;
        for _ in 0..wrong_before {
            assert!(answer(&shop, &begun, "0000000000").await.is_err());
        }
        assert_eq!(answer(&shop, &begun, &code).await, Ok(()));
        for _ in wrong_before..3 {
            assert!(proves_again(&shop, &begun, &code).await, "{wrong_before}");
            assert!(!proves_again(&shop, &begun, "0000000000").await);
        }
        assert!(!proves_again(&shop, &begun, &code).await, "{wrong_before}");
        let counted = shop.store.facts(&begun.key()).await.unwrap();
        let counted = format!("{counted:?}").matches("AttemptCounted").count();
        // All that were wrong, and the one that was right.
        assert_eq!(counted, 4);
        for _ in 0..2 {
            assert!(!proves_again(&shop, &begun, "0000000000").await);
        }
        assert_eq!(shop.store.facts(&begun.key()).await.unwrap().len(), 2 + 1 + counted);
    }
}

/// A right code that was compared while the last wrong one was being counted is not answered.
#[tokio::test]
async fn a_code_that_comes_with_the_last_wrong_one_is_compared_after_it() {
    for at in 1.. {
        let shop = Arc::new(Fixture::new());
        let (begun, code) = asked_for_a_certificate(&shop).await;
        assert_eq!(answer(&shop, &begun, &code).await, Ok(()));
        let (other, challenge) = (shop.clone(), begun.clone());
        let act = move || -> Act {
            let (shop, begun) = (other.clone(), challenge.clone());
            Box::pin(async move {
                for _ in 0..3 {
                    assert!(!proves_again(&shop, &begun, "0000000000").await);
                }
            })
        };
        let store = Eventful::on(shop.store.clone(), at, Happening::Meanwhile(Box::new(act)));
        let ports = Ports { store: store.clone(), ..shop.ports.clone() };
        let verifier = Verifier::new(ports, shop.policy.clone());
        let (id, session) = (begun.id(), &begun.person().session);
        let typed = TypedCode::try_from(code.as_str()).unwrap();
        let proof = verifier.verified_again(id, session, &typed).await.unwrap();
        assert_eq!(proof.is_some(), !store.has_happened(), "operation {at}");
        if !store.has_happened() {
            break;
        }
    }
}

/// How many facts say that the code was sent again, and how many messages wait to be sent.
async fn sent_again(shop: &Fixture, challenge: &Challenge) -> (usize, usize) {
    let facts = format!("{:?}", shop.store.facts(&challenge.key()).await.unwrap());
    (facts.matches("CodeResent").count(), shop.outbox.due(10).await.unwrap().len())
}

#[tokio::test]
async fn a_message_that_a_limit_stops_is_counted_where_it_is_not_told_and_is_no_fact() {
    let by_number = LimitSettings { messages_per_number_an_hour: 1, ..LimitSettings::default() };
    let by_pause = LimitSettings { pause_seconds: 120, ..LimitSettings::default() };
    let by_failures = LimitSettings { failures_in_a_row: 1, ..LimitSettings::default() };
    for settings in [by_number, by_pause, by_failures] {
        let mut shop = Fixture::new();
        let verifier = Verifier::new(shop.ports.clone(), shop.policy.clone())
            .with_limits(Limits::try_from(settings.clone()).unwrap());
        shop.verifier = Arc::new(verifier);
        let (begun, _) = asked(&shop).await;
        if settings.failures_in_a_row == 1 {
            assert!(answer(&shop, &begun, "0000000000").await.is_err());
            shop.next_message().await;
        }
        shop.clock.advance_seconds(31);
        let session = &begun.person().session;
        let told = shop.verifier.resend(begun.id(), session).await.unwrap();
        assert!(told.done().is_err(), "{settings:?}");
        let untold = shop.verifier.resend_untold(begun.id(), session).await.unwrap();
        let after = untold.done().unwrap();
        assert_ne!(after.last_message(), begun.last_message());
        assert_eq!(sent_again(&shop, &begun).await, (0, 0), "{settings:?}");
        let own = shop.verifier.resend_untold(begun.id(), session).await.unwrap();
        assert_eq!(own.done().unwrap_err(), Refusal::TooSoon { wait_seconds: 30 });
    }
}

/// While it is being asked for, the pause ends: it is refused, or sent.
#[tokio::test]
async fn a_message_that_no_limit_stops_is_not_withheld() {
    for at in 1.. {
        let shop = Fixture::new();
        let (begun, _) = asked(&shop).await;
        shop.clock.advance_seconds(29);
        let clock = shop.clock.clone();
        let act = move || -> Act {
            clock.advance_seconds(1);
            Box::pin(async {})
        };
        let store = Eventful::on(shop.store.clone(), at, Happening::Meanwhile(Box::new(act)));
        let ports = Ports { store: store.clone(), ..shop.ports.clone() };
        let verifier = Verifier::new(ports, shop.policy.clone());
        let sent = verifier.resend_untold(begun.id(), &begun.person().session).await.unwrap();
        let expected = usize::from(sent.done().is_ok());
        assert_eq!(sent_again(&shop, &begun).await, (expected, expected), "operation {at}");
        if !store.has_happened() {
            break;
        }
    }
}

#[tokio::test]
async fn each_refusal_before_a_commit_is_told_to_whoever_counts_them_once() {
    let mut shop = Fixture::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let settings = LimitSettings { failures_in_a_row: 3, ..LimitSettings::default() };
    let verifier = Verifier::new(shop.ports.clone(), shop.policy.clone())
        .with_limits(Limits::try_from(settings).unwrap())
        .with_watch(Arc::new(move |refusal: &Refusal| told.lock().unwrap().push(refusal.name())));
    shop.verifier = Arc::new(verifier);
    let (begun, code) = asked(&shop).await;
    let again = shop.verifier.resend(begun.id(), &begun.person().session).await.unwrap();
    assert!(again.done().is_err());
    let elsewhere = session(&shop);
    let typed = TypedCode::try_from(code.as_str()).unwrap();
    let other = shop.verifier.finish_challenge(begun.id(), &elsewhere, typed).await.unwrap();
    assert!(other.done().is_err());
    for _ in 0..3 {
        assert!(answer(&shop, &begun, "0000000000").await.is_err());
    }
    assert!(answer(&shop, &begun, &code).await.is_err());
    let refused = shop.verifier.start_challenge(shop.access(session(&shop))).await.unwrap();
    assert!(refused.done().is_err());
    let mut far = shop.access(session(&shop));
    far.person.address = Msisdn::try_from("+881612345678").unwrap().into();
    assert!(shop.verifier.start_challenge(far).await.unwrap().done().is_err());
    let expected = [
        "message-too-soon",
        "other-session",
        "wrong-code",
        "wrong-code",
        "too-many-attempts",
        "too-many-attempts",
        "blocked",
        "phone-not-served",
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

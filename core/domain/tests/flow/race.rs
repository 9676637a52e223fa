//! Two processes at one payment: at every operation of the one, the other does all of its deed.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use countersign_domain::{
    error::Error,
    gateway::Gateway,
    message::{Delivery, Inbound, Receipt},
    outbox::Outbox,
    ports::Inbox as _,
    testing::Fixture,
};

use crate::{
    Waiting,
    crash::{check, started_by_a_dead_process},
    state_of,
    store::{Eventful, Happening, until_death},
};

/// What can happen to a payment that waits for its code.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    RightCode,
    ThreeWrongCodes,
    Cancel,
    TimeRunsOut,
    MessageFails,
}

const DEEDS: [Deed; 5] =
    [Deed::RightCode, Deed::ThreeWrongCodes, Deed::Cancel, Deed::TimeRunsOut, Deed::MessageFails];

impl Deed {
    /// Does it, as that process; gives how many responses were accepted. That somebody else was faster is no error.
    async fn run(
        self,
        shop: &Fixture,
        (gateway, outbox): &(Gateway, Outbox),
        waiting: &Waiting,
    ) -> usize {
        let Waiting { payment, session, .. } = waiting;
        match self {
            Self::RightCode => {
                let finished =
                    gateway.finish_payment(payment, session, &waiting.right_code()).await;
                return usize::from(finished.unwrap().done().is_ok());
            }
            Self::ThreeWrongCodes => {
                for _ in 0..3 {
                    let _ = gateway
                        .finish_payment(payment, session, &waiting.wrong_code())
                        .await
                        .unwrap();
                }
            }
            Self::Cancel => {
                let cancelled = gateway.cancel_payment(payment).await;
                assert!(matches!(cancelled, Ok(_) | Err(Error::NotNow { .. })), "{cancelled:?}");
            }
            Self::TimeRunsOut => {
                shop.clock.advance_seconds(300);
                gateway.resume(10).await.unwrap();
            }
            Self::MessageFails => {
                let delivery = Delivery::Failed { cause: "absent".to_owned() };
                let ranks = vec![vec!["ref-1".to_owned()]];
                outbox
                    .accept(Inbound::Receipt(Receipt { ranks, numbers: Vec::new(), delivery }))
                    .await
                    .unwrap();
            }
        }
        0
    }
}

/// Runs `ours`, with `theirs` at its operation `at`; gives whether it has that many.
async fn both(ours: Deed, theirs: Deed, at: usize) -> bool {
    let shop = Arc::new(Fixture::new());
    let waiting = Arc::new(Waiting::at(&shop, "49.90").await);
    let accepted = Arc::new(AtomicUsize::new(0));
    let meanwhile = {
        let (shop, waiting, accepted) = (shop.clone(), waiting.clone(), accepted.clone());
        Happening::Meanwhile(Box::new(move || {
            let (shop, waiting, accepted) = (shop.clone(), waiting.clone(), accepted.clone());
            Box::pin(async move {
                let process = shop.process_on(shop.store.clone());
                accepted.fetch_add(theirs.run(&shop, &process, &waiting).await, Ordering::SeqCst);
            })
        }))
    };
    let store = Eventful::on(shop.store.clone(), at, meanwhile);
    let process = shop.process_on(store.clone());
    accepted.fetch_add(ours.run(&shop, &process, &waiting).await, Ordering::SeqCst);
    shop.gateway.resume(10).await.unwrap();
    let captured = check(&shop, waiting.payment.id()).await == "captured";
    // Unless a lease ran out: whoever has it looks dead then.
    if ![ours, theirs].contains(&Deed::TimeRunsOut) {
        let calls = shop.bank.call_names();
        assert_eq!(calls.len(), 2, "{ours:?}, {theirs:?} at {at}: {calls:?}");
    }
    assert_eq!(
        accepted.load(Ordering::SeqCst),
        usize::from(captured),
        "{ours:?}, {theirs:?} at {at}"
    );
    store.has_happened()
}

#[tokio::test]
async fn whatever_meets_at_a_payment_it_ends_once_and_as_everybody_is_told() {
    for ours in DEEDS {
        for theirs in DEEDS {
            let mut at = 1;
            while both(ours, theirs, at).await {
                at += 1;
            }
            assert!(at > 5, "{ours:?} has more operations than {at}");
        }
    }
}

/// Two processes resume; the one does all of its work at every operation of the other.
async fn resumed_twice(shop: &Fixture, at: usize) -> bool {
    let other = shop.gateway.clone();
    let meanwhile = Happening::Meanwhile(Box::new(move || {
        let other = other.clone();
        Box::pin(async move { drop(other.resume(10).await) })
    }));
    let store = Eventful::on(shop.store.clone(), at, meanwhile);
    let (gateway, _) = shop.process_on(store.clone());
    gateway.resume(10).await.unwrap();
    store.has_happened()
}

#[tokio::test]
async fn two_processes_that_resume_a_late_payment_release_it_once() {
    for at in 1.. {
        let shop = Fixture::new();
        let waiting = Waiting::at(&shop, "49.90").await;
        shop.clock.advance_seconds(300);
        let has_happened = resumed_twice(&shop, at).await;
        assert_eq!(state_of(&shop, waiting.payment.id()).await, "voided");
        assert_eq!(shop.bank.call_names(), ["authorize", "void"], "operation {at}");
        if !has_happened {
            break;
        }
    }
}

#[tokio::test]
async fn two_processes_that_resume_an_interrupted_payment_release_it_once() {
    for at in 1.. {
        let shop = Fixture::new();
        let payment = started_by_a_dead_process(&shop).await;
        shop.clock.advance_seconds(60);
        let has_happened = resumed_twice(&shop, at).await;
        assert_eq!(state_of(&shop, &payment).await, "voided");
        assert_eq!(shop.bank.call_names(), ["void"], "operation {at}");
        if !has_happened {
            break;
        }
    }
}

#[tokio::test]
async fn two_processes_that_resume_an_agreed_payment_capture_and_post_it_once() {
    for at in 1.. {
        let shop = Fixture::new();
        let waiting = Waiting::at(&shop, "49.90").await;
        // Its process dies when it has committed that the person agreed: the first commit, and the fourth operation.
        let store = Eventful::on(shop.store.clone(), 4, Happening::DiesAfter);
        let (gateway, _) = shop.process_on(store);
        until_death(gateway.finish_payment(
            &waiting.payment,
            &waiting.session,
            &waiting.right_code(),
        ))
        .await;
        assert_eq!(state_of(&shop, waiting.payment.id()).await, "capturing");
        shop.clock.advance_seconds(60);
        let has_happened = resumed_twice(&shop, at).await;
        assert_eq!(check(&shop, waiting.payment.id()).await, "captured");
        assert_eq!(shop.bank.call_names(), ["authorize", "capture"], "operation {at}");
        if !has_happened {
            break;
        }
    }
}

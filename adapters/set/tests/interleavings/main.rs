//! What no theorem prover says of a purchase (docs/security/proof.md): order, once, replay, races, crashes. The real roles
//! are run in every order of what can happen to a purchase, with each of it at every operation of each other, and dead
//! after every operation.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a search may fail loudly")]

mod house;
mod store;

use std::{future, sync::Arc, thread};

use countersign_set::message::purchase::CompletionCode;

use house::{House, Purchase};
use store::Happening;

/// What can happen to a purchase. What is sent again is sent as it was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Deed {
    Buy,
    /// Somebody on the wire sends the merchant's request for the authorization again.
    ReplayAuthorization,
    RightCode,
    RightCodeDirect,
    WrongCode,
    WrongCodeDirect,
    Inquire,
    /// Between merchant and gateway; the second time, it is mended.
    CutTheWire,
    TimeRunsOut,
}

use Deed::{
    Buy, CutTheWire, Inquire, ReplayAuthorization, RightCode, RightCodeDirect, TimeRunsOut,
    WrongCode, WrongCodeDirect,
};

const DEEDS: [Deed; 9] = [
    Buy,
    ReplayAuthorization,
    RightCode,
    RightCodeDirect,
    WrongCode,
    WrongCodeDirect,
    Inquire,
    CutTheWire,
    TimeRunsOut,
];
/// How many deeds follow each other: enough for a code, its replay, and what comes between.
const LENGTH: u32 = 3;

impl Deed {
    async fn run(self, house: &House, purchase: &Purchase) {
        match self {
            Buy => house.ask_merchant(&purchase.p_req).await,
            ReplayAuthorization => {
                if let Some(request) = purchase.seen_authorization(house) {
                    house.ask_gateway(&request).await;
                }
            }
            RightCode => house.right_code(purchase, false).await,
            RightCodeDirect => house.right_code(purchase, true).await,
            WrongCode => house.wrong_code(purchase, false).await,
            WrongCodeDirect => house.wrong_code(purchase, true).await,
            Inquire => {
                let (message, _) = purchase.inquiry(house);
                house.ask_merchant(&message).await;
            }
            CutTheWire => house.cut_or_mend(),
            TimeRunsOut => house.let_time_run_out().await,
        }
    }
}

/// What must be true whatever has happened, and after the wire is mended and everybody has asked.
async fn check(house: &House, purchase: &Purchase, what: &str) -> bool {
    house.mend();
    let progress = purchase.ends(house).await;
    let calls = house.calls_for(purchase);
    let count = |name: &str| calls.iter().filter(|call| **call == name).count();
    assert!(count("authorize") <= 1, "{what}: {calls:?}");
    assert!(count("capture") <= 1, "{what}: {calls:?}");
    let is_captured = count("capture") == 1;
    assert!(!is_captured || purchase.was_right_code_typed(), "{what}: captured without the code");
    assert!(!is_captured || count("void") == 0, "{what}: {calls:?}");
    let Some(progress) = progress else {
        assert!(calls.is_empty(), "{what}: {calls:?}, and the merchant knows of no purchase");
        return false;
    };
    let is_told = progress.completion == CompletionCode::CapturePerformed;
    assert_eq!(is_told, is_captured, "{what}: {progress:?}");
    assert_eq!(progress.receipt.is_some(), is_captured, "{what}");
    is_captured
}

#[tokio::test]
async fn in_every_order_a_purchase_is_debited_at_most_once_and_only_with_the_code() {
    let house = House::new();
    let (mut captured, mut runs) = (0, 0);
    for number in 0..9_usize.pow(LENGTH) {
        let digit = |place: u32| DEEDS.get(number / 9_usize.pow(place) % 9).copied().unwrap();
        let deeds: Vec<Deed> = (0..LENGTH).map(digit).collect();
        // Before the purchase is sent, and after.
        for is_bought in [false, true] {
            let purchase = house.purchase().await;
            if is_bought {
                Buy.run(&house, &purchase).await;
            }
            for deed in &deeds {
                deed.run(&house, &purchase).await;
            }
            let what = format!("bought before: {is_bought}, then {deeds:?}");
            captured += usize::from(check(&house, &purchase, &what).await);
            runs += 1;
        }
    }
    assert!(captured > runs / 20, "{captured} of {runs} captured: too few to say much");
}

/// A deed within a deed takes more of the stack, unoptimised, than a test's thread has.
#[test]
fn whatever_meets_at_a_purchase_it_is_debited_at_most_once_and_answered_alike() {
    const STACK_BYTES: usize = 32 * 1024 * 1024;
    let search = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(meetings());
    };
    thread::Builder::new().stack_size(STACK_BYTES).spawn(search).unwrap().join().unwrap();
}

async fn meetings() {
    const MEETING: [Deed; 6] =
        [Buy, ReplayAuthorization, RightCode, RightCodeDirect, WrongCode, TimeRunsOut];
    let house = Arc::new(House::new());
    for ours in MEETING {
        for theirs in MEETING {
            for at in 1.. {
                let purchase = Arc::new(house.purchase().await);
                if ours != Buy {
                    Buy.run(&house, &purchase).await;
                }
                let act = {
                    let (house, purchase) = (house.clone(), purchase.clone());
                    Box::pin(async move { theirs.run(&house, &purchase).await })
                };
                house.store.arm(at, Happening::Meanwhile(act));
                ours.run(&house, &purchase).await;
                let has_happened = house.store.disarm();
                check(&house, &purchase, &format!("{theirs:?} at operation {at} of {ours:?}"))
                    .await;
                if !has_happened {
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_role_that_dies_at_any_operation_says_the_same_when_it_is_asked_again() {
    let house = House::new();
    for deed in [Buy, RightCode, RightCodeDirect, WrongCode, Inquire, ReplayAuthorization] {
        for is_before in [true, false] {
            for at in 1.. {
                let purchase = house.purchase().await;
                if deed != Buy {
                    Buy.run(&house, &purchase).await;
                }
                let death = if is_before { Happening::DiesBefore } else { Happening::DiesAfter };
                house.store.arm(at, death);
                // The fakes answer at once, so that one poll goes as far as the death.
                tokio::select! {
                    biased;
                    () = deed.run(&house, &purchase) => {}
                    () = future::ready(()) => {}
                }
                let has_died = house.store.disarm();
                deed.run(&house, &purchase).await;
                let what = format!("{deed:?} dies, before: {is_before}, at operation {at}");
                check(&house, &purchase, &what).await;
                if !has_died {
                    break;
                }
            }
        }
    }
}

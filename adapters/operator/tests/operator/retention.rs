//! What an operator keeps of an order goes when its code's time has been over for long enough.

use countersign_domain::{
    operator::Verdict,
    ports::Operator as _,
    retention::{COLLECTIONS, Kept, Retention},
};
use countersign_operator::ORDERS;

use crate::support::{Operating, PHONE, message, order, wrong};

const DAY_SECONDS: u32 = 86_400;

async fn days_later(operating: &Operating, days: u32) {
    operating.fixture.clock.advance_seconds(u64::from(days * DAY_SECONDS));
    let seconds = 30 * DAY_SECONDS;
    let collections = COLLECTIONS.into_iter().chain([ORDERS]);
    let kept = collections.map(|collection| Kept { collection, seconds }).collect();
    let mut retention = Retention::new(operating.fixture.ports.clone(), kept);
    while retention.remove(1).await.unwrap() > 0 {}
}

/// The records in which the number is.
fn with_number(operating: &Operating) -> Vec<&'static str> {
    let records = operating.fixture.store.records().into_iter();
    records.filter(|record| record.body.contains(PHONE)).map(|one| one.key.collection).collect()
}

#[tokio::test]
async fn an_order_goes_with_the_number_whether_its_code_was_typed_or_not_and_a_young_one_stays() {
    let operating = Operating::new();
    let desk = operating.desk("wallets");
    let [typed, left, young] = [1, 2, 3].map(order);
    desk.send(&typed, &message(1)).await.unwrap();
    let code = operating.code().await;
    let accepted = desk.check(&typed, &code).await.unwrap();
    desk.send(&left, &message(2)).await.unwrap();
    operating.texts().await;
    days_later(&operating, 20).await;
    desk.send(&young, &message(3)).await.unwrap();
    let its_code = operating.code().await;
    assert_eq!(desk.check(&typed, &code).await.unwrap(), accepted, "it is said again");
    // Nobody asked for the one that was left alone: its time is over all the same.
    days_later(&operating, 11).await;
    let mut found = with_number(&operating);
    found.sort_unstable();
    assert_eq!(found.iter().filter(|name| **name == ORDERS).count(), 1, "{found:?}");
    assert_eq!(found.iter().filter(|name| **name == "message").count(), 1, "{found:?}");

    // What was accepted once is not accepted again, and asking for it is no attempt at another.
    assert!(desk.check(&typed, &code).await.is_err());
    assert!(desk.check(&left, &code).await.is_err());
    let late = desk.check(&young, &its_code).await.unwrap();
    assert!(matches!(late, Verdict::Refused(_)), "{late:?}");
    assert!(matches!(desk.check(&young, &wrong(&its_code)).await, Ok(Verdict::Refused(_))));
    days_later(&operating, 20).await;
    let left: Vec<_> = with_number(&operating).into_iter().filter(|name| *name == ORDERS).collect();
    assert_eq!(left, Vec::<&str>::new());
}

//! Hundreds of purchases at once, through an SMS centre that takes fewer messages a second than there are.

use std::{sync::Arc, time::Duration};

use countersign_tests::load::{
    centre::Centre,
    shop::{Asked, Shop},
    throttle::{Count, Throttle},
};
use serde_json::json;
use tokio::{task::JoinSet, time::timeout};

use crate::support::{Trial, until};

const PAYERS: u32 = 250;

/// Connections on which they come.
const CLIENTS: u32 = 25;

/// Far longer than it takes: what is starved waits for longer.
const LONG: Duration = Duration::from_secs(120);

/// With it, the message takes two parts.
const LONG_ITEM: &str = r#"[{"name":"A cupboard of two doors, in oak, with a drawer and the screws","quantity":1},{"name":"A table for six people, in oak, which folds, with its screws","quantity":1}]"#;

/// By it the centre knows whose code it is.
fn amount(payer: u32) -> String {
    format!("{}.{:02}", 10 + payer / 100, payer % 100)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_payer_gets_the_code_and_pays_with_it() {
    all_pay("[]", 1, Throttle::new(Count::Clock, 50)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_messages_in_two_parts_each_part_is_submitted_once_whatever_is_throttled() {
    all_pay(LONG_ITEM, 2, Throttle::new(Count::Sliding, 100).with_random_refusals(10)).await;
}

async fn all_pay(items: &'static str, parts: u32, throttle: Throttle) {
    let centre = Centre::start().await.unwrap();
    // Nothing is taken before all wait, so that the last of them waits however fast this machine is.
    centre.throttle(Throttle::new(Count::Clock, 0));
    let trial = Trial::start(Some(centre.external())).await;
    let card = format!("/bank/cards/{}", trial.person().card.number);
    let rich = json!({ "expiry": "2035-12", "balance": { "value": "9999.00", "currency": "EUR" } });
    assert_eq!(trial.shop.control("PUT", &card, Some(&rich)).status, 204);
    let shop = Arc::new(Shop::of(&trial.sandbox, centre).unwrap());
    let asked = all_ask(&shop, items).await;

    let browser = trial.shop.browser("last");
    let page = trial.begin(&browser);
    let code = shop.centre.code("49.90");
    until("the payer is told that the message waits", || {
        let seen = browser.open(&page, &[]);
        (seen.text("/code/message") == "waiting").then_some(())
    });
    let shown = browser.look(&page, &[]).body;
    assert!(shown.as_str().unwrap().contains("waits: the phone network is busy"), "{shown}");

    shop.centre.throttle(throttle);
    timeout(LONG, all_type(&shop, asked)).await.unwrap();
    let typed = browser.type_code(&page, &timeout(LONG, code).await.unwrap().unwrap());
    assert_eq!(typed.text("/status"), "paid", "{typed:?}");
    let submitted = shop.centre.submitted();
    assert_eq!((submitted.taken, submitted.again), (PAYERS * parts + 1, 0), "{submitted:?}");
    assert!(submitted.throttled > 0, "{submitted:?}");
    trial.sandbox.stop().await;
}

/// All payers, each with a phone, are asked for their codes.
async fn all_ask(shop: &Arc<Shop>, items: &'static str) -> Vec<(String, Asked)> {
    // One after the other: they have one card in common.
    let mut till = shop.till().await.unwrap();
    for payer in 0..PAYERS {
        let number = format!("+336123{payer:05}");
        shop.enrol(&mut till, &format!("payer-{payer}"), &number).await.unwrap();
    }
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let shop = Arc::clone(shop);
        clients.spawn(async move {
            let (mut till, mut asked) = (shop.till().await.unwrap(), Vec::new());
            for payer in (client..PAYERS).step_by(usize::try_from(CLIENTS).unwrap()) {
                let (who, amount) = (format!("user_id=payer-{payer}"), amount(payer));
                let page = shop.order_of(&mut till, &amount, items).await.unwrap();
                let waits = shop.ask(&mut till.payer, &page, &amount, &who).await.unwrap();
                asked.push((page, waits));
            }
            asked
        });
    }
    clients.join_all().await.into_iter().flatten().collect()
}

/// All payers type their codes as these come.
async fn all_type(shop: &Arc<Shop>, asked: Vec<(String, Asked)>) {
    let mut payers = JoinSet::new();
    for (page, Asked { code, session }) in asked {
        let shop = Arc::clone(shop);
        payers.spawn(async move {
            let code = code.await.unwrap();
            let mut till = shop.till().await.unwrap();
            session.type_code(&mut till.payer, &page, &code).await.unwrap();
        });
    }
    payers.join_all().await;
}

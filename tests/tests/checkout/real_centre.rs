//! The checkout's messages through osmo-msc, a GSM switching centre with an SMPP 3.4 SMSC, to a phone that is attached
//! to it; receipts and texts the other way.

use std::time::Duration;

use countersign_domain::{address::Msisdn, event::Event, ports::Reads as _, record::RecordKey};
use countersign_sandbox::ExternalCentre;
use countersign_store::SqliteStore;
use countersign_tests::osmo::{OsmoCentre, Phone};
use serde_json::json;

use crate::support::{Trial, code_in, until};

const IMSI: &str = "001010000000001";
const WITHIN: Duration = Duration::from_secs(10);
/// For the last of many.
const LONG: Duration = Duration::from_secs(40);
const PURCHASES: usize = 60;

/// A real centre that knows the person's number, and a sandbox that sends through it.
async fn trial() -> (OsmoCentre, Trial) {
    trial_in(false).await
}

async fn trial_in(transaction_mode: bool) -> (OsmoCentre, Trial) {
    let centre = OsmoCentre::start().await.unwrap_or_else(|error| panic!("{error}"));
    let external = ExternalCentre {
        address: centre.smpp_address().to_string(),
        system_id: centre.system_id().to_owned(),
        password: centre.password().to_owned(),
        source: "Dupont".to_owned(),
        transaction_mode,
    };
    let trial = Trial::start(Some(external)).await;
    let msisdn = trial.person().number.trim_start_matches('+');
    centre.add_subscriber(IMSI, msisdn).await.unwrap();
    (centre, trial)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_purchase_is_paid_with_the_code_that_a_real_phone_shows() {
    let (centre, trial) = trial().await;
    let mut phone = Phone::attach(&centre, IMSI).await.unwrap();
    let browser = trial.shop.browser("payer");
    let page = trial.begin(&browser);

    let sms = phone.next_message(WITHIN).await.unwrap();
    assert_eq!(sms.from, "Dupont");
    assert!(sms.text.starts_with("Pay 49.90 EUR to Librairie Dupont\n"), "{}", sms.text);
    until("the receipt", || {
        let seen = browser.open(&page, &[]);
        (seen.text("/code/message") == "delivered").then_some(())
    });
    let typed = browser.type_code(&page, code_in(&sms.text));
    assert_eq!(typed.text("/status"), "paid", "{typed:?}");
    assert_eq!(trial.movements(), ["held", "debited"]);
    trial.sandbox.stop().await;
}

/// This centre writes receipts of deliveries only. Of failures it tells in its answer, in transaction mode.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_failure_that_the_centre_tells_of_ends_the_payment() {
    let (centre, trial) = trial_in(true).await;
    let fails = |payer| {
        let browser = trial.shop.browser(payer);
        let page = trial.begin(&browser);
        let ended = trial.wait_for_status(&browser, &page, "voided");
        assert_eq!(ended.text("/cause"), "phone-unreachable", "{ended:?}");
    };
    fails("nobody is attached under the number");
    let phone = Phone::attach(&centre, IMSI).await.unwrap();
    phone.reject(true);
    fails("the phone is there and refuses");
    until("what was held is released", || {
        let released = |kind: &&String| *kind == "released";
        (trial.movements().iter().filter(released).count() == 2).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_message_that_the_phone_refuses_at_first_is_kept_for_it() {
    let (centre, trial) = trial().await;
    let mut phone = Phone::attach(&centre, IMSI).await.unwrap();
    phone.reject(true);
    let browser = trial.shop.browser("payer");
    let page = trial.begin(&browser);
    until("the centre has taken it over", || {
        let seen = browser.open(&page, &[]);
        (seen.text("/code/message") == "sent").then_some(())
    });
    phone.reject(false);
    let sms = phone.next_message(WITHIN).await.unwrap();
    let typed = browser.type_code(&page, code_in(&sms.text));
    assert_eq!(typed.text("/status"), "paid", "{typed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_phone_that_is_switched_on_in_time_gets_its_message() {
    let (centre, trial) = trial().await;
    let browser = trial.shop.browser("payer");
    let page = trial.begin(&browser);
    until("the centre has taken it over", || {
        let seen = browser.open(&page, &[]);
        (seen.text("/code/message") == "sent").then_some(())
    });
    let mut phone = Phone::attach(&centre, IMSI).await.unwrap();
    let sms = phone.next_message(WITHIN).await.unwrap();
    let typed = browser.type_code(&page, code_in(&sms.text));
    assert_eq!(typed.text("/status"), "paid", "{typed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_number_that_is_not_attached_pays_nothing() {
    let (_centre, trial) = trial().await;
    let browser = trial.shop.browser("payer");
    let page = trial.begin(&browser);
    let advanced = trial.shop.control("POST", "/clock", Some(&json!({ "advance_seconds": 301 })));
    assert_eq!(advanced.status, 204, "{advanced:?}");
    let ended = trial.wait_for_status(&browser, &page, "voided");
    assert_eq!(ended.text("/cause"), "late-code", "{ended:?}");
    until("what was held is released", || {
        (trial.movements() == ["held", "released"]).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_long_message_beyond_the_gsm_alphabet_is_shown_whole() {
    let (centre, trial) = trial().await;
    let mut phone = Phone::attach(&centre, IMSI).await.unwrap();
    let browser = trial.shop.browser("payer");
    let items = json!([
        { "name": "Œufs de la Łódź, prix en €", "quantity": 12 },
        { "name": "Пирог с капустой", "quantity": 2 },
    ]);
    let page = trial.shop.order("49.90", &items);
    browser.pay(&page, &format!("user_id={}", trial.person().user_id));
    let sms = phone.next_message(WITHIN).await.unwrap();
    let goods = "12 x Œufs de la Łódź, prix en €, 2 x Пирог с капустой\n";
    assert!(sms.text.contains(goods), "{}", sms.text);
    let typed = browser.type_code(&page, code_in(&sms.text));
    assert_eq!(typed.text("/status"), "paid", "{typed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_text_that_a_real_phone_sends_is_handed_to_the_domain() {
    let (centre, trial) = trial().await;
    let mut phone = Phone::attach(&centre, IMSI).await.unwrap();
    // Once a message has come, the session with the centre stands.
    trial.begin(&trial.shop.browser("payer"));
    phone.next_message(WITHIN).await.unwrap();

    phone.send(centre.short_code(), "YES 654321").await.unwrap();
    let from = Msisdn::try_from(trial.person().number.as_str()).unwrap().masked();
    let about = RecordKey { collection: "inbound_text", id: from.clone() };
    trial.sandbox.stop().await;
    let file = trial.folder.path().join("sandbox/countersign.db");
    let facts = SqliteStore::open(&file).unwrap().facts(&about).await;
    let events: Vec<_> = facts.unwrap().into_iter().map(|fact| fact.event).collect();
    assert_eq!(events, [Event::TextReceived { from }]);
}

/// Purchases at once, as many as an evening's peak at a shop. Items of one in two make the message take two parts.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_purchases_at_once_each_phone_shows_one_code_and_pays_with_it() {
    let (centre, trial) = trial().await;
    let long = json!([{ "name": "A cupboard of two doors, in oak, with a drawer and the screws", "quantity": 1 },
        { "name": "A table for six people, in oak, which folds, with its screws", "quantity": 1 }]);
    let mut waiting = Vec::new();
    for place in 0..PURCHASES {
        let (imsi, number) = (format!("0010100000001{place:02}"), format!("+336123000{place:02}"));
        centre.add_subscriber(&imsi, number.trim_start_matches('+')).await.unwrap();
        let phone = Phone::attach(&centre, &imsi).await.unwrap();
        let payer = trial.payer(&format!("payer-{place}"), &number);
        let items = if place % 2 == 0 { json!([]) } else { long.clone() };
        waiting.push((phone, payer, trial.shop.order("49.90", &items)));
    }
    let browsers: Vec<_> =
        (0..PURCHASES).map(|place| trial.shop.browser(&format!("{place}"))).collect();
    for ((_, payer, page), browser) in waiting.iter().zip(&browsers) {
        let asked = browser.pay(page, &payer.by_user_id());
        assert_eq!(asked.text("/status"), "awaiting_code", "{asked:?}");
    }
    let mut shown = Vec::new();
    for (phone, _, _) in &mut waiting {
        shown.push(phone.next_message(LONG).await.unwrap());
    }
    let mut without: Vec<_> = waiting.iter().map(|(_, _, page)| page).zip(&browsers).collect();
    until("each receipt that the centre wrote has found its message", || {
        let answered = centre.deliveries_answered();
        without
            .retain(|(page, browser)| browser.open(page, &[]).text("/code/message") != "delivered");
        let delivered = PURCHASES - without.len();
        (delivered == answered && delivered > PURCHASES / 2).then_some(())
    });
    // With a receipt or without.
    for (((_, _, page), browser), sms) in waiting.iter().zip(&browsers).zip(&shown) {
        let typed = browser.type_code(page, code_in(&sms.text));
        assert_eq!(typed.text("/status"), "paid", "{typed:?}");
    }
    for (phone, payer, _) in &mut waiting {
        let again = phone.next_message(Duration::from_millis(1)).await;
        assert!(again.is_err(), "{again:?}");
        assert_eq!(trial.movements_of(&payer.card), ["held", "debited"]);
    }
}

//! The flow of a purchase, as the sandbox draws it from what was really sent.

use serde_json::json;

use crate::support::{Trial, code_in, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_purchase_is_drawn_with_all_that_was_sent_and_nothing_secret() {
    let trial = Trial::start(None).await;
    let browser = trial.shop.browser("payer");
    // A long message, in two parts.
    let items = json!([{ "name": "Le Petit Prince" }, { "name": "Vol de nuit" }, { "name": "Terre des hommes" }]);
    let page = trial.shop.order("49.90", &items);
    let person = trial.person().clone();
    browser.pay(&page, &format!("user_id={}", person.user_id));
    let code = code_in(&trial.text()).to_owned();
    let path = format!("/purchases/{}", page.rsplit('/').next().unwrap());
    let flow = until("the receipt is drawn", || {
        let flow = trial.shop.control("GET", &format!("{path}/flow.json"), None).body;
        flow.to_string().contains("receipt DELIVRD").then_some(flow)
    });
    assert!(!flow.to_string().contains("0220 completion"), "{flow}");
    browser.type_code(&page, &code);

    let flow = trial.shop.control("GET", &format!("{path}/flow.json"), None).body;
    let arrows = flow["arrows"].as_array().unwrap().iter();
    let labels: Vec<&str> = arrows.map(|arrow| arrow["label"].as_str().unwrap()).collect();
    let count = |label: &str| labels.iter().filter(|found| **found == label).count();
    for (label, times) in [
        ("asks for 49.90 EUR", 1),
        ("pays by user id", 1),
        ("0100 authorization", 1),
        ("0110 authorization: done", 1),
        ("submit_sm", 2),
        ("submit_sm_resp", 2),
        ("shows: Pay 49.90 EUR to Librairie Dupont", 1),
        ("types the code", 1),
        ("0220 completion", 1),
        ("200 paid", 1),
    ] {
        assert_eq!(count(label), times, "{label}: {labels:?}");
    }

    let page = trial.shop.control("GET", &path, None).body.to_string();
    // Above the drawing there is a way to the phone, by its number.
    let html = page.split_once("data-live").unwrap().1.to_owned();
    let mermaid = trial.shop.control("GET", &format!("{path}/flow.mmd"), None).body.to_string();
    let number = person.number.trim_start_matches('+');
    for drawn in [flow.to_string(), html, mermaid] {
        assert!(drawn.contains("0100 authorization"), "{drawn}");
        for secret in [code.as_str(), number, &person.card.number, trial.sandbox.api_key()] {
            assert!(!drawn.contains(secret), "{secret} is in {drawn}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_message_that_cannot_be_delivered_is_drawn_too() {
    let trial = Trial::start(None).await;
    let handset = format!("/handsets/{}", trial.person().number);
    trial.shop.control("PUT", &handset, Some(&json!({ "state": "barred" })));
    let browser = trial.shop.browser("payer");
    let page = trial.begin(&browser);
    trial.wait_for_status(&browser, &page, "voided");
    let path = format!("/purchases/{}/flow.json", page.rsplit('/').next().unwrap());
    for label in ["receipt UNDELIV", "0400 reversal", "0410 reversal: done"] {
        until(label, || {
            let flow = trial.shop.control("GET", &path, None).body.to_string();
            flow.contains(label).then_some(())
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_no_purchase_has_no_flow() {
    let trial = Trial::start(None).await;
    for id in ["co_0", "nothing", "..%2F..", "%ff"] {
        let answer = trial.shop.control("GET", &format!("/purchases/{id}/flow.json"), None);
        let is_empty = answer.body["arrows"].as_array().is_some_and(Vec::is_empty);
        assert!(is_empty || answer.status >= 400, "{id}: {answer:?}");
    }
}

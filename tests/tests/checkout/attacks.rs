//! What somebody tries who knows no more than a name, against limits that are those by default. How many of each got through is
//! in docs/security/limits.md.

use std::collections::BTreeMap;

use countersign_tests::curl::Browser;
use serde_json::json;

use crate::support::{Payer, Trial, until};

/// Longer than the pause between two messages.
const PAUSE_SECONDS: u32 = 21;

/// Begins to pay at a new checkout; the address of its page, and what became of it: a status, or the cause of its end.
fn begin(trial: &Trial, browser: &Browser<'_>, euros: &str, form: &str) -> (String, String) {
    let page = trial.shop.order(euros, &json!([]));
    let asked = browser.pay(&page, form);
    assert_eq!(asked.status, 200, "{asked:?}");
    let became = match asked.text("/cause") {
        "" => asked.text("/status"),
        cause => cause,
    };
    (page, became.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_120_wrong_codes_five_are_looked_at_and_the_phone_is_told_once() {
    let trial = Trial::limited().await;
    let (browser, form) =
        (trial.shop.browser("guesser"), format!("user_id={}", trial.person().user_id));
    let mut answers = BTreeMap::<String, u32>::new();
    let mut count = |answer: &str| *answers.entry(answer.to_owned()).or_default() += 1;
    let mut tries = 0;
    while tries < 120 {
        let (page, became) = begin(&trial, &browser, "49.90", &form);
        if became == "message-too-soon" {
            trial.advance(PAUSE_SECONDS);
            continue;
        }
        if became != "awaiting_code" {
            count(&became);
            tries += 1;
            continue;
        }
        // Three end a payment. In a block they are not looked at, and end nothing.
        for _ in 0..3 {
            let answer = browser.type_code(&page, "0000000000");
            count(answer.text("/type").rsplit(':').next().unwrap());
            tries += 1;
        }
        browser.open(&format!("{page}/cancel"), &["-X", "POST"]);
    }
    let of = |answer: &str| answers.get(answer).copied().unwrap_or_default();
    assert_eq!(of("wrong-code") + of("too-many-attempts"), 5, "{answers:?}");
    assert_eq!(of("blocked"), 115, "{answers:?}");
    let told = || {
        let texts = trial.texts(&trial.person().number);
        texts.iter().filter(|text| text.starts_with("Too many wrong codes")).count()
    };
    until("the phone's holder is told", || (told() > 0).then_some(()));
    assert_eq!(told(), 1);
    let (page, became) = begin(&trial, &browser, "49.90", &form);
    assert_eq!(became, "blocked");
    let shown = browser.open(&page, &[]);
    assert!(shown.body["wait_seconds"].as_u64().is_some_and(|left| left > 840), "{shown:?}");
    let seen = browser.look(&page, &[]).body.to_string();
    assert!(seen.contains("try again in 15 minutes"), "{seen}");
    trial.advance(60);
    let seen = browser.look(&page, &[]).body.to_string();
    assert!(seen.contains("try again in 14 minutes"), "{seen}");
    assert!(trial.movements().is_empty(), "the bank was asked");
    trial.advance(14 * 60);
    assert_eq!(begin(&trial, &browser, "49.90", &form).1, "awaiting_code");
}

/// RFC 9110 section 10.2.3.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_limit_refuses_says_in_its_header_when_to_ask_again() {
    let trial = Trial::limited().await;
    let browser = trial.shop.browser("hasty");
    let page = trial.begin(&browser);
    let headers = ["-X", "POST", "-D", "-", "-o", "/dev/null"];
    for answer in [
        browser.open(&format!("{page}/resend"), &headers),
        browser.look(&format!("{page}/resend"), &headers),
    ] {
        assert_eq!(answer.status, 429, "{answer:?}");
        let headers = answer.body.as_str().unwrap().to_lowercase();
        let seconds = headers.lines().find_map(|line| line.strip_prefix("retry-after: "));
        let seconds: u32 = seconds.unwrap().parse().unwrap();
        assert!((1..=30).contains(&seconds), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn to_begin_and_cancel_five_times_makes_a_phone_ring_once() {
    let trial = Trial::limited().await;
    let form = format!("user_id={}", trial.person().user_id);
    let mut became = Vec::new();
    for visit in 0..5 {
        let browser = trial.shop.browser(&format!("visit-{visit}"));
        let (page, status) = begin(&trial, &browser, "49.90", &form);
        browser.open(&format!("{page}/cancel"), &["-X", "POST"]);
        became.push(status);
    }
    assert_eq!(became[0], "awaiting_code");
    assert_eq!(became[1..], ["message-too-soon"; 4]);
    trial.advance(PAUSE_SECONDS);
    let (_, later) = begin(&trial, &trial.shop.browser("later"), "19.90", &form);
    assert_eq!(later, "awaiting_code");
    // One that was called off before it was sent is not sent at all.
    let texts = until("the later message", || {
        let texts = trial.texts(&trial.person().number);
        texts.iter().any(|text| text.contains("19.90")).then_some(texts)
    });
    assert!(texts.len() <= 2, "{texts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_message_goes_to_satellite_and_premium_numbers() {
    let trial = Trial::limited().await;
    let browser = trial.shop.browser("fraudster");
    let mut payers = Vec::new();
    for prefix in ["+870", "+881", "+882", "+883", "+979"] {
        for number in 0..4 {
            let payer =
                trial.payer(&format!("far{prefix}{number}"), &format!("{prefix}77300{number:03}"));
            let form = format!("user_id={}", payer.user_id.replace('+', "%2B"));
            let (_, became) = begin(&trial, &browser, "49.90", &form);
            // That no message goes there is not told: it would tell whose number it is.
            assert!(matches!(became.as_str(), "awaiting_code" | "message-limit"), "{became}");
            payers.push(payer);
        }
    }
    // What went out before would have arrived by now.
    trial.begin(&trial.shop.browser("payer"));
    trial.text();
    for Payer { number, card, .. } in &payers {
        assert!(trial.texts(number).is_empty(), "{number}");
        assert!(trial.movements_of(card).is_empty(), "{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stranger_has_nothing_held_and_two_payments_wait() {
    let trial = Trial::limited().await;
    let form = format!("user_id={}", trial.person().user_id);
    let mut waiting = 0;
    // Twenty times 48 EUR were 960 of the 1,000 EUR.
    for visit in 0..20 {
        let browser = trial.shop.browser(&format!("stranger-{visit}"));
        match begin(&trial, &browser, "48.00", &form).1.as_str() {
            "awaiting_code" => waiting += 1,
            "too-many-waiting" => {}
            other => panic!("{other}"),
        }
        if visit < 10 {
            trial.advance(PAUSE_SECONDS);
        }
    }
    assert_eq!(waiting, 2);
    assert!(trial.movements().is_empty(), "{:?}", trial.movements());
    trial.advance(300);
    let (_, became) = begin(&trial, &trial.shop.browser("owner"), "48.00", &form);
    assert_eq!(became, "awaiting_code", "when their time is over, others may wait");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_forty_payments_of_five_euros_by_name_five_need_no_code() {
    let trial = Trial::limited().await;
    let form = format!("user_id={}", trial.person().user_id);
    let mut became = BTreeMap::<String, u32>::new();
    for visit in 0..40 {
        let browser = trial.shop.browser(&format!("visit-{}", visit % 4));
        let (_, status) = begin(&trial, &browser, "5.00", &form);
        *became.entry(status).or_default() += 1;
    }
    assert_eq!(became.get("paid"), Some(&5), "{became:?}");
    assert_eq!(became.get("awaiting_code"), Some(&1), "{became:?}");
    assert_eq!(became.get("message-too-soon"), Some(&34), "{became:?}");
    let debited = trial.movements().iter().filter(|kind| *kind == "debited").count();
    assert_eq!(debited, 5, "{:?}", trial.movements());
}

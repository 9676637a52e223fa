//! Known against unknown is not told (ASVS 6.3.8), where the merchant does not want it told.

use countersign_domain::{policy::PolicySettings, testing::Fixture};

use crate::browser::Browser;
use crate::support::Shop;

const ALICE: &str = "user_id=alice";
const NOBODY: &str = "user_id=nobody";
const ALICES_CARD: &str = "card_number=4970100000000154&card_expiry=12/29";
const NO_CARD: &str = "card_number=5555555555554444&card_expiry=12/29";
const ALICE_BY_ANOTHERS_CARD: &str = "user_id=alice&card_number=5555555555554444&card_expiry=12/29";

/// Everything that payer and merchant are answered, from the first form to an end by wrong codes, without what is random.
async fn all_answers(form: &str, accept: &'static str) -> Vec<String> {
    let shop = Shop::of(Fixture::with_policy(PolicySettings::default()), None);
    shop.enrol().await;
    let page = shop.order("discreet").await;
    let id = page.rsplit('/').next().unwrap();
    let browser = Browser::at(&shop, &page, accept).await;
    let code = format!("{page}/code");
    let mut answers = vec![browser.submit(&page, form).await, browser.open(&page).await];
    // A known payer's message goes out meanwhile.
    shop.fixture.next_message().await;
    answers.push(browser.open(&page).await);
    let api = format!("/v1/checkouts/{id}");
    let trace = format!("{api}/trace");
    answers.push(shop.call("discreet", "GET", &api, &[], "").await);
    answers.push(shop.call("discreet", "GET", &trace, &[], "").await);
    answers.push(browser.submit(&format!("{page}/resend"), "").await);
    shop.fixture.clock.advance_seconds(30);
    answers.push(browser.submit(&format!("{page}/resend"), "").await);
    shop.fixture.next_message().await;
    for _ in 0..4 {
        answers.push(browser.submit(&code, "code=000000000").await);
    }
    answers.push(browser.open(&page).await);
    answers.push(shop.call("discreet", "GET", &api, &[], "").await);
    answers.push(shop.call("discreet", "GET", &trace, &[], "").await);
    answers
        .iter()
        .map(|answer| format!("{} {}", answer.status, without_ids(&answer.body)))
        .collect()
}

/// Ids, bank references and the short reference are random or made of what is.
fn without_ids(body: &str) -> String {
    let is_random = |word: &str| {
        let is_id = word.len() >= 32 && word.chars().all(|c| c.is_ascii_hexdigit());
        is_id
            || word.len() == 12
                && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    let mut shown = String::new();
    let mut rest = body;
    for mark in ["\"reference\":\"", "must say ref "] {
        if let Some((before, after)) = rest.split_once(mark)
            && !after.starts_with("order")
        {
            shown.push_str(before);
            rest = after.get(4..).unwrap();
        }
    }
    shown.push_str(rest);
    let words = shown.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| !is_random(word)).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn an_unknown_name_or_card_gets_the_same_answers_as_a_known_one() {
    for accept in ["application/json", "text/html"] {
        let known = all_answers(ALICE, accept).await;
        assert!(known[1].contains("awaiting") || known[1].contains("is known here"), "{known:?}");
        for form in [NOBODY, ALICES_CARD, NO_CARD, ALICE_BY_ANOTHERS_CARD] {
            let others = all_answers(form, accept).await;
            for (known, other) in known.iter().zip(&others) {
                assert_eq!(known, other, "{form}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_gets_a_message_and_the_bank_is_never_asked() {
    let shop = Shop::of(Fixture::with_policy(PolicySettings::default()), None);
    shop.enrol().await;
    for form in [NOBODY, NO_CARD, ALICE_BY_ANOTHERS_CARD] {
        let page = shop.order("discreet").await;
        let browser = Browser::at(&shop, &page, "application/json").await;
        assert_eq!(browser.submit(&page, form).await.text("/status"), "awaiting_code");
        shop.fixture.clock.advance_seconds(30);
        browser.submit(&format!("{page}/resend"), "").await;
        assert_eq!(shop.fixture.next_message().await, None, "{form}");
    }
    assert!(shop.fixture.bank.calls().is_empty());
}

#[tokio::test]
async fn a_cards_digits_are_shown_after_the_code_and_not_before() {
    let shop = Shop::of(Fixture::with_policy(PolicySettings::default()), None);
    shop.enrol().await;
    let page = shop.order("discreet").await;
    let api = page.replace("/pay/", "/v1/checkouts/");
    let browser = Browser::at(&shop, &page, "application/json").await;
    let asked = browser.submit(&page, ALICE).await;
    for seen in [&asked, &shop.call("discreet", "GET", &api, &[], "").await] {
        assert!(!seen.body.contains("• 0154") && !seen.body.contains("•78"), "{seen:?}");
    }
    let code = format!("code={}", shop.code().await);
    let paid = browser.submit(&format!("{page}/code"), &code).await;
    assert_eq!((paid.text("/status"), paid.text("/card")), ("paid".into(), "•••• 0154".into()));
}

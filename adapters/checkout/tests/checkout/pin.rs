//! PINs on the payers' pages, and in what merchants see.

use countersign_domain::{
    pin::PinFrom,
    plan::Exemption,
    policy::{PolicySettings, Profile},
};
use serde_json::json;

use crate::browser::Browser;
use crate::support::{CARD, NUMBER, Shop};

const JSON: &str = "application/json";
const HTML: &str = "text/html";
const PIN: &str = "283915";

fn psd2(pin_from: PinFrom) -> Shop {
    Shop::under(PolicySettings {
        profile: Some(Profile::Psd2),
        pin_from,
        ..PolicySettings::default()
    })
}

/// Alice is entered with that PIN.
async fn enrol(shop: &Shop, pin: &str) -> u16 {
    let card = json!({ "number": CARD, "expiry": "12/29" });
    let alice = json!({ "number": NUMBER, "card": card, "pin": pin });
    let path = "/v1/subscribers/alice";
    shop.call("dupont", "PUT", path, &[], alice.to_string()).await.status.as_u16()
}

async fn merchant_sees(shop: &Shop, page: &str, member: &str) -> serde_json::Value {
    let path = format!("/v1/checkouts/{}", page.trim_start_matches("/pay/"));
    let seen = shop.call("dupont", "GET", &path, &[], "").await.json();
    seen.get(member).cloned().unwrap_or_default()
}

#[tokio::test]
async fn without_a_profile_no_pin_is_asked_for_and_one_element_is_told() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, JSON).await;
    let asked = browser.submit(&page, "user_id=alice").await;
    assert!(asked.json()["code"].get("pin").is_none(), "{asked:?}");
    assert_eq!(merchant_sees(&shop, &page, "elements").await, json!([]));
    let form = format!("code={}", shop.code().await);
    assert_eq!(browser.submit(&format!("{page}/code"), &form).await.text("/status"), "paid");
    assert_eq!(merchant_sees(&shop, &page, "elements").await, json!(["phone"]));
}

#[tokio::test]
async fn the_pages_of_both_languages_ask_for_the_pin_beside_the_code_without_javascript() {
    for (language, label, hint) in [
        ("en", "PIN or password", "it is not in the message"),
        ("fr", "Code PIN ou mot de passe", "pas dans le message"),
    ] {
        let shop = psd2(PinFrom::Enrolment);
        shop.enrol().await;
        let page = shop.order("dupont").await;
        let browser = Browser::at(&shop, &page, HTML).await;
        browser.submit(&page, "user_id=alice").await;
        let shown = browser.open(&format!("{page}?language={language}")).await.body;
        let field = shown.split("<input").find(|input| input.contains(r#"id="pin""#)).unwrap();
        for attribute in
            [r#"type="password""#, r#"autocomplete="current-password""#, "pin-hint", "required"]
        {
            assert!(field.contains(attribute), "{attribute}: {field}");
        }
        assert!(shown.contains(&format!(r#"<label for="pin">{label}</label>"#)), "{shown}");
        assert!(shown.contains(hint) && !shown.contains("<script"), "{shown}");
        assert!(!shown.contains("new_pin"), "none is set here: {shown}");
    }
}

#[tokio::test]
async fn a_wrong_code_and_a_wrong_pin_have_one_answer() {
    let shop = psd2(PinFrom::Enrolment);
    assert_eq!(enrol(&shop, PIN).await, 204);
    let mut answers = Vec::new();
    for (right_code, pin) in [(true, "283916"), (false, PIN), (false, "283916"), (true, "")] {
        let page = shop.order("dupont").await;
        let browser = Browser::at(&shop, &page, JSON).await;
        let asked = browser.submit(&page, "user_id=alice").await;
        assert_eq!(asked.text("/code/pin"), "asked");
        let code = if right_code { shop.code().await } else { "0000000000".to_owned() };
        let form = format!("code={code}&pin={pin}");
        let refused = browser.submit(&format!("{page}/code"), &form).await;
        assert_eq!(refused.refusal(), (422, "wrong-code".to_owned()));
        answers.push(refused.body);
        assert_eq!(merchant_sees(&shop, &page, "elements").await, json!([]));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.concat().contains("Code or PIN is not right"), "{answers:?}");
}

#[tokio::test]
async fn code_and_pin_pay_and_the_merchant_sees_both_elements() {
    let shop = psd2(PinFrom::Enrolment);
    assert_eq!(enrol(&shop, PIN).await, 204);
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, JSON).await;
    browser.submit(&page, "user_id=alice").await;
    let form = format!("code={}&pin={PIN}", shop.code().await);
    assert_eq!(browser.submit(&format!("{page}/code"), &form).await.text("/status"), "paid");
    assert_eq!(merchant_sees(&shop, &page, "elements").await, json!(["phone", "pin"]));
}

#[tokio::test]
async fn a_pin_that_is_set_on_the_page_pays_the_next_payment_and_not_this_one() {
    let shop = psd2(PinFrom::Code);
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, HTML).await;
    browser.submit(&page, "user_id=alice").await;
    let shown = browser.open(&page).await.body;
    assert!(shown.contains(r#"autocomplete="new-password""#), "{shown}");
    let code_form = format!("{page}/code");

    let weak = format!("code={}&pin=&new_pin=123456", shop.code().await);
    let refused = browser.submit(&code_form, &weak).await;
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("guessed first"), "{}", refused.body);
    let set = format!("code={}&pin=&new_pin={PIN}", shop.code().await);
    let answered = browser.submit(&code_form, &set).await;
    assert_eq!(answered.status, 409);
    assert!(answered.body.contains("Your PIN is set"), "{}", answered.body);
    assert_eq!(merchant_sees(&shop, &page, "cause").await, "pin-set");

    browser.submit(&page, "user_id=alice").await;
    let form = format!("code={}&pin={PIN}&new_pin=", shop.code().await);
    assert_eq!(browser.submit(&code_form, &form).await.status, 303);
    let both = json!(["phone", "pin_set_by_code"]);
    assert_eq!(merchant_sees(&shop, &page, "elements").await, both);
}

#[tokio::test]
async fn a_pin_that_is_guessed_first_is_not_entered() {
    let shop = psd2(PinFrom::Enrolment);
    for (pin, status) in [("000000", 422), ("28391", 422), ("", 422), (PIN, 204)] {
        assert_eq!(enrol(&shop, pin).await, status, "{pin}");
    }
}

#[tokio::test]
async fn a_low_amount_is_told_with_the_article_that_exempts_it() {
    let low = countersign_domain::testing::purchase("30.00").amount();
    let shop = Shop::under(PolicySettings {
        profile: Some(Profile::Psd2),
        normal_up_to: vec![low],
        ..PolicySettings::default()
    });
    shop.enrol().await;
    let order = json!({ "amount": { "value": "29.90", "currency": "EUR" }, "reference": "1" });
    let created = shop.call("dupont", "POST", "/v1/checkouts", &[], order.to_string()).await;
    let url = created.text("/url");
    let page = url.strip_prefix("https://pay.example.com").unwrap();
    let browser = Browser::at(&shop, page, JSON).await;
    assert_eq!(browser.submit(page, "user_id=alice").await.text("/status"), "paid");
    assert_eq!(merchant_sees(&shop, page, "elements").await, json!([]));
    let exemption = json!({ "name": Exemption::LowValue.name(), "article": "RTS art. 16" });
    assert_eq!(merchant_sees(&shop, page, "exemption").await, exemption);
}

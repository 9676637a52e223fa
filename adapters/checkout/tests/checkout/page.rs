//! What the page says, in which language, and what it looks like.

use axum::http::{StatusCode, header};

use crate::{
    browser::Browser,
    support::{Answer, Shop, order},
};

const HTML: &str = "text/html";

/// The page of an order of 49.90 EUR with that locale, or none.
async fn page_in(shop: &Shop, locale: Option<&str>) -> String {
    let mut body = order();
    if let Some(locale) = locale {
        let members = body.as_object_mut().unwrap();
        members.insert("locale".to_owned(), locale.into());
    }
    let created = shop.call("dupont", "POST", "/v1/checkouts", &[], body.to_string());
    let url = created.await.text("/url");
    url.strip_prefix("https://pay.example.com").unwrap().to_owned()
}

fn language_of(page: &Answer) -> &str {
    let (_, rest) = page.body.split_once("<html lang=\"").unwrap();
    rest.split('"').next().unwrap()
}

#[tokio::test]
async fn the_language_is_the_chosen_one_else_the_merchants_else_the_browsers_else_english() {
    let shop = Shop::new();
    for (merchants, browsers, chosen, spoken) in [
        (None, "", "", "en"),
        (None, "fr-FR,fr;q=0.9,en;q=0.8", "", "fr"),
        (None, "de,it", "", "en"),
        (Some("en"), "fr", "", "en"),
        (Some("fr"), "en", "", "fr"),
        (Some("fr"), "fr", "?language=en", "en"),
        (None, "en", "?language=fr", "fr"),
        (None, "en", "?language=de", "en"),
        (None, "en", "?language=%ff", "en"),
    ] {
        let page = page_in(&shop, merchants).await;
        let mut browser = Browser::at(&shop, &page, HTML).await;
        browser.languages = browsers;
        let shown = browser.open(&format!("{page}{chosen}")).await;
        assert_eq!(language_of(&shown), spoken, "{merchants:?} {browsers} {chosen}");
    }
}

#[tokio::test]
async fn a_chosen_language_is_kept_in_a_cookie_that_no_script_can_read() {
    let shop = Shop::new();
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, HTML).await;
    let shown = browser.open(&format!("{page}?language=fr")).await;
    let cookie = shown.header(header::SET_COOKIE);
    assert!(cookie.starts_with("__Host-countersign-language=fr; "), "{cookie}");
    assert!(cookie.contains("Secure; HttpOnly; SameSite=Lax"), "{cookie}");
    let plain = browser.open(&page).await;
    assert_eq!(plain.header(header::SET_COOKIE), "");
}

#[tokio::test]
async fn the_message_has_the_reference_that_stands_beside_the_codes_field() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = page_in(&shop, None).await;
    let browser = Browser::at(&shop, &page, HTML).await;
    browser.submit(&page, "user_id=alice").await;
    let message = shop.fixture.next_message().await.unwrap();
    let (_, rest) = message.split_once(", ref ").unwrap();
    let (reference, _) = rest.split_once(',').unwrap();
    assert_eq!(reference.len(), 4, "{message}");
    let shown = browser.open(&page).await.body;
    assert!(shown.contains(&format!("The message must say ref {reference}.")), "{shown}");
}

/// Two of the checkout and its payment, one of the challenge, two of how the phone stands, before the code is compared and after
/// it, and two of the payment: to agree, and to go on.
#[tokio::test]
async fn a_typed_code_costs_six_record_reads() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = page_in(&shop, None).await;
    let browser = Browser::at(&shop, &page, HTML).await;
    browser.submit(&page, "user_id=alice").await;
    let code = shop.code().await;
    let before = shop.fixture.store.loads();
    let answered = browser.submit(&format!("{page}/code"), &format!("code={code}")).await;
    assert_eq!(answered.status, 303);
    assert_eq!(shop.fixture.store.loads() - before, 6);
}

#[tokio::test]
async fn a_french_purchase_is_french_to_the_phone() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = page_in(&shop, None).await;
    let mut browser = Browser::at(&shop, &page, HTML).await;
    browser.languages = "fr";
    let shown = browser.open(&page).await.body;
    assert!(shown.contains("49,90\u{a0}EUR"), "{shown}");
    browser.submit(&page, "user_id=alice").await;
    let asked = browser.open(&page).await.body;
    for said in
        ["Tapez le code", "3 essais restants", "Temps restant : 5 min 0 s", "Annuler le paiement"]
    {
        assert!(asked.contains(said), "{said}: {asked}");
    }
    let text = shop.fixture.next_message().await.unwrap();
    let code = shop.fixture.code_in(&text);
    let wrong = browser.submit(&format!("{page}/code"), "code=000000000").await.body;
    assert!(wrong.contains("Ce n’est pas le code"), "{wrong}");
    assert!(wrong.contains("2 essais restants"), "{wrong}");
    assert!(text.starts_with("Payer 49.90 EUR"), "{text}");
    browser.submit(&format!("{page}/code"), &format!("code={code}")).await;
    let paid = browser.open(&page).await.body;
    assert!(paid.contains("49,90\u{a0}EUR à Librairie Dupont."), "{paid}");
}

#[tokio::test]
async fn a_field_that_is_wrong_is_marked_and_its_rule_is_said() {
    let shop = Shop::new();
    shop.enrol().await;
    for (form, field, said) in [
        (
            "card_number=4970100000000155&card_expiry=12/35",
            "card_number",
            "last one is a check digit",
        ),
        ("card_number=4970100000000154&card_expiry=2035", "card_expiry", "not in the form MM/YY"),
    ] {
        let page = shop.order("dupont").await;
        let browser = Browser::at(&shop, &page, HTML).await;
        let answer = browser.submit(&page, form).await;
        assert_eq!(answer.status, 422);
        let (_, input) = answer.body.split_once(&format!("id=\"{field}\"")).unwrap();
        let (input, _) = input.split_once('>').unwrap();
        assert!(input.contains("aria-invalid=\"true\""), "{input}");
        assert_eq!(answer.body.matches("aria-invalid=\"true\"").count(), 1, "{}", answer.body);
        assert!(answer.body.contains(said), "{}", answer.body);
    }
}

#[tokio::test]
async fn another_message_is_offered_when_it_may_be_asked_for() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, HTML).await;
    browser.submit(&page, "user_id=alice").await;
    let resend = format!("action=\"{page}/resend\"");
    let at_first = browser.open(&page).await.body;
    assert!(at_first.contains("again in 30 s"), "{at_first}");
    assert!(at_first.contains(&format!("{resend} class=\"wait in-30\"")), "{at_first}");

    shop.fixture.clock.advance_seconds(30);
    let later = browser.open(&page).await.body;
    assert!(later.contains(&format!("{resend} class=\"\"")), "{later}");
    for _ in 0..2 {
        browser.submit(&format!("{page}/resend"), "").await;
        shop.fixture.clock.advance_seconds(30);
    }
    let at_last = browser.open(&page).await.body;
    assert!(!at_last.contains(&resend), "{at_last}");
    assert!(at_last.contains("No further message"), "{at_last}");
}

#[tokio::test]
async fn a_merchant_has_its_colour_and_logo_and_another_has_not() {
    let shop = Shop::new();
    for (party, themed) in [("dupont", true), ("martin", false)] {
        let page = shop.order(party).await;
        let shown = Browser::at(&shop, &page, HTML).await.open(&page).await;
        let policy = shown.header(header::CONTENT_SECURITY_POLICY);
        assert_eq!(shown.body.contains(":root{--press:#7a1f3d}"), themed);
        assert_eq!(shown.body.contains("src=\"/theme/dupont/logo\""), themed);
        assert_eq!(policy.matches("sha256-").count(), if themed { 2 } else { 1 }, "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let logo =
            Browser::at(&shop, &page, HTML).await.open(&format!("/theme/{party}/logo")).await;
        assert_eq!(logo.status, if themed { 200 } else { 404 });
    }
}

#[tokio::test]
async fn nobody_is_asked_to_pay_what_cannot_be_paid_any_more() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, HTML).await;
    assert!(browser.open(&page).await.body.contains("How do you pay?"));
    let id = page.rsplit('/').next().unwrap();
    shop.call("dupont", "POST", &format!("/v1/checkouts/{id}/void"), &[], "").await;
    let over = browser.open(&page).await.body;
    assert!(!over.contains("How do you pay?"), "{over}");
    assert!(over.contains("The shop has closed this checkout"), "{over}");
}

/// Two clicks or two tabs are two requests: to a person the second is no problem, to a program it is a conflict.
#[tokio::test]
async fn a_form_that_is_sent_twice_leads_to_where_its_payment_stands() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, HTML).await;
    let stranger = Browser::at(&shop, &page, HTML).await;
    let twice = async |path: &str, form: &str| {
        for time in ["first", "second"] {
            let answer = browser.submit(path, form).await;
            assert_eq!(
                (answer.status, answer.header(header::LOCATION)),
                (StatusCode::SEE_OTHER, &*page),
                "{time}"
            );
        }
    };
    twice(&page, "user_id=alice").await;
    // Another browser did not begin it, and learns that it cannot.
    assert_eq!(stranger.submit(&page, "user_id=alice").await.status, 409);
    shop.code().await;
    twice(&format!("{page}/cancel"), "").await;
    twice(&page, "user_id=alice").await;
    let code = shop.code().await;
    twice(&format!("{page}/code"), &format!("code={code}")).await;
    // What is too late to be cancelled is refused as before.
    let late = browser.submit(&format!("{page}/cancel"), "").await;
    assert_eq!(late.status, 409, "{}", late.body);
    assert!(late.body.contains("role=\"alert\""), "{}", late.body);
}

#[tokio::test]
async fn why_nothing_was_paid_is_said_once() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, HTML).await;
    browser.submit(&page, "user_id=alice").await;
    let code = format!("{page}/code");
    let wrong = browser.submit(&code, "code=0000000000").await;
    assert_eq!(wrong.body.matches("id=\"problem\"").count(), 1, "{}", wrong.body);
    assert!(!wrong.body.contains("role=\"alert\""), "{}", wrong.body);
    browser.submit(&code, "code=0000000000").await;
    let over = browser.submit(&code, "code=0000000000").await;
    assert_eq!(over.status, 403);
    assert_eq!(over.body.matches("id=\"problem\"").count(), 1, "{}", over.body);
    assert!(!over.body.contains("role=\"alert\""), "{}", over.body);
    assert!(over.body.contains("<title>Too many wrong codes · Nothing was paid · Pay "));
}

#[tokio::test]
async fn the_address_of_a_form_leads_to_its_page() {
    let shop = Shop::new();
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, HTML).await;
    for form in ["code", "resend", "cancel"] {
        let answer = browser.open(&format!("{page}/{form}")).await;
        assert_eq!(
            (answer.status, answer.header(header::LOCATION)),
            (StatusCode::SEE_OTHER, &*page),
            "{form}"
        );
    }
}

//! The payer's pages.

use axum::http::header;
use serde_json::json;

use crate::browser::Browser;
use crate::support::{CARD, NUMBER, Shop, order};

const JSON: &str = "application/json";
const HTML: &str = "text/html";

#[tokio::test]
async fn a_purchase_is_paid_without_javascript() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, HTML).await;
    let shown = browser.open(&page).await;
    assert!(shown.body.contains("49.90\u{a0}EUR") && shown.body.contains("Librairie Dupont"));

    let paid = browser.submit(&page, "user_id=alice").await;
    assert_eq!((paid.status.as_u16(), paid.header(header::LOCATION)), (303, page.as_str()));
    let asked = browser.open(&page).await.body;
    assert!(asked.contains(r#"autocomplete="one-time-code""#), "{asked}");
    assert!(!asked.contains("<script"), "{asked}");
    assert!(!asked.contains(CARD) && !asked.contains(NUMBER), "{asked}");

    let code = shop.code().await;
    let wrong = browser.submit(&format!("{page}/code"), "code=000000000").await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("This is not the code"), "{}", wrong.body);
    let typed = browser.submit(&format!("{page}/code"), &format!("code={code}")).await;
    assert_eq!(typed.status, 303);
    assert!(browser.open(&page).await.body.contains("<h2>Paid</h2>"));
}

#[tokio::test]
async fn a_page_is_not_cached_not_framed_and_runs_nothing() {
    let shop = Shop::new();
    let page = shop.order("dupont").await;
    let shown = Browser::at(&shop, &page, HTML).await.open(&page).await;
    let policy = shown.header(header::CONTENT_SECURITY_POLICY);
    for rule in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("script-src"), "{policy}");
    assert_eq!(shown.header(header::CACHE_CONTROL), "no-store");
}

#[tokio::test]
async fn a_purchase_is_paid_as_json() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, JSON).await;
    let open = browser.open(&page).await;
    assert_eq!(open.header(header::CONTENT_TYPE), JSON);
    assert_eq!(open.text("/status"), "open", "{open:?}");
    assert_eq!(open.text("/amount/value"), "49.90");
    assert_eq!(open.text("/payee"), "Librairie Dupont");
    // What is its merchant's is not shown to payers.
    for member in ["reference", "url", "payment"] {
        assert!(open.json().get(member).is_none(), "{member}: {open:?}");
    }

    let card = format!("card_number={CARD}&card_expiry=12/29");
    let asked = browser.submit(&page, &card).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    assert_eq!(asked.text("/status"), "awaiting_code");
    assert_eq!(asked.text("/selection"), "secured");
    assert_eq!(asked.text("/card"), "•••• 0154");
    assert_eq!(asked.text("/code/message"), "queued");
    let code = shop.code().await;
    assert_eq!(browser.open(&page).await.text("/code/message"), "sent");

    let wrong = browser.submit(&format!("{page}/code"), "code=000000000").await;
    assert_eq!(wrong.refusal(), (422, "wrong-code".to_owned()));
    assert_eq!(wrong.json()["attempts_left"], 2, "{wrong:?}");
    let typed = format!("code={code}");
    let paid = browser.submit(&format!("{page}/code"), &typed).await;
    assert_eq!(paid.text("/status"), "paid", "{paid:?}");
    for answer in [&asked, &wrong, &paid] {
        for secret in [CARD, NUMBER, code.as_str()] {
            assert!(!answer.body.contains(secret), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn an_items_name_is_text_and_not_markup() {
    let shop = Shop::new();
    let mut order = order();
    let name = r#"<script>alert("1")</script>"#;
    order["items"] = json!([{ "name": name }]);
    let created = shop.call("dupont", "POST", "/v1/checkouts", &[], order.to_string());
    let page = format!("/pay/{}", created.await.text("/id"));
    let browser = Browser::at(&shop, &page, HTML).await;
    let shown = browser.open(&page).await.body;
    assert!(!shown.contains("<script"), "{shown}");
    assert!(shown.contains("&#60;script&#62;alert("), "{shown}");
}

#[tokio::test]
async fn names_from_outside_are_text_and_not_markup() {
    let shop = Shop::new();
    let page = shop.order("martin").await;
    let shown = Browser::at(&shop, &page, HTML).await.open(&page).await;
    assert!(!shown.body.contains("<script>"), "{}", shown.body);
    assert!(shown.body.contains("Martin &#60;script&#62;"), "{}", shown.body);
}

#[tokio::test]
async fn the_session_is_a_cookie_that_only_this_host_gets_back() {
    let shop = Shop::new();
    let page = shop.order("dupont").await;
    let request = axum::http::Request::get(&page).body(axum::body::Body::empty());
    let shown = shop.raw_page(request.unwrap()).await;
    let cookie = shown.header(header::SET_COOKIE).to_owned();
    assert!(cookie.starts_with("__Host-countersign-session=ses_"), "{cookie}");
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    // A browser that has one keeps it.
    let browser = Browser::at(&shop, &page, HTML).await;
    assert_eq!(browser.open(&page).await.header(header::SET_COOKIE), "");
}

#[tokio::test]
async fn the_code_is_for_the_session_that_asked_for_it() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, JSON).await;
    let asked = browser.submit(&page, "user_id=alice").await;
    assert_eq!(asked.text("/status"), "awaiting_code", "{asked:?}");
    assert_eq!(asked.text("/code/number"), "+33•••••••78", "{asked:?}");
    let form = format!("code={}", shop.code().await);

    let stranger = Browser::at(&shop, &page, JSON).await;
    let shown = stranger.open(&page).await;
    for private in ["code", "card"] {
        assert!(shown.json().get(private).is_none(), "{shown:?}");
    }
    for (action, form) in [("/code", form.as_str()), ("/cancel", ""), ("/resend", "")] {
        let refused = stranger.submit(&format!("{page}{action}"), form).await;
        assert_eq!(refused.refusal(), (403, "other-session".to_owned()), "{action}");
    }
    let typed = browser.submit(&format!("{page}/code"), &form).await;
    assert_eq!(typed.text("/status"), "paid", "{typed:?}");
    // And once.
    let again = browser.submit(&format!("{page}/code"), &form).await;
    assert_eq!(again.refusal(), (409, "code-already-used".to_owned()));
}

#[tokio::test]
async fn nobody_pays_without_a_session() {
    let shop = Shop::new();
    let page = shop.order("dupont").await;
    for action in ["", "/code", "/resend", "/cancel"] {
        let form = if action == "/code" { "code=123456" } else { "" };
        let request = axum::http::Request::post(format!("{page}{action}"))
            .header("Accept", JSON)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(axum::body::Body::from(form));
        let refused = shop.raw_page(request.unwrap()).await;
        assert_eq!(refused.refusal(), (403, "no-session".to_owned()), "{action}");
    }
}

#[tokio::test]
async fn of_two_payments_begun_at_once_one_is() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, JSON).await;
    let (one, other) = tokio::join!(
        browser.submit(&page, "user_id=alice"),
        browser.submit(&page, "user_id=alice")
    );
    let accepted = [&one, &other].into_iter().filter(|answer| answer.status == 200);
    assert_eq!(accepted.count(), 1, "{one:?} {other:?}");
}

#[tokio::test]
async fn a_payer_who_gives_up_and_begins_again_may_do_so_five_times() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, JSON).await;
    for _ in 0..5 {
        let asked = browser.submit(&page, "user_id=alice").await;
        assert_eq!(asked.text("/status"), "awaiting_code", "{asked:?}");
        let off = browser.submit(&format!("{page}/cancel"), "").await;
        assert_eq!(off.text("/status"), "voided", "{off:?}");
    }
    let refused = browser.submit(&page, "user_id=alice").await;
    assert_eq!(refused.refusal(), (429, "too-many-payments".to_owned()));
}

#[tokio::test]
async fn a_payer_who_hangs_up_does_not_tear_the_payment_off() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, JSON).await;
    {
        let paying = browser.submit(&page, "user_id=alice");
        tokio::select! {
            biased;
            answer = paying => unreachable!("the store lets others go first: {answer:?}"),
            // Polled once, and dropped.
            () = std::future::ready(()) => {}
        }
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let shown = browser.open(&page).await;
    assert_eq!(shown.text("/status"), "awaiting_code", "{shown:?}");
}

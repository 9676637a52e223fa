//! The merchant's API.

use axum::http::{StatusCode, header};
use countersign_domain::bank::BankError;
use serde_json::json;

use crate::browser::Browser;
use crate::support::{CARD, NUMBER, Shop, order};

/// All that is done to a subscriber.
const SUBSCRIBERS: [(&str, &str); 5] = [
    ("PUT", "/v1/subscribers/alice"),
    ("DELETE", "/v1/subscribers/alice"),
    ("POST", "/v1/subscribers/alice/lock"),
    ("POST", "/v1/subscribers/alice/unlock"),
    ("POST", "/v1/subscribers/alice/unblock"),
];

#[tokio::test]
async fn a_request_that_is_repeated_has_one_effect_and_one_answer() {
    let shop = Shop::new();
    let key = [("Idempotency-Key", "once")];
    let create = |body: String| shop.call("dupont", "POST", "/v1/checkouts", &key, body);
    let first = create(order().to_string()).await;
    let again = create(order().to_string()).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.text("/id"), again.text("/id"));
    assert_eq!(first.header(header::LOCATION), format!("/v1/checkouts/{}", first.text("/id")));
    let mut other = order();
    other["reference"] = json!("order-2");
    let refused = create(other.to_string()).await;
    assert_eq!(refused.refusal(), (422, "idempotency-key-reused".to_owned()));
    // Another merchant's key is another key.
    let elsewhere = shop.call("martin", "POST", "/v1/checkouts", &key, order().to_string()).await;
    assert_ne!(elsewhere.text("/id"), first.text("/id"));
}

#[tokio::test]
async fn requests_at_once_under_one_key_are_one() {
    let shop = Shop::new();
    let key = [("Idempotency-Key", "once")];
    let create = || shop.call("dupont", "POST", "/v1/checkouts", &key, order().to_string());
    let (one, two, three) = tokio::join!(create(), create(), create());
    assert!(!one.text("/id").is_empty(), "{one:?}");
    assert_eq!(one.text("/id"), two.text("/id"), "{one:?} {two:?}");
    assert_eq!(one.text("/id"), three.text("/id"), "{one:?} {three:?}");
}

#[tokio::test]
async fn of_two_orders_at_once_under_one_key_one_is_refused() {
    let shop = Shop::new();
    let key = [("Idempotency-Key", "once")];
    let create = |reference: &str| {
        let mut order = order();
        order["reference"] = json!(reference);
        shop.call("dupont", "POST", "/v1/checkouts", &key, order.to_string())
    };
    let (one, two) = tokio::join!(create("order-1"), create("order-2"));
    let (won, lost) = if one.status == 201 { (one, two) } else { (two, one) };
    assert_eq!(won.status, 201, "{won:?}");
    let reused = (422, "idempotency-key-reused".to_owned());
    assert_eq!(lost.refusal(), reused, "{lost:?}");
}

#[tokio::test]
async fn another_merchants_checkout_is_not_found() {
    let shop = Shop::new();
    let page = shop.order("dupont").await;
    let path = page.replace("/pay/", "/v1/checkouts/");
    for (method, path) in
        [("GET", path.clone()), ("GET", format!("{path}/trace")), ("POST", format!("{path}/void"))]
    {
        let refused = shop.call("martin", method, &path, &[], "").await;
        assert_eq!(refused.refusal(), (404, "not-found".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_checkout_is_called_off_until_it_is_paid() {
    let shop = Shop::new();
    shop.enrol().await;
    let void = async |page: &str| {
        let path = page.replace("/pay/", "/v1/checkouts/") + "/void";
        shop.call("dupont", "POST", &path, &[], "").await
    };
    let (before, meanwhile, after) =
        (shop.order("dupont").await, shop.order("dupont").await, shop.order("dupont").await);
    assert_eq!(void(&before).await.text("/status"), "voided");

    let browser = Browser::at(&shop, &meanwhile, "application/json").await;
    browser.submit(&meanwhile, "user_id=alice").await;
    let off = void(&meanwhile).await;
    assert_eq!((off.text("/status"), off.text("/cause")), ("voided".into(), "cancelled".into()));

    // It stays so: no other payment is begun, and calling it off once more changes nothing.
    let again = browser.submit(&meanwhile, "user_id=alice").await;
    assert_eq!(again.refusal(), (409, "not-now".to_owned()));
    assert_eq!(void(&meanwhile).await.refusal(), (409, "not-now".to_owned()));

    let browser = Browser::at(&shop, &after, "application/json").await;
    browser.submit(&after, "user_id=alice").await;
    let form = format!("code={}", shop.code().await);
    let paid = browser.submit(&format!("{after}/code"), &form).await;
    assert_eq!(paid.text("/status"), "paid", "{paid:?}");
    assert_eq!(void(&after).await.refusal(), (409, "not-now".to_owned()));
}

#[tokio::test]
async fn what_the_bank_has_not_released_yet_is_being_released_and_not_void() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, "application/json").await;
    browser.submit(&page, "user_id=alice").await;
    let silent = BankError::Unknown { cause: "no answer".to_owned() };
    shop.fixture.bank.fail_with(Some(silent));
    let path = page.replace("/pay/", "/v1/checkouts/");
    let off = shop.call("dupont", "POST", &format!("{path}/void"), &[], "").await;
    assert_eq!((off.text("/status"), off.text("/cause")), ("releasing".into(), "cancelled".into()));
    let shown = Browser::at(&shop, &page, "text/html").await;
    let shown = shown.open(&page).await;
    assert!(shown.body.contains("is being told to release"), "{shown:?}");
    shop.fixture.bank.fail_with(None);
    shop.fixture.clock.advance_seconds(3600);
    shop.fixture.gateway.resume(10).await.unwrap();
    let released = shop.call("dupont", "GET", &path, &[], "").await;
    assert_eq!(released.text("/status"), "voided");
}

#[tokio::test]
async fn the_trace_tells_what_happened_and_gives_nothing_away() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let path = page.replace("/pay/", "/v1/checkouts/") + "/trace";
    assert_eq!(shop.call("dupont", "GET", &path, &[], "").await.body, "[]");
    let browser = Browser::at(&shop, &page, "application/json").await;
    browser.submit(&page, "user_id=alice").await;
    let code = shop.code().await;
    browser.submit(&format!("{page}/code"), &format!("code={code}")).await;
    let trace = shop.call("dupont", "GET", &path, &[], "").await;
    let facts = trace.json();
    let events: Vec<_> = facts.as_array().unwrap().iter().map(|fact| &fact["event"]).collect();
    for event in ["payment_started", "challenge_started", "message_sent", "payment_captured"] {
        assert!(events.contains(&&json!(event)), "{event}: {events:?}");
    }
    for secret in [code.as_str(), CARD, NUMBER.trim_start_matches('+')] {
        assert!(!trace.body.contains(secret), "{trace:?}");
    }
}

#[tokio::test]
async fn only_a_party_that_may_enrol_enters_subscribers() {
    let shop = Shop::new();
    let body = json!({ "number": NUMBER }).to_string();
    for (method, path) in SUBSCRIBERS {
        let refused = shop.call("martin", method, path, &[], body.clone()).await;
        assert_eq!(refused.refusal(), (403, "may-not-enrol".to_owned()), "{method} {path}");
    }
}

#[tokio::test]
async fn a_subscriber_who_is_locked_or_removed_is_answered_as_one_whom_nobody_knows() {
    let shop = Shop::new();
    let answered = async |given: &str| {
        let page = shop.order("dupont").await;
        let browser = Browser::at(&shop, &page, "application/json").await;
        let answered = browser.submit(&page, given).await;
        (answered.status, answered.body.replace(&page, ""))
    };
    let by_card = format!("card={CARD}&expiry=12/35");
    let unknown = [answered("user_id=alice").await, answered(&by_card).await];
    let call = async |method, path| shop.call("dupont", method, path, &[], "").await.status;
    let [_, remove, lock, unlock, unblock] = SUBSCRIBERS;
    for (method, path) in [remove, lock, unlock, unblock] {
        assert_eq!(call(method, path).await, StatusCode::NOT_FOUND, "{method} {path}");
    }
    for (method, path) in [lock, remove] {
        shop.enrol().await;
        for (method, path) in [unlock, unblock] {
            assert_eq!(call(method, path).await, StatusCode::NO_CONTENT, "{path}");
        }
        let known = answered("user_id=alice").await;
        assert_ne!(known.0, unknown[0].0, "{known:?}");
        assert_eq!(call(method, path).await, StatusCode::NO_CONTENT, "{method} {path}");
        assert_eq!([answered("user_id=alice").await, answered(&by_card).await], unknown);
    }
}

#[tokio::test]
async fn nobody_calls_without_a_key_that_is_known() {
    let shop = Shop::new();
    for (method, path) in [
        ("POST", "/v1/checkouts"),
        ("GET", "/v1/checkouts/co_1"),
        ("GET", "/v1/checkouts/co_1/trace"),
        ("POST", "/v1/checkouts/co_1/void"),
    ]
    .into_iter()
    .chain(SUBSCRIBERS)
    {
        let refused = shop.call("nobody", method, path, &[], "").await;
        assert_eq!(refused.refusal(), (401, "not-authenticated".to_owned()), "{path}");
        assert!(refused.header(header::WWW_AUTHENTICATE).starts_with("Bearer"));
    }
}

//! Bad input, one row for each rule, named by it.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use crate::support::{Browser, Shop, order};

/// The order with one member changed.
fn with(pointer: &str, value: Value) -> String {
    let mut order = order();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    order.pointer_mut(parent).unwrap()[member] = value;
    order.to_string()
}

#[tokio::test]
async fn an_order_is_refused_by_the_rule_it_breaks() {
    let shop = Shop::new();
    let item = json!({ "name": "x", "quantity": 1 });
    let rows = [
        ("not JSON", "{".to_owned(), 400, "malformed-json"),
        ("nothing", String::new(), 400, "malformed-json"),
        (
            "an unknown member",
            with("/surprise", json!(1)),
            400,
            "malformed-json",
        ),
        (
            "a wrong type",
            with("/reference", json!(1)),
            400,
            "malformed-json",
        ),
        (
            "an unknown language",
            with("/locale", json!("xx")),
            400,
            "malformed-json",
        ),
        (
            "an unknown currency",
            with("/amount/currency", json!("EUX")),
            422,
            "invalid-value",
        ),
        (
            "no amount",
            with("/amount/value", json!("")),
            422,
            "invalid-value",
        ),
        (
            "a negative amount",
            with("/amount/value", json!("-1")),
            422,
            "invalid-value",
        ),
        (
            "an exponent",
            with("/amount/value", json!("1e3")),
            422,
            "invalid-value",
        ),
        (
            "three decimals",
            with("/amount/value", json!("1.234")),
            422,
            "invalid-value",
        ),
        (
            "zero",
            with("/amount/value", json!("0.00")),
            422,
            "invalid-value",
        ),
        (
            "too much",
            with("/amount/value", json!("10000000000.00")),
            422,
            "invalid-value",
        ),
        (
            "no reference",
            with("/reference", json!("")),
            422,
            "invalid-value",
        ),
        (
            "a long reference",
            with("/reference", json!("x".repeat(65))),
            422,
            "invalid-value",
        ),
        (
            "a control character",
            with("/reference", json!("a\nb")),
            422,
            "invalid-value",
        ),
        (
            "too many items",
            with("/items", json!(vec![item; 21])),
            422,
            "invalid-value",
        ),
        (
            "none of an item",
            with("/items", json!([{ "name": "x", "quantity": 0 }])),
            422,
            "invalid-value",
        ),
        (
            "a return without TLS",
            with("/return_url", json!("http://shop.example")),
            422,
            "invalid-value",
        ),
        (
            "a return to nowhere",
            with("/return_url", json!("/shop")),
            422,
            "invalid-value",
        ),
        (
            "a return to a script",
            with("/return_url", json!("javascript:alert(1)")),
            422,
            "invalid-value",
        ),
    ];
    for (rule, body, status, problem) in rows {
        let refused = shop
            .call("dupont", "POST", "/v1/checkouts", &[], body)
            .await;
        assert_eq!(
            refused.refusal(),
            (status, problem.to_owned()),
            "{rule}: {refused:?}"
        );
    }
    let long = with("/reference", json!("x".repeat(17_000)));
    let refused = shop
        .call("dupont", "POST", "/v1/checkouts", &[], long)
        .await;
    assert_eq!(refused.status, 413, "{refused:?}");
    for key in ["", "with space", &"x".repeat(256)] {
        let headers = [("Idempotency-Key", key)];
        let refused = shop
            .call(
                "dupont",
                "POST",
                "/v1/checkouts",
                &headers,
                order().to_string(),
            )
            .await;
        assert_eq!(
            refused.refusal(),
            (422, "invalid-value".to_owned()),
            "{key}"
        );
    }
}

#[tokio::test]
async fn a_subscriber_is_refused_by_the_rule_that_is_broken_and_no_card_is_echoed() {
    let shop = Shop::new();
    let card = |number: &str, expiry: &str| json!({ "number": "+33612345678", "card": { "number": number, "expiry": expiry } });
    for (rule, body, status) in [
        ("no number", json!({}), 400),
        ("a national number", json!({ "number": "0612345678" }), 422),
        (
            "a card as a number",
            json!({ "number": 4970100000000155_u64 }),
            400,
        ),
        ("a mistyped card", card("4970100000000155", "12/29"), 422),
        (
            "a card with letters",
            card("497010000000015x", "12/29"),
            422,
        ),
        (
            "an expiry that is none",
            card("4970100000000154", "13/29"),
            422,
        ),
        (
            "a card among the members",
            json!({ "4970100000000155": "" }),
            400,
        ),
    ] {
        let refused = shop
            .call(
                "dupont",
                "PUT",
                "/v1/subscribers/alice",
                &[],
                body.to_string(),
            )
            .await;
        assert_eq!(refused.status.as_u16(), status, "{rule}: {refused:?}");
        assert!(
            !refused.body.contains("497010000000015"),
            "{rule}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_form_is_refused_by_the_rule_it_breaks_and_no_card_is_echoed() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, "application/json").await;
    for (rule, action, form, status, problem) in [
        (
            "an unknown field",
            "",
            "user_id=alice&x=1",
            422,
            "malformed-form",
        ),
        ("nobody", "", "user_id=nobody", 422, "payer-not-recognised"),
        ("nothing", "", "", 422, "payer-not-given"),
        (
            "a userId that is too long",
            "",
            &format!("user_id={}", "x".repeat(129)),
            422,
            "invalid-value",
        ),
        (
            "a mistyped card",
            "",
            "card_number=4970100000000155&card_expiry=12/29",
            422,
            "invalid-value",
        ),
        (
            "a card without expiry",
            "",
            "card_number=4970100000000154",
            422,
            "invalid-value",
        ),
        (
            "a code before one was asked for",
            "/code",
            "code=123456",
            409,
            "not-now",
        ),
        ("no code", "/code", "", 422, "malformed-form"),
        (
            "a code of letters",
            "/code",
            "code=abcdef",
            422,
            "invalid-value",
        ),
        ("five digits", "/code", "code=12345", 422, "invalid-value"),
        (
            "eleven digits",
            "/code",
            "code=12345678901",
            422,
            "invalid-value",
        ),
    ] {
        let refused = browser.submit(&format!("{page}{action}"), form).await;
        assert_eq!(
            refused.refusal(),
            (status, problem.to_owned()),
            "{rule}: {refused:?}"
        );
        assert!(
            !refused.body.contains("497010000000015"),
            "{rule}: {refused:?}"
        );
    }
    let long = format!("user_id={}", "x".repeat(5_000));
    assert_eq!(browser.submit(&page, &long).await.status, 413);
    let refused = browser.open("/pay/nothing").await;
    assert_eq!(refused.refusal(), (404, "not-found".to_owned()));
}

#[tokio::test]
async fn another_method_and_another_kind_of_form_are_refused() {
    let shop = Shop::new();
    let page = shop.order("dupont").await;
    let refused = shop
        .call("dupont", "DELETE", "/v1/checkouts", &[], "")
        .await;
    assert_eq!(refused.refusal(), (405, "method-not-allowed".to_owned()));
    let request = |method: &str, kind: &str| {
        let request = Request::builder().method(method).uri(&page);
        let request = request.header("Accept", "application/json");
        request
            .header("Content-Type", kind)
            .body(Body::from("{}"))
            .unwrap()
    };
    let refused = shop.raw_page(request("POST", "application/json")).await;
    assert_eq!(refused.refusal(), (415, "malformed-form".to_owned()));
    let refused = shop.raw_page(request("DELETE", "text/plain")).await;
    assert_eq!(refused.refusal(), (405, "method-not-allowed".to_owned()));
}

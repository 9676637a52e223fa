//! Where a limit lies, and that whatever is refused is refused as a problem or as a page.

use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::json;

use crate::browser::Browser;
use crate::support::{Answer, CARD, Shop, order};

const JSON: &str = "application/json";
const HTML: &str = "text/html";

fn is_problem(answer: &Answer) -> bool {
    answer.header(header::CONTENT_TYPE) == "application/problem+json"
        && answer.header(header::CACHE_CONTROL) == "no-store"
        && answer.json().get("status") == Some(&json!(answer.status.as_u16()))
}

fn is_page(answer: &Answer) -> bool {
    let policy = answer.header(header::CONTENT_SECURITY_POLICY);
    answer.header(header::CONTENT_TYPE).starts_with(HTML)
        && answer.header(header::CACHE_CONTROL) == "no-store"
        && policy.contains("default-src 'none'")
}

#[tokio::test]
async fn a_body_has_at_most_16_kibibytes() {
    let shop = Shop::new();
    for (bytes, status) in [(16 * 1024, 201), (16 * 1024 + 1, 413)] {
        let body = format!("{:bytes$}", order().to_string());
        let answer = shop.call("dupont", "POST", "/v1/checkouts", &[], body);
        let answer = answer.await;
        assert_eq!(answer.status, status, "{bytes}");
        assert!(status == 201 || is_problem(&answer), "{answer:?}");
    }
}

#[tokio::test]
async fn a_form_has_at_most_4_kibibytes() {
    let shop = Shop::new();
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, JSON).await;
    for (bytes, refusal) in
        [(4096, (422, "payer-not-given".to_owned())), (4097, (413, "malformed-form".to_owned()))]
    {
        let form = format!("user_id={}", "+".repeat(bytes - "user_id=".len()));
        let refused = browser.submit(&page, &form).await;
        assert_eq!(refused.refusal(), refusal, "{bytes}");
    }
}

#[tokio::test]
async fn what_is_as_long_as_it_may_be_is_taken_and_what_is_longer_is_not() {
    let shop = Shop::new();
    let url = |length: usize| json!(format!("{:x<length$}", "https://shop.example/"));
    let item = json!({ "name": "x", "quantity": 1 });
    for (member, longest, longer) in [
        ("return_url", url(2048), url(2049)),
        ("reference", json!("x".repeat(64)), json!("x".repeat(65))),
        ("items", json!(vec![&item; 20]), json!(vec![&item; 21])),
    ] {
        for (value, status) in [(longest, 201), (longer, 422)] {
            let mut order = order();
            order[member] = value;
            let body = order.to_string();
            let answer = shop.call("dupont", "POST", "/v1/checkouts", &[], body);
            assert_eq!(answer.await.status, status, "{member}");
        }
    }
}

/// Ids that no checkout has. The last is not UTF-8.
const NO_IDS: [&str; 6] = ["1", "co_", "co_1", "ses_1", "co_%00", "%ff"];

#[tokio::test]
async fn an_id_that_is_none_is_not_found_by_a_problem() {
    let shop = Shop::new();
    let unknown = format!("co_{}", "0".repeat(32));
    for id in NO_IDS.into_iter().chain([unknown.as_str()]) {
        for (method, action) in [("GET", ""), ("GET", "/trace"), ("POST", "/void")] {
            let path = format!("/v1/checkouts/{id}{action}");
            let refused = shop.call("dupont", method, &path, &[], "").await;
            assert!(is_problem(&refused), "{path}: {refused:?}");
            assert_eq!(refused.refusal(), (404, "not-found".to_owned()), "{path}");
        }
    }
    for identifier in ["%ff", "%00", "a%0Ab", &"x".repeat(129)] {
        let path = format!("/v1/subscribers/{identifier}");
        let body = json!({ "number": "+33612345678" }).to_string();
        let refused = shop.call("dupont", "PUT", &path, &[], body).await;
        assert!(is_problem(&refused), "{path}: {refused:?}");
        assert!(refused.status.is_client_error(), "{path}: {refused:?}");
    }
}

#[tokio::test]
async fn an_id_that_is_none_is_not_found_by_a_page() {
    let shop = Shop::new();
    let page = shop.order("dupont").await;
    let json = Browser::at(&shop, &page, JSON).await;
    let html = Browser::at(&shop, &page, HTML).await;
    for id in NO_IDS {
        for (method, action) in [("GET", ""), ("POST", ""), ("POST", "/resend")] {
            let path = format!("/pay/{id}{action}");
            let refused = json.ask(method, &path, "").await;
            assert!(is_problem(&refused), "{path}: {refused:?}");
            assert_eq!(refused.refusal(), (404, "not-found".to_owned()), "{path}");
            let shown = html.ask(method, &path, "").await;
            assert!(is_page(&shown), "{path}: {shown:?}");
            assert_eq!(shown.status, 404, "{path}");
        }
    }
}

#[tokio::test]
async fn another_method_is_refused_with_those_that_are_taken() {
    let shop = Shop::new();
    for (method, path, taken) in [
        ("GET", "/v1/checkouts", "POST"),
        ("DELETE", "/v1/checkouts/co_1", "GET,HEAD"),
        ("GET", "/v1/checkouts/co_1/void", "POST"),
        ("POST", "/v1/checkouts/co_1/trace", "GET,HEAD"),
        ("GET", "/v1/subscribers/alice", "PUT,DELETE"),
        ("GET", "/v1/subscribers/alice/lock", "POST"),
        ("POST", "/openapi.json", "GET,HEAD"),
    ] {
        let refused = shop.call("dupont", method, path, &[], "").await;
        assert_eq!(refused.refusal(), (405, "method-not-allowed".to_owned()));
        assert!(is_problem(&refused), "{refused:?}");
        assert_eq!(refused.header(header::ALLOW), taken, "{path}");
    }
    let page = shop.order("dupont").await;
    let json = Browser::at(&shop, &page, JSON).await;
    let html = Browser::at(&shop, &page, HTML).await;
    for (method, action, taken) in [
        ("PUT", "", "GET,HEAD,POST"),
        ("PUT", "/code", "GET,HEAD,POST"),
        ("PUT", "/resend", "GET,HEAD,POST"),
        ("PUT", "/cancel", "GET,HEAD,POST"),
    ] {
        let path = format!("{page}{action}");
        let refused = json.ask(method, &path, "").await;
        assert_eq!(refused.refusal(), (405, "method-not-allowed".to_owned()));
        let shown = html.ask(method, &path, "").await;
        assert_eq!(shown.status, 405);
        assert!(is_page(&shown), "{shown:?}");
        assert_eq!(shown.header(header::ALLOW), taken, "{path}");
    }
}

#[tokio::test]
async fn a_page_that_refuses_a_form_does_not_show_the_card_that_was_typed() {
    let shop = Shop::new();
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, HTML).await;
    let forms = [
        "card_number=4970100000000155&card_expiry=12/29".to_owned(),
        format!("card_number={CARD}&card_expiry=99/99"),
        format!("card_number={CARD}&card_expiry=12/29"),
        format!("card_number={CARD}&{CARD}=1"),
        format!("user_id={CARD}"),
        format!("code={CARD}"),
    ];
    for form in forms {
        for action in ["", "/code"] {
            let shown = browser.submit(&format!("{page}{action}"), &form).await;
            assert!(shown.status.is_client_error() && is_page(&shown), "{form}");
            assert!(!shown.body.contains("497010000000015"), "{form}");
        }
    }
}

#[tokio::test]
async fn who_sends_no_key_or_not_as_bearer_is_not_authenticated() {
    let shop = Shop::new();
    for authorization in [None, Some(""), Some("Basic ZHVwb250"), Some("dupont")] {
        let mut request = Request::post("/v1/checkouts");
        if let Some(value) = authorization {
            request = request.header("Authorization", value);
        }
        let request = request.body(Body::from(order().to_string()));
        let refused = shop.raw_call(request.unwrap()).await;
        assert_eq!(refused.refusal(), (401, "not-authenticated".to_owned()));
        let challenge = refused.header(header::WWW_AUTHENTICATE);
        assert!(challenge.starts_with("Bearer"), "{authorization:?}");
    }
}

#[tokio::test]
async fn the_schemes_name_is_in_any_case() {
    let shop = Shop::new();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let request = Request::post("/v1/checkouts")
            .header("Authorization", format!("{scheme} dupont"))
            .body(Body::from(order().to_string()));
        assert_eq!(shop.raw_call(request.unwrap()).await.status, 201, "{scheme}");
    }
}

//! Bad input, one row for each rule, named by it.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::support::{Shop, order};

/// The rows of a table: cells between bars.
fn rows<const CELLS: usize>(table: &str) -> impl Iterator<Item = [&str; CELLS]> {
    let lines = table.lines().filter(|line| !line.is_empty());
    lines.map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        cells.try_into().unwrap()
    })
}

/// Rule, member of the order, its value, status, problem, the member that is at fault.
const ORDERS: &str = r#"
an unknown member      | /surprise        | 1                             | 400 | malformed-json | surprise
a wrong type           | /reference       | 1                             | 400 | malformed-json | reference
no language            | /locale          | "a language"                  | 422 | invalid-value   | locale
an unknown currency    | /amount/currency | "EUX"                         | 422 | invalid-value | amount.currency
a withdrawn currency   | /amount/currency | "ZWL"                         | 422 | invalid-value | amount.currency
a fund                 | /amount/currency | "CLF"                         | 422 | invalid-value | amount.currency
a metal                | /amount/currency | "XAU"                         | 422 | invalid-value | amount.currency
no amount              | /amount/value    | ""                            | 422 | invalid-value | amount.value
a negative amount      | /amount/value    | "-1"                          | 422 | invalid-value | amount.value
an exponent            | /amount/value    | "1e3"                         | 422 | invalid-value | amount.value
three decimals         | /amount/value    | "1.234"                       | 422 | invalid-value | amount.value
zero                   | /amount/value    | "0.00"                        | 422 | invalid-value | amount.value
too much               | /amount/value    | "10000000000.00"              | 422 | invalid-value | amount.value
no reference           | /reference       | ""                            | 422 | invalid-value | reference
a control character    | /reference       | "a\nb"                        | 422 | invalid-value | reference
none of an item        | /items           | [{"name":"x","quantity":0}]   | 422 | invalid-value | items[0].quantity
an item without a name | /items           | [{"name":"","quantity":1}]    | 422 | invalid-value | items[0].name
a long item's name     | /items           | [{"name":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}] | 422 | invalid-value | items[0].name
a return without TLS   | /return_url      | "http://shop.example"         | 422 | invalid-value | return_url
a return to nowhere    | /return_url      | "/shop"                       | 422 | invalid-value | return_url
a return to a script   | /return_url      | "javascript:alert(1)"         | 422 | invalid-value | return_url
"#;

/// The order with one member changed.
fn with(pointer: &str, value: Value) -> String {
    let mut order = order();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = order.pointer_mut(parent).unwrap();
    parent.as_object_mut().unwrap().insert(member.to_owned(), value);
    order.to_string()
}

#[tokio::test]
async fn an_order_is_refused_by_the_rule_it_breaks() {
    let shop = Shop::new();
    let create = |body: String| shop.call("dupont", "POST", "/v1/checkouts", &[], body);
    for [rule, pointer, value, status, problem, field] in rows(ORDERS) {
        let refused = create(with(pointer, serde_json::from_str(value).unwrap())).await;
        let expected = (status.parse().unwrap(), problem.to_owned());
        assert_eq!(refused.refusal(), expected, "{rule}: {refused:?}");
        assert_eq!(refused.text("/field"), field, "{rule}: {refused:?}");
        assert!(refused.text("/detail").contains(field), "{rule}: {refused:?}");
    }
    for not_json in ["", "{", "[]", "\u{0}"] {
        let refused = create(not_json.to_owned()).await;
        assert_eq!(refused.refusal(), (400, "malformed-json".to_owned()));
    }
    let item = json!({ "name": "x", "quantity": 1 });
    let too_many = with("/items", json!(vec![item; 21]));
    assert_eq!(create(too_many).await.refusal(), (422, "invalid-value".to_owned()));
    let long = with("/reference", json!("x".repeat(65)));
    assert_eq!(create(long).await.refusal(), (422, "invalid-value".to_owned()));
    let too_long = with("/reference", json!("x".repeat(17_000)));
    assert_eq!(create(too_long).await.refusal(), (413, "malformed-json".to_owned()));
}

#[tokio::test]
async fn an_idempotency_key_is_refused_by_the_rule_it_breaks() {
    let shop = Shop::new();
    for key in ["", "with space", &"x".repeat(256)] {
        let headers = [("Idempotency-Key", key)];
        let body = order().to_string();
        let refused = shop.call("dupont", "POST", "/v1/checkouts", &headers, body).await;
        assert_eq!(refused.refusal(), (422, "invalid-value".to_owned()), "{key}");
    }
}

/// Rule, body, status, the member that is at fault.
const SUBSCRIBERS: &str = r#"
no number               | {}                                                                                      | 400 | number
a national number       | {"number":"0612345678"}                                                                 | 422 | number
a national zero         | {"number":"+44 (0)7700 900106"}                                                         | 422 | number
an extension            | {"number":"+33123456789;ext=12"}                                                        | 422 | number
a card as a number      | {"number":4970100000000155}                                                             | 400 | number
a card among members    | {"4970100000000155":""}                                                                 | 400 | 
a mistyped card         | {"number":"+33612345678","card":{"number":"4970100000000155","expiry":"12/29"}}         | 422 | card.number
a card with a letter    | {"number":"+33612345678","card":{"number":"497010000000015x","expiry":"12/29"}}         | 422 | card.number
an expiry that is none  | {"number":"+33612345678","card":{"number":"4970100000000154","expiry":"13/29"}}         | 422 | card.expiry
"#;

#[tokio::test]
async fn a_subscriber_is_refused_by_the_rule_that_is_broken_and_no_card_is_echoed() {
    let shop = Shop::new();
    for [rule, body, status, field] in rows(SUBSCRIBERS) {
        let refused = shop.call("dupont", "PUT", "/v1/subscribers/alice", &[], body).await;
        assert_eq!(refused.status.as_u16(), status.parse::<u16>().unwrap(), "{rule}: {refused:?}");
        assert_eq!(refused.text("/field"), field, "{rule}: {refused:?}");
        assert!(!refused.body.contains("497010000000015"), "{rule}: {refused:?}");
    }
}

/// Rule, action, form, status, problem.
const FORMS: &str = r#"
an unknown field                 |         | user_id=alice&x=1                              | 422 | malformed-form
nobody                           |         | user_id=nobody                                 | 422 | payer-not-recognised
nothing                          |         |                                                | 422 | payer-not-given
a mistyped card                  |         | card_number=4970100000000155&card_expiry=12/29 | 422 | invalid-value
an expiry that is none           |         | card_number=4970100000000154&card_expiry=13/29 | 422 | invalid-value
an expiry of letters             |         | card_number=4970100000000154&card_expiry=ab/cd | 422 | invalid-value
an expiry without card           |         | card_expiry=12/29                              | 422 | invalid-value
another's card                   |         | user_id=alice&card_number=5555555555554444&card_expiry=12/29 | 422 | payer-not-recognised
a card without expiry            |         | card_number=4970100000000154                   | 422 | invalid-value
a code before one was asked for  | /code   | code=123456                                    | 409 | not-now
a message before one was sent    | /resend |                                                | 409 | not-now
calling off what has not begun   | /cancel |                                                | 409 | not-now
no code                          | /code   |                                                | 422 | malformed-form
an empty code                    | /code   | code=                                          | 422 | invalid-value
a short code of letters          | /code   | code=abc                                       | 422 | invalid-value
a code of letters                | /code   | code=abcdef                                    | 422 | invalid-value
five digits                      | /code   | code=12345                                     | 422 | invalid-value
eleven digits                    | /code   | code=12345678901                               | 422 | invalid-value
"#;

#[tokio::test]
async fn a_form_is_refused_by_the_rule_it_breaks_and_no_card_is_echoed() {
    let shop = Shop::new();
    shop.enrol().await;
    let page = shop.order("dupont").await;
    let browser = Browser::at(&shop, &page, "application/json").await;
    for [rule, action, form, status, problem] in rows(FORMS) {
        let refused = browser.submit(&format!("{page}{action}"), form).await;
        let expected = (status.parse().unwrap(), problem.to_owned());
        assert_eq!(refused.refusal(), expected, "{rule}: {refused:?}");
        assert!(!refused.body.contains("497010000000015"), "{rule}: {refused:?}");
    }
    let long = browser.submit(&page, &format!("user_id={}", "x".repeat(129))).await;
    assert_eq!(long.refusal(), (422, "invalid-value".to_owned()));
    let too_long = browser.submit(&page, &format!("user_id={}", "x".repeat(5_000))).await;
    assert_eq!(too_long.status, 413);
    let nowhere = browser.open("/pay/nothing").await;
    assert_eq!(nowhere.refusal(), (404, "not-found".to_owned()));
}

#[tokio::test]
async fn another_method_and_another_kind_of_form_are_refused() {
    let shop = Shop::new();
    let page = shop.order("dupont").await;
    let refused = shop.call("dupont", "DELETE", "/v1/checkouts", &[], "").await;
    assert_eq!(refused.refusal(), (405, "method-not-allowed".to_owned()));
    let request = |method: &str, kind: &str| {
        let request = Request::builder().method(method).uri(&page);
        let request = request.header("Accept", "application/json");
        request.header("Content-Type", kind).body(Body::from("{}")).unwrap()
    };
    let refused = shop.raw_page(request("POST", "application/json")).await;
    assert_eq!(refused.refusal(), (415, "malformed-form".to_owned()));
    let refused = shop.raw_page(request("DELETE", "text/plain")).await;
    assert_eq!(refused.refusal(), (405, "method-not-allowed".to_owned()));
}

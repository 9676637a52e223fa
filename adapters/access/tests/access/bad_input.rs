//! Bad input, one row for each rule, named by it, in the order of checking.

use serde_json::{Value, json};

use crate::support::{Answer, House, access, payment};

/// The rows of a table: cells between bars.
fn rows<const CELLS: usize>(table: &str) -> impl Iterator<Item = [&str; CELLS]> {
    let lines = table.lines().filter(|line| !line.is_empty());
    lines.map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        cells.try_into().unwrap()
    })
}

/// Rule, member of the body, its value, status, problem, the field that is at fault.
const CHALLENGES: &str = r#"
an unknown member       | /surprise                        | 1                           | 400 | malformed-json | surprise
a number of one's own   | /number                          | "+33612345678"              | 400 | malformed-json | number
a session of one's own  | /session                         | "ses_1"                     | 400 | malformed-json | session
a wrong type            | /user_id                         | 1                           | 400 | malformed-json | user_id
a purpose               | /purpose                         | null                        | 400 | malformed-json |
a known purpose         | /purpose                         | "certificate"               | 400 | malformed-json | purpose
one purpose             | /purpose/access_to               | "payroll"                   | 400 | malformed-json |
a payee of one's own    | /purpose/payment/payee           | "Your bank"                 | 400 | malformed-json | purpose.payment.payee
a language              | /locale                          | "a language"                | 422 | invalid-value  | locale
a name                  | /user_id                         | ""                          | 422 | invalid-value  | user_id
a printable name        | /user_id                         | "a\nb"                      | 422 | invalid-value  | user_id
a part with a name      | /purpose                         | {"access_to":""}            | 422 | invalid-value  | purpose.access_to
a part that is shown    | /purpose                         | {"access_to":"a\nb"}        | 422 | invalid-value  | purpose.access_to
a part without space    | /purpose                         | {"access_to":" payroll"}    | 422 | invalid-value  | purpose.access_to
a part that is short    | /purpose                         | {"access_to":"a part whose name is too long with ours"} | 422 | invalid-value  | purpose.access_to
a known currency        | /purpose/payment/amount/currency | "EUX"                       | 422 | invalid-value  | purpose.payment.amount.currency
a currency of today     | /purpose/payment/amount/currency | "HRK"                       | 422 | invalid-value  | purpose.payment.amount.currency
a currency and no fund  | /purpose/payment/amount/currency | "CHW"                       | 422 | invalid-value  | purpose.payment.amount.currency
an amount               | /purpose/payment/amount/value    | ""                          | 422 | invalid-value  | purpose.payment.amount.value
an amount above zero    | /purpose/payment/amount/value    | "0.00"                      | 422 | invalid-value  | purpose.payment.amount.value
an item with a name     | /purpose/payment/items           | [{"name":""}]               | 422 | invalid-value  | purpose.payment.items[0].name
a reference             | /purpose/payment/reference       | ""                          | 422 | invalid-value  | purpose.payment.reference
some of each item       | /purpose/payment/items           | [{"name":"x","quantity":0}] | 422 | invalid-value  | purpose.payment.items[0].quantity
an origin without path  | /origin                          | "login.example.com/x"       | 422 | invalid-value  | origin
an origin of its own    | /origin                          | "login.example.org"         | 422 | invalid-value  | origin
a person who is known   | /user_id                         | "nobody"                    | 422 | person-not-recognised |
"#;

/// The payment with one member changed.
fn with(pointer: &str, value: Value) -> String {
    let mut body = payment();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    parent.as_object_mut().unwrap().insert(member.to_owned(), value);
    body.to_string()
}

#[tokio::test]
async fn a_challenge_is_refused_by_the_rule_it_breaks_and_the_body_is_not_quoted() {
    let house = House::new().await;
    let start = |body: String| house.call("acme", "POST", "/v1/challenges", &[], body);
    for [rule, pointer, value, status, problem, field] in rows(CHALLENGES) {
        let refused = start(with(pointer, serde_json::from_str(value).unwrap())).await;
        let expected = (status.parse().unwrap(), problem.to_owned());
        assert_eq!(refused.refusal(), expected, "{rule}: {refused:?}");
        assert_eq!(refused.text("/field"), field, "{rule}: {refused:?}");
        for quoted in ["33612345678", "Your bank", "EUX"] {
            assert!(!refused.body.contains(quoted), "{rule}: {refused:?}");
        }
    }
    for not_json in ["", "{", "[]", "\u{0}"] {
        let refused = start(not_json.to_owned()).await;
        assert_eq!(refused.refusal(), (400, "malformed-json".to_owned()));
    }
    let too_long = with("/user_id", json!("x".repeat(17_000)));
    assert_eq!(start(too_long).await.refusal(), (413, "malformed-json".to_owned()));
    assert_eq!(house.fixture.next_message().await, None, "no phone rings");
}

#[tokio::test]
async fn an_origin_of_another_party_is_refused() {
    let house = House::new().await;
    let mut body = access();
    body["origin"] = json!("login.example.com");
    let refused = house.call("library", "POST", "/v1/challenges", &[], body.to_string()).await;
    assert_eq!(refused.refusal(), (422, "invalid-value".to_owned()));
}

#[tokio::test]
async fn an_idempotency_key_is_refused_by_the_rule_it_breaks() {
    let house = House::new().await;
    for key in ["", "with space", &"x".repeat(256)] {
        let headers = [("Idempotency-Key", key)];
        let body = access().to_string();
        let refused = house.call("acme", "POST", "/v1/challenges", &headers, body).await;
        assert_eq!(refused.refusal(), (422, "invalid-value".to_owned()), "{key}");
    }
}

/// Rule, body, status, problem, the field that is at fault. `SES` is the right session.
const RESPONSES: &str = r#"
JSON                    | {                                           | 400 | malformed-json |
an unknown member       | {"session":"SES","code":"123456","x":1}     | 400 | malformed-json | x
a session               | {"code":"123456"}                           | 400 | malformed-json | session
a code                  | {"session":"SES"}                           | 400 | malformed-json | code
a code that is text     | {"session":"SES","code":123456}             | 400 | malformed-json | code
a session of ours       | {"session":"mine","code":"12345"}           | 422 | invalid-value  | session
a code that is there    | {"session":"SES","code":""}                 | 422 | invalid-value  | code
a code of digits        | {"session":"SES","code":"abcdef"}           | 422 | invalid-value  | code
six digits              | {"session":"SES","code":"12345"}            | 422 | invalid-value  | code
at most ten digits      | {"session":"SES","code":"12345678901"}      | 422 | invalid-value  | code
"#;

#[tokio::test]
async fn a_response_is_refused_by_the_rule_it_breaks_and_is_not_counted() {
    let house = House::new().await;
    let started = house.start(&access()).await;
    let path = started.path("/response");
    for [rule, body, status, problem, field] in rows(RESPONSES) {
        let body = body.replace("SES", &started.session);
        let refused: Answer = house.call("acme", "POST", &path, &[], body).await;
        let expected = (status.parse().unwrap(), problem.to_owned());
        assert_eq!(refused.refusal(), expected, "{rule}: {refused:?}");
        assert_eq!(refused.text("/field"), field, "{rule}: {refused:?}");
        for secret in ["12345", &started.session] {
            assert!(!refused.body.contains(secret), "{rule}: {refused:?}");
        }
    }
    assert_eq!(house.look(&started).await.json()["code"]["attempts_left"], 3);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let house = House::new().await;
    for id in ["nothing", "ch_00000000000000000000000000000001", "%ff"] {
        let path = format!("/v1/challenges/{id}");
        let refused = house.call("acme", "GET", &path, &[], "").await;
        assert_eq!(refused.refusal(), (404, "not-found".to_owned()), "{id}");
    }
    let refused = house.call("acme", "DELETE", "/v1/challenges", &[], "").await;
    assert_eq!(refused.refusal(), (405, "method-not-allowed".to_owned()));
}

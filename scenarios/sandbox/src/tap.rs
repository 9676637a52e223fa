//! What payers and merchants send to the server and get from it, noted on its way through the server's routes.

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::Request as HttpRequest,
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
};
use countersign_web::peer_certificate::PeerCertificates;
use serde_json::Value;

use crate::{
    flows,
    journal::{About, Detail, Journal, Party, Request, Said, mask, mask_code},
    merchant::OWN_LOOK,
};

/// More of a body is not noted; the server refuses it anyway.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The members by which answers name what was begun.
const NAMES: [&str; 3] = ["id", "opening", "transfer"];

/// The router, with everything noted that goes through it.
pub(crate) fn tapped(router: Router, journal: Journal) -> Router {
    router.layer(from_fn(move |request: HttpRequest, next: Next| {
        let journal = journal.clone();
        async move { pass(&journal, request, next).await }
    }))
}

async fn pass(journal: &Journal, request: HttpRequest, next: Next) -> Response {
    if request.headers().contains_key(OWN_LOOK) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let (method, path) = (&head.method, head.uri.path());
    let asked = flows::request(method, path, &body).unwrap_or_else(|| other(method, path));
    let line = mask(&format!("{} {}", head.method, head.uri.path()));
    let mut detail = vec![("request".to_owned(), line)];
    detail.extend(asked.detail.clone());
    detail.extend(fields(&head.headers, &body));
    let certificates = head.extensions.get::<PeerCertificates>();
    if certificates.is_some_and(|presented| !presented.0.is_empty()) {
        detail.push(("TLS client certificate".to_owned(), "presented".to_owned()));
    }
    let noted =
        journal.asked(asked.from, asked.to, asked.label, detail, about(asked.subject.as_ref()));
    let response = next.run(HttpRequest::from_parts(head, Body::from(body))).await;

    let (head, body) = response.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let named = NAMES.iter().find_map(|name| said.get(name)?.as_str()).map(str::to_owned);
    let subject = asked.subject.or(named);
    // What is begun is named by the answer.
    if asked.begins {
        journal.find(noted, about(subject.as_ref()));
    }
    let said = flows::answer(&head.headers, &body).unwrap_or_else(|| Said {
        label: answered(head.status.as_u16(), &head.headers, &said),
        detail: fields(&head.headers, &body),
        name: None,
    });
    let about = match (subject, said.name) {
        (Some(subject), Some(name)) if subject != name => About::Named { subject, name },
        (subject, name) => about(subject.or(name).as_ref()),
    };
    journal.answered(asked.to, asked.from, said.label, said.detail, about);
    Response::from_parts(head, Body::from(body))
}

fn about(subject: Option<&String>) -> About {
    subject.map_or(About::Nothing, |id| About::Subject(id.clone()))
}

/// What a request of no flow is.
fn other(method: &Method, path: &str) -> Request {
    Request {
        from: if path.starts_with("/v1/") { Party::Merchant } else { Party::Payer },
        to: Party::Server,
        label: mask(&format!("{method} {path}")),
        detail: Vec::new(),
        subject: None,
        begins: false,
    }
}

/// The status, and what it is about: where the checkout stands, or the problem's name.
fn answered(status: u16, headers: &HeaderMap, said: &Value) -> String {
    let stands = said.get("status").and_then(Value::as_str);
    let problem = said.get("type").and_then(Value::as_str);
    let problem = problem.and_then(|name| name.rsplit(':').next());
    let page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|found| found.as_bytes().starts_with(b"text/html"));
    match (stands.or(problem), page) {
        (Some(what), _) => format!("{status} {what}"),
        (None, true) if status >= 400 => format!("{status} refused, on the page"),
        (None, true) => format!("{status} page"),
        (None, false) if status == 303 => "303 to the page".to_owned(),
        (None, false) => status.to_string(),
    }
}

/// What a body says, name by name. A page is not repeated.
pub(crate) fn fields(headers: &HeaderMap, body: &Bytes) -> Detail {
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media_type.starts_with("application/x-www-form-urlencoded") {
        let given = form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty());
        let shown = |name: &str, value: &str| match name {
            "code" | "password" => "•".repeat(value.chars().count()),
            _ => mask(value),
        };
        return given.map(|(name, value)| (mask(&name), shown(&name, &value))).collect();
    }
    if media_type.starts_with("text/html") {
        return vec![("page".to_owned(), format!("HTML, {} bytes", body.len()))];
    }
    let mut found = Vec::new();
    if let Ok(json) = serde_json::from_slice(body) {
        flatten(String::new(), &json, &mut found);
    }
    found
}

/// Members of members get names like `amount.value`. Names and numbers are whatever was sent, and masked as texts are.
pub(crate) fn flatten(name: String, json: &Value, found: &mut Detail) {
    let inside = |member: &str| match name.as_str() {
        "" => mask(member),
        name => format!("{name}.{}", mask(member)),
    };
    match json {
        Value::Object(members) => {
            for (member, value) in members {
                flatten(inside(member), value, found);
            }
        }
        Value::Array(members) => {
            for (number, value) in members.iter().enumerate() {
                flatten(inside(&number.to_string()), value, found);
            }
        }
        // As it was typed: what the server says of codes is a word.
        Value::String(text) if is_code(&name) && text.contains(|c: char| c.is_ascii_digit()) => {
            found.push((name, "•".repeat(text.chars().count())));
        }
        Value::String(text) => found.push((name, mask_code(text))),
        value => found.push((name, mask(&value.to_string()))),
    }
}

/// Whether what has that name is a code.
fn is_code(name: &str) -> bool {
    name.rsplit('.').next() == Some("code")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const CARD: &str = "4970100000000154";

    /// What is noted of a body of that type.
    fn noted(media_type: &'static str, body: &str) -> String {
        let headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))]);
        format!("{:?}", fields(&headers, &Bytes::from(body.to_owned())))
    }

    #[test]
    fn a_card_is_masked_however_it_is_written_and_wherever_it_stands() {
        let form = "application/x-www-form-urlencoded";
        for (media_type, body) in [
            (form, "card_number=4970100000000154"),
            (form, "card_number=4970+1000+0000+0154"),
            (form, "card_number=4970%201000%2D0000-0154"),
            (form, "card_number=%34%39%37%30%31%30%30%30%30%30%30%30%30%31%35%34"),
            (form, "user_id=4970100000000154"),
            (form, "4970100000000154=x"),
            ("application/json", r#"{"card":{"number":"4970 1000 0000 0154"}}"#),
            ("application/json", r#"{"card":{"number":4970100000000154}}"#),
            ("application/json", r#"{"4970100000000154":["4970100000000154"]}"#),
        ] {
            let shown = noted(media_type, body);
            let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
            assert!(!digits.contains(CARD), "{body}: {shown}");
            assert!(shown.contains('•'), "{body}: {shown}");
        }
    }

    #[test]
    fn a_code_in_json_is_masked_and_a_word_that_has_that_name_is_not() {
        for (body, shown) in [
            (r#"{"code":"123456"}"#, r#"[("code", "••••••")]"#),
            (r#"{"typed":{"code":"123-456"}}"#, r#"[("typed.code", "•••••••")]"#),
            (r#"{"code":"declined"}"#, r#"[("code", "declined")]"#),
        ] {
            assert_eq!(noted("application/json", body), shown);
        }
    }

    #[test]
    fn a_code_and_a_password_are_masked_whatever_they_look_like() {
        for name in ["code", "password"] {
            let shown = noted("application/x-www-form-urlencoded", &format!("{name}=123-456"));
            assert_eq!(shown, format!(r#"[("{name}", "•••••••")]"#));
        }
    }
}

//! What payers and merchants send to the server and get from it, noted on its way through the server's routes.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request as HttpRequest,
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
};
use countersign_web::peer_certificate::PeerCertificates;
use serde_json::Value;

use crate::{
    bodies::fields,
    flows,
    journal::{About, Journal, Party, Request, Said, mask},
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
    let about = |subject: Option<String>| match subject {
        Some(id) if asked.from_outbox => About::Order(id),
        Some(id) => About::Subject(id),
        None => About::Nothing,
    };
    let noted =
        journal.asked(asked.from, asked.to, asked.label, detail, about(asked.subject.clone()));
    let response = next.run(HttpRequest::from_parts(head, Body::from(body))).await;

    let (head, body) = response.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let named = NAMES.iter().find_map(|name| said.get(name)?.as_str()).map(str::to_owned);
    let subject = asked.subject.or(named);
    // What is begun is named by the answer.
    if asked.begins {
        journal.find(noted, about(subject.clone()));
    }
    let said = flows::answer(&head.headers, &body).unwrap_or_else(|| Said {
        label: answered(head.status.as_u16(), &head.headers, &said),
        detail: fields(&head.headers, &body),
        name: None,
    });
    let about = match (subject, said.name) {
        (Some(subject), Some(name)) if subject != name => About::Named { subject, name },
        (subject, name) => about(subject.or(name)),
    };
    journal.answered(asked.to, asked.from, said.label, said.detail, about);
    Response::from_parts(head, Body::from(body))
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
        from_outbox: false,
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

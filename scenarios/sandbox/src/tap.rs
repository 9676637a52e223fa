//! What payers and merchants send to the server and get from it, noted on its way through the server's routes.

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderMap, Method, header},
    middleware::{Next, from_fn},
    response::Response,
};
use countersign_web::peer_certificate::PeerCertificates;
use serde_json::Value;

use crate::journal::{About, Journal, Party, mask, mask_code};

/// A request with this header is the sandbox's own look at a purchase, or a tester's, and part of none.
pub const OWN_LOOK: &str = "sandbox-look";

/// More of a body is not noted; the server refuses it anyway.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The router, with everything noted that goes through it.
pub(crate) fn tapped(router: Router, journal: Journal) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| {
        let journal = journal.clone();
        async move { pass(&journal, request, next).await }
    }))
}

/// What a request is, in the words of a flow.
struct Asked {
    from: Party,
    label: String,
    checkout: Option<String>,
}

async fn pass(journal: &Journal, request: Request, next: Next) -> Response {
    if request.headers().contains_key(OWN_LOOK) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return next.run(Request::from_parts(head, Body::empty())).await;
    };
    let asked = asked(&head.method, head.uri.path(), &body);
    let mut detail = vec![(
        "request".to_owned(),
        mask(&format!("{} {}", head.method, head.uri.path())),
    )];
    detail.extend(fields(&head.headers, &body));
    let certificates = head.extensions.get::<PeerCertificates>();
    if certificates.is_some_and(|presented| !presented.0.is_empty()) {
        detail.push(("TLS client certificate".to_owned(), "presented".to_owned()));
    }
    let about = |id: Option<String>| id.map_or(About::Nothing, About::Checkout);
    // The id of a checkout that is asked for is known by the answer.
    let early = asked.checkout.is_some() || asked.from == Party::Payer;
    let noted = (asked.label, detail);
    if early {
        let (label, detail) = noted.clone();
        journal.note(
            asked.from,
            Party::Server,
            label,
            detail,
            about(asked.checkout.clone()),
        );
    }
    let response = next.run(Request::from_parts(head, Body::from(body))).await;

    let (head, body) = response.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let id = said.get("id").and_then(Value::as_str).map(str::to_owned);
    let checkout = asked.checkout.or(id);
    if !early {
        let (label, detail) = noted;
        journal.note(
            asked.from,
            Party::Server,
            label,
            detail,
            about(checkout.clone()),
        );
    }
    let label = answered(head.status.as_u16(), &head.headers, &said);
    let detail = fields(&head.headers, &body);
    journal.note(Party::Server, asked.from, label, detail, about(checkout));
    Response::from_parts(head, Body::from(body))
}

fn asked(method: &Method, path: &str, body: &Bytes) -> Asked {
    let mut parts = path.split('/').skip(1);
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let text = String::from_utf8_lossy(body);
    match (first, second, third) {
        (Some("pay"), Some(id), action) => {
            let label = match (method, action) {
                (&Method::GET, _) => "opens the page".to_owned(),
                (_, Some("code")) => "types the code".to_owned(),
                (_, Some("resend")) => "asks for another message".to_owned(),
                (_, Some("cancel")) => "calls the payment off".to_owned(),
                _ => format!("pays{}", by(&text)),
            };
            Asked {
                from: Party::Payer,
                label,
                checkout: Some(id.to_owned()),
            }
        }
        (Some("v1"), Some("checkouts"), id) => {
            let label = match (id, parts.next()) {
                (None, _) => format!("asks for {}", amount(&text)),
                (_, Some("void")) => "calls the checkout off".to_owned(),
                (_, Some("trace")) => "reads the trace".to_owned(),
                _ => "looks at the checkout".to_owned(),
            };
            Asked {
                from: Party::Merchant,
                label,
                checkout: id.map(str::to_owned),
            }
        }
        _ => Asked {
            from: if first == Some("v1") {
                Party::Merchant
            } else {
                Party::Payer
            },
            label: mask(&format!("{method} {path}")),
            checkout: None,
        },
    }
}

/// By what the payer is to be known.
fn by(form: &str) -> &'static str {
    let given = |name: &str| {
        let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
        pairs.any(|(found, value)| found == name && !value.is_empty())
    };
    if given("user_id") {
        " by user id"
    } else if given("certificate") || !given("card_number") {
        " by certificate"
    } else {
        " by card"
    }
}

fn amount(order: &str) -> String {
    let order: Value = serde_json::from_str(order).unwrap_or_default();
    let member = |name: &str| {
        order
            .pointer(&format!("/amount/{name}"))
            .and_then(Value::as_str)
    };
    match (member("value"), member("currency")) {
        (Some(value), Some(currency)) => format!("{value} {currency}"),
        _ => "something".to_owned(),
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
fn fields(headers: &HeaderMap, body: &Bytes) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if let Ok(json) = serde_json::from_str::<Value>(&text) {
        let mut found = Vec::new();
        flatten("", &json, &mut found);
        return found;
    }
    if media_type.starts_with("application/x-www-form-urlencoded") {
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        let shown = |name: &str, value: &str| match name {
            "code" => "•".repeat(value.len()),
            _ => mask(&value.replace("%2F", "/").replace('+', " ")),
        };
        return pairs
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), shown(name, value)))
            .collect();
    }
    if media_type.starts_with("text/html") {
        return vec![("page".to_owned(), format!("HTML, {} bytes", body.len()))];
    }
    Vec::new()
}

/// Members of members get names like `amount.value`.
fn flatten(name: &str, json: &Value, found: &mut Vec<(String, String)>) {
    let inside = |member: &str| {
        if name.is_empty() {
            member.to_owned()
        } else {
            format!("{name}.{member}")
        }
    };
    match json {
        Value::Object(members) => {
            for (member, value) in members {
                flatten(&inside(member), value, found);
            }
        }
        Value::Array(members) => {
            for (number, value) in members.iter().enumerate() {
                flatten(&inside(&number.to_string()), value, found);
            }
        }
        Value::String(text) => found.push((name.to_owned(), mask_code(text))),
        value => found.push((name.to_owned(), value.to_string())),
    }
}

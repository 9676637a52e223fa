//! The checkout over TLS (figures 7, 8 and 13): a shop in which people buy, and the payers' pages.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Json, Router,
    body::Bytes,
    extract::{Path, State, rejection::FormRejection},
    http::{HeaderValue, Method, header},
    response::{IntoResponse as _, Redirect},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Ground, SHOWN};
use crate::{
    address::{free_port, host},
    certificates::PASSWORD,
    counterparties::Counterparties,
    drawing::{Flow, Traces},
    error::SandboxError,
    folder::write_public,
    journal::{About, Note, Party, Request, mask},
    merchant::Merchant,
    page::{Answer, Frame, show},
    problem::ControlError,
    views::{Became, Begun, Tone, age},
};

/// What the shop sells, each to show something.
static GOODS: [Good; 4] = [
    Good { key: "book", name: "Le Petit Prince", price: "8.90", hint: "Asks for a code." },
    Good {
        key: "card",
        name: "A postcard",
        price: "1.20",
        hint: "Up to 5.00 EUR nothing is asked: a normal payment.",
    },
    Good {
        key: "works",
        name: "Collected works, in 12 volumes",
        price: "249.00",
        hint: "Asks for a code, too.",
    },
    Good {
        key: "incunable",
        name: "An incunable",
        price: "18500.00",
        hint: "More than is on the account: the bank declines.",
    },
];

#[derive(Clone, Copy)]
pub(super) struct Good {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) price: &'static str,
    hint: &'static str,
}

/// What the shop sells under that key.
pub(super) fn good(key: &str) -> Option<&'static Good> {
    GOODS.iter().find(|found| found.key == key)
}

/// The shop's logo: an open book.
const LOGO: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 40"><path fill="#7a1f3d" d="M24 8C18 3 9 2 2 4v30c7-2 16-1 22 4 6-5 15-6 22-4V4C39 2 30 3 24 8z"/><path fill="none" stroke="#fff" stroke-width="2" d="M24 9v26M7 11c5-1 9 0 13 2M7 18c5-1 9 0 13 2M28 13c4-2 8-3 13-2M28 20c4-2 8-3 13-2"/></svg>"##;

/// Its sections of the server's configuration.
pub(super) fn section(ground: &Ground<'_>) -> Result<String, SandboxError> {
    write_public(&ground.folder.join("dupont.svg"), LOGO)?;
    let listen = free_port(ground.settings.checkout)?;
    let host = host(listen);
    Ok(format!(
        r##"
[checkout]
listen = "{listen}"
public_origin = "https://{host}"
client_authorities = "root.pem"
gateway_keys = [{{ certificate = "gateway.pem", key = "gateway.key" }}]

[theme.dupont]
colour = "#7a1f3d"
logo = "dupont.svg"
"##
    ))
}

pub(super) fn routes(counterparties: Arc<Counterparties>) -> Router {
    Router::new()
        .route("/shop", get(shop).post(buy))
        .route("/purchases/{checkout}", get(purchase))
        .route("/purchases/{checkout}/flow.json", get(flow_json))
        .route("/purchases/{checkout}/flow.mmd", get(flow_mermaid))
        .with_state(counterparties)
}

/// What payer and merchant ask of the server.
pub(super) fn request(method: &Method, path: &str, body: &Bytes) -> Option<Request> {
    let mut parts = path.split('/').skip(1);
    match (parts.next()?, parts.next()?, parts.next()) {
        ("pay", id, action) => {
            let label = match (method, action) {
                (&Method::GET, _) => "opens the page".to_owned(),
                (_, Some("code")) => "types the code".to_owned(),
                (_, Some("resend")) => "asks for another message".to_owned(),
                (_, Some("cancel")) => "calls the payment off".to_owned(),
                _ => format!("pays{}", by(body)),
            };
            let subject = Some(id.to_owned());
            Some(of(Party::Payer, label, subject, false))
        }
        ("v1", "checkouts", id) => {
            let label = match (id, parts.next()) {
                (None, _) => format!("asks for {}", amount(body)),
                (_, Some("void")) => "calls the checkout off".to_owned(),
                (_, Some("trace")) => "reads the trace".to_owned(),
                _ => "looks at the checkout".to_owned(),
            };
            let (subject, begins) = (id.map(str::to_owned), id.is_none());
            Some(of(Party::Merchant, label, subject, begins))
        }
        _ => None,
    }
}

fn of(from: Party, label: String, subject: Option<String>, begins: bool) -> Request {
    let (to, detail) = (Party::Server, Vec::new());
    Request { from, to, label, detail, subject, begins, from_outbox: false }
}

/// By what the payer is to be known.
fn by(form: &Bytes) -> &'static str {
    let given = |name: &str| {
        let mut pairs = form_urlencoded::parse(form);
        pairs.any(|(found, value)| found == name && !value.trim().is_empty())
    };
    if given("user_id") {
        " by user id"
    } else if given("certificate") || !given("card_number") {
        " by certificate"
    } else {
        " by card"
    }
}

pub(super) fn amount(order: &Bytes) -> String {
    let order: Value = serde_json::from_slice(order).unwrap_or_default();
    let member = |pointer: &str| order.pointer(pointer).and_then(Value::as_str);
    match (member("/amount/value"), member("/amount/currency")) {
        (Some(value), Some(currency)) => mask(&format!("{value} {currency}")),
        _ => "something".to_owned(),
    }
}

type Shared = State<Arc<Counterparties>>;

/// The purchases that were heard of last, latest first, and what became of them.
pub(super) async fn lately(shared: &Counterparties) -> Vec<Begun> {
    let mut heard: Vec<(String, Note, Note)> = Vec::new();
    for note in shared.journal.all() {
        let About::Subject(id) = &note.about else {
            continue;
        };
        match heard.iter_mut().find(|(known, ..)| known == id) {
            Some((.., last)) => *last = note,
            None if is_checkout(id) => heard.push((id.clone(), note.clone(), note)),
            None => {}
        }
    }
    let mut begun = Vec::new();
    for (id, first, last) in heard.iter().rev().take(SHOWN) {
        let view = view(shared, id).await.map(|(_, view)| view);
        begun.push(Begun {
            page: format!("/purchases/{id}"),
            id: id.clone(),
            what: title(first),
            at: first.at,
            age: age(first.at),
            became: became(&view.unwrap_or_default(), &last.label),
        });
    }
    begun
}

/// Whether this is the id of a checkout, and not of something else or of nothing at all.
fn is_checkout(id: &str) -> bool {
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    id.starts_with("co_") && id.bytes().all(is_id)
}

/// What a purchase is called: `asks for 49.90 EUR` is its first note.
pub(super) fn title(note: &Note) -> String {
    let what = note.label.strip_prefix("asks for ");
    what.map_or_else(|| "A purchase".to_owned(), |amount| format!("A purchase of {amount}"))
}

/// What became of the purchase that its merchant sees so, when the last answer about it was that.
fn became(view: &Value, last: &str) -> Became {
    let text = |member: &str| view.get(member).and_then(Value::as_str).unwrap_or_default();
    let (tone, words) = match (text("status"), text("cause")) {
        ("open", _) => (Tone::Open, "open"),
        ("awaiting_code", _) if last.ends_with("wrong-code") => {
            (Tone::Open, "awaiting the code: a wrong one was typed")
        }
        ("awaiting_code", _) => (Tone::Open, "awaiting the code"),
        ("processing", _) => (Tone::Open, "the bank is being asked"),
        ("paid", _) => (Tone::Good, "paid"),
        ("declined", _) => (Tone::Bad, "refused: the bank declined"),
        ("releasing", _) => (Tone::Bad, "not paid: the bank is told to release it"),
        ("voided", "too-many-attempts") => (Tone::Bad, "refused: too many wrong codes"),
        ("voided", "late-code") => (Tone::Bad, "expired: no code came in time"),
        ("voided", "phone-unreachable") => (Tone::Bad, "voided: the phone cannot be reached"),
        ("voided", "declined-by-bank") => (Tone::Bad, "refused: the bank did not debit"),
        ("voided", "cancelled") => (Tone::Bad, "voided: called off"),
        ("voided", _) => (Tone::Bad, "voided"),
        ("expired", _) => (Tone::Bad, "expired: nobody paid in time"),
        _ => (Tone::Open, "not known"),
    };
    Became { tone, words }
}

#[derive(Template)]
#[template(path = "goods.html")]
struct Goods<'a> {
    goods: [Good; 4],
    /// Whether the payment page opens beside this one.
    beside: bool,
    /// What opens the wallet, when it is bought by SET.
    password: &'static str,
    /// Where wallets are opened (figure 12).
    wallets: &'a str,
}

/// The shop on the first page: the payment page opens beside it.
pub(super) fn front(shared: &Counterparties) -> Result<String, ControlError> {
    goods(shared, true)
}

fn goods(shared: &Counterparties, beside: bool) -> Result<String, ControlError> {
    let wallets = &shared.facts.wallets;
    let goods = Goods { goods: GOODS, beside, password: PASSWORD, wallets }.render();
    goods.map_err(|error| ControlError::internal(&error.to_string()))
}

#[derive(Template)]
#[template(path = "shop.html")]
struct Shop {
    frame: Frame,
    goods: String,
}

async fn shop(State(shared): Shared) -> Answer {
    show(&Shop { frame: shared.places.at("Shop"), goods: goods(&shared, false)? })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuyForm {
    good: String,
}

/// Asks for the money as a merchant does, and sends the payer's browser to the payment page.
async fn buy(State(shared): Shared, form: Result<Form<BuyForm>, FormRejection>) -> Answer {
    let Form(BuyForm { good }) = form?;
    let good = self::good(&good);
    let good = good.ok_or_else(|| ControlError::invalid("The shop does not sell that."))?;
    let order = json!({
        "amount": { "value": good.price, "currency": "EUR" },
        "reference": format!("shop-{}", good.key),
        "items": [{ "name": good.name }],
        "return_url": format!("http://localhost:{}/shop", shared.address.port()),
    });
    let created = shared.merchant.call("POST", "/v1/checkouts", &order).await?;
    let url = created.get("url").and_then(Value::as_str).unwrap_or("/shop");
    Ok(Redirect::to(url).into_response())
}

#[derive(Template)]
#[template(path = "purchase.html")]
struct Purchase {
    frame: Frame,
    what: String,
    checkout: String,
    flow: String,
}

async fn purchase(State(shared): Shared, Path(checkout): Path<String>) -> Answer {
    let flow = super::flow(&shared, &checkout).await?;
    let notes = shared.journal.all();
    let first = notes.iter().find(|note| note.about == About::Subject(checkout.clone()));
    show(&Purchase {
        frame: shared.places.at(""),
        what: first.map_or_else(|| "A purchase".to_owned(), title),
        flow: flow.html("arrow-"),
        checkout,
    })
}

async fn flow_json(State(shared): Shared, Path(checkout): Path<String>) -> Answer {
    Ok(Json(super::flow(&shared, &checkout).await?).into_response())
}

async fn flow_mermaid(State(shared): Shared, Path(checkout): Path<String>) -> Answer {
    let text = super::flow(&shared, &checkout).await?.mermaid();
    let media_type = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}

/// The flow of a checkout. The references by which bank and centre know it, the API tells its merchant.
pub(super) async fn flow(shared: &Counterparties, checkout: &str) -> Result<Flow, ControlError> {
    if !is_checkout(checkout) {
        return Err(ControlError::not_found("There is no such purchase."));
    }
    let mut traces = Traces { subject: checkout.to_owned(), ..Traces::default() };
    if let Some((merchant, view)) = view(shared, checkout).await {
        let trace = merchant.look(&format!("/v1/checkouts/{checkout}/trace")).await?;
        let facts = trace.as_array().into_iter().flatten();
        let ids = facts.filter_map(|fact| fact.get("network_id")?.as_str());
        traces.messages = ids.map(str::to_owned).collect();
        let bank = view.get("bank_reference").and_then(Value::as_str);
        traces.bank = bank.map(str::to_owned).into_iter().collect();
    }
    let flow = Flow::of(&shared.journal, &traces);
    if flow.arrows.is_empty() {
        return Err(ControlError::not_found("Nothing was sent for such a purchase."));
    }
    Ok(flow)
}

/// The checkout as its merchant sees it; the API tells no other whose it is, so each is asked.
async fn view<'a>(shared: &'a Counterparties, checkout: &str) -> Option<(&'a Merchant, Value)> {
    let path = format!("/v1/checkouts/{checkout}");
    for merchant in [&shared.merchant, &shared.other_merchant] {
        if let Ok(view) = merchant.look(&path).await {
            return Some((merchant, view));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_purchase_is_said_in_words_and_not_by_a_status() {
        for (status, cause, last, words) in [
            ("open", None, "201 open", "open"),
            ("awaiting_code", None, "200 awaiting_code", "awaiting the code"),
            ("awaiting_code", None, "422 wrong-code", "awaiting the code: a wrong one was typed"),
            ("processing", None, "200 processing", "the bank is being asked"),
            ("paid", None, "200 paid", "paid"),
            ("declined", Some("declined-by-bank"), "200 declined", "refused: the bank declined"),
            (
                "voided",
                Some("too-many-attempts"),
                "422 too-many-attempts",
                "refused: too many wrong codes",
            ),
            ("voided", Some("late-code"), "410 late-code", "expired: no code came in time"),
            ("voided", Some("cancelled"), "200 voided", "voided: called off"),
            ("voided", None, "200 voided", "voided"),
            ("expired", None, "201 open", "expired: nobody paid in time"),
        ] {
            let view = json!({ "status": status, "cause": cause });
            assert_eq!(became(&view, last).words, words, "{view}");
        }
    }

    #[test]
    fn a_request_is_called_what_it_asks() {
        let order = Bytes::from(r#"{"amount":{"value":"8.90","currency":"EUR"}}"#);
        let card = Bytes::from("card_number=4970100000000154");
        let none = Bytes::new();
        for (method, path, body, label, subject) in [
            (Method::POST, "/v1/checkouts", &order, "asks for 8.90 EUR", None),
            (
                Method::POST,
                "/v1/checkouts/co_1/void",
                &none,
                "calls the checkout off",
                Some("co_1"),
            ),
            (Method::GET, "/pay/co_1", &none, "opens the page", Some("co_1")),
            (Method::POST, "/pay/co_1", &card, "pays by card", Some("co_1")),
            (Method::POST, "/pay/co_1/code", &none, "types the code", Some("co_1")),
        ] {
            let request = request(&method, path, body);
            let said = request.map(|request| (request.label, request.subject));
            assert_eq!(said, Some((label.to_owned(), subject.map(str::to_owned))), "{path}");
        }
        assert!(request(&Method::PUT, "/v1/subscribers/alice", &none).is_none());
    }
}

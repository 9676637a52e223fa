//! The sandbox in a browser: overview, shop, phones, bank and register, and the drawn flow of each purchase. Rendered here;
//! a little script fetches what is live again when something was sent.

use std::{convert::Infallible, sync::Arc, time::Duration};

use askama::Template;
use axum::{
    Form, Json, Router,
    extract::{Path, State, rejection::FormRejection},
    http::{HeaderName, HeaderValue, header},
    response::{
        Html, IntoResponse, Redirect, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use futures_util::{Stream, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    centre::HandsetState,
    counterparties::Counterparties,
    drawing::{Flow, STYLE, Traces},
    journal::{About, Note},
    person::Person,
    problem::ControlError,
    views::{AccountRow, MovementRow, PostedRow, ShownMessage, age},
};

const SCRIPT: &str = include_str!("../assets/sandbox.js");

/// Own style, own script, own forms, and nothing of anybody else. The shop's forms lead to the payment pages.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      frame-ancestors 'none'; base-uri 'none'";

/// What the shop sells, each to show something.
const GOODS: [Good; 4] = [
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
struct Good {
    key: &'static str,
    name: &'static str,
    price: &'static str,
    hint: &'static str,
}

type Shared = State<Arc<Counterparties>>;
type Answer = Result<Response, ControlError>;

/// The routes for people.
pub(crate) fn pages() -> Router<Arc<Counterparties>> {
    Router::new()
        .route("/", get(overview))
        .route("/people", axum::routing::post(add_person))
        .route("/shop", get(shop).post(buy))
        .route("/phones/{number}", get(phone).post(set_phone))
        .route("/bank", get(bank))
        .route("/purchases/{checkout}", get(purchase))
        .route("/purchases/{checkout}/flow.json", get(flow_json))
        .route("/purchases/{checkout}/flow.mmd", get(flow_mermaid))
        .route("/events", get(events))
        .route("/assets/sandbox.css", get(async || asset("text/css", STYLE)))
        .route("/assets/sandbox.js", get(async || asset("text/javascript", SCRIPT)))
}

fn asset(media_type: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, media_type)], text).into_response()
}

/// What every page has at its top.
struct Frame {
    /// Where this page is, among the places.
    place: &'static str,
    first: Person,
}

impl Frame {
    fn at(place: &'static str, shared: &Counterparties) -> Self {
        Self { place, first: shared.facts.person.clone() }
    }

    fn places(&self) -> [(&'static str, String); 4] {
        [
            ("Overview", "/".to_owned()),
            ("Shop", "/shop".to_owned()),
            ("Phones", format!("/phones/{}", self.first.number)),
            ("Bank and register", "/bank".to_owned()),
        ]
    }
}

fn show(page: &impl Template) -> Answer {
    let html = page.render().map_err(|error| ControlError::internal(&error.to_string()))?;
    let mut response = Html(html).into_response();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    people: Vec<Person>,
    purchases: Vec<PurchaseRow>,
    folder: String,
    api: String,
    checkout: String,
    operations: Option<String>,
}

struct PurchaseRow {
    checkout: String,
    what: String,
    age: String,
    last: String,
}

async fn overview(State(shared): Shared) -> Answer {
    let facts = &shared.facts;
    show(&Overview {
        frame: Frame::at("Overview", &shared),
        people: shared.people(),
        purchases: purchases(&shared),
        folder: facts.folder.display().to_string(),
        api: facts.api.clone(),
        checkout: facts.checkout.clone(),
        operations: facts.operations.clone(),
    })
}

/// The purchases that were heard of, latest first.
fn purchases(shared: &Counterparties) -> Vec<PurchaseRow> {
    let mut rows: Vec<PurchaseRow> = Vec::new();
    for note in shared.journal.all() {
        let About::Checkout(checkout) = &note.about else {
            continue;
        };
        match rows.iter_mut().find(|row| row.checkout == *checkout) {
            Some(row) => row.last = note.label,
            None => rows.push(PurchaseRow {
                checkout: checkout.clone(),
                what: title(&note),
                age: age(note.at),
                last: note.label,
            }),
        }
    }
    rows.reverse();
    rows
}

/// What a purchase is called: `asks for 49.90 EUR` is its first note.
fn title(note: &Note) -> String {
    let what = note.label.strip_prefix("asks for ");
    what.map_or_else(|| "A purchase".to_owned(), |amount| format!("A purchase of {amount}"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonForm {
    user_id: String,
}

async fn add_person(
    State(shared): Shared,
    form: Result<Form<PersonForm>, FormRejection>,
) -> Answer {
    let Form(PersonForm { user_id }) = form?;
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if user_id.is_empty() || user_id.len() > 32 || !user_id.bytes().all(is_name) {
        return Err(ControlError::invalid(
            "A user id has 1 to 32 of the characters a-z, 0-9 and -.",
        ));
    }
    let person = shared.add_person(&user_id).await?;
    Ok(Redirect::to(&format!("/phones/{}", person.number)).into_response())
}

#[derive(Template)]
#[template(path = "shop.html")]
struct Shop {
    frame: Frame,
    goods: [Good; 4],
}

async fn shop(State(shared): Shared) -> Answer {
    show(&Shop { frame: Frame::at("Shop", &shared), goods: GOODS })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuyForm {
    good: String,
}

/// Asks for the money as a merchant does, and sends the payer's browser to the payment page.
async fn buy(State(shared): Shared, form: Result<Form<BuyForm>, FormRejection>) -> Answer {
    let Form(BuyForm { good }) = form?;
    let good = GOODS.iter().find(|found| found.key == good);
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
#[template(path = "phone.html")]
struct Phone {
    frame: Frame,
    owner: String,
    number: String,
    messages: Vec<ShownMessage>,
    others: Vec<Person>,
    states: [(&'static str, &'static str); 3],
}

async fn phone(State(shared): Shared, Path(number): Path<String>) -> Answer {
    let messages = shared.centre.handset(&number)?;
    let people = shared.people();
    let owner = people.iter().find(|person| person.number == number);
    show(&Phone {
        frame: Frame::at("Phones", &shared),
        owner: owner.map_or_else(|| number.clone(), |person| person.user_id.clone()),
        messages: messages.iter().rev().map(ShownMessage::of).collect(),
        others: people,
        number,
        states: [
            ("off", "Switch off"),
            ("on", "Switch on"),
            ("barred", "Bar it: the network refuses"),
        ],
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhoneForm {
    state: HandsetState,
}

async fn set_phone(
    State(shared): Shared,
    Path(number): Path<String>,
    form: Result<Form<PhoneForm>, FormRejection>,
) -> Answer {
    let Form(PhoneForm { state }) = form?;
    shared.set_handset(&number, state)?;
    Ok(Redirect::to(&format!("/phones/{number}")).into_response())
}

#[derive(Template)]
#[template(path = "bank.html")]
struct Bank {
    frame: Frame,
    accounts: Vec<AccountRow>,
    movements: Vec<MovementRow>,
    register: Vec<PostedRow>,
}

async fn bank(State(shared): Shared) -> Answer {
    let people = shared.people();
    let cards: Vec<_> =
        people.iter().filter_map(|person| shared.bank.card(&person.card.number)).collect();
    let accounts = shared.bank.accounts();
    let movements = cards.iter().flat_map(|card| {
        let of_card = shared.bank.movements(card).into_iter();
        of_card.map(|movement| MovementRow::of(card, &movement))
    });
    show(&Bank {
        frame: Frame::at("Bank and register", &shared),
        accounts: accounts.iter().map(AccountRow::of).collect(),
        movements: movements.collect(),
        register: shared.register(&people).await?,
    })
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
    let flow = flow(&shared, &checkout).await?;
    let rows = purchases(&shared);
    let row = rows.into_iter().find(|row| row.checkout == checkout);
    show(&Purchase {
        frame: Frame::at("", &shared),
        what: row.map_or_else(|| "A purchase".to_owned(), |row| row.what),
        flow: flow.html("arrow-"),
        checkout,
    })
}

async fn flow_json(State(shared): Shared, Path(checkout): Path<String>) -> Answer {
    Ok(Json(flow(&shared, &checkout).await?).into_response())
}

async fn flow_mermaid(State(shared): Shared, Path(checkout): Path<String>) -> Answer {
    let text = flow(&shared, &checkout).await?.mermaid();
    let media_type = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}

/// The flow of a checkout. By which references bank and centre know it, its merchant is told by the API.
async fn flow(shared: &Counterparties, checkout: &str) -> Result<Flow, ControlError> {
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !checkout.bytes().all(is_id) {
        return Err(ControlError::not_found("There is no such purchase."));
    }
    let mut traces = Traces { checkout: checkout.to_owned(), ..Traces::default() };
    // Whose checkout it is, the API tells its merchant only.
    for merchant in [&shared.merchant, &shared.other_merchant] {
        let path = format!("/v1/checkouts/{checkout}");
        let Ok(view) = merchant.look(&path).await else {
            continue;
        };
        let trace = merchant.look(&format!("{path}/trace")).await?;
        let facts = trace.as_array().into_iter().flatten();
        let ids = facts.filter_map(|fact| fact.get("network_id")?.as_str());
        traces.messages = ids.map(str::to_owned).collect();
        let bank = view.get("bank_reference").and_then(Value::as_str);
        traces.bank = bank.map(str::to_owned);
        break;
    }
    let flow = Flow::of(&shared.journal, &traces);
    if flow.arrows.is_empty() {
        return Err(ControlError::not_found("Nothing was sent for such a purchase."));
    }
    Ok(flow)
}

/// One event whenever something was sent, and one at the beginning: something may have been sent since the page was made.
async fn events(State(shared): Shared) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut made = shared.journal.watch();
    made.mark_changed();
    let events = stream::unfold(made, async |mut made: watch::Receiver<u64>| {
        made.changed().await.ok()?;
        let count = *made.borrow_and_update();
        Some((Ok(Event::default().data(count.to_string())), made))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

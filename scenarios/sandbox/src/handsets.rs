//! The handsets, for people in a browser and for programs: what they show, and whether they can be reached.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Json, Router,
    extract::{
        Path, State,
        rejection::{FormRejection, JsonRejection},
    },
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
    routing::{get, post, put},
};
use countersign_domain::address::Msisdn;
use serde::{Deserialize, Serialize};

use crate::{
    centre::{Centre, HandsetMessage, HandsetState},
    page::{Answer, Frame, Places, show},
    person::People,
    problem::ControlError,
    views::{ShownMessage, age},
};

/// The paths of the control, as an unknown one is answered.
pub(crate) const PATHS: &str =
    "/handsets, /handsets/NUMBER, /handsets/NUMBER/messages, /handsets/NUMBER/send";

/// The handsets of a centre, and the people whose they are.
#[derive(Clone)]
pub(crate) struct Handsets {
    pub(crate) centre: Arc<Centre>,
    pub(crate) people: People,
    pub(crate) places: Places,
}

pub(crate) fn routes(handsets: Handsets) -> Router {
    Router::new()
        .route("/handsets", get(numbers))
        .route("/handsets/{number}", put(set))
        .route("/handsets/{number}/messages", get(messages))
        .route("/handsets/{number}/send", post(send))
        .route("/phones", get(phones).post(add_phone))
        .route("/phones/{number}", get(phone).post(set_phone))
        .with_state(handsets)
}

impl Handsets {
    /// The person's name, or the number when it is nobody's.
    pub(crate) fn owner(&self, number: &str) -> String {
        let people = self.people.all();
        let owner = people.into_iter().find(|person| person.number == number);
        owner.map_or_else(|| number.to_owned(), |person| person.user_id)
    }

    /// The number of the handset that got a message last.
    pub(crate) fn rang_last(&self) -> Option<String> {
        let last = |number: String| {
            let at = self.centre.handset(&number).ok()?.last()?.at;
            Some((at, number))
        };
        self.centre.handsets().into_iter().filter_map(last).max().map(|(_, number)| number)
    }
}

type Shared = State<Handsets>;

async fn numbers(State(shared): Shared) -> Json<Vec<String>> {
    Json(shared.centre.handsets())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HandsetBody {
    state: HandsetState,
}

async fn set(
    State(shared): Shared,
    Path(number): Path<String>,
    body: Result<Json<HandsetBody>, JsonRejection>,
) -> Result<StatusCode, ControlError> {
    let Json(HandsetBody { state }) = body?;
    shared.centre.set_state(&number, state)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct MessageView {
    from: String,
    text: String,
    age_seconds: u64,
}

/// What the handset shows, oldest first.
async fn messages(
    State(shared): Shared,
    Path(number): Path<String>,
) -> Result<Json<Vec<MessageView>>, ControlError> {
    let shown = shared.centre.handset(&number)?.into_iter();
    let shown = shown.map(|message| MessageView {
        age_seconds: message.at.elapsed().as_secs(),
        from: message.from,
        text: message.text,
    });
    Ok(Json(shown.collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextBody {
    to: String,
    text: String,
}

/// Sends a text from the handset to the server.
async fn send(
    State(shared): Shared,
    Path(number): Path<String>,
    body: Result<Json<TextBody>, JsonRejection>,
) -> Result<StatusCode, ControlError> {
    let Json(TextBody { to, text }) = body?;
    shared.centre.send_from_handset(&number, &to, &text)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Template)]
#[template(path = "phones.html")]
struct PhonesPage {
    frame: Frame,
    phones: Vec<PhoneRow>,
}

struct PhoneRow {
    number: String,
    owner: String,
    /// The first line of its last message, and how old it is.
    last: Option<(String, String)>,
}

async fn phones(State(shared): Shared) -> Answer {
    let row = |number: String| {
        let messages = shared.centre.handset(&number).unwrap_or_default();
        let last = messages.last().map(|HandsetMessage { text, at, .. }| {
            (text.lines().next().unwrap_or_default().to_owned(), age(*at))
        });
        PhoneRow { owner: shared.owner(&number), number, last }
    };
    let phones = shared.centre.handsets().into_iter().map(row).collect();
    show(&PhonesPage { frame: shared.places.at("Phones"), phones })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NumberForm {
    number: String,
}

async fn add_phone(State(shared): Shared, form: Result<Form<NumberForm>, FormRejection>) -> Answer {
    let Form(NumberForm { number }) = form?;
    let number = Msisdn::typed(&number).map_err(|error| ControlError::invalid(error.why))?;
    shared.centre.add_handset(number.expose())?;
    Ok(Redirect::to(&format!("/phones/{}", number.expose())).into_response())
}

#[derive(Template)]
#[template(path = "phone.html")]
struct PhonePage {
    frame: Frame,
    owner: String,
    number: String,
    messages: Vec<ShownMessage>,
    states: [(&'static str, &'static str); 3],
}

async fn phone(State(shared): Shared, Path(number): Path<String>) -> Answer {
    let messages = shared.centre.handset(&number)?;
    show(&PhonePage {
        frame: shared.places.at("Phones"),
        owner: shared.owner(&number),
        messages: messages.iter().rev().map(ShownMessage::of).collect(),
        number,
        states: [
            ("off", "Switch off"),
            ("on", "Switch on"),
            ("barred", "Bar it: the network refuses"),
        ],
    })
}

async fn set_phone(
    State(shared): Shared,
    Path(number): Path<String>,
    form: Result<Form<HandsetBody>, FormRejection>,
) -> Answer {
    let Form(HandsetBody { state }) = form?;
    shared.centre.set_state(&number, state)?;
    Ok(Redirect::to(&format!("/phones/{number}")).into_response())
}

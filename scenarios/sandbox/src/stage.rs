//! The first page, a stage: shop, phone and flow side by side, what was begun, and who is there.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::{State, rejection::FormRejection},
    response::{IntoResponse as _, Redirect},
    routing::{get, post},
};
use serde::Deserialize;

use crate::{
    counterparties::Counterparties,
    flows,
    handsets::Handsets,
    page::{Answer, Frame, show},
    person::Person,
    problem::ControlError,
    views::{Begun, ShownMessage},
};

/// Messages that the phone on the stage shows.
const MESSAGES: usize = 3;

/// What the stage shows.
#[derive(Clone)]
pub(crate) struct Rooms {
    pub(crate) counterparties: Arc<Counterparties>,
    pub(crate) handsets: Handsets,
}

pub(crate) fn routes(rooms: Rooms) -> Router {
    Router::new().route("/", get(stage)).route("/people", post(add_person)).with_state(rooms)
}

type Shared = State<Rooms>;

#[derive(Template)]
#[template(path = "stage.html")]
struct Stage {
    frame: Frame,
    first: Person,
    fronts: String,
    phone: Phone,
    /// The flow of what was begun last.
    flow: Option<String>,
    begun: Vec<Begun>,
    people: Vec<Person>,
    folder: String,
    api: String,
    checkout: String,
    operations: Option<String>,
}

/// The phone that rang last; before any has, the first person's.
struct Phone {
    owner: String,
    number: String,
    messages: Vec<ShownMessage>,
}

async fn stage(State(Rooms { counterparties: shared, handsets }): Shared) -> Answer {
    let facts = &shared.facts;
    let begun = flows::lately(&shared).await;
    let flow = match begun.first() {
        Some(last) => flows::flow(&shared, &last.id).await.ok().map(|flow| flow.html("arrow-")),
        None => None,
    };
    let number = handsets.rang_last().unwrap_or_else(|| facts.person.number.clone());
    let messages = shared.centre.handset(&number).unwrap_or_default();
    show(&Stage {
        frame: shared.places.at("Stage"),
        first: facts.person.clone(),
        fronts: flows::fronts(&shared)?,
        phone: Phone {
            owner: handsets.owner(&number),
            number,
            messages: messages.iter().rev().take(MESSAGES).map(ShownMessage::of).collect(),
        },
        flow,
        begun,
        people: shared.people.all(),
        folder: facts.folder.display().to_string(),
        api: facts.api.clone(),
        checkout: facts.checkout.clone(),
        operations: facts.operations.clone(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonForm {
    user_id: String,
}

async fn add_person(
    State(Rooms { counterparties: shared, .. }): Shared,
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

//! The first page: everything around one server, and who is there.

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
    page::{Answer, Frame, show},
    person::Person,
    problem::ControlError,
    views::PurchaseRow,
};

pub(crate) fn routes(counterparties: Arc<Counterparties>) -> Router {
    Router::new()
        .route("/", get(overview))
        .route("/people", post(add_person))
        .with_state(counterparties)
}

type Shared = State<Arc<Counterparties>>;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    first: Person,
    people: Vec<Person>,
    purchases: Vec<PurchaseRow>,
    folder: String,
    api: String,
    checkout: String,
    operations: Option<String>,
}

async fn overview(State(shared): Shared) -> Answer {
    let facts = &shared.facts;
    show(&Overview {
        frame: shared.places.at("Overview"),
        first: facts.person.clone(),
        people: shared.people.all(),
        purchases: flows::lately(&shared).await,
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

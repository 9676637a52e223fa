//! The flows that the sandbox plays. Each is a file of its own: its sections of the server's configuration, its pages, what
//! its requests are called when they are drawn, and what became of what was begun.
//!
//! To add a flow: its file in `flows/`, and one line in each function here.

mod access;
mod checkout;
mod set;
mod wallet;

use std::{cmp::Reverse, path::Path, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Method},
};
use countersign_domain::{
    challenge::Challenge, error::Error, event::Event, id::ChallengeId, ports::Store,
    record::RecordKey,
};

pub(crate) use self::wallet::HOUSE;
use crate::{
    counterparties::Counterparties,
    drawing::Flow,
    error::SandboxError,
    journal::{About, Note, Request, Said},
    operator::Operator,
    problem::ControlError,
    settings::Settings,
    views::Begun,
};

/// What was begun and is listed on the first page.
const SHOWN: usize = 10;

/// What a flow has when it writes its part of the configuration.
pub(crate) struct Ground<'a> {
    /// Where its files go.
    pub(crate) folder: &'a Path,
    pub(crate) settings: &'a Settings,
    /// The operator that keeps the codes of tickets, if there is one.
    pub(crate) operator: Option<&'a Operator>,
}

/// The flows' sections of the server's configuration. It is asked again when an address was taken meanwhile.
pub(crate) fn sections(ground: &Ground<'_>) -> Result<String, SandboxError> {
    let (checkout, wallet) = (checkout::section(ground)?, wallet::section(ground)?);
    Ok([checkout, access::section(), set::section()?, wallet].concat())
}

/// The flows' pages.
pub(crate) fn routes(counterparties: Arc<Counterparties>) -> Router {
    let checkout = checkout::routes(Arc::clone(&counterparties));
    let set = set::routes(Arc::clone(&counterparties));
    checkout.merge(set).merge(wallet::routes(counterparties))
}

/// What a request to the server is; `None` when it is of no flow.
pub(crate) fn request(method: &Method, path: &str, body: &Bytes) -> Option<Request> {
    checkout::request(method, path, body)
        .or_else(|| set::request(method, path, body))
        .or_else(|| wallet::request(method, path, body))
}

/// What an answer of the server is; `None` when its status and its JSON say all.
pub(crate) fn answer(headers: &HeaderMap, body: &Bytes) -> Option<Said> {
    set::answer(headers, body).or_else(|| wallet::answer(headers, body))
}

/// What was begun last, latest first.
pub(crate) async fn lately(counterparties: &Counterparties) -> Vec<Begun> {
    let mut begun = checkout::lately(counterparties).await;
    begun.extend(set::lately(counterparties).await);
    begun.extend(wallet::lately(counterparties).await);
    begun.sort_by_key(|one| Reverse(one.at));
    begun.truncate(SHOWN);
    begun
}

/// The first that was heard of each of those that were begun last, latest first.
fn heard(notes: &[Note], is_one: impl Fn(&str) -> bool) -> Vec<(&str, &Note)> {
    let mut heard: Vec<(&str, &Note)> = Vec::new();
    for note in notes {
        if let About::Subject(id) = &note.about
            && is_one(id)
            && !heard.iter().any(|(known, _)| known == id)
        {
            heard.push((id, note));
        }
    }
    heard.into_iter().rev().take(SHOWN).collect()
}

/// What people begin a flow at, on the first page.
pub(crate) fn fronts(counterparties: &Counterparties) -> Result<String, ControlError> {
    Ok([checkout::front(counterparties)?].concat())
}

/// What was sent for something that was begun.
pub(crate) async fn flow(counterparties: &Counterparties, id: &str) -> Result<Flow, ControlError> {
    if id == set::REGISTRATIONS {
        return Ok(set::registration(counterparties));
    }
    match (set::is_order(id), wallet::is_one(id)) {
        (true, _) => set::flow(counterparties, id).await,
        (false, true) => wallet::flow(counterparties, id).await,
        (false, false) => checkout::flow(counterparties, id).await,
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> ControlError {
    ControlError::internal(&error.to_string())
}

/// By what the centre knows the messages with the code of a challenge.
async fn messages_of(store: &dyn Store, challenge: &ChallengeId) -> Result<Vec<String>, Error> {
    let facts = store.facts(&RecordKey::of::<Challenge>(challenge.as_str())).await?;
    let sent = facts.into_iter().filter_map(|fact| {
        let Event::MessageSent { network_id, .. } = fact.event else { return None };
        network_id
    });
    Ok(sent.collect())
}

//! What every page of the sandbox has: its frame, its policy, its style and script, and the events that renew it.

use std::{convert::Infallible, time::Duration};

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{
        Html, IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use countersign_web::icon;
use futures_util::{Stream, stream};
use tokio::sync::watch;

use crate::{drawing::STYLE, journal::Journal, problem::ControlError};

const SCRIPT: &str = include_str!("../assets/sandbox.js");

/// Own style, own script, own forms, and nothing of anybody else. The shop's forms lead to the payment pages.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      frame-ancestors 'none'; base-uri 'none'";

/// A page, or why there is none.
pub(crate) type Answer = Result<Response, ControlError>;

/// What every page has at its top: a name, and the places that it leads to.
#[derive(Clone)]
pub(crate) struct Places {
    pub(crate) title: &'static str,
    pub(crate) all: &'static [(&'static str, &'static str)],
}

/// The top of one page.
pub(crate) struct Frame {
    pub(crate) title: &'static str,
    pub(crate) places: &'static [(&'static str, &'static str)],
    /// Where this page is, among the places.
    pub(crate) place: &'static str,
}

impl Places {
    pub(crate) fn at(&self, place: &'static str) -> Frame {
        Frame { title: self.title, places: self.all, place }
    }
}

/// Style, script and events.
pub(crate) fn routes(journal: Journal) -> Router {
    Router::new()
        .route("/events", get(events))
        .route("/assets/sandbox.css", get(async || asset("text/css", STYLE)))
        .route("/assets/sandbox.js", get(async || asset("text/javascript", SCRIPT)))
        .with_state(journal)
        .merge(icon::routes())
}

fn asset(media_type: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, media_type)], text).into_response()
}

pub(crate) fn show(page: &impl Template) -> Answer {
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

/// One event whenever something was sent, and one at the beginning: something may have been sent since the page was made.
async fn events(
    State(journal): State<Journal>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut made = journal.watch();
    made.mark_changed();
    let events = stream::unfold(made, async |mut made: watch::Receiver<u64>| {
        made.changed().await.ok()?;
        let count = *made.borrow_and_update();
        Some((Ok(Event::default().data(count.to_string())), made))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

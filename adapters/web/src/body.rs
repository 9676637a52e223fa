//! Bodies and forms, read without quoting them: what a reader says of a body that it cannot read may hold a card's number
//! or a code, so only its place is passed on.

use axum::{
    Form, Json,
    body::Bytes,
    extract::{
        Path,
        rejection::{BytesRejection, FormRejection, PathRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::problem::Problem;

/// Longest body of an API that is read, in bytes: a purchase of twenty items with the longest names takes a fifth of it.
pub const MAX_BODY_BYTES: usize = 16 * 1024;

/// A part of a path that names something. Bytes that are not UTF-8 name nothing, and are refused as a problem.
pub type Segment = Result<Path<String>, PathRejection>;

/// The id of the record that a path names. What cannot be an id names none.
///
/// # Errors
/// Problem `not-found`.
pub fn record_id<T: TryFrom<String>>(segment: Segment) -> Result<T, Problem> {
    let id = segment.ok().and_then(|Path(text)| T::try_from(text).ok());
    id.ok_or_else(Problem::no_record)
}

/// The whole body, or that it is too long or broke off.
///
/// # Errors
/// Problem `malformed-json`.
pub fn bytes(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    body.map_err(|rejection| {
        Problem::shared(rejection.status(), "malformed-json")
            .worded("body-unreadable")
            .filled("max_bytes", MAX_BODY_BYTES)
    })
}

/// What was created, and where it is. It may hold what only its caller may keep, so that nothing on the way keeps it.
pub fn created(location: &str, body: &impl Serialize) -> Response {
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(location) = HeaderValue::from_str(location) {
        headers.insert(header::LOCATION, location);
    }
    response
}

/// The JSON in a body. What was not expected is named by its place, or by the name of a member of ours that is missing.
///
/// # Errors
/// Problem `malformed-json`.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let problem = Problem::shared(StatusCode::BAD_REQUEST, "malformed-json");
        let said = error.to_string();
        let missing = said.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
        match missing {
            Some((member, _)) => problem.worded("missing-member").filled("member", member),
            None => problem.filled("line", error.line()).filled("column", error.column()),
        }
    })
}

/// The fields of a form.
///
/// # Errors
/// Problem `malformed-form`.
pub fn form<T>(form: Result<Form<T>, FormRejection>) -> Result<T, Problem> {
    form.map(|Form(form)| form)
        .map_err(|rejection| Problem::shared(rejection.status(), "malformed-form"))
}

/// Whether the content is of that media type; parameters of the type say nothing here.
pub fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let said = said.map(|said| said.split(';').next().unwrap_or_default().trim());
    said.is_some_and(|said| said.eq_ignore_ascii_case(media_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Card {
        #[expect(dead_code, reason = "it is only read into")]
        number: String,
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_place_and_never_quoted() {
        for (rule, body, said) in [
            ("a string", r#"{"number":4970100000000155}"#, "line 1, column 26"),
            ("a known member", r#"{"4970100000000155":""}"#, "line 1, column 19"),
            ("no member missing", "{}", "The member number is missing."),
            ("JSON", "4970100000000155x", "line 1"),
        ] {
            let problem = json::<Card>(body.as_bytes()).map(|_| ()).unwrap_err();
            let said_so = problem.explanation();
            assert!(said_so.contains(said), "{rule}: {said_so}");
            assert!(!format!("{problem:?}").contains("4970100000000155"), "{rule}: {problem:?}");
        }
    }
}

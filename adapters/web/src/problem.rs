//! Problem documents (RFC 9457): what a machine is told when the answer is no.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};

/// What every `type` begins with.
const PREFIX: &str = "urn:countersign:problem:";

/// A problem document. Its `type` is `urn:countersign:problem:` and a name that is a promise: clients may act on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Problem {
    /// A problem of that name; `detail` says what to do about it.
    pub fn new(
        status: StatusCode,
        name: &str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let kind = format!("{PREFIX}{name}");
        Self { kind, title, status: status.as_u16(), detail: detail.into(), more: Map::new() }
    }

    /// The caller's value cannot be used.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-value", "A value is not valid", detail)
    }

    /// There is no such thing, or not for this caller.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail)
    }

    /// The address is right, the method is not.
    pub fn method_not_allowed(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "Not this method here",
            detail,
        )
    }

    /// A fault on our side: the log has it, the caller learns no more than that.
    pub fn internal() -> Self {
        let detail = "The fault is ours. Try again; if it stays, tell the operator the time of your request.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something failed here", detail)
    }

    /// Adds a member of the problem's own (RFC 9457 §3.2).
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.more.insert(member.to_owned(), value.into());
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Its name: what `type` ends with.
    pub fn name(&self) -> &str {
        self.kind.strip_prefix(PREFIX).unwrap_or(&self.kind)
    }

    /// A member of the problem's own.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.more.get(name)
    }

    /// What happened, in a few words.
    pub const fn title(&self) -> &'static str {
        self.title
    }

    /// What to do about it.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED.as_u16() {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"countersign\""),
            );
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_its_own() {
        let problem = Problem::invalid("amount must be above zero").with("attempts_left", 2);
        assert_eq!(
            serde_json::to_value(&problem).unwrap(),
            serde_json::json!({
                "type": "urn:countersign:problem:invalid-value",
                "title": "A value is not valid",
                "status": 422,
                "detail": "amount must be above zero",
                "attempts_left": 2,
            })
        );
    }

    #[test]
    fn a_problem_says_that_it_is_one_and_is_not_cached() {
        let response = Problem::internal().into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    }
}

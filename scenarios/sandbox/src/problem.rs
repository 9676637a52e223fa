//! What the control cannot do, as a problem document.

use axum::{
    extract::rejection::{FormRejection, JsonRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use countersign_domain::invalid::InvalidInput;
use countersign_web::problem::Problem;

use crate::{bank::UnknownCard, centre::CentreError, merchant::NotDone};

/// What the control cannot do, as a problem document.
pub(crate) struct ControlError(Problem);

impl ControlError {
    pub(crate) fn of(
        status: StatusCode,
        name: &str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self(Problem::new(status, name, title, detail))
    }

    pub(crate) fn invalid(detail: &str) -> Self {
        Self(Problem::invalid(detail))
    }

    pub(crate) fn not_found(detail: &str) -> Self {
        Self(Problem::not_found(detail))
    }

    pub(crate) fn not_done(cause: String) -> Self {
        Self::of(StatusCode::BAD_GATEWAY, "not-done", "The server did not do it", cause)
    }

    pub(crate) fn internal(cause: &str) -> Self {
        tracing::error!(cause, "the sandbox failed");
        Self(Problem::internal())
    }
}

/// The server did not do what the sandbox, as a merchant, asked of it.
impl From<NotDone> for ControlError {
    fn from(NotDone(cause): NotDone) -> Self {
        Self::not_done(cause)
    }
}

impl From<CentreError> for ControlError {
    fn from(error: CentreError) -> Self {
        Self(match error {
            CentreError::UnknownHandset => Problem::not_found(
                "No handset has this number. PUT /handsets/NUMBER {\"state\":\"on\"} adds one.",
            ),
            error => Problem::invalid(format!("{error}.")),
        })
    }
}

impl From<UnknownCard> for ControlError {
    fn from(_: UnknownCard) -> Self {
        let how = "The bank has no account for this card. PUT /bank/cards/NUMBER {\"expiry\":\"2035-12\"} opens one.";
        Self(Problem::not_found(how))
    }
}

impl From<InvalidInput> for ControlError {
    fn from(error: InvalidInput) -> Self {
        Self(Problem::invalid(format!("{error}.")))
    }
}

impl From<JsonRejection> for ControlError {
    fn from(rejection: JsonRejection) -> Self {
        let title = "The body is not the JSON that is expected";
        let (status, detail) = (rejection.status(), rejection.body_text());
        Self(Problem::new(status, "malformed-json", title, detail))
    }
}

impl From<FormRejection> for ControlError {
    fn from(rejection: FormRejection) -> Self {
        Self::of(
            rejection.status().max(StatusCode::BAD_REQUEST),
            "malformed-form",
            "The form cannot be read",
            rejection.body_text(),
        )
    }
}

impl std::fmt::Display for ControlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.explanation())
    }
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

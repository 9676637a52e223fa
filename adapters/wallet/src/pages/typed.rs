//! What a person types at a page in answer to a challenge that has no message of its own.

use countersign_domain::response::Response;
use countersign_web::{code_page::response, problem::Problem};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TypedForm {
    code: String,
    pin: Option<String>,
    #[serde(default)]
    new_pin: String,
    /// The ticket that is carried along.
    #[serde(default)]
    pub(super) ticket: String,
}

impl TypedForm {
    /// Whether the page asked for a PIN.
    pub(super) const fn has_pin(&self) -> bool {
        self.pin.is_some()
    }

    pub(super) fn response(self) -> Result<Response, Problem> {
        Ok(response(self.code, self.pin.unwrap_or_default(), self.new_pin)?)
    }
}

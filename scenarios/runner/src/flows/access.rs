//! The bare verification API (figures 4 and 5): what a site with pages of its own asks at `/v1/challenges`.

use serde_json::{Value, json};

use crate::{
    bench::{Bench, Call},
    failure::Failure,
    wire::Answer,
};

/// A code that the site has asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) id: String,
    pub(crate) session: String,
}

/// Asks for a code.
pub(crate) async fn start(
    bench: &Bench,
    user_id: &str,
    purpose: &Value,
) -> Result<Answer, Failure> {
    let body = json!({ "user_id": user_id, "purpose": purpose, "origin": "localhost" });
    post(bench, "/v1/challenges", Some(&body)).await
}

/// Passes on what a person typed.
pub(crate) async fn respond(bench: &Bench, asked: &Asked, code: &str) -> Result<Answer, Failure> {
    let path = format!("/v1/challenges/{}/response", asked.id);
    post(bench, &path, Some(&json!({ "session": asked.session, "code": code }))).await
}

/// Calls a challenge off.
pub(crate) async fn cancel(bench: &Bench, asked: &Asked) -> Result<Answer, Failure> {
    post(bench, &format!("/v1/challenges/{}/cancel", asked.id), None).await
}

/// Looks at a challenge.
pub(crate) async fn view(bench: &Bench, asked: &Asked) -> Result<Answer, Failure> {
    let path = format!("/v1/challenges/{}", asked.id);
    let api_key = Some(bench.description.api_key.as_str());
    bench.call(Call { method: "GET", path: &path, api_key, ..Call::default() }).await
}

async fn post(bench: &Bench, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
    let api_key = Some(bench.description.api_key.as_str());
    bench.call(Call { method: "POST", path, api_key, body, ..Call::default() }).await
}

//! Asks a router as a client would. Not for use outside tests.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]
#![allow(missing_docs, reason = "tests only")]

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderName, Request, StatusCode, request::Builder},
};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    pub fn text(&self, pointer: &str) -> String {
        let member = self.json().pointer(pointer).cloned().unwrap_or_default();
        member.as_str().unwrap_or_default().to_owned()
    }

    /// Status, and the name of the problem.
    pub fn refusal(&self) -> (u16, String) {
        let kind = self.text("/type");
        let name = kind.rsplit(':').next().unwrap_or_default();
        (self.status.as_u16(), name.to_owned())
    }

    pub fn header(&self, name: HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Calls an API under that key.
pub async fn call(
    api: &Router,
    key: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<String>,
) -> Answer {
    let request = api_request(key, method, path, headers);
    send(api, request.body(Body::from(body.into())).unwrap()).await
}

/// A request to the API under that key.
fn api_request(key: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Builder {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Authorization", format!("Bearer {key}"));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

/// What the router answers.
pub async fn send(router: &Router, request: Request<Body>) -> Answer {
    let answered = router.clone().oneshot(request).await.unwrap();
    let (head, body) = answered.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

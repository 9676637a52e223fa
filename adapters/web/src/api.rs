//! The API of a server: every flow's part of it, under one description and with the same manners.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRef},
    http::StatusCode,
    middleware::{from_fn_with_state, map_response},
    routing::get,
};
use serde_json::Value;
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::{
    accept::{self, offered},
    answer::guarded,
    body::MAX_BODY_BYTES,
    described::complete,
    problem::Problem,
    relying_party::RelyingParties,
};

/// The name of the security scheme that descriptions refer to: an API key as `Authorization: Bearer KEY`.
pub const API_KEY: &str = "api_key";

/// A part of the API: its routes, and their description.
pub struct ApiPart {
    /// The routes, without any fallback.
    pub routes: Router,
    /// Describes what they take and answer.
    pub description: fn() -> OpenApi,
}

/// What the handlers of a part work with: its flow, and the relying parties that may call it.
pub struct Served<T> {
    flow: Arc<T>,
    parties: RelyingParties,
}

impl<T> Served<T> {
    /// That flow, for those relying parties.
    pub const fn new(flow: Arc<T>, parties: RelyingParties) -> Self {
        Self { flow, parties }
    }
}

impl<T> Clone for Served<T> {
    fn clone(&self) -> Self {
        Self { flow: self.flow.clone(), parties: self.parties.clone() }
    }
}

impl<T> FromRef<Served<T>> for Arc<T> {
    fn from_ref(served: &Served<T>) -> Self {
        served.flow.clone()
    }
}

impl<T> FromRef<Served<T>> for RelyingParties {
    fn from_ref(served: &Served<T>) -> Self {
        served.parties.clone()
    }
}

/// All parts, with `/openapi.json`: to be mounted where people's browsers cannot reach it.
pub fn api(parts: impl IntoIterator<Item = ApiPart>) -> Router {
    let (mut routes, mut descriptions) = (Router::new(), Vec::new());
    for part in parts {
        descriptions.push(part.description);
        routes = routes.merge(part.routes);
    }
    routes
        .route("/openapi.json", get(async move || describe(&descriptions)))
        // What is not there is refused as such, whatever is accepted (RFC 9110 section 12.1).
        .route_layer(from_fn_with_state(&accept::JSON[..], offered))
        .fallback(async || {
            Problem::shared(StatusCode::NOT_FOUND, "not-found").worded("no-resource")
        })
        .method_not_allowed_fallback(async || {
            let problem = Problem::shared(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed");
            problem.worded("other-method")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(map_response(guarded))
}

fn describe(parts: &[fn() -> OpenApi]) -> Result<Json<Value>, Problem> {
    let whole = parts.iter().fold(base(), |mut whole, part| {
        whole.merge(part());
        whole
    });
    let document = serde_json::to_value(whole).map_err(|error| {
        tracing::error!(%error, "the description cannot be written");
        Problem::internal()
    });
    document.map(complete).map(Json)
}

/// A description of nothing yet.
fn base() -> OpenApi {
    let about =
        "For the back ends of relying parties. Every refusal is a problem document (RFC 9457).";
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let components =
        ComponentsBuilder::new().security_scheme(API_KEY, SecurityScheme::Http(scheme));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Countersign")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(about)),
        )
        .components(Some(components.build()))
        .build()
}

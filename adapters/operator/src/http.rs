//! The operator's side over HTTP: clients are known by the certificates that they present.

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, FromRef, FromRequestParts, State},
    http::{StatusCode, request::Parts},
    middleware::from_fn_with_state,
    routing::post,
};
use countersign_domain::{code::TypedCode, message::SendError};
use countersign_web::{
    accept::{self, offered},
    body::{JsonBody, MAX_BODY_BYTES},
    misfit::InMember as _,
    peer_certificate::PeerCertificates,
    problem::Problem,
    step::to_the_end,
};

use crate::{
    flow::Desk,
    message::{Answer, Checking, Sending},
};

/// Where an order is taken.
pub(crate) const CODES: &str = "/v1/codes";
/// Where it is asked whether a code is right.
pub(crate) const CHECK: &str = "/v1/codes/check";

/// Clients, each with its certificate in DER.
type Clients = Arc<Vec<(Vec<u8>, Arc<Desk>)>>;

/// The routes, to be mounted where TLS demands a certificate: the one that a client presents leads to its desk.
pub fn operator_routes(clients: Vec<(Vec<u8>, Arc<Desk>)>) -> Router {
    Router::new()
        .route(CODES, post(take))
        .route(CHECK, post(check))
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
        .with_state(Arc::new(clients))
}

/// The desk of the client that calls.
struct AtDesk(Arc<Desk>);

impl<S: Send + Sync> FromRequestParts<S> for AtDesk
where
    Clients: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let presented = Extension::<PeerCertificates>::from_request_parts(parts, state).await.ok();
        let own = presented.and_then(|Extension(presented)| presented.0.into_iter().next());
        let clients = Clients::from_ref(state);
        let known = clients.iter().find(|(certificate, _)| Some(certificate) == own.as_ref());
        known.map(|(_, desk)| Self(Arc::clone(desk))).ok_or_else(|| {
            Problem::new(
                StatusCode::FORBIDDEN,
                "client-not-known",
                "The client is not known",
                "No client is known by the certificate that was presented.",
            )
        })
    }
}

async fn take(
    AtDesk(desk): AtDesk,
    State(_): State<Clients>,
    body: JsonBody,
) -> Result<Json<serde_json::Value>, Problem> {
    let Sending { message, order } = body.read()?;
    to_the_end(async move { desk.take(&order, &message).await.map_err(|error| refused(&error)) })
        .await?;
    Ok(Json(serde_json::json!({})))
}

async fn check(
    AtDesk(desk): AtDesk,
    State(_): State<Clients>,
    body: JsonBody,
) -> Result<Json<Answer>, Problem> {
    let Checking { challenge, order_sha256, code } = body.read()?;
    let typed = TypedCode::try_from(code.expose().clone()).in_member("code")?;
    let step = async move {
        let verdict = desk.verdict(&challenge, &order_sha256, &typed).await;
        verdict.map_err(|error| Problem::from(&error))
    };
    Ok(Json(to_the_end(step).await?.into()))
}

/// The client tells the kinds apart by their statuses.
fn refused(error: &SendError) -> Problem {
    let (status, name, title, cause) = match error {
        SendError::Waiting { cause } | SendError::Temporary { cause } => {
            (StatusCode::SERVICE_UNAVAILABLE, "not-sent-yet", "Not sent yet", cause)
        }
        SendError::Permanent { cause } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "not-sent", "It will not be sent", cause)
        }
        SendError::Unknown { cause } => {
            (StatusCode::CONFLICT, "not-sent-again", "It was not sent again", cause)
        }
    };
    Problem::new(status, name, title, cause.clone())
}

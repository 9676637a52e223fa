//! The roles over HTTP: DER messages under SET's media types.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use countersign_web::{
    body::{Segment, is_of_type, record_id},
    client_address::ClientAddress,
    problem::Problem,
    step::to_the_end,
};

use crate::{
    authority::RegistrationAuthority, error::SetError, gateway::PaymentGateway,
    merchant::MerchantServer, wire::MAX_MESSAGE_BYTES,
};

/// The media type of a payment's messages (SET external interface guide, appendix on MIME).
pub const PAYMENT: &str = "application/set-payment";
/// The media type of a wake-up.
pub const INITIATION: &str = "application/set-payment-initiation";
/// The media type of registration's messages.
pub const REGISTRATION: &str = "application/set-registration";
/// The media type of what says where one registers.
pub const REGISTRATION_INITIATION: &str = "application/set-registration-initiation";

/// Where a gateway takes messages.
pub fn gateway_routes(gateway: Arc<PaymentGateway>) -> Router {
    mounted(Router::new().route("/set", post(to_gateway)).with_state(gateway))
}

/// Where a merchant takes messages, and gives the wake-up of an order.
pub fn merchant_routes(merchant: Arc<MerchantServer>) -> Router {
    let routes = Router::new()
        .route("/set", post(to_merchant))
        .route("/set/orders/{id}", get(wake_up))
        .with_state(merchant);
    mounted(routes)
}

/// Where an authority registers cardholders, and says so.
pub fn authority_routes(authority: Arc<RegistrationAuthority>) -> Router {
    let registration = get(registration_wake_up).post(to_authority);
    mounted(Router::new().route("/set/registration", registration).with_state(authority))
}

/// With the manners of every listener.
fn mounted(routes: Router) -> Router {
    routes
        .fallback(async || {
            Problem::shared(StatusCode::NOT_FOUND, "not-found").worded("no-resource")
        })
        .method_not_allowed_fallback(async || {
            let problem = Problem::shared(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed");
            problem.worded("other-method")
        })
        .layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES))
}

async fn to_gateway(
    State(gateway): State<Arc<PaymentGateway>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let message = message(&headers, body, PAYMENT)?;
    let step = async move { gateway.answer(&message).await.map_err(SetError::from) };
    Ok(said(PAYMENT, to_the_end(step).await?))
}

async fn to_merchant(
    State(merchant): State<Arc<MerchantServer>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let message = message(&headers, body, PAYMENT)?;
    let step = async move { merchant.answer(&message).await.map_err(SetError::from) };
    Ok(said(PAYMENT, to_the_end(step).await?))
}

async fn wake_up(
    State(merchant): State<Arc<MerchantServer>>,
    id: Segment,
) -> Result<Response, Problem> {
    let wake_up = merchant.wake_up(&record_id(id)?).await.map_err(SetError::from)?;
    Ok(said(INITIATION, wake_up))
}

async fn to_authority(
    State(authority): State<Arc<RegistrationAuthority>>,
    client: ClientAddress,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let message = message(&headers, body, REGISTRATION)?;
    let step = async move { authority.answer_to(client, &message).await.map_err(SetError::from) };
    Ok(said(REGISTRATION, to_the_end(step).await?))
}

async fn registration_wake_up(
    State(authority): State<Arc<RegistrationAuthority>>,
) -> Result<Response, Problem> {
    let wake_up = authority.wake_up().map_err(SetError::from)?;
    Ok(said(REGISTRATION_INITIATION, wake_up))
}

/// The message in a request. What is in it is for the role to say; here it must only be one.
fn message(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    media_type: &'static str,
) -> Result<Bytes, Problem> {
    if !is_of_type(headers, media_type) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body is of another media type",
            format!("A message is sent as {media_type}."),
        ));
    }
    body.map_err(|rejection| {
        Problem::new(
            rejection.status(),
            "unreadable-message",
            "The message cannot be read",
            format!("It is too long or broke off: at most {MAX_MESSAGE_BYTES} octets are read."),
        )
    })
}

/// Every message of a role is an answer with status 200, an error of the protocol, too.
fn said(media_type: &'static str, message: Vec<u8>) -> Response {
    let headers = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-store")];
    (headers, message).into_response()
}

//! The merchant's API.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        DefaultBodyLimit, FromRef, Path, State,
        rejection::{BytesRejection, PathRejection},
    },
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use countersign_domain::{event::Fact, id::Identifier};
use countersign_web::{
    correlation::TraceParent,
    idempotency::{self, IdempotencyKey},
    problem::Problem,
    relying_party::{ApiCaller, RelyingParties},
};
use serde::de::DeserializeOwned;

use crate::{
    error::CheckoutError,
    flow::Checkouts,
    message::{CreateCheckout, EnrolSubscriber},
    openapi::openapi,
    record::CheckoutId,
    view::MerchantView,
};

/// Longest body that is read, in bytes: twenty items of the longest names take a fifth of it.
const MAX_BODY_BYTES: usize = 16 * 1024;

#[derive(Clone)]
pub(crate) struct Api {
    checkouts: Arc<Checkouts>,
    parties: RelyingParties,
}

/// The part of the path that names something. Bytes that are not UTF-8 name nothing, and are refused as a problem.
type Segment = Result<Path<String>, PathRejection>;

impl FromRef<Api> for RelyingParties {
    fn from_ref(api: &Api) -> Self {
        api.parties.clone()
    }
}

/// The routes for merchants' back ends: to be mounted where payers' browsers cannot reach them.
pub fn api(checkouts: Arc<Checkouts>, parties: RelyingParties) -> Router {
    Router::new()
        .route("/v1/checkouts", post(create))
        .route("/v1/checkouts/{id}", get(show))
        .route("/v1/checkouts/{id}/void", post(void))
        .route("/v1/checkouts/{id}/trace", get(trace))
        .route("/v1/subscribers/{identifier}", put(enrol))
        .route("/openapi.json", get(async || Json(openapi())))
        .fallback(async || {
            Problem::not_found("There is nothing at this address. See /openapi.json.")
        })
        .method_not_allowed_fallback(async || {
            Problem::method_not_allowed("See /openapi.json for what this address takes.")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Api { checkouts, parties })
}

/// Creates a checkout.
#[utoipa::path(
    post, path = "/v1/checkouts", request_body = CreateCheckout, security(("api_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeated with the same body, the request has one effect and one answer."),
        ("traceparent" = Option<String>, Header, description = "W3C Trace Context: its trace id follows the purchase through the logs, to the SMS centre and to the bank.")),
    responses(
        (status = 201, description = "Created; send the payer's browser to `url`.", body = MerchantView),
        (status = "4XX", description = "A problem document (RFC 9457).", content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(api): State<Api>,
    ApiCaller(party): ApiCaller,
    key: IdempotencyKey,
    TraceParent(correlation): TraceParent,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, CheckoutError> {
    let body = body.map_err(unreadable)?;
    let new = json::<CreateCheckout>(&body)?.into_new(party.name, correlation)?;
    let request = idempotency::Request::new(&party.id, "create checkout", key, &body);
    let view = api.checkouts.create(&party.id, new, &request).await?;
    let location = HeaderValue::from_str(&format!("/v1/checkouts/{}", view.checkout.id));
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Shows a checkout.
#[utoipa::path(
    get, path = "/v1/checkouts/{id}", params(("id" = String, Path)), security(("api_key" = [])),
    responses(
        (status = 200, description = "As it stands.", body = MerchantView),
        (status = "4XX", description = "A problem document (RFC 9457).", content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show(
    State(api): State<Api>,
    ApiCaller(party): ApiCaller,
    id: Segment,
) -> Result<Json<MerchantView>, CheckoutError> {
    Ok(Json(api.checkouts.merchant_view(&party.id, &checkout_id(id)?).await?))
}

/// Calls a checkout off before it is paid. Voiding what is void already is answered with a conflict.
#[utoipa::path(
    post, path = "/v1/checkouts/{id}/void", params(("id" = String, Path)), security(("api_key" = [])),
    responses(
        (status = 200, description = "It will not be paid; what the bank held is released.", body = MerchantView),
        (status = "4XX", description = "A problem document (RFC 9457).", content_type = "application/problem+json"),
    )
)]
pub(crate) async fn void(
    State(api): State<Api>,
    ApiCaller(party): ApiCaller,
    id: Segment,
) -> Result<Json<MerchantView>, CheckoutError> {
    Ok(Json(api.checkouts.void(&party.id, &checkout_id(id)?).await?))
}

/// Shows everything that happened to the last payment of a checkout.
#[utoipa::path(
    get, path = "/v1/checkouts/{id}/trace", params(("id" = String, Path)), security(("api_key" = [])),
    responses(
        (status = 200, description = "Facts in order; no code, no full number, no full card is in one.", body = Vec<Object>),
        (status = "4XX", description = "A problem document (RFC 9457).", content_type = "application/problem+json"),
    )
)]
pub(crate) async fn trace(
    State(api): State<Api>,
    ApiCaller(party): ApiCaller,
    id: Segment,
) -> Result<Json<Vec<Fact>>, CheckoutError> {
    Ok(Json(api.checkouts.trace(&party.id, &checkout_id(id)?).await?))
}

/// Enters a subscriber into the directory. Needs a relying party that may.
#[utoipa::path(
    put, path = "/v1/subscribers/{identifier}", params(("identifier" = String, Path, description = "The `userId`.")),
    request_body = EnrolSubscriber, security(("api_key" = [])),
    responses(
        (status = 204, description = "Entered, or replaced."),
        (status = "4XX", description = "A problem document (RFC 9457).", content_type = "application/problem+json"),
    )
)]
pub(crate) async fn enrol(
    State(api): State<Api>,
    ApiCaller(party): ApiCaller,
    identifier: Segment,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, CheckoutError> {
    if !party.may_enrol {
        let detail = "Ask the operator for may_enrol = true.";
        let title = "This relying party may not enter subscribers";
        return Err(CheckoutError::Problem(Problem::new(
            StatusCode::FORBIDDEN,
            "may-not-enrol",
            title,
            detail,
        )));
    }
    let not_text = |_| CheckoutError::Problem(Problem::invalid("The userId is not UTF-8."));
    let Path(identifier) = identifier.map_err(not_text)?;
    let subscriber = json::<EnrolSubscriber>(&body.map_err(unreadable)?)?
        .into_subscriber(Identifier::try_from(identifier)?)?;
    api.checkouts.enrol(&subscriber).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn checkout_id(segment: Segment) -> Result<CheckoutId, CheckoutError> {
    let id = segment.ok().map(|Path(text)| CheckoutId::try_from(text));
    let not_found = || CheckoutError::Problem(Problem::not_found("No checkout has this id."));
    id.and_then(Result::ok).ok_or_else(not_found)
}

/// The body is too long, or broke off.
fn unreadable(rejection: BytesRejection) -> CheckoutError {
    let detail = format!("A body has at most {MAX_BODY_BYTES} bytes.");
    let title = "The body cannot be read";
    CheckoutError::Problem(Problem::new(rejection.status(), "malformed-json", title, detail))
}

/// What the reader says may quote what it read, and a card's number may be that: only its place is passed on, or the
/// name of a member of ours that is missing.
fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, CheckoutError> {
    serde_json::from_slice(body).map_err(|error| {
        let said = error.to_string();
        let detail = if said.starts_with("missing field") {
            format!("{said}. See /openapi.json.")
        } else {
            format!(
                "What is at line {}, column {} is not expected there. See /openapi.json.",
                error.line(),
                error.column()
            )
        };
        let title = "The body is not the JSON that is expected";
        CheckoutError::Problem(Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed-json",
            title,
            detail,
        ))
    })
}

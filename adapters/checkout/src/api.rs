//! The merchant's part of the API.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    response::Response,
    routing::{get, post},
};
use countersign_domain::{event::Fact, invalid::Field};
use countersign_web::{
    api::{ApiPart, Served},
    body::{JsonBody, Segment, created, json, record_id},
    correlation::TraceParent,
    idempotency::{self, IdempotencyKey},
    problem::Problem,
    relying_party::{ApiCaller, RelyingParties},
};
use utoipa::OpenApi;

use crate::{flow::Checkouts, message::CreateCheckout, view::MerchantView};

#[derive(OpenApi)]
#[openapi(paths(create, show, void, trace))]
struct Description;

/// The checkout's part of the API.
pub fn merchant_api(checkouts: Arc<Checkouts>, parties: RelyingParties) -> ApiPart {
    let routes = Router::new()
        .route("/v1/checkouts", post(create))
        .route("/v1/checkouts/{id}", get(show))
        .route("/v1/checkouts/{id}/void", post(void))
        .route("/v1/checkouts/{id}/trace", get(trace))
        .with_state(Served::new(checkouts, parties));
    ApiPart { routes, description: Description::openapi }
}

/// Creates a checkout.
#[utoipa::path(
    post, path = "/v1/checkouts", request_body = CreateCheckout, security(("api_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header),
        ("traceparent" = Option<String>, Header)),
    responses(
        (status = 201, description = "Created; send the payer's browser to `url`.", body = MerchantView),
    )
)]
async fn create(
    State(checkouts): State<Arc<Checkouts>>,
    ApiCaller(party): ApiCaller,
    key: IdempotencyKey,
    TraceParent(correlation): TraceParent,
    body: JsonBody,
) -> Result<Response, Problem> {
    let body = body.bytes()?;
    let new = json::<CreateCheckout>(&body)?.into_new(&party, correlation)?;
    let request = idempotency::Request::new(&party.id, "create checkout", key, &body);
    let view = checkouts.create(&party.id, new, &request).await.map_err(Problem::from);
    let view = view.map_err(|problem| problem.of_value_at(Field::Currency, "amount.currency"))?;
    Ok(created(&format!("/v1/checkouts/{}", view.checkout.id), &view))
}

/// Shows a checkout.
#[utoipa::path(
    get, path = "/v1/checkouts/{id}", params(("id" = String, Path, pattern = "^co_[0-9a-f]{32}([0-9a-f]{12})?$")), security(("api_key" = [])),
    responses(
        (status = 200, description = "As it stands.", body = MerchantView),
    )
)]
async fn show(
    State(checkouts): State<Arc<Checkouts>>,
    ApiCaller(party): ApiCaller,
    id: Segment,
) -> Result<Json<MerchantView>, Problem> {
    Ok(Json(checkouts.merchant_view(&party.id, &record_id(id)?).await?))
}

/// Calls a checkout off before it is paid. Voiding what is void already is answered with a conflict.
#[utoipa::path(
    post, path = "/v1/checkouts/{id}/void", params(("id" = String, Path, pattern = "^co_[0-9a-f]{32}([0-9a-f]{12})?$")), security(("api_key" = [])),
    responses(
        (status = 200, description = "It will not be paid; what the bank held is released.", body = MerchantView),
    )
)]
async fn void(
    State(checkouts): State<Arc<Checkouts>>,
    ApiCaller(party): ApiCaller,
    id: Segment,
) -> Result<Json<MerchantView>, Problem> {
    let id = record_id(id)?;
    let voided = checkouts.void(&party.id, &id).await.map_err(Problem::from);
    let again = |problem: Problem| problem.look_again_at(format!("/v1/checkouts/{id}"));
    Ok(Json(voided.map_err(again)?))
}

/// Shows everything that happened to the last payment of a checkout.
#[utoipa::path(
    get, path = "/v1/checkouts/{id}/trace", params(("id" = String, Path, pattern = "^co_[0-9a-f]{32}([0-9a-f]{12})?$")), security(("api_key" = [])),
    responses(
        (status = 200, description = "Facts in order; no code, no full number, no full card is in one.", body = Vec<Object>),
    )
)]
async fn trace(
    State(checkouts): State<Arc<Checkouts>>,
    ApiCaller(party): ApiCaller,
    id: Segment,
) -> Result<Json<Vec<Fact>>, Problem> {
    Ok(Json(checkouts.trace(&party.id, &record_id(id)?).await?))
}

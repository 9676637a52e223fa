//! The challenges' part of the API.

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
    code_page::beside_pin,
    correlation::TraceParent,
    idempotency::{self, IdempotencyKey},
    problem::Problem,
    relying_party::{ApiCaller, RelyingParties},
    step::to_the_end,
};
use utoipa::OpenApi;

use crate::{
    flow::Challenges,
    message::{ResendBody, StartChallenge, TypedBody},
    view::{ChallengeView, StartedView, VerifiedView},
};

#[derive(OpenApi)]
#[openapi(paths(start, show, respond, resend, cancel, trace))]
struct Description;

/// The challenges' part of the API.
pub fn challenge_api(challenges: Arc<Challenges>, parties: RelyingParties) -> ApiPart {
    let routes = Router::new()
        .route("/v1/challenges", post(start))
        .route("/v1/challenges/{id}", get(show))
        .route("/v1/challenges/{id}/response", post(respond))
        .route("/v1/challenges/{id}/resend", post(resend))
        .route("/v1/challenges/{id}/cancel", post(cancel))
        .route("/v1/challenges/{id}/trace", get(trace))
        .with_state(Served::new(challenges, parties));
    ApiPart { routes, description: Description::openapi }
}

/// Sends a code to a person's phone.
#[utoipa::path(
    post, path = "/v1/challenges", request_body = StartChallenge, security(("api_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header),
        ("traceparent" = Option<String>, Header)),
    responses(
        (status = 201, description = "The code is on its way; keep `session`.", body = StartedView),
    )
)]
async fn start(
    State(challenges): State<Arc<Challenges>>,
    ApiCaller(party): ApiCaller,
    key: IdempotencyKey,
    TraceParent(correlation): TraceParent,
    body: JsonBody,
) -> Result<Response, Problem> {
    let body = body.bytes()?;
    let new = json::<StartChallenge>(&body)?.into_new(&party, correlation)?;
    let request = idempotency::Request::new(&party.id, "start challenge", key, &body);
    let started = to_the_end(async move { challenges.start(&party, new, &request).await }).await;
    let currency = "purpose.payment.amount.currency";
    let started =
        started.map_err(|error| Problem::from(error).of_value_at(Field::Currency, currency))?;
    Ok(created(&format!("/v1/challenges/{}", started.challenge.id), &started))
}

/// Shows a challenge.
#[utoipa::path(
    get, path = "/v1/challenges/{id}", params(("id" = String, Path, pattern = "^ch_[0-9a-f]{32}$")), security(("api_key" = [])),
    responses(
        (status = 200, description = "As it stands.", body = ChallengeView),
    )
)]
async fn show(
    State(challenges): State<Arc<Challenges>>,
    ApiCaller(party): ApiCaller,
    id: Segment,
) -> Result<Json<ChallengeView>, Problem> {
    Ok(Json(challenges.view(&party, &record_id(id)?).await?))
}

/// Takes what the person typed. A code is good once, and three wrong ones end the challenge, unless the policy says
/// otherwise.
#[utoipa::path(
    post, path = "/v1/challenges/{id}/response", request_body = TypedBody, params(("id" = String, Path, pattern = "^ch_[0-9a-f]{32}$")),
    security(("api_key" = [])),
    responses(
        (status = 200, description = "It is the code, typed in the session that asked for it.", body = VerifiedView),
    )
)]
async fn respond(
    State(challenges): State<Arc<Challenges>>,
    ApiCaller(party): ApiCaller,
    id: Segment,
    body: JsonBody,
) -> Result<Json<VerifiedView>, Problem> {
    let id = record_id(id)?;
    let typed = body.read::<TypedBody>()?;
    let has_pin = typed.has_pin();
    let (session, response) = typed.into_typed()?;
    let again = format!("/v1/challenges/{id}");
    let step = async move { challenges.finish(&party, &id, &session, response).await };
    let done = to_the_end(step).await.map_err(|error| beside_pin(Problem::from(error), has_pin));
    Ok(Json(done.map_err(|problem| problem.look_again_at(again))?))
}

/// Sends the same code once more; neither its time nor its attempts begin anew.
#[utoipa::path(
    post, path = "/v1/challenges/{id}/resend", request_body = ResendBody, params(("id" = String, Path, pattern = "^ch_[0-9a-f]{32}$")),
    security(("api_key" = [])),
    responses(
        (status = 200, description = "It is on its way.", body = ChallengeView),
    )
)]
async fn resend(
    State(challenges): State<Arc<Challenges>>,
    ApiCaller(party): ApiCaller,
    id: Segment,
    body: JsonBody,
) -> Result<Json<ChallengeView>, Problem> {
    let id = record_id(id)?;
    let session = body.read::<ResendBody>()?.into_session()?;
    let again = format!("/v1/challenges/{id}");
    let step = async move { challenges.resend(&party, &id, &session).await };
    let done = to_the_end(step).await.map_err(Problem::from);
    Ok(Json(done.map_err(|problem| problem.look_again_at(again))?))
}

/// Cancels a challenge: its code is not accepted any more. Cancelling twice is answered as once.
#[utoipa::path(
    post, path = "/v1/challenges/{id}/cancel", params(("id" = String, Path, pattern = "^ch_[0-9a-f]{32}$")), security(("api_key" = [])),
    responses(
        (status = 200, description = "It is cancelled.", body = ChallengeView),
    )
)]
async fn cancel(
    State(challenges): State<Arc<Challenges>>,
    ApiCaller(party): ApiCaller,
    id: Segment,
) -> Result<Json<ChallengeView>, Problem> {
    let id = record_id(id)?;
    let again = format!("/v1/challenges/{id}");
    let step = async move { challenges.cancel(&party, &id).await };
    let done = to_the_end(step).await.map_err(Problem::from);
    Ok(Json(done.map_err(|problem| problem.look_again_at(again))?))
}

/// Shows everything that happened to a challenge.
#[utoipa::path(
    get, path = "/v1/challenges/{id}/trace", params(("id" = String, Path, pattern = "^ch_[0-9a-f]{32}$")), security(("api_key" = [])),
    responses(
        (status = 200, description = "Facts in order; no code, no full number is in one.", body = Vec<Object>),
    )
)]
async fn trace(
    State(challenges): State<Arc<Challenges>>,
    ApiCaller(party): ApiCaller,
    id: Segment,
) -> Result<Json<Vec<Fact>>, Problem> {
    Ok(Json(challenges.trace(&party, &record_id(id)?).await?))
}

//! The shop's part of the API after a purchase: capture, credit, their reversals.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    response::Response,
    routing::{get, post},
};
use countersign_domain::{amount::Amount, id::RelyingPartyId, record::Batch};
use countersign_web::{
    api::{ApiPart, Served},
    body::{JsonBody, Segment, created, json, record_id},
    idempotency::{self, IdempotencyKey},
    problem::Problem,
    relying_party::{ApiCaller, RelyingParties},
    step::to_the_end,
    transaction::AmountBody,
};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::{
    error::SetError,
    merchant::MerchantServer,
    message::settlement::SettlementKind,
    record::{BatchNumber, OrderId, SettlementId, SettlementRecord},
    wire::Failure,
};

#[derive(OpenApi)]
#[openapi(paths(settle, show))]
struct Description;

/// The shop's part of the API after a purchase.
pub fn settlements_api(merchant: Arc<MerchantServer>, parties: RelyingParties) -> ApiPart {
    let routes = Router::new()
        .route("/v1/set/orders/{id}/settlements", post(settle))
        .route("/v1/set/settlements/{id}", get(show))
        .with_state(Served::new(merchant, parties));
    ApiPart { routes, description: Description::openapi }
}

/// What a shop wants done with an authorization.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// What is to be done.
    pub kind: SettlementKind,
    /// How much; all of it where it is left out. A reversal is of all of it: that of a credit, of what one credit gave back.
    pub amount: Option<AmountBody>,
    /// The number of the batch in which it is counted; none where it is left out.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 999_999_999)]
    pub batch: Option<BatchNumber>,
}

/// A capture, a reversal or a credit as its shop sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SettlementView {
    /// Its id.
    pub id: String,
    /// The order whose purchase it is about.
    pub order: String,
    /// What is to be done.
    pub kind: SettlementKind,
    /// What is to be released, debited or given back.
    pub amount: AmountBody,
    /// Where it is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<PlaceView>,
    /// What the gateway says: `success` when it is done. Left out as long as it has not answered: it is asked again when
    /// this is looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
}

/// Where a settlement is counted.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct PlaceView {
    /// In which batch.
    pub number: u32,
    /// As which item of it.
    pub item: u32,
}

impl From<&SettlementRecord> for SettlementView {
    fn from(record: &SettlementRecord) -> Self {
        Self {
            id: record.id.to_string(),
            order: record.order.to_string(),
            kind: record.kind(),
            amount: record.amount.into(),
            batch: record
                .place
                .map(|place| PlaceView { number: place.batch.into(), item: place.number }),
            code: record.code().map(|code| code.name()),
        }
    }
}

impl MerchantServer {
    /// Asks for a settlement; asked again under the same `Idempotency-Key`, gives the same one.
    ///
    /// # Errors
    /// When the caller is another relying party, nothing was bought, the key was used for something else, or a port fails.
    pub async fn settle_for(
        &self,
        party: &RelyingPartyId,
        order: &OrderId,
        (kind, amount, counted_in): (SettlementKind, Option<Amount>, Option<BatchNumber>),
        request: &idempotency::Request,
    ) -> Result<SettlementView, SetError> {
        self.check_party(party)?;
        let store = self.ports.store.as_ref();
        if let Some(id) = request.answered::<SettlementId>(store).await? {
            return Ok((&self.settlement(&id).await?).into());
        }
        let id = SettlementId::random(self.ports.entropy.as_ref()).map_err(Failure::from)?;
        let mut batch = Batch::default();
        if let Some(answered) = request.record(id.clone(), self.ports.clock.now()) {
            batch.insert(&answered)?;
        }
        match self.settle(id, order, kind, amount, counted_in, batch).await {
            Ok(record) => Ok((&record).into()),
            // The same request was answered meanwhile: the same answer is given.
            Err(error) if error.is_conflict() => match request.answered(store).await? {
                Some(id) => Ok((&self.settlement(&id).await?).into()),
                None => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// A settlement as it stands now.
    ///
    /// # Errors
    /// When the caller is another relying party, there is no such settlement, or a port fails.
    pub async fn settlement_for(
        &self,
        party: &RelyingPartyId,
        id: &SettlementId,
    ) -> Result<SettlementView, SetError> {
        self.check_party(party)?;
        Ok((&self.settlement(id).await?).into())
    }
}

/// Captures, reverses or credits an order's purchase.
#[utoipa::path(
    post, path = "/v1/set/orders/{id}/settlements", request_body = Settle, security(("api_key" = [])),
    params(
        ("id" = String, Path, pattern = "^ord_[0-9a-f]{32}$"),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    responses(
        (status = 201, description = "Asked; `code` is what the gateway says.", body = SettlementView),
    )
)]
async fn settle(
    State(merchant): State<Arc<MerchantServer>>,
    ApiCaller(party): ApiCaller,
    id: Segment,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    let order: OrderId = record_id(id)?;
    let body = body.bytes()?;
    let Settle { kind, amount, batch } = json(&body)?;
    let amount = amount.map(|amount| amount.amount("amount")).transpose()?;
    let content = [order.as_str().as_bytes(), b"\n", &body].concat();
    let request = idempotency::Request::new(&party.id, "settle set order", key, &content);
    let again = format!("/v1/set/orders/{order}");
    let wanted = (kind, amount, batch);
    let step = async move { merchant.settle_for(&party.id, &order, wanted, &request).await };
    let settled = to_the_end(step).await.map_err(Problem::from);
    let view = settled.map_err(|problem| problem.look_again_at(again))?;
    Ok(created(&format!("/v1/set/settlements/{}", view.id), &view))
}

/// Shows a settlement.
#[utoipa::path(
    get, path = "/v1/set/settlements/{id}", params(("id" = String, Path, pattern = "^stl_[0-9a-f]{32}$")), security(("api_key" = [])),
    responses(
        (status = 200, description = "As it stands; where the gateway has not answered, it is asked.", body = SettlementView),
    )
)]
async fn show(
    State(merchant): State<Arc<MerchantServer>>,
    ApiCaller(party): ApiCaller,
    id: Segment,
) -> Result<Json<SettlementView>, Problem> {
    let id = record_id(id)?;
    let step = async move { merchant.settlement_for(&party.id, &id).await };
    Ok(Json(to_the_end(step).await?))
}

//! The shop's part of the API: what is to be paid, and how it stands.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    response::Response,
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_domain::{id::RelyingPartyId, record::Batch, time::Timestamp};
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
    merchant::{MerchantServer, NewOrder, is_final},
    message::{
        authorization::{Answer, AuthCode},
        common::OrderText,
    },
    record::{Order, OrderId, Sale},
    wire::Failure,
};

#[derive(OpenApi)]
#[openapi(paths(create, show))]
struct Description;

/// The shop's part of the API.
pub fn shop_api(merchant: Arc<MerchantServer>, parties: RelyingParties) -> ApiPart {
    let routes = Router::new()
        .route("/v1/set/orders", post(create))
        .route("/v1/set/orders/{id}", get(show))
        .with_state(Served::new(merchant, parties));
    ApiPart { routes, description: Description::openapi }
}

/// What a shop wants to be paid.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOrder {
    /// To be paid, above zero.
    pub amount: AmountBody,
    /// The goods in words, 1 to 1024 characters: the cardholder sees them, the gateway does not.
    #[schema(example = "Two books", min_length = 1, max_length = 1024)]
    pub description: String,
}

impl TryFrom<CreateOrder> for NewOrder {
    type Error = Problem;

    fn try_from(body: CreateOrder) -> Result<Self, Problem> {
        let amount = body.amount.amount("amount")?;
        let description = OrderText::try_from(body.description.as_str());
        Ok(Self { amount, description: description.map_err(|_| SetError::Description)? })
    }
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OrderStatus)]
pub enum Status {
    /// It can be paid.
    Open,
    /// A purchase was sent to the gateway, which has not said yet what becomes of it.
    UnderWay,
    /// The code on the phone is waited for.
    CodeAsked,
    /// The bank holds the amount.
    Authorized,
    /// The bank has debited the amount.
    Paid,
    /// The last purchase came to nothing: `auth_code` says why. Until it expires, the order can be paid again.
    Refused,
    /// It was not paid in time.
    Expired,
}

impl Status {
    fn of(order: &Order, sale: Option<&Sale>, answer: Option<&Answer>, now: Timestamp) -> Self {
        match answer {
            Some(Answer { auth_code: AuthCode::Approved, captured: true, .. }) => Self::Paid,
            Some(_) if sale.is_some_and(|sale| sale.captured().is_some()) => Self::Paid,
            Some(Answer { auth_code: AuthCode::Approved, .. }) => Self::Authorized,
            Some(answer) if is_final(answer.auth_code) => Self::Refused,
            Some(Answer { code_start: Some(_), .. }) => Self::CodeAsked,
            Some(_) => Self::UnderWay,
            None if sale.is_some() => Self::UnderWay,
            None if now >= order.expires_at => Self::Expired,
            None => Self::Open,
        }
    }
}

/// An order as its shop sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderView {
    /// Its id.
    pub id: String,
    /// What the cardholder's program is given: the wake-up is there.
    pub url: String,
    /// Where it stands.
    pub status: Status,
    /// To be paid.
    pub amount: AmountBody,
    /// The goods in words.
    pub description: String,
    /// Until when it can be paid, in seconds since 1970.
    pub expires_at: u64,
    /// What was captured by a settlement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured: Option<AmountBody>,
    /// What was given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credited: Option<AmountBody>,
    /// What the gateway said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_code: Option<&'static str>,
    /// The gateway's receipt once it approved: CMS `SignedData` in base64, to be verified by whom it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
}

impl MerchantServer {
    /// Creates an order; asked again under the same `Idempotency-Key`, gives the same one.
    ///
    /// # Errors
    /// When the caller is another relying party, the key was used for something else, or a port fails.
    pub async fn create_for(
        &self,
        party: &RelyingPartyId,
        new: NewOrder,
        request: &idempotency::Request,
    ) -> Result<OrderView, SetError> {
        self.check_party(party)?;
        let store = self.ports.store.as_ref();
        if let Some(id) = request.answered::<OrderId>(store).await? {
            return self.view(&id).await;
        }
        let now = self.ports.clock.now();
        let id = OrderId::random(self.ports.entropy.as_ref()).map_err(Failure::from)?;
        let mut batch = Batch::default();
        if let Some(answered) = request.record(id.clone(), now) {
            batch.insert(&answered)?;
        }
        match self.create_order_as(id.clone(), new, batch).await {
            Ok(_) => self.view(&id).await,
            // The same request was answered meanwhile: the same answer is given.
            Err(error) if error.is_conflict() => match request.answered::<OrderId>(store).await? {
                Some(id) => self.view(&id).await,
                None => Err(error.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// An order as it stands now: of what is under way, the gateway is asked.
    ///
    /// # Errors
    /// When the caller is another relying party, there is no such order, or a port fails.
    pub async fn view_for(
        &self,
        party: &RelyingPartyId,
        id: &OrderId,
    ) -> Result<OrderView, SetError> {
        self.check_party(party)?;
        self.view(id).await
    }

    async fn view(&self, id: &OrderId) -> Result<OrderView, SetError> {
        let (order, sale) = self.inquired(id).await?;
        let answer = sale.as_ref().map(Sale::answer).transpose()?.flatten();
        let now = self.ports.clock.now();
        Ok(OrderView {
            id: order.id.to_string(),
            url: self.order_url(&order.id),
            status: Status::of(&order, sale.as_ref(), answer.as_ref(), now),
            amount: order.amount.into(),
            description: order.description,
            expires_at: order.expires_at.unix_seconds(),
            captured: sale.as_ref().and_then(Sale::captured).map(AmountBody::from),
            credited: sale.as_ref().and_then(Sale::credited).map(AmountBody::from),
            auth_code: answer.as_ref().map(|answer| answer.auth_code.name()),
            receipt: answer
                .and_then(|answer| answer.receipt)
                .map(|receipt| STANDARD.encode(receipt.as_bytes())),
        })
    }

    pub(crate) fn check_party(&self, party: &RelyingPartyId) -> Result<(), SetError> {
        if *party == self.settings.id { Ok(()) } else { Err(SetError::OtherMerchant) }
    }
}

/// Creates an order.
#[utoipa::path(
    post, path = "/v1/set/orders", request_body = CreateOrder, security(("api_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 201, description = "Created; give the cardholder's program `url`.", body = OrderView),
    )
)]
async fn create(
    State(merchant): State<Arc<MerchantServer>>,
    ApiCaller(party): ApiCaller,
    key: IdempotencyKey,
    body: JsonBody,
) -> Result<Response, Problem> {
    let body = body.bytes()?;
    let new = NewOrder::try_from(json::<CreateOrder>(&body)?)?;
    let request = idempotency::Request::new(&party.id, "create set order", key, &body);
    let step = async move { merchant.create_for(&party.id, new, &request).await };
    let view = to_the_end(step).await?;
    Ok(created(&format!("/v1/set/orders/{}", view.id), &view))
}

/// Shows an order.
#[utoipa::path(
    get, path = "/v1/set/orders/{id}", params(("id" = String, Path, pattern = "^ord_[0-9a-f]{32}$")), security(("api_key" = [])),
    responses(
        (status = 200, description = "As it stands; of what is under way, the gateway is asked.", body = OrderView),
    )
)]
async fn show(
    State(merchant): State<Arc<MerchantServer>>,
    ApiCaller(party): ApiCaller,
    id: Segment,
) -> Result<Json<OrderView>, Problem> {
    let id = record_id(id)?;
    let step = async move { merchant.view_for(&party.id, &id).await };
    Ok(Json(to_the_end(step).await?))
}

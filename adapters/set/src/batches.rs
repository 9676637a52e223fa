//! The shop's part of the API for batches: what was counted on both sides.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    routing::{post, put},
};
use countersign_domain::{
    amount::{Amount, Currency},
    id::RelyingPartyId,
};
use countersign_web::{
    api::{ApiPart, Served},
    body::{JsonBody, Segment, record_id},
    misfit::InMember as _,
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
    message::batch::{BaStatus, BatchAdminResData, BatchSequenceNum, TransactionDetail},
    record::{BatchNumber, BatchRecord, Order},
    tally::Tally,
};

#[derive(OpenApi)]
#[openapi(paths(open, show, close))]
struct Description;

/// The part of the API.
pub fn batches_api(merchant: Arc<MerchantServer>, parties: RelyingParties) -> ApiPart {
    let routes = Router::new()
        .route("/v1/set/batches/{number}", put(open).get(show))
        .route("/v1/set/batches/{number}/close", post(close))
        .with_state(Served::new(merchant, parties));
    ApiPart { routes, description: Description::openapi }
}

/// A batch that is to be opened.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenBatch {
    /// Of all its items: ISO 4217.
    #[schema(example = "EUR", pattern = "^[A-Z]{3}$")]
    pub currency: String,
}

/// Where a batch stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchStanding {
    /// The gateway has not answered yet: it is asked again when this is looked at.
    Opening,
    /// Settlements may be counted in it.
    Open,
    /// The gateway has not said yet whether it is closed.
    Closing,
    /// Both sides have counted the same, and nothing can be added.
    Closed,
    /// The gateway did not open it: `code` says why.
    Refused,
}

impl From<&BatchRecord> for BatchStanding {
    fn from(batch: &BatchRecord) -> Self {
        match (batch.opened(), batch.closed()) {
            (None, _) => Self::Opening,
            (Some(_), Some(BaStatus::Success)) => Self::Closed,
            (Some(BaStatus::Success), None) if batch.closing.is_some() => Self::Closing,
            (Some(BaStatus::Success), _) => Self::Open,
            (Some(_), _) => Self::Refused,
        }
    }
}

/// A batch as its shop sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BatchView {
    /// The shop's number of it.
    pub number: u32,
    /// Where it stands.
    pub standing: BatchStanding,
    /// What the gateway said last to its being opened or closed: `totalsOutOfBalance` when it has counted something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// What this side has counted.
    pub counted: Tally,
    /// What the gateway has counted; left out where it was not asked, or has not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayView>,
}

/// What the gateway has counted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GatewayView {
    /// Whether it has counted the same: `success` or `totalsOutOfBalance`.
    pub code: &'static str,
    /// What its items come to.
    pub counted: Option<Tally>,
    /// Items, from the number that was asked for on: at most 32.
    pub items: Vec<ItemView>,
    /// The number to ask for next, when there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// An item that the gateway has counted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ItemView {
    /// Its number in the batch.
    pub item: u32,
    /// The order whose purchase it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// How much was asked for.
    pub amount: AmountBody,
    /// `credit`, to the cardholder, or `debit`.
    pub direction: &'static str,
    /// What became of it.
    pub code: &'static str,
}

impl TryFrom<&TransactionDetail> for ItemView {
    type Error = SetError;

    fn try_from(detail: &TransactionDetail) -> Result<Self, SetError> {
        Ok(Self {
            item: u32::try_from(detail.batch_sequence_num.get()).unwrap_or(0),
            order: Order::id_of(&detail.trans_ids.lid_m).map(|id| id.to_string()),
            amount: Amount::try_from(&detail.transaction_amt)?.into(),
            direction: detail.transaction_amt_type.name(),
            code: detail.code.name(),
        })
    }
}

impl TryFrom<&BatchAdminResData> for GatewayView {
    type Error = SetError;

    fn try_from(result: &BatchAdminResData) -> Result<Self, SetError> {
        let details = result.trans_details.as_ref();
        let items = details.map_or(&[][..], |details| details.transaction_detail_seq.as_slice());
        let next = details.and_then(|details| details.next_starting_point);
        Ok(Self {
            code: result.ba_status.name(),
            counted: result.batch_status.as_ref().and_then(Tally::of_status),
            items: items.iter().map(ItemView::try_from).collect::<Result<_, _>>()?,
            next: next.and_then(|number| u32::try_from(number.get()).ok()),
        })
    }
}

impl From<&BatchRecord> for BatchView {
    fn from(batch: &BatchRecord) -> Self {
        Self {
            number: batch.number.into(),
            standing: batch.into(),
            code: batch.closed().or_else(|| batch.opened()).map(BaStatus::name),
            counted: batch.tally,
            gateway: None,
        }
    }
}

/// From which item on the gateway is to tell.
#[derive(Clone, Copy, Debug, Deserialize)]
struct FromItem {
    from: Option<u32>,
}

impl MerchantServer {
    /// A batch as it stands, with what the gateway has counted from an item on, if one is named.
    ///
    /// # Errors
    /// When the caller is another relying party, there is no such batch, or a port fails.
    pub async fn batch_for(
        &self,
        party: &RelyingPartyId,
        number: BatchNumber,
        from: Option<BatchSequenceNum>,
    ) -> Result<BatchView, SetError> {
        self.check_party(party)?;
        let batch = self.batch(number).await?;
        let counted = match from {
            Some(from) => self.counted_by_gateway(&batch, from).await?,
            None => None,
        };
        let gateway = counted.as_ref().map(GatewayView::try_from).transpose()?;
        Ok(BatchView { gateway, ..BatchView::from(&batch) })
    }
}

/// Opens a batch: repeated, it has one effect.
#[utoipa::path(
    put, path = "/v1/set/batches/{number}", request_body = OpenBatch, security(("api_key" = [])),
    params(("number" = u32, Path, description = "The shop's own number of it.", minimum = 1, maximum = 999_999_999)),
    responses(
        (status = 200, description = "As it stands.", body = BatchView),
    )
)]
async fn open(
    State(merchant): State<Arc<MerchantServer>>,
    ApiCaller(party): ApiCaller,
    number: Segment,
    body: JsonBody,
) -> Result<Json<BatchView>, Problem> {
    let number: BatchNumber = record_id(number)?;
    let wanted = body.read::<OpenBatch>()?;
    let currency = Currency::try_from(wanted.currency.as_str()).in_member("currency")?;
    let step = async move {
        merchant.check_party(&party.id)?;
        Ok::<_, SetError>((&merchant.open_batch(number, currency).await?).into())
    };
    Ok(Json(to_the_end(step).await?))
}

/// Shows a batch.
#[utoipa::path(
    get, path = "/v1/set/batches/{number}", security(("api_key" = [])),
    params(
        ("number" = u32, Path, minimum = 1, maximum = 999_999_999),
        ("from" = Option<u32>, Query, minimum = 1, maximum = 9999, description = "The number of an item: the gateway is asked what it has counted, item by item from there on."),
    ),
    responses(
        (status = 200, description = "As it stands; where the gateway has not answered, it is asked.", body = BatchView),
    )
)]
async fn show(
    State(merchant): State<Arc<MerchantServer>>,
    ApiCaller(party): ApiCaller,
    number: Segment,
    Query(FromItem { from }): Query<FromItem>,
) -> Result<Json<BatchView>, Problem> {
    let number: BatchNumber = record_id(number)?;
    let from = from.map(|from| BatchSequenceNum::try_from(i64::from(from)));
    let from = from.transpose().map_err(|_| SetError::Item)?;
    let step = async move { merchant.batch_for(&party.id, number, from).await };
    Ok(Json(to_the_end(step).await?))
}

/// Closes a batch, if both sides have counted the same.
#[utoipa::path(
    post, path = "/v1/set/batches/{number}/close", security(("api_key" = [])),
    params(("number" = u32, Path, minimum = 1, maximum = 999_999_999)),
    responses(
        (status = 200, description = "Asked; `code` is what the gateway says.", body = BatchView),
    )
)]
async fn close(
    State(merchant): State<Arc<MerchantServer>>,
    ApiCaller(party): ApiCaller,
    number: Segment,
) -> Result<Json<BatchView>, Problem> {
    let number: BatchNumber = record_id(number)?;
    let step = async move {
        merchant.check_party(&party.id)?;
        Ok::<_, SetError>((&merchant.close_batch(number).await?).into())
    };
    Ok(Json(to_the_end(step).await?))
}

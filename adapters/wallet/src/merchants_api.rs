//! The merchants' part of the API. A merchant is a relying party; its wallet is opened with its first key.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    routing::{delete, get, post, put},
};
use countersign_domain::{
    amount::Currency,
    register::{Entry, Position},
};
use countersign_web::{
    api::{ApiPart, Served},
    body::{JsonBody, Segment},
    problem::Problem,
    relying_party::{ApiCaller, RelyingParties},
    return_url::ReturnUrl,
    step::to_the_end,
};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::{
    Wallets,
    jws::PublicKey,
    message::{MerchantNumber, registration::Registration},
    purse::{about, owed_to},
    record::Payout,
};

/// Movements in one answer.
const MAX_ENTRIES: usize = 500;

#[derive(OpenApi)]
#[openapi(paths(take_key, revoke_key, set_return_url, statement, payouts))]
struct Description;

/// The merchants' part of the API.
pub fn merchants_api(wallets: Arc<Wallets>, parties: RelyingParties) -> ApiPart {
    let routes = Router::new()
        .route("/v1/wallet/keys", post(take_key))
        .route("/v1/wallet/keys/{kid}", delete(revoke_key))
        .route("/v1/wallet/return-url", put(set_return_url))
        .route("/v1/wallet/statement", get(statement))
        .route("/v1/wallet/payouts", get(payouts))
        .with_state(Served::new(wallets, parties));
    ApiPart { routes, description: Description::openapi }
}

/// A public key on P-256 (RFC 7517); `d`, a private key's, is refused.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what PublicKey reads")]
struct JsonWebKey {
    /// `EC`.
    kty: String,
    /// `P-256`.
    crv: String,
    /// In base64url, 32 octets.
    x: String,
    /// In base64url, 32 octets.
    y: String,
}

/// A key that tickets will be signed with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what Registration reads")]
struct NewKey {
    key: JsonWebKey,
    /// A `KeyProof` (JWS in its compact form), signed with that key, not ten minutes ago: `typ` is `countersign-key+jws`,
    /// the content `iss`, the caller's id as a relying party, `aud`, the server's name, and `iat`.
    proof: String,
}

/// What a merchant's till has to know beside its own key.
#[derive(Serialize, ToSchema)]
struct MerchantAnswer {
    /// The merchant's number: `iss` of its tickets.
    #[schema(value_type = String, example = "mer_00112233445566778899aabbccddeeff")]
    merchant: MerchantNumber,
    /// The thumbprint of the key that was taken (RFC 7638): `kid` of its tickets.
    kid: String,
    /// The server's name: `aud` of its tickets, and `iss` of receipts.
    server: String,
    /// The keys that receipts are and were signed with, as JWK.
    #[schema(value_type = Vec<JsonWebKey>)]
    server_keys: Vec<PublicKey>,
}

/// Takes a key that tickets will be signed with, beside those that were taken before, when the caller proves to have its
/// private half. To send the same key again is to ask for the same answer.
#[utoipa::path(
    post, path = "/v1/wallet/keys", request_body = NewKey, security(("api_key" = [])),
    responses(
        (status = 200, description = "Tickets signed with it are accepted.", body = MerchantAnswer),
    )
)]
async fn take_key(
    State(wallets): State<Arc<Wallets>>,
    ApiCaller(party): ApiCaller,
    body: JsonBody,
) -> Result<Json<MerchantAnswer>, Problem> {
    let new: Registration = body.read()?;
    let (house, kid) = (Arc::clone(&wallets.house), new.key.id().to_owned());
    let step = async move { wallets.take_key(&party, &new).await.map_err(Problem::from) };
    let merchant = to_the_end(step).await?;
    let (server, server_keys) = (house.origin.to_string(), house.key_set().keys);
    Ok(Json(MerchantAnswer { merchant, kid, server, server_keys }))
}

/// Revokes a key: from now on tickets signed with it are refused. What was begun to be paid is paid.
#[utoipa::path(
    delete, path = "/v1/wallet/keys/{kid}", params(("kid" = String, Path)), security(("api_key" = [])),
    responses(
        (status = 204, description = "It is revoked."),
    )
)]
async fn revoke_key(
    State(wallets): State<Arc<Wallets>>,
    ApiCaller(party): ApiCaller,
    kid: Segment,
) -> Result<StatusCode, Problem> {
    let Path(kid) = kid.map_err(|_| Problem::not_found("There is no such key."))?;
    let step = async move { wallets.revoke_key(&party.id, &kid).await.map_err(Problem::from) };
    to_the_end(step).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where a payer's browser hands the receipt in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReturnUrlBody {
    /// An absolute https address; plain http on the own machine.
    #[schema(value_type = String, example = "https://shop.example.com/delivered")]
    return_url: ReturnUrl,
}

/// Says where the page that paid a ticket sends it with its receipt: a form is posted there, with `ticket` and `receipt`.
#[utoipa::path(
    put, path = "/v1/wallet/return-url", request_body = ReturnUrlBody, security(("api_key" = [])),
    responses(
        (status = 204, description = "From now on receipts come there."),
    )
)]
async fn set_return_url(
    State(wallets): State<Arc<Wallets>>,
    ApiCaller(party): ApiCaller,
    body: JsonBody,
) -> Result<StatusCode, Problem> {
    let ReturnUrlBody { return_url } = body.read()?;
    let step =
        async move { wallets.set_return_url(&party.id, &return_url).await.map_err(Problem::from) };
    to_the_end(step).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// From which position on, and of which currency.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatementQuery {
    currency: Currency,
    #[serde(default)]
    after: u64,
}

/// A movement of what the merchant is owed.
#[derive(Serialize, ToSchema)]
struct MerchantMovement {
    /// Where it stands: for `after`.
    position: u64,
    /// The payment of a ticket, or the payout.
    of: String,
    /// In minor units; what is paid out or kept as a fee has a minus.
    #[schema(value_type = i64)]
    amount_minor: i128,
    /// What the merchant is owed after it, in minor units.
    #[schema(value_type = i64)]
    balance_minor: i128,
    /// In seconds since the Unix epoch.
    at: u64,
}

/// Up to 500 movements of what the merchant is owed, in their order.
#[utoipa::path(
    get, path = "/v1/wallet/statement", security(("api_key" = [])),
    params(("currency" = String, Query, description = "ISO 4217."),
        ("after" = Option<u64>, Query, description = "The position of the last movement that is known.")),
    responses(
        (status = 200, description = "None when all are known.", body = Vec<MerchantMovement>),
    )
)]
async fn statement(
    State(wallets): State<Arc<Wallets>>,
    ApiCaller(party): ApiCaller,
    query: Result<Query<StatementQuery>, QueryRejection>,
) -> Result<Json<Vec<MerchantMovement>>, Problem> {
    let StatementQuery { currency, after } = asked(query)?;
    let merchant = MerchantNumber::of(&party.id)?;
    let after = Position(after);
    let entries = wallets.merchant_entries(&merchant, currency, after, MAX_ENTRIES).await?;
    let credit = owed_to(&merchant)?;
    let movement = |entry: &Entry| {
        let amount = i128::from(entry.posting.amount.amount_minor());
        MerchantMovement {
            position: entry.position.0,
            of: about(entry).to_owned(),
            amount_minor: if entry.posting.credit == credit { amount } else { -amount },
            balance_minor: entry.balance.net_minor(),
            at: entry.posting.at.unix_seconds(),
        }
    };
    Ok(Json(entries.iter().map(movement).collect()))
}

/// What a merchant was paid at once, to be transferred to its bank.
#[derive(Serialize, ToSchema)]
struct PayoutAnswer {
    /// Where it stands: for `after`.
    position: u64,
    /// Names it: the merchant's number, and 1 for its first.
    payout: String,
    /// The merchant's number.
    #[schema(value_type = String, example = "mer_00112233445566778899aabbccddeeff")]
    merchant: MerchantNumber,
    /// How many payments it covers.
    payments: u64,
    /// What they come to, in minor units.
    total_minor: u64,
    /// What of it the house keeps, in minor units.
    fee_minor: u64,
    /// What the merchant gets, in minor units.
    net_minor: u64,
    /// In seconds since the Unix epoch.
    at: u64,
}

/// Up to 500 payouts to merchants, in their order. Only for the house.
#[utoipa::path(
    get, path = "/v1/wallet/payouts", security(("api_key" = [])),
    params(("currency" = String, Query, description = "ISO 4217."),
        ("after" = Option<u64>, Query, description = "The position of the last payout that is known.")),
    responses(
        (status = 200, description = "None when all are known.", body = Vec<PayoutAnswer>),
    )
)]
async fn payouts(
    State(wallets): State<Arc<Wallets>>,
    ApiCaller(party): ApiCaller,
    query: Result<Query<StatementQuery>, QueryRejection>,
) -> Result<Json<Vec<PayoutAnswer>>, Problem> {
    let StatementQuery { currency, after } = asked(query)?;
    if party.id != wallets.house.party {
        return Err(Problem::not_found("Payouts are for the house that has the wallets."));
    }
    let found = wallets.payouts(currency, Position(after), MAX_ENTRIES).await?;
    let payout = |(Position(position), payout): (Position, Payout)| PayoutAnswer {
        position,
        net_minor: payout.net_minor(),
        payout: payout.id,
        merchant: payout.merchant,
        payments: payout.payments,
        total_minor: payout.total_minor,
        fee_minor: payout.fee_minor,
        at: payout.at.unix_seconds(),
    };
    Ok(Json(found.into_iter().map(payout).collect()))
}

fn asked(query: Result<Query<StatementQuery>, QueryRejection>) -> Result<StatementQuery, Problem> {
    let query = query.map(|Query(query)| query);
    query.map_err(|_| Problem::invalid("The query is currency, and after if need be."))
}

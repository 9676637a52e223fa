//! Subscribers of the directory, which all flows share: entered, locked, unlocked and removed by relying parties that may.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{post, put},
};
use countersign_domain::{
    address::Msisdn,
    card::{Card, CardExpiry},
    directory::Subscribers,
    error::Error,
    id::Identifier,
    pin::NewPin,
    relying_party::RelyingParty,
    subscriber::Subscriber,
};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use crate::{
    api::{ApiPart, Served},
    body::{JsonBody, Segment},
    misfit::InMember as _,
    problem::Problem,
    relying_party::{ApiCaller, RelyingParties},
};

/// A card.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CardBody {
    /// Its number: 12 to 19 digits, the last of which is a check digit. Spaces and hyphens are dropped.
    #[schema(example = "4970100000000154", min_length = 12)]
    pub number: String,
    /// Its last month, `MM/YY`, `MM/YYYY` or `YYYY-MM`. Spaces are dropped.
    #[schema(example = "12/29", min_length = 5)]
    pub expiry: String,
}

/// A subscriber to enter into the directory.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolSubscriber {
    /// The mobile number, with `+` and the country code, separators allowed; its holder must have proved it.
    #[schema(example = "+33612345678", max_length = 64)]
    pub number: String,
    /// The card that is kept for the subscriber (figure 8).
    #[serde(default)]
    pub card: Option<CardBody>,
    /// A PIN of 6 digits or more, or a password of 8 characters or more, in place of any before; its holder must have chosen
    /// it with more than the phone (RTS art. 24(2)(b)). Without it, a person whose number stays keeps the one before.
    #[serde(default)]
    #[schema(format = Password, write_only, min_length = 6, max_length = 256)]
    pub pin: Option<String>,
}

impl CardBody {
    /// The card; `path` is where this is in the body.
    ///
    /// # Errors
    /// `invalid-value`, with the path of what is wrong.
    pub fn card(self, path: &str) -> Result<Card, Problem> {
        let expiry = CardExpiry::try_from(self.expiry).in_member(format!("{path}.expiry"))?;
        Card::new(&self.number, expiry).in_member(format!("{path}.number"))
    }
}

impl EnrolSubscriber {
    fn into_subscriber(
        self,
        identifier: Identifier,
    ) -> Result<(Subscriber, Option<NewPin>), Problem> {
        let address = Msisdn::typed(&self.number).in_member("number")?.into();
        let card = self.card.map(|card| card.card("card")).transpose()?;
        let pin = self.pin.map(NewPin::try_from).transpose().in_member("pin")?;
        Ok((Subscriber { identifier, address, card }, pin))
    }
}

#[derive(OpenApi)]
#[openapi(paths(enrol, remove, lock, unlock, unblock))]
struct Description;

/// The directory's part of the API: for a server that keeps the directory itself.
pub fn subscribers(subscribers: Arc<Subscribers>, parties: RelyingParties) -> ApiPart {
    let routes = Router::new()
        .route("/v1/subscribers/{identifier}", put(enrol).delete(remove))
        .route("/v1/subscribers/{identifier}/lock", post(lock))
        .route("/v1/subscribers/{identifier}/unlock", post(unlock))
        .route("/v1/subscribers/{identifier}/unblock", post(unblock))
        .with_state(Served::new(subscribers, parties));
    ApiPart { routes, description: Description::openapi }
}

/// Enters a subscriber into the directory, with a PIN or without. Needs a relying party that may.
#[utoipa::path(
    put, path = "/v1/subscribers/{identifier}", params(("identifier" = String, Path, description = "The `userId`.", max_length = 128, pattern = "^[!-~]([ -~]*[!-~])?$")),
    request_body = EnrolSubscriber, security(("api_key" = [])),
    responses(
        (status = 204, description = "Entered, or replaced."),
    )
)]
async fn enrol(
    State(subscribers): State<Arc<Subscribers>>,
    ApiCaller(party): ApiCaller,
    identifier: Segment,
    body: JsonBody,
) -> Result<StatusCode, Problem> {
    let identifier = permitted(&party, identifier)?;
    let (subscriber, pin) = body.read::<EnrolSubscriber>()?.into_subscriber(identifier)?;
    done(subscribers.enrol_with(&subscriber, pin.as_ref()).await)
}

/// Removes a subscriber: number, card, the way from the card to the person, and the PIN. Facts stay, and do not name the person.
#[utoipa::path(
    delete, path = "/v1/subscribers/{identifier}", params(("identifier" = String, Path, description = "The `userId`.", max_length = 128, pattern = "^[!-~]([ -~]*[!-~])?$")),
    security(("api_key" = [])),
    responses(
        (status = 204, description = "Removed."),
    )
)]
async fn remove(
    State(subscribers): State<Arc<Subscribers>>,
    ApiCaller(party): ApiCaller,
    identifier: Segment,
) -> Result<StatusCode, Problem> {
    let identifier = permitted(&party, identifier)?;
    done(subscribers.remove(&identifier).await)
}

/// Locks a subscriber: from now on nobody knows him or her, and no code is sent. Entering the subscriber again unlocks nothing.
#[utoipa::path(
    post, path = "/v1/subscribers/{identifier}/lock", params(("identifier" = String, Path, description = "The `userId`.", max_length = 128, pattern = "^[!-~]([ -~]*[!-~])?$")),
    security(("api_key" = [])),
    responses(
        (status = 204, description = "Locked, now or before."),
    )
)]
async fn lock(
    State(subscribers): State<Arc<Subscribers>>,
    ApiCaller(party): ApiCaller,
    identifier: Segment,
) -> Result<StatusCode, Problem> {
    let identifier = permitted(&party, identifier)?;
    done(subscribers.lock(&identifier).await)
}

/// Unlocks a subscriber.
#[utoipa::path(
    post, path = "/v1/subscribers/{identifier}/unlock", params(("identifier" = String, Path, description = "The `userId`.", max_length = 128, pattern = "^[!-~]([ -~]*[!-~])?$")),
    security(("api_key" = [])),
    responses(
        (status = 204, description = "Unlocked, now or before."),
    )
)]
async fn unlock(
    State(subscribers): State<Arc<Subscribers>>,
    ApiCaller(party): ApiCaller,
    identifier: Segment,
) -> Result<StatusCode, Problem> {
    let identifier = permitted(&party, identifier)?;
    done(subscribers.unlock(&identifier).await)
}

/// Ends the block of a subscriber's phone, for which too many wrong codes were typed in a row: what a help desk does once it has
/// checked the identity of the caller (RTS art. 4(4)).
#[utoipa::path(
    post, path = "/v1/subscribers/{identifier}/unblock", params(("identifier" = String, Path, description = "The `userId`.", max_length = 128, pattern = "^[!-~]([ -~]*[!-~])?$")),
    security(("api_key" = [])),
    responses(
        (status = 204, description = "Codes are accepted for the phone, now or before."),
    )
)]
async fn unblock(
    State(subscribers): State<Arc<Subscribers>>,
    ApiCaller(party): ApiCaller,
    identifier: Segment,
) -> Result<StatusCode, Problem> {
    let identifier = permitted(&party, identifier)?;
    done(subscribers.unblock(&identifier).await.map(|_| ()))
}

/// The subscriber that is named, where the relying party may decide about subscribers.
fn permitted(party: &RelyingParty, identifier: Segment) -> Result<Identifier, Problem> {
    if !party.may_enrol {
        return Err(Problem::shared(StatusCode::FORBIDDEN, "may-not-enrol"));
    }
    let Path(identifier) = identifier.map_err(|_| {
        let problem = Problem::shared(StatusCode::UNPROCESSABLE_ENTITY, "invalid-value");
        problem.worded("identifier-unreadable")
    })?;
    Identifier::try_from(identifier).in_member("identifier")
}

fn done(outcome: Result<(), Error>) -> Result<StatusCode, Problem> {
    outcome.map(|()| StatusCode::NO_CONTENT).map_err(|error| Problem::from(&error))
}

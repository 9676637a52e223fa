//! What an operator keeps of an order.

use countersign_domain::{
    error::Error,
    id::{ChallengeId, MessageId, RelyingPartyId, SessionId},
    ports::Store,
    record::Stored,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::message::Order;

/// An order, and what was said of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Taken {
    pub(crate) id: String,
    pub(crate) order: Order,
    /// Ours, whose code the subscriber gets.
    pub(crate) challenge: ChallengeId,
    /// Stands for the session at the client, which we are not told.
    pub(crate) session: SessionId,
    /// The client's names of the messages that were sent.
    pub(crate) messages: Vec<MessageId>,
    /// What was signed when the code was accepted.
    pub(crate) statement: Option<String>,
    /// When the code's time is over: from then on nothing becomes of it. None of those that an earlier version kept.
    #[serde(default)]
    pub(crate) expires_at: Option<Timestamp>,
}

/// The records of orders, which are removed once they are final.
pub const ORDERS: &str = Taken::COLLECTION;

impl Taken {
    /// A client names its orders as it likes.
    pub(crate) fn id_of(party: &RelyingPartyId, challenge: &ChallengeId) -> String {
        format!("{party} {challenge}")
    }
}

impl Stored for Taken {
    const COLLECTION: &'static str = "operator_order";

    fn id(&self) -> &str {
        &self.id
    }

    fn final_at(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

/// The operator's own challenge of a client's order, in the operator's store; none when no such order was taken. For those who
/// follow an order through every message that was sent for it.
///
/// # Errors
/// When the store fails.
pub async fn own_challenge(
    store: &dyn Store,
    client: &RelyingPartyId,
    order: &ChallengeId,
) -> Result<Option<ChallengeId>, Error> {
    let taken = store.find::<Taken>(&Taken::id_of(client, order)).await?;
    Ok(taken.map(|taken| taken.value.challenge))
}

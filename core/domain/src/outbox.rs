//! The outbox: messages that were committed with their challenge and are sent after it.
//!
//! ```text
//!   Queued --claim--> Sending --confirmed--> Sent --receipt--> Delivered | Failed
//!     ^                  |  \--refused-----> Failed
//!     +---not taken over-+   \-no answer---> Unconfirmed: no receipt can name it
//! ```
//!
//! A message leaves `Queued` by a commit, before it is handed to the network: a crash after that leaves it in doubt and
//! not queued, so we never send twice what the network may have. Whoever waits for it may ask for another message
//! ([`Verifier::resend`](crate::verifier::Verifier::resend)), which has the same code.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tracing::{Instrument as _, field::display, info_span};

use crate::{
    address::Msisdn,
    challenge::{Challenge, Refusal},
    code::AuthenticationCode,
    error::Error,
    event::Event,
    id::{ChallengeId, CorrelationId, MessageId},
    keys::KeyRing,
    ports::{
        Accepted, Clock, Delivery, Inbound, InboundText, Inbox, InboxError, Messenger,
        OutboundMessage, Receipt, SendError, Store, StoreError,
    },
    record::{Batch, RecordKey, Stored, Versioned},
    summary,
    time::Timestamp,
    verifier::{MAX_CONTENTION, end},
};

/// After how many seconds a message that is being sent is taken for in doubt: whoever sent it has died. Longer than any
/// driver waits for the network's answer.
const LEASE_SECONDS: u32 = 60;

/// Seconds before a message that was not taken over is tried again: doubles with each try, up to the last.
const RETRY_SECONDS: [u32; 5] = [1, 2, 4, 8, 15];

/// A message with a code, without the code: the text is made when it is sent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Message {
    id: MessageId,
    challenge: ChallengeId,
    to: Msisdn,
    expires_at: Timestamp,
    tries: u8,
    state: MessageState,
    /// Follows it through logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation: Option<CorrelationId>,
}

/// Where a message stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MessageState {
    /// To be sent.
    Queued {
        /// Not before.
        not_before: Timestamp,
    },
    /// Being sent.
    Sending {
        /// Since.
        since: Timestamp,
    },
    /// The network took it over.
    Sent {
        /// When.
        at: Timestamp,
    },
    /// The receiver has it.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// It will not arrive.
    Failed {
        /// What the network said.
        cause: String,
        /// When.
        at: Timestamp,
    },
    /// It is not known whether the network took it over.
    Unconfirmed {
        /// Since.
        at: Timestamp,
    },
}

impl MessageState {
    fn after(delivery: &Delivery, now: Timestamp) -> Self {
        match delivery {
            Delivery::Delivered => Self::Delivered { at: now },
            Delivery::Failed { cause } => Self::Failed { cause: cause.clone(), at: now },
        }
    }

    /// The state's name, as the API gives it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Sending { .. } => "sending",
            Self::Sent { .. } => "sent",
            Self::Delivered { .. } => "delivered",
            Self::Failed { .. } => "failed",
            Self::Unconfirmed { .. } => "unconfirmed",
        }
    }
}

impl Message {
    /// The last message of a challenge, to be sent at once.
    pub(crate) fn with_code(challenge: &Challenge, now: Timestamp) -> Self {
        Self {
            id: challenge.last_message.clone(),
            challenge: challenge.id().clone(),
            to: challenge.number.clone(),
            expires_at: challenge.expires_at,
            tries: 0,
            state: MessageState::Queued { not_before: now },
            correlation: challenge.correlation.clone(),
        }
    }

    /// Inserts it, to be sent as soon as the batch is committed.
    pub(crate) fn insert_into(&self, batch: &mut Batch) -> Result<(), StoreError> {
        batch.messages.push(self.id.clone());
        batch.insert(self)
    }

    /// Its id.
    pub const fn id(&self) -> &MessageId {
        &self.id
    }

    /// Where it stands.
    pub const fn state(&self) -> &MessageState {
        &self.state
    }

    /// What happens to it is a fact about its challenge.
    fn about(&self) -> RecordKey {
        RecordKey::of::<Challenge>(self.challenge.as_str())
    }
}

impl Stored for Message {
    const COLLECTION: &'static str = "message";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn due_at(&self) -> Option<Timestamp> {
        match self.state {
            MessageState::Queued { not_before } => Some(not_before),
            MessageState::Sending { since } => Some(since.plus_seconds(LEASE_SECONDS)),
            _ => None,
        }
    }

    fn correlation(&self) -> Option<&CorrelationId> {
        self.correlation.as_ref()
    }
}

/// From the name that the network gave a message to the message. A receipt that is faster than the network's answer to
/// the submission waits here for the message.
#[derive(Debug, Deserialize, Serialize)]
struct NetworkReference {
    reference: String,
    message: Option<MessageId>,
    early: Option<EarlyReceipt>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct EarlyReceipt {
    delivery: Delivery,
    at: Timestamp,
}

impl EarlyReceipt {
    /// Networks that use names again could mean an older message by an older receipt.
    fn is_recent(&self, now: Timestamp) -> bool {
        self.at.plus_seconds(LEASE_SECONDS) > now
    }
}

impl Stored for NetworkReference {
    const COLLECTION: &'static str = "network_reference";

    fn id(&self) -> &str {
        &self.reference
    }
}

/// Sends what is due and takes in what arrives.
pub struct Outbox {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    keys: Arc<KeyRing>,
}

impl Outbox {
    /// The outbox of that store.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, keys: Arc<KeyRing>) -> Self {
        Self { store, clock, keys }
    }

    /// Up to `limit` messages that are to be sent now, or whose sender has died.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn due(&self, limit: usize) -> Result<Vec<MessageId>, Error> {
        let records = self.store.due(Message::COLLECTION, self.clock.now(), limit).await?;
        records.into_iter().map(|record| Ok(record.key.id.try_into()?)).collect()
    }

    /// Sends one message, unless somebody else does or it is of no use any more.
    ///
    /// # Errors
    /// When the store fails; what the network answers is kept with the message.
    pub async fn send(&self, id: &MessageId, messenger: &dyn Messenger) -> Result<(), Error> {
        let Some((outbound, correlation)) = self.claim(id).await? else {
            return Ok(());
        };
        // What the driver logs meanwhile is said to be of this message.
        let correlation = correlation.as_ref().map(display);
        let span = info_span!("message", message_id = %id, correlation);
        async {
            let answer = messenger.send(&outbound).await;
            self.settle(id, &answer).await
        }
        .instrument(span)
        .await
    }

    /// Takes a due message for this process by a commit, and makes its text.
    async fn claim(
        &self,
        id: &MessageId,
    ) -> Result<Option<(OutboundMessage, Option<CorrelationId>)>, Error> {
        let now = self.clock.now();
        let Versioned { version, value: mut message } =
            self.store.expect::<Message>(id.as_str()).await?;
        if !message.is_due(now) {
            return Ok(None);
        }
        let challenge = self.store.expect::<Challenge>(message.challenge.as_str()).await?.value;
        let correlation = message.correlation.clone();
        let mut batch = Batch::default();
        let mut outbound = None;
        if matches!(message.state, MessageState::Sending { .. }) {
            message.state = MessageState::Unconfirmed { at: now };
            batch.fact(challenge.key(), now, Event::MessageUnconfirmed { message: id.clone() });
        } else if now >= message.expires_at || challenge.over().is_some() {
            message.state = MessageState::Failed { cause: "no longer needed".to_owned(), at: now };
        } else {
            message.state = MessageState::Sending { since: now };
            let key = self.keys.code_key(&challenge.key)?;
            let code = AuthenticationCode::derive(key, &challenge.binding, challenge.digits)?;
            let text = summary::text(&challenge, &code, now);
            let valid_for_seconds = message.expires_at.seconds_from(now);
            outbound =
                Some(OutboundMessage::new(id.clone(), message.to.clone(), text, valid_for_seconds));
        }
        batch.replace(&Versioned { version, value: message })?;
        match self.store.commit(batch).await {
            Ok(()) => Ok(outbound.map(|outbound| (outbound, correlation))),
            // Somebody else has it.
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps what the network answered.
    async fn settle(
        &self,
        id: &MessageId,
        answer: &Result<Accepted, SendError>,
    ) -> Result<(), Error> {
        let state_after = |message: &mut Message, now: Timestamp| match answer {
            Ok(_) => MessageState::Sent { at: now },
            Err(SendError::Temporary { cause }) => {
                tracing::info!(message_id = %message.id, cause, "message not taken over yet");
                let wait = RETRY_SECONDS.get(usize::from(message.tries)).or(RETRY_SECONDS.last());
                message.tries = message.tries.saturating_add(1);
                MessageState::Queued { not_before: now.plus_seconds(wait.copied().unwrap_or(1)) }
            }
            Err(SendError::Permanent { cause }) => {
                MessageState::Failed { cause: cause.clone(), at: now }
            }
            Err(SendError::Unknown { cause }) => {
                tracing::warn!(message_id = %message.id, cause, "not known whether the message was sent");
                MessageState::Unconfirmed { at: now }
            }
        };
        self.change(id, state_after, answer.as_ref().ok()).await
    }

    /// Keeps what became of a message.
    async fn receipt(&self, receipt: &Receipt) -> Result<(), Error> {
        for _ in 0..MAX_CONTENTION {
            let now = self.clock.now();
            let mut batch = Batch::default();
            for reference in &receipt.references {
                let found = self.store.find::<NetworkReference>(reference).await?;
                if let Some(id) = found.as_ref().and_then(|found| found.value.message.as_ref()) {
                    return self
                        .change(id, |_, now| MessageState::after(&receipt.delivery, now), None)
                        .await;
                }
                let early = EarlyReceipt { delivery: receipt.delivery.clone(), at: now };
                let waiting = NetworkReference {
                    reference: reference.clone(),
                    message: None,
                    early: Some(early),
                };
                batch.put(found.map(|found| found.version), waiting)?;
            }
            match self.store.commit(batch).await {
                Err(StoreError::Conflict { .. }) => {}
                committed => return Ok(committed?),
            }
        }
        Err(Error::Contention)
    }

    /// Changes a message that has no final state yet. A message that failed and was its challenge's last ends the
    /// challenge: nobody can answer it.
    async fn change(
        &self,
        id: &MessageId,
        state_after: impl Fn(&mut Message, Timestamp) -> MessageState + Send + Sync,
        accepted: Option<&Accepted>,
    ) -> Result<(), Error> {
        for _ in 0..MAX_CONTENTION {
            let now = self.clock.now();
            let Versioned { version, value: mut message } =
                self.store.expect::<Message>(id.as_str()).await?;
            if matches!(message.state, MessageState::Delivered { .. } | MessageState::Failed { .. })
            {
                return Ok(());
            }
            let mut batch = Batch::default();
            message.state = state_after(&mut message, now);
            if let Some(Accepted { reference, network_id }) = accepted {
                let found = self.store.find::<NetworkReference>(reference).await?;
                let early = found.as_ref().and_then(|found| found.value.early.as_ref());
                if let Some(early) = early.filter(|early| early.is_recent(now)) {
                    message.state = MessageState::after(&early.delivery, now);
                }
                // Some networks name messages from a small set of numbers: the latest message has the name.
                let link = NetworkReference {
                    reference: reference.clone(),
                    message: Some(id.clone()),
                    early: None,
                };
                batch.put(found.map(|found| found.version), link)?;
                let sent = Event::MessageSent {
                    message: id.clone(),
                    network_id: Some(network_id.clone()),
                };
                batch.fact(message.about(), now, sent);
            }
            self.note(&message, now, &mut batch).await?;
            batch.replace(&Versioned { version, value: message })?;
            match self.store.commit(batch).await {
                Err(StoreError::Conflict { .. }) => {}
                committed => return Ok(committed?),
            }
        }
        Err(Error::Contention)
    }

    /// Adds what a message's new state means to a batch: a fact, and the challenge's end when it failed.
    async fn note(
        &self,
        message: &Message,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let id = message.id.clone();
        let event = match &message.state {
            MessageState::Queued { .. }
            | MessageState::Sending { .. }
            | MessageState::Sent { .. } => return Ok(()),
            MessageState::Delivered { .. } => Event::MessageDelivered { message: id },
            MessageState::Unconfirmed { .. } => Event::MessageUnconfirmed { message: id },
            MessageState::Failed { cause, .. } => {
                self.fail(message, now, batch).await?;
                Event::MessageFailed { message: id, cause: cause.clone() }
            }
        };
        batch.fact(message.about(), now, event);
        Ok(())
    }

    async fn fail(
        &self,
        message: &Message,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let Versioned { version, value: challenge } =
            self.store.expect::<Challenge>(message.challenge.as_str()).await?;
        if challenge.last_message != message.id {
            return Ok(());
        }
        if let Some(ended) = challenge.refuse(Refusal::Undeliverable, now) {
            end(
                self.store.as_ref(),
                &Versioned { version, value: ended },
                &Refusal::Undeliverable,
                now,
                batch,
            )
            .await?;
        }
        Ok(())
    }

    /// A text from a phone (claims 2 and 3): for now a fact about its sender, without what it says.
    async fn text(&self, text: &InboundText) -> Result<(), Error> {
        let mut batch = Batch::default();
        let about = RecordKey { collection: "inbound_text", id: text.from.masked() };
        batch.fact(about, self.clock.now(), Event::TextReceived { from: text.from.masked() });
        Ok(self.store.commit(batch).await?)
    }
}

#[async_trait]
impl Inbox for Outbox {
    async fn accept(&self, inbound: Inbound) -> Result<(), InboxError> {
        let kept = match &inbound {
            Inbound::Receipt(receipt) => self.receipt(receipt).await,
            Inbound::Text(text) => self.text(text).await,
        };
        kept.map_err(|error| InboxError { cause: error.to_string() })
    }
}

//! The outbox: messages that were committed with their challenge and are sent after it.
//!
//! ```text
//!   born, where the network can take it at once
//!                        |
//!   Queued --claim--> Sending --confirmed--> Sent --receipt--> Delivered | Failed
//!     ^                  |  \--refused-----> Failed
//!     +---not taken over-+   \-no answer---> Unconfirmed: no receipt can name it
//! ```
//!
//! What the network had no room for goes back to its place in the line and counts no try; what it could not take for a
//! fault that may pass is tried again after a while.
//!
//! A message is `Sending` by a commit, before it is handed to the network: by the one that inserts it ([`Born`]), or by one
//! in which it leaves `Queued`. A crash after that leaves it in doubt and not queued, so we never send twice what the network
//! may have. The person who waits for it may ask for another message
//! ([`Verifier::resend`](crate::verifier::Verifier::resend)), which has the same code.

mod born;
mod receipts;

use std::sync::Arc;

use async_trait::async_trait;
use tracing::{Instrument as _, field::display, info_span};

use crate::{
    challenge::Challenge,
    code::AuthenticationCode,
    error::Error,
    event::Event,
    id::MessageId,
    lane::Lane,
    message::{
        Accepted, Inbound, InboundText, InboxError, Message, MessageState, OutboundMessage, Says,
        SendError,
    },
    operator::CodeOrder,
    phrase::Words,
    ports::{Inbox, Messenger, Ports},
    record::{Batch, RecordKey, StoreError, Stored, Versioned},
    refusal::Refusal,
    summary,
    time::Timestamp,
    verifier::{Verifier, order_of},
};

pub use born::Born;
pub(crate) use receipts::NETWORK_REFERENCES;

/// Seconds before a message that was not taken over is tried again: doubles with each try, up to the last.
const RETRY_SECONDS: [u32; 5] = [1, 2, 4, 8, 15];

/// What a message is when it is handed over.
enum Outgoing {
    /// A text for the second network.
    Text(OutboundMessage),
    /// A code that an operator computes and sends (F12.v1).
    Order(CodeOrder),
}

/// Sends what is due and takes in what arrives.
pub struct Outbox {
    ports: Ports,
    verifier: Arc<Verifier>,
    words: Arc<dyn Words>,
    sweep: receipts::Sweep,
}

impl Outbox {
    /// The outbox of those ports. What cannot be delivered ends its challenge, with what waits for it, by the verifier.
    /// Its texts are made of those words.
    pub fn new(ports: Ports, verifier: Arc<Verifier>, words: Arc<dyn Words>) -> Self {
        Self { ports, verifier, words, sweep: receipts::Sweep::default() }
    }

    /// Up to `limit` messages that are to be sent now, or whose sender has crashed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn due(&self, limit: usize) -> Result<Vec<MessageId>, Error> {
        let records =
            self.ports.store.due(Message::COLLECTION, self.ports.clock.now(), limit).await?;
        records.into_iter().map(|record| Ok(record.key.id.try_into()?)).collect()
    }

    /// The same of one lane, among the first `look_at` messages of all lanes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn due_in(&self, lane: Lane, look_at: usize) -> Result<Vec<MessageId>, Error> {
        let Ports { store, clock, .. } = &self.ports;
        let records = store.due(Message::COLLECTION, clock.now(), look_at).await?;
        let mut due = Vec::new();
        for record in records {
            match Versioned::<Message>::try_from(record) {
                Ok(found) if found.value.lane == lane => due.push(found.value.id),
                Ok(_) => {}
                // It must not keep others waiting.
                Err(error) => tracing::error!(%error, "a message that is due cannot be sent"),
            }
        }
        Ok(due)
    }

    /// Sends one message, unless somebody else does or it is of no use any more. `waiting` is what waits with it in a line: it
    /// is dropped when the message is claimed, or is not to be.
    ///
    /// # Errors
    /// When the store fails; what the network answers is kept with the message.
    pub async fn send_first(
        &self,
        id: &MessageId,
        waiting: impl Send,
        messenger: &dyn Messenger,
    ) -> Result<(), Error> {
        let claimed = self.claim(id).await;
        drop(waiting);
        match claimed? {
            Some((claimed, outgoing)) => self.hand_over(claimed, outgoing, messenger).await,
            None => Ok(()),
        }
    }

    /// The same where nothing waits with it.
    ///
    /// # Errors
    /// As [`send_first`](Self::send_first).
    pub async fn send(&self, id: &MessageId, messenger: &dyn Messenger) -> Result<(), Error> {
        self.send_first(id, (), messenger).await
    }

    /// Hands a message that is being sent to the network, and keeps the answer. One whose commit lasted so long that its lease
    /// may be over before the answer is put back instead: another process would say that it is in doubt, and the person, who
    /// asks again, would get it twice.
    async fn hand_over(
        &self,
        sending: Versioned<Message>,
        outgoing: Outgoing,
        messenger: &dyn Messenger,
    ) -> Result<(), Error> {
        if !sending.value.can_be_handed_over(self.ports.clock.now()) {
            tracing::warn!(message_id = %sending.value.id, "a commit took so long that its message is put back");
            return self.put_back(sending).await;
        }
        let (id, correlation) = (sending.value.id.clone(), sending.value.correlation.clone());
        // What the driver logs meanwhile is said to be of this message.
        let correlation = correlation.as_ref().map(display);
        let span = info_span!("message", message_id = %id, correlation);
        async {
            let answer = match outgoing {
                Outgoing::Text(outbound) => messenger.send(&outbound).await,
                Outgoing::Order(order) => self.verifier.order_code(&order, &id).await,
            };
            self.settle(sending, &answer).await
        }
        .instrument(span)
        .await
    }

    /// Takes a due message for this process by a commit: the message as committed, and what is handed over.
    async fn claim(&self, id: &MessageId) -> Result<Option<(Versioned<Message>, Outgoing)>, Error> {
        let Ports { store, clock, .. } = &self.ports;
        let now = clock.now();
        let Versioned { version, value: mut message } =
            store.expect::<Message>(id.as_str()).await?;
        if !message.is_due(now) {
            return Ok(None);
        }
        let mut batch = Batch::default();
        let mut outgoing = None;
        if matches!(message.state, MessageState::Sending { .. }) {
            message.state = MessageState::Unconfirmed { at: now };
            batch.fact(about(&message), now, Event::MessageUnconfirmed { message: id.clone() });
        } else if let Some(challenge) = self.needed(&message, now).await? {
            message.leave_line(now);
            outgoing = Some(self.outgoing(&message, &challenge, now)?);
        } else {
            message.state = MessageState::Failed { cause: "no longer needed".to_owned(), at: now };
        }
        let claimed = Versioned { version, value: message };
        batch.replace(&claimed)?;
        let claimed = Versioned { version: version.next(), ..claimed };
        match store.commit(batch).await {
            Ok(()) => Ok(outgoing.map(|outgoing| (claimed, outgoing))),
            // Another process has it.
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The challenge of a message that is still of use. None when it is too late for it, when the code that it has is not asked
    /// for any more, and when retention has removed what it is about.
    async fn needed(&self, message: &Message, now: Timestamp) -> Result<Option<Challenge>, Error> {
        if now >= message.expires_at {
            return Ok(None);
        }
        let found = self.ports.store.find::<Challenge>(message.challenge.as_str()).await?;
        let challenge = found.map(|found| found.value);
        Ok(challenge.filter(|about| !message.says.is_code() || about.over().is_none()))
    }

    /// The text with the code; or, where an operator makes both, what it is told.
    fn outgoing(
        &self,
        message: &Message,
        challenge: &Challenge,
        now: Timestamp,
    ) -> Result<Outgoing, Error> {
        let words = self.words.as_ref();
        let text = match (&message.says, &challenge.key) {
            (Says::Blocked { until }, _) => summary::blocked(challenge, words, *until, now),
            (Says::Code, None) => return Ok(Outgoing::Order(order_of(challenge)?)),
            (Says::Code, Some(key)) => {
                let key = self.ports.keys.code_key(key)?;
                let code = AuthenticationCode::derive(key, &challenge.binding, challenge.digits)?;
                summary::text(challenge, words, &code, now)
            }
        };
        let valid_for_seconds = message.expires_at.seconds_from(now);
        let (id, to) = (message.id.clone(), message.to.clone());
        Ok(Outgoing::Text(OutboundMessage::new(id, to, text, valid_for_seconds)))
    }

    /// Keeps what the network answered.
    async fn settle(
        &self,
        sending: Versioned<Message>,
        answer: &Result<Accepted, SendError>,
    ) -> Result<(), Error> {
        let id = sending.value.id.clone();
        let accepted = answer.as_ref().ok();
        let change = |found: Versioned<Message>| async move {
            let after = |message: &mut Message, now| state_after(answer, message, now);
            let batch = self.changed(found, accepted, after).await?;
            let is_kept = !batch.is_empty();
            Ok((batch, is_kept))
        };
        if self.ports.store.change_found(sending, change).await? {
            log(&id, answer);
        }
        Ok(())
    }

    /// The batch that changes a message, if it has no final state yet. A message that failed and was its challenge's last ends
    /// the challenge: nobody can answer it.
    async fn changed(
        &self,
        found: Versioned<Message>,
        accepted: Option<&Accepted>,
        state_after: impl FnOnce(&mut Message, Timestamp) -> MessageState + Send,
    ) -> Result<Batch, Error> {
        let now = self.ports.clock.now();
        let Versioned { version, value: mut message } = found;
        let mut batch = Batch::default();
        if message.state.is_final() {
            return Ok(batch);
        }
        message.state = state_after(&mut message, now);
        if let Some(accepted) = accepted {
            self.name(&mut message, accepted, now, &mut batch).await?;
        }
        self.note(&message, now, &mut batch).await?;
        batch.replace(&Versioned { version, value: message })?;
        Ok(batch)
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
            | MessageState::Sent { .. }
            | MessageState::Withheld { .. } => return Ok(()),
            MessageState::Delivered { .. } => Event::MessageDelivered { message: id },
            MessageState::Unconfirmed { .. } => Event::MessageUnconfirmed { message: id },
            MessageState::Failed { cause, .. } => {
                self.fail(message, now, batch).await?;
                Event::MessageFailed { message: id, cause: cause.clone() }
            }
        };
        batch.fact(about(message), now, event);
        Ok(())
    }

    async fn fail(
        &self,
        message: &Message,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        // Retention may have removed it: then nothing waits for it.
        let found = self.ports.store.find::<Challenge>(message.challenge.as_str()).await?;
        let Some(Versioned { version, value: challenge }) = found else {
            return Ok(());
        };
        if challenge.last_message != message.id {
            return Ok(());
        }
        // What became of the message is kept all the same; the challenge is left to time, and to its flow's process.
        if !self.verifier.can_end(&challenge) {
            tracing::warn!(challenge = %challenge.id(), "nothing here can end this challenge");
            return Ok(());
        }
        match challenge.refuse(Refusal::Undeliverable, now) {
            Some(ended) => self.verifier.add_end(version, ended, now, batch).await,
            None => Ok(()),
        }
    }

    /// A text from a phone (claims 2 and 3): for now a fact about its sender, without what it says.
    async fn text(&self, text: &InboundText) -> Result<(), Error> {
        let mut batch = Batch::default();
        let about = RecordKey { collection: "inbound_text", id: text.from.masked() };
        batch.fact(about, self.ports.clock.now(), Event::TextReceived { from: text.from.masked() });
        Ok(self.ports.store.commit(batch).await?)
    }
}

/// What a message is after that answer.
fn state_after(
    answer: &Result<Accepted, SendError>,
    message: &mut Message,
    now: Timestamp,
) -> MessageState {
    match answer {
        Ok(_) => MessageState::Sent { at: now },
        Err(SendError::Waiting { .. }) => {
            message.return_to_line(now);
            message.state.clone()
        }
        Err(SendError::Temporary { .. }) => {
            let wait = RETRY_SECONDS.get(usize::from(message.tries)).or(RETRY_SECONDS.last());
            message.tries = message.tries.saturating_add(1);
            let not_before = now.plus_seconds(wait.copied().unwrap_or(1));
            MessageState::Queued { not_before }
        }
        Err(SendError::Permanent { cause }) => {
            MessageState::Failed { cause: cause.clone(), at: now }
        }
        Err(SendError::Unknown { .. }) => MessageState::Unconfirmed { at: now },
    }
}

/// Logs an answer once it is kept: a commit that fails, or is made again, is not what happened.
fn log(id: &MessageId, answer: &Result<Accepted, SendError>) {
    match answer {
        Ok(_) | Err(SendError::Permanent { .. }) => {}
        Err(SendError::Waiting { cause }) => {
            tracing::debug!(message_id = %id, cause, "message waits for the network");
        }
        Err(SendError::Temporary { cause }) => {
            tracing::info!(message_id = %id, cause, "message not taken over yet");
        }
        Err(SendError::Unknown { cause }) => {
            tracing::warn!(message_id = %id, cause, "not known whether the message was sent");
        }
    }
}

/// What happens to a message is a fact about its challenge.
fn about(message: &Message) -> RecordKey {
    RecordKey::of::<Challenge>(message.challenge.as_str())
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

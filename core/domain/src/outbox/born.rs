//! A message that is born being sent: the commit that inserts it is the one by which it leaves the line.
//!
//! A server that commits a batch with a message, and has a turn at the network for it, spares a commit and two reads.
//! What is sent is read from the batch, so that it is what was committed, by whatever flow it was made.

use std::fmt;

use super::Outbox;
use crate::{
    challenge::Challenge,
    error::Error,
    id::MessageId,
    message::{Message, MessageState},
    ports::Messenger,
    record::{Batch, Record, RecordKey, StoreError, Stored, Version, Versioned},
    time::Timestamp,
};

/// A message that is being sent once its batch is committed, and what it is about. It is sent by
/// [`Outbox::send_born`], once: when it is dropped instead, the message ends unconfirmed.
#[must_use]
pub struct Born {
    message: Versioned<Message>,
    /// As it is committed: it is read after that, as there is none of a person whom nobody knows, who may be told by no time
    /// (ASVS 6.3.8).
    challenge: Record,
}

/// Without what the challenge says, numbers and all.
impl fmt::Debug for Born {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Born").field("message", &self.message.value.id).finish_non_exhaustive()
    }
}

impl Born {
    /// The message's id.
    pub const fn id(&self) -> &MessageId {
        &self.message.value.id
    }

    /// Has the batch insert that message as one that is being sent. None, and the batch stays as it was, where it does not
    /// insert the message beside its challenge, or not as one that is due.
    ///
    /// # Errors
    /// When a record of the batch cannot be read.
    pub fn in_batch(
        batch: &mut Batch,
        id: &MessageId,
        now: Timestamp,
    ) -> Result<Option<Self>, StoreError> {
        let Some(inserted) = find(&batch.inserts, &RecordKey::of::<Message>(id.as_str())) else {
            return Ok(None);
        };
        let Versioned { value: mut message, .. } =
            Versioned::<Message>::try_from(inserted.clone())?;
        if !matches!(message.state, MessageState::Queued { .. }) || !message.is_due(now) {
            return Ok(None);
        }
        let about = RecordKey::of::<Challenge>(message.challenge.as_str());
        let written = find(&batch.inserts, &about).or_else(|| find(&batch.replacements, &about));
        let Some(written) = written else {
            return Ok(None);
        };
        let challenge = written.clone();
        message.leave_line(now);
        let message = Versioned { version: Version::FIRST, value: message };
        batch.insert_instead(&message.value)?;
        Ok(Some(Self { message, challenge }))
    }
}

impl Outbox {
    /// Sends a message that was committed as being sent, and settles it against that commit.
    ///
    /// # Errors
    /// As [`send_first`](Self::send_first).
    pub async fn send_born(&self, born: Born, messenger: &dyn Messenger) -> Result<(), Error> {
        let Born { message, challenge } = born;
        let challenge = Versioned::<Challenge>::try_from(challenge).map_err(Error::from);
        let now = self.ports.clock.now();
        match challenge.and_then(|found| self.outgoing(&message.value, &found.value, now)) {
            Ok(outgoing) => self.hand_over(message, outgoing, messenger).await,
            // It is queued again, and fails when it is claimed, as long as it must.
            Err(error) => {
                self.put_back(message).await?;
                Err(error)
            }
        }
    }

    /// Puts a message back to its place in the line if it is there after a commit that may have failed: nobody was handed it.
    /// False as long as it is not there.
    ///
    /// # Errors
    /// When the store fails: it may be asked again.
    pub async fn put_back_born(&self, born: &Born) -> Result<bool, Error> {
        let Some(found) = self.ports.store.find::<Message>(born.id().as_str()).await? else {
            return Ok(false);
        };
        // In another version somebody has looked at it, or it was put back before: then it may be in other hands.
        if found.version == Version::FIRST {
            self.put_back(found).await?;
        }
        Ok(true)
    }

    /// Puts a message of which the network has nothing back to its place in the line, unless its lease ran out and somebody
    /// else has looked at it.
    pub(super) async fn put_back(&self, sending: Versioned<Message>) -> Result<(), Error> {
        let Versioned { version, value: mut message } = sending;
        message.return_to_line(self.ports.clock.now());
        let mut batch = Batch::default();
        batch.replace(&Versioned { version, value: message })?;
        match self.ports.store.commit(batch).await {
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn find<'a>(records: &'a [Record], key: &RecordKey) -> Option<&'a Record> {
    records.iter().find(|record| record.key == *key)
}

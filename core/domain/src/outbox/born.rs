//! A message that is born being sent: the commit that inserts it is the one by which it leaves the line.
//!
//! A server that commits a batch with a message, and has a turn at the network for it, spares a commit and two reads.
//! What is sent is read from the batch, so that it is what was committed, by whatever flow it was made.

use crate::{
    challenge::Challenge,
    id::MessageId,
    message::{Message, MessageState},
    record::{Batch, Record, RecordKey, StoreError, Stored, Version, Versioned},
    time::Timestamp,
};

/// A message that is being sent once its batch is committed, and what it is about. It is sent by
/// [`Outbox::send_born`](super::Outbox::send_born), once: when it is dropped instead, the message ends unconfirmed.
#[derive(Debug)]
#[must_use]
pub struct Born {
    pub(super) message: Versioned<Message>,
    pub(super) challenge: Challenge,
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
        let challenge = Versioned::<Challenge>::try_from(written.clone())?.value;
        message.leave_line(now);
        let message = Versioned { version: Version::FIRST, value: message };
        batch.insert_instead(&message.value)?;
        Ok(Some(Self { message, challenge }))
    }
}

fn find<'a>(records: &'a [Record], key: &RecordKey) -> Option<&'a Record> {
    records.iter().find(|record| record.key == *key)
}

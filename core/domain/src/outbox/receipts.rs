//! How a receipt finds its message, and a message the receipt that was faster than the network's answer.
//!
//! A receipt may end a payment, so one that could be about several messages is about none: a payer who waits in vain asks
//! again, a purchase that another's receipt voided is lost.

use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use super::{Outbox, about};
use crate::{
    error::Error,
    event::Event,
    id::MessageId,
    message::{self, Accepted, Delivery, Message, MessageState, Receipt, Tail},
    ports::Ports,
    record::{Batch, StoreError, Stored, Version, Versioned},
    time::Timestamp,
};

/// The names that networks gave to messages.
pub(crate) const NETWORK_REFERENCES: &str = NetworkReference::COLLECTION;

/// Messages that one name is kept for. Some networks use few names, again and again.
const MAX_NAMESAKES: usize = 4;

/// Of so many receipts without a message, one looks for those that have waited in vain.
const SWEEP_EVERY: u32 = 16;

/// Receipts that are removed at once when they have waited in vain: more than came since the last look.
const SWEEP: usize = 64;

/// From the name that the network gave to a message to the message. A receipt that is faster than the network's answer to
/// the submission waits here for the message.
#[derive(Debug, Deserialize, Serialize)]
struct NetworkReference {
    reference: String,
    message: Option<MessageId>,
    /// Those that had the name before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<MessageId>,
    early: Option<EarlyReceipt>,
    /// Since when the name means that.
    at: Timestamp,
}

/// A receipt that is faster than the network's answer, or of a message that is not ours.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct EarlyReceipt {
    /// All names under which it waits.
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    numbers: Vec<Tail>,
    delivery: Delivery,
    at: Timestamp,
}

impl EarlyReceipt {
    /// Networks that use names again could mean an older message by an older receipt.
    fn is_about(&self, message: &Message, now: Timestamp) -> bool {
        self.at.plus_seconds(message::LEASE_SECONDS) > now
            && Tail::any_ends(&self.numbers, &message.to)
    }
}

impl NetworkReference {
    fn of_nothing(reference: &str, at: Timestamp) -> Self {
        Self {
            reference: reference.to_owned(),
            message: None,
            earlier: Vec::new(),
            early: None,
            at,
        }
    }
}

impl Stored for NetworkReference {
    const COLLECTION: &'static str = "network_reference";

    fn id(&self) -> &str {
        &self.reference
    }

    /// A name that means nothing but a receipt is removed when no message came for it.
    fn due_at(&self) -> Option<Timestamp> {
        self.message.is_none().then(|| self.at.plus_seconds(message::LEASE_SECONDS))
    }

    fn final_at(&self) -> Option<Timestamp> {
        Some(self.at)
    }
}

/// The messages that a receipt may be about.
#[derive(Default)]
struct Meant {
    /// Those of which something may still become.
    open: Vec<MessageId>,
    /// Whether there is one that has come to its end.
    over: bool,
}

/// When the next look for receipts is that have waited in vain.
#[derive(Default)]
pub(super) struct Sweep(AtomicU32);

impl Sweep {
    fn is_due(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY)
    }
}

impl Outbox {
    /// Keeps what became of a message. A receipt that came before the network's answer to the submission, or is of no
    /// message of ours, is kept under its names for a while.
    pub(super) async fn receipt(&self, receipt: &Receipt) -> Result<(), Error> {
        let found = || async {
            for rank in &receipt.ranks {
                let Meant { open, over } = self.meant(rank, &receipt.numbers).await?;
                match open.as_slice() {
                    [] if over => return Ok((Batch::default(), None)),
                    [] => {}
                    [id] => return Ok((Batch::default(), Some(id.clone()))),
                    [..] => {
                        let what = "a receipt that may be about several messages was left aside";
                        tracing::warn!(names = ?rank, "{what}");
                        return Ok((Batch::default(), None));
                    }
                }
            }
            Ok((self.early_batch(receipt).await?, None))
        };
        if self.sweep.is_due() {
            self.remove_in_vain().await?;
        }
        match self.ports.store.attempt(found).await? {
            Some(id) => {
                let after = |_: &mut Message, now| MessageState::after(&receipt.delivery, now);
                self.change(&id, None, after).await
            }
            None => Ok(()),
        }
    }

    /// The messages to one of these numbers that have one of these names.
    async fn meant(&self, names: &[String], numbers: &[Tail]) -> Result<Meant, Error> {
        let Ports { store, clock, .. } = &self.ports;
        let mut meant = Meant::default();
        for name in names {
            let Some(found) = store.find::<NetworkReference>(name).await? else {
                continue;
            };
            let (mut open, mut has_recent) = (Vec::new(), false);
            for id in found.value.message.into_iter().chain(found.value.earlier) {
                let Some(message) = store.find::<Message>(id.as_str()).await? else {
                    continue;
                };
                let message = message.value;
                if !Tail::any_ends(numbers, &message.to) {
                    continue;
                }
                if message.state.is_final() {
                    meant.over = true;
                    continue;
                }
                // A name that is used again means the message whose code can still be typed.
                let is_recent = message.is_recent(clock.now());
                if is_recent && !has_recent {
                    open.clear();
                }
                if is_recent || !has_recent {
                    open.push(id);
                }
                has_recent |= is_recent;
            }
            for id in open {
                if !meant.open.contains(&id) {
                    meant.open.push(id);
                }
            }
        }
        Ok(meant)
    }

    /// The receipt under all its names, for the message to come.
    async fn early_batch(&self, receipt: &Receipt) -> Result<Batch, Error> {
        let clock = &self.ports.clock;
        let now = clock.now();
        let mut names = Vec::new();
        for name in receipt.ranks.iter().flatten() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let early = EarlyReceipt {
            names: names.clone(),
            numbers: receipt.numbers.clone(),
            delivery: receipt.delivery.clone(),
            at: now,
        };
        let mut batch = Batch::default();
        for name in &names {
            let (version, known) = self.known(name, now).await?;
            batch
                .put(version, NetworkReference { early: Some(early.clone()), at: now, ..known })?;
        }
        Ok(batch)
    }

    async fn known(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<(Option<Version>, NetworkReference), Error> {
        let found = self.ports.store.find::<NetworkReference>(name).await?;
        Ok(found.map_or_else(
            || (None, NetworkReference::of_nothing(name, now)),
            |found| (Some(found.version), found.value),
        ))
    }

    /// Removes names of messages that did not come.
    async fn remove_in_vain(&self) -> Result<(), Error> {
        let Ports { store, clock, .. } = &self.ports;
        let mut batch = Batch::default();
        for record in store.due(NetworkReference::COLLECTION, clock.now(), SWEEP).await? {
            batch.remove(&Versioned::<NetworkReference>::try_from(record)?);
        }
        if batch.is_empty() {
            return Ok(());
        }
        match store.commit(batch).await {
            // Another process removes them.
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Ties the network's names for a message to the message; a receipt may have come under one of them already.
    pub(super) async fn name(
        &self,
        message: &mut Message,
        accepted: &Accepted,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let Accepted { references, network_id } = accepted;
        let mut taken: Option<EarlyReceipt> = None;
        for reference in references {
            let (version, known) = self.known(reference, now).await?;
            let before = known.message.into_iter().chain(known.earlier);
            let earlier = before.filter(|id| *id != message.id).take(MAX_NAMESAKES - 1).collect();
            let (mine, early) = match known.early {
                Some(early) if early.is_about(message, now) => (Some(early), None),
                early => (None, early),
            };
            taken = taken.or(mine);
            let message = Some(message.id.clone());
            let reference = reference.clone();
            batch.put(version, NetworkReference { reference, message, earlier, early, at: now })?;
        }
        if let Some(early) = taken {
            message.state = MessageState::after(&early.delivery, now);
            self.forget(&early, references, batch).await?;
        }
        let sent = Event::MessageSent {
            message: message.id.clone(),
            network_id: Some(network_id.clone()),
        };
        batch.fact(about(message), now, sent);
        Ok(())
    }

    /// Takes a receipt that has found its message from under its other names.
    async fn forget(
        &self,
        early: &EarlyReceipt,
        references: &[String],
        batch: &mut Batch,
    ) -> Result<(), Error> {
        for name in early.names.iter().filter(|name| !references.contains(name)) {
            let Some(found) = self.ports.store.find::<NetworkReference>(name).await? else {
                continue;
            };
            let is_same = found.value.early.as_ref().is_some_and(|other| other.at == early.at);
            match found.value.message {
                _ if !is_same => {}
                None => batch.remove(&found),
                Some(_) => {
                    let value = NetworkReference { early: None, ..found.value };
                    batch.replace(&Versioned { version: found.version, value })?;
                }
            }
        }
        Ok(())
    }
}

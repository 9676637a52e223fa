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

/// Receipts that wait under one name: a name can be meant in as many ways as ids are written, and by a repetition.
const MAX_EARLY: usize = 4;

/// Of so many receipts without a message, one looks for those that have waited in vain.
const SWEEP_EVERY: u32 = 16;

/// Receipts that are removed at once when they have waited in vain: more than came since the last look.
const SWEEP: usize = 64;

/// From the name that the network gave to a message to the message. A receipt that is faster than the network's answer to
/// the submission waits here for the message.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct NetworkReference {
    reference: String,
    message: Option<MessageId>,
    /// Those that had the name before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<MessageId>,
    /// Receipts that wait for the message to come, oldest first.
    #[serde(default, rename = "receipts", skip_serializing_if = "Vec::is_empty")]
    early: Vec<EarlyReceipt>,
    /// Since when the name means that.
    at: Timestamp,
}

/// A receipt that is faster than the network's answer, or of a message that is not ours.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct EarlyReceipt {
    /// All names under which it waits, surest first.
    names: Vec<String>,
    numbers: Vec<Tail>,
    delivery: Delivery,
    at: Timestamp,
}

impl EarlyReceipt {
    /// Networks that use names again could mean an older message by an older receipt.
    fn still_waits(&self, now: Timestamp) -> bool {
        self.at.plus_seconds(message::LEASE_SECONDS) > now
    }
}

impl NetworkReference {
    fn of_nothing(reference: &str, at: Timestamp) -> Self {
        Self {
            reference: reference.to_owned(),
            message: None,
            earlier: Vec::new(),
            early: Vec::new(),
            at,
        }
    }

    /// Keeps a receipt for the message to come.
    fn keep(&mut self, receipt: EarlyReceipt) {
        self.early.retain(|early| early.still_waits(receipt.at));
        if self.early.len() >= MAX_EARLY {
            self.early.remove(0);
        }
        self.at = receipt.at;
        self.early.push(receipt);
    }

    /// The receipt that waits for a message which has this name: of several, the one that means it by its surest name.
    fn waiting_for(&self, message: &Message, now: Timestamp) -> Option<&EarlyReceipt> {
        let meant = |early: &&EarlyReceipt| {
            early.still_waits(now) && Tail::any_ends(&early.numbers, &message.to)
        };
        let place = |early: &&EarlyReceipt| early.names.iter().position(|n| *n == self.reference);
        self.early.iter().filter(meant).min_by_key(place)
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

/// What a name means, and the version in which that was read, if it means anything yet.
type Seen = (Option<Version>, NetworkReference);

/// The messages that a receipt may be about.
#[derive(Default)]
struct Meant {
    /// Those of which something may still become.
    open: Vec<Versioned<Message>>,
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
    /// message of ours, is kept under its names for a while; also where one of the names is that of a message which is over:
    /// networks use names again, and ids that are written in several ways meet. Only a failure is not: it may be a repetition,
    /// and would end another's payment.
    pub(super) async fn receipt(&self, receipt: &Receipt) -> Result<(), Error> {
        if self.sweep.is_due() {
            self.remove_in_vain().await?;
        }
        // Found and changed at once: of two receipts that mean the same message, the second may be about another.
        self.ports.store.attempt(|| async { Ok((self.received(receipt).await?, ())) }).await
    }

    /// The batch that keeps a receipt.
    async fn received(&self, receipt: &Receipt) -> Result<Batch, Error> {
        let mut seen = Vec::new();
        for rank in &receipt.ranks {
            let Meant { mut open, over } = self.meant(rank, &receipt.numbers, &mut seen).await?;
            let found = open.pop();
            match found {
                Some(found) if open.is_empty() => {
                    let after = |_: &mut Message, now| MessageState::after(&receipt.delivery, now);
                    return self.changed(found, None, after).await;
                }
                Some(_) => {
                    let what = "a receipt that may be about several messages was left aside";
                    tracing::warn!(names = ?rank, "{what}");
                    return Ok(Batch::default());
                }
                None if over => match receipt.delivery {
                    Delivery::Delivered => break,
                    Delivery::Failed { .. } => return Ok(Batch::default()),
                },
                None => {}
            }
        }
        self.early_batch(receipt, seen)
    }

    /// The messages to one of these numbers that have one of these names. What the names meant is added to what was seen.
    async fn meant(
        &self,
        names: &[String],
        numbers: &[Tail],
        seen: &mut Vec<Seen>,
    ) -> Result<Meant, Error> {
        let Ports { store, clock, .. } = &self.ports;
        let (mut meant, now) = (Meant::default(), clock.now());
        for name in names {
            if seen.iter().any(|(_, known)| known.reference == *name) {
                continue;
            }
            let (version, known) = self.known(name, now).await?;
            let (mut open, mut has_recent) = (Vec::new(), false);
            for id in known.message.iter().chain(&known.earlier) {
                let Some(message) = store.find::<Message>(id.as_str()).await? else {
                    continue;
                };
                if !Tail::any_ends(numbers, &message.value.to) {
                    continue;
                }
                if message.value.state.is_final() {
                    meant.over = true;
                    continue;
                }
                // A name that is used again means the message whose code can still be typed.
                let is_recent = message.value.is_recent(now);
                if is_recent && !has_recent {
                    open.clear();
                }
                if is_recent || !has_recent {
                    open.push(message);
                }
                has_recent |= is_recent;
            }
            seen.push((version, known));
            for message in open {
                if meant.open.iter().all(|known| known.value.id != message.value.id) {
                    meant.open.push(message);
                }
            }
        }
        Ok(meant)
    }

    /// The receipt under all its names, for the message to come. It is committed only if they still mean what they meant when
    /// no message was found by them: the answer may be committed at any moment.
    fn early_batch(&self, receipt: &Receipt, seen: Vec<Seen>) -> Result<Batch, Error> {
        let early = EarlyReceipt {
            names: seen.iter().map(|(_, known)| known.reference.clone()).collect(),
            numbers: receipt.numbers.clone(),
            delivery: receipt.delivery.clone(),
            at: self.ports.clock.now(),
        };
        let mut batch = Batch::default();
        for (version, mut known) in seen {
            known.keep(early.clone());
            batch.put(version, known)?;
        }
        Ok(batch)
    }

    async fn known(&self, name: &str, now: Timestamp) -> Result<Seen, Error> {
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
            let (version, mut known) = self.known(reference, now).await?;
            taken = taken.or_else(|| known.waiting_for(message, now).cloned());
            known.early.retain(|early| early.still_waits(now) && Some(early) != taken.as_ref());
            let before = known.message.into_iter().chain(known.earlier);
            let earlier = before.filter(|id| *id != message.id).take(MAX_NAMESAKES - 1).collect();
            let (reference, early) = (reference.clone(), known.early);
            let message = Some(message.id.clone());
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
            let Versioned { version, value: mut known } = found.clone();
            known.early.retain(|other| other != early);
            if known.early.len() == found.value.early.len() {
                continue;
            }
            if known.early.is_empty() && known.message.is_none() {
                batch.remove(&found);
            } else {
                batch.replace(&Versioned { version, value: known })?;
            }
        }
        Ok(())
    }
}

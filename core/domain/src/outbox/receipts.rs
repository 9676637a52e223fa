//! How a receipt finds its message, and a message the receipt that was faster than the network's answer.
//!
//! A receipt may end a payment, so one that could be about several messages is about none: a payer who waits in vain asks
//! again, a purchase that another's receipt voided is lost.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU32, Ordering},
};

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

/// Receipts that wait under one name, which can be meant in as many ways as ids are written. One more pushes the oldest out.
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

    /// Whether the other says the same, whenever it came: a centre that missed our answer repeats a receipt.
    fn is_same(&self, other: &Self) -> bool {
        let Self { names, numbers, delivery, at: _ } = self;
        *names == other.names && *numbers == other.numbers && *delivery == other.delivery
    }

    fn may_be_of(&self, message: &Message) -> bool {
        Tail::any_ends(&self.numbers, &message.to)
    }

    fn is_failure(&self) -> bool {
        matches!(self.delivery, Delivery::Failed { .. })
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
        self.at = receipt.at;
        self.early.retain(|early| early.still_waits(receipt.at));
        if let Some(known) = self.early.iter_mut().find(|early| early.is_same(&receipt)) {
            known.at = receipt.at;
            return;
        }
        if self.early.len() >= MAX_EARLY {
            self.early.remove(0);
        }
        self.early.push(receipt);
    }

    /// The receipt that waits for a message which has this name: of several, the one that means it by its surest name.
    fn waiting_for(&self, message: &Message, now: Timestamp) -> Option<&EarlyReceipt> {
        let meant = |early: &&EarlyReceipt| early.still_waits(now) && early.may_be_of(message);
        let place = |early: &&EarlyReceipt| early.names.iter().position(|n| *n == self.reference);
        self.early.iter().filter(meant).min_by_key(place)
    }
}

impl Stored for NetworkReference {
    const COLLECTION: &'static str = "network_reference";

    fn id(&self) -> &str {
        &self.reference
    }

    /// A receipt is removed when no message came for it, and with it a name that means nothing else.
    fn due_at(&self) -> Option<Timestamp> {
        let waits = self.message.is_none() || !self.early.is_empty();
        waits.then(|| self.at.plus_seconds(message::LEASE_SECONDS))
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
                    // Not the names: digits of a number may be in them.
                    let what = "a receipt that may be about several messages was left aside";
                    tracing::warn!(names = rank.len(), "{what}");
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

    /// Removes receipts of messages that did not come.
    async fn remove_in_vain(&self) -> Result<(), Error> {
        let Ports { store, clock, .. } = &self.ports;
        let (now, mut batch) = (clock.now(), Batch::default());
        for record in store.due(NetworkReference::COLLECTION, now, SWEEP).await? {
            let found = Versioned::<NetworkReference>::try_from(record)?;
            drop_early(&found, |early| early.still_waits(now), &mut batch)?;
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
        let mut names = Vec::new();
        for reference in references {
            names.push(self.known(reference, now).await?);
        }
        let taken = names.iter().find_map(|(_, known)| known.waiting_for(message, now)).cloned();
        // What fails by the same name may be said of this message again, and would end another's payment.
        let is_over = |early: &EarlyReceipt| match &taken {
            Some(taken) => early.is_same(taken) || (early.is_failure() && early.may_be_of(message)),
            None => false,
        };
        let mut over = Vec::new();
        for (version, mut known) in names {
            over.extend(known.early.extract_if(.., |early| is_over(early)));
            known.early.retain(|early| early.still_waits(now));
            let before = known.message.into_iter().chain(known.earlier);
            let earlier = before.filter(|id| *id != message.id).take(MAX_NAMESAKES - 1).collect();
            let message = Some(message.id.clone());
            batch.put(version, NetworkReference { message, earlier, at: now, ..known })?;
        }
        self.forget(&over, references, batch).await?;
        if let Some(taken) = taken {
            message.state = MessageState::after(&taken.delivery, now);
        }
        let sent = Event::MessageSent {
            message: message.id.clone(),
            network_id: Some(network_id.clone()),
        };
        batch.fact(about(message), now, sent);
        Ok(())
    }

    /// Takes receipts whose message is over from under their other names.
    async fn forget(
        &self,
        over: &[EarlyReceipt],
        references: &[String],
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let names: BTreeSet<_> = over.iter().flat_map(|early| &early.names).collect();
        for name in names.into_iter().filter(|name| !references.contains(name)) {
            if let Some(found) = self.ports.store.find::<NetworkReference>(name).await? {
                let stays = |early: &EarlyReceipt| !over.iter().any(|over| over.is_same(early));
                drop_early(&found, stays, batch)?;
            }
        }
        Ok(())
    }
}

/// Drops the receipts that do not stay under a name, and a name that means nothing without them.
fn drop_early(
    found: &Versioned<NetworkReference>,
    stays: impl Fn(&EarlyReceipt) -> bool,
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let mut known = found.value.clone();
    known.early.retain(stays);
    if known.early.is_empty() && known.message.is_none() {
        batch.remove(found);
    } else if known.early.len() < found.value.early.len() {
        batch.replace(&Versioned { version: found.version, value: known })?;
    }
    Ok(())
}

//! A store that tells what was committed: facts to the metrics and the log, messages to the task that sends them, as a
//! person waits for each.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::{
    event::Fact,
    id::MessageId,
    message::Message,
    ports::{Reads, Store},
    record::{Batch, RecordKey, StoreError, Stored as _},
};
use serde::Deserialize;
use tokio::sync::mpsc;

use crate::metrics::Metrics;

/// Messages that may wait to be taken up.
const MAX_ANNOUNCED: usize = 1024;

/// The store, and where it tells what was committed.
pub(crate) struct NotifyingStore<S> {
    store: S,
    metrics: Arc<Metrics>,
    messages: mpsc::Sender<MessageId>,
}

impl<S: Store> NotifyingStore<S> {
    /// A layer around that store, and the receiver of the ids of new messages.
    pub(crate) fn of(store: S, metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<MessageId>) {
        let (messages, committed) = mpsc::channel(MAX_ANNOUNCED);
        (Self { store, metrics, messages }, committed)
    }
}

fn new_messages(batch: &Batch) -> Vec<MessageId> {
    let inserted = batch.inserts.iter();
    inserted
        .filter(|record| record.key.collection == Message::COLLECTION)
        .filter_map(|record| record.key.id.clone().try_into().ok())
        .collect()
}

/// A record that logs can follow.
#[derive(Deserialize)]
struct Correlated {
    correlation: Option<String>,
}

#[async_trait]
impl<S: Store> Store for NotifyingStore<S> {
    /// Tells nothing of what is not committed.
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let facts = batch.facts.clone();
        let messages = new_messages(&batch);
        // Only what is said of facts needs it, and finding it reads records.
        let correlation = match facts.as_slice() {
            [] => None,
            _ => correlation_in(&batch),
        };
        self.store.commit(batch).await?;
        for message in messages {
            // Where there is no room for it, the next look at the outbox finds it.
            let _ = self.messages.try_send(message);
        }
        for (about, fact) in &facts {
            self.metrics.happened(&fact.event);
            log(about, fact, correlation.as_deref());
        }
        Ok(())
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self.store.reads()
    }
}

/// The records of a batch are of one purchase: the first that knows its correlation speaks for all.
fn correlation_in(batch: &Batch) -> Option<String> {
    let mut records = batch.inserts.iter().chain(&batch.replacements);
    records.find_map(|record| {
        let read: Correlated = serde_json::from_str(&record.body).ok()?;
        read.correlation
    })
}

/// One line for each fact. No type in a fact can hold a code, a full card number or a full phone number.
fn log(about: &RecordKey, fact: &Fact, correlation: Option<&str>) {
    if !tracing::enabled!(tracing::Level::INFO) {
        return;
    }
    let mut detail = serde_json::to_value(&fact.event).unwrap_or_default();
    let members = detail.as_object_mut();
    let name = members.and_then(|members| members.remove("event"));
    let name = name.as_ref().and_then(serde_json::Value::as_str);
    tracing::info!(event = name, %about, correlation, %detail, "fact committed");
}

#[cfg(test)]
mod tests {
    use countersign_domain::{
        record::{Record, Version},
        testing::{Fixture, MemoryStore},
    };

    use super::*;

    fn notifying() -> (NotifyingStore<MemoryStore>, mpsc::Receiver<MessageId>) {
        NotifyingStore::of(MemoryStore::default(), Arc::new(Metrics::new()))
    }

    #[tokio::test]
    async fn a_message_is_announced_when_it_is_committed_and_not_before() {
        let shop = Fixture::new();
        let (store, mut committed) = notifying();
        let (gateway, _) = shop.process_on(Arc::new(store));
        let purchase = shop.purchase("49.90");
        let payment = gateway.start_payment(purchase, Batch::default()).await.unwrap();
        let challenge = gateway.challenge_of(&payment).await.unwrap();
        assert_eq!(committed.try_recv().as_ref(), Ok(challenge.last_message()));
        assert!(committed.try_recv().is_err(), "it was announced twice");
    }

    #[tokio::test]
    async fn what_is_not_committed_is_not_announced() {
        let (store, mut committed) = notifying();
        let message = Record {
            key: RecordKey::of::<Message>("msg_00000000000000000000000000000001"),
            version: Version::FIRST,
            due_at: None,
            body: "{}".to_owned(),
        };
        let twice = Batch { inserts: vec![message.clone(), message], ..Batch::default() };
        assert!(store.commit(twice).await.is_err());
        assert!(committed.try_recv().is_err());
    }
}

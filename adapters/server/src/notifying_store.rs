//! A store that says what was committed: facts to metrics and the log, messages to whoever sends them, as a person waits
//! for each.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use countersign_domain::{
    event::Fact,
    id::{CorrelationId, MessageId},
    lane::Lane,
    ports::{Reads, Store},
    record::{Batch, RecordKey, StoreError},
};
use tokio::sync::mpsc;

use crate::metrics::Metrics;

/// Says of each batch what it touches, at the level `trace`.
const TOUCHES: &str = "countersign_server::touches";

/// Messages of one lane that may wait to be taken up.
const MAX_ANNOUNCED: usize = 1024;

/// The store, and those who listen to it.
pub(crate) struct NotifyingStore {
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    payments: mpsc::Sender<MessageId>,
    others: mpsc::Sender<MessageId>,
    operator: mpsc::Sender<MessageId>,
}

/// New messages, as they are committed.
pub(crate) struct Committed {
    pub(crate) payments: mpsc::Receiver<MessageId>,
    pub(crate) others: mpsc::Receiver<MessageId>,
    pub(crate) operator: mpsc::Receiver<MessageId>,
}

impl NotifyingStore {
    /// Listens to that store; new messages come out where it says.
    pub(crate) fn of(store: Arc<dyn Store>, metrics: Arc<Metrics>) -> (Self, Committed) {
        let (payments, of_payments) = mpsc::channel(MAX_ANNOUNCED);
        let (others, of_others) = mpsc::channel(MAX_ANNOUNCED);
        let (operator, of_operator) = mpsc::channel(MAX_ANNOUNCED);
        let committed =
            Committed { payments: of_payments, others: of_others, operator: of_operator };
        (Self { store, metrics, payments, others, operator }, committed)
    }
}

#[async_trait]
impl Store for NotifyingStore {
    /// Nothing is said of what is not committed.
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let (facts, messages) = (batch.facts.clone(), batch.messages.clone());
        let correlation = batch.correlation.clone();
        touches(&batch);
        let committed = self.store.commit(batch).await;
        if let Err(StoreError::Exhausted { counter, .. }) = &committed {
            self.metrics.limited(counter);
        }
        committed?;
        for (lane, message) in messages {
            let announced = match lane {
                Lane::Payments => &self.payments,
                Lane::Others => &self.others,
                Lane::Operator => &self.operator,
            };
            // Where there is no room for it, the next look at the outbox finds it.
            let _ = announced.try_send(message);
        }
        for (about, fact) in &facts {
            self.metrics.happened(&fact.event);
            log(about, fact, correlation.as_ref());
        }
        Ok(())
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self.store.reads()
    }
}

/// What kinds of things a batch touches, for those who ask what would have to stand together if the store were spread.
fn touches(batch: &Batch) {
    if !tracing::enabled!(target: TOUCHES, tracing::Level::TRACE) {
        return;
    }
    let kind = |account: &str| account.split(':').next().unwrap_or_default().to_owned();
    let written = batch.inserts.iter().chain(&batch.replacements).map(|record| &record.key);
    let written = written.chain(batch.removals.iter().map(|removal| &removal.key));
    let records: BTreeSet<_> = written.map(|key| key.collection).collect();
    let sides = batch.postings.iter().flat_map(|posting| [&posting.debit, &posting.credit]);
    let accounts: BTreeSet<_> = sides.map(|account| kind(account.as_str())).collect();
    let windows = batch.counts.iter().flat_map(|count| &count.windows);
    let counters: BTreeSet<_> = windows.map(|window| window.counter).collect();
    tracing::trace!(target: TOUCHES, ?records, ?accounts, ?counters);
}

/// One line for each fact, for those who ask for it: a line costs as much as a record, and the facts are in the store. No type in a fact can hold a code, a full card number or a full phone number.
fn log(about: &RecordKey, fact: &Fact, correlation: Option<&CorrelationId>) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let mut detail = serde_json::to_value(&fact.event).unwrap_or_default();
    let members = detail.as_object_mut();
    let name = members.and_then(|members| members.remove("event"));
    let name = name.as_ref().and_then(serde_json::Value::as_str);
    let correlation = correlation.map(tracing::field::display);
    tracing::debug!(event = name, %about, correlation, %detail, "fact committed");
}

#[cfg(test)]
mod tests {
    use countersign_domain::{
        record::{Record, Version},
        testing::{Fixture, MemoryStore},
    };

    use super::*;

    fn commits() -> (NotifyingStore, Committed) {
        NotifyingStore::of(Arc::new(MemoryStore::default()), Arc::new(Metrics::new()))
    }

    #[tokio::test]
    async fn a_message_is_announced_when_it_is_committed_and_not_before() {
        let shop = Fixture::new();
        let (store, mut committed) = commits();
        let (gateway, _) = shop.process_on(Arc::new(store));
        let purchase = shop.purchase("49.90");
        let payment = gateway.start_payment(purchase, Batch::default()).await.unwrap();
        let challenge = gateway.challenge_of(&payment).await.unwrap();
        assert_eq!(committed.payments.try_recv().as_ref(), Ok(challenge.last_message()));
        assert!(committed.payments.try_recv().is_err(), "it was announced twice");
        assert!(committed.others.try_recv().is_err(), "it was announced in both lanes");
    }

    #[tokio::test]
    async fn what_is_not_committed_is_not_announced() {
        let (store, mut committed) = commits();
        let id = "msg_00000000000000000000000000000001";
        let key = RecordKey { collection: "message", id: id.to_owned() };
        let record = Record {
            key,
            version: Version::FIRST,
            due_at: None,
            final_at: None,
            body: "{}".to_owned(),
        };
        let twice = Batch {
            inserts: vec![record.clone(), record],
            messages: vec![(Lane::Payments, id.to_owned().try_into().unwrap())],
            ..Batch::default()
        };
        assert!(store.commit(twice).await.is_err());
        assert!(committed.payments.try_recv().is_err());
    }
}

//! A store that says what was committed: facts to metrics and the log, messages to whoever sends them, as a person waits
//! for each. A message that the network can take at once is committed as being sent.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use countersign_domain::{
    event::Fact,
    id::CorrelationId,
    ports::{Clock, Reads, Store},
    record::{Batch, RecordKey, StoreError},
};

use crate::{
    lanes::{Entrances, Way},
    metrics::Metrics,
};

/// Says of each batch what it touches, at the level `trace`.
const TOUCHES: &str = "countersign_server::touches";

/// The store, and those who listen to it.
pub(crate) struct NotifyingStore {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    lanes: Entrances,
}

impl NotifyingStore {
    /// Listens to that store; new messages go into those lanes.
    pub(crate) const fn of(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        lanes: Entrances,
    ) -> Self {
        Self { store, clock, metrics, lanes }
    }
}

#[async_trait]
impl Store for NotifyingStore {
    /// Nothing is said of what is not committed, nor sent. A commit that is not known to have failed may have left a message
    /// that is being sent by nobody: as after a crash, it ends unconfirmed.
    async fn commit(&self, mut batch: Batch) -> Result<(), StoreError> {
        let facts = batch.facts.clone();
        let correlation = batch.correlation.clone();
        touches(&batch);
        let mut ways = Vec::new();
        for (lane, message) in batch.messages.clone() {
            ways.push(self.lanes.way(lane, message, &mut batch, self.clock.now()));
        }
        let committed = self.store.commit(batch).await;
        if let Err(StoreError::Exhausted { counter, .. }) = &committed {
            self.metrics.limited(counter);
        }
        committed?;
        ways.into_iter().for_each(Way::go);
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
mod tests;

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

use crate::{lanes::Entrances, metrics::Metrics};

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
    /// Nothing is said of what is not committed, nor sent. Where that is not known, what was to be sent at once is looked for.
    async fn commit(&self, mut batch: Batch) -> Result<(), StoreError> {
        let facts = batch.facts.clone();
        let correlation = batch.correlation.clone();
        touches(&batch);
        let ways = self.lanes.ways(&mut batch, self.clock.now());
        let committed = self.store.commit(batch).await;
        if let Err(StoreError::Exhausted { counter, .. }) = &committed {
            self.metrics.limited(counter);
        }
        match &committed {
            Ok(()) => ways.go(),
            Err(StoreError::Unavailable { .. }) => drop(ways),
            Err(
                StoreError::Conflict { .. }
                | StoreError::Overdrawn { .. }
                | StoreError::Exhausted { .. }
                | StoreError::Corrupt { .. },
            ) => ways.end(),
        }
        committed?;
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
    let swept = batch.sweep.iter().map(|sweep| sweep.collection);
    let records: BTreeSet<_> = written.map(|key| key.collection).chain(swept).collect();
    let sides = batch.postings.iter().flat_map(|posting| [&posting.debit, &posting.credit]);
    let accounts: BTreeSet<_> = sides.map(|account| kind(account.as_str())).collect();
    let windows = batch.counts.iter().flat_map(|count| &count.windows);
    let counters: BTreeSet<_> = windows.map(|window| window.counter).collect();
    tracing::trace!(target: TOUCHES, ?records, ?accounts, ?counters);
}

/// One line for each fact, for those who ask for it: a line costs as much as a record, and the facts are in the store. No type
/// in a fact can hold a code, a full card number or a full phone number.
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

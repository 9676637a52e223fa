//! The domain's ports, watched: what passes is counted, timed and logged, and is not changed.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use countersign_domain::{
    amount::Currency,
    bank::{ApprovalCode, BankRequest},
    event::Fact,
    ports::{
        Accepted, BankError, Decision, IssuingBank, Messenger, OutboundMessage, SendError, Store,
        StoreError,
    },
    record::{Batch, Record, RecordKey},
    register::{Account, Balance},
    time::Timestamp,
};
use serde::Deserialize;

use crate::metrics::Metrics;

/// A port, and the figures that are kept of it.
pub(crate) struct Observed<T> {
    pub(crate) inner: T,
    pub(crate) metrics: Arc<Metrics>,
}

/// What a record says of itself to logs.
#[derive(Deserialize)]
struct Correlated {
    correlation: Option<String>,
}

#[async_trait]
impl<S: Store> Store for Observed<S> {
    /// A fact is counted and logged once it is committed, and not before.
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        if batch.facts.is_empty() {
            return self.inner.commit(batch).await;
        }
        let facts = batch.facts.clone();
        let correlation = correlation_in(&batch);
        self.inner.commit(batch).await?;
        for (about, fact) in &facts {
            self.metrics.happened(&fact.event);
            log(about, fact, correlation.as_deref());
        }
        Ok(())
    }

    async fn load(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        self.inner.load(key).await
    }

    async fn due(
        &self,
        collection: &'static str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.inner.due(collection, now, limit).await
    }

    async fn count_due(&self, collection: &'static str, now: Timestamp) -> Result<u64, StoreError> {
        self.inner.count_due(collection, now).await
    }

    async fn facts(&self, about: &RecordKey) -> Result<Vec<Fact>, StoreError> {
        self.inner.facts(about).await
    }

    async fn balance(&self, account: &Account, currency: Currency) -> Result<Balance, StoreError> {
        self.inner.balance(account, currency).await
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
    tracing::info!(event = name, %about, correlation, %detail, "happened");
}

#[async_trait]
impl<M: Messenger> Messenger for Observed<Arc<M>> {
    async fn send(&self, message: &OutboundMessage) -> Result<Accepted, SendError> {
        let begun = Instant::now();
        let answer = self.inner.send(message).await;
        let outcome = match &answer {
            Ok(_) => "accepted",
            Err(SendError::Temporary { .. }) => "not_taken_over",
            Err(SendError::Permanent { .. }) => "refused",
            Err(_) => "unconfirmed",
        };
        self.metrics.submitted(outcome, begun.elapsed());
        answer
    }
}

#[async_trait]
impl<B: IssuingBank> IssuingBank for Observed<B> {
    async fn authorize(&self, request: &BankRequest) -> Result<Decision, BankError> {
        let begun = Instant::now();
        let answer = self.inner.authorize(request).await;
        let outcome = match &answer {
            Ok(Decision::Declined { .. }) => "declined",
            Ok(_) => "approved",
            Err(error) => failure(error),
        };
        self.metrics
            .bank_asked("authorize", outcome, begun.elapsed());
        answer
    }

    async fn capture(
        &self,
        request: &BankRequest,
        approval: &ApprovalCode,
    ) -> Result<(), BankError> {
        let begun = Instant::now();
        let answer = self.inner.capture(request, approval).await;
        let outcome = answer.as_ref().map_or_else(failure, |()| "done");
        self.metrics.bank_asked("capture", outcome, begun.elapsed());
        answer
    }

    async fn void(
        &self,
        request: &BankRequest,
        approval: Option<&ApprovalCode>,
    ) -> Result<(), BankError> {
        let begun = Instant::now();
        let answer = self.inner.void(request, approval).await;
        let outcome = answer.as_ref().map_or_else(failure, |()| "done");
        self.metrics.bank_asked("void", outcome, begun.elapsed());
        answer
    }
}

const fn failure(error: &BankError) -> &'static str {
    match error {
        BankError::Unreachable { .. } => "unreachable",
        BankError::Refused { .. } => "refused",
        _ => "no_answer",
    }
}

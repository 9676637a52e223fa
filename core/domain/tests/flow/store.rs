//! A store at one of whose operations something happens.

use std::{
    future::{self, Future},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use countersign_domain::{
    amount::Currency,
    event::Fact,
    ports::{Reads, Store},
    record::{Batch, Record, RecordKey, StoreError},
    register::{Account, Balance, Span, Statement},
    testing::MemoryStore,
    time::Timestamp,
};

/// What somebody else does, to its end.
pub(crate) type Act = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs what a process does until it is done, or `None` when it dies. The fakes answer at once, so that one poll goes
/// that far.
pub(crate) async fn until_death<T>(process: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = process => Some(done),
        () = future::ready(()) => None,
    }
}

/// What happens.
pub(crate) enum Happening {
    /// The operation is not done, and fails.
    FailsBefore,
    /// The operation is done, but said to have failed.
    FailsAfter,
    /// The process dies before the operation.
    DiesBefore,
    /// The process dies after the operation, before it knows.
    DiesAfter,
    /// Somebody else is faster.
    Meanwhile(Box<dyn Fn() -> Act + Send + Sync>),
}

pub(crate) struct Eventful {
    store: Arc<MemoryStore>,
    /// Operations to go.
    countdown: AtomicUsize,
    what: Happening,
}

impl Eventful {
    /// `what` happens at the operation `at`, of which the first is 1.
    pub(crate) fn on(store: Arc<MemoryStore>, at: usize, what: Happening) -> Arc<Self> {
        Arc::new(Self { store, countdown: AtomicUsize::new(at), what })
    }

    /// Whether as many operations were begun.
    pub(crate) fn has_happened(&self) -> bool {
        self.countdown.load(Ordering::SeqCst) == 0
    }

    async fn when<T: Send>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let last = |left: usize| left.checked_sub(1);
        if self.countdown.fetch_update(Ordering::SeqCst, Ordering::SeqCst, last) != Ok(1) {
            return operation.await;
        }
        let failure = StoreError::Unavailable { cause: "as the test wants it".to_owned() };
        match &self.what {
            Happening::FailsBefore => Err(failure),
            Happening::FailsAfter => operation.await.and(Err(failure)),
            Happening::DiesBefore => future::pending().await,
            Happening::DiesAfter => {
                let _ = operation.await;
                future::pending().await
            }
            Happening::Meanwhile(act) => {
                act().await;
                operation.await
            }
        }
    }
}

#[async_trait]
impl Store for Eventful {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.when(self.store.commit(batch)).await
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self
    }
}

#[async_trait]
impl Reads for Eventful {
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        self.when(self.store.load(key)).await
    }

    async fn due(
        &self,
        collection: &'static str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.when(self.store.due(collection, now, limit)).await
    }

    async fn final_between(
        &self,
        collection: &'static str,
        from: Timestamp,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timestamp>, StoreError> {
        self.store.final_between(collection, from, before, limit).await
    }

    async fn page(
        &self,
        collection: &'static str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.when(self.store.page(collection, after, limit)).await
    }

    async fn count_due(&self, collection: &'static str, now: Timestamp) -> Result<u64, StoreError> {
        self.store.count_due(collection, now).await
    }

    async fn facts(&self, about: &RecordKey) -> Result<Vec<Fact>, StoreError> {
        self.store.facts(about).await
    }

    async fn balance(&self, account: &Account, currency: Currency) -> Result<Balance, StoreError> {
        self.store.balance(account, currency).await
    }

    async fn statement(
        &self,
        account: &Account,
        currency: Currency,
        span: Span,
        limit: usize,
    ) -> Result<Statement, StoreError> {
        self.store.statement(account, currency, span, limit).await
    }
}

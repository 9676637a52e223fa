//! A store at one of whose operations something happens, once it is armed.

use std::{
    future::{self, Future},
    pin::Pin,
    sync::{Arc, Mutex},
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

/// What happens.
pub(crate) enum Happening {
    /// The process dies before the operation.
    DiesBefore,
    /// The process dies after the operation, before it knows.
    DiesAfter,
    /// Somebody else does something.
    Meanwhile(Act),
}

pub(crate) struct Eventful {
    store: Arc<MemoryStore>,
    /// Operations to go, and what happens then.
    armed: Mutex<Option<(usize, Happening)>>,
}

impl Eventful {
    pub(crate) fn on(store: Arc<MemoryStore>) -> Arc<Self> {
        Arc::new(Self { store, armed: Mutex::default() })
    }

    /// `what` happens at the operation `at` from now on, of which the first is 1.
    pub(crate) fn arm(&self, at: usize, what: Happening) {
        *self.armed.lock().unwrap() = Some((at, what));
    }

    /// Nothing happens any more; gives whether it has.
    pub(crate) fn disarm(&self) -> bool {
        self.armed.lock().unwrap().take().is_none()
    }

    fn happening(&self) -> Option<Happening> {
        let mut armed = self.armed.lock().unwrap();
        let (left, what) = armed.take()?;
        if left > 1 {
            *armed = Some((left - 1, what));
            return None;
        }
        Some(what)
    }

    async fn when<T: Send>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        match self.happening() {
            None => operation.await,
            Some(Happening::DiesBefore) => future::pending().await,
            Some(Happening::DiesAfter) => {
                let _ = operation.await;
                future::pending().await
            }
            Some(Happening::Meanwhile(act)) => {
                act.await;
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

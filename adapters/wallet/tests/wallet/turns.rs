//! Several things at once, in an order that a seed decides, any of which may die at any operation of the store.

use std::{
    future::{Future, poll_fn},
    mem::replace,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
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

/// What is done at once with others.
pub(crate) type Act<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs them to their ends or deaths.
pub(crate) fn run(mut acts: Vec<Act<'_>>, seed: u64, deaths_in_thousand: u64) {
    let mut random = Random(seed);
    let mut context = Context::from_waker(Waker::noop());
    while !acts.is_empty() {
        let at = usize::try_from(random.below(u64::try_from(acts.len()).unwrap())).unwrap();
        let is_over = acts.get_mut(at).unwrap().as_mut().poll(&mut context).is_ready();
        if is_over || random.below(1000) < deaths_in_thousand {
            drop(acts.swap_remove(at));
        }
    }
}

/// Polls one so many times, then does the rest to its end; gives whether the one had ended before.
pub(crate) fn meet<'a>(mut one: Act<'a>, at: usize, rest: impl FnOnce(Option<Act<'a>>)) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..at {
        if one.as_mut().poll(&mut context).is_ready() {
            rest(None);
            return true;
        }
    }
    rest(Some(one));
    false
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % sides
    }
}

/// A store before each of whose operations others have a turn.
pub(crate) struct Turns(pub(crate) Arc<MemoryStore>);

impl Turns {
    async fn turn<T>(&self, operation: impl Future<Output = T>) -> T {
        others().await;
        operation.await
    }
}

async fn others() {
    let mut had_theirs = false;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if replace(&mut had_theirs, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[async_trait]
impl Store for Turns {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.turn(self.0.commit(batch)).await
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self
    }
}

#[async_trait]
impl Reads for Turns {
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        self.turn(self.0.load(key)).await
    }

    async fn due(
        &self,
        collection: &'static str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.turn(self.0.due(collection, now, limit)).await
    }

    async fn final_between(
        &self,
        collection: &'static str,
        from: Timestamp,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timestamp>, StoreError> {
        self.0.final_between(collection, from, before, limit).await
    }

    async fn page(
        &self,
        collection: &'static str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.turn(self.0.page(collection, after, limit)).await
    }

    async fn count_due(&self, collection: &'static str, now: Timestamp) -> Result<u64, StoreError> {
        self.0.count_due(collection, now).await
    }

    async fn facts(&self, about: &RecordKey) -> Result<Vec<Fact>, StoreError> {
        self.0.facts(about).await
    }

    async fn balance(&self, account: &Account, currency: Currency) -> Result<Balance, StoreError> {
        self.turn(self.0.balance(account, currency)).await
    }

    async fn statement(
        &self,
        account: &Account,
        currency: Currency,
        span: Span,
        limit: usize,
    ) -> Result<Statement, StoreError> {
        self.turn(self.0.statement(account, currency, span, limit)).await
    }
}

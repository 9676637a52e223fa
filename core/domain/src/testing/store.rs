//! A store in memory: the port's rules without the durability.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    future::poll_fn,
    mem::replace,
    ops::RangeBounds,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use async_trait::async_trait;

use crate::{
    amount::Currency,
    event::Fact,
    ports::{Reads, Store},
    record::{Batch, Count, Record, RecordKey, StoreError, Sweep, Version, Windows},
    register::{Account, Balance, Cut, Entry, Position, Posting, Span, Statement},
    time::Timestamp,
};

#[derive(Debug, Default)]
struct Contents {
    records: BTreeMap<RecordKey, Record>,
    /// Where somebody must look at them again.
    due: BTreeSet<(&'static str, Timestamp, String)>,
    facts: Vec<(RecordKey, Fact)>,
    postings: Vec<Posting>,
    /// The ids of those.
    posted: HashSet<String>,
    /// The end of each window, and what was counted in it.
    counters: BTreeMap<String, Windows>,
}

/// Everything in one map.
#[derive(Debug, Default)]
pub struct MemoryStore {
    contents: Mutex<Contents>,
    loads: AtomicUsize,
    commits: AtomicUsize,
}

impl MemoryStore {
    /// How many single records were read.
    pub fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    /// How many batches were handed over to be committed.
    pub fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }

    /// Every record as it stands.
    pub fn records(&self) -> Vec<Record> {
        self.contents.lock().unwrap().records.values().cloned().collect()
    }

    /// Every posting, in order.
    pub fn postings(&self) -> Vec<Posting> {
        self.contents.lock().unwrap().postings.clone()
    }
}

/// Under which a record is found when it is due.
fn due_key(record: &Record) -> Option<(&'static str, Timestamp, String)> {
    record.due_at.map(|due_at| (record.key.collection, due_at, record.key.id.clone()))
}

impl Contents {
    fn put(&mut self, record: Record) {
        let due = due_key(&record);
        let replaced = self.records.insert(record.key.clone(), record);
        if let Some(due) = replaced.as_ref().and_then(due_key) {
            self.due.remove(&due);
        }
        self.due.extend(due);
    }

    fn remove(&mut self, key: &RecordKey) {
        if let Some(due) = self.records.remove(key).as_ref().and_then(due_key) {
            self.due.remove(&due);
        }
    }

    fn conflict(&self, batch: &Batch) -> Option<String> {
        let version_of = |key: &RecordKey| self.records.get(key).map(|record| record.version);
        let mut written = HashSet::new();
        let keys = batch.inserts.iter().chain(&batch.replacements).map(|record| &record.key);
        let keys = keys.chain(batch.removals.iter().map(|removal| &removal.key));
        let twice = keys.into_iter().find(|key| !written.insert(*key));
        let inserted = batch.inserts.iter().find(|record| version_of(&record.key).is_some());
        let replaced = batch
            .replacements
            .iter()
            .find(|record| version_of(&record.key).map(Version::next) != Some(record.version));
        let removed =
            batch.removals.iter().find(|gone| version_of(&gone.key) != Some(gone.version));
        let written = inserted.or(replaced).map(|record| &record.key);
        let removed = removed.map(|gone| &gone.key);
        twice.or(written).or(removed).map(RecordKey::to_string)
    }

    /// The records of a collection that became final in a span of time, earliest first.
    fn final_in(
        &self,
        collection: &str,
        span: impl RangeBounds<Timestamp>,
    ) -> Vec<(Timestamp, RecordKey)> {
        let of_collection = self.records.values().filter(|kept| kept.key.collection == collection);
        let ended = of_collection.filter_map(|kept| Some((kept.final_at?, kept.key.clone())));
        let mut found: Vec<_> = ended.filter(|(at, _)| span.contains(at)).collect();
        found.sort();
        found
    }

    fn post(&mut self, posting: Posting) -> Result<(), StoreError> {
        if !self.posted.insert(posting.id.clone()) {
            return Err(StoreError::Conflict { key: posting.id });
        }
        let floor = posting.floor_minor.map(i128::from);
        let (account, currency) = (posting.debit.clone(), posting.amount.currency());
        self.postings.push(posting);
        match floor {
            Some(floor) if self.balance(&account, currency)?.net_minor() < floor => {
                Err(StoreError::Overdrawn { account })
            }
            _ => Ok(()),
        }
    }

    /// What is counted, as it is after those counts.
    fn counted(&self, counts: &[Count]) -> Result<BTreeMap<String, Windows>, StoreError> {
        let mut counters = BTreeMap::new();
        for count in counts {
            let known = counters.get(&count.subject).or_else(|| self.counters.get(&count.subject));
            let windows = known.cloned().unwrap_or_default().counted(count)?;
            counters.insert(count.subject.clone(), windows);
        }
        Ok(counters)
    }

    fn entries(&self, account: &Account, currency: Currency) -> Vec<Entry> {
        let mut balance = Balance::default();
        let postings = (1..).map(Position).zip(&self.postings);
        let of_account = postings.filter(|(_, posting)| {
            posting.amount.currency() == currency
                && (posting.debit == *account || posting.credit == *account)
        });
        of_account
            .map(|(position, posting)| {
                balance = balance.after(posting, account).unwrap();
                Entry { position, posting: posting.clone(), balance }
            })
            .collect()
    }

    fn balance(&self, account: &Account, currency: Currency) -> Result<Balance, StoreError> {
        let mut of_currency = self.postings.iter().filter(|p| p.amount.currency() == currency);
        let sum = of_currency.try_fold(Balance::default(), |sum, p| sum.after(p, account));
        sum.ok_or_else(|| StoreError::Corrupt {
            key: account.to_string(),
            cause: "a sum of its postings is too large".to_owned(),
        })
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        let mut contents = self.contents.lock().unwrap();
        if let Some(key) = contents.conflict(&batch) {
            return Err(StoreError::Conflict { key });
        }
        let before = contents.postings.len();
        let mut postings = batch.postings.into_iter();
        let posted = postings.try_for_each(|posting| contents.post(posting));
        let counted = posted.and_then(|()| contents.counted(&batch.counts));
        match counted {
            Ok(counters) => contents.counters.extend(counters),
            Err(refused) => {
                for posting in contents.postings.split_off(before) {
                    contents.posted.remove(&posting.id);
                }
                return Err(refused);
            }
        }
        for record in batch.inserts.into_iter().chain(batch.replacements) {
            contents.put(record);
        }
        for removal in batch.removals {
            contents.remove(&removal.key);
        }
        if let Some(Sweep { collection, from, to, at_most }) = batch.sweep {
            for (_, key) in contents.final_in(collection, from..=to).into_iter().take(at_most) {
                contents.remove(&key);
            }
        }
        contents.facts.extend(batch.facts);
        Ok(())
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self
    }
}

#[async_trait]
impl Reads for MemoryStore {
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        Ok(self.contents.lock().unwrap().records.get(key).cloned())
    }

    async fn due(
        &self,
        collection: &'static str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let contents = self.contents.lock().unwrap();
        let first = (collection, Timestamp::from_unix_millis(0), String::new());
        let of_collection = contents.due.range(first..);
        let due = of_collection.take_while(|(of, at, _)| *of == collection && *at <= now);
        let key = |id: &String| RecordKey { collection, id: id.clone() };
        let due = due.take(limit).filter_map(|(_, _, id)| contents.records.get(&key(id)));
        Ok(due.cloned().collect())
    }

    async fn final_between(
        &self,
        collection: &'static str,
        from: Timestamp,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let contents = self.contents.lock().unwrap();
        let mut found = contents.final_in(collection, from..before);
        found.truncate(limit);
        Ok(found.into_iter().map(|(at, _)| at).collect())
    }

    async fn page(
        &self,
        collection: &'static str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let contents = self.contents.lock().unwrap();
        let comes = |record: &&Record| {
            record.key.collection == collection && record.key.id.as_str() > after
        };
        let mut page: Vec<Record> = contents.records.values().filter(comes).cloned().collect();
        page.sort_by(|one, other| one.key.cmp(&other.key));
        page.truncate(limit);
        Ok(page)
    }

    async fn count_due(&self, collection: &'static str, now: Timestamp) -> Result<u64, StoreError> {
        let due = self.due(collection, now, usize::MAX).await?;
        Ok(u64::try_from(due.len()).unwrap())
    }

    async fn facts(&self, about: &RecordKey) -> Result<Vec<Fact>, StoreError> {
        let contents = self.contents.lock().unwrap();
        Ok(contents
            .facts
            .iter()
            .filter(|(key, _)| key == about)
            .map(|(_, fact)| fact.clone())
            .collect())
    }

    async fn balance(&self, account: &Account, currency: Currency) -> Result<Balance, StoreError> {
        self.contents.lock().unwrap().balance(account, currency)
    }

    async fn statement(
        &self,
        account: &Account,
        currency: Currency,
        span: Span,
        limit: usize,
    ) -> Result<Statement, StoreError> {
        let all = self.contents.lock().unwrap().entries(account, currency);
        let opens = position(&all, span.opens);
        let closes = position(&all, span.closes).max(opens);
        let balance_at = |position| {
            let last = all.iter().rev().find(|entry| entry.position <= position);
            last.map(|entry| entry.balance).unwrap_or_default()
        };
        let of_span = |entry: &&Entry| entry.position > opens && entry.position <= closes;
        let entries = all.iter().filter(of_span).take(limit).cloned().collect();
        Ok(Statement { opening: balance_at(opens), entries, closing: balance_at(closes), closes })
    }
}

/// Where the last entry before the cut stands.
fn position(entries: &[Entry], cut: Cut) -> Position {
    let before = |entry: &&Entry| match cut {
        Cut::After(position) => entry.position <= position,
        Cut::Before(time) => entry.posting.at < time,
    };
    entries.iter().take_while(before).last().map_or(Position::START, |entry| entry.position)
}

/// A store before each of whose commits everybody else has a turn: so that what is done at once really is.
#[derive(Debug)]
pub struct Unhurried(pub Arc<MemoryStore>);

#[async_trait]
impl Store for Unhurried {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut others_had_theirs = false;
        poll_fn(|context| match replace(&mut others_had_theirs, true) {
            true => Poll::Ready(()),
            false => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
        self.0.commit(batch).await
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self.0.as_ref()
    }
}

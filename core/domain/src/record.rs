//! What the store keeps: versioned records, and batches of changes that are committed whole.

use std::{convert::Infallible, fmt};

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

mod count;

pub use self::count::{Count, Window, Windows};
use crate::{
    event::{Event, Fact},
    id::{CorrelationId, MessageId},
    lane::Lane,
    register::{Account, Posting},
    time::Timestamp,
};

/// A value that is kept as a record. Flows keep records of their own by implementing this.
pub trait Stored: Serialize + DeserializeOwned {
    /// The kind of record, such as `challenge`; one per type.
    const COLLECTION: &'static str;

    /// Its id, unique in the collection.
    fn id(&self) -> &str;

    /// When somebody must look at it again, if ever: see [`Reads::due`](crate::ports::Reads::due).
    fn due_at(&self) -> Option<Timestamp> {
        None
    }

    /// Since when nothing becomes of it any more: from then on it may be removed, once nobody needs to look at it. None as long
    /// as something may, and for what is kept for ever.
    fn final_at(&self) -> Option<Timestamp> {
        None
    }

    /// What follows it through logs, if anything.
    fn correlation(&self) -> Option<&CorrelationId> {
        None
    }

    /// Whether somebody must look at it by now.
    fn is_due(&self, now: Timestamp) -> bool {
        self.due_at().is_some_and(|due_at| due_at <= now)
    }

    /// Where it is kept.
    fn key(&self) -> RecordKey {
        RecordKey::of::<Self>(self.id())
    }
}

/// Where a record is kept.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RecordKey {
    /// The kind of record.
    pub collection: &'static str,
    /// Its id, unique in the collection.
    pub id: String,
}

impl RecordKey {
    /// The key of a record of that type and id.
    pub fn of<T: Stored>(id: &str) -> Self {
        Self { collection: T::COLLECTION, id: id.to_owned() }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.collection, self.id)
    }
}

/// How often a record was written: 1 after its insertion.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Version(pub u64);

impl Version {
    /// The version of a record just inserted.
    pub const FIRST: Self = Self(1);

    /// The version after one more write.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A record as the store sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Where it is kept.
    pub key: RecordKey,
    /// How often it was written.
    pub version: Version,
    /// When somebody must look at it again.
    pub due_at: Option<Timestamp>,
    /// Since when nothing becomes of it any more.
    pub final_at: Option<Timestamp>,
    /// The value, as JSON.
    pub body: String,
}

/// A value and the version in which it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Versioned<T> {
    /// The version it was read in.
    pub version: Version,
    /// What it was then.
    pub value: T,
}

impl<T> Versioned<T> {
    /// The value made from this one, as a replacement of the same version.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Versioned<U> {
        Versioned { version: self.version, value: f(self.value) }
    }
}

impl<T: Stored> TryFrom<Record> for Versioned<T> {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Self, StoreError> {
        let value =
            serde_json::from_str(&record.body).map_err(|error| corrupt(&record.key, &error))?;
        Ok(Self { version: record.version, value })
    }
}

/// The next state of a record together with what it means: its facts and its postings. A transition gives all of it, so
/// that none can be forgotten.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct Step<T> {
    /// The record as it will be.
    pub next: T,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// What is owed by it.
    pub postings: Vec<Posting>,
}

impl<T> Step<T> {
    /// A transition that is a fact.
    pub fn new(next: T, event: Event) -> Self {
        Self { next, events: vec![event], postings: Vec::new() }
    }

    /// A transition that nobody has to prove later, such as a lease.
    pub const fn silent(next: T) -> Self {
        Self { next, events: Vec::new(), postings: Vec::new() }
    }

    /// The same, after a fact that comes before all others.
    pub fn after(mut self, event: Event) -> Self {
        self.events.insert(0, event);
        self
    }

    /// The same, with one more fact.
    pub fn and(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// The same, with a posting.
    pub fn posting(mut self, posting: Posting) -> Self {
        self.postings.push(posting);
        self
    }

    /// The same facts and postings, of another next state.
    pub fn map(self, f: impl FnOnce(T) -> T) -> Self {
        Self { next: f(self.next), ..self }
    }

    /// This transition and one more, as one.
    ///
    /// # Errors
    /// What the second transition gives.
    pub fn then<E>(self, second: impl FnOnce(T) -> Result<Self, E>) -> Result<Self, E> {
        let second = second(self.next)?;
        let (mut events, mut postings) = (self.events, self.postings);
        events.extend(second.events);
        postings.extend(second.postings);
        Ok(Self { next: second.next, events, postings })
    }

    /// This transition and the one that was made from its next state, as one.
    pub fn followed_by(self, second: Self) -> Self {
        let Ok(both) = self.then(|_| Ok::<_, Infallible>(second));
        both
    }
}

/// A record that is to be removed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Removal {
    /// Where it is kept.
    pub key: RecordKey,
    /// The version that it must have.
    pub version: Version,
}

/// Records that are to be removed because they became final in a span of time, whatever their versions are: nothing becomes of
/// them any more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sweep {
    /// The kind of record.
    pub collection: &'static str,
    /// The earliest time at which they became final.
    pub from: Timestamp,
    /// The latest time at which they became final.
    pub to: Timestamp,
    /// How many at most: the earliest.
    pub at_most: usize,
}

/// Changes that are committed all or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Records that must not exist yet; their version is [`Version::FIRST`].
    pub inserts: Vec<Record>,
    /// Records that must have the version before theirs.
    pub replacements: Vec<Record>,
    /// Records to remove, each as it was read. What happened to them stays.
    pub removals: Vec<Removal>,
    /// Records to remove as they are final, after all other changes of records. It conflicts with nothing.
    pub sweep: Option<Sweep>,
    /// Facts to append, each about a record.
    pub facts: Vec<(RecordKey, Fact)>,
    /// Postings to make, each once ever.
    pub postings: Vec<Posting>,
    /// What is counted with it, each in its windows.
    pub counts: Vec<Count>,
    /// What follows the batch through logs; no store keeps it. A batch is of one purchase: the first value that knows it
    /// speaks for all.
    pub correlation: Option<CorrelationId>,
    /// Messages that are inserted, to be sent at once, and where each waits; no store keeps it.
    pub messages: Vec<(Lane, MessageId)>,
}

impl Batch {
    /// Inserts a record that must not exist yet.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub fn insert<T: Stored>(&mut self, value: &T) -> Result<(), StoreError> {
        self.inserts.push(record_of(value, Version::FIRST)?);
        self.correlate(value);
        Ok(())
    }

    /// Inserts this value instead of the one that it inserts under the same key.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub(crate) fn insert_instead<T: Stored>(&mut self, value: &T) -> Result<(), StoreError> {
        let record = record_of(value, Version::FIRST)?;
        self.inserts.iter_mut().filter(|other| other.key == record.key).for_each(|other| {
            other.clone_from(&record);
        });
        Ok(())
    }

    /// Replaces the record that was read in `replaced.version`.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub fn replace<T: Stored>(&mut self, replaced: &Versioned<T>) -> Result<(), StoreError> {
        self.replacements.push(record_of(&replaced.value, replaced.version.next())?);
        self.correlate(&replaced.value);
        Ok(())
    }

    /// Removes the record that was read in that version.
    pub fn remove<T: Stored>(&mut self, read: &Versioned<T>) {
        self.removals.push(Removal { key: read.value.key(), version: read.version });
        self.correlate(&read.value);
    }

    fn correlate<T: Stored>(&mut self, value: &T) {
        if self.correlation.is_none() {
            self.correlation = value.correlation().cloned();
        }
    }

    /// Inserts the value, or replaces what was found.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub fn put<T: Stored>(&mut self, found: Option<Version>, value: T) -> Result<(), StoreError> {
        match found {
            None => self.insert(&value),
            Some(version) => self.replace(&Versioned { version, value }),
        }
    }

    /// Inserts the record that a first transition made, with its facts and postings.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub fn begin<T: Stored>(&mut self, step: Step<T>, at: Timestamp) -> Result<T, StoreError> {
        self.insert(&step.next)?;
        Ok(self.outcomes(step, at))
    }

    /// Replaces the record that was read in that version by what a transition made of it, with its facts and postings.
    /// Gives the record as it is once the batch is committed.
    ///
    /// # Errors
    /// When the value has no JSON form.
    pub fn step<T: Stored>(
        &mut self,
        version: Version,
        step: Step<T>,
        at: Timestamp,
    ) -> Result<Versioned<T>, StoreError> {
        self.replacements.push(record_of(&step.next, version.next())?);
        self.correlate(&step.next);
        Ok(Versioned { version: version.next(), value: self.outcomes(step, at) })
    }

    fn outcomes<T: Stored>(&mut self, step: Step<T>, at: Timestamp) -> T {
        let about = step.next.key();
        let facts = step.events.into_iter().map(|event| (about.clone(), Fact { at, event }));
        self.facts.extend(facts);
        self.postings.extend(step.postings);
        step.next
    }

    /// Whether records are removed.
    pub const fn removes(&self) -> bool {
        !self.removals.is_empty() || self.sweep.is_some()
    }

    /// Whether there is nothing to commit.
    pub const fn is_empty(&self) -> bool {
        self.inserts.is_empty()
            && self.replacements.is_empty()
            && !self.removes()
            && self.facts.is_empty()
            && self.postings.is_empty()
            && self.counts.is_empty()
    }

    /// Appends a fact about a record.
    pub fn fact(&mut self, about: RecordKey, at: Timestamp, event: Event) {
        self.facts.push((about, Fact { at, event }));
    }

    /// Counts one more in its windows.
    pub fn count(&mut self, count: Count) {
        self.counts.push(count);
    }

    /// Makes a posting.
    pub fn post(&mut self, posting: Posting) {
        self.postings.push(posting);
    }
}

fn record_of<T: Stored>(value: &T, version: Version) -> Result<Record, StoreError> {
    let key = value.key();
    let body = serde_json::to_string(value).map_err(|error| corrupt(&key, &error))?;
    Ok(Record { due_at: value.due_at(), final_at: value.final_at(), key, version, body })
}

fn corrupt(key: &RecordKey, error: &serde_json::Error) -> StoreError {
    // Only where it broke: a message of the JSON reader may quote the value.
    StoreError::Corrupt {
        key: key.to_string(),
        cause: format!("JSON error at line {}, column {}", error.line(), error.column()),
    }
}

/// The store failed, or found a batch to be out of date.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum StoreError {
    /// Somebody else was faster; nothing was committed.
    #[error("{key} was changed or exists already")]
    Conflict {
        /// The first record or posting of the batch that stood in the way.
        key: String,
    },
    /// A posting would bring the account below its floor; nothing was committed.
    #[error("{account} would be overdrawn")]
    Overdrawn {
        /// The account that is debited.
        account: Account,
    },
    /// The batch would count one too many in a window; nothing was committed.
    #[error("{counter} is exhausted for {wait_seconds} s")]
    Exhausted {
        /// What the window is called.
        counter: &'static str,
        /// After how many seconds the window is over.
        wait_seconds: u32,
    },
    /// The store cannot be used, or a commit cannot be known to be durable.
    #[error("the store is not available: {cause}")]
    Unavailable {
        /// What failed.
        cause: String,
    },
    /// What is stored is not what we wrote.
    #[error("{key} cannot be read: {cause}")]
    Corrupt {
        /// Which record.
        key: String,
        /// What is wrong with it.
        cause: String,
    },
}

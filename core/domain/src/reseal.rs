//! What is sealed under an older key is sealed anew under the current one, a few records at once, while others read and change
//! them: so that a master secret can go.
//!
//! There is no place where it stands: what is sealed under the current key is passed over, so that after any interruption it
//! begins again and does only what is left.

use std::{collections::BTreeMap, pin::Pin};

use async_trait::async_trait;

use crate::{
    error::Error,
    id::KeyId,
    keys::SealedCard,
    payment::Payment,
    ports::Ports,
    record::{Batch, Record, RecordKey, StoreError, Stored, Versioned},
};

/// Records that are read, and resealed, at once: a few milliseconds of the one that writes.
const AT_ONCE: usize = 128;
/// How many records that could not be resealed are named; more are counted.
const MAX_NAMED: usize = 100;

/// A record that keeps something sealed.
#[async_trait]
pub trait Sealed: Stored + Send + 'static {
    /// The keys that something in it is sealed under.
    fn keys(&self) -> Vec<&KeyId>;

    /// The same, sealed under the current key. What goes with it, such as the way from a card to it, it adds to the batch.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] and [`Error::Sealed`] when it does not open, and when a port fails.
    async fn resealed(self, ports: &Ports, batch: &mut Batch) -> Result<Self, Error>;
}

type Future<'a, T> = Pin<Box<dyn std::future::Future<Output = Result<T, Error>> + Send + 'a>>;

/// A kind of record that keeps something sealed.
#[derive(Clone, Copy)]
pub struct Kind {
    collection: &'static str,
    keys: fn(Record) -> Result<Vec<KeyId>, Error>,
    reseal: for<'a> fn(&'a Ports, Record) -> Future<'a, Batch>,
}

impl Kind {
    /// The records of that type.
    pub fn of<T: Sealed>() -> Self {
        let reseal: for<'a> fn(&'a Ports, Record) -> Future<'a, Batch> =
            |ports, record| Box::pin(reseal::<T>(ports, record));
        Self { collection: T::COLLECTION, keys: keys_of::<T>, reseal }
    }
}

fn keys_of<T: Sealed>(record: Record) -> Result<Vec<KeyId>, Error> {
    let mut keys: Vec<KeyId> =
        Versioned::<T>::try_from(record)?.value.keys().into_iter().cloned().collect();
    keys.sort();
    keys.dedup();
    Ok(keys)
}

async fn reseal<T: Sealed>(ports: &Ports, record: Record) -> Result<Batch, Error> {
    let Versioned { version, value } = Versioned::<T>::try_from(record)?;
    let mut batch = Batch::default();
    let value = value.resealed(ports, &mut batch).await?;
    batch.replace(&Versioned { version, value })?;
    Ok(batch)
}

/// How many records of each collection are sealed under each key.
pub type Tally = BTreeMap<(KeyId, &'static str), u64>;

/// Counts what each key seals. It reads all records of those kinds, a page at a time.
///
/// # Errors
/// When the store fails or a record cannot be read.
pub async fn tally(ports: &Ports, kinds: &[Kind]) -> Result<Tally, Error> {
    let mut tally = Tally::new();
    for kind in kinds {
        let mut after = String::new();
        loop {
            let page = ports.store.page(kind.collection, &after, AT_ONCE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.key.id);
            for record in page {
                for key in (kind.keys)(record)? {
                    let count = tally.entry((key, kind.collection)).or_default();
                    *count = count.saturating_add(1);
                }
            }
        }
    }
    Ok(tally)
}

/// A record that is kept as it was.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Left {
    /// Its collection and id.
    pub record: RecordKey,
    /// Why: mostly the id of a key that is not there.
    pub cause: Error,
}

/// What was done so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Resealed {
    /// Records that are now sealed under the current key.
    pub done: u64,
    /// Records that could not be resealed, and are as they were.
    pub left: u64,
    /// The first of these.
    pub named: Vec<Left>,
}

/// Reseals all records of some kinds, a page with each step.
pub struct Resealing {
    ports: Ports,
    kinds: std::vec::IntoIter<Kind>,
    at: Option<(Kind, String)>,
    so_far: Resealed,
}

impl Resealing {
    /// From the beginning.
    pub fn new(ports: Ports, kinds: Vec<Kind>) -> Self {
        Self { ports, kinds: kinds.into_iter(), at: None, so_far: Resealed::default() }
    }

    /// What was done so far.
    pub const fn so_far(&self) -> &Resealed {
        &self.so_far
    }

    /// Reseals what in the next page is sealed under an older key; false when there was no further page. A record that others
    /// change at the same time is resealed as they left it.
    ///
    /// # Errors
    /// When a port fails; what was resealed before stays so, and another try begins again.
    pub async fn next_page(&mut self) -> Result<bool, Error> {
        let Some((kind, after)) = self.at.take().or_else(|| self.kinds.next().map(begin)) else {
            return Ok(false);
        };
        let page = self.ports.store.page(kind.collection, &after, AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(true) };
        self.at = Some((kind, last.key.id.clone()));
        let (mut together, mut resealed) = (Batch::default(), Vec::new());
        for record in page {
            let key = record.key.clone();
            match self.batch_of(kind, record).await {
                Ok(None) => {}
                Ok(Some(batch)) => {
                    join(&mut together, batch);
                    resealed.push(key);
                }
                Err(error) => self.leave(key, error)?,
            }
        }
        if resealed.is_empty() {
            return Ok(true);
        }
        match self.ports.store.commit(together).await {
            Ok(()) => self.count(resealed.len()),
            Err(StoreError::Conflict { .. }) => {
                for key in resealed {
                    self.alone(kind, key).await?;
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    /// Reseals a record that stood in the way of others, as it is by now.
    async fn alone(&mut self, kind: Kind, key: RecordKey) -> Result<(), Error> {
        let this = &*self;
        let resealed = this.ports.store.attempt(|| async {
            let Some(record) = this.ports.store.load(&key).await? else {
                return Ok((Batch::default(), false));
            };
            let batch = this.batch_of(kind, record).await?;
            let is_older = batch.is_some();
            Ok((batch.unwrap_or_default(), is_older))
        });
        match resealed.await {
            Ok(resealed) => self.count(usize::from(resealed)),
            Err(error) => self.leave(key, error)?,
        }
        Ok(())
    }

    /// None of a record that no older key seals.
    async fn batch_of(&self, kind: Kind, record: Record) -> Result<Option<Batch>, Error> {
        let keys = (kind.keys)(record.clone())?;
        if keys.iter().all(|key| key == self.ports.keys.current()) {
            return Ok(None);
        }
        (kind.reseal)(&self.ports, record).await.map(Some)
    }

    fn count(&mut self, resealed: usize) {
        let resealed = u64::try_from(resealed).unwrap_or(u64::MAX);
        self.so_far.done = self.so_far.done.saturating_add(resealed);
    }

    /// Keeps a record as it is where the fault is its own.
    fn leave(&mut self, record: RecordKey, cause: Error) -> Result<(), Error> {
        let is_its_own = matches!(
            cause,
            Error::UnknownKey(_)
                | Error::Sealed
                | Error::Invalid(_)
                | Error::Store(StoreError::Corrupt { .. })
        );
        if !is_its_own {
            return Err(cause);
        }
        self.so_far.left = self.so_far.left.saturating_add(1);
        if self.so_far.named.len() < MAX_NAMED {
            self.so_far.named.push(Left { record, cause });
        }
        Ok(())
    }
}

/// A payment keeps its card as long as the bank may have to be asked something.
#[async_trait]
impl Sealed for Payment {
    fn keys(&self) -> Vec<&KeyId> {
        self.sealed_card.iter().map(SealedCard::key).collect()
    }

    async fn resealed(mut self, ports: &Ports, _: &mut Batch) -> Result<Self, Error> {
        let Ports { keys, entropy, .. } = ports;
        let context = self.id().to_string();
        let reseal = |sealed| keys.reseal_card(sealed, &context, entropy.as_ref());
        self.sealed_card = self.sealed_card.take().map(reseal).transpose()?;
        Ok(self)
    }
}

/// Payments, which keep cards.
pub fn payments() -> Kind {
    Kind::of::<Payment>()
}

const fn begin(kind: Kind) -> (Kind, String) {
    (kind, String::new())
}

/// One batch of both: of resealing, that is records only.
fn join(together: &mut Batch, batch: Batch) {
    together.inserts.extend(batch.inserts);
    together.replacements.extend(batch.replacements);
    together.removals.extend(batch.removals);
}

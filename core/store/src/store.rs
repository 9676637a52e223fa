//! The store that the domain sees.

use std::{
    io,
    path::{self, Path},
    sync::Arc,
};

use async_trait::async_trait;
use countersign_domain::{
    amount::Currency,
    event::Fact,
    keys::KeyRing,
    ports::{Reads, Store},
    record::{Batch, Record, RecordKey, StoreError},
    register::{Account, Balance, Span, Statement},
    time::Timestamp,
};
use rusqlite::Connection;

use crate::{
    chain::{Chain, cause_of},
    error::OpenError,
    log::Log,
    query,
    readers::Readers,
    schema,
    writer::Writer,
};

/// How many reads run at once in threads of their own, and how many more by whoever wants one record.
const READERS: usize = 4;
const READERS_AT_ONCE: usize = 4;

/// The port [`Store`] on one SQLite file.
///
/// A commit that returned `Ok` is synced to the disk. A commit whose future is dropped may still be made.
/// After [`StoreError::Unavailable`] nothing of the batch can be seen; but if the disk failed while it was syncing, and
/// the power fails then, the batch may be there afterwards.
///
/// Dropping the store waits until everything queued is written, and closes the file.
#[derive(Debug)]
pub struct SqliteStore {
    // Before the writer: the connection that is closed last moves the log into the file, and a reader cannot.
    readers: Readers,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the file, or makes it; its folder must exist. It is not read for damage: see [`Inspection`](crate::Inspection).
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_as(path, Chain::unsealed())
    }

    /// As [`SqliteStore::open`], and seals the chain of facts with a key of that ring: whoever writes to the file without the
    /// key is found out. Once a file is sealed, no fact is appended to it without the key.
    ///
    /// # Errors
    /// See [`OpenError`]; [`OpenError::Facts`] when the end of the chain is not the one that was sealed.
    pub fn open_sealed(path: &Path, keys: Arc<KeyRing>) -> Result<Self, OpenError> {
        Self::open_as(path, Chain::sealed(keys))
    }

    fn open_as(path: &Path, chain: Chain) -> Result<Self, OpenError> {
        let unusable = |error: io::Error| OpenError::Unusable {
            path: path.to_owned(),
            cause: error.to_string(),
        };
        // Absolute, so that SQLite cannot read `file:...` as a URI.
        let path = path::absolute(path).map_err(unusable)?;
        let mut writer = schema::open_writer(&path)?;
        chain
            .open(&mut writer)
            .map_err(|error| OpenError::Facts { path: path.clone(), cause: cause_of(error) })?;
        let log = Log::of(&writer);
        let queued = (0..READERS).map(|_| schema::open_reader(&path)).collect::<Result<_, _>>()?;
        let at_once = (0..READERS_AT_ONCE)
            .map(|_| schema::open_impatient_reader(&path))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            readers: Readers::start(queued, at_once).map_err(unusable)?,
            writer: Writer::start(writer, chain, log).map_err(unusable)?,
        })
    }

    /// How many transactions were committed since the store was opened: with many clients at once, fewer than batches.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.writer.commit(batch).await
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self
    }
}

#[async_trait]
impl Reads for SqliteStore {
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        let key = key.clone();
        self.readers.read_little(move |connection| query::load(connection, &key)).await
    }

    async fn due(
        &self,
        collection: &'static str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.readers.read(move |connection| query::due(connection, collection, now, limit)).await
    }

    async fn final_between(
        &self,
        collection: &'static str,
        from: Timestamp,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let query = move |connection: &Connection| {
            query::final_between(connection, collection, from..before, limit)
        };
        self.readers.read(query).await
    }

    async fn page(
        &self,
        collection: &'static str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let after = after.to_owned();
        let query =
            move |connection: &Connection| query::page(connection, collection, &after, limit);
        self.readers.read(query).await
    }

    async fn count_due(&self, collection: &'static str, now: Timestamp) -> Result<u64, StoreError> {
        self.readers.read(move |connection| query::count_due(connection, collection, now)).await
    }

    async fn facts(&self, about: &RecordKey) -> Result<Vec<Fact>, StoreError> {
        let about = about.clone();
        self.readers.read(move |connection| query::facts(connection, &about)).await
    }

    async fn balance(&self, account: &Account, currency: Currency) -> Result<Balance, StoreError> {
        let account = account.clone();
        let last = move |connection: &Connection| {
            query::last_entry(connection, &account, currency, i64::MAX)
        };
        self.readers.read_little(last).await.map(|last| last.balance)
    }

    async fn statement(
        &self,
        account: &Account,
        currency: Currency,
        span: Span,
        limit: usize,
    ) -> Result<Statement, StoreError> {
        let account = account.clone();
        let query = move |connection: &Connection| {
            query::statement(connection, &account, currency, span, limit)
        };
        self.readers.read(query).await
    }
}

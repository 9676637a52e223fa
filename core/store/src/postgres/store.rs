//! The store that the domain sees.

use std::sync::Arc;

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

use super::{
    connection::{Client, Connections, InUse},
    database::Database,
    error::{DatabaseError, pool_told, told},
    query, schema,
    transaction::{self, LOCK},
    write::PUT_END,
    writer::Writer,
};
use crate::chain::{Chain, Kept, cause_of};

const LAST_FACT: &str = "SELECT coalesce(max(sequence), 0) FROM countersign.facts";
const REGISTER: &str = "INSERT INTO countersign.writers DEFAULT VALUES RETURNING id::text";
/// Of processes that have not committed for so long that none of their commits is still unknown.
const FORGET: &str = "DELETE FROM countersign.writers WHERE at < now() - interval '1 day'";

/// The port [`Store`] on a PostgreSQL database, which any number of processes may share.
///
/// A commit that returned `Ok` is on the server's disk. A commit whose future is dropped may still be made. After
/// [`StoreError::Unavailable`] nothing of the batch was committed, unless the error says that this is not known: then the
/// connection was lost in the middle of the commit, and the server could not be asked again in time.
#[derive(Debug)]
pub struct PostgresStore {
    readers: Connections,
    writer: Writer,
}

impl PostgresStore {
    /// Opens the store in that database, which `make_schema` made. The chain of its facts is sealed with a key of that ring:
    /// whoever writes to the database without the key is found out. To be called on a runtime, which the store uses from then
    /// on.
    ///
    /// # Errors
    /// See [`DatabaseError`]; [`DatabaseError::Facts`] when the end of the chain is not the one that was sealed.
    pub async fn open(database: &Database, keys: Arc<KeyRing>) -> Result<Self, DatabaseError> {
        let connections = database.writer()?;
        let chain = Chain::sealed(keys);
        let client = connections.get().await;
        let client = client.map_err(|error| database.unusable(pool_told(&error)))?;
        let opened = async {
            schema::check(&client, database).await?;
            adopt(&client, database, &chain).await?;
            let registered = async {
                client.execute(FORGET, &[]).await?;
                client.query_one(REGISTER, &[]).await?.try_get(0)
            };
            registered.await.map_err(|error| database.unusable(told(&error)))
        };
        let id = database.in_time(opened).await?;
        drop(client);
        Ok(Self { readers: database.readers()?, writer: Writer::start(connections, chain, id) })
    }

    /// How many connections read, and who waits for one; and the same of the one that writes.
    pub fn in_use(&self) -> [InUse; 2] {
        [self.readers.in_use(), self.writer.in_use()]
    }

    /// How many groups of batches were committed since the store was opened.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }
}

/// Proves the end of the chain, and seals it with the current key where it is not.
async fn adopt(client: &Client, database: &Database, chain: &Chain) -> Result<(), DatabaseError> {
    let failed = |error| database.unusable(told(&error));
    let distrusted = |error| DatabaseError::Facts {
        database: database.name().to_owned(),
        cause: cause_of(error),
    };
    // Whatever the server's default is: what is read after the lock must be newer than that.
    // And however long it lets a statement take: not even a pooler's connection of a reader cuts the wait for the lock short.
    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 0";
    client.batch_execute(begin).await.map_err(failed)?;
    let row = client.query_opt(LOCK, &[]).await.map_err(failed)?;
    // Since the first look another may have begun to move a store to it.
    schema::check_version(client, database).await?;
    let kept: Kept = transaction::kept(row.as_ref()).map_err(distrusted)?;
    let last = client.query_one(LAST_FACT, &[]).await.map_err(failed)?;
    let last = last.try_get(0).map_err(failed)?;
    if chain.adopt(&kept, last).map_err(distrusted)? {
        let (key, seal) = chain.seal(kept.end).map_err(distrusted)?.unzip();
        let (digest, seal) = (kept.end.digest.as_slice(), seal.as_ref().map(<[u8; 32]>::as_slice));
        let put = client.execute(PUT_END, &[&kept.end.sequence, &digest, &key, &seal]).await;
        put.map_err(failed)?;
    }
    client.batch_execute("COMMIT").await.map_err(failed)?;
    kept.tell();
    Ok(())
}

#[async_trait]
impl Store for PostgresStore {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.writer.commit(batch).await
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self
    }
}

#[async_trait]
impl Reads for PostgresStore {
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        query::load(&self.readers, key).await
    }

    async fn due(
        &self,
        collection: &'static str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        query::due(&self.readers, collection, now, limit).await
    }

    async fn final_between(
        &self,
        collection: &'static str,
        from: Timestamp,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timestamp>, StoreError> {
        query::final_between(&self.readers, collection, from..before, limit).await
    }

    async fn page(
        &self,
        collection: &'static str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        query::page(&self.readers, collection, after, limit).await
    }

    async fn count_due(&self, collection: &'static str, now: Timestamp) -> Result<u64, StoreError> {
        query::count_due(&self.readers, collection, now).await
    }

    async fn facts(&self, about: &RecordKey) -> Result<Vec<Fact>, StoreError> {
        query::facts(&self.readers, about).await
    }

    async fn balance(&self, account: &Account, currency: Currency) -> Result<Balance, StoreError> {
        query::balance(&self.readers, account, currency).await
    }

    async fn statement(
        &self,
        account: &Account,
        currency: Currency,
        span: Span,
        limit: usize,
    ) -> Result<Statement, StoreError> {
        query::statement(&self.readers, account, currency, span, limit).await
    }
}

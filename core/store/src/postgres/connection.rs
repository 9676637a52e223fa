//! The connections of a store: at most so many at once, and each is had, or said not to be, within a time.

use std::{fmt, future::Future, sync::atomic::Ordering, time::Duration};

use deadpool::{
    Runtime,
    managed::{self, BuildError, Pool},
};
use tokio_postgres::{
    Error, Row, Statement,
    binary_copy::BinaryCopyInWriter,
    types::{ToSql, Type},
};

use super::{
    hosts::{ADDRESS_WITHIN, Connected, Hosts, LET_IN_WITHIN, Unreached},
    shard::Shard,
};

/// How long a reader may wait for a connection that others have.
const HAD_WITHIN: Duration = Duration::from_secs(3);

/// Of a host: an old one and a new one.
const ADDRESSES: u32 = 2;

/// Why there is no connection.
pub(super) type PoolError = managed::PoolError<Unreached>;

/// A pool of them.
#[derive(Clone)]
pub(super) struct Connections {
    pool: Pool<Hosts>,
    shard: Shard,
}

/// How many connections there are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct InUse {
    /// Those that somebody has.
    pub busy: usize,
    /// Those that nobody has.
    pub idle: usize,
    /// How many there may be.
    pub max: usize,
    /// How many wait: for one of them, or, where one writes for all, for their turn.
    pub waiting: usize,
}

impl Connections {
    /// At most so many, to that store in a database of so many hosts.
    pub(super) fn of(
        hosts: Hosts,
        count: usize,
        most: usize,
        shard: Shard,
    ) -> Result<Self, BuildError> {
        let pool = Pool::builder(hosts)
            .max_size(most)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(HAD_WITHIN))
            .create_timeout(Some(made_within(count)))
            .build()?;
        Ok(Self { pool, shard })
    }

    pub(super) async fn get(&self) -> Result<Client, PoolError> {
        Ok(Client { object: self.pool.get().await?, shard: self.shard.clone() })
    }

    pub(super) fn most(&self) -> usize {
        self.pool.status().max_size
    }

    pub(super) fn in_use(&self) -> InUse {
        let managed::Status { max_size, size, available, waiting } = self.pool.status();
        InUse { busy: size.saturating_sub(available), idle: available, max: max_size, waiting }
    }

    /// That one was silent, or lost: it is closed, with those that idle and lead to the same server, as another may have taken
    /// its place.
    pub(super) fn doubt(&self, silent: Client) {
        let Connected { address, .. } = managed::Object::take(silent.object);
        drop(self.pool.retain(|idle, _| idle.address != address));
        self.pool.manager().pass_over(&address);
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connections").field(&self.in_use()).finish()
    }
}

/// Hosts are tried in turn: whatever machine is dark or silent, there is time for those behind it.
fn made_within(hosts: usize) -> Duration {
    let hosts = u32::try_from(hosts).unwrap_or(u32::MAX);
    let looked_up = ADDRESS_WITHIN.saturating_mul(hosts);
    let asked = LET_IN_WITHIN.saturating_mul(hosts.saturating_mul(ADDRESSES));
    looked_up.saturating_add(asked)
}

type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// One connection; it goes back to the others when it is dropped. Every statement names the tables of the usual schema, and
/// reaches the server with those of the store's own: here, as no other way leads there.
pub(super) struct Client {
    object: managed::Object<Hosts>,
    shard: Shard,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// Sent to the server once for a connection.
    pub(super) async fn prepare_cached(&self, sql: &str) -> Result<Statement, Error> {
        self.answer(self.object.client.prepare_cached(&self.shard.sql(sql))).await
    }

    pub(super) async fn query(
        &self,
        statement: &Statement,
        values: Values<'_>,
    ) -> Result<Vec<Row>, Error> {
        self.answer(self.object.client.query(statement, values)).await
    }

    /// As [`Client::query`], of what is asked once.
    pub(super) async fn rows(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Error> {
        self.answer(self.object.client.query(&*self.shard.sql(sql), values)).await
    }

    pub(super) async fn query_one(&self, sql: &str, values: Values<'_>) -> Result<Row, Error> {
        self.answer(self.object.client.query_one(&*self.shard.sql(sql), values)).await
    }

    pub(super) async fn query_opt(
        &self,
        sql: &str,
        values: Values<'_>,
    ) -> Result<Option<Row>, Error> {
        self.answer(self.object.client.query_opt(&*self.shard.sql(sql), values)).await
    }

    pub(super) async fn execute(&self, sql: &str, values: Values<'_>) -> Result<u64, Error> {
        self.answer(self.object.client.execute(&*self.shard.sql(sql), values)).await
    }

    pub(super) async fn batch_execute(&self, sql: &str) -> Result<(), Error> {
        self.answer(self.object.client.batch_execute(&self.shard.sql(sql))).await
    }

    /// When nobody waits for it any more, nobody else is given the connection: he would wait for the server to end it.
    async fn answer<T>(&self, asked: impl Future<Output = T>) -> T {
        let unanswered = &self.object.unanswered;
        unanswered.fetch_add(1, Ordering::Relaxed);
        let answer = asked.await;
        unanswered.fetch_sub(1, Ordering::Relaxed);
        answer
    }

    /// What takes rows of those types, for a `COPY ... FROM STDIN (FORMAT binary)`.
    pub(super) async fn copy_in(
        &self,
        sql: &str,
        types: &[Type],
    ) -> Result<BinaryCopyInWriter, Error> {
        let sink = self.object.client.copy_in(&*self.shard.sql(sql)).await?;
        Ok(BinaryCopyInWriter::new(sink, types))
    }

    /// Closes it, so that the server rolls back what may be open.
    pub(super) fn close(self) {
        drop(managed::Object::take(self.object));
    }
}

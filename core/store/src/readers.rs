//! Reading, on read-only connections: a few pages by whoever wants them, more of them by a few threads. A read sees
//! everything that was answered before it began.

use std::{
    io,
    sync::{Arc, Mutex},
};

use countersign_domain::record::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{error::unavailable, threads::Thread};

/// How many reads may wait; further ones wait for a place in the queue.
const MAX_WAITING: usize = 1024;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// Those who read. Dropping them waits until what is queued is read.
#[derive(Debug)]
pub(crate) struct Readers {
    at_once: Vec<Mutex<Connection>>,
    queue: mpsc::Sender<Job>,
    _threads: Vec<Thread>,
}

impl Readers {
    /// One thread for each connection that is `queued`. Those `at_once` must not wait for a busy file.
    pub(crate) fn start(queued: Vec<Connection>, at_once: Vec<Connection>) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel::<Job>(MAX_WAITING);
        let jobs = Arc::new(Mutex::new(jobs));
        let serve = |connection: Connection| {
            let jobs = Arc::clone(&jobs);
            Thread::spawn("store-reader", move || {
                while let Some(job) = next(&jobs) {
                    job(&connection);
                }
            })
        };
        let threads = queued.into_iter().map(serve).collect::<io::Result<_>>()?;
        Ok(Self {
            at_once: at_once.into_iter().map(Mutex::new).collect(),
            queue,
            _threads: threads,
        })
    }

    /// What a query of a few pages finds. It is made here and now where that needs no waiting: handing it to a thread and
    /// its answer back takes longer than the query, and most of a server's reads are of one record.
    pub(crate) async fn read_little<T: Send + 'static>(
        &self,
        query: impl Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.read_here(&query) {
            Some(found) => Ok(found),
            None => self.read(query).await,
        }
    }

    /// Nothing when every connection is in use, or SQLite is not at rest: then a thread finds out what it is.
    fn read_here<T>(&self, query: impl Fn(&Connection) -> Result<T, StoreError>) -> Option<T> {
        let free = |connection: &Mutex<Connection>| {
            let connection = connection.try_lock().ok()?;
            Some(query(&connection).ok())
        };
        self.at_once.iter().find_map(free)?
    }

    /// What the query finds.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let stopped = || unavailable("the readers have stopped");
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(|connection| {
            // Nobody may wait any more.
            let _ = answer.send(query(connection));
        });
        self.queue.send(job).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

/// One reader waits for the queue, the others for it.
fn next(jobs: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    jobs.lock().ok()?.blocking_recv()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[tokio::test]
    async fn a_read_is_made_even_when_none_can_be_made_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let _writer = schema::open_writer(&path).unwrap();
        let open = || vec![schema::open_reader(&path).unwrap()];
        let readers = Readers::start(open(), open()).unwrap();
        let name = |_: &Connection| Ok(std::thread::current().name().map(str::to_owned));
        let here = readers.read_little(name).await.unwrap();
        assert_ne!(here.as_deref(), Some("store-reader"));

        let none_free = Readers::start(open(), Vec::new()).unwrap();
        let queued = none_free.read_little(name).await.unwrap();
        assert_eq!(queued.as_deref(), Some("store-reader"));

        let not_at_rest = |_: &Connection| match std::thread::current().name() {
            Some("store-reader") => Ok(()),
            _ => Err(unavailable("busy")),
        };
        assert_eq!(readers.read_little(not_at_rest).await, Ok(()));
    }
}

//! Reading: a few threads with a read-only connection each. A read sees everything that was answered before it began.

use std::{
    io,
    sync::{Arc, Mutex},
};

use countersign_domain::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{error::unavailable, threads::Thread};

/// How many reads may wait; further ones wait for a place in the queue.
const MAX_WAITING: usize = 1024;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// Those who read. Dropping them waits until what is queued is read.
#[derive(Debug)]
pub(crate) struct Readers {
    queue: mpsc::Sender<Job>,
    _threads: Vec<Thread>,
}

impl Readers {
    /// One reader for each connection.
    pub(crate) fn start(connections: Vec<Connection>) -> io::Result<Self> {
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
        let threads = connections
            .into_iter()
            .map(serve)
            .collect::<io::Result<_>>()?;
        Ok(Self {
            queue,
            _threads: threads,
        })
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

//! Group commit: what waits shares one transaction, and a batch in it succeeds or conflicts alone.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use countersign_domain::record::{Batch, StoreError};
use tokio::time::{Instant, sleep};

use super::{
    connection::{Client, Connections, InUse},
    error::pool_told,
    transaction::{self, BEGIN, Failure, LOCK, Writing, in_time},
};
use crate::{
    chain::Chain,
    error::unavailable,
    queue::{Outcome, Queue, Waiting, answer, queue},
};

/// For how long a group is tried again that is known not to be committed, and a commit looked up that is not known to be.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Between two tries.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// It writes, so that the commit behind it waits for a synchronous standby: [`Committer::look_up`].
const ATTEMPT: &str = "
    UPDATE countersign.writers SET at = now() WHERE id = $1::text::uuid RETURNING attempt";

/// The one that writes. What is queued when it is dropped is still written, as long as the runtime runs.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Queue,
    connections: Connections,
    commits: Arc<AtomicU64>,
}

impl Writer {
    /// Commits as the writer of that id, on a connection of that pool.
    pub(super) fn start(connections: Connections, chain: Chain, id: String) -> Self {
        let (queue, mut groups) = queue();
        let commits = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&commits);
        let its = connections.clone();
        let mut committer =
            Committer { connections: its, chain, id, attempts: 0, commits: counted };
        tokio::spawn(async move {
            while let Some(group) = groups.next().await {
                committer.commit_and_answer(group).await;
            }
        });
        Self { queue, connections, commits }
    }

    /// Once the batch is in the queue it is written, even if nobody waits for the answer any more.
    pub(super) async fn commit(&self, batch: Batch) -> Outcome {
        self.queue.commit(batch).await
    }

    /// Its one connection, and how many batches wait for their turn.
    pub(super) fn in_use(&self) -> InUse {
        InUse { waiting: self.queue.waiting(), ..self.connections.in_use() }
    }

    /// How many groups were committed.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

struct Committer {
    connections: Connections,
    chain: Chain,
    id: String,
    attempts: i64,
    commits: Arc<AtomicU64>,
}

impl Committer {
    /// A group that has what the database does not take is halved until that stands alone.
    async fn commit_and_answer(&mut self, group: Vec<Waiting>) {
        let mut parts = VecDeque::from([group]);
        while let Some(mut part) = parts.pop_front() {
            let batches: Vec<&Batch> = part.iter().map(|waiting| &waiting.batch).collect();
            let outcomes = match self.commit(&batches).await {
                Err(Failure::Refused(_)) if part.len() > 1 => {
                    let rest = part.split_off(part.len() / 2);
                    parts.push_front(rest);
                    parts.push_front(part);
                    continue;
                }
                Err(failure) => {
                    let error = failure.tell(part.len());
                    vec![Err(error); part.len()]
                }
                Ok(outcomes) => outcomes,
            };
            answer(part, outcomes);
        }
    }

    /// Commits the group; again when that is known not to have happened and may succeed now.
    async fn commit(&mut self, batches: &[&Batch]) -> Result<Vec<Outcome>, Failure> {
        let until = Instant::now() + PATIENCE;
        loop {
            let failure = match self.attempt(batches).await {
                Err(Failure::Unknown(cause, outcomes)) => match self.was_committed(until).await {
                    Some(true) => Ok(outcomes),
                    Some(false) => Err(Failure::Passing(cause)),
                    None => Err(Failure::Unknown(cause, outcomes)),
                },
                attempted => attempted,
            };
            match failure {
                Err(Failure::Passing(cause) | Failure::Lost(cause)) if Instant::now() < until => {
                    tracing::warn!(cause, "nothing was committed; it is tried again");
                    sleep(PAUSE).await;
                }
                done => {
                    if done.is_ok() {
                        self.commits.fetch_add(1, Ordering::Relaxed);
                    }
                    return done;
                }
            }
        }
    }

    async fn attempt(&mut self, batches: &[&Batch]) -> Result<Vec<Outcome>, Failure> {
        // A new number for each: an older one in the book says that this one was not committed.
        self.attempts = self.attempts.saturating_add(1);
        let client = self.client().await.map_err(Failure::Passing)?;
        let writing = Writing { writer: &self.id, attempt: self.attempts, chain: &self.chain };
        let committed = transaction::commit(&client, &writing, batches).await;
        match &committed {
            Ok(_) => {}
            Err(Failure::Lost(_) | Failure::Unknown(..)) => self.connections.doubt(client),
            Err(Failure::Passing(_) | Failure::Refused(_) | Failure::Lasting(_)) => client.close(),
        }
        committed
    }

    async fn client(&self) -> Result<Client, String> {
        self.connections.get().await.map_err(|error| pool_told(&error))
    }

    /// Whether the last attempt was committed; nothing where it cannot be found out in time.
    async fn was_committed(&self, until: Instant) -> Option<bool> {
        loop {
            let found = match self.client().await {
                Ok(client) => {
                    let found = in_time(self.look_up(&client)).await;
                    client.close();
                    found.map_err(Failure::cause)
                }
                Err(cause) => Err(cause),
            };
            match found {
                Ok(attempt) => return Some(attempt == Some(self.attempts)),
                Err(cause) if Instant::now() < until => {
                    tracing::warn!(cause, "whether a group was committed cannot be looked up yet");
                    sleep(PAUSE).await;
                }
                Err(_) => return None,
            }
        }
    }

    /// The last attempt that was committed. Under the lock, which the lost connection holds for as long as it may commit.
    ///
    /// What is found may be on this server only: a backend that ends while it waits for a synchronous standby leaves its commit
    /// behind. A standby that has the commit of this look has all that was committed before it.
    async fn look_up(&self, client: &Client) -> Result<Option<i64>, Failure> {
        let looked_up = async {
            client.batch_execute(BEGIN).await?;
            client.query_opt(LOCK, &[]).await?;
            let row = client.query_opt(ATTEMPT, &[&self.id]).await?;
            let attempt = row.map(|row| row.try_get(0)).transpose()?;
            client.batch_execute("COMMIT").await?;
            Ok(attempt)
        };
        looked_up.await.map_err(|error| Failure::of(&error))
    }
}

impl Failure {
    fn cause(self) -> String {
        match self {
            Self::Passing(cause)
            | Self::Lost(cause)
            | Self::Refused(cause)
            | Self::Unknown(cause, _) => cause,
            Self::Lasting(error) => error.to_string(),
        }
    }

    /// To those whose batches were in the group.
    fn tell(self, batches: usize) -> StoreError {
        let error = match self {
            Self::Lasting(error) => error,
            Self::Passing(cause) | Self::Lost(cause) | Self::Refused(cause) => unavailable(cause),
            Self::Unknown(cause, _) => {
                unavailable(format_args!("{cause}; it is not known whether the commit was made"))
            }
        };
        tracing::error!(failure = %error, batches, "a group of commits failed");
        error
    }
}

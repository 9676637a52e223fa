//! What waits to be committed, and in which groups: what waits together shares one transaction and one sync.

use std::{thread, time::Duration};

use countersign_domain::record::{Batch, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::error::unavailable;

/// How many batches may wait; further ones wait for a place in the queue.
const MAX_WAITING: usize = 1024;

/// How many batches share one commit at most.
const MAX_GROUP: usize = 512;

/// Under load, which is when the last group had more than one batch, a thread's group of fewer than these waits for company: a
/// commit costs most of what it costs however few batches share it. A client that is alone waits once at most. A database server
/// takes longer for a group, so that its next one has company without a wait.
const FULL_ENOUGH: usize = 48;
const WAIT_FOR_COMPANY: Duration = Duration::from_micros(500);

/// What became of one batch.
pub(crate) type Outcome = Result<(), StoreError>;

pub(crate) struct Waiting {
    pub(crate) batch: Batch,
    answer: oneshot::Sender<Outcome>,
}

impl Waiting {
    /// A batch, and where its outcome is told.
    pub(crate) fn of(batch: Batch) -> (Self, oneshot::Receiver<Outcome>) {
        let (answer, answered) = oneshot::channel();
        (Self { batch, answer }, answered)
    }
}

/// Where batches are put to be committed.
#[derive(Debug)]
pub(crate) struct Queue(mpsc::Sender<Waiting>);

/// What is in the queue, group by group. It ends with the queue.
pub(crate) struct Groups {
    queue: mpsc::Receiver<Waiting>,
    had_company: bool,
}

pub(crate) fn queue() -> (Queue, Groups) {
    let (sender, queue) = mpsc::channel(MAX_WAITING);
    (Queue(sender), Groups { queue, had_company: false })
}

impl Queue {
    /// Once the batch is in the queue it is written, even if nobody waits for the answer any more.
    pub(crate) async fn commit(&self, batch: Batch) -> Outcome {
        let stopped = || unavailable("the writer has stopped");
        let (waiting, answered) = Waiting::of(batch);
        self.0.send(waiting).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }

    /// How many batches wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.0.max_capacity().saturating_sub(self.0.capacity())
    }
}

impl Groups {
    /// The next group, for a thread that writes and may wait for more; nothing once the queue has ended.
    pub(crate) fn next_blocking(&mut self) -> Option<Vec<Waiting>> {
        let mut group = Vec::with_capacity(FULL_ENOUGH);
        self.queue.blocking_recv_many(&mut group, MAX_GROUP);
        if self.wants_company(&group) {
            thread::sleep(WAIT_FOR_COMPANY);
        }
        self.fill(group)
    }

    /// The next group, for a task that writes; nothing once the queue has ended.
    pub(crate) async fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut group = Vec::with_capacity(FULL_ENOUGH);
        self.queue.recv_many(&mut group, MAX_GROUP).await;
        self.fill(group)
    }

    /// Whether the last group had more than one batch: others write as well.
    pub(crate) const fn is_under_load(&self) -> bool {
        self.had_company
    }

    fn wants_company(&self, group: &[Waiting]) -> bool {
        self.had_company && (1..FULL_ENOUGH).contains(&group.len())
    }

    /// Adds what is in the queue by now, up to a whole group.
    fn fill(&mut self, mut group: Vec<Waiting>) -> Option<Vec<Waiting>> {
        while !group.is_empty() && group.len() < MAX_GROUP {
            match self.queue.try_recv() {
                Ok(one) => group.push(one),
                Err(_) => break,
            }
        }
        self.had_company = group.len() > 1;
        (!group.is_empty()).then_some(group)
    }
}

/// Tells each of the group what became of its batch.
pub(crate) fn answer(group: Vec<Waiting>, outcomes: impl IntoIterator<Item = Outcome>) {
    for (waiting, outcome) in group.into_iter().zip(outcomes) {
        // Nobody may wait any more: what is committed stays committed.
        let _ = waiting.answer.send(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts so many batches in the queue, each by somebody who waits.
    async fn put(queue: &Queue, count: usize) {
        for _ in 0..count {
            queue.0.send(Waiting::of(Batch::default()).0).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_waits_together_is_one_group_up_to_the_largest() {
        let (queue, mut groups) = queue();
        for (put_now, taken) in [(3, 3), (0, 0), (MAX_GROUP + 1, MAX_GROUP), (0, 1), (1, 1)] {
            put(&queue, put_now).await;
            if taken > 0 {
                assert_eq!(groups.next().await.unwrap().len(), taken);
                assert_eq!(groups.is_under_load(), taken > 1);
            }
        }
        assert_eq!(queue.waiting(), 0);
        drop(queue);
        assert!(groups.next().await.is_none());
    }

    #[test]
    fn a_group_that_was_alone_waits_for_nobody_nor_does_one_that_is_full_enough() {
        let (_queue, mut groups) = queue();
        let group = |count| {
            let batches = std::iter::repeat_with(|| Waiting::of(Batch::default()).0);
            batches.take(count).collect::<Vec<_>>()
        };
        assert!(!groups.wants_company(&group(1)));
        groups.had_company = true;
        assert!(groups.wants_company(&group(1)) && groups.wants_company(&group(FULL_ENOUGH - 1)));
        assert!(!groups.wants_company(&group(FULL_ENOUGH)) && !groups.wants_company(&group(0)));
    }
}

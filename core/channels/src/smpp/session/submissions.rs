//! What waits to be written, and what of it goes first.

use std::collections::VecDeque;

use tokio::{sync::mpsc, time::Instant};

use super::{Outcome, Submission};

/// What waits to be written.
pub(super) struct Submissions {
    /// What the centre had no room for, in the order in which it was written first.
    again: VecDeque<Submission>,
    further: mpsc::Receiver<Submission>,
    requests: mpsc::Receiver<Submission>,
}

impl Submissions {
    /// What comes from there, and nothing yet.
    pub(super) const fn new(
        further: mpsc::Receiver<Submission>,
        requests: mpsc::Receiver<Submission>,
    ) -> Self {
        Self { again: VecDeque::new(), further, requests }
    }

    pub(super) async fn next(&mut self) -> Submission {
        if let Some(submission) = self.again.pop_front() {
            return submission;
        }
        tokio::select! {
            biased;
            Some(submission) = self.further.recv() => submission,
            Some(submission) = self.requests.recv() => submission,
            else => std::future::pending().await,
        }
    }

    pub(super) fn next_waiting(&mut self) -> Option<Submission> {
        let again = self.again.pop_front();
        let further = || self.further.try_recv().ok();
        again.or_else(further).or_else(|| self.requests.try_recv().ok())
    }

    pub(super) fn put_back(&mut self, submission: Submission) {
        let behind = self.again.partition_point(|other| other.order < submission.order);
        self.again.insert(behind, submission);
    }

    /// Gives up what may not wait any longer.
    pub(super) fn give_up(&mut self, now: Instant) {
        while let Some(overdue) = self.again.iter().position(|waiting| waiting.patience <= now) {
            if let Some(submission) = self.again.remove(overdue) {
                submission.end(Outcome::NotWritten("the centre asked to slow down"));
            }
        }
    }

    /// Takes no more, and ends what waits.
    pub(super) async fn end(&mut self) {
        self.requests.close();
        self.further.close();
        let why = "the session ended";
        for submission in self.again.drain(..) {
            submission.end(Outcome::NotWritten(why));
        }
        while let Some(submission) = self.further.recv().await {
            submission.end(Outcome::NotWritten(why));
        }
        while let Some(submission) = self.requests.recv().await {
            submission.end(Outcome::NotWritten(why));
        }
    }
}

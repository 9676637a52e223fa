//! The ports to the outside, metered: what passes is counted and timed, and is not changed.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use countersign_domain::{
    amount::Amount,
    bank::{ApprovalCode, BankError, BankRequest, Decision},
    lane::Lane,
    message::{Accepted, OutboundMessage, SendError},
    ports::{IssuingBank, Messenger, Turn},
};

use crate::metrics::Metrics;

/// A port, and the metrics that are kept of it.
pub(crate) struct Metered<T> {
    pub(crate) inner: T,
    pub(crate) metrics: Arc<Metrics>,
}

#[async_trait]
impl<M: Messenger> Messenger for Metered<Arc<M>> {
    async fn send(&self, message: &OutboundMessage) -> Result<Accepted, SendError> {
        let begun = Instant::now();
        let answer = self.inner.send(message).await;
        let outcome = match &answer {
            Ok(_) => "accepted",
            Err(SendError::Waiting { .. } | SendError::Temporary { .. }) => "not_taken_over",
            Err(SendError::Permanent { .. }) => "refused",
            Err(_) => "unconfirmed",
        };
        self.metrics.submitted(outcome, begun.elapsed());
        answer
    }

    async fn turn(&self, lane: Lane) -> Turn {
        self.inner.turn(lane).await
    }

    fn try_turn(&self, lane: Lane) -> Option<Turn> {
        self.inner.try_turn(lane)
    }
}

#[async_trait]
impl<B: IssuingBank> IssuingBank for Metered<Arc<B>> {
    async fn authorize(&self, request: &BankRequest) -> Result<Decision, BankError> {
        let begun = Instant::now();
        let answer = self.inner.authorize(request).await;
        let outcome = match &answer {
            Ok(Decision::Declined { .. }) => "declined",
            Ok(_) => "approved",
            Err(error) => failure(error),
        };
        self.metrics.bank_asked("authorize", outcome, begun.elapsed());
        answer
    }

    async fn capture(
        &self,
        request: &BankRequest,
        approval: &ApprovalCode,
        amount: Amount,
    ) -> Result<(), BankError> {
        let begun = Instant::now();
        let answer = self.inner.capture(request, approval, amount).await;
        let outcome = answer.as_ref().map_or_else(failure, |()| "done");
        self.metrics.bank_asked("capture", outcome, begun.elapsed());
        answer
    }

    async fn credit(&self, request: &BankRequest) -> Result<(), BankError> {
        let begun = Instant::now();
        let answer = self.inner.credit(request).await;
        let outcome = answer.as_ref().map_or_else(failure, |()| "done");
        self.metrics.bank_asked("credit", outcome, begun.elapsed());
        answer
    }

    async fn reverse_credit(&self, request: &BankRequest) -> Result<(), BankError> {
        let begun = Instant::now();
        let answer = self.inner.reverse_credit(request).await;
        let outcome = answer.as_ref().map_or_else(failure, |()| "done");
        self.metrics.bank_asked("reverse_credit", outcome, begun.elapsed());
        answer
    }

    async fn void(
        &self,
        request: &BankRequest,
        approval: Option<&ApprovalCode>,
    ) -> Result<(), BankError> {
        let begun = Instant::now();
        let answer = self.inner.void(request, approval).await;
        let outcome = answer.as_ref().map_or_else(failure, |()| "done");
        self.metrics.bank_asked("void", outcome, begun.elapsed());
        answer
    }
}

const fn failure(error: &BankError) -> &'static str {
    match error {
        BankError::Unreachable { .. } => "unreachable",
        BankError::Refused { .. } => "refused",
        BankError::Unknown { .. } => "no_answer",
    }
}

//! What the bank must do and does not: the payment waits for the next try, or for a person.

use super::{Gateway, Next};
use crate::{
    error::Error,
    payment::Payment,
    record::{Batch, Versioned},
    refusal::VoidCause,
    settlement::InVain,
};

impl Gateway {
    /// The card does not open, so the bank can be told nothing: what must not be left is for a person.
    pub(super) async fn cannot_ask(&self, found: Versioned<Payment>) -> Result<Next, Error> {
        match found.value.operation() {
            Some(_) => self.later(found, &InVain::CardDoesNotOpen).await,
            None => self.void(found, VoidCause::Interrupted).await,
        }
    }

    /// Leaves the payment to [`Gateway::resume_one`], or to a person.
    pub(super) async fn later(
        &self,
        found: Versioned<Payment>,
        cause: &InVain,
    ) -> Result<Next, Error> {
        let step = found.value.not_done(cause, self.ports.clock.now())?;
        let mut batch = Batch::default();
        let stuck = step.next.stuck();
        if let Some(stuck) = &stuck {
            batch.insert(stuck)?;
        }
        let found = match self.commit(found.version, step, batch).await? {
            Next::Goes(found) => found,
            // Somebody else was faster, and says what is to be said.
            Next::Rests(payment) => return Ok(Next::Rests(payment)),
        };
        let payment = found.value.id();
        match stuck {
            Some(stuck) => {
                let operation = stuck.operation.name();
                tracing::error!(%payment, operation, tries = stuck.tries, %cause, "the bank does not do what it must: a person must ask it and settle the payment (countersign payments)");
            }
            None => tracing::warn!(%payment, %cause, "the bank will be told again"),
        }
        Ok(Next::Rests(found.value))
    }
}

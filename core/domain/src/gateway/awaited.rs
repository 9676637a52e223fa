//! Payments that wait for a code: what is asked for, and what its end does to them, in the batch of that end.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    agreement::Agreement,
    challenge::{Challenge, ChallengeRequest, Waiting},
    error::Error,
    exempted::Exempted,
    payment::Payment,
    ports::Store,
    record::{Batch, RecordKey, StoreError, Stored as _, Versioned},
    refusal::VoidCause,
    time::Timestamp,
    verifier::{End, Waits},
};

/// Payments that wait for challenges: what [`crate::verifier::Verifier::with_waiting`] is given.
pub struct AwaitedPayments(Arc<dyn Store>);

impl AwaitedPayments {
    /// The payments in that store.
    pub const fn of(store: Arc<dyn Store>) -> Self {
        Self(store)
    }
}

#[async_trait]
impl Waits for AwaitedPayments {
    fn collection(&self) -> &'static str {
        Payment::COLLECTION
    }

    async fn ended(
        &self,
        id: &str,
        end: End<'_>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let Versioned { version, value: payment } = self.0.expect::<Payment>(id).await?;
        // RTS art. 16 counts from the last code on.
        if let End::Verified(_) = end {
            for account in &payment.counted_at {
                let found = self.0.find::<Exempted>(account).await?;
                if let Some(found) = found.filter(|found| !found.value.is_none()) {
                    batch.put(Some(found.version), Exempted::none(account.clone()))?;
                }
            }
        }
        let step = match end {
            End::Verified(proof) => payment.agree(proof, now),
            End::Refused(refusal) => {
                payment.void(VoidCause::NotVerified { refusal: refusal.clone() }, now)
            }
        };
        let out_of_date = || StoreError::Conflict { key: RecordKey::of::<Payment>(id).to_string() };
        batch.step(version, step.map_err(|_| out_of_date())?, now)?;
        Ok(())
    }
}

impl ChallengeRequest {
    /// The code that a payment waits for.
    pub(super) fn of(payment: &Payment) -> Self {
        Self {
            relying_party: payment.relying_party.clone(),
            person: payment.person.clone(),
            agreement: Agreement::Payment {
                transaction: payment.transaction.clone(),
                account: Some(payment.card.clone()),
                order: payment.order.clone(),
            },
            from: None,
            waiting: Some(Waiting::of(payment)),
            correlation: payment.correlation.clone(),
        }
    }
}

/// Whether the challenge that was to be ended is there: one whose payment was left alone for long enough is removed as final
/// (`retention`), with the time of its code over.
pub(super) fn is_there(ended: Result<(), Error>) -> Result<bool, Error> {
    match ended {
        Err(Error::NotFound { collection: Challenge::COLLECTION, .. }) => Ok(false),
        ended => ended.map(|()| true),
    }
}

//! How payments end: by the challenge that they wait for, by the bank, or because nobody is at them any more.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_domain::{
    error::Error,
    payment::{Payment, PaymentState},
    ports::Ports,
    record::{Batch, RecordKey, StoreError, Stored as _, Versioned},
    refusal::VoidCause,
    time::Timestamp,
    verifier::{End, Waits},
};

use super::{LOOK_AGAIN_SECONDS, Wallets, opening, pin};
use crate::{
    house::House,
    message::{Elements, PurchaseId},
    record::{NotPaid, Purchase, PurchaseState, Way},
};

/// What waits for codes here, for [`Verifier::with_waiting`](countersign_domain::verifier::Verifier::with_waiting).
pub fn awaited(ports: &Ports, house: &Arc<House>) -> [Arc<dyn Waits>; 3] {
    let [opening, visit] = opening::awaited(ports);
    [Arc::new(AwaitedPurchases { ports: ports.clone(), house: house.clone() }), opening, visit]
}

/// Payments from wallets that wait for the code: debit, credit and receipt, or the release, are in the batch in which the
/// challenge ends.
struct AwaitedPurchases {
    ports: Ports,
    house: Arc<House>,
}

#[async_trait]
impl Waits for AwaitedPurchases {
    fn collection(&self) -> &'static str {
        Purchase::COLLECTION
    }

    async fn ended(
        &self,
        id: &str,
        end: End<'_>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let Ports { store, entropy, .. } = &self.ports;
        let Versioned { version, value: purchase } = store.expect::<Purchase>(id).await?;
        let out_of_date =
            || StoreError::Conflict { key: RecordKey::of::<Purchase>(id).to_string() };
        let Way::Wallet { wallet, .. } = &purchase.current.way else {
            return Err(out_of_date().into());
        };
        let amount = purchase.transaction.amount();
        let balance_minor = pin(store, wallet, amount.currency(), batch).await?;
        let step = match end {
            End::Verified(proof) => {
                let elements = Elements::of(proof.elements());
                let receipt = purchase.receipt(&self.house, elements, entropy.as_ref(), now)?;
                purchase.debit(proof, receipt, balance_minor, now)
            }
            End::Refused(refusal) => purchase.release(refusal, now),
        };
        batch.step(version, step.map_err(|_| out_of_date())?, now)?;
        Ok(())
    }
}

impl Wallets {
    /// Ends a payment by card when its bank has.
    pub(super) async fn settle(&self, id: &PurchaseId) -> Result<(), Error> {
        let settle = |found: Versioned<Purchase>| async move {
            let (now, mut batch) = (self.ports.clock.now(), Batch::default());
            let purchase = found.value;
            let (PurchaseState::Pending, Way::Card { payment, .. }) =
                (&purchase.state, &purchase.current.way)
            else {
                return Ok((batch, ()));
            };
            let payment = self.gateway.payment(payment).await?;
            let step = match outcome(&payment) {
                Outcome::Open => return Ok((batch, ())),
                Outcome::Captured => {
                    let entropy = self.ports.entropy.as_ref();
                    let elements = Elements::of(&self.gateway.elements_of(&payment).await?);
                    let receipt = purchase.receipt(&self.house, elements, entropy, now)?;
                    purchase.charge(&self.house, receipt, now)?
                }
                Outcome::NotPaid(cause) => purchase.give_up(cause, now)?,
            };
            batch.step(found.version, step, now)?;
            Ok((batch, ()))
        };
        self.ports.store.change(id.as_str(), settle).await
    }

    pub(super) async fn resume_purchases(&self, limit: usize) -> Result<usize, Error> {
        let Ports { store, clock, .. } = &self.ports;
        let due = store.due(Purchase::COLLECTION, clock.now(), limit).await?;
        for record in &due {
            if let Err(error) = self.resume_purchase(&record.key.id).await {
                tracing::error!(purchase = record.key.id, %error, "cannot resume this purchase yet");
            }
        }
        Ok(due.len())
    }

    async fn resume_purchase(&self, id: &str) -> Result<(), Error> {
        let purchase = self.ports.store.expect::<Purchase>(id).await?.value;
        match &purchase.current.way {
            Way::Wallet { challenge, .. } => self.verifier.expire(challenge).await,
            Way::Card { .. } => {
                self.settle(&purchase.id).await?;
                self.look_later(id).await
            }
        }
    }

    /// The bank is still at it, or the gateway is.
    async fn look_later(&self, id: &str) -> Result<(), Error> {
        let later = |found: Versioned<Purchase>| async move {
            let (now, mut batch) = (self.ports.clock.now(), Batch::default());
            if found.value.is_due(now) {
                let next_at = Some(now.plus_seconds(LOOK_AGAIN_SECONDS));
                batch.replace(&found.map(|purchase| Purchase { next_at, ..purchase }))?;
            }
            Ok((batch, ()))
        };
        self.ports.store.change(id, later).await
    }
}

/// What a card's payment has come to.
pub(super) enum Outcome {
    Open,
    Captured,
    NotPaid(NotPaid),
}

pub(super) fn outcome(payment: &Payment) -> Outcome {
    match payment.state() {
        PaymentState::Captured(_)
        | PaymentState::Crediting { .. }
        | PaymentState::ReversingCredit { .. } => Outcome::Captured,
        PaymentState::Declined { response, .. } => {
            Outcome::NotPaid(NotPaid::Bank { response: response.clone() })
        }
        PaymentState::Voided { cause: VoidCause::NotVerified { refusal }, .. } => {
            Outcome::NotPaid(NotPaid::Code { refusal: refusal.clone() })
        }
        PaymentState::Voided { cause, .. } => {
            Outcome::NotPaid(NotPaid::Voided { cause: cause.clone() })
        }
        PaymentState::Authorizing { .. }
        | PaymentState::AwaitingCode { .. }
        | PaymentState::Authorized { .. }
        | PaymentState::Capturing { .. }
        | PaymentState::Voiding { .. } => Outcome::Open,
    }
}

//! Payments at which a person must look: what a person may ask of them, whether or not a server is running.

use std::sync::Arc;

use crate::{
    error::Error,
    id::PaymentId,
    payment::{Payment, Stuck},
    ports::{Clock, Store},
    record::{Batch, Step, StoreError, Stored as _, Versioned},
    settlement::{Because, Settlement},
    time::Timestamp,
};

/// The end of the year 9999: whichever clock they were written by, all are before it.
const EVER: Timestamp = Timestamp::from_unix_seconds(253_402_300_799);

/// The payments that the bank is told nothing about any more until a person has looked.
pub struct StuckPayments {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl StuckPayments {
    /// Those in that store.
    pub const fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Up to `limit` of them, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, limit: usize) -> Result<Vec<Stuck>, Error> {
        let records = self.store.due(Stuck::COLLECTION, EVER, limit).await?;
        let read = |record| Ok::<_, StoreError>(Versioned::<Stuck>::try_from(record)?.value);
        Ok(records.into_iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Ends what a payment is stuck at, as a person confirms it, with the postings that go with it. Gives the payment as it is
    /// then.
    ///
    /// # Errors
    /// [`Error::NotNow`] when it is not stuck, or that is no end of what it is stuck at; when there is none, and when the store
    /// fails.
    pub async fn settle(
        &self,
        id: &PaymentId,
        settlement: Settlement,
        because: &Because,
    ) -> Result<Payment, Error> {
        self.end(id, |payment, now| payment.settled(settlement, because.clone(), now)).await
    }

    /// Has the bank told again, as if it had not been told yet; a server does it.
    ///
    /// # Errors
    /// [`Error::NotNow`] when the payment is not stuck, when there is none, and when the store fails.
    pub async fn retry(&self, id: &PaymentId) -> Result<Payment, Error> {
        self.end(id, Payment::told_again).await
    }

    /// The step, and with it the payment's place in the list.
    async fn end(
        &self,
        id: &PaymentId,
        step: impl FnOnce(Payment, Timestamp) -> Result<Step<Payment>, Error>,
    ) -> Result<Payment, Error> {
        let Versioned { version, value } = self.store.expect::<Payment>(id.as_str()).await?;
        let (now, mut batch) = (self.clock.now(), Batch::default());
        let ended = batch.step(version, step(value, now)?, now)?;
        if let Some(place) = self.store.find::<Stuck>(id.as_str()).await? {
            batch.remove(&place);
        }
        self.store.commit(batch).await?;
        Ok(ended.value)
    }
}

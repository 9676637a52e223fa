//! Movements to cards at which a person must look: what a person may ask of them, whether or not a server is running.

use std::sync::Arc;

use countersign_domain::{
    error::Error,
    payment::Stuck,
    ports::{Clock, Store},
    record::{Batch, Step, Versioned},
    settlement::{Because, Settlement},
    time::Timestamp,
};

use super::pin;
use crate::record::{Transfer, TransferId};

/// The movements to cards that the bank is told nothing about any more until a person has looked. They are listed with
/// payments that are, see [`StuckPayments`](countersign_domain::gateway::StuckPayments).
pub struct StuckTransfers {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl StuckTransfers {
    /// Those in that store.
    pub const fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Ends one as a person confirms it, with the postings that go with that. Gives the name of its state then.
    ///
    /// # Errors
    /// [`Error::NotNow`] when it is not stuck, or cannot end like that; when there is none, and when the store fails.
    pub async fn settle(
        &self,
        id: &TransferId,
        settlement: Settlement,
        because: &Because,
    ) -> Result<&'static str, Error> {
        self.end(id, |transfer, balance_minor, now| {
            transfer.settled(settlement, because.clone(), balance_minor, now)
        })
        .await
    }

    /// Has the bank told again, as if it had not been told yet; a server does it.
    ///
    /// # Errors
    /// [`Error::NotNow`] when it is not stuck, when there is none, and when the store fails.
    pub async fn retry(&self, id: &TransferId) -> Result<&'static str, Error> {
        self.end(id, |transfer, _, now| transfer.told_again(now)).await
    }

    /// The step, and with it the place in the list.
    async fn end(
        &self,
        id: &TransferId,
        step: impl Fn(Transfer, u64, Timestamp) -> Result<Step<Transfer>, Error>,
    ) -> Result<&'static str, Error> {
        let (store, step) = (&self.store, &step);
        let end = |found: Versioned<Transfer>| async move {
            let (now, mut batch) = (self.clock.now(), Batch::default());
            let Versioned { version, value: transfer } = found;
            let currency = transfer.amount.currency();
            let balance = pin(store, &transfer.wallet, currency, &mut batch).await?;
            let ended = batch.step(version, step(transfer, balance, now)?, now)?;
            if let Some(place) = store.find::<Stuck>(id.as_str()).await? {
                batch.remove(&place);
            }
            Ok((batch, ended.value.state.name()))
        };
        self.store.change(id.as_str(), end).await
    }
}

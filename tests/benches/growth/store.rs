//! A store that is watched: how long each commit takes, and how much is removed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use async_trait::async_trait;
use countersign_domain::{
    ports::{Reads, Store},
    record::{Batch, StoreError},
};

pub(crate) struct Watched {
    store: Arc<dyn Store>,
    /// Of commits of people, in seconds.
    took: Mutex<Vec<f64>>,
    /// Records that were removed by sweeps, and when the last was.
    removed: Mutex<(usize, Option<Instant>)>,
}

impl Watched {
    pub(crate) fn of(store: Arc<dyn Store>) -> Self {
        Self { store, took: Mutex::default(), removed: Mutex::default() }
    }

    /// How long commits took since this was asked last.
    pub(crate) fn took(&self) -> Vec<f64> {
        std::mem::take(&mut *self.took.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Records that were removed by sweeps, and when the last was.
    pub(crate) fn removed(&self) -> (usize, Option<Instant>) {
        *self.removed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Watched {
    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let (begun, sweep) = (Instant::now(), batch.sweep.clone());
        self.store.commit(batch).await?;
        match sweep {
            Some(sweep) => {
                let mut removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
                *removed = (removed.0 + sweep.at_most, Some(Instant::now()));
            }
            None => {
                let mut took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
                took.push(begun.elapsed().as_secs_f64());
            }
        }
        Ok(())
    }

    fn reads(&self) -> &(dyn Reads + 'static) {
        self.store.reads()
    }
}

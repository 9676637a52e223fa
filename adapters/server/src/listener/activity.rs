//! Whether a connection does something.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// The requests of one connection.
pub(crate) struct Activity(Mutex<State>);

struct State {
    under_way: usize,
    /// Whether there has been a request at all.
    is_used: bool,
    /// When the last request began or ended.
    at: Instant,
}

/// A request under way, until it is dropped.
pub(crate) struct UnderWay(Arc<Activity>);

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { under_way: 0, is_used: false, at: Instant::now() })))
    }

    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        let mut state = self.state();
        state.under_way = state.under_way.saturating_add(1);
        state.is_used = true;
        UnderWay(Arc::clone(self))
    }

    pub(crate) fn is_used(&self) -> bool {
        self.state().is_used
    }

    /// Waits until nothing was under way for that long.
    pub(crate) async fn quiet_for(&self, long: Duration) {
        loop {
            let left = {
                let state = self.state();
                if state.under_way > 0 { long } else { long.saturating_sub(state.at.elapsed()) }
            };
            if left.is_zero() {
                return;
            }
            sleep(left).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it can panic half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.under_way = state.under_way.saturating_sub(1);
        state.at = Instant::now();
    }
}

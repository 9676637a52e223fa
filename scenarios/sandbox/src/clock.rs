//! The server's clock in a sandbox: the machine's, set forward.

use std::sync::atomic::{AtomicU64, Ordering};

use countersign_domain::{ports::Clock, time::Timestamp};
use countersign_server::SystemClock;

/// A clock that a tester can set forward, so that nobody waits five minutes for a code to be late.
#[derive(Debug, Default)]
pub(crate) struct SandboxClock {
    system: SystemClock,
    ahead_seconds: AtomicU64,
}

impl SandboxClock {
    /// Sets it forward. It never goes back.
    pub(crate) fn advance(&self, seconds: u32) {
        self.ahead_seconds.fetch_add(u64::from(seconds), Ordering::Relaxed);
    }
}

impl Clock for SandboxClock {
    fn now(&self) -> Timestamp {
        let ahead = self.ahead_seconds.load(Ordering::Relaxed);
        let millis = self.system.now().unix_millis();
        Timestamp::from_unix_millis(millis.saturating_add(ahead.saturating_mul(1000)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_forward_as_told_and_with_the_machine() {
        let clock = SandboxClock::default();
        let before = clock.now();
        clock.advance(300);
        clock.advance(60);
        let passed = clock.now().unix_millis() - before.unix_millis();
        assert!((360_000..370_000).contains(&passed), "{passed}");
    }
}

//! How fast we may submit: by our own limit, and when the centre asks to slow down.

use std::time::Duration;

use tokio::time::Instant;

use crate::smpp::status::Status;

/// Submissions taken at once when no rate is set.
const MAX_BATCH: usize = 64;

/// A timer is this late at most; what it was late may be caught up.
const CATCH_UP: Duration = Duration::from_millis(5);

/// How many times the pause doubles.
const MAX_DOUBLINGS: u32 = 5;

/// An even spacing of submissions.
pub(super) struct Pace {
    gap: Option<Duration>,
    next: Instant,
}

impl Pace {
    pub(super) fn new(max_per_second: Option<u32>, now: Instant) -> Self {
        let gap = max_per_second.and_then(|rate| Duration::from_secs(1).checked_div(rate));
        Self { gap, next: now }
    }

    /// How many submissions may be taken now.
    pub(super) fn may_take(&self, now: Instant) -> usize {
        match self.gap {
            None => MAX_BATCH,
            Some(_) => usize::from(now >= self.next),
        }
    }

    /// When the next may be.
    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    /// Notes a submission.
    pub(super) fn took(&mut self, now: Instant) {
        if let Some(gap) = self.gap {
            self.next = self.next.max(now.checked_sub(CATCH_UP).unwrap_or(now)) + gap;
        }
    }
}

/// A pause that the centre asked for: doubles until it takes a message again.
pub(super) struct Throttle {
    pause: Duration,
    doublings: u32,
    until: Option<Instant>,
}

impl Throttle {
    pub(super) const fn new(pause: Duration) -> Self {
        Self { pause, doublings: 0, until: None }
    }

    pub(super) fn is_on(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Notes an answer. All that were on their way when the pause began are answered alike: they count once.
    pub(super) fn answered(&mut self, status: Status, now: Instant) {
        if status.is_throttling() {
            if !self.is_on(now) {
                self.until = Some(now + self.pause * 2_u32.pow(self.doublings));
                self.doublings = MAX_DOUBLINGS.min(self.doublings + 1);
            }
        } else if status == Status::ESME_ROK && !self.is_on(now) {
            self.doublings = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn without_a_rate_a_batch_may_be_taken() {
        let now = Instant::now();
        let mut pace = Pace::new(None, now);
        pace.took(now);
        assert_eq!(pace.may_take(now), MAX_BATCH);
    }

    #[test]
    fn a_rate_is_kept() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(100), start);
        let taken = (0..2_000).filter(|millis| {
            let now = start + Duration::from_millis(*millis);
            let may = pace.may_take(now) > 0;
            if may {
                pace.took(now);
            }
            may
        });
        assert_eq!(taken.count(), 200);
    }

    #[test]
    fn a_pause_in_which_nothing_was_sent_is_not_made_up_for() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(100), start);
        let later = start + 10 * SECOND;
        pace.took(later);
        assert_eq!(pace.may_take(later), 0);
    }

    #[test]
    fn each_throttling_doubles_the_pause_until_a_success() {
        let (mut throttle, mut now) = (Throttle::new(SECOND), Instant::now());
        for expected in [1, 2, 4, 8, 16, 32, 32] {
            throttle.answered(Status::ESME_RTHROTTLED, now);
            assert!(throttle.is_on(now + expected * SECOND - Duration::from_millis(1)));
            now += expected * SECOND;
            assert!(!throttle.is_on(now));
        }
        throttle.answered(Status::ESME_ROK, now);
        throttle.answered(Status::ESME_RMSGQFUL, now);
        assert!(!throttle.is_on(now + SECOND));
    }

    #[test]
    fn answers_to_what_was_on_its_way_count_once() {
        let (mut throttle, now) = (Throttle::new(SECOND), Instant::now());
        for _ in 0..10 {
            throttle.answered(Status::ESME_RTHROTTLED, now);
        }
        assert!(!throttle.is_on(now + SECOND));
    }

    #[test]
    fn another_refusal_is_no_throttling() {
        let (mut throttle, now) = (Throttle::new(SECOND), Instant::now());
        throttle.answered(Status::ESME_RINVDSTADR, now);
        assert!(!throttle.is_on(now));
    }
}

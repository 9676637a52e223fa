//! What a centre takes in a while. A centre that throttles does not say how it counts, so there is one of each kind.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// How a centre counts.
#[derive(Clone, Copy, Debug)]
pub enum Count {
    /// By the second of its clock.
    Clock,
    /// Over any second.
    Sliding,
    /// A bucket that holds a second's messages, full at first.
    Bucket,
    /// From one message to the next.
    Spaced,
    /// Not at all.
    Nothing,
}

const SECOND: Duration = Duration::from_secs(1);

/// A limit, and what has come of it so far.
#[derive(Debug)]
pub struct Throttle {
    count: Count,
    rate: u32,
    /// Submissions of a hundred that are refused at random besides.
    refused_at_random: u64,
    begun: Instant,
    /// When those were taken that still count.
    taken: VecDeque<Instant>,
    random: u64,
}

impl Throttle {
    /// So many messages a second, from now on.
    pub fn new(count: Count, rate: u32) -> Self {
        let (begun, random) = (Instant::now(), 0x9e37_79b9_7f4a_7c15);
        Self { count, rate, refused_at_random: 0, begun, taken: VecDeque::new(), random }
    }

    /// Refuses so many of a hundred submissions besides, whatever the rate.
    #[must_use]
    pub const fn with_random_refusals(mut self, of_a_hundred: u64) -> Self {
        self.refused_at_random = of_a_hundred;
        self
    }

    /// Whether a submission that comes now is taken.
    pub(super) fn takes(&mut self, now: Instant) -> bool {
        if self.is_refused_at_random() {
            return false;
        }
        let Self { count, rate, begun, .. } = *self;
        let Some(gap) = SECOND.checked_div(rate) else { return false };
        let of_clock = |at: Instant| at.duration_since(begun).as_secs();
        let is_over = |at: Instant| match count {
            Count::Clock => of_clock(at) < of_clock(now),
            Count::Sliding => at + SECOND <= now,
            Count::Bucket | Count::Spaced | Count::Nothing => at <= now,
        };
        while self.taken.pop_front_if(|at| is_over(*at)).is_some() {}
        let takes = match count {
            Count::Clock | Count::Sliding | Count::Bucket => {
                u32::try_from(self.taken.len()).is_ok_and(|taken| taken < rate)
            }
            Count::Spaced => self.taken.is_empty(),
            Count::Nothing => true,
        };
        if takes {
            self.taken.push_back(match count {
                Count::Clock | Count::Sliding | Count::Nothing => now,
                // When the place in the bucket, or after the message, is free again.
                Count::Bucket | Count::Spaced => self.taken.back().map_or(now, |at| *at) + gap,
            });
        }
        takes
    }

    /// By xorshift, the same each time.
    const fn is_refused_at_random(&mut self) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 100 < self.refused_at_random
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_any_whole_seconds_as_many_are_taken_as_its_rate_says() {
        for (count, first) in
            [(Count::Clock, 20), (Count::Sliding, 20), (Count::Bucket, 20), (Count::Spaced, 1)]
        {
            let mut throttle = Throttle::new(count, 20);
            let begun = throttle.begun;
            let mut taken_at = |millis| {
                let now = begun + Duration::from_millis(millis);
                std::iter::repeat_with(|| throttle.takes(now)).take_while(|takes| *takes).count()
            };
            assert_eq!(taken_at(0), first, "{count:?}");
            assert_eq!((1..=3_000).map(taken_at).sum::<usize>(), 60, "{count:?}");
        }
    }

    #[test]
    fn of_a_hundred_as_many_as_said_are_refused_at_random() {
        let mut throttle = Throttle::new(Count::Nothing, 1).with_random_refusals(33);
        let now = throttle.begun;
        let refused = (0..10_000).filter(|_| !throttle.takes(now)).count();
        assert!((3_100..3_500).contains(&refused), "{refused}");
    }

    #[test]
    fn without_a_rate_nothing_is_taken() {
        let mut throttle = Throttle::new(Count::Spaced, 0);
        assert!(!throttle.takes(Instant::now() + SECOND));
    }
}

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
}

const SECOND: Duration = Duration::from_secs(1);

/// A limit, and what has come of it so far.
#[derive(Debug)]
pub struct Throttle {
    count: Count,
    rate: u32,
    /// Whether one submission in ten is refused at random besides.
    refuses_at_random: bool,
    begun: Instant,
    /// When those were taken that still count.
    taken: VecDeque<Instant>,
    random: u64,
}

impl Throttle {
    /// So many messages a second, from now on.
    pub fn new(count: Count, rate: u32) -> Self {
        let (begun, random) = (Instant::now(), 0x9e37_79b9_7f4a_7c15);
        Self { count, rate, refuses_at_random: false, begun, taken: VecDeque::new(), random }
    }

    /// Refuses one submission in ten besides, whatever the rate.
    #[must_use]
    pub const fn with_random_refusals(mut self) -> Self {
        self.refuses_at_random = true;
        self
    }

    /// Whether a submission that comes now is taken.
    pub(super) fn takes(&mut self, now: Instant) -> bool {
        if self.refuses_at_random && self.is_one_in_ten() {
            return false;
        }
        let Self { count, rate, begun, .. } = *self;
        let Some(gap) = SECOND.checked_div(rate) else { return false };
        let of_clock = |at: Instant| at.duration_since(begun).as_secs();
        let is_over = |at: Instant| match count {
            Count::Clock => of_clock(at) < of_clock(now),
            Count::Sliding => at + SECOND <= now,
            Count::Bucket | Count::Spaced => at <= now,
        };
        while self.taken.pop_front_if(|at| is_over(*at)).is_some() {}
        let takes = match count {
            Count::Clock | Count::Sliding | Count::Bucket => {
                u32::try_from(self.taken.len()).is_ok_and(|taken| taken < rate)
            }
            Count::Spaced => self.taken.is_empty(),
        };
        if takes {
            self.taken.push_back(match count {
                Count::Clock | Count::Sliding => now,
                // When the place in the bucket, or after the message, is free again.
                Count::Bucket | Count::Spaced => self.taken.back().map_or(now, |at| *at) + gap,
            });
        }
        takes
    }

    /// By xorshift, the same each time.
    const fn is_one_in_ten(&mut self) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.is_multiple_of(10)
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
    fn without_a_rate_nothing_is_taken() {
        let mut throttle = Throttle::new(Count::Spaced, 0);
        assert!(!throttle.takes(Instant::now() + SECOND));
    }
}

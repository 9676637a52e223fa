//! Centres that count in their ways, and a session with each, in a time of its own.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::{Pace, Room, SECOND, Status};

/// Submissions that may wait for their answers, as by default.
pub(super) const WINDOW: usize = 10;

/// How a centre counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    /// So many in each second of its clock, of which so many milliseconds are over when the first comes.
    Clock(u64),
    /// So many in any second.
    Sliding,
    /// A bucket that holds so many.
    Bucket(u64),
    /// One at a time, evenly spaced.
    Spaced,
    /// Not at all.
    Nothing,
}

impl Count {
    /// Whether it takes one message at a time: what it did not take when it might have is lost.
    pub(super) const fn is_one_by_one(self) -> bool {
        matches!(self, Self::Bucket(1) | Self::Spaced)
    }
}

/// A centre that takes `rate` messages a second.
pub(super) struct Centre {
    count: Count,
    pub(super) rate: u64,
    /// Submissions of a thousand that it refuses at random besides.
    at_random: u64,
    random: u64,
    taken: VecDeque<u64>,
    /// Thousandths of a message.
    bucket: u64,
    /// When it was filled last.
    filled: u64,
}

impl Centre {
    pub(super) const fn new(count: Count, rate: u64) -> Self {
        let bucket = match count {
            Count::Bucket(holds) => holds * 1_000,
            Count::Clock(_) | Count::Sliding | Count::Spaced | Count::Nothing => 0,
        };
        Self { count, rate, at_random: 0, random: 1, taken: VecDeque::new(), bucket, filled: 0 }
    }

    /// Refuses so many of a thousand whatever the pace, the same ones each time.
    pub(super) fn at_random(mut self, of_a_thousand: u64, seed: u64) -> Self {
        self.at_random = of_a_thousand;
        self.random = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for _ in 0..8 {
            self.random();
        }
        self
    }

    /// By xorshift.
    const fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 11
    }

    pub(super) fn takes(&mut self, millis: u64) -> bool {
        if self.at_random > 0 && self.random() % 1_000 < self.at_random {
            return false;
        }
        let Self { count, rate, .. } = *self;
        let old = |at: u64| match count {
            Count::Clock(over) => (at + over) / 1_000 < (millis + over) / 1_000,
            Count::Sliding | Count::Bucket(_) | Count::Spaced | Count::Nothing => {
                at + 1_000 <= millis
            }
        };
        while self.taken.pop_front_if(|at| old(*at)).is_some() {}
        let takes = match count {
            Count::Clock(_) | Count::Sliding => self.taken.len() < usize::try_from(rate).unwrap(),
            Count::Bucket(holds) => {
                self.bucket = (self.bucket + (millis - self.filled) * rate).min(holds * 1_000);
                self.filled = millis;
                let takes = self.bucket >= 1_000;
                self.bucket -= if takes { 1_000 } else { 0 };
                takes
            }
            Count::Spaced => self.taken.back().is_none_or(|last| millis >= last + 1_000 / rate),
            Count::Nothing => true,
        };
        if takes {
            self.taken.push_back(millis);
        }
        takes
    }
}

/// What came of it.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) millis: u64,
    pub(super) taken: u64,
    pub(super) refused: u64,
}

impl Run {
    /// Until the centre, which answers after `latency` milliseconds, has `count` messages.
    pub(super) fn go(
        &mut self,
        pace: &mut Pace,
        start: Instant,
        count: u64,
        latency: u64,
        mut takes: impl FnMut(u64) -> bool,
    ) {
        let mut answers: VecDeque<(u64, Status)> = VecDeque::new();
        let mut waiting = count;
        while self.taken < count {
            assert!(self.millis < 600_000, "{} of {count} after ten minutes", self.taken);
            let now = start + Duration::from_millis(self.millis);
            while let Some((_, status)) = answers.pop_front_if(|(at, _)| *at <= self.millis) {
                pace.answered(status, answers.len(), now);
                if status == Status::ESME_ROK {
                    self.taken += 1;
                } else {
                    self.refused += 1;
                    waiting += 1;
                }
            }
            while let Room::Now(room) = pace.room(answers.len(), now) {
                if answers.len() >= WINDOW || waiting == 0 || room == 0 {
                    break;
                }
                pace.took(now);
                waiting -= 1;
                let taken = takes(self.millis);
                let status = if taken { Status::ESME_ROK } else { Status::ESME_RTHROTTLED };
                answers.push_back((self.millis + latency, status));
            }
            self.millis += 1;
        }
    }

    /// Submissions of a hundred that were refused.
    pub(super) const fn refused_in_a_hundred(self) -> u64 {
        self.refused * 100 / (self.taken + self.refused)
    }

    /// How long it took, in hundredths of what is possible.
    pub(super) const fn hundredths_of(self, possible_millis: u64) -> u64 {
        self.millis * 100 / possible_millis
    }
}

pub(super) fn run(count: u64, latency: u64, takes: impl FnMut(u64) -> bool) -> Run {
    let now = Instant::now();
    let mut run = Run { millis: 0, taken: 0, refused: 0 };
    run.go(&mut Pace::new(None, SECOND, now), now, count, latency, takes);
    run
}

pub(super) fn counts(rate: u64) -> [Count; 8] {
    let clock = [Count::Clock(0), Count::Clock(300), Count::Clock(500), Count::Clock(900)];
    let [a, b, c, d] = clock;
    [a, b, c, d, Count::Sliding, Count::Bucket(rate), Count::Bucket(1), Count::Spaced]
}

//! How fast we may submit: by our own limit, and by what the centre takes.
//!
//! A centre that asks to slow down does not say to what rate. What it takes is measured: submissions are spaced as those
//! were that it took, a little closer, and closer yet as long as it asks for nothing. One refusal in a few is borne, for
//! only at the edge is the whole rate used; centres that refuse now and then, whatever the rate, slow nothing down. (What
//! counts is the rate that comes through, as with BBR in TCP, and not that something was refused.)

use std::time::Duration;

use tokio::time::Instant;

use crate::smpp::status::Status;

/// Submissions taken at once when no rate is set.
const MAX_BATCH: usize = 64;

/// A timer is this late at most; what it was late may be caught up.
const CATCH_UP: Duration = Duration::from_millis(5);

/// For how long answers are counted at least before the pace changes: centres count by the second.
const EPOCH: Duration = Duration::from_secs(1);

/// Answers without which nothing is concluded.
const MIN_ANSWERS: u32 = 10;

/// More than one refusal in so many answers is a pace that the centre does not take.
const BORNE: u32 = 5;

/// The spacing that is assumed while none is known, for the first pauses.
const UNKNOWN_GAP: Duration = Duration::from_millis(40);

/// A first pause is this part of the spacing, so that a place in a centre's count is found soon after it is free.
const PAUSE_PART: u32 = 8;

/// How many times a pause doubles.
const MAX_DOUBLINGS: u32 = 16;

/// Refusals in a row after which a known pace says nothing of when there is room again.
const SOON: u32 = 12;

/// After so many epochs in which the centre took the pace, it may take more than it did.
const FORGET_EDGE: u32 = 8;

/// A spacing below this is none.
const MIN_GAP: Duration = Duration::from_micros(200);

/// The spacing of submissions.
pub(super) struct Pace {
    /// By our own limit.
    limit: Option<Duration>,
    /// By what the centre takes; none as long as it takes everything.
    learned: Option<Duration>,
    longest_pause: Duration,
    next: Instant,
    /// Pauses since the last submission that was taken.
    pauses: u32,
    paused_until: Instant,
    epoch: Epoch,
    /// Epochs in a row in which the centre took the pace.
    good_epochs: u32,
    /// The spacing that the centre did not take lately.
    too_close: Option<Duration>,
}

/// Answers of late.
struct Epoch {
    began: Instant,
    last: Instant,
    taken: u32,
    refused: u32,
}

/// What may be submitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Room {
    /// So many now.
    Now(usize),
    /// One at that time.
    At(Instant),
    /// None before an answer has come.
    AfterAnswer,
}

impl Pace {
    pub(super) fn new(max_per_second: Option<u32>, longest_pause: Duration, now: Instant) -> Self {
        Self {
            limit: max_per_second.and_then(|rate| Duration::from_secs(1).checked_div(rate)),
            learned: None,
            longest_pause,
            next: now,
            pauses: 0,
            paused_until: now,
            epoch: Epoch::at(now),
            good_epochs: 0,
            too_close: None,
        }
    }

    /// How many may be submitted when so many wait for their answers. While the centre takes nothing, one at a time asks.
    pub(super) fn room(&self, under_way: usize, now: Instant) -> Room {
        let earliest = self.next.max(self.paused_until);
        if self.pauses > 1 && under_way > 0 {
            Room::AfterAnswer
        } else if now < earliest {
            Room::At(earliest)
        } else if self.gap().is_some() || self.pauses > 1 {
            Room::Now(1)
        } else {
            Room::Now(MAX_BATCH)
        }
    }

    fn gap(&self) -> Option<Duration> {
        self.limit.max(self.learned)
    }

    /// Notes a submission.
    pub(super) fn took(&mut self, now: Instant) {
        if now.saturating_duration_since(self.epoch.last) > EPOCH {
            // What was not asked for says nothing of what the centre would have taken.
            self.epoch = Epoch::at(now);
        }
        self.epoch.last = now;
        if let Some(gap) = self.gap() {
            self.next = self.next.max(now.checked_sub(CATCH_UP).unwrap_or(now)) + gap;
        }
    }

    /// Notes an answer. All that were on their way when a pause began are answered alike: they make one pause.
    pub(super) fn answered(&mut self, status: Status, now: Instant) {
        self.epoch.last = now;
        let in_pause = now < self.paused_until;
        if status.is_throttling() {
            self.epoch.refused = self.epoch.refused.saturating_add(1);
            if !in_pause {
                let first = self.gap().unwrap_or(UNKNOWN_GAP) / PAUSE_PART;
                let pause = first.saturating_mul(2_u32.pow(self.pauses.min(MAX_DOUBLINGS)));
                // Where the pace is known, a place is free soon: only a centre that goes on refusing is left alone for longer.
                let soon = self.gap().filter(|_| self.pauses < SOON).map(|gap| gap * 2);
                let longest = soon.map_or(self.longest_pause, |soon| soon.min(self.longest_pause));
                self.paused_until = now + pause.min(longest);
                self.pauses = self.pauses.saturating_add(1);
            }
        } else {
            self.epoch.taken = self.epoch.taken.saturating_add(1);
            if !in_pause {
                self.pauses = 0;
            }
        }
        self.conclude(now);
    }

    /// Changes the pace by what was answered of late.
    fn conclude(&mut self, now: Instant) {
        let Epoch { began, taken, refused, .. } = self.epoch;
        let (lasted, answers) =
            (now.saturating_duration_since(began), taken.saturating_add(refused));
        if lasted < EPOCH || answers < MIN_ANSWERS {
            return;
        }
        if refused.saturating_mul(BORNE) > answers {
            self.good_epochs = 0;
            self.too_close = self.learned;
            // As the centre took them, and a twentieth closer.
            // By no more than a quarter slower than before: a count of the centre's may end within ours.
            let measured = lasted.checked_div(taken).map(|gap| gap * 20 / 21);
            let slowest = self.learned.map(|gap| gap * 5 / 4);
            self.learned = match (measured, slowest) {
                (Some(measured), Some(slowest)) => Some(measured.min(slowest)),
                (measured, slowest) => measured.or(slowest),
            };
        } else if let Some(gap) = self.learned {
            // A tenth closer, then two tenths, four, up to twice as close.
            let tenths = 2_u32.pow(self.good_epochs.min(3)).min(10);
            let closer = gap * 10 / (10 + tenths);
            if self.good_epochs >= FORGET_EDGE {
                self.too_close = None;
            }
            // Not much closer than what was too close, for a while.
            let edge = self.too_close.map(|edge| (edge * 11 / 10).min(gap));
            let closer = edge.map_or(closer, |edge| closer.max(edge));
            let is_used = gap.saturating_mul(answers) * 5 > lasted * 4;
            if is_used {
                self.learned = Some(closer).filter(|gap| *gap > MIN_GAP);
                self.good_epochs = self.good_epochs.saturating_add(1);
            }
        }
        self.epoch = Epoch::at(now);
    }
}

impl Epoch {
    const fn at(now: Instant) -> Self {
        Self { began: now, last: now, taken: 0, refused: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MILLISECOND: Duration = Duration::from_millis(1);

    fn free(now: Instant) -> Pace {
        Pace::new(None, SECOND, now)
    }

    #[test]
    fn without_a_rate_a_batch_may_be_taken() {
        let now = Instant::now();
        let mut pace = free(now);
        pace.took(now);
        assert_eq!(pace.room(1, now), Room::Now(MAX_BATCH));
    }

    #[test]
    fn a_rate_is_kept() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(100), SECOND, start);
        let taken = (0..2_000).filter(|millis| {
            let now = start + Duration::from_millis(*millis);
            let may = pace.room(0, now) == Room::Now(1);
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
        let mut pace = Pace::new(Some(100), SECOND, start);
        let later = start + 10 * SECOND;
        pace.took(later);
        assert_eq!(pace.room(0, later), Room::At(later + Duration::from_millis(5)));
    }

    #[test]
    fn each_refusal_doubles_the_pause_up_to_the_longest_until_one_is_taken() {
        let (start, mut pauses) = (Instant::now(), Vec::new());
        let (mut pace, mut now) = (free(start), start);
        for _ in 0..10 {
            pace.answered(Status::ESME_RMSGQFUL, now);
            let Room::At(next) = pace.room(0, now) else { panic!("no pause") };
            pauses.push((next - now).as_millis());
            now = next;
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]);
        pace.answered(Status::ESME_ROK, now);
        pace.answered(Status::ESME_RTHROTTLED, now);
        assert!(matches!(pace.room(0, now), Room::At(next) if next < now + 200 * MILLISECOND));
    }

    #[test]
    fn answers_to_what_was_on_its_way_make_one_pause() {
        let now = Instant::now();
        let mut pace = free(now);
        for _ in 0..10 {
            pace.answered(Status::ESME_RTHROTTLED, now);
        }
        assert_eq!(pace.room(0, now), Room::At(now + 5 * MILLISECOND));
    }

    #[test]
    fn while_the_centre_takes_nothing_one_at_a_time_asks() {
        let (mut pace, mut now) = (free(Instant::now()), Instant::now());
        for _ in 0..2 {
            now += SECOND;
            pace.answered(Status::ESME_RTHROTTLED, now);
        }
        now += SECOND;
        assert_eq!(pace.room(0, now), Room::Now(1));
        assert_eq!(pace.room(1, now), Room::AfterAnswer);
    }

    #[test]
    fn another_refusal_is_no_throttling() {
        let now = Instant::now();
        let mut pace = free(now);
        pace.answered(Status::ESME_RINVDSTADR, now);
        assert_eq!(pace.room(0, now), Room::Now(MAX_BATCH));
    }

    /// A centre with its own way to count, answering after 20 milliseconds: how long it takes until it has `count`
    /// messages from a window of ten, in milliseconds; and how many it refused.
    fn run(count: u32, mut takes: impl FnMut(u64) -> bool) -> (u64, u32) {
        let start = Instant::now();
        let mut pace = free(start);
        let mut answers: VecDeque<(u64, Status)> = VecDeque::new();
        let (mut taken, mut refused, mut waiting) = (0, 0, count);
        for millis in 0..600_000_u64 {
            let now = start + Duration::from_millis(millis);
            while let Some((_, status)) = answers.pop_front_if(|(at, _)| *at <= millis) {
                pace.answered(status, now);
                if status == Status::ESME_ROK {
                    taken += 1;
                } else {
                    refused += 1;
                    waiting += 1;
                }
            }
            if taken == count {
                return (millis, refused);
            }
            while let Room::Now(room) = pace.room(answers.len(), now) {
                if answers.len() >= 10 || waiting == 0 || room == 0 {
                    break;
                }
                pace.took(now);
                waiting -= 1;
                let status = if takes(millis) { Status::ESME_ROK } else { Status::ESME_RTHROTTLED };
                answers.push_back((millis + 20, status));
            }
        }
        panic!("{taken} of {count} after ten minutes");
    }

    /// Within so many hundredths of what is possible, and not by asking without end.
    fn assert_keeps_up(
        name: &str,
        (hundredths, possible): (u64, u64),
        (took, refused): (u64, u32),
        count: u32,
    ) {
        assert!(took * 100 <= possible * hundredths, "{name}: {took} ms of {possible}");
        assert!(refused <= count * 2, "{name}: refused {refused} of {count}");
    }

    #[test]
    fn the_pace_of_a_centre_is_found_and_kept() {
        for (count, rate) in [(250, 20), (500, 20), (250, 50), (1_000, 100)] {
            let possible = u64::from(count) * 1_000 / rate;
            // So many in each second of the clock.
            let mut in_second = (0, 0);
            let by_second = run(count, |millis| {
                if in_second.0 != millis / 1_000 {
                    in_second = (millis / 1_000, 0);
                }
                in_second.1 += 1;
                in_second.1 <= rate
            });
            assert_keeps_up(
                "by the second",
                (if rate == 20 { 115 } else { 130 }, possible),
                by_second,
                count,
            );
            // One at a time, evenly spaced, where what comes too early costs an answer's time.
            let mut next = 0;
            let spaced = run(count, |millis| {
                let takes = millis >= next;
                if takes {
                    next = millis + 1_000 / rate;
                }
                takes
            });
            assert_keeps_up("spaced", (150, possible), spaced, count);
            // A bucket that holds a second's worth.
            let (mut drops, mut at) = (rate * 1_000, 0);
            let bucket = run(count, |millis| {
                drops = (drops + (millis - at) * rate).min(rate * 1_000);
                at = millis;
                let takes = drops >= 1_000;
                drops -= if takes { 1_000 } else { 0 };
                takes
            });
            assert_keeps_up("bucket", (130, possible), bucket, count);
        }
    }

    #[test]
    fn a_centre_that_refuses_one_in_ten_whatever_the_rate_slows_nothing_down() {
        let mut number = 0;
        // Ten at once in each 20 milliseconds, nine of which are taken.
        let possible = 500 * 20 / 9;
        let (took, _) = run(500, |_| {
            number += 1;
            number % 10 != 0
        });
        assert!(took <= possible * 2, "{took} ms of {possible}");
    }

    #[test]
    fn a_centre_that_takes_more_again_is_followed() {
        let mut next = 0;
        let (took, _) = run(1_000, |millis| {
            let rate = if millis < 5_000 { 10 } else { 200 };
            let takes = millis >= next;
            if takes {
                next = millis + 1_000 / rate;
            }
            takes
        });
        // Fifty in the first five seconds, and then five more seconds at the least.
        assert!(took <= 20_000, "{took} ms");
    }
}

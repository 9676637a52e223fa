use std::collections::VecDeque;

use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

/// Submissions that may wait for their answers, as by default.
const WINDOW: usize = 10;

fn free(now: Instant) -> Pace {
    Pace::new(None, SECOND, now)
}

#[test]
fn at_the_beginning_a_few_more_are_under_way_than_were_taken() {
    let now = Instant::now();
    let mut pace = free(now);
    for taken in 0..200 {
        let may = taken + AT_FIRST;
        assert_eq!(pace.room(0, now), Room::Now(may.min(MAX_BATCH)));
        assert_eq!(pace.room(may, now), Room::AfterAnswer);
        pace.took(now);
        pace.answered(Status::ESME_ROK, 0, now);
    }
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
fn a_centre_that_takes_nothing_is_asked_less_and_less_up_to_the_longest_pause() {
    let (start, mut pauses) = (Instant::now(), Vec::new());
    let (mut pace, mut now) = (free(start), start);
    for _ in 0..60 {
        pace.answered(Status::ESME_RMSGQFUL, 0, now);
        let Room::At(next) = pace.room(0, now) else { panic!("no pause") };
        pauses.push((next - now).as_millis());
        now = next;
    }
    assert_eq!(pauses[..7], [2, 4, 8, 16, 32, 60, 60]);
    assert!(pauses.is_sorted() && pauses[20] > 100, "{pauses:?}");
    assert_eq!(pauses[59], 1_000);
    pace.answered(Status::ESME_ROK, 0, now);
    pace.answered(Status::ESME_RTHROTTLED, 0, now);
    assert!(matches!(pace.room(0, now), Room::At(next) if next < now + 200 * MILLISECOND));
}

#[test]
fn answers_to_what_was_on_its_way_make_one_pause() {
    let now = Instant::now();
    let mut pace = free(now);
    pace.answered(Status::ESME_RTHROTTLED, 0, now);
    let next = pace.room(0, now);
    for _ in 0..10 {
        pace.answered(Status::ESME_RTHROTTLED, 0, now);
    }
    assert_eq!(pace.room(0, now), next);
}

#[test]
fn while_the_centre_takes_nothing_one_at_a_time_asks() {
    let (mut pace, mut now) = (free(Instant::now()), Instant::now());
    for _ in 0..2 {
        now += SECOND;
        pace.answered(Status::ESME_RTHROTTLED, 0, now);
    }
    now += SECOND;
    assert_eq!(pace.room(0, now), Room::Now(1));
    assert_eq!(pace.room(1, now), Room::AfterAnswer);
}

#[test]
fn another_refusal_is_no_throttling() {
    let now = Instant::now();
    let mut pace = free(now);
    pace.answered(Status::ESME_RINVDSTADR, 0, now);
    assert_eq!(pace.room(0, now), Room::Now(AT_FIRST + 1));
}

#[test]
fn messages_that_come_slowly_change_nothing_of_a_pace_that_was_learned() {
    let (mut now, mut centre) = (Instant::now(), Centre::new(Count::Spaced, 20));
    let mut pace = free(now);
    let mut run = Run { taken: 0, refused: 0, millis: 0 };
    run.go(&mut pace, now, 100, 1, |millis| centre.takes(millis));
    let learned = pace.learned;
    assert!(learned.is_some());
    for _ in 0..500 {
        now += SECOND;
        pace.took(now);
        pace.answered(Status::ESME_ROK, 0, now);
    }
    assert_eq!(pace.learned, learned);
}

/// How a centre counts.
#[derive(Clone, Copy, Debug)]
enum Count {
    /// So many in each second of its clock, of which so many milliseconds are over when the first comes.
    Clock(u64),
    /// So many in any second.
    Sliding,
    /// A bucket that holds so many.
    Bucket(u64),
    /// One at a time, evenly spaced.
    Spaced,
}

/// A centre that takes `rate` messages a second.
struct Centre {
    count: Count,
    rate: u64,
    taken: VecDeque<u64>,
    /// Thousandths of a message.
    bucket: u64,
    /// When it was filled last.
    filled: u64,
}

impl Centre {
    const fn new(count: Count, rate: u64) -> Self {
        let bucket = match count {
            Count::Bucket(holds) => holds * 1_000,
            Count::Clock(_) | Count::Sliding | Count::Spaced => 0,
        };
        Self { count, rate, taken: VecDeque::new(), bucket, filled: 0 }
    }

    fn takes(&mut self, millis: u64) -> bool {
        let Self { count, rate, .. } = *self;
        let old = |at: u64| match count {
            Count::Clock(over) => (at + over) / 1_000 < (millis + over) / 1_000,
            Count::Sliding | Count::Bucket(_) | Count::Spaced => at + 1_000 <= millis,
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
        };
        if takes {
            self.taken.push_back(millis);
        }
        takes
    }
}

/// What came of it.
#[derive(Clone, Copy)]
struct Run {
    millis: u64,
    taken: u64,
    refused: u64,
}

impl Run {
    /// Until the centre, which answers after `latency` milliseconds, has `count` messages.
    fn go(
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
    const fn refused_in_a_hundred(self) -> u64 {
        self.refused * 100 / (self.taken + self.refused)
    }

    /// How long it took, in hundredths of what is possible.
    const fn hundredths_of(self, possible_millis: u64) -> u64 {
        self.millis * 100 / possible_millis
    }
}

fn run(count: u64, latency: u64, takes: impl FnMut(u64) -> bool) -> Run {
    let now = Instant::now();
    let mut run = Run { millis: 0, taken: 0, refused: 0 };
    run.go(&mut free(now), now, count, latency, takes);
    run
}

fn counts(rate: u64) -> [Count; 8] {
    let clock = [Count::Clock(0), Count::Clock(300), Count::Clock(500), Count::Clock(900)];
    let [a, b, c, d] = clock;
    [a, b, c, d, Count::Sliding, Count::Bucket(rate), Count::Bucket(1), Count::Spaced]
}

#[test]
fn the_pace_of_a_centre_is_found_and_kept_however_it_counts() {
    let mut refused = Vec::new();
    for (count, rate) in
        [(250, 5), (250, 20), (500, 20), (250, 50), (500, 50), (250, 100), (1_000, 100)]
    {
        for latency in [1, 5, 20] {
            for how in counts(rate) {
                let mut centre = Centre::new(how, rate);
                let run = run(count, latency, |millis| centre.takes(millis));
                let hundredths = run.hundredths_of(count * 1_000 / rate);
                // Where an answer takes longer than the spacing, a refusal is known of when the next are on their way.
                let one_by_one = matches!(how, Count::Bucket(1) | Count::Spaced);
                let bound = if one_by_one && latency * rate >= 1_000 { 140 } else { 115 };
                let what = format!("{count} at {rate}/s, {how:?}, answers after {latency} ms");
                assert!(hundredths <= bound, "{what}: {hundredths} hundredths");
                refused.push((run.refused_in_a_hundred(), what));
            }
        }
    }
    let mean = refused.iter().map(|(refused, _)| refused).sum::<u64>() * 10
        / u64::try_from(refused.len()).unwrap();
    assert!(mean <= 150, "{mean} of a thousand submissions were refused");
    for (refused, what) in refused {
        // What a full bucket takes at first says nothing of its rate, and there is little left to find it with.
        let bound = if what.contains("Bucket(100)") { 55 } else { 35 };
        assert!(refused <= bound, "{what}: {refused} of a hundred submissions were refused");
    }
}

#[test]
fn one_refusal_in_ten_at_random_slows_little_down() {
    for (count, rate) in [(500, 20), (500, 50), (500, 100)] {
        for latency in [1, 5, 20] {
            for how in [Count::Clock(0), Count::Clock(500), Count::Sliding, Count::Bucket(rate)] {
                let (mut centre, mut random) = (Centre::new(how, rate), Dice::of(rate + latency));
                let run =
                    run(count, latency, |millis| !random.is_one_in_ten() && centre.takes(millis));
                let hundredths = run.hundredths_of(count * 1_000 / rate);
                assert!(hundredths <= 130, "{rate}/s, {how:?}, {latency} ms: {hundredths}");
            }
        }
    }
}

#[test]
fn refusals_at_random_alone_starve_nothing() {
    for latency in [1, 5, 20] {
        let mut random = Dice::of(latency);
        let run = run(500, latency, |_| !random.is_one_in_ten());
        assert!(run.millis <= 2_500, "{} ms, answers after {latency}", run.millis);
    }
}

#[test]
fn a_pace_that_changes_is_followed() {
    for (before, after) in [(20, 50), (50, 20), (5, 20), (20, 5), (100, 20), (20, 100)] {
        for latency in [1, 5, 20] {
            for how in [Count::Clock(0), Count::Sliding, Count::Bucket(1), Count::Spaced] {
                let (count, changes_at) = (300, 150 * 1_000 / before);
                let mut centre = Centre::new(how, before);
                let run = run(count, latency, |millis| {
                    centre.rate = if millis < changes_at { before } else { after };
                    centre.takes(millis)
                });
                let hundredths = run.hundredths_of(changes_at + 150 * 1_000 / after);
                let one_by_one = matches!(how, Count::Bucket(1) | Count::Spaced);
                let bound =
                    if one_by_one && latency * before.max(after) >= 1_000 { 150 } else { 125 };
                let what = format!("{before} to {after}, {how:?}, {latency} ms");
                assert!(hundredths <= bound, "{what}: {hundredths}");
            }
        }
    }
}

#[test]
fn a_centre_that_was_away_is_used_as_before() {
    for how in counts(20) {
        let mut centre = Centre::new(how, 20);
        let run = run(250, 5, |millis| !(5_000..25_000).contains(&millis) && centre.takes(millis));
        assert!(run.millis <= 20_000 + 12_500 * 115 / 100 + 1_000, "{how:?}: {} ms", run.millis);
    }
}

/// Numbers by xorshift, the same each time.
struct Dice(u64);

impl Dice {
    const fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    const fn is_one_in_ten(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11).is_multiple_of(10)
    }
}

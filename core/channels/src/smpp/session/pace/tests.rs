use super::*;

mod simulation;

use self::simulation::{Centre, Count, Run, WINDOW, counts, run};

const MILLISECOND: Duration = Duration::from_millis(1);

/// Refusals in a row that are not at random any more, whatever the centre.
const NOT_AT_RANDOM: usize = 20;

fn free(now: Instant) -> Pace {
    Pace::new(None, SECOND, now)
}

/// The pace with a centre that takes nothing, and how many times it was asked without a pause.
fn refused(now: Instant) -> (Pace, usize) {
    let mut pace = free(now);
    for asked in 1..=NOT_AT_RANDOM {
        pace.answered(Status::ESME_RTHROTTLED, 0, now);
        if let Room::At(_) = pace.room(0, now) {
            return (pace, asked);
        }
    }
    panic!("no pause");
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
    while pauses.len() < 60 {
        pace.answered(Status::ESME_RMSGQFUL, 0, now);
        if let Room::At(next) = pace.room(0, now) {
            pauses.push((next - now).as_millis());
            now = next;
        }
    }
    assert_eq!(pauses[..7], [2, 4, 8, 16, 32, 60, 60]);
    assert!(pauses.is_sorted() && pauses[20] > 100, "{pauses:?}");
    assert_eq!(pauses[59], 1_000);
}

#[test]
fn after_it_took_one_a_centre_is_asked_soon_again() {
    let now = Instant::now();
    let (mut pace, _) = refused(now);
    let much_later = now + 60 * SECOND;
    pace.answered(Status::ESME_RTHROTTLED, 0, much_later);
    pace.answered(Status::ESME_ROK, 0, much_later);
    for _ in 0..NOT_AT_RANDOM {
        assert!(
            matches!(pace.room(0, much_later), Room::Now(_))
                || matches!(pace.room(0, much_later), Room::At(next) if next < much_later + 200 * MILLISECOND)
        );
        pace.answered(Status::ESME_RTHROTTLED, 0, much_later);
    }
}

#[test]
fn a_few_refusals_make_no_pause() {
    let (_, asked) = refused(Instant::now());
    assert!((10..=NOT_AT_RANDOM).contains(&asked), "{asked}");
}

#[test]
fn answers_to_what_was_on_its_way_make_one_pause() {
    let now = Instant::now();
    let (mut pace, _) = refused(now);
    let next = pace.room(0, now);
    for _ in 0..10 {
        pace.answered(Status::ESME_RTHROTTLED, 0, now);
    }
    assert_eq!(pace.room(0, now), next);
}

#[test]
fn while_the_centre_takes_nothing_one_at_a_time_asks() {
    let now = Instant::now();
    let (mut pace, _) = refused(now);
    pace.answered(Status::ESME_RTHROTTLED, 0, now + SECOND);
    let later = now + 2 * SECOND;
    assert_eq!(pace.room(0, later), Room::Now(1));
    assert_eq!(pace.room(1, later), Room::AfterAnswer);
}

#[test]
fn another_refusal_is_no_throttling() {
    let now = Instant::now();
    let mut pace = free(now);
    pace.answered(Status::ESME_RINVDSTADR, 0, now);
    assert_eq!(pace.room(0, now), Room::Now(AT_FIRST + 1));
}

/// A pace that was learned from a centre that takes 20 a second.
fn learned(now: Instant) -> Pace {
    let (mut pace, mut centre) = (free(now), Centre::new(Count::Spaced, 20));
    let mut run = Run { taken: 0, refused: 0, millis: 0 };
    run.go(&mut pace, now, 100, 1, |millis| centre.takes(millis));
    let gap = pace.spacing.gap().unwrap();
    assert!(gap > 48 * MILLISECOND && gap < 55 * MILLISECOND, "{gap:?}");
    pace
}

#[test]
fn messages_that_come_slowly_for_less_than_a_minute_change_nothing_of_a_pace_that_was_learned() {
    let mut now = Instant::now();
    let mut pace = learned(now);
    let gap = pace.spacing.gap();
    for _ in 0..50 {
        now += SECOND;
        pace.took(now);
        pace.answered(Status::ESME_ROK, 0, now);
    }
    assert_eq!(pace.spacing.gap(), gap);
}

#[test]
fn a_pace_that_nothing_contradicts_is_forgotten_bit_by_bit() {
    let start = Instant::now();
    let mut pace = learned(start);
    let gap = pace.spacing.gap().unwrap();
    for minutes in [1, 2, 3] {
        pace.took(start + (minutes * 60 + 10) * SECOND);
        assert_eq!(pace.spacing.gap(), Some(gap / 2_u32.pow(minutes)));
    }
    pace.took(start + 3_600 * SECOND);
    assert_eq!(pace.spacing.gap(), None);
    assert_eq!(pace.room(0, start + 3_600 * SECOND), Room::Now(AT_FIRST));
}

#[test]
fn a_pace_that_is_forgotten_is_found_again() {
    let start = Instant::now();
    for how in counts(20) {
        let (mut pace, mut centre) = (free(start), Centre::new(how, 20));
        let mut run = Run { taken: 0, refused: 0, millis: 0 };
        run.go(&mut pace, start, 250, 5, |millis| centre.takes(millis));
        // An hour later, the centre takes five times as many.
        let (mut centre, mut later) =
            (Centre::new(how, 100), Run { taken: 0, refused: 0, millis: 0 });
        let hour = Duration::from_secs(3_600);
        later.go(&mut pace, start + hour, 500, 5, |millis| centre.takes(millis));
        let took = later.millis;
        assert!(took <= 5_000 * 115 / 100, "{how:?}: {took} ms");
    }
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
                let bound = if how.is_one_by_one() && latency * rate >= 1_000 { 120 } else { 115 };
                let what = format!("{count} at {rate}/s, {how:?}, answers after {latency} ms");
                assert!(hundredths <= bound, "{what}: {hundredths} hundredths");
                refused.push((run.refused_in_a_hundred(), what));
            }
        }
    }
    let mean = refused.iter().map(|(refused, _)| refused).sum::<u64>() * 10
        / u64::try_from(refused.len()).unwrap();
    assert!(mean <= 190, "{mean} of a thousand submissions were refused");
    for (refused, what) in refused {
        assert!(refused <= 60, "{what}: {refused} of a hundred submissions were refused");
    }
}

#[test]
fn of_a_centre_that_answers_slowly_the_pace_is_found() {
    for (count, rate) in [(500, 20), (500, 50), (1_000, 100)] {
        for latency in [50, 100] {
            for how in counts(rate) {
                let mut centre = Centre::new(how, rate);
                let run = run(count, latency, |millis| centre.takes(millis));
                let hundredths = run.hundredths_of(count * 1_000 / rate);
                let bound = if how.is_one_by_one() { 125 } else { 115 };
                assert!(hundredths <= bound, "{rate}/s, {how:?}, {latency} ms: {hundredths}");
            }
        }
    }
}

#[test]
fn refusals_at_random_slow_nothing_down() {
    for of_a_thousand in [100, 200, 333, 500] {
        for latency in [1, 5, 20, 100] {
            for seed in 0..6 {
                let mut centre = Centre::new(Count::Nothing, 1).at_random(of_a_thousand, seed);
                let run = run(500, latency, |millis| centre.takes(millis));
                let submissions = 500 * 1_000 / (1_000 - of_a_thousand);
                let window = u64::try_from(WINDOW).unwrap();
                let hundredths = run.hundredths_of(submissions * latency / window);
                let what = format!("{of_a_thousand} of a thousand, {latency} ms, seed {seed}");
                assert!(hundredths <= 115, "{what}: {hundredths} hundredths");
            }
        }
    }
}

#[test]
fn refusals_at_random_beside_a_rate_slow_little_down() {
    // So many of a thousand, in hundredths: at most, in the mean, and at most of one message at a time. Of that, what is
    // refused when its time has come is lost.
    for (of_a_thousand, most, mean, one_by_one) in [(100, 117, 100, 155), (200, 145, 103, 160)] {
        let mut all = Vec::new();
        for (count, rate) in [(250, 20), (500, 50), (500, 100)] {
            for latency in [1, 5, 20] {
                for how in counts(rate) {
                    for seed in 0..4 {
                        let mut centre = Centre::new(how, rate)
                            .at_random(of_a_thousand, seed * 100 + rate + latency);
                        let run = run(count, latency, |millis| centre.takes(millis));
                        let hundredths = run.hundredths_of(count * 1_000 / rate);
                        let bound = if how.is_one_by_one() { one_by_one } else { most };
                        let what = format!("{of_a_thousand}: {rate}/s, {how:?}, {latency} ms");
                        assert!(hundredths <= bound, "{what}, seed {seed}: {hundredths}");
                        all.extend((!how.is_one_by_one()).then_some(hundredths));
                    }
                }
            }
        }
        let is = all.iter().sum::<u64>() / u64::try_from(all.len()).unwrap();
        assert!(is <= mean, "{of_a_thousand} of a thousand: {is} hundredths in the mean");
    }
}

#[test]
fn with_a_limit_of_our_own_refusals_at_random_are_submitted_again_at_its_pace() {
    let start = Instant::now();
    for of_a_thousand in [100, 333, 500] {
        let mut centre = Centre::new(Count::Nothing, 1).at_random(of_a_thousand, 1);
        let mut pace = Pace::new(Some(50), SECOND, start);
        let mut run = Run { taken: 0, refused: 0, millis: 0 };
        run.go(&mut pace, start, 250, 5, |millis| centre.takes(millis));
        let possible = (run.taken + run.refused) * 20;
        assert!(run.hundredths_of(possible) <= 105, "{of_a_thousand}: {} ms", run.millis);
    }
}

#[test]
fn with_a_limit_of_our_own_no_second_has_more_whatever_is_refused() {
    let start = Instant::now();
    for limit in [3, 20, 100, 500] {
        let random = [0, 50, 100, 333, 500].map(|part| (Count::Nothing, limit, part));
        let slower = counts(limit / 2 + 1).map(|how| (how, limit / 2 + 1, 0));
        let as_fast = counts(limit).map(|how| (how, limit, 50));
        for (how, rate, part) in random.into_iter().chain(slower).chain(as_fast) {
            for latency in [1, 20, 100] {
                let mut centre = Centre::new(how, rate).at_random(part, latency);
                let mut pace = Pace::new(Some(u32::try_from(limit).unwrap()), SECOND, start);
                let (mut run, mut asked) =
                    (Run { taken: 0, refused: 0, millis: 0 }, Vec::<u64>::new());
                // The centre is away for a while, too.
                run.go(&mut pace, start, 4 * limit, latency, |millis| {
                    asked.push(millis);
                    !(1_500..2_500).contains(&millis) && centre.takes(millis)
                });
                // What a timer was late is caught up with: one more in two hundred.
                let most = limit + limit / 200 + 1;
                let within =
                    |first: usize| asked[first..].partition_point(|at| *at < asked[first] + 1_000);
                let is = (0..asked.len()).map(within).max().unwrap();
                let what = format!("{how:?} at {rate}/s, {part} of a thousand, {latency} ms");
                assert!(is <= usize::try_from(most).unwrap(), "{what}: {is} at {limit}/s");
            }
        }
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
                let what = format!("{before} to {after}, {how:?}, {latency} ms");
                assert!(hundredths <= 130, "{what}: {hundredths}");
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

#[test]
fn a_centre_that_takes_everything_again_after_it_was_away_is_not_slowed_down() {
    let mut centre = Centre::new(Count::Nothing, 1);
    let run = run(500, 5, |millis| !(50..10_000).contains(&millis) && centre.takes(millis));
    // The last question before it is back was an eighth of that time ago, or a second.
    assert!(run.millis <= 10_000 + 1_250 + 500, "{} ms", run.millis);
}

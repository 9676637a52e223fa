//! How fast we may submit: by our own limit, and by what the centre takes.
//!
//! A centre that asks to slow down does not say to what rate, nor how it counts: by the second of its clock, over the last
//! second, with a bucket, or from one message to the next. All of them take messages that are evenly spaced at their rate, so
//! only the spacing is looked for. A refusal is how one knows that there was no room, and what was taken between two such
//! moments is what the centre allows:
//!
//! ```text
//!   nothing known --refused--> a spacing, as it took them --- taken a while ---> closer, and closer faster
//!                                    ^                                                     |
//!                                    +---- a little wider, or as measured <----refused-----+
//! ```
//!
//! The pace goes on pressing, so that one submission in ten or so is refused while messages wait: at a lower one nobody would
//! see that the centre takes more. A centre that refuses one in ten at random is therefore not fled from.

use std::time::Duration;

use tokio::time::Instant;

use crate::smpp::status::Status;

/// Submissions taken at once when no rate is set.
const MAX_BATCH: usize = 64;

/// Submissions under way at first, before the centre has taken one: what is refused of them is known of too late.
const AT_FIRST: usize = 4;

/// A timer is this late at most; with a limit of our own, what it was late may be caught up.
const CATCH_UP: Duration = Duration::from_millis(5);

/// Centres count by the second.
const SECOND: Duration = Duration::from_secs(1);

/// A first pause is this part of the spacing, so that a place in a centre's count is found soon after it is free.
const PAUSE_PART: u32 = 6;

/// The first pause while no spacing is known.
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// The shortest pause.
const MIN_PAUSE: Duration = Duration::from_millis(1);

/// Pauses double up to this, or up to the spacing: some seventeen questions until the second of a centre's clock is over.
const ASK_EVERY: Duration = Duration::from_millis(60);

/// A centre that takes nothing for longer is asked less and less: after another such part of the time that it took nothing.
const PATIENCE_PART: u32 = 8;

/// How many times a pause doubles.
const MAX_DOUBLINGS: u32 = 16;

/// So many refusals in a row are a count that is full. Fewer are a spacing that is a little too close, or none at all.
const FULL: u32 = 4;

/// After a count was full, the pace that was measured is kept for so long: what is too much is seen at the end of a second.
const KEPT_WHEN_FULL: Duration = Duration::from_millis(1_500);

/// A centre that takes nothing for longer is away: no count by the second is full for so long.
const AWAY: Duration = Duration::from_secs(2);

/// Messages without which a measure says only how wide the spacing need be at most.
const SURE_FROM: u32 = 4;

/// Messages that are taken at a spacing before it becomes closer.
const KEPT_FOR: u32 = 8;

/// Messages in which the steps closer double.
const DOUBLES_IN: u32 = 5;

/// Steps, in ten-thousandths of the spacing: the first closer, the longest closer, one closer from a measure of a few
/// messages, the first wider, the longest wider.
const CLOSER: u32 = 40;
const MAX_CLOSER: u32 = 2_000;
const UNSURE_CLOSER: u32 = 1_500;
const WIDER: u32 = 80;
const MAX_WIDER: u32 = 2_500;
const WHOLE: u32 = 10_000;

/// A spacing below this is none.
const MIN_GAP: Duration = Duration::from_micros(200);

/// The widest spacing. A centre that takes fewer is asked a few times for each message; one that refuses many at random,
/// whatever the spacing, does not bring the line to a stand.
const MAX_GAP: Duration = Duration::from_millis(250);

/// The spacing of submissions.
pub(super) struct Pace {
    /// By our own limit.
    limit: Option<Duration>,
    /// By what the centre takes; none as long as it takes everything.
    learned: Option<Duration>,
    /// It is from a few messages only.
    unsure: bool,
    longest_pause: Duration,
    next: Instant,
    paused_until: Instant,
    /// Pauses since the last submission that was taken.
    pauses: u32,
    last_refused: Instant,
    last_taken: Instant,
    /// Taken since the last refusal.
    run: u32,
    /// Of these, at the spacing that the run began with.
    kept: u32,
    kept_until: Instant,
    wider: u32,
    /// What was taken of late: in a second at least, and in this one.
    before: Span,
    span: Span,
}

/// Messages that were taken, since a moment when there was room.
#[derive(Clone, Copy)]
struct Span {
    began: Instant,
    taken: u32,
    /// Times when there was no room.
    refusals: u32,
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
            limit: max_per_second.and_then(|rate| SECOND.checked_div(rate)),
            learned: None,
            unsure: false,
            longest_pause,
            next: now,
            paused_until: now,
            pauses: 0,
            last_refused: now,
            last_taken: now,
            run: 0,
            kept: 0,
            kept_until: now,
            wider: WIDER,
            before: Span::at(now),
            span: Span::at(now),
        }
    }

    /// How many may be submitted when so many wait for their answers. While the centre takes nothing, one at a time asks; at
    /// the beginning, a few more are under way than it has taken.
    pub(super) fn room(&self, under_way: usize, now: Instant) -> Room {
        let earliest = self.next.max(self.paused_until);
        let started = usize::try_from(self.run).unwrap_or(usize::MAX).saturating_add(AT_FIRST);
        let free = if self.learned.is_some() { 1 } else { started.saturating_sub(under_way) };
        if under_way > 0 && (self.pauses > 1 || free == 0) {
            Room::AfterAnswer
        } else if now < earliest {
            Room::At(earliest)
        } else if self.gap().is_some() || self.pauses > 0 {
            Room::Now(1)
        } else {
            Room::Now(free.min(MAX_BATCH))
        }
    }

    fn gap(&self) -> Option<Duration> {
        self.limit.max(self.learned)
    }

    /// Notes a submission.
    pub(super) fn took(&mut self, now: Instant) {
        let Some(gap) = self.gap() else { return };
        let idle = now.saturating_duration_since(self.next);
        if idle > CATCH_UP + gap / 4 {
            // Messages that come more slowly than the pace say nothing of what the centre would take.
            (self.run, self.kept) = (0, 0);
        }
        if idle > SECOND / 4 {
            (self.before, self.span) = (Span::at(now), Span::at(now));
        }
        // Nothing is caught up with at the centre's pace: some count from one message to the next.
        let from = match self.learned {
            Some(_) => now,
            None => self.next.max(now.checked_sub(CATCH_UP).unwrap_or(now)),
        };
        self.next = from + gap;
    }

    /// Notes an answer, when so many others wait for theirs.
    pub(super) fn answered(&mut self, status: Status, under_way: usize, now: Instant) {
        // All that were on their way when a pause began are answered alike: they make one pause.
        let in_pause = now < self.paused_until;
        match (status.is_throttling(), in_pause) {
            (true, true) => {}
            (true, false) => self.refused(under_way, now),
            (false, _) => {
                if self.pauses > 0 && !in_pause {
                    self.room_again(now);
                }
                self.taken(now);
            }
        }
    }

    fn refused(&mut self, under_way: usize, now: Instant) {
        self.last_refused = now;
        let gap = self.gap();
        let first = gap.map_or(FIRST_PAUSE, |gap| gap / PAUSE_PART).max(MIN_PAUSE);
        let doubled = first.saturating_mul(2_u32.pow(self.pauses.min(MAX_DOUBLINGS)));
        let nothing_for = now.saturating_duration_since(self.last_taken);
        let longest = ASK_EVERY.max(gap.unwrap_or_default()).max(nothing_for / PATIENCE_PART);
        let pause = doubled.min(longest).min(self.longest_pause);
        self.pauses = self.pauses.saturating_add(1);
        if under_way == 0 {
            // Nothing was taken at the time of the last submission: the spacing does not count from there.
            self.next = now + pause;
        }
        if under_way == 0 || self.pauses > 1 {
            self.paused_until = now + pause;
        }
    }

    /// One was taken after one or more were not.
    fn room_again(&mut self, now: Instant) {
        let was_full = self.pauses >= FULL;
        self.pauses = 0;
        self.span.refusals = self.span.refusals.saturating_add(1);
        self.wider = if self.run > 1 { WIDER } else { (self.wider * 3 / 2).min(MAX_WIDER) };
        let taken = self.before.taken.saturating_add(self.span.taken);
        // Until the last moment at which there was no room, so that it is rather too close than too wide.
        let lasted = self.last_refused.saturating_duration_since(self.before.began);
        let measured = lasted.checked_div(taken).map(|gap| gap.min(self.longest_pause));
        let was_away = now.saturating_duration_since(self.last_taken) > AWAY;
        self.unsure = self.unsure && self.run > 1 && !was_full;
        match (self.learned, measured) {
            (None, None) => {}
            (Some(gap), Some(measured)) if was_full && !was_away => {
                self.learned = Some(measured.max(gap));
                self.unsure = taken < SURE_FROM;
            }
            (Some(_), _) if was_away => {}
            (Some(gap), _) => self.learned = Some(scaled(gap, WHOLE + self.wider)),
            // One in a few may be none of the spacing's doing.
            (None, Some(_))
                if !was_full && self.span.refusals.saturating_mul(4) < self.span.taken => {}
            (None, Some(measured)) => {
                self.learned = Some(measured.max(MIN_GAP));
                self.unsure = taken < SURE_FROM;
            }
        }
        self.learned = self.learned.map(|gap| gap.min(MAX_GAP));
        if was_full {
            self.kept_until = now + KEPT_WHEN_FULL;
            (self.before, self.span) = (Span::at(now), Span::at(now));
        }
        (self.run, self.kept) = (0, 0);
    }

    fn taken(&mut self, now: Instant) {
        self.last_taken = now;
        if now.saturating_duration_since(self.span.began) > SECOND {
            self.before = std::mem::replace(&mut self.span, Span::at(now));
        }
        self.span.taken = self.span.taken.saturating_add(1);
        self.run = self.run.saturating_add(1);
        let Some(gap) = self.learned else { return };
        let closer = if self.unsure {
            UNSURE_CLOSER
        } else if self.run <= KEPT_FOR || now < self.kept_until {
            self.kept = self.run;
            return;
        } else {
            let doublings =
                (self.run.saturating_sub(self.kept + 1) / DOUBLES_IN).min(MAX_DOUBLINGS);
            CLOSER.saturating_mul(2_u32.pow(doublings)).min(MAX_CLOSER)
        };
        self.learned = Some(scaled(gap, WHOLE - closer)).filter(|gap| *gap > MIN_GAP);
    }
}

impl Span {
    const fn at(now: Instant) -> Self {
        Self { began: now, taken: 0, refusals: 0 }
    }
}

fn scaled(gap: Duration, ten_thousandths: u32) -> Duration {
    gap.saturating_mul(ten_thousandths) / WHOLE
}

#[cfg(test)]
mod tests;

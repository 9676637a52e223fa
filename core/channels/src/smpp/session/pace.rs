//! How fast we may submit: by our own limit, and by what the centre takes.
//!
//! A centre that asks to slow down does not say to what rate, nor how it counts: by the second of its clock, over the last
//! second, with a bucket, or from one message to the next; or it counts nothing, and refuses one in a few at random. All of
//! them take messages that are evenly spaced at their rate, so only the spacing is looked for:
//!
//! ```text
//!   nothing known --takes no more--> a spacing, as it took them --- taken a while ---> closer, and closer faster
//!        ^                              ^        ^                                          |
//!        |                              |        +--- wider, or as measured <--- too much --+
//!        +---- closer than matters -----+---- as before: at random <--- does not help --+
//! ```
//!
//! A slower pace is worth something only where it makes refusals fewer, so that is what is judged ([`noise`]), as
//! PCC does with packets that are lost (Dong et al., NSDI 2015), and not the single refusal. The pace goes on pressing: at a
//! lower one nobody would see that the centre takes more.

mod noise;
mod spacing;

use std::time::Duration;

use tokio::time::Instant;

use self::{noise::Noise, spacing::Spacing};
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

/// A centre that takes nothing for longer is away: no count by the second is full for so long.
const AWAY: Duration = Duration::from_secs(2);

/// Messages without which a measure says only how wide the spacing need be at most.
const SURE_FROM: u32 = 4;

/// The spacing of submissions.
pub(super) struct Pace {
    /// By our own limit.
    limit: Option<Duration>,
    /// By what the centre takes.
    spacing: Spacing,
    noise: Noise,
    longest_pause: Duration,
    /// When our own limit lets the next one go, whatever became of those before.
    within_limit: Instant,
    /// When the centre's spacing does.
    next: Instant,
    paused_until: Instant,
    /// Pauses since the last submission that was taken.
    pauses: u32,
    last_refused: Instant,
    last_taken: Instant,
    /// What was taken of late: in a second at least, and in this one.
    before: Span,
    span: Span,
}

/// Messages that were taken, since a moment when there was room.
#[derive(Clone, Copy)]
struct Span {
    began: Instant,
    taken: u32,
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
            spacing: Spacing::none(now),
            noise: Noise::new(),
            longest_pause,
            within_limit: now,
            next: now,
            paused_until: now,
            pauses: 0,
            last_refused: now,
            last_taken: now,
            before: Span::at(now),
            span: Span::at(now),
        }
    }

    /// How many may be submitted when so many wait for their answers. While the centre takes nothing, one at a time asks; at
    /// the beginning, a few more are under way than it has taken.
    pub(super) fn room(&self, under_way: usize, now: Instant) -> Room {
        let earliest = self.spaced_from().max(self.paused_until);
        let started =
            usize::try_from(self.spacing.run()).unwrap_or(usize::MAX).saturating_add(AT_FIRST);
        let free = if self.is_spaced() { 1 } else { started.saturating_sub(under_way) };
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

    const fn is_spaced(&self) -> bool {
        self.spacing.gap().is_some()
    }

    fn gap(&self) -> Option<Duration> {
        self.limit.max(self.spacing.gap())
    }

    fn spaced_from(&self) -> Instant {
        self.next.max(self.within_limit)
    }

    /// Notes a submission.
    pub(super) fn took(&mut self, now: Instant) {
        self.spacing.age(&mut self.noise, now);
        let gap = self.gap();
        let since = if gap.is_some() { self.spaced_from() } else { self.last_taken };
        let idle = now.saturating_duration_since(since);
        if self.pauses == 0 && idle > SECOND / 4 {
            (self.before, self.span) = (Span::at(now), Span::at(now));
        }
        let Some(gap) = gap else { return };
        if idle > CATCH_UP + gap / 4 {
            self.spacing.idle();
        }
        if let Some(limit) = self.limit {
            let late = now.checked_sub(CATCH_UP).unwrap_or(now);
            self.within_limit = self.within_limit.max(late) + limit;
        }
        // Nothing is caught up with at the centre's pace: some count from one message to the next.
        if let Some(spacing) = self.spacing.gap() {
            self.next = now + spacing;
        }
    }

    /// Notes an answer, when so many others wait for theirs.
    pub(super) fn answered(&mut self, status: Status, under_way: usize, now: Instant) {
        let in_pause = now < self.paused_until;
        let of_before = self.spacing.answered();
        match (status.is_throttling(), in_pause) {
            // All that were on their way when a pause began are answered alike: they make one pause.
            (true, true) => {}
            (true, false) => self.refused(of_before, under_way, now),
            (false, _) => {
                if self.pauses > 0 && !in_pause {
                    self.room_again(under_way, now);
                }
                self.noise.taken(self.is_spaced());
                self.taken(now);
                self.spacing.taken(of_before, under_way, &mut self.noise, now);
            }
        }
    }

    fn refused(&mut self, of_before: bool, under_way: usize, now: Instant) {
        let is_judged = self.spacing.is_judged(of_before);
        self.noise.refused(self.is_spaced(), is_judged);
        if self.pauses > 0 || self.noise.is_too_much(self.is_spaced()) {
            self.pause(under_way, now);
        } else if self.is_spaced() && under_way == 0 {
            // At random: again at once.
            self.next = now + MIN_PAUSE;
        }
    }

    fn pause(&mut self, under_way: usize, now: Instant) {
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

    /// One was taken after more were refused than at random.
    fn room_again(&mut self, under_way: usize, now: Instant) {
        let emptied = self.noise.is_full();
        let full = emptied || !self.is_spaced();
        self.pauses = 0;
        self.noise.room_again();
        let taken = self.before.taken.saturating_add(self.span.taken);
        // Until the last moment at which there was no room, so that it is rather too close than too wide.
        let lasted = self.last_refused.saturating_duration_since(self.before.began);
        let measured = lasted.checked_div(taken).map(|gap| gap.min(self.longest_pause));
        let was_away = now.saturating_duration_since(self.last_taken) > AWAY;
        match measured {
            _ if was_away => {}
            Some(measured) if full => {
                // Without that, there was room all the time for one of many at once.
                let sure = taken >= SURE_FROM && (emptied || self.is_spaced());
                self.spacing.full(measured, sure, &mut self.noise, now);
            }
            measured => {
                let measured = measured.filter(|_| taken >= SURE_FROM);
                self.spacing.wider(measured, &mut self.noise, now);
            }
        }
        if full {
            (self.before, self.span) = (Span::at(now), Span::at(now));
        }
        self.spacing.refused(under_way, now);
    }

    fn taken(&mut self, now: Instant) {
        self.last_taken = now;
        if now.saturating_duration_since(self.span.began) > SECOND {
            self.before = std::mem::replace(&mut self.span, Span::at(now));
        }
        self.span.taken = self.span.taken.saturating_add(1);
    }
}

impl Span {
    const fn at(now: Instant) -> Self {
        Self { began: now, taken: 0 }
    }
}

#[cfg(test)]
mod tests;

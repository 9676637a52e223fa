//! The spacing that the centre takes.

use std::time::Duration;

use tokio::time::Instant;

use super::noise::Noise;

/// After a refusal the spacing is kept for so long: what is too much for a second is seen at its end.
const KEPT_AFTER_REFUSAL: Duration = Duration::from_millis(1_500);

/// Messages that are taken at a spacing before it becomes closer.
const KEPT_FOR: u32 = 8;

/// Steps closer in which they double.
const DOUBLES_IN: u32 = 5;
const MAX_DOUBLINGS: u32 = 16;

/// Steps, in ten-thousandths of the spacing: the first closer, the longest closer, one closer from a measure that says only
/// how wide the spacing need be at most, the first wider, the longest wider.
const CLOSER: u32 = 40;
const MAX_CLOSER: u32 = 2_000;
const UNSURE_CLOSER: u32 = 3_000;
const WIDER: u32 = 120;
const MAX_WIDER: u32 = 2_500;
const WHOLE: u32 = 10_000;

/// In ten-thousandths of one that was too close: as near as one goes to it while it is kept in mind, and what is near.
const NEAREST: u32 = 10_150;
const NEAR: u32 = 10_200;

/// If a spacing that is so much wider does not help, the refusals are none of its doing.
const HELPS_WITHIN: u32 = 12_000;

/// Without a refusal for so long, half of a spacing is forgotten: the centre may take more by now.
const HALVED_AFTER: Duration = Duration::from_secs(60);

/// A spacing below this is none.
const MIN_GAP: Duration = Duration::from_micros(200);

/// The widest spacing. A centre that takes fewer is asked a few times for each message.
const MAX_GAP: Duration = Duration::from_millis(250);

/// The spacing that the centre takes, as far as it is known.
pub(super) struct Spacing {
    /// None as long as it takes everything.
    gap: Option<Duration>,
    /// It need be so wide at most.
    unsure: bool,
    /// Taken since the last refusal that was not at random.
    run: u32,
    /// Of these, those without a step closer.
    kept: u32,
    /// Answers to come to what was submitted at the spacing before, and whether that was closer.
    unseen: usize,
    was_closer: bool,
    /// The last steps.
    closer: u32,
    wider: u32,
    /// The spacing that was too close, and until when it is kept in mind.
    too_close: Duration,
    kept_until: Instant,
    /// The spacing from which it becomes wider.
    from: Duration,
    /// When it was last refused, or halved.
    ages_from: Instant,
}

impl Spacing {
    pub(super) const fn none(now: Instant) -> Self {
        Self {
            gap: None,
            unsure: false,
            run: 0,
            kept: 0,
            unseen: 0,
            was_closer: false,
            closer: 0,
            wider: WIDER,
            too_close: Duration::ZERO,
            kept_until: now,
            from: Duration::ZERO,
            ages_from: now,
        }
    }

    pub(super) const fn gap(&self) -> Option<Duration> {
        self.gap
    }

    pub(super) const fn run(&self) -> u32 {
        self.run
    }

    /// Messages that come more slowly than the pace say nothing of what the centre would take.
    pub(super) const fn idle(&mut self) {
        (self.run, self.kept) = (0, 0);
    }

    /// Forgets what is old.
    pub(super) fn age(&mut self, noise: &mut Noise, now: Instant) {
        while let Some(gap) = self.gap.filter(|_| self.ages_from + HALVED_AFTER <= now) {
            self.ages_from += HALVED_AFTER;
            self.idle();
            self.closer_to(gap / 2, noise);
        }
    }

    /// Notes an answer. Whether it is to what was submitted at the spacing before.
    pub(super) const fn answered(&mut self) -> bool {
        let of_before = self.unseen > 0;
        self.unseen = self.unseen.saturating_sub(1);
        of_before
    }

    /// Whether a refusal says something of this spacing: also what came at a wider one was too close.
    pub(super) const fn is_judged(&self, of_before: bool) -> bool {
        !(of_before && self.was_closer)
    }

    /// The centre took nothing for a while, and so many before.
    pub(super) fn full(&mut self, measured: Duration, sure: bool, noise: &mut Noise, now: Instant) {
        match self.gap {
            Some(gap) => self.gap = Some(measured.max(gap).min(MAX_GAP)),
            None => {
                self.gap = Some(measured.clamp(MIN_GAP, MAX_GAP));
                noise.forget(true);
            }
        }
        self.unsure = !sure;
        self.from = self.gap.unwrap_or_default();
        noise.closest();
        (self.too_close, self.kept_until) = if sure {
            (self.from, now + KEPT_AFTER_REFUSAL)
        } else {
            (Duration::ZERO, self.kept_until)
        };
    }

    /// More was refused than at random.
    pub(super) fn wider(&mut self, measured: Option<Duration>, noise: &mut Noise, now: Instant) {
        let Some(gap) = self.gap else { return };
        self.unsure = false;
        (self.too_close, self.kept_until) = (gap, now + KEPT_AFTER_REFUSAL);
        // As it was before the last step closer; longer steps if that does not help.
        let back = self.closer * WHOLE / (WHOLE - self.closer);
        self.wider = if self.run >= KEPT_FOR {
            back.max(WIDER)
        } else {
            (self.wider * 3 / 2).min(MAX_WIDER)
        };
        // At random, hardly ever more than half of what is submitted is refused.
        let least = measured.unwrap_or_default() / 2;
        let wider = scaled(gap, WHOLE + self.wider).max(least);
        let helps = wider <= scaled(self.from, HELPS_WITHIN) && !noise.stays();
        if !helps && wider > least && noise.learn() {
            (self.too_close, self.kept_until) = (Duration::ZERO, now);
            self.gap = Some(self.from);
        } else {
            self.gap = Some(wider.min(MAX_GAP));
            if !helps {
                self.from = wider;
                noise.closest();
            }
        }
    }

    /// The next answers are to what was submitted before, at a closer spacing.
    pub(super) const fn refused(&mut self, under_way: usize, now: Instant) {
        (self.unseen, self.was_closer) = (under_way, true);
        (self.run, self.kept, self.closer) = (0, 0, 0);
        self.ages_from = now;
    }

    /// One was taken; closer, if it has been so for a while.
    pub(super) fn taken(
        &mut self,
        of_before: bool,
        under_way: usize,
        noise: &mut Noise,
        now: Instant,
    ) {
        self.run = self.run.saturating_add(1);
        let Some(gap) = self.gap else { return };
        let in_mind = now < self.kept_until;
        if of_before {
            self.kept = self.kept.saturating_add(1);
            return;
        }
        self.closer = if self.unsure {
            UNSURE_CLOSER
        } else if self.run <= KEPT_FOR || in_mind && gap <= scaled(self.too_close, NEAR) {
            self.kept = self.run;
            return;
        } else {
            let doublings =
                (self.run.saturating_sub(self.kept + 1) / DOUBLES_IN).min(MAX_DOUBLINGS);
            CLOSER.saturating_mul(2_u32.pow(doublings)).min(MAX_CLOSER)
        };
        let nearest = if in_mind { scaled(self.too_close, NEAREST) } else { Duration::ZERO };
        (self.unseen, self.was_closer) = (under_way, false);
        self.closer_to(scaled(gap, WHOLE - self.closer).max(nearest), noise);
    }

    fn closer_to(&mut self, gap: Duration, noise: &mut Noise) {
        self.gap = Some(gap).filter(|gap| *gap > MIN_GAP);
        if self.gap.is_none() {
            noise.forget(false);
        }
        self.from = self.from.min(gap);
        noise.closest();
    }
}

fn scaled(gap: Duration, ten_thousandths: u32) -> Duration {
    gap.saturating_mul(ten_thousandths) / WHOLE
}

//! Refusals that no pace makes fewer.
//!
//! Some centres refuse one submission in a few whatever the pace: one that is busy, or one behind which several take turns.
//! Going slower does not help there. How many those are is known from what was refused while the spacing became wider and
//! wider: of what was too close, less is refused then.

/// Parts of a share.
const WHOLE: u32 = 10_000;

/// How likely something is, as a part of this.
const CERTAIN: u64 = 1_000_000_000;

/// Refusals that are so unlikely at random are a centre that takes nothing for now.
const FULL: u64 = CERTAIN / 10_000;

/// Refusals that are so unlikely at random are a spacing that is too close.
const TOO_CLOSE: u64 = CERTAIN / 10;

/// As long as nothing is known, one in two may be refused at random.
const AT_FIRST: u32 = 5_000;

/// And so many of a centre that is asked for more than it takes, while no spacing is known.
const OF_TOO_MANY: u64 = 9_000;

/// So many are always thought to be at random: the pace presses.
const LEAST: u32 = 500;

/// So many may be at once; more, only if a wider spacing did not help.
const EASILY: u32 = 1_000;

/// More cannot be told from a spacing that is too close: there, each that follows one that was taken is refused.
const MOST: u32 = 7_500;

/// Submissions from which a share is known, and after which older ones count half.
const KNOWN_FROM: u32 = 24;
const OLD_AFTER: u32 = 64;

/// What is refused, and how much of it may be at random.
pub(super) struct Noise {
    /// The share that is refused at random.
    share: u32,
    lately: Share,
    /// Since the spacing was last as close as it has been.
    wider: Share,
    /// Whether the last answer was that the submission is taken. Only what follows such a one tells the share: the next ones
    /// find the same moment.
    after_taken: bool,
    /// How likely the refusals in a row are at random, up to now.
    row: u64,
    /// How likely the refusals are at random until two in a row were taken; while no spacing is known, how much likelier it is that
    /// refusals are at random than that the centre is asked for too much (Wald's sequential test).
    all: u64,
}

/// Submissions after one that was taken.
#[derive(Clone, Copy, Default)]
struct Share {
    of: u32,
    refused: u32,
}

impl Noise {
    pub(super) fn new() -> Self {
        Self {
            share: AT_FIRST,
            lately: Share::default(),
            wider: Share::default(),
            after_taken: true,
            row: CERTAIN,
            all: CERTAIN,
        }
    }

    /// Notes a refusal. `is_judged` is whether it says something of the spacing that there is.
    pub(super) fn refused(&mut self, is_spaced: bool, is_judged: bool) {
        self.note(true);
        let (share, whole) = (u64::from(self.share), u64::from(WHOLE));
        self.row = self.row * u64::from(self.lately.part().min(MOST).max(self.share)) / whole;
        if !is_spaced {
            self.all = self.all * share / OF_TOO_MANY;
        } else if is_judged {
            let two_taken = (whole - share) * (whole - share) / whole;
            self.all = self.all * (whole - two_taken) / whole;
        }
    }

    /// Notes that one was taken.
    pub(super) fn taken(&mut self, is_spaced: bool) {
        let two = self.after_taken;
        self.note(false);
        self.row = CERTAIN;
        if !is_spaced {
            let taken = u64::from(WHOLE.saturating_sub(self.share));
            self.all = (self.all * taken / (u64::from(WHOLE) - OF_TOO_MANY)).min(CERTAIN);
            return;
        }
        if two {
            self.all = CERTAIN;
        }
        if self.lately.of >= KNOWN_FROM {
            self.share = self.lately.part().min(self.share.max(EASILY));
        }
    }

    fn note(&mut self, refused: bool) {
        if self.after_taken {
            self.lately.note(refused);
            self.wider.note(refused);
        }
        self.after_taken = !refused;
    }

    /// Whether the centre takes nothing for now.
    pub(super) const fn is_full(&self) -> bool {
        self.row <= FULL
    }

    /// Whether more was refused than at random.
    pub(super) const fn is_too_much(&self, is_spaced: bool) -> bool {
        self.all <= if is_spaced { TOO_CLOSE } else { FULL }
    }

    /// A moment at which there was room: what was refused before is dealt with.
    pub(super) const fn room_again(&mut self) {
        self.all = CERTAIN;
    }

    /// The spacing is as close as it has been.
    pub(super) fn closest(&mut self) {
        self.wider = Share::default();
    }

    /// Whether as much is refused as before, at a wider spacing.
    pub(super) fn stays(&self) -> bool {
        self.wider.of >= KNOWN_FROM && self.wider.part() > self.share.max(EASILY)
    }

    /// A wider spacing did not help. Whether so much is refused at random, which is known from now on.
    pub(super) fn learn(&mut self) -> bool {
        let part = self.wider.part();
        self.wider = Share::default();
        let learned = part <= MOST;
        if learned {
            self.share = part;
        }
        learned
    }

    /// A spacing was found, or there is none any more: nothing is known of what it refuses at random.
    pub(super) fn forget(&mut self, is_spaced: bool) {
        self.share = if is_spaced { LEAST } else { AT_FIRST };
        self.lately = Share::default();
        self.all = CERTAIN;
    }
}

impl Share {
    const fn note(&mut self, refused: bool) {
        self.of += 1;
        if refused {
            self.refused += 1;
        }
        if self.of >= OLD_AFTER {
            self.of /= 2;
            self.refused /= 2;
        }
    }

    fn part(self) -> u32 {
        self.refused.saturating_mul(WHOLE).checked_div(self.of).unwrap_or_default().max(LEAST)
    }
}

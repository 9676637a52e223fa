//! How a phone stands: failures in a row, and what waits for it.

use serde::{Deserialize, Serialize};

use super::{LimitSettings, index};
use crate::{
    address::Msisdn,
    error::Error,
    id::ChallengeId,
    ports::Ports,
    record::{Stored, Version},
    refusal::Refusal,
    time::Timestamp,
};

/// After so many failures in a row nothing but an operator's unlocking helps (NIST SP 800-63B section 5.2.2).
const MAX_FAILURES: u32 = 100;
const LONGEST_BLOCK_SECONDS: u32 = 86_400;

/// What was typed wrong in a row for a phone, and which payments wait for its codes.
///
/// It is of the number and not of a name: of all names that a phone has, each failure counts here, so that no name ever has more
/// of them, and somebody who takes another's name blocks nobody. Only the phone's holder can read a code, which ends it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Standing {
    /// A keyed hash of the number.
    number: String,
    failures: u32,
    blocked_until: Option<Timestamp>,
    /// Whether the phone was told of this block.
    told: bool,
    waiting: Vec<Pending>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Pending {
    challenge: ChallengeId,
    /// From then on it waits no more, whether or not somebody has looked.
    until: Timestamp,
}

/// As it was found; the version is none where there is no record yet.
pub(super) struct Found {
    pub(super) version: Option<Version>,
    pub(super) standing: Standing,
}

/// How that phone stands; under an older key, if it was begun under one.
pub(super) async fn find(ports: &Ports, number: &Msisdn) -> Result<Found, Error> {
    for id in ports.keys.limit_indexes(number.expose()) {
        if let Some(found) = ports.store.find::<Standing>(&id).await? {
            return Ok(Found { version: Some(found.version), standing: found.value });
        }
    }
    let standing = Standing::of(index(&ports.keys, number.expose())?);
    Ok(Found { version: None, standing })
}

impl Standing {
    const fn of(number: String) -> Self {
        Self { number, failures: 0, blocked_until: None, told: false, waiting: Vec::new() }
    }

    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// Why no code is asked for or looked at now, if so.
    pub(super) fn refusal(&self, now: Timestamp) -> Option<Refusal> {
        if self.failures >= MAX_FAILURES {
            return Some(Refusal::Locked);
        }
        let until = self.blocked_until.filter(|until| *until > now)?;
        Some(Refusal::Blocked { wait_seconds: until.seconds_from(now) })
    }

    /// Why no further payment may wait, if so; 0 is no limit.
    pub(super) fn full(&self, at_most: u32, now: Timestamp) -> Option<Refusal> {
        let ends: Vec<_> =
            self.waiting.iter().map(|pending| pending.until).filter(|until| *until > now).collect();
        let is_full = at_most > 0 && u32::try_from(ends.len()).is_ok_and(|n| n >= at_most);
        let first = ends.into_iter().min().filter(|_| is_full)?;
        Some(Refusal::TooManyWaiting { wait_seconds: first.seconds_from(now) })
    }

    /// With one more payment that waits.
    pub(super) fn waiting_for(
        mut self,
        challenge: &ChallengeId,
        until: Timestamp,
        at_most: u32,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        if let Some(full) = self.full(at_most, now) {
            return Err(full);
        }
        self.waiting.retain(|pending| pending.until > now);
        self.waiting.push(Pending { challenge: challenge.clone(), until });
        Ok(self)
    }

    /// Without a challenge that is over.
    pub(super) fn ended(mut self, challenge: &ChallengeId) -> Self {
        self.waiting.retain(|pending| pending.challenge != *challenge);
        self
    }

    /// With one more response, which counts as wrong until it is known to be right.
    pub(super) fn counted(mut self, settings: &LimitSettings, now: Timestamp) -> Self {
        self.failures = self.failures.saturating_add(1);
        if let Some(more) = self.failures.checked_sub(settings.failures_in_a_row) {
            let first = settings.block_minutes.saturating_mul(60);
            let doubled = first.saturating_mul(2_u32.saturating_pow(more));
            self.blocked_until = Some(now.plus_seconds(doubled.min(LONGEST_BLOCK_SECONDS)));
            self.told = false;
        }
        self
    }

    /// After a right code.
    pub(super) fn proved(mut self) -> Self {
        (self.failures, self.blocked_until, self.told) = (0, None, false);
        self
    }

    /// Until when it is blocked, where the phone was not told so yet; and the same, told.
    pub(super) fn tell(mut self, now: Timestamp) -> (Self, Option<Timestamp>) {
        let until = self.blocked_until.filter(|until| *until > now && !self.told);
        self.told |= until.is_some();
        (self, until)
    }
}

impl Stored for Standing {
    const COLLECTION: &'static str = "standing";

    fn id(&self) -> &str {
        &self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000);

    fn after(failures: u32) -> Standing {
        let settings = LimitSettings::default();
        (0..failures).fold(Standing::of("1".to_owned()), |s, _| s.counted(&settings, NOW))
    }

    #[test]
    fn a_block_begins_with_the_fifth_failure_doubles_up_to_a_day_and_ends_in_a_lock() {
        let blocked = |wait_seconds| Some(Refusal::Blocked { wait_seconds });
        for (failures, refusal) in [
            (0, None),
            (4, None),
            (5, blocked(15 * 60)),
            (6, blocked(30 * 60)),
            (7, blocked(60 * 60)),
            (11, blocked(16 * 3600)),
            (12, blocked(86_400)),
            (99, blocked(86_400)),
            (100, Some(Refusal::Locked)),
            (1_000, Some(Refusal::Locked)),
        ] {
            assert_eq!(after(failures).refusal(NOW), refusal, "{failures}");
        }
        assert_eq!(after(5).refusal(NOW.plus_seconds(15 * 60)), None);
        assert_eq!(after(100).proved().refusal(NOW), None);
    }

    #[test]
    fn a_block_is_told_once() {
        let (told, until) = after(5).tell(NOW);
        assert_eq!(until, Some(NOW.plus_seconds(15 * 60)));
        assert_eq!(told.clone().tell(NOW).1, None);
        let next = told.counted(&LimitSettings::default(), NOW);
        assert!(next.tell(NOW).1.is_some(), "the next block is another one");
        assert_eq!(after(4).tell(NOW).1, None);
    }

    #[test]
    fn what_waits_is_bounded_and_its_places_are_free_when_it_ends_or_its_time_runs_out() {
        let id = |n: u32| ChallengeId::try_from(format!("ch_{n:032x}")).unwrap();
        let until = NOW.plus_seconds(300);
        let one = after(0).waiting_for(&id(1), until, 2, NOW).unwrap();
        let two = one.waiting_for(&id(2), until.plus_seconds(60), 2, NOW).unwrap();
        let full = Err(Refusal::TooManyWaiting { wait_seconds: 300 });
        assert_eq!(two.clone().waiting_for(&id(3), until, 2, NOW), full);
        assert!(two.clone().ended(&id(2)).waiting_for(&id(3), until, 2, NOW).is_ok());
        assert!(two.waiting_for(&id(3), until, 2, until).is_ok());
    }
}

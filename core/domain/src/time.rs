//! Points in time, as the [`Clock`](crate::ports::Clock) port tells them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch. The domain never reads a wall clock: time comes in through a port.
///
/// Patent: *marqueur temporel*.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Before all that is kept.
    pub const EPOCH: Self = Self(0);

    /// A point in time, in milliseconds since the Unix epoch.
    pub const fn from_unix_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// A point in time, in seconds since the Unix epoch.
    pub const fn from_unix_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub const fn unix_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The point `seconds` later.
    #[must_use]
    pub fn plus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(u64::from(seconds).saturating_mul(1000)))
    }

    /// The point `seconds` before.
    #[must_use]
    pub fn minus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_sub(u64::from(seconds).saturating_mul(1000)))
    }

    /// Whole seconds from `now` until this point, rounded up; 0 when it has passed.
    pub fn seconds_from(self, now: Self) -> u32 {
        u32::try_from(self.0.saturating_sub(now.0).div_ceil(1000)).unwrap_or(u32::MAX)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.unix_seconds(), self.0 % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_rounded_up_and_never_negative() {
        let end = Timestamp::from_unix_millis(10_001);
        assert_eq!(end.seconds_from(Timestamp::from_unix_millis(9_000)), 2);
        assert_eq!(end.seconds_from(Timestamp::from_unix_millis(10_001)), 0);
        assert_eq!(end.seconds_from(Timestamp::from_unix_millis(20_000)), 0);
    }
}

//! Limits of a phone, of a client and of a relying party, over all challenges and all processes.
//!
//! Windows are counters that the commit checks ([`Count`]), so that a batch that is not committed counts
//! nothing. Failures in a row, and what waits for a phone, are a record (`standing`) in the batch that it is about, so that of two
//! things that happen at once one is done again on what the other left.

use std::net::IpAddr;

mod guard;
mod settings;
mod standing;

pub(crate) use self::guard::{Counted, Guard, Happened};
pub use self::settings::{LimitSettings, Limits};
use self::{
    guard::network_of,
    standing::{Found, Standing},
};
use crate::{
    address::Msisdn,
    error::Error,
    event::Event,
    keys::KeyRing,
    ports::Ports,
    record::{Batch, Count, StoreError, Stored as _, Window},
    time::Timestamp,
};

const DAY_SECONDS: u32 = 86_400;

/// Whether something happened to the same phone at the same time, so that all is to be done again.
pub fn is_contended(error: &Error) -> bool {
    let kind =
        |key: &str| key.split_once(' ').is_some_and(|(kind, _)| kind == Standing::COLLECTION);
    matches!(error, Error::Store(StoreError::Conflict { key }) if kind(key))
}

/// A row of wrong codes that was ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unlocked {
    /// How many there were in a row.
    pub failures: u32,
    /// Whether no code was accepted for the phone because of them.
    pub was_blocked: bool,
}

/// Forgets the failures in a row of a phone, and the block with them: what an operator does when its holder asks, as even a
/// block for good must have a way out (RTS art. 4(4)). None when there were no failures.
///
/// # Errors
/// When the store fails.
pub async fn unlock(ports: &Ports, number: &Msisdn) -> Result<Option<Unlocked>, Error> {
    let unlock = || async {
        let (now, mut batch) = (ports.clock.now(), Batch::default());
        let Found { version, standing } = standing::find(ports, number).await?;
        let failures = standing.failures();
        if failures == 0 {
            return Ok((batch, None));
        }
        let was_blocked = standing.refusal(now).is_some();
        batch.fact(standing.key(), now, Event::PhoneUnblocked { failures });
        batch.put(version, standing.proved())?;
        Ok((batch, Some(Unlocked { failures, was_blocked })))
    };
    ports.store.attempt(unlock).await
}

/// One more in a day of something that a flow limits besides: it is counted without being stored.
///
/// # Errors
/// When the ring has no current key.
pub fn one_more_a_day(
    keys: &KeyRing,
    (kind, of): (&'static str, &str),
    at_most: u32,
    now: Timestamp,
) -> Result<Count, Error> {
    let subject = format!("{kind}/{}", index(keys, of)?);
    let window = Window { counter: kind, until: now.plus_seconds(DAY_SECONDS), at_most };
    Ok(Count { subject, at: now, windows: vec![window] })
}

/// By which a client is counted: an IPv4 address, or an IPv6 network of 64 bits.
pub(crate) fn client(keys: &KeyRing, from: Option<IpAddr>) -> Result<Option<String>, Error> {
    from.map(|from| index(keys, &network_of(from))).transpose()
}

/// By which something is counted, without it being stored.
fn index(keys: &KeyRing, what: &str) -> Result<String, Error> {
    let unknown = || Error::UnknownKey(keys.current().clone());
    keys.limit_indexes(what).into_iter().next().ok_or_else(unknown)
}

//! Limits of a phone, of a client and of a relying party, over all challenges and all processes.
//!
//! Windows are counters that the commit checks ([`Count`](crate::record::Count)), so that a batch that is not committed counts
//! nothing. Failures in a row, and what waits for a phone, are a record (`standing`) in the batch that it is about, so that of two
//! things that happen at once one is done again on what the other left.

mod guard;
mod settings;
mod standing;

pub(crate) use self::guard::{Guard, Happened};
pub use self::settings::{LimitSettings, Limits};
use self::{guard::network_of, standing::Standing};
use std::net::IpAddr;

use crate::{
    address::Msisdn,
    error::Error,
    keys::KeyRing,
    ports::Ports,
    record::{Batch, StoreError, Stored as _},
};

/// Whether something happened to the same phone at the same time, so that all is to be done again.
pub fn is_contended(error: &Error) -> bool {
    let kind =
        |key: &str| key.split_once(' ').is_some_and(|(kind, _)| kind == Standing::COLLECTION);
    matches!(error, Error::Store(StoreError::Conflict { key }) if kind(key))
}

/// Forgets the failures in a row of a phone: what an operator does when its holder asks. False when there were none.
///
/// # Errors
/// When the store fails.
pub async fn unlock(ports: &Ports, number: &Msisdn) -> Result<bool, Error> {
    let unlock = || async {
        let mut batch = Batch::default();
        let found = standing::find(ports, number).await?;
        let failed = found.standing.has_failures();
        if failed {
            batch.put(found.version, found.standing.proved())?;
        }
        Ok((batch, failed))
    };
    ports.store.attempt(unlock).await
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

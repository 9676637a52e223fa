//! The configured store for a command at the terminal; servers may be running on it.

use std::sync::Arc;

use countersign_domain::ports::Ports;
use countersign_store::SqliteStore;

use crate::{
    books::configured,
    config::Config,
    error::StartError,
    system::{SystemClock, SystemEntropy},
};

/// The ports of a command. It makes no store: there must be one.
pub(crate) fn ports(config: &Config) -> Result<Ports, StartError> {
    let unusable = |error: &dyn std::fmt::Display| StartError::Store(error.to_string());
    let file = configured(config).map_err(|error| unusable(&error))?;
    if !file.exists() {
        return Err(unusable(&format!("there is no {}", file.display())));
    }
    let keys = Arc::new(config.keys.ring(&config.files)?);
    let store = SqliteStore::open_sealed(&file, Arc::clone(&keys));
    Ok(Ports {
        store: Arc::new(store.map_err(|error| unusable(&error))?),
        clock: Arc::new(SystemClock::default()),
        entropy: Arc::new(SystemEntropy::default()),
        keys,
    })
}

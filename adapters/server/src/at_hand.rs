//! The configured store for a command at the terminal; servers may be running on it.

use std::sync::Arc;

use countersign_domain::ports::Ports;

use crate::{
    config::Config,
    error::StartError,
    store_place,
    system::{SystemClock, SystemEntropy},
};

/// The ports of a command. It makes no store: there must be one.
pub(crate) async fn ports(config: &Config) -> Result<Ports, StartError> {
    let (store, keys) = store_place::existing(config).await?;
    let (clock, entropy) = (SystemClock::default(), SystemEntropy::default());
    Ok(Ports { store, clock: Arc::new(clock), entropy: Arc::new(entropy), keys })
}

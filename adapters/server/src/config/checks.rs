//! What no type says of a configuration.

use std::{path::PathBuf, sync::PoisonError};

use super::Config;
use crate::error::ConfigError;

impl Config {
    /// A key must say which relying party calls, and must be one that nobody guesses.
    pub(super) fn check_api_keys(&self) -> Result<(), ConfigError> {
        let key = "relying_party.api_key_sha256";
        for (index, client) in self.relying_parties.iter().enumerate() {
            let (id, hash) = (&client.party.id, &client.api_key_sha256);
            if hash.is_of_nothing() {
                let why = format!(
                    "of {id} is of an empty key, or of zeros; make one with: openssl rand -hex 16"
                );
                return Err(ConfigError::unusable(key, why));
            }
            let mut before = self.relying_parties.iter().take(index);
            if let Some(other) = before.find(|other| other.api_key_sha256 == *hash) {
                let why = format!(
                    "of {id} is that of {}, too: each needs a key of its own",
                    other.party.id
                );
                return Err(ConfigError::unusable(key, why));
            }
        }
        Ok(())
    }

    /// The files with secrets, of those that were read so far, that others than their owner and group can read or change.
    pub fn exposed_secrets(&self) -> Vec<PathBuf> {
        let exposed = self.files.exposed.lock().unwrap_or_else(PoisonError::into_inner);
        exposed.iter().cloned().collect()
    }
}

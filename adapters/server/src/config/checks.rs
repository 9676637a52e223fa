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

    /// Keys that would say what was revoked of the certificates that are trusted, and are not there.
    pub fn without_revocation_lists(&self) -> Vec<&'static str> {
        let checkout = self.checkout.as_ref();
        let checkout = checkout.filter(|section| section.client_authorities.is_some());
        let gateway = self.set.gateway.as_ref().map(|section| &section.revocation_lists);
        let merchant = self.set.merchant.as_ref().map(|section| &section.revocation_lists);
        let keys = [
            ("checkout.revocation_lists", checkout.map(|section| &section.revocation_lists)),
            ("set.gateway.revocation_lists", gateway),
            ("set.merchant.revocation_lists", merchant),
        ];
        let without = keys.into_iter().filter(|(_, lists)| lists.is_some_and(Vec::is_empty));
        without.map(|(key, _)| key).collect()
    }

    /// The files with secrets, of those that were read so far, that others than their owner and group can read or change.
    pub fn exposed_secrets(&self) -> Vec<PathBuf> {
        let exposed = self.files.exposed.lock().unwrap_or_else(PoisonError::into_inner);
        exposed.iter().cloned().collect()
    }
}

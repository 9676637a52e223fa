//! What no type says of a configuration.

use std::{path::PathBuf, sync::PoisonError};

use countersign_domain::{amount::Currency, time::Timestamp};

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

    /// Nobody pays in a fund or in what was withdrawn: what is configured in it would be of no use, and mostly a slip.
    pub(crate) fn check_currencies(&self, now: Timestamp) -> Result<(), ConfigError> {
        for (key, currency) in self.currencies() {
            currency.must_be_payable(now).map_err(|error| {
                let day = currency.withdrawn_from().map(day_of);
                let since = day.map_or_else(String::new, |day| format!(" as of {day}"));
                ConfigError::unusable(key, format!("names {currency}, which {}{since}", error.why))
            })?;
        }
        Ok(())
    }

    /// The keys that name a currency whose withdrawal is known and still to come, each with that currency and the first day on
    /// which a server would not start.
    pub fn withdrawn_later(&self, now: Timestamp) -> Vec<(&'static str, Currency, String)> {
        let to_come = |(key, currency): (&'static str, Currency)| {
            let from = currency.withdrawn_from().filter(|from| *from > now)?;
            Some((key, currency, day_of(from)))
        };
        self.currencies().into_iter().filter_map(to_come).collect()
    }

    /// Every currency that is configured, and by which key.
    fn currencies(&self) -> Vec<(&'static str, Currency)> {
        let policy = self.policy.limits();
        let amounts = [
            ("policy.normal_up_to", &policy.normal_up_to),
            ("policy.normal_total_up_to", &policy.normal_total_up_to),
            ("policy.no_bank_up_to", &policy.no_bank_up_to),
        ];
        let of_policy = amounts
            .into_iter()
            .flat_map(|(key, amounts)| amounts.iter().map(move |amount| (key, amount.currency())));
        let limits = self.wallet.iter().flat_map(|wallet| &wallet.limits);
        let of_wallets = limits.map(|limits| ("wallet.limits", limits.currency));
        of_policy.chain(of_wallets).collect()
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

/// Such as `2026-01-01`, UTC.
fn day_of(time: Timestamp) -> String {
    let seconds = i64::try_from(time.unix_seconds()).ok();
    let instant = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    instant.map_or_else(String::new, |instant| instant.strftime("%F").to_string())
}

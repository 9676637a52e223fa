//! What no type says of a configuration.

use std::{path::PathBuf, sync::PoisonError};

use countersign_domain::{amount::Currency, time::Timestamp};

use super::Config;
use crate::error::ConfigError;

/// A key that names a currency in which payments begin up to a day only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Withdrawn {
    /// Such as `wallet.limits`.
    pub key: &'static str,
    /// What it names.
    pub currency: Currency,
    /// The first day (UTC) on which no payment in it begins, such as `2026-01-01`.
    pub day: String,
    /// Whether that day has come.
    pub is_over: bool,
}

impl Withdrawn {
    /// What that means for people.
    pub const fn meaning(&self) -> &'static str {
        if self.is_over {
            "a currency was withdrawn: no payment in it begins, and what wallets have in it can be taken out"
        } else {
            "a currency is withdrawn on that day: no payment in it begins from then on"
        }
    }
}

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

    /// Nobody ever paid in a fund: what is configured in it would be of no use, and mostly a slip. A currency that was
    /// withdrawn was of use before, and people may still have money in it: see [`Config::withdrawn`].
    pub(crate) fn check_currencies(&self) -> Result<(), ConfigError> {
        for (key, currency) in self.currencies() {
            currency.must_be_money().map_err(|error| {
                ConfigError::unusable(key, format!("names {currency}, which {}", error.why))
            })?;
        }
        Ok(())
    }

    /// The keys that name a currency that was withdrawn, or whose withdrawal is known and still to come.
    pub fn withdrawn(&self, now: Timestamp) -> Vec<Withdrawn> {
        let withdrawn = |(key, currency): (&'static str, Currency)| {
            let from = currency.withdrawn_from()?;
            Some(Withdrawn { key, currency, day: day_of(from), is_over: from <= now })
        };
        self.currencies().into_iter().filter_map(withdrawn).collect()
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

//! Every limit, with its unit and its reason; and what is secured, in which order.

use serde::Deserialize;

use crate::{amount::Amount, invalid::InvalidInput, plan::Order, transaction::Transaction};

/// A policy as it is written down, before its bounds were checked.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct PolicySettings {
    /// Digits of the code: 6 (NIST SP 800-63B asks for 20 random bits) to 10 (RFC 6287).
    pub code_digits: u8,
    /// Life of a code in seconds: at most 600 (NIST SP 800-63B, ASVS 6.5.5).
    pub ttl_seconds: u32,
    /// Responses counted before a challenge is refused: at most 5 (RTS art. 4(3)(b)).
    pub max_attempts: u8,
    /// Messages sent for one challenge, the first included: at most 5 (push bombing, ASVS 6.6.4).
    pub max_sends: u8,
    /// Seconds after a message before the next one may be asked for.
    pub resend_after_seconds: u32,
    /// Whether the bank is asked first or last.
    pub order: Order,
    /// Limit amounts (C24): a transaction up to the limit of its currency, the limit included, is normal. None by
    /// default: every transaction is secured.
    pub normal_up_to: Vec<Amount>,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            code_digits: 6,
            ttl_seconds: 300,
            max_attempts: 3,
            max_sends: 3,
            resend_after_seconds: 30,
            order: Order::BankFirst,
            normal_up_to: Vec::new(),
        }
    }
}

/// A policy whose limits are in bounds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(try_from = "PolicySettings")]
pub struct Policy(PolicySettings);

impl Policy {
    /// The limits.
    pub const fn limits(&self) -> &PolicySettings {
        &self.0
    }

    /// Sorts a transaction: `Some` proof of exemption when it is normal, `None` when it must be secured (C23, C24).
    pub(crate) fn select(&self, transaction: &Transaction) -> Option<Exempt> {
        let amount = transaction.amount();
        self.0
            .normal_up_to
            .iter()
            .find(|limit| limit.currency() == amount.currency())
            .filter(|limit| amount.amount_minor() <= limit.amount_minor())
            .map(|_| Exempt(()))
    }
}

/// Proof that the policy asks no code for a transaction. Only [`Policy`] makes it.
#[derive(Debug)]
pub struct Exempt(());

impl TryFrom<PolicySettings> for Policy {
    type Error = InvalidInput;

    fn try_from(settings: PolicySettings) -> Result<Self, InvalidInput> {
        let refuse = |what, why| Err(InvalidInput::new(what, why));
        if !(6..=10).contains(&settings.code_digits) {
            return refuse("code_digits", "must be 6 to 10");
        }
        if !(30..=600).contains(&settings.ttl_seconds) {
            return refuse("ttl_seconds", "must be 30 to 600");
        }
        if !(1..=5).contains(&settings.max_attempts) {
            return refuse("max_attempts", "must be 1 to 5");
        }
        if !(1..=5).contains(&settings.max_sends) {
            return refuse("max_sends", "must be 1 to 5");
        }
        if settings.resend_after_seconds > settings.ttl_seconds {
            return refuse("resend_after_seconds", "must not be above ttl_seconds");
        }
        let mut currencies: Vec<_> =
            settings.normal_up_to.iter().map(|limit| limit.currency()).collect();
        currencies.sort_unstable();
        if currencies.windows(2).any(|pair| pair.first() == pair.last()) {
            return refuse("normal_up_to", "has two limits for one currency");
        }
        Ok(Self(settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::purchase;

    #[test]
    fn a_limit_out_of_bounds_is_refused_by_name() {
        let defaults = PolicySettings::default;
        let limit = purchase("30.00").amount();
        for (settings, what) in [
            (PolicySettings { code_digits: 5, ..defaults() }, "code_digits"),
            (PolicySettings { code_digits: 11, ..defaults() }, "code_digits"),
            (PolicySettings { ttl_seconds: 601, ..defaults() }, "ttl_seconds"),
            (PolicySettings { max_attempts: 6, ..defaults() }, "max_attempts"),
            (PolicySettings { max_attempts: 0, ..defaults() }, "max_attempts"),
            (PolicySettings { max_sends: 6, ..defaults() }, "max_sends"),
            (PolicySettings { resend_after_seconds: 301, ..defaults() }, "resend_after_seconds"),
            (PolicySettings { normal_up_to: vec![limit, limit], ..defaults() }, "normal_up_to"),
        ] {
            assert_eq!(Policy::try_from(settings).map_err(|e| e.what), Err(what));
        }
    }

    #[test]
    fn a_transaction_is_normal_up_to_the_limit_of_its_currency_only() {
        let limit = purchase("30.00").amount();
        let policy = Policy::try_from(PolicySettings {
            normal_up_to: vec![limit],
            ..PolicySettings::default()
        })
        .unwrap();
        assert!(policy.select(&purchase("29.99")).is_some());
        assert!(policy.select(&purchase("30.00")).is_some());
        assert!(policy.select(&purchase("30.01")).is_none());
        assert!(Policy::default().select(&purchase("0.01")).is_none());
        let dollars = crate::testing::purchase_in("1.00", "USD");
        assert!(policy.select(&dollars).is_none());
    }
}

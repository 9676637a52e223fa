//! Every limit, with its unit and its reason; and what is secured, in which order.

use serde::{Deserialize, Serialize};

use crate::{
    amount::Amount,
    exempted::Exempted,
    id::RelyingPartyId,
    invalid::{Field, InvalidInput},
    pin::PinFrom,
    plan::{BankTurn, CaptureTime, CodeDemand, Exemption, KnownBy, Order, Plan},
    transaction::Transaction,
};

/// Which elements are needed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// Elements of two categories for each payment (PSD2 art. 97; RTS art. 4), but for low amounts (RTS art. 16). The only
    /// element of knowledge that we have is the PIN: it is asked for beside the code.
    Psd2,
}

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
    /// How a payer must be known for the bank to be asked first. By default by a certificate: a name or a card's digits are
    /// no proof, and must neither hold somebody's money nor show what the bank thinks of a card. For all others the code is
    /// first.
    pub bank_first_known_by: Vec<KnownBy>,
    /// Which elements a payment needs. None by default: a code is asked for, which is one element.
    pub profile: Option<Profile>,
    /// By which way PINs come to be.
    pub pin_from: PinFrom,
    /// Limit amounts (C24): a transaction up to the limit of its currency, the limit included, is normal. None by
    /// default: every transaction is secured.
    pub normal_up_to: Vec<Amount>,
    /// Payments without a code that one payer may make since the last code: at most 5 (RTS art. 16(c)).
    pub normal_in_a_row: u32,
    /// What the payments without a code that one payer makes since the last code may come to, in each currency (RTS art.
    /// 16(b)): 100 EUR by default. In a currency without one only their number is limited.
    pub normal_total_up_to: Vec<Amount>,
    /// How a payer must be known for a payment to need no code. By default not by a card that was typed: its expiry could be
    /// tried out without the phone.
    pub normal_known_by: Vec<KnownBy>,
    /// Relying parties all of whose payments need a code.
    pub always_secured: Vec<RelyingPartyId>,
    /// Up to these amounts the bank is not asked: they are posted for a bill (F10.1006). None by default.
    pub no_bank_up_to: Vec<Amount>,
    /// For how many days after the capture the sealed card is kept, so that the payment can be credited: at most 540 (PCI
    /// DSS 3.2.1 asks for a limit; chargebacks end then). 0, the default, forgets it at once.
    pub credit_days: u32,
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
            bank_first_known_by: vec![KnownBy::Certificate],
            profile: None,
            pin_from: PinFrom::Enrolment,
            normal_up_to: Vec::new(),
            normal_in_a_row: 5,
            normal_total_up_to: art_16_total().into_iter().collect(),
            normal_known_by: vec![KnownBy::UserId, KnownBy::Certificate],
            always_secured: Vec::new(),
            no_bank_up_to: Vec::new(),
            credit_days: 0,
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

    /// Whether a payment may need no code at all, so that what was paid since the last code must be known.
    pub(crate) const fn may_exempt(&self) -> bool {
        !self.0.normal_up_to.is_empty()
    }

    /// How a payment is to be made (C23, C24).
    pub(crate) fn plan(&self, circumstances: &Circumstances<'_>) -> Plan {
        let settings = &self.0;
        let amount = circumstances.transaction.amount();
        let bank = match settings.order {
            _ if is_within(&settings.no_bank_up_to, amount, 0) => BankTurn::Skip,
            Order::BankFirst if settings.bank_first_known_by.contains(&circumstances.known_by) => {
                BankTurn::First
            }
            Order::BankFirst | Order::CodeFirst => BankTurn::Last,
        };
        let code = match self.is_normal(circumstances) {
            true if is_low_value(amount) => CodeDemand::Exempt(Exemption::LowValue),
            true => CodeDemand::Exempt(Exemption::BelowLimit),
            false => CodeDemand::Ask,
        };
        Plan { bank, code, capture: circumstances.capture }
    }

    /// The amount, and what was paid without a code since the last one, in number and in all (C24, RTS art. 16).
    fn is_normal(&self, circumstances: &Circumstances<'_>) -> bool {
        let settings = &self.0;
        let amount = circumstances.transaction.amount();
        is_within(&settings.normal_up_to, amount, 0)
            && circumstances.exempted.iter().all(|before| self.leaves_room(before, amount))
            && circumstances.known_by != KnownBy::Unsigned
            && settings.normal_known_by.contains(&circumstances.known_by)
            && !settings.always_secured.contains(circumstances.relying_party)
    }

    /// Whether one more amount may follow what was paid without a code before.
    fn leaves_room(&self, before: &Exempted, amount: Amount) -> bool {
        let settings = &self.0;
        let totals = &settings.normal_total_up_to;
        let is_limited = totals.iter().any(|total| total.currency() == amount.currency());
        before.count() < settings.normal_in_a_row
            && (!is_limited || is_within(totals, amount, before.total_minor(amount)))
    }
}

/// What the policy decides from.
pub(crate) struct Circumstances<'a> {
    pub(crate) transaction: &'a Transaction,
    pub(crate) relying_party: &'a RelyingPartyId,
    pub(crate) known_by: KnownBy,
    /// What the card and the person paid without a code.
    pub(crate) exempted: &'a [Exempted],
    pub(crate) capture: CaptureTime,
}

/// RTS art. 16(a): up to 30 EUR.
fn is_low_value(amount: Amount) -> bool {
    amount.currency().code() == "EUR" && amount.amount_minor() <= 30_00
}

/// RTS art. 16(b): 100 EUR.
fn art_16_total() -> Option<Amount> {
    Amount::new(10_000, "EUR".try_into().ok()?).ok()
}

/// Whether an amount, on top of what there is already, is up to the limit of its currency, the limit included.
fn is_within(limits: &[Amount], amount: Amount, before_minor: u64) -> bool {
    let limit = limits.iter().find(|limit| limit.currency() == amount.currency());
    let sum = before_minor.saturating_add(amount.amount_minor());
    limit.is_some_and(|limit| sum <= limit.amount_minor())
}

fn has_one_limit_for_each_currency(limits: &[Amount]) -> bool {
    let mut currencies: Vec<_> = limits.iter().map(|limit| limit.currency()).collect();
    currencies.sort_unstable();
    currencies.windows(2).all(|pair| pair.first() != pair.last())
}

impl TryFrom<PolicySettings> for Policy {
    type Error = InvalidInput;

    fn try_from(settings: PolicySettings) -> Result<Self, InvalidInput> {
        let refuse = |what, why| Err(InvalidInput::new(what, why));
        if !(6..=10).contains(&settings.code_digits) {
            return refuse(Field::CodeDigits, "must be 6 to 10");
        }
        if !(30..=600).contains(&settings.ttl_seconds) {
            return refuse(Field::TtlSeconds, "must be 30 to 600");
        }
        if !(1..=5).contains(&settings.max_attempts) {
            return refuse(Field::MaxAttempts, "must be 1 to 5");
        }
        if !(1..=5).contains(&settings.max_sends) {
            return refuse(Field::MaxSends, "must be 1 to 5");
        }
        if settings.resend_after_seconds > settings.ttl_seconds {
            return refuse(Field::ResendAfterSeconds, "must not be above ttl_seconds");
        }
        if settings.normal_in_a_row > 5 {
            return refuse(Field::NormalInARow, "must be 0 to 5");
        }
        if settings.normal_known_by.contains(&KnownBy::Unsigned) {
            return refuse(
                Field::NormalKnownBy,
                "must not have unsigned: a code is all that proves such a payer",
            );
        }
        let above = settings.normal_up_to.iter().any(|limit| !is_low_value(*limit));
        if settings.profile == Some(Profile::Psd2) && above {
            return refuse(
                Field::NormalUpTo,
                "must not be above 30 EUR, nor of another currency, with the profile psd2 (RTS art. 16)",
            );
        }
        if settings.profile.is_none() && settings.pin_from == PinFrom::Code {
            return refuse(Field::Profile, "must be there for PINs: nothing asks for one without");
        }
        if settings.credit_days > 540 {
            return refuse(Field::CreditDays, "must be 0 to 540");
        }
        for (what, limits) in [
            (Field::NormalUpTo, &settings.normal_up_to),
            (Field::NormalTotalUpTo, &settings.normal_total_up_to),
            (Field::NoBankUpTo, &settings.no_bank_up_to),
        ] {
            if !has_one_limit_for_each_currency(limits) {
                return refuse(what, "has two limits for one currency");
            }
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
            (PolicySettings { code_digits: 5, ..defaults() }, Field::CodeDigits),
            (PolicySettings { code_digits: 11, ..defaults() }, Field::CodeDigits),
            (PolicySettings { ttl_seconds: 601, ..defaults() }, Field::TtlSeconds),
            (PolicySettings { max_attempts: 6, ..defaults() }, Field::MaxAttempts),
            (PolicySettings { max_attempts: 0, ..defaults() }, Field::MaxAttempts),
            (PolicySettings { max_sends: 6, ..defaults() }, Field::MaxSends),
            (PolicySettings { resend_after_seconds: 301, ..defaults() }, Field::ResendAfterSeconds),
            (PolicySettings { normal_up_to: vec![limit, limit], ..defaults() }, Field::NormalUpTo),
            (PolicySettings { normal_in_a_row: 6, ..defaults() }, Field::NormalInARow),
            (
                PolicySettings { normal_known_by: vec![KnownBy::Unsigned], ..defaults() },
                Field::NormalKnownBy,
            ),
            (
                PolicySettings {
                    profile: Some(Profile::Psd2),
                    normal_up_to: vec![purchase("30.01").amount()],
                    ..defaults()
                },
                Field::NormalUpTo,
            ),
            (
                PolicySettings {
                    profile: Some(Profile::Psd2),
                    normal_up_to: vec![crate::testing::purchase_in("1.00", "USD").amount()],
                    ..defaults()
                },
                Field::NormalUpTo,
            ),
            (PolicySettings { pin_from: PinFrom::Code, ..defaults() }, Field::Profile),
            (PolicySettings { credit_days: 541, ..defaults() }, Field::CreditDays),
            (
                PolicySettings { normal_total_up_to: vec![limit, limit], ..defaults() },
                Field::NormalTotalUpTo,
            ),
            (PolicySettings { no_bank_up_to: vec![limit, limit], ..defaults() }, Field::NoBankUpTo),
        ] {
            assert_eq!(Policy::try_from(settings).map_err(|e| e.field), Err(what));
        }
    }

    fn policy(settings: PolicySettings) -> Policy {
        Policy::try_from(settings).unwrap()
    }

    fn limit(euros: &str) -> Vec<Amount> {
        vec![purchase(euros).amount()]
    }

    /// Whether a code is asked for, after `before` payments of ten euros without one.
    fn asks(policy: &Policy, transaction: &Transaction, before: u32, known_by: KnownBy) -> bool {
        let ten = purchase("10.00").amount();
        let none = Exempted::none("1".to_owned());
        let exempted = (0..before).fold(none, |exempted, _| exempted.with(ten));
        let plan = policy.plan(&Circumstances {
            transaction,
            relying_party: &"librairie".try_into().unwrap(),
            known_by,
            exempted: &[exempted],
            capture: CaptureTime::AtOnce,
        });
        plan.code == CodeDemand::Ask
    }

    #[test]
    fn the_bank_is_asked_before_the_person_only_for_a_payer_who_proved_more_than_a_name() {
        let all = || vec![KnownBy::UserId, KnownBy::Card, KnownBy::Certificate, KnownBy::Unsigned];
        let default = PolicySettings::default;
        let by_all = PolicySettings { bank_first_known_by: all(), ..default() };
        let code_first = PolicySettings { order: Order::CodeFirst, ..by_all.clone() };
        for (settings, first) in [
            (default(), vec![KnownBy::Certificate]),
            (by_all, all()),
            (PolicySettings { bank_first_known_by: vec![], ..default() }, vec![]),
            (code_first, vec![]),
        ] {
            let policy = policy(settings);
            for known_by in all() {
                let plan = policy.plan(&Circumstances {
                    transaction: &purchase("49.90"),
                    relying_party: &"librairie".try_into().unwrap(),
                    known_by,
                    exempted: &[],
                    capture: CaptureTime::AtOnce,
                });
                let is_first = plan.bank == BankTurn::First;
                assert_eq!(is_first, first.contains(&known_by), "{known_by:?} of {first:?}");
            }
        }
    }

    #[test]
    fn what_is_paid_without_a_code_stays_within_a_hundred_euros_by_default() {
        let high = policy(PolicySettings { normal_up_to: limit("90.00"), ..Default::default() });
        let dollars = crate::testing::purchase_in("1.00", "USD");
        assert!(!asks(&high, &purchase("60.00"), 4, KnownBy::UserId));
        assert!(asks(&high, &purchase("60.01"), 4, KnownBy::UserId));
        let dollars_only = PolicySettings {
            normal_up_to: vec![crate::testing::purchase_in("5.00", "USD").amount()],
            ..Default::default()
        };
        assert!(!asks(&policy(dollars_only.clone()), &dollars, 4, KnownBy::UserId));
        assert!(asks(&policy(dollars_only), &dollars, 5, KnownBy::UserId));
    }

    #[test]
    fn a_transaction_needs_no_code_up_to_the_limit_of_its_currency_only() {
        let low = policy(PolicySettings { normal_up_to: limit("30.00"), ..Default::default() });
        for (transaction, asked) in [
            (purchase("29.99"), false),
            (purchase("30.00"), false),
            (purchase("30.01"), true),
            (crate::testing::purchase_in("1.00", "USD"), true),
        ] {
            let asks = asks(&low, &transaction, 0, KnownBy::UserId);
            assert_eq!(asks, asked, "{}", transaction.amount());
        }
        assert!(asks(&Policy::default(), &purchase("0.01"), 0, KnownBy::Certificate));
    }

    #[test]
    fn a_low_amount_needs_a_code_when_art_16_or_the_policy_says_so() {
        let low = PolicySettings { normal_up_to: limit("30.00"), ..Default::default() };
        let ten = purchase("10.00");
        let by_name = KnownBy::UserId;
        for (settings, before, known_by, asked) in [
            (low.clone(), 4, by_name, false),
            (low.clone(), 5, by_name, true),
            (PolicySettings { normal_in_a_row: 0, ..low.clone() }, 0, by_name, true),
            (
                PolicySettings { normal_total_up_to: limit("40.00"), ..low.clone() },
                3,
                by_name,
                false,
            ),
            (
                PolicySettings { normal_total_up_to: limit("39.99"), ..low.clone() },
                3,
                by_name,
                true,
            ),
            (PolicySettings { normal_up_to: limit("50.00"), ..low.clone() }, 4, by_name, false),
            (low.clone(), 0, KnownBy::Card, true),
            (
                PolicySettings { normal_known_by: vec![KnownBy::Certificate], ..low.clone() },
                0,
                by_name,
                true,
            ),
            (
                PolicySettings { normal_known_by: vec![KnownBy::Certificate], ..low.clone() },
                0,
                KnownBy::Certificate,
                false,
            ),
            (
                PolicySettings { always_secured: vec!["librairie".try_into().unwrap()], ..low },
                0,
                by_name,
                true,
            ),
        ] {
            let what = format!("{settings:?} after {before}");
            assert_eq!(asks(&policy(settings), &ten, before, known_by), asked, "{what}");
        }
    }
}

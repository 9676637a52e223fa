//! Every limit, with its unit and its reason.

use serde::Deserialize;

use crate::{
    address::{Address, Msisdn},
    invalid::{Field, InvalidInput},
    person::Person,
};

/// Countries that no message goes to unless they are allowed by name: satellite telephones and networks of no country, where a
/// message costs dollars, and premium numbers (ITU-T E.164, the list of assigned codes). 999 is of nobody: a challenge of a person
/// whom nobody knows has such a number.
const REFUSED: [&str; 6] = ["+870", "+881", "+882", "+883", "+979", "+999"];

/// Limits as they are written down, before their bounds were checked. A limit of 0 is none.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// Wrong codes in a row for one phone, over all challenges, after which it is blocked for a while: 5 by default (RTS art.
    /// 4(3)(b)), never above 100 (NIST SP 800-63B section 5.2.2).
    pub failures_in_a_row: u32,
    /// How long the first block lasts, in minutes; each further failure doubles it, up to a day.
    pub block_minutes: u32,
    /// Payments that may wait for codes of one phone at once: more than one person makes, and few, as each may hold an amount.
    pub payments_waiting: u32,
    /// Seconds between two messages to one number, whatever they are about (push bombing, ASVS 6.6.4).
    pub pause_seconds: u32,
    /// Messages to one number in an hour: two payments with all that may be sent for each.
    pub messages_per_number_an_hour: u32,
    /// Messages to one number in a day.
    pub messages_per_number_a_day: u32,
    /// Messages in an hour to numbers that differ in the last four digits only, as they are rented for artificial traffic.
    pub messages_per_range_an_hour: u32,
    /// Messages that one client asks for in an hour: an IPv4 address, or an IPv6 network of 64 bits. Many share one address.
    pub messages_per_client_an_hour: u32,
    /// Messages that one client asks for in a day.
    pub messages_per_client_a_day: u32,
    /// Messages that one relying party asks for in an hour. None by default: it depends on the trade.
    pub messages_per_relying_party_an_hour: u32,
    /// Messages that one relying party asks for in a day. None by default.
    pub messages_per_relying_party_a_day: u32,
    /// Beginnings of numbers that messages may go to, such as `+33`. None: all but satellite telephones and premium numbers.
    pub countries_allowed: Vec<String>,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            failures_in_a_row: 5,
            block_minutes: 15,
            payments_waiting: 2,
            pause_seconds: 20,
            messages_per_number_an_hour: 6,
            messages_per_number_a_day: 20,
            messages_per_range_an_hour: 100,
            messages_per_client_an_hour: 60,
            messages_per_client_a_day: 300,
            messages_per_relying_party_an_hour: 0,
            messages_per_relying_party_a_day: 0,
            countries_allowed: Vec::new(),
        }
    }
}

/// Limits that are in bounds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(try_from = "LimitSettings")]
pub struct Limits(LimitSettings);

impl Limits {
    /// The limits.
    pub const fn settings(&self) -> &LimitSettings {
        &self.0
    }

    /// Whether messages go to that person's number.
    pub(crate) fn serves_person(&self, person: &Person) -> bool {
        let Address::Msisdn(number) = &person.address;
        self.serves(number)
    }

    /// Whether messages go to that number.
    pub(super) fn serves(&self, number: &Msisdn) -> bool {
        let begins = |with: &str| number.expose().starts_with(with);
        match self.0.countries_allowed.as_slice() {
            [] => !REFUSED.iter().any(|with| begins(with)),
            allowed => allowed.iter().any(|with| begins(with)),
        }
    }
}

impl TryFrom<LimitSettings> for Limits {
    type Error = InvalidInput;

    fn try_from(settings: LimitSettings) -> Result<Self, InvalidInput> {
        let refuse = |what, why| Err(InvalidInput::new(what, why));
        if !(1..=100).contains(&settings.failures_in_a_row) {
            return refuse(Field::FailuresInARow, "must be 1 to 100");
        }
        if !(1..=1440).contains(&settings.block_minutes) {
            return refuse(Field::BlockMinutes, "must be 1 to 1440");
        }
        if settings.pause_seconds > 600 {
            return refuse(Field::PauseSeconds, "must be 0 to 600");
        }
        let is_prefix = |text: &String| {
            let digits = text.strip_prefix('+').unwrap_or_default();
            (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
        };
        if !settings.countries_allowed.iter().all(is_prefix) {
            return refuse(Field::CountriesAllowed, "must each be + and 1 to 15 digits");
        }
        Ok(Self(settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_out_of_bounds_is_refused_by_name() {
        let defaults = LimitSettings::default;
        for (settings, field) in [
            (LimitSettings { failures_in_a_row: 0, ..defaults() }, Field::FailuresInARow),
            (LimitSettings { failures_in_a_row: 101, ..defaults() }, Field::FailuresInARow),
            (LimitSettings { block_minutes: 0, ..defaults() }, Field::BlockMinutes),
            (LimitSettings { block_minutes: 1441, ..defaults() }, Field::BlockMinutes),
            (LimitSettings { pause_seconds: 601, ..defaults() }, Field::PauseSeconds),
            (
                LimitSettings { countries_allowed: vec!["33".to_owned()], ..defaults() },
                Field::CountriesAllowed,
            ),
            (
                LimitSettings { countries_allowed: vec!["+".to_owned()], ..defaults() },
                Field::CountriesAllowed,
            ),
        ] {
            assert_eq!(Limits::try_from(settings).map_err(|e| e.field), Err(field));
        }
        assert_eq!(Limits::try_from(defaults()), Ok(Limits::default()));
    }

    #[test]
    fn satellite_and_premium_numbers_are_served_only_where_they_are_allowed_by_name() {
        let allowing = |countries: &[&str]| {
            let countries_allowed = countries.iter().map(|text| (*text).to_owned()).collect();
            Limits::try_from(LimitSettings { countries_allowed, ..Default::default() }).unwrap()
        };
        for (countries, number, served) in [
            (&[][..], "+33612345678", true),
            (&[], "+870773912345", false),
            (&[], "+881612345678", false),
            (&[], "+882161234567", false),
            (&[], "+883510012345", false),
            (&[], "+979123456789", false),
            (&["+33", "+41"], "+33612345678", true),
            (&["+33", "+41"], "+4915112345678", false),
            (&["+8816"], "+881612345678", true),
        ] {
            let limits = allowing(countries);
            assert_eq!(
                limits.serves(&number.try_into().unwrap()),
                served,
                "{countries:?} {number}"
            );
        }
    }
}

//! Numbers and times as both forms have them.

use countersign_domain::{amount::Currency, time::Timestamp};

use crate::heading::Unfit;

/// A decimal number with a point and all digits of the minor unit, such as `-49.90`.
pub(crate) fn decimal(minor: i128, currency: Currency) -> String {
    let places = usize::from(currency.minor_digits());
    let sign = if minor < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = places.saturating_add(1));
    match digits.split_at_checked(digits.len().saturating_sub(places)) {
        Some((whole, fraction)) if !fraction.is_empty() => format!("{sign}{whole}.{fraction}"),
        _ => format!("{sign}{digits}"),
    }
}

/// RFC 3339, in UTC, to the millisecond: also a dateTime of XML Schema.
pub(crate) fn date_time(at: Timestamp) -> Result<String, Unfit> {
    let millis = at.unix_millis();
    let time = i64::try_from(millis).ok().and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
    time.map(|time| format!("{time:.3}")).ok_or(Unfit::Time { millis })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_the_digits_of_its_currency() {
        for (minor, code, expected) in [
            (0, "EUR", "0.00"),
            (5, "EUR", "0.05"),
            (-4_990, "EUR", "-49.90"),
            (-4_990, "JPY", "-4990"),
            (4_990, "KWD", "4.990"),
        ] {
            assert_eq!(decimal(minor, code.try_into().unwrap()), expected);
        }
    }

    #[test]
    fn a_time_is_of_four_digits_of_years() {
        let at = Timestamp::from_unix_millis(1_792_000_000_007);
        assert_eq!(date_time(at).as_deref(), Ok("2026-10-14T17:46:40.007Z"));
        let whole = Timestamp::from_unix_millis(0);
        assert_eq!(date_time(whole).as_deref(), Ok("1970-01-01T00:00:00.000Z"));
        let late = date_time(Timestamp::from_unix_millis(u64::MAX));
        assert_eq!(late, Err(Unfit::Time { millis: u64::MAX }));
    }
}

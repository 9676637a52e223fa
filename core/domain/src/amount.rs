//! Money: an integer of minor units with its currency. No floats, no overflow.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::invalid::{Field, InvalidInput};

mod currency;

pub use currency::Currency;

/// A sum of money above zero.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "AmountParts")]
pub struct Amount {
    amount_minor: u64,
    currency: Currency,
}

/// An amount before its bounds were checked.
#[derive(Deserialize)]
struct AmountParts {
    amount_minor: u64,
    currency: Currency,
}

impl Amount {
    /// The largest amount, in minor units: what ISO 8583 field 4 holds, 12 digits.
    pub const MAX_MINOR: u64 = 999_999_999_999;

    /// `amount_minor` minor units (cents for `EUR`).
    ///
    /// # Errors
    /// When it is zero or above [`Amount::MAX_MINOR`].
    pub fn new(amount_minor: u64, currency: Currency) -> Result<Self, InvalidInput> {
        match amount_minor {
            0 => Err(InvalidInput::new(Field::Amount, "must be above zero")),
            1..=Self::MAX_MINOR => Ok(Self { amount_minor, currency }),
            _ => Err(InvalidInput::new(Field::Amount, "has more than 12 digits in minor units")),
        }
    }

    /// An amount from a decimal number with a point, such as `49.90`, with no more decimals than the currency has.
    ///
    /// # Errors
    /// When the text is not such a number, or is out of bounds.
    pub fn from_decimal(text: &str, currency: Currency) -> Result<Self, InvalidInput> {
        let not_a_number =
            InvalidInput::new(Field::Amount, "is not a decimal number such as 49.90");
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits_only = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) || text.ends_with('.')
        {
            return Err(not_a_number);
        }
        let places = usize::from(currency.minor_digits());
        if fraction.len() > places {
            return Err(InvalidInput::new(Field::Amount, "has more decimals than the currency"));
        }
        if whole.len() > 12 {
            return Err(InvalidInput::new(Field::Amount, "has more than 12 digits in minor units"));
        }
        let minor = format!("{whole}{fraction:0<places$}");
        Self::new(minor.parse().map_err(|_| not_a_number)?, currency)
    }

    /// The sum in minor units.
    pub const fn amount_minor(self) -> u64 {
        self.amount_minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum as a decimal number with a point, such as `49.90`.
    pub fn to_decimal(self) -> String {
        let places = usize::from(self.currency.minor_digits());
        let digits = format!("{:0>width$}", self.amount_minor, width = places + 1);
        match digits.split_at_checked(digits.len().saturating_sub(places)) {
            Some((whole, fraction)) if !fraction.is_empty() => format!("{whole}.{fraction}"),
            _ => digits,
        }
    }
}

impl TryFrom<AmountParts> for Amount {
    type Error = InvalidInput;

    fn try_from(parts: AmountParts) -> Result<Self, InvalidInput> {
        Self::new(parts.amount_minor, parts.currency)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::try_from(code).unwrap()
    }

    #[test]
    fn decimals_follow_the_currency() {
        for (text, code, minor, shown) in [
            ("49.90", "EUR", 4990, "49.90 EUR"),
            ("49.9", "EUR", 4990, "49.90 EUR"),
            ("0.05", "EUR", 5, "0.05 EUR"),
            ("500", "JPY", 500, "500 JPY"),
            ("1.234", "KWD", 1234, "1.234 KWD"),
        ] {
            let amount = Amount::from_decimal(text, currency(code)).unwrap();
            assert_eq!((amount.amount_minor(), amount.to_string().as_str()), (minor, shown));
        }
    }

    #[test]
    fn an_amount_is_refused_by_the_rule_it_breaks() {
        let not_a_number = "is not a decimal number such as 49.90";
        for (text, code, why) in [
            ("", "EUR", not_a_number),
            ("-1", "EUR", not_a_number),
            ("1,50", "EUR", not_a_number),
            ("1.", "EUR", not_a_number),
            (".5", "EUR", not_a_number),
            ("1e3", "EUR", not_a_number),
            ("1.005", "EUR", "has more decimals than the currency"),
            ("1.5", "JPY", "has more decimals than the currency"),
            ("9999999999999", "EUR", "has more than 12 digits in minor units"),
            ("10000000000.00", "EUR", "has more than 12 digits in minor units"),
            ("0.00", "EUR", "must be above zero"),
        ] {
            assert_eq!(
                Amount::from_decimal(text, currency(code)),
                Err(InvalidInput::new(Field::Amount, why)),
                "{text} {code}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn an_amount_that_is_written_reads_back(
            minor in 1..=Amount::MAX_MINOR,
            code in proptest::sample::select(vec!["EUR", "JPY", "KWD", "CLF"]),
        ) {
            let amount = Amount::new(minor, currency(code)).unwrap();
            proptest::prop_assert_eq!(Amount::from_decimal(&amount.to_decimal(), currency(code)), Ok(amount));
            let json = serde_json::to_string(&amount).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), amount);
        }

        #[test]
        fn no_text_makes_the_reader_of_amounts_panic(text in ".*", number in "[0-9.]{0,20}") {
            let _ = Amount::from_decimal(&text, currency("EUR"));
            let _ = Amount::from_decimal(&number, currency("JPY"));
        }
    }

    #[test]
    fn metals_and_unknown_codes_are_no_currency() {
        for code in ["XAU", "eur", "EURO", ""] {
            assert!(Currency::try_from(code).is_err(), "{code}");
        }
    }

    #[test]
    fn a_stored_amount_of_zero_does_not_read_back() {
        assert!(serde_json::from_str::<Amount>(r#"{"amount_minor":0,"currency":"EUR"}"#).is_err());
    }
}

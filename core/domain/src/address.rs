//! Unique addresses on the second network.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::invalid::{Field, InvalidInput};

mod typed;

/// A mobile number in E.164 form: `+`, a digit that is not zero, 6 to 14 more.
///
/// Patent: *adresse unique*, which belongs to one receiver only. It is shown masked everywhere but on its way to the
/// network: `Debug` and `Display` give [`Msisdn::masked`].
#[derive(Clone, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String")]
pub struct Msisdn(String);

impl Msisdn {
    /// A number as people type and paste it, and programs pass on: with separators of all kinds, digits of any script, as a
    /// `tel:` URI (RFC 3966), or with `00` for the `+`.
    ///
    /// # Errors
    /// When it has no country code, a zero that is dialled within a country only, an extension, or is not E.164.
    pub fn typed(text: &str) -> Result<Self, InvalidInput> {
        typed::canonical(text)?.try_into()
    }

    /// The number with its `+`. Not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What may be shown to the payer and in logs: the country's first digits and the last two.
    pub fn masked(&self) -> String {
        let head: String = self.0.chars().take(3).collect();
        let tail: String = self.0.chars().skip(self.0.len().saturating_sub(2)).collect();
        format!("{head}{}{tail}", "•".repeat(self.0.len().saturating_sub(5)))
    }
}

/// From the canonical form alone, as certificates and records have it.
impl TryFrom<String> for Msisdn {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        let refuse = |why| Err(InvalidInput::new(Field::Msisdn, why));
        let Some(digits) = text.strip_prefix('+') else {
            return refuse("must begin with + and the country code (E.164)");
        };
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return refuse("must hold digits only after the + (E.164)");
        }
        if digits.starts_with('0') {
            return refuse("has no country code that begins with 0 (E.164)");
        }
        if !(7..=15).contains(&digits.len()) {
            return refuse("must have 7 to 15 digits (E.164)");
        }
        Ok(Self(text))
    }
}

impl TryFrom<&str> for Msisdn {
    type Error = InvalidInput;

    fn try_from(text: &str) -> Result<Self, InvalidInput> {
        Self::try_from(text.to_owned())
    }
}

impl fmt::Debug for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Msisdn({})", self.masked())
    }
}

impl fmt::Display for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// Where a person is reached on the second network. One form today; a pager, a landline and a fax (F1 to F3) are further
/// variants.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// A mobile phone.
    Msisdn(Msisdn),
}

impl Address {
    /// What may be shown to the person and in logs.
    pub fn masked(&self) -> String {
        match self {
            Self::Msisdn(number) => number.masked(),
        }
    }

    /// The mobile number, where it is one.
    pub const fn msisdn(&self) -> Option<&Msisdn> {
        match self {
            Self::Msisdn(number) => Some(number),
        }
    }
}

impl From<Msisdn> for Address {
    fn from(number: Msisdn) -> Self {
        Self::Msisdn(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_e164_is_refused_with_its_rule() {
        for (text, why) in [
            ("0612345678", "must begin with + and the country code (E.164)"),
            ("+33 612345678", "must hold digits only after the + (E.164)"),
            ("+0612345678", "has no country code that begins with 0 (E.164)"),
            ("+336123", "must have 7 to 15 digits (E.164)"),
            ("+3361234567890123", "must have 7 to 15 digits (E.164)"),
        ] {
            assert_eq!(
                Msisdn::try_from(text),
                Err(InvalidInput::new(Field::Msisdn, why)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_number_is_shown_masked_only() {
        let number = Msisdn::try_from("+33612345678").unwrap();
        assert_eq!(number.to_string(), "+33•••••••78");
        assert_eq!(format!("{number:?}"), "Msisdn(+33•••••••78)");
        assert_eq!(number.expose(), "+33612345678");
    }
}

//! The language of messages and pages.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::invalid::{Field, InvalidInput};

/// A language by its tag, two or three lower-case letters (ISO 639), such as `fr`. Which languages there are words for is
/// known where the words are.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(try_from = "String")]
pub struct Locale(String);

impl Locale {
    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// English.
impl Default for Locale {
    fn default() -> Self {
        Self("en".to_owned())
    }
}

impl TryFrom<String> for Locale {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        let is_tag = matches!(text.len(), 2 | 3) && text.bytes().all(|b| b.is_ascii_lowercase());
        let refuse = || InvalidInput::new(Field::Locale, "is not two or three lower-case letters");
        is_tag.then_some(Self(text)).ok_or_else(refuse)
    }
}

impl TryFrom<&str> for Locale {
    type Error = InvalidInput;

    fn try_from(text: &str) -> Result<Self, InvalidInput> {
        Self::try_from(text.to_owned())
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_two_or_three_lower_case_letters() {
        assert!(["en", "fr", "gsw"].into_iter().all(|tag| Locale::try_from(tag).is_ok()));
        assert!(
            ["", "e", "EN", "en-GB", "fr\n"].into_iter().all(|tag| Locale::try_from(tag).is_err())
        );
    }
}

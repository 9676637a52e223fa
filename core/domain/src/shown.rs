//! Text that is shown to a person, on a small screen that must not be lied to.

/// Makes a type for text shown to a person: 1 to `max` characters, no control character, no space at an end.
macro_rules! shown_text {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Deserialize, Eq, Hash, PartialEq, serde::Serialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Longest accepted text, in characters.
            pub const MAX_CHARS: usize = $max;

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::invalid::InvalidInput;

            fn try_from(text: String) -> Result<Self, $crate::invalid::InvalidInput> {
                let refuse = |why| Err($crate::invalid::InvalidInput::new($crate::invalid::Field::$name, why));
                if text.is_empty() {
                    return refuse("is empty");
                }
                if text.chars().count() > Self::MAX_CHARS {
                    return refuse(concat!("is longer than ", $max, " characters"));
                }
                if text.trim() != text || text.chars().any($crate::shown::is_unshowable) {
                    return refuse("has a control or invisible character, or a space at an end");
                }
                Ok(Self(text))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $crate::invalid::InvalidInput;

            fn try_from(text: &str) -> Result<Self, $crate::invalid::InvalidInput> {
                Self::try_from(text.to_owned())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

pub(crate) use shown_text;

/// Characters with which a text could lie about itself on a small screen: line breaks, and the marks that reverse or
/// hide text.
pub(crate) fn is_unshowable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

//! Text that is shown to a person, on a small screen that must not be lied to.

use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};

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

/// Characters with which a text could lie about itself on a small screen: controls and line ends, what Unicode says is not
/// seen (Default_Ignorable_Code_Point), the marks that reverse text among it (UTS 39 section 5.2), and what each screen shows
/// in its own way or not at all.
pub fn is_unshowable(c: char) -> bool {
    // Of the others, a blank that counts as a symbol, and characters that Unicode gives no form.
    let is_blank = matches!(c, '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{fff9}'..='\u{fffc}');
    let is_private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    let is_no_character =
        matches!(u32::from(c), 0xfdd0..=0xfdef) || u32::from(c) & 0xfffe == 0xfffe;
    c.is_control()
        || is_blank
        || is_private
        || is_no_character
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_and_what_reverses_text_is_unshowable_and_no_script_is() {
        // One of each kind that the property has, controls and ends of lines.
        for hidden in [
            '\0',
            '\u{7}',
            '\n',
            '\u{85}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180b}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2065}',
            '\u{2066}',
            '\u{2069}',
            '\u{206f}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff0}',
            '\u{fff9}',
            '\u{fffc}',
            '\u{2800}',
            '\u{e000}',
            '\u{f8ff}',
            '\u{fdd0}',
            '\u{ffff}',
            '\u{1fffe}',
            '\u{f0000}',
            '\u{10fffd}',
            '\u{1bca0}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0061}',
            '\u{e0100}',
        ] {
            assert!(is_unshowable(hidden), "{hidden:?}");
        }
        let seen = "Librairie Dupont & Cie, \u{e9}t\u{e9} \u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{645}\u{642}\u{647}\u{649} \u{92d}\u{94b}\u{91c} \u{5bff}\u{53f8} \u{1f600}";
        assert!(!seen.chars().any(is_unshowable));
    }
}

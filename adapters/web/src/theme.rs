//! What a relying party may change of a page: one colour and a logo, within bounds.
//!
//! Amount, payee and what is asked look the same for all: a page that could look like anything could look like another
//! site's.

use std::{collections::BTreeMap, fmt, sync::Arc};

use axum::{
    body::Bytes,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use countersign_domain::{
    id::RelyingPartyId,
    invalid::{Field, InvalidInput},
};
use serde::Deserialize;

/// Least contrast of text with what it is on, in hundredths (WCAG 2.2 success criterion 1.4.3).
const LEAST_CONTRAST: u32 = 450;

/// Largest logo, in bytes.
const MAX_LOGO_BYTES: usize = 64 * 1024;

/// A colour that white text can be read on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct Colour([u8; 3]);

impl TryFrom<String> for Colour {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        let refuse = |why| InvalidInput::new(Field::Colour, why);
        let digits = text.strip_prefix('#');
        let bytes = digits.and_then(countersign_domain::hex::decode);
        let colour = bytes.and_then(|bytes| <[u8; 3]>::try_from(bytes).ok());
        let colour = Self(colour.ok_or_else(|| refuse("is not # and six hexadecimal digits"))?);
        if colour.contrast_with_white() < LEAST_CONTRAST {
            return Err(refuse(
                "is too light: white text on it has a contrast below 4.5 (WCAG 2.2, 1.4.3); take a darker one",
            ));
        }
        Ok(colour)
    }
}

impl Colour {
    /// The contrast ratio with white, in hundredths: between 100 and 2100.
    fn contrast_with_white(self) -> u32 {
        let [red, green, blue] = self.0.map(linear);
        // Relative luminance in ten-thousandths, weights as in WCAG 2.2; then (1 + 0.05) / (luminance + 0.05).
        let luminance = (2126 * red + 7152 * green + 722 * blue) / 10_000;
        1_050_000 / (luminance + 500)
    }
}

/// A channel of sRGB without its gamma, in ten-thousandths (WCAG 2.2, relative luminance).
fn linear(channel: u8) -> u32 {
    #[expect(
        clippy::float_arithmetic,
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the definition is in real numbers; the result is between 0 and 10,000"
    )]
    {
        let channel = f64::from(channel) / 255.0;
        let linear = if channel <= 0.04045 {
            channel / 12.92
        } else {
            ((channel + 0.055) / 1.055).powf(2.4)
        };
        (linear * 10_000.0).round() as u32
    }
}

/// As a style sheet has it.
impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", countersign_domain::hex::encode(&self.0))
    }
}

/// A picture: PNG, JPEG or SVG, at most 64 KiB.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Logo {
    media_type: &'static str,
    bytes: Bytes,
}

impl TryFrom<Vec<u8>> for Logo {
    type Error = InvalidInput;

    fn try_from(bytes: Vec<u8>) -> Result<Self, InvalidInput> {
        let refuse = |why| InvalidInput::new(Field::Logo, why);
        if bytes.len() > MAX_LOGO_BYTES {
            return Err(refuse("is larger than 64 KiB"));
        }
        let begins = |magic: &[u8]| bytes.starts_with(magic);
        let media_type = if begins(b"\x89PNG\r\n\x1a\n") {
            "image/png"
        } else if begins(b"\xff\xd8\xff") {
            "image/jpeg"
        } else if begins(b"<svg") || begins(b"<?xml") {
            "image/svg+xml"
        } else {
            return Err(refuse("is neither PNG nor JPEG nor SVG"));
        };
        Ok(Self { media_type, bytes: bytes.into() })
    }
}

/// An SVG that is opened by itself is a document: it may run nothing and load nothing.
impl IntoResponse for Logo {
    fn into_response(self) -> Response {
        let mut response = self.bytes.into_response();
        for (name, value) in [
            (header::CONTENT_TYPE, self.media_type),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'; sandbox",
            ),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CACHE_CONTROL, "public, max-age=3600"),
        ] {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// How a relying party's pages look.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Theme {
    /// The colour of what is pressed.
    pub colour: Option<Colour>,
    /// What is at the top, beside the name.
    pub logo: Option<Logo>,
}

/// The themes of all relying parties that have one.
#[derive(Clone, Debug, Default)]
pub struct Themes(Arc<BTreeMap<RelyingPartyId, Theme>>);

impl Themes {
    /// The themes of those relying parties.
    pub fn new(themes: impl IntoIterator<Item = (RelyingPartyId, Theme)>) -> Self {
        Self(Arc::new(themes.into_iter().collect()))
    }

    /// The theme of a relying party, if it has one.
    pub fn of(&self, party: &RelyingPartyId) -> Option<&Theme> {
        self.0.get(party)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contrast_is_wcags() {
        // Ratios that are commonly quoted for these colours.
        for (colour, hundredths) in [
            ([0, 0, 0], 2100),
            ([255, 255, 255], 100),
            ([0x76, 0x76, 0x76], 454),
            ([0, 0, 255], 859),
            ([255, 0, 0], 400),
        ] {
            let contrast = Colour(colour).contrast_with_white();
            assert!(contrast.abs_diff(hundredths) <= 5, "{colour:?}: {contrast}");
        }
    }

    #[test]
    fn a_colour_is_six_digits_and_dark_enough_for_white_text() {
        let colour = Colour::try_from("#7a1f3d".to_owned()).unwrap();
        assert_eq!(colour.to_string(), "#7a1f3d");
        for text in ["7a1f3d", "#7a1f3", "#7a1f3g", "red", "#777777", "#ffffff", "#a;}b{"] {
            assert!(Colour::try_from(text.to_owned()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_logo_is_a_picture_of_64_kib_at_most_that_can_run_nothing() {
        for (bytes, media_type) in [
            (b"\x89PNG\r\n\x1a\n...".to_vec(), "image/png"),
            (b"\xff\xd8\xff\xe0".to_vec(), "image/jpeg"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), "image/svg+xml"),
        ] {
            let shown = Logo::try_from(bytes).unwrap().into_response();
            assert_eq!(shown.headers()[header::CONTENT_TYPE], media_type);
            let policy = shown.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'") && policy.ends_with("sandbox"));
        }
        for bytes in [b"<html>".to_vec(), b"GIF89a".to_vec(), Vec::new()] {
            assert!(Logo::try_from(bytes).is_err());
        }
        let mut large = b"\x89PNG\r\n\x1a\n".to_vec();
        large.resize(MAX_LOGO_BYTES + 1, 0);
        assert!(Logo::try_from(large).is_err());
    }
}

//! Where a relying party wants people to be sent when all is done.

use axum::http::Uri;
use countersign_domain::invalid::{Field, InvalidInput};
use serde::{Deserialize, Serialize};

use crate::origin::PublicOrigin;

/// Longest address that is kept, in bytes.
const MAX_BYTES: usize = 2048;

/// An address that becomes a link or a form on a page. What is on the person's own machine needs no TLS: browsers trust it,
/// too (W3C Secure Contexts section 3.1).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReturnUrl {
    text: String,
    origin: PublicOrigin,
}

impl ReturnUrl {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its scheme, host and port: what a page's policy permits a form to be sent to. A host has no character that could
    /// end the policy's directive.
    pub const fn origin(&self) -> &PublicOrigin {
        &self.origin
    }
}

impl TryFrom<String> for ReturnUrl {
    type Error = InvalidInput;

    fn try_from(text: String) -> Result<Self, InvalidInput> {
        if text.len() > MAX_BYTES {
            return Err(InvalidInput::new(Field::ReturnUrl, "is longer than 2048 characters"));
        }
        let refuse = || InvalidInput::new(Field::ReturnUrl, "is not an absolute https address");
        let origin = origin_of(&text).ok_or_else(refuse)?;
        Ok(Self { text, origin })
    }
}

impl From<ReturnUrl> for String {
    fn from(url: ReturnUrl) -> Self {
        url.text
    }
}

fn origin_of(text: &str) -> Option<PublicOrigin> {
    let uri: Uri = text.parse().ok()?;
    let (scheme, host) = (uri.scheme_str()?, uri.host()?);
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    let origin = format!("{scheme}://{host}{port}").to_ascii_lowercase();
    PublicOrigin::try_from(origin).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_sent_to_the_origin_of_an_address_and_to_nothing_else_in_it() {
        for (text, origin) in [
            ("https://shop.example/back?order=1", "https://shop.example"),
            ("https://Shop.example:8443/", "https://shop.example:8443"),
            ("https://alice@shop.example/", "https://shop.example"),
            ("http://localhost:8080/delivered", "http://localhost:8080"),
        ] {
            let url = ReturnUrl::try_from(text.to_owned()).unwrap();
            assert_eq!((url.as_str(), &*url.origin().to_string()), (text, origin));
        }
    }

    #[test]
    fn what_is_no_address_of_a_page_under_tls_is_refused() {
        for (rule, text) in [
            ("an address", "shop"),
            ("a host", "/shop"),
            ("TLS", "http://shop.example/"),
            ("no script", "javascript:alert(1)"),
            ("a host that ends no directive", "https://shop.example;script-src/"),
        ] {
            assert!(ReturnUrl::try_from(text.to_owned()).is_err(), "{rule}: {text}");
        }
    }
}

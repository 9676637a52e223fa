//! The frame of a page, and how a page is kept from being misused.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Response},
};

/// The one style sheet, in the page so that nothing is fetched. Its hash is in the policy below, and a test compares.
pub const STYLE: &str = include_str!("style.css");

/// What a page may do: show itself with its own style and send its own forms; nothing of anybody else (CSP Level 3).
const POLICY: &str = concat!(
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; ",
    "style-src 'sha256-vHhQptGtnMStSANa/5E+NXPzjdX3gDlMPNyqW4aEskg='"
);

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    status: StatusCode,
    html: String,
}

impl Page {
    /// A page whose whole HTML is given; its style, if any, is [`STYLE`].
    pub const fn new(status: StatusCode, html: String) -> Self {
        Self { status, html }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = (self.status, Html(self.html)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        );
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// Whether the caller wants JSON and not a page: `Accept` names `application/json` and no HTML.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WantsJson(pub bool);

impl WantsJson {
    fn of(headers: &HeaderMap) -> Self {
        let accept = headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        Self(accept.contains("application/json") && !accept.contains("text/html"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for WantsJson {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use ring::digest::{SHA256, digest};

    use super::*;

    #[test]
    fn the_policy_permits_our_style_sheet_and_nothing_else() {
        let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
        assert!(
            POLICY.ends_with(&format!("style-src 'sha256-{hash}'")),
            "put sha256-{hash} into the policy"
        );
        assert!(POLICY.starts_with("default-src 'none';"));
    }

    #[test]
    fn json_is_for_who_asks_for_it_and_pages_for_browsers() {
        for (accept, json) in [
            ("application/json", true),
            (
                "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8",
                false,
            ),
            ("*/*", false),
            ("", false),
        ] {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(WantsJson::of(&headers), WantsJson(json), "{accept}");
        }
    }
}

//! The frame of a page, and how a page is kept from being misused.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::digest::{SHA256, digest};

/// The style sheet of every page, in the page so that nothing is fetched.
pub const STYLE: &str = include_str!("style.css");

/// What a page may do: show itself with its own style and its own host's pictures, and send its own forms; nothing of
/// anybody else (CSP Level 3). The hashes of its styles follow.
const POLICY: &str = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
                      img-src 'self'; style-src";

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    status: StatusCode,
    html: String,
    policy: String,
}

impl Page {
    /// A page whose whole HTML is given. Its style is [`STYLE`], and `more_style` if that is not empty: each the whole
    /// text of one `style` element.
    pub fn new(status: StatusCode, html: String, more_style: &str) -> Self {
        let mut policy = POLICY.to_owned();
        for style in [STYLE, more_style] {
            if !style.is_empty() {
                policy.push_str(&format!(" 'sha256-{}'", hash(style)));
            }
        }
        Self { status, html, policy }
    }
}

fn hash(style: &str) -> String {
    STANDARD.encode(digest(&SHA256, style.as_bytes()))
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = (self.status, Html(self.html)).into_response();
        let headers = response.headers_mut();
        // It is ASCII; if ever it were not, the page would have no style rather than no policy.
        let policy = HeaderValue::from_str(&self.policy)
            .unwrap_or(HeaderValue::from_static("default-src 'none'"));
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
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
        let accept =
            headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
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
    use super::*;

    #[test]
    fn the_policy_permits_the_page_its_own_styles_and_nothing_else() {
        let policy = |more| {
            let page = Page::new(StatusCode::OK, String::new(), more).into_response();
            page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
        };
        let plain = policy("");
        assert!(plain.starts_with("default-src 'none';"), "{plain}");
        assert_eq!(plain.matches("sha256-").count(), 1, "{plain}");
        assert!(!plain.contains("unsafe"), "{plain}");
        // The well-known hash of the empty text is of no style at all.
        let themed = policy("b{}");
        assert!(themed.starts_with(&plain), "{themed}");
        assert_eq!(themed.matches("sha256-").count(), 2, "{themed}");
    }

    #[test]
    fn json_is_for_who_asks_for_it_and_pages_for_browsers() {
        for (accept, json) in [
            ("application/json", true),
            ("text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8", false),
            ("*/*", false),
            ("", false),
        ] {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(WantsJson::of(&headers), WantsJson(json), "{accept}");
        }
    }
}

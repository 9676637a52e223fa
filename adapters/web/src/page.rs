//! The frame of a page, and how a page is kept from being misused.

use askama::Template;
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_domain::id::RelyingPartyId;
use ring::digest::{SHA256, digest};

use crate::{
    accept::{self, Accept},
    answer::guard,
    origin::PublicOrigin,
    problem::Problem,
    return_url::ReturnUrl,
    theme::Theme,
    words::{Language, SHARED},
};

/// The style sheet of every page, in the page so that nothing is fetched.
const STYLE: &str = include_str!("style.css");

/// What a page may do: show itself with its own style and its own host's pictures, and send its own forms; nothing of
/// anybody else (CSP Level 3). Where its forms go and the hashes of its styles follow.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; img-src 'self'; form-action 'self'";

/// What is around a page's own part.
#[derive(Clone, Copy, Debug)]
pub struct PageStyle<'a> {
    /// The language that is spoken.
    pub language: &'a Language,
    /// The relying party whose page it is, if it is one's.
    pub party: Option<Brand<'a>>,
    /// Where the page can be asked for in another language; `None` for one that is an answer and cannot be asked for.
    pub path: Option<&'a str>,
}

/// How a relying party's pages begin.
#[derive(Clone, Copy, Debug)]
pub struct Brand<'a> {
    /// Its id, which its logo is asked for by.
    pub id: &'a RelyingPartyId,
    /// Its name.
    pub name: &'a str,
    /// Its colour and its logo.
    pub theme: Option<&'a Theme>,
}

/// The frame, filled.
#[derive(Template)]
#[template(path = "frame.html")]
struct Frame<'a> {
    style: &'static str,
    more_style: &'a str,
    title: &'a str,
    page: PageStyle<'a>,
    problem: Option<&'a Problem>,
    main: &'a str,
}

/// A page: what is wrong, if anything is, and the flow's own part, whose HTML is given.
pub fn page(title: &str, style: PageStyle<'_>, problem: Option<&Problem>, main: &str) -> Response {
    page_handing_to(None, title, style, problem, main)
}

/// The same, of which a form may be sent to that address, too: what a person hands on to a relying party.
pub fn page_handing_to(
    other: Option<&ReturnUrl>,
    title: &str,
    style: PageStyle<'_>,
    problem: Option<&Problem>,
    main: &str,
) -> Response {
    let more_style = style.party.and_then(|party| party.theme).map(style_of).unwrap_or_default();
    let frame = Frame { style: STYLE, more_style: &more_style, title, page: style, problem, main };
    let status = problem.map_or(StatusCode::OK, Problem::status);
    match frame.render() {
        Ok(html) => {
            let mut page = with_policy(status, html, &more_style, other.map(ReturnUrl::origin));
            if let Some(seconds) = problem.and_then(Problem::retry_after_seconds) {
                page.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            page
        }
        Err(error) => {
            tracing::error!(%error, "cannot render a page");
            Problem::internal().into_response()
        }
    }
}

/// The colour is the background of what is pressed, with white on it: it was checked for that.
fn style_of(theme: &Theme) -> String {
    theme.colour.map_or_else(String::new, |colour| format!(":root{{--press:{colour}}}"))
}

impl Frame<'_> {
    fn say(&self, name: &str) -> String {
        SHARED.say(self.page.language, name, &[])
    }

    fn logo(&self) -> Option<&RelyingPartyId> {
        let party =
            self.page.party.filter(|party| party.theme.is_some_and(|theme| theme.logo.is_some()));
        party.map(|party| party.id)
    }

    fn languages(&self) -> Vec<Language> {
        Language::all()
    }

    /// The page at that path, in another language.
    fn spoken_in(&self, path: &str, language: &Language) -> String {
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{path}{joint}language={}", language.tag())
    }

    fn is_spoken(&self, language: &Language) -> bool {
        self.page.language == language
    }

    /// Its own name for itself.
    fn name_of(&self, language: &Language) -> String {
        SHARED.say(language, "language-name", &[])
    }
}

/// The HTML with headers that permit its own styles, each the whole text of one `style` element, and its own forms, with
/// those to one other origin.
fn with_policy(
    status: StatusCode,
    html: String,
    more_style: &str,
    other: Option<&PublicOrigin>,
) -> Response {
    let mut policy = POLICY.to_owned();
    policy.extend(other.map(|origin| format!(" {origin}")));
    policy.push_str("; style-src");
    for style in [STYLE, more_style] {
        if !style.is_empty() {
            policy.push_str(&format!(" 'sha256-{}'", hash(style)));
        }
    }
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    // It is ASCII; if ever it were not, the page would have no style rather than no policy.
    let policy =
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    // With `no-referrer` our own forms would come with the origin `null` (Fetch section 3.2); others are told nothing either way.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    guard(response, true)
}

fn hash(style: &str) -> String {
    STANDARD.encode(digest(&SHA256, style.as_bytes()))
}

/// Whether the caller would rather have JSON than a page (`Accept`); of what it likes as much, a page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WantsJson(pub bool);

impl WantsJson {
    fn of(headers: &HeaderMap) -> Self {
        let accept = Accept::of(headers);
        Self(accept.best(&accept::JSON) > accept.best(&[accept::HTML]))
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
        let policy_with = |more, other| {
            let page = with_policy(StatusCode::OK, String::new(), more, other);
            page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
        };
        let policy = |more| policy_with(more, None);
        let plain = policy("");
        assert!(plain.starts_with("default-src 'none';"), "{plain}");
        assert_eq!(plain.matches("sha256-").count(), 1, "{plain}");
        assert!(!plain.contains("unsafe"), "{plain}");
        // The well-known hash of the empty text is of no style at all.
        let themed = policy("b{}");
        assert!(themed.starts_with(&plain), "{themed}");
        assert_eq!(themed.matches("sha256-").count(), 2, "{themed}");
        let shop = PublicOrigin::try_from("https://shop.example".to_owned()).unwrap();
        let handing = policy_with("", Some(&shop));
        let forms = "form-action 'self' https://shop.example; style-src";
        assert!(plain.contains("form-action 'self'; ") && handing.contains(forms), "{handing}");
    }

    #[test]
    fn json_goes_to_clients_that_ask_for_it_and_pages_to_browsers() {
        for (accept, json) in [
            ("application/json", true),
            ("text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8", false),
            ("application/json, text/plain, */*", true),
            ("application/problem+json", true),
            ("text/html;q=0.5, application/json", true),
            ("*/*;q=0.1, text/html;q=0", true),
            ("application/json;q=0, */*", false),
            ("application/json, text/html", false),
            ("*/*", false),
            ("", false),
        ] {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(WantsJson::of(&headers), WantsJson(json), "{accept}");
        }
    }
}

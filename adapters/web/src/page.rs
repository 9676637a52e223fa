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

/// What the element has that says what is wrong: there is one in a page at most, and fields are described by it.
const SAID_HERE: &str = " id=\"problem\"";

/// What marks an element of the page's own part that says what is wrong: the frame does not say it, too.
pub const IS_THE_PROBLEM: &str = r#" id="problem" tabindex="-1" autofocus"#;
/// How long a page waits before it looks again, in seconds.
const LOOK_AGAIN_SECONDS: u64 = 5;

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
    /// Where to look again, in place of the flow's own part.
    again: Option<&'a str>,
}

/// A page: what is wrong, if anything is, and the flow's own part, whose HTML is given. Where it is not known how something
/// ended, and the page can be asked for, it says so alone, with nothing to press, and looks again by itself.
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
    let is_unknown = problem.is_some_and(Problem::is_outcome_unknown);
    let again = style.path.filter(|path| is_unknown && !path.is_empty());
    let more = &more_style;
    let frame = Frame { style: STYLE, more_style: more, title, page: style, problem, main, again };
    let status = problem.map_or(StatusCode::OK, Problem::status);
    match frame.render() {
        Ok(html) => {
            let mut page = with_policy(status, html, &more_style, other.map(ReturnUrl::origin));
            if let Some(seconds) = problem.and_then(Problem::retry_after_seconds) {
                page.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            match again {
                Some(path) => looking_again(page, path),
                None => page,
            }
        }
        Err(error) => {
            tracing::error!(%error, "cannot render a page");
            Problem::internal().into_response()
        }
    }
}

/// The page, which asks for that path by itself after a while: what it waits for ends without the person.
pub fn looking_again(mut page: Response, path: &str) -> Response {
    // A path of ours is ASCII; one that were not would only have to be asked for by hand.
    if let Ok(refresh) = HeaderValue::from_str(&format!("{LOOK_AGAIN_SECONDS}; url={path}")) {
        page.headers_mut().insert(header::REFRESH, refresh);
    }
    page
}

/// The colour is the background of what is pressed, with white on it: it was checked for that.
fn style_of(theme: &Theme) -> String {
    theme.colour.map_or_else(String::new, |colour| format!(":root{{--press:{colour}}}"))
}

impl Frame<'_> {
    fn say(&self, name: &str) -> String {
        SHARED.say(self.page.language, name, &[])
    }

    /// What the tab is called: what is wrong comes first, so that people who hear the page learn it first (WCAG 2.4.2).
    fn headline(&self) -> String {
        match self.problem {
            Some(problem) => format!("{} · {}", problem.title(self.page.language), self.title),
            None => self.title.to_owned(),
        }
    }

    /// What is wrong, unless the page's own part says it beside what it is about: nothing is said twice.
    fn said_here(&self) -> Option<&Problem> {
        self.problem.filter(|_| !self.main.contains(SAID_HERE))
    }

    /// Whether what is wrong is what the page is about.
    fn is_headed_here(&self) -> bool {
        !self.main.contains("<h1")
    }

    /// Whether a field has the focus when the page opens, which is then the one that is wrong; else what is wrong has it.
    fn is_focused_below(&self) -> bool {
        self.main.contains(" autofocus")
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
        Self(
            !accept.excludes(&accept::JSON)
                && accept.best(&accept::JSON) > accept.best(&[accept::HTML]),
        )
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
    fn where_the_outcome_is_not_known_there_is_nothing_to_press_and_the_page_looks_again() {
        let language = &Language::default();
        let shown = |problem: &Problem, path| {
            let style = PageStyle { language, party: None, path };
            page("Your payment", style, Some(problem), "<button>Pay</button>")
        };
        let unknown = shown(&Problem::outcome_unknown(), Some("/pay/1"));
        assert_eq!(unknown.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(unknown.headers()[header::REFRESH], "5; url=/pay/1");
        // What is known, or cannot be looked for, stays as it is.
        for (problem, path) in
            [(Problem::internal(), Some("/pay/1")), (Problem::outcome_unknown(), None)]
        {
            assert_eq!(shown(&problem, path).headers().get(header::REFRESH), None);
        }
    }

    #[test]
    fn json_goes_to_clients_that_ask_for_it_and_pages_to_browsers() {
        for (accept, json) in [
            ("application/json", true),
            ("application/json;q=0", false),
            ("application/json;q=0, text/plain", false),
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

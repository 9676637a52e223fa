//! Forms that only our own pages may send.

use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{origin::PublicOrigin, problem::Problem};

/// Refuses what a page of another site sends, for [`axum::middleware::from_fn`]: in a browser it would be done in the name of
/// the person who looks at that page. A [`PublicOrigin`] in the request's extensions is where people reach these pages.
pub async fn own_forms_only(request: Request, next: Next) -> Response {
    let own = request.extensions().get::<PublicOrigin>();
    if request.method().is_safe() || is_own(request.headers(), own) {
        return next.run(request).await;
    }
    Problem::shared(StatusCode::FORBIDDEN, "other-site").into_response()
}

/// Browsers say where a form comes from in `Sec-Fetch-Site` (Fetch Metadata), those before 2023 in `Origin` alone (RFC
/// 6454). A request with neither is from a program, which nobody can be tricked to send; if it is from a browser after all,
/// the session's cookie does not come with another site's form (`SameSite=Lax`), and nothing is done without a session.
fn is_own(headers: &HeaderMap, own: Option<&PublicOrigin>) -> bool {
    if let Some(site) = single(headers, "sec-fetch-site") {
        return matches!(site, Some("same-origin" | "none"));
    }
    match single(headers, header::ORIGIN.as_str()) {
        None => true,
        // `null` is that of a page without one: ours have theirs, see `Referrer-Policy`.
        Some(origin) => origin.is_some_and(|origin| {
            own.is_some_and(|own| own.to_string() == origin) || is_of_host(origin, headers)
        }),
    }
}

/// Whether the origin is that of the host that the request is for.
fn is_of_host(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.map(|host| host.strip_suffix(":443").unwrap_or(host));
    let origin = origin.strip_prefix("https://");
    origin.zip(host).is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host))
}

/// The header's value: `None` where it did not come, `Some(None)` where it is none or came more than once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    Some(first.to_str().ok().filter(|_| values.next().is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_own_when_the_browser_says_so_by_site_or_by_origin() {
        let own = PublicOrigin::try_from("https://pay.example.com:8443".to_owned()).unwrap();
        for (rule, headers, is_ours) in [
            ("our own page", &[("sec-fetch-site", "same-origin")][..], true),
            ("typed by the person", &[("sec-fetch-site", "none")], true),
            ("another site", &[("sec-fetch-site", "cross-site")], false),
            ("a neighbour", &[("sec-fetch-site", "same-site")], false),
            ("unknown to us", &[("sec-fetch-site", "new-word")], false),
            ("said twice", &[("sec-fetch-site", "none"), ("sec-fetch-site", "none")], false),
            ("the site counts", &[("sec-fetch-site", "same-origin"), ("origin", "null")], true),
            (
                "the site counts, again",
                &[("sec-fetch-site", "cross-site"), ("origin", "https://pay.example.com:8443")],
                false,
            ),
            ("our origin", &[("origin", "https://pay.example.com:8443")], true),
            (
                "our host",
                &[("origin", "https://inside.example"), ("host", "inside.example:443")],
                true,
            ),
            (
                "another origin",
                &[("origin", "https://evil.example"), ("host", "pay.example.com")],
                false,
            ),
            (
                "our host without TLS",
                &[("origin", "http://a.example"), ("host", "a.example")],
                false,
            ),
            ("another port", &[("origin", "https://pay.example.com")], false),
            ("a longer name", &[("origin", "https://pay.example.com:8443.evil.example")], false),
            ("no origin", &[("origin", "null"), ("host", "null")], false),
            (
                "two origins",
                &[("origin", "https://pay.example.com:8443"), ("origin", "null")],
                false,
            ),
            ("a program", &[("host", "pay.example.com")], true),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, value.parse().unwrap());
            }
            assert_eq!(is_own(&map, Some(&own)), is_ours, "{rule}");
        }
    }
}

//! `Accept` (RFC 9110 section 12.5.1): what a client takes, and how gladly.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::problem::Problem;

/// JSON, of an answer and of a refusal.
pub const JSON: [&str; 2] = ["application/json", "application/problem+json"];
/// A page.
pub const HTML: &str = "text/html";

/// Ranges that are read; no client sends so many.
const MAX_RANGES: usize = 64;
/// A weight of 1, in thousandths.
const WHOLE: u32 = 1000;

/// How gladly something is taken: its weight in thousandths, then how closely it was named.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Liking {
    weight: u32,
    closeness: u8,
}

/// What a client takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Accept(Vec<Range>);

#[derive(Clone, Debug, PartialEq)]
struct Range {
    kind: String,
    subtype: String,
    weight: u32,
}

impl Accept {
    /// Of all lines of the header together (RFC 9110 section 5.3). Without any that can be read, everything is taken.
    pub fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter();
        let lines = lines.filter_map(|line| line.to_str().ok());
        let ranges = lines.flat_map(|line| outside_quotes(line, ',')).filter_map(Range::read);
        Self(ranges.take(MAX_RANGES).collect())
    }

    /// How gladly that type is taken: the closest range decides.
    fn liking(&self, media_type: &str) -> Liking {
        if self.0.is_empty() {
            return Liking { weight: WHOLE, closeness: 0 };
        }
        let matching = self.0.iter().filter_map(|range| {
            let closeness = range.closeness(media_type)?;
            Some(Liking { weight: range.weight, closeness })
        });
        let closest = matching.max_by_key(|liking| (liking.closeness, liking.weight));
        closest.unwrap_or_default()
    }

    /// How gladly one of those is taken, the one that is liked best.
    pub fn best(&self, media_types: &[&str]) -> Liking {
        media_types.iter().map(|media_type| self.liking(media_type)).max().unwrap_or_default()
    }

    /// Whether the client excludes all of them.
    pub fn excludes(&self, media_types: &[&str]) -> bool {
        self.best(media_types).weight == 0
    }
}

impl Range {
    /// A weight that is none, such as `.2`, excludes nothing.
    fn read(text: &str) -> Option<Self> {
        let mut parts = outside_quotes(text, ';').map(str::trim);
        let (kind, subtype) = match parts.next()? {
            // As some clients write `*/*`.
            "*" => ("*", "*"),
            range => range.split_once('/')?,
        };
        let (mut weight, mut is_narrower) = (WHOLE, false);
        for parameter in parts {
            match parameter.split_once('=') {
                Some((name, value)) if name.trim().eq_ignore_ascii_case("q") => {
                    weight = thousandths(value.trim()).unwrap_or(WHOLE);
                }
                Some(_) => is_narrower = true,
                None => {}
            }
        }
        let (kind, subtype) =
            (kind.trim().to_ascii_lowercase(), subtype.trim().to_ascii_lowercase());
        // What is excluded with a parameter is something closer than the type itself.
        (!is_narrower || weight > 0).then_some(Self { kind, subtype, weight })
    }

    /// How closely it names the type: not at all, as anything, as one of its kind, or by its name.
    fn closeness(&self, media_type: &str) -> Option<u8> {
        let (kind, subtype) = media_type.split_once('/')?;
        match (self.kind.as_str(), self.subtype.as_str()) {
            ("*", "*") => Some(0),
            (own, "*") if own == kind => Some(1),
            (own, named) if own == kind && named == subtype => Some(2),
            (_, _) => None,
        }
    }
}

/// Refuses a client that excludes all that there is, for [`axum::middleware::from_fn_with_state`]: before anything is
/// done, so that nothing is done whose answer cannot be read.
pub async fn offered(
    State(media_types): State<&'static [&'static str]>,
    request: Request,
    next: Next,
) -> Response {
    if Accept::of(request.headers()).excludes(media_types) {
        let problem = Problem::shared(StatusCode::NOT_ACCEPTABLE, "not-acceptable");
        return problem.filled("offered", media_types.join(", ")).into_response();
    }
    next.run(request).await
}

/// The parts of a header's line, which a quoted string does not part (RFC 9110 section 5.6.4).
pub(crate) fn outside_quotes(text: &str, by: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |character| {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return !quoted && character == by,
        }
        false
    })
}

/// `0.8` as 800; at most three decimals (RFC 9110 section 12.4.2).
pub(crate) fn thousandths(weight: &str) -> Option<u32> {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    match (whole, decimals.len()) {
        ("1", 0..=3) if decimals.bytes().all(|digit| digit == b'0') => Some(1000),
        ("0", 0..=3) if decimals.bytes().all(|digit| digit.is_ascii_digit()) => {
            format!("{decimals:0<3}").parse().ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn accept(lines: &[&'static str]) -> Accept {
        let lines = lines.iter().map(|line| (header::ACCEPT, HeaderValue::from_static(line)));
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        Accept::of(&headers)
    }

    #[test]
    fn only_a_client_that_excludes_all_is_refused() {
        for (rule, lines, excluded) in [
            ("absent is anything", &[][..], false),
            ("empty is anything", &[""], false),
            ("anything", &["*/*"], false),
            ("anything, as some write it", &["text/html, image/gif, *; q=.2, */*; q=.2"], false),
            ("the type", &["application/json"], false),
            ("the type, in any case", &["Application/JSON"], false),
            ("the type with a parameter", &["application/json;charset=utf-8"], false),
            ("its kind", &["application/*;q=0.1"], false),
            ("a refusal's type", &["application/problem+json"], false),
            ("the second line", &["text/html", "application/json"], false),
            ("the least weight", &["text/html, */*;q=0.001"], false),
            ("a comma in quotes", &["text/html;a=\"x,y\", application/json"], false),
            ("what cannot be read", &["nothing"], false),
            ("a weight that is none", &["application/json;q=9"], false),
            ("another type", &["text/html"], true),
            ("another kind", &["image/*"], true),
            ("nothing at all", &["*/*;q=0"], true),
            ("the kind excluded", &["*/*, application/*;q=0"], true),
            (
                "both excluded",
                &["*/*, application/json;Q=0.000, application/problem+json;q=0"],
                true,
            ),
            ("one excluded", &["*/*, application/json;q=0"], false),
            ("the type in quotes", &["text/html;a=\", application/json\""], true),
        ] {
            assert_eq!(accept(lines).excludes(&JSON), excluded, "{rule}: {lines:?}");
        }
    }

    #[test]
    fn the_weight_decides_then_the_closer_name() {
        for (better, line) in [
            ("application/json", "application/json, */*"),
            ("application/json", "text/html;q=0.8, application/json;q=0.9"),
            ("application/json", "text/*;q=0.5, */*;q=0.8"),
            ("text/html", "application/*, text/html"),
            ("text/html", "text/html, application/json;q=0.999"),
        ] {
            let (accept, other) = (accept(&[line]), ["application/json", "text/html"]);
            let other = other.iter().find(|other| **other != better).unwrap();
            assert!(accept.best(&[better]) > accept.best(&[other]), "{line}");
        }
    }
}

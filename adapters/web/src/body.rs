//! Bodies and forms, read without quoting them: what a reader says of a body that it cannot read may hold a card's number
//! or a code, so only its place is passed on.

use std::convert::Infallible;

use axum::{
    Form, Json,
    body::Bytes,
    extract::{
        FromRequest, Path, Request,
        rejection::{FormRejection, PathRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    accept::outside_quotes,
    misfit::{misfit, misplaced, no_object},
    objects::Objects,
    problem::Problem,
};

/// Longest body of an API that is read, in bytes: a purchase of twenty items with the longest names takes a fifth of it.
pub const MAX_BODY_BYTES: usize = 16 * 1024;

/// Characters of a header that are quoted in a refusal.
const MAX_QUOTED: usize = 64;

/// A part of a path that names something. Bytes that are not UTF-8 name nothing, and are refused as a problem.
pub type Segment = Result<Path<String>, PathRejection>;

/// The id of the record that a path names. What cannot be an id names none.
///
/// # Errors
/// Problem `not-found`.
pub fn record_id<T: TryFrom<String>>(segment: Segment) -> Result<T, Problem> {
    let id = segment.ok().and_then(|Path(text)| T::try_from(text).ok());
    id.ok_or_else(Problem::no_record)
}

/// The body of a request that should be JSON: read before what is asked is known, and judged after.
#[derive(Debug)]
pub struct JsonBody(Result<Bytes, Problem>);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Infallible> {
        if let Err(problem) = declared(request.headers()) {
            return Ok(Self(Err(problem)));
        }
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|rejection| {
            Problem::shared(rejection.status(), "malformed-json")
                .worded("body-unreadable")
                .filled("max_bytes", MAX_BODY_BYTES)
        });
        Ok(Self(body.and_then(without_mark)))
    }
}

impl JsonBody {
    /// The whole body, without the mark that some programs write in front of text.
    ///
    /// # Errors
    /// `unsupported-media-type` when it says that it is no JSON in UTF-8, `malformed-json` when it is too long or broke off.
    pub fn bytes(self) -> Result<Bytes, Problem> {
        self.0
    }

    /// The JSON in it.
    ///
    /// # Errors
    /// As [`Self::bytes`] and [`json`].
    pub fn read<T: DeserializeOwned>(self) -> Result<T, Problem> {
        json(&self.0?)
    }
}

/// What was created, and where it is. It may hold what only its caller may keep, so that nothing on the way keeps it.
pub fn created(location: &str, body: &impl Serialize) -> Response {
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(location) = HeaderValue::from_str(location) {
        headers.insert(header::LOCATION, location);
    }
    response
}

/// The JSON in a body. What is not as it should be is named as the client wrote it, with its path, and never quoted.
///
/// # Errors
/// `malformed-json`; `invalid-value` for a value that breaks a rule of ours.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.trim_ascii().is_empty() {
        return Err(no_object());
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(Objects(&mut reader));
    let read = read.map_err(|error| misfit(&error))?;
    reader.end().map_err(|error| misplaced(&error))?;
    Ok(read)
}

/// The fields of a form: read before what is asked is known, and judged after.
pub struct FormBody<T>(Result<T, Problem>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for FormBody<T> {
    type Rejection = Infallible;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Infallible> {
        // The reader behind knows one way to write the type (RFC 9110 section 8.3.1 knows more).
        if let Err(problem) = declared_form(request.headers_mut()) {
            return Ok(Self(Err(problem)));
        }
        let form = Form::from_request(request, state).await;
        let unread = |rejection: FormRejection| malformed_form(rejection.status());
        Ok(Self(form.map(|Form(form)| form).map_err(unread)))
    }
}

impl<T> FormBody<T> {
    /// The fields.
    ///
    /// # Errors
    /// Problem `malformed-form`, also when it says that it is no form in UTF-8.
    pub fn read(self) -> Result<T, Problem> {
        self.0
    }
}

fn malformed_form(status: StatusCode) -> Problem {
    Problem::shared(status, "malformed-form")
}

/// Writes the type of a form as its reader knows it.
fn declared_form(headers: &mut HeaderMap) -> Result<(), Problem> {
    const FORM: &str = "application/x-www-form-urlencoded";
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !is_of_type(headers, FORM) || said.is_some_and(is_in_other_charset) {
        return Err(malformed_form(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FORM));
    Ok(())
}

/// Whether a type says a character encoding that is not UTF-8.
fn is_in_other_charset(said: &str) -> bool {
    let mut parameters = outside_quotes(said, ';').skip(1).filter_map(|pair| pair.split_once('='));
    parameters.any(|(name, value)| {
        let charset = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset")
            && !["utf-8", "utf8", "us-ascii"].iter().any(|of| of.eq_ignore_ascii_case(charset))
    })
}

/// Whether the content is of that media type; parameters of the type say nothing here.
pub fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    said.is_some_and(|said| said_type(said) == media_type)
}

/// In lower case, without its parameters.
fn said_type(said: &str) -> String {
    said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What people's tools call a body that nobody has called anything: curl and browsers.
const UNCALLED: [&str; 2] = ["application/x-www-form-urlencoded", "text/plain"];

/// A body may go without a type: there is only one that it can be of. One that says that it is something else, or is
/// written in another way than UTF-8 (RFC 8259 section 8.1), is not guessed at.
fn declared(headers: &HeaderMap) -> Result<(), Problem> {
    if let Some(coding) = headers.get(header::CONTENT_ENCODING) {
        let coding = coding.to_str().unwrap_or_default();
        if !coding.trim().eq_ignore_ascii_case("identity") {
            return Err(unsupported(coding));
        }
    }
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    let Some(line) = lines.next() else {
        return Ok(());
    };
    let said = line.to_str().unwrap_or_default();
    if lines.next().is_some() {
        return Err(unsupported("of two types"));
    }
    let media_type = said_type(said);
    let is_json = media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    let is_read = is_json || UNCALLED.contains(&media_type.as_str());
    if !is_read || is_in_other_charset(said) {
        return Err(unsupported(said));
    }
    Ok(())
}

/// What some programs write in front of UTF-8 (RFC 8259 section 8.1: it may be ignored).
const UTF8_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// JSON begins with ASCII: with a zero in its first two octets it is no UTF-8.
fn without_mark(body: Bytes) -> Result<Bytes, Problem> {
    match body.as_ref() {
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] | [0, _, ..] | [_, 0, ..] => {
            Err(unsupported("UTF-16 or UTF-32"))
        }
        [..] if body.starts_with(&UTF8_MARK) => Ok(body.slice(UTF8_MARK.len()..)),
        [..] => Ok(body),
    }
}

/// Headers are quoted as far as a person would read them.
fn unsupported(found: &str) -> Problem {
    let found: String = found.chars().filter(|c| !c.is_control()).take(MAX_QUOTED).collect();
    let problem = Problem::shared(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type");
    problem.filled("found", found)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(headers: &[(&str, &str)], body: &[u8]) -> Result<serde_json::Value, Problem> {
        let request = Request::builder();
        let request = headers.iter().fold(request, |all, (name, value)| all.header(*name, *value));
        let request = request.body(axum::body::Body::from(body.to_vec())).unwrap();
        let Ok(body) = JsonBody::from_request(request, &()).await;
        body.read()
    }

    #[tokio::test]
    async fn a_body_is_json_in_utf8_unless_it_says_otherwise() {
        for said in [
            "application/json",
            "Application/JSON ; Charset=\"UTF-8\"",
            "application/json;charset=utf8;profile=\"a;charset=x\"",
            "application/vnd.shop+json",
            "application/json; charset=us-ascii",
            "text/plain;charset=UTF-8",
            "application/x-www-form-urlencoded",
        ] {
            assert_eq!(
                read(&[("Content-Type", said)], b"{}").await,
                Ok(serde_json::json!({})),
                "{said}"
            );
        }
        assert!(read(&[], b"{}").await.is_ok());
        assert!(read(&[("Content-Encoding", "identity")], b"{}").await.is_ok());
        for (headers, named) in [
            (&[("Content-Type", "text/xml")][..], "text/xml"),
            (&[("Content-Type", "application/json; charset=ISO-8859-1")], "ISO-8859-1"),
            (&[("Content-Type", "application/json;CHARSET='utf-8'")], "utf-8"),
            (&[("Content-Type", "application/json, application/json")], "application/json"),
            (&[("Content-Type", "application/jsonx")], "jsonx"),
            (&[("Content-Type", "")], "said to be"),
            (&[("Content-Type", "application/json"), ("Content-Type", "text/xml")], "two types"),
            (&[("Content-Encoding", "gzip")], "gzip"),
        ] {
            let refused = read(headers, b"{}").await.unwrap_err();
            assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{headers:?}");
            assert!(
                refused.explanation().contains(named),
                "{headers:?}: {}",
                refused.explanation()
            );
        }
    }

    #[tokio::test]
    async fn one_mark_in_front_of_utf8_is_skipped_and_another_encoding_is_named() {
        assert_eq!(read(&[], b"\xef\xbb\xbf{\"a\":1}").await, Ok(serde_json::json!({ "a": 1 })));
        let twice = read(&[], b"\xef\xbb\xbf\xef\xbb\xbf{}").await.unwrap_err();
        assert_eq!(twice.status(), StatusCode::BAD_REQUEST);
        let sixteen: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [&[0xff, 0xfe], sixteen.as_slice()].concat();
        let big: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for body in [sixteen, marked, big, vec![0, 0, 0, b'{'], vec![0xff, 0xfe, 0, 0]] {
            let refused = read(&[], &body).await.unwrap_err();
            assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{body:?}");
            assert!(refused.explanation().contains("UTF-16"), "{body:?}");
        }
    }

    #[tokio::test]
    async fn a_form_is_read_however_its_type_is_written_but_in_utf8_only() {
        async fn read(
            said: Option<&str>,
            body: &'static str,
        ) -> Result<Vec<(String, String)>, u16> {
            let mut request = Request::builder().method("POST");
            if let Some(said) = said {
                request = request.header("Content-Type", said);
            }
            let request = request.body(axum::body::Body::from(body)).unwrap();
            let Ok(form) = FormBody::from_request(request, &()).await;
            form.read().map_err(|problem| problem.status().as_u16())
        }
        let fields = vec![("code".to_owned(), "\u{e9} 1".to_owned())];
        for said in [
            "application/x-www-form-urlencoded",
            "APPLICATION/X-WWW-FORM-URLENCODED",
            "Application/X-WWW-Form-Urlencoded ; Charset=\"UTF-8\"",
            "application/x-www-form-urlencoded;charset=us-ascii",
        ] {
            assert_eq!(read(Some(said), "code=%C3%A9+1").await, Ok(fields.clone()), "{said}");
        }
        for said in [
            None,
            Some(""),
            Some("text/plain"),
            Some("multipart/form-data; boundary=x"),
            Some("application/x-www-form-urlencodedx"),
            Some("application/x-www-form-urlencoded; charset=iso-8859-1"),
        ] {
            assert_eq!(read(said, "code=1").await, Err(415), "{said:?}");
        }
    }
}

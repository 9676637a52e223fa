//! The session on the first channel: a cookie that this host alone can set, over TLS alone.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use countersign_domain::{
    id::SessionId,
    ports::{Entropy, EntropyError},
};

use crate::problem::Problem;

/// The cookie. The prefix makes browsers refuse it from anywhere but this host over TLS.
const COOKIE: &str = "__Host-countersign-session";

/// The session that a request belongs to, if it brings one.
#[derive(Clone, Debug)]
pub struct Session(Option<SessionId>);

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let cookie = cookie(&parts.headers, COOKIE);
        // A forged one is only a session that nothing waits in.
        Ok(Self(cookie.and_then(|value| SessionId::try_from(value.to_owned()).ok())))
    }
}

impl Session {
    /// Its id, if there is one.
    pub const fn id(&self) -> Option<&SessionId> {
        self.0.as_ref()
    }

    /// Its id, without which nothing is done.
    ///
    /// # Errors
    /// When the request brings none.
    pub fn begun(&self) -> Result<&SessionId, Problem> {
        self.id().ok_or_else(|| Problem::shared(StatusCode::FORBIDDEN, "no-session"))
    }

    /// A new session for a browser that has none; to be kept with [`keep`].
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn begin(&self, entropy: &dyn Entropy) -> Result<Option<SessionId>, EntropyError> {
        match self.0 {
            Some(_) => Ok(None),
            None => SessionId::random(entropy).map(Some),
        }
    }
}

/// Has the browser keep the session.
pub fn keep(response: &mut Response, session: &SessionId) {
    set_cookie(response, COOKIE, session.as_str());
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

pub(crate) fn set_cookie(response: &mut Response, name: &str, value: &str) {
    // `Lax`: people come from another site by a link; forms of other sites come without it.
    let cookie = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; other-b=2"));
        headers.append(header::COOKIE, HeaderValue::from_static("b=3;c=4=5"));
        for (name, value) in [("a", Some("1")), ("b", Some("3")), ("c", Some("4=5")), ("d", None)] {
            assert_eq!(cookie(&headers, name), value, "{name}");
        }
    }
}

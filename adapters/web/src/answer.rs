//! What every answer says of itself, whatever it answers: a page, JSON, a file, or that there is no such thing.

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::Response,
};

/// Answers are a person's or a relying party's own, and nothing on the way keeps them (RFC 9111 section 5.2.2.5); each has the
/// type that it says; and what is negotiated is said (RFC 9110 section 12.5.5).
const ALWAYS: [(HeaderName, HeaderValue); 3] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::VARY, HeaderValue::from_static("Accept, Accept-Language, Cookie")),
];

/// One year in which browsers come back over TLS alone (RFC 6797).
const TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The answer with what every answer says, where it does not say otherwise itself; for [`axum::middleware::map_response`].
pub async fn guarded(response: Response) -> Response {
    guard(response, false)
}

/// The same of a listener, which knows whether the answer goes out over TLS: without it the header on transport security
/// says nothing (RFC 6797 section 7.2).
pub fn guard(mut response: Response, over_tls: bool) -> Response {
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(value);
    }
    if over_tls {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(TRANSPORT_SECURITY);
    }
    response
}

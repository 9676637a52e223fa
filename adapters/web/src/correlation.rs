//! The trace id that a request is followed by through all logs: `traceparent` of W3C Trace Context.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use countersign_domain::{
    id::CorrelationId,
    ports::{Entropy, EntropyError},
};
use tracing::{Span, field::display};

/// The caller's trace id, if the request brings a valid one. One that is not valid is left aside, as section 3.2.2 of
/// W3C Trace Context asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TraceParent(pub Option<CorrelationId>);

impl TraceParent {
    /// The trace id in the headers.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all("traceparent").iter();
        let only = values.next().filter(|_| values.next().is_none());
        Self(only.and_then(|value| trace_id(value.to_str().ok()?)))
    }
}

/// The trace id that a request brought, or a new one, which the request's line in the log has from then on.
///
/// # Errors
/// When the source of randomness fails.
pub fn given_or_new(
    given: Option<CorrelationId>,
    entropy: &dyn Entropy,
) -> Result<CorrelationId, EntropyError> {
    if let Some(given) = given {
        return Ok(given);
    }
    let new = CorrelationId::random(entropy)?;
    Span::current().record("correlation", display(&new));
    Ok(new)
}

/// The trace id of `version-traceid-parentid-flags`. A later version may have more at its end.
fn trace_id(header: &str) -> Option<CorrelationId> {
    let mut fields = header.trim().split('-');
    let (version, trace, parent, flags) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let is_hex = |field: &str, digits: usize| {
        field.len() == digits && field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let has_more = fields.next().is_some();
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && (version != "00" || !has_more)
        && is_hex(parent, 16)
        && parent.bytes().any(|byte| byte != b'0')
        && is_hex(flags, 2);
    CorrelationId::try_from(trace.to_owned()).ok().filter(|_| is_valid)
}

impl<S: Send + Sync> FromRequestParts<S> for TraceParent {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_is_read_as_w3c_trace_context_has_it() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (header, valid) in [
            (format!("00-{id}-00f067aa0ba902b7-01"), true),
            (format!("cc-{id}-00f067aa0ba902b7-01-what-comes-later"), true),
            (format!("00-{id}-00f067aa0ba902b7-01-more"), false),
            (format!("ff-{id}-00f067aa0ba902b7-01"), false),
            (format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()), false),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), false),
            (format!("00-{id}-0000000000000000-01"), false),
            (format!("00-{id}-00f067aa0ba902b7"), false),
            (format!("00-{id}0-00f067aa0ba902b7-01"), false),
            ("4970100000000154".to_owned(), false),
            (String::new(), false),
        ] {
            let headers = HeaderMap::from_iter([(
                axum::http::HeaderName::from_static("traceparent"),
                header.parse().unwrap(),
            )]);
            let TraceParent(found) = TraceParent::of(&headers);
            assert_eq!(found.as_ref().map(CorrelationId::as_str), valid.then_some(id), "{header}");
        }
    }

    #[test]
    fn two_trace_parents_are_none() {
        let value = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let mut headers = HeaderMap::new();
        headers.append("traceparent", value.parse().unwrap());
        headers.append("traceparent", value.parse().unwrap());
        assert_eq!(TraceParent::of(&headers), TraceParent(None));
    }
}

//! Every request of a listener: counted, timed, and logged with the trace id that its caller follows it by.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{MatchedPath, Request},
    middleware::{Next, from_fn},
    response::Response,
};
use countersign_web::correlation::TraceParent;
use tracing::{
    Instrument as _,
    field::{Empty, display},
    info_span,
};

use crate::metrics::Metrics;

/// The router, watched. A request is one line of the log, as a line takes some hundredths of what a request takes; what
/// else is said meanwhile is about something that went wrong. Paths are not logged: with a checkout's path, amount and payee can be seen.
pub(crate) fn watched(router: Router, listener: &'static str, metrics: Arc<Metrics>) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| {
        let metrics = Arc::clone(&metrics);
        async move { answer(listener, &metrics, request, next).await }
    }))
}

async fn answer(
    listener: &'static str,
    metrics: &Metrics,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    // Others than these are refused, and are the caller's words.
    let method = match request.method().as_str() {
        method @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS") => method,
        _ => "other",
    };
    let method = method.to_owned();
    let TraceParent(correlation) = TraceParent::of(request.headers());
    let correlation = correlation.as_ref().map(display);
    // The relying party, and a trace id of ours, are recorded where they become known.
    let span = info_span!("request", listener, method, route, correlation, relying_party = Empty);
    async {
        let response = next.run(request).await;
        let (status, took) = (response.status().as_u16(), begun.elapsed());
        metrics.answered(listener, &method, &route, status, took);
        tracing::info!(status, milliseconds = took.as_millis(), "answered");
        response
    }
    .instrument(span)
    .await
}

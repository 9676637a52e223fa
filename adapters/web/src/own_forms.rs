//! Forms that only our own pages may send.

use axum::{
    extract::Request,
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::problem::Problem;

/// Refuses what a page of another site posts (Fetch Metadata), for [`axum::middleware::from_fn`]: in a browser it would be
/// done in the name of the one who looks at that page. A request without the header is from no browser of today.
pub async fn own_forms_only(request: Request, next: Next) -> Response {
    let site = request.headers().get("sec-fetch-site").map(|site| site.as_bytes());
    match (request.method(), site) {
        (&Method::POST, Some(b"cross-site" | b"same-site")) => {
            Problem::shared(StatusCode::FORBIDDEN, "other-site").into_response()
        }
        _ => next.run(request).await,
    }
}

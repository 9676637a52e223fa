//! The icon that browsers and phones ask every host for, whether a page names one or not: no page of ours needs to.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

/// A tick on blue, 180 pixels wide: the largest that is asked for.
const ICON: &[u8] = include_bytes!("icon.png");

/// Where it is asked for: by browsers, and by iOS, which asks for several in turn.
pub const PATHS: [&str; 5] = [
    "/favicon.ico",
    "/apple-touch-icon.png",
    "/apple-touch-icon-precomposed.png",
    "/apple-touch-icon-120x120.png",
    "/apple-touch-icon-120x120-precomposed.png",
];

/// The routes, to be merged with those of every listener that people's browsers may be at.
pub fn routes() -> Router {
    PATHS.into_iter().fold(Router::new(), |routes, path| routes.route(path, get(icon)))
}

async fn icon() -> Response {
    let mut response = ICON.into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "image/png"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

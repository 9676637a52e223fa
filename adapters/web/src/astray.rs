//! Browsers at an address that has no page: where a form is sent to, or where nothing is. They get the way on.

use axum::{
    http::{HeaderMap, Uri, header},
    response::{IntoResponse as _, Redirect, Response},
};

use crate::{
    guest::Guest,
    page::{PageStyle, page},
    problem::Problem,
};

/// For GET where a form is sent to. The answer to a form that was refused is a page at that address, and a tab that is
/// restored or an address that is sent on asks for it: what they want is the page that the form is on, one step up.
pub async fn to_its_page(uri: Uri) -> Redirect {
    let up = uri.path().rsplit_once('/').map_or("", |(up, _)| up);
    Redirect::to(if up.is_empty() { "/" } else { up })
}

/// A page that leads somewhere: what it is called, and where it is.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// Its name, in the person's language.
    pub name: &'a str,
    /// Its path.
    pub path: &'a str,
}

/// What is wrong with an address: to a browser, which says that it takes HTML, a page with the way on; to programs the
/// problem document.
pub fn astray(headers: &HeaderMap, guest: &Guest, problem: &Problem, way: Way<'_>) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if !accept.is_some_and(|accept| accept.contains("text/html")) {
        return problem.clone().into_response();
    }
    // Both are ours: neither needs an escape.
    let Way { name, path } = way;
    let main = format!("<p><a href=\"{path}\">{name}</a></p>");
    let style = PageStyle { language: &guest.language(None), party: None, path: Some("") };
    page(name, style, Some(problem), &main)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[tokio::test]
    async fn where_a_form_is_sent_to_leads_to_the_page_that_it_is_on() {
        for (form, its_page) in [
            ("/pay/co_1/code", "/pay/co_1"),
            ("/pay/co_1/cancel?language=fr", "/pay/co_1"),
            ("/enrol/ch_1/code", "/enrol/ch_1"),
            ("/code", "/"),
        ] {
            let response = to_its_page(form.parse().unwrap()).await.into_response();
            assert_eq!(response.status(), StatusCode::SEE_OTHER);
            assert_eq!(response.headers()[header::LOCATION], its_page, "{form}");
        }
    }
}

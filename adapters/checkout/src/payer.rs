//! The payer's pages: HTML for browsers, the same as JSON for who asks for it.

use std::sync::Arc;

use axum::{
    Extension, Form, Json, Router,
    extract::{DefaultBodyLimit, Path, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use countersign_domain::{code::TypedCode, error::Error, id::SessionId};
use countersign_web::{page::WantsJson, peer_certificate::PeerCertificates, problem::Problem};

use crate::{
    error::CheckoutError,
    flow::Checkouts,
    message::{CodeForm, PayForm},
    page,
    record::CheckoutId,
    view::CheckoutView,
};

/// Longest form that is read, in bytes.
const MAX_FORM_BYTES: usize = 4 * 1024;

/// The cookie that is the session on the first channel. The prefix makes browsers refuse it from anywhere but this host
/// over TLS.
const SESSION_COOKIE: &str = "__Host-countersign-session";

/// The routes for payers' browsers: to be mounted under TLS, with [`PeerCertificates`] in the request's extensions when
/// the listener asks for client certificates.
pub fn payer_pages(checkouts: Arc<Checkouts>) -> Router {
    Router::new()
        .route("/pay/{id}", get(show).post(pay))
        .route("/pay/{id}/code", post(code))
        .route("/pay/{id}/resend", post(resend))
        .route("/pay/{id}/cancel", post(cancel))
        .fallback(async |wants: WantsJson| {
            answer_problem(wants, None, &Problem::not_found("There is no such page."))
        })
        .method_not_allowed_fallback(async |wants: WantsJson| {
            let detail = "Open the page again, and use its forms.";
            answer_problem(wants, None, &Problem::method_not_allowed(detail))
        })
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .with_state(checkouts)
}

type Shared = State<Arc<Checkouts>>;

async fn show(
    State(checkouts): Shared,
    Path(id): Path<String>,
    wants: WantsJson,
    peer: Option<Extension<PeerCertificates>>,
    headers: HeaderMap,
) -> Response {
    let session = session_of(&headers);
    let shown = async {
        let id = checkout_id(&id)?;
        let viewed = checkouts.view(&id, session.as_ref()).await?;
        let new = match session {
            Some(_) => None,
            None => Some(SessionId::random(checkouts.entropy.as_ref()).map_err(Error::from)?),
        };
        Ok::<_, CheckoutError>((viewed, new))
    };
    match shown.await {
        Ok(((view, return_url), new)) => {
            let has_certificate = peer.is_some_and(|Extension(peer)| !peer.0.is_empty());
            let mut response = match wants {
                WantsJson(true) => Json(view).into_response(),
                WantsJson(false) => {
                    page::checkout(&view, return_url.as_deref(), has_certificate, None)
                }
            };
            if let Some(cookie) = new.and_then(|session| cookie_of(&session)) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(error) => answer_problem(wants, None, &error.into()),
    }
}

async fn pay(
    State(checkouts): Shared,
    Path(id): Path<String>,
    wants: WantsJson,
    peer: Option<Extension<PeerCertificates>>,
    headers: HeaderMap,
    form: Result<Form<PayForm>, FormRejection>,
) -> Response {
    let peer = peer.map(|Extension(peer)| peer).unwrap_or_default();
    let session = session_of(&headers);
    let paid = async {
        let hint = form.map_err(malformed)?.0.try_into()?;
        let session = session.clone().ok_or_else(no_session)?;
        checkouts
            .pay(&checkout_id(&id)?, &session, hint, &peer)
            .await
    };
    let done = paid.await;
    answer(
        &checkouts,
        &id,
        session.as_ref(),
        wants,
        !peer.0.is_empty(),
        done,
    )
    .await
}

async fn code(
    State(checkouts): Shared,
    Path(id): Path<String>,
    wants: WantsJson,
    headers: HeaderMap,
    form: Result<Form<CodeForm>, FormRejection>,
) -> Response {
    let session = session_of(&headers);
    let finished = async {
        let typed = TypedCode::try_from(form.map_err(malformed)?.0.code)?;
        let session = session.clone().ok_or_else(no_session)?;
        checkouts.finish(&checkout_id(&id)?, &session, &typed).await
    };
    let done = finished.await;
    answer(&checkouts, &id, session.as_ref(), wants, false, done).await
}

async fn resend(
    State(checkouts): Shared,
    Path(id): Path<String>,
    wants: WantsJson,
    headers: HeaderMap,
) -> Response {
    let session = session_of(&headers);
    let resent = async {
        let session = session.clone().ok_or_else(no_session)?;
        checkouts.resend(&checkout_id(&id)?, &session).await
    };
    let done = resent.await;
    answer(&checkouts, &id, session.as_ref(), wants, false, done).await
}

async fn cancel(
    State(checkouts): Shared,
    Path(id): Path<String>,
    wants: WantsJson,
    headers: HeaderMap,
) -> Response {
    let session = session_of(&headers);
    let cancelled = async {
        let session = session.clone().ok_or_else(no_session)?;
        checkouts.cancel(&checkout_id(&id)?, &session).await
    };
    let done = cancelled.await;
    answer(&checkouts, &id, session.as_ref(), wants, false, done).await
}

/// The answer to a form: the checkout as it stands as JSON, a way back to its page, or what is wrong, on the page.
async fn answer(
    checkouts: &Checkouts,
    id: &str,
    session: Option<&SessionId>,
    wants: WantsJson,
    has_certificate: bool,
    done: Result<(), CheckoutError>,
) -> Response {
    let viewed = async { checkouts.view(&checkout_id(id)?, session).await };
    match (done, wants) {
        (Ok(()), WantsJson(true)) => match viewed.await {
            Ok((view, _)) => Json(view).into_response(),
            Err(error) => Problem::from(error).into_response(),
        },
        (Ok(()), WantsJson(false)) => Redirect::to(&format!("/pay/{id}")).into_response(),
        (Err(error), WantsJson(true)) => Problem::from(error).into_response(),
        (Err(error), WantsJson(false)) => {
            let shown = viewed.await.ok();
            let shown = shown
                .as_ref()
                .map(|(view, url)| (view, url.as_deref(), has_certificate));
            answer_problem(wants, shown, &error.into())
        }
    }
}

fn answer_problem(
    wants: WantsJson,
    shown: Option<(&CheckoutView, Option<&str>, bool)>,
    problem: &Problem,
) -> Response {
    match (wants, shown) {
        (WantsJson(true), _) => problem.clone().into_response(),
        (WantsJson(false), Some((view, url, has_certificate))) => {
            page::checkout(view, url, has_certificate, Some(problem))
        }
        (WantsJson(false), None) => page::problem(problem),
    }
}

fn checkout_id(text: &str) -> Result<CheckoutId, CheckoutError> {
    let not_found = |_| {
        CheckoutError::Problem(Problem::not_found(
            "There is no such checkout. Go back to the shop.",
        ))
    };
    CheckoutId::try_from(text.to_owned()).map_err(not_found)
}

/// The session of the request's cookie, if it has one of ours. A forged one is only a session that nothing waits in.
fn session_of(headers: &HeaderMap) -> Option<SessionId> {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let value = pairs
        .find(|(name, _)| *name == SESSION_COOKIE)
        .map(|(_, value)| value)?;
    SessionId::try_from(value.to_owned()).ok()
}

/// `Lax`: the payer comes from the shop by a link; forms of other sites come without it.
fn cookie_of(session: &SessionId) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!(
        "{SESSION_COOKIE}={session}; Path=/; Secure; HttpOnly; SameSite=Lax"
    ))
    .ok()
}

fn no_session() -> CheckoutError {
    let title = "There is no session";
    let detail = "Open the checkout's page first, and let your browser keep its cookie.";
    CheckoutError::Problem(Problem::new(
        StatusCode::FORBIDDEN,
        "no-session",
        title,
        detail,
    ))
}

/// What the form reader says may quote a value, so it is not passed on.
fn malformed(rejection: FormRejection) -> CheckoutError {
    let detail =
        "Send application/x-www-form-urlencoded with the fields of the page's form, and no other.";
    let title = "The form cannot be read";
    CheckoutError::Problem(Problem::new(
        rejection.status(),
        "malformed-form",
        title,
        detail,
    ))
}

//! The payer's pages: HTML for browsers, the same as JSON for who asks for it.

use std::sync::Arc;

use axum::{
    Form, Json, Router,
    extract::{DefaultBodyLimit, FromRequestParts, Path, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
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

/// Who asks for which page, and how it is to be answered.
struct Visit {
    id: String,
    session: Option<SessionId>,
    peer: PeerCertificates,
    wants: WantsJson,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Ok(wants) = WantsJson::from_request_parts(parts, state).await;
        // Bytes that are not UTF-8 name no checkout.
        let Path(id) = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| answer_problem(wants, None, &no_checkout()))?;
        let peer = parts.extensions.get::<PeerCertificates>().cloned();
        Ok(Self {
            id,
            session: session_of(&parts.headers),
            peer: peer.unwrap_or_default(),
            wants,
        })
    }
}

impl Visit {
    /// The checkout, and the session, without which nothing is done.
    fn begun(&self) -> Result<(CheckoutId, &SessionId), CheckoutError> {
        let session = self.session.as_ref().ok_or_else(no_session)?;
        Ok((checkout_id(&self.id)?, session))
    }

    /// The answer to a form: the checkout as it stands as JSON, a way back to its page, or what is wrong, on the page.
    async fn answer(self, checkouts: &Checkouts, done: Result<(), CheckoutError>) -> Response {
        let viewed = async {
            let id = checkout_id(&self.id)?;
            checkouts.view(&id, self.session.as_ref()).await
        };
        match (done, self.wants) {
            (Ok(()), WantsJson(true)) => match viewed.await {
                Ok((view, _)) => Json(view).into_response(),
                Err(error) => Problem::from(error).into_response(),
            },
            (Ok(()), WantsJson(false)) => {
                Redirect::to(&format!("/pay/{}", self.id)).into_response()
            }
            (Err(error), WantsJson(true)) => Problem::from(error).into_response(),
            (Err(error), WantsJson(false)) => {
                let has_certificate = !self.peer.0.is_empty();
                let shown = viewed.await.ok();
                let shown = shown
                    .as_ref()
                    .map(|(view, url)| (view, url.as_deref(), has_certificate));
                answer_problem(self.wants, shown, &error.into())
            }
        }
    }
}

async fn show(State(checkouts): Shared, visit: Visit) -> Response {
    let shown = async {
        let id = checkout_id(&visit.id)?;
        let viewed = checkouts.view(&id, visit.session.as_ref()).await?;
        let new = match visit.session {
            Some(_) => None,
            None => Some(SessionId::random(checkouts.entropy.as_ref()).map_err(Error::from)?),
        };
        Ok::<_, CheckoutError>((viewed, new))
    };
    match shown.await {
        Ok(((view, return_url), new)) => {
            let has_certificate = !visit.peer.0.is_empty();
            let mut response = match visit.wants {
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
        Err(error) => answer_problem(visit.wants, None, &error.into()),
    }
}

async fn pay(
    State(checkouts): Shared,
    visit: Visit,
    form: Result<Form<PayForm>, FormRejection>,
) -> Response {
    let paid = async {
        let hint = form.map_err(malformed)?.0.try_into()?;
        let (id, session) = visit.begun()?;
        checkouts.pay(&id, session, hint, &visit.peer).await
    };
    let done = paid.await;
    visit.answer(&checkouts, done).await
}

async fn code(
    State(checkouts): Shared,
    visit: Visit,
    form: Result<Form<CodeForm>, FormRejection>,
) -> Response {
    let finished = async {
        let typed = TypedCode::try_from(form.map_err(malformed)?.0.code)?;
        let (id, session) = visit.begun()?;
        checkouts.finish(&id, session, &typed).await
    };
    let done = finished.await;
    visit.answer(&checkouts, done).await
}

async fn resend(State(checkouts): Shared, visit: Visit) -> Response {
    let done = match visit.begun() {
        Ok((id, session)) => checkouts.resend(&id, session).await,
        Err(error) => Err(error),
    };
    visit.answer(&checkouts, done).await
}

async fn cancel(State(checkouts): Shared, visit: Visit) -> Response {
    let done = match visit.begun() {
        Ok((id, session)) => checkouts.cancel(&id, session).await,
        Err(error) => Err(error),
    };
    visit.answer(&checkouts, done).await
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
    CheckoutId::try_from(text.to_owned()).map_err(|_| CheckoutError::Problem(no_checkout()))
}

fn no_checkout() -> Problem {
    Problem::not_found("There is no such checkout. Go back to the shop.")
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

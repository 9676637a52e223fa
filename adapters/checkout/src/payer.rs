//! The payer's pages: HTML for browsers in their language, the same as JSON for who asks for it.

use std::sync::Arc;

use axum::{
    Form, Json, Router,
    extract::{
        DefaultBodyLimit, FromRef, FromRequestParts, Path, Query, State, rejection::FormRejection,
    },
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use countersign_domain::{
    code::TypedCode,
    error::Error,
    id::{RelyingPartyId, SessionId},
};
use countersign_web::{
    page::WantsJson, peer_certificate::PeerCertificates, problem::Problem, theme::Themes,
};
use serde::Deserialize;

use crate::{
    error::CheckoutError,
    flow::{Checkouts, Shown},
    message::{CodeForm, PayForm},
    page::{self, Look},
    record::CheckoutId,
    words::Language,
};

/// Longest form that is read, in bytes.
const MAX_FORM_BYTES: usize = 4 * 1024;

/// The cookie that is the session on the first channel. The prefix makes browsers refuse it from anywhere but this host
/// over TLS.
const SESSION_COOKIE: &str = "__Host-countersign-session";

/// The cookie that keeps which language the payer chose.
const LANGUAGE_COOKIE: &str = "__Host-countersign-language";

/// What the routes share.
#[derive(Clone)]
struct Pages {
    checkouts: Arc<Checkouts>,
    themes: Themes,
}

/// The routes for payers' browsers: to be mounted under TLS, with [`PeerCertificates`] in the request's extensions when
/// the listener asks for client certificates.
pub fn payer_pages(checkouts: Arc<Checkouts>, themes: Themes) -> Router {
    Router::new()
        .route("/pay/{id}", get(show).post(pay))
        .route("/pay/{id}/code", post(code))
        .route("/pay/{id}/resend", post(resend))
        .route("/pay/{id}/cancel", post(cancel))
        .route("/theme/{relying_party}/logo", get(logo))
        .fallback(async |guest: Guest| guest.problem(&Problem::not_found("There is no such page.")))
        .method_not_allowed_fallback(async |guest: Guest| {
            guest.problem(&Problem::method_not_allowed("Open the page again, and use its forms."))
        })
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .with_state(Pages { checkouts, themes })
}

impl FromRef<Pages> for Arc<Checkouts> {
    fn from_ref(pages: &Pages) -> Self {
        Self::clone(&pages.checkouts)
    }
}

impl FromRef<Pages> for Themes {
    fn from_ref(pages: &Pages) -> Self {
        pages.themes.clone()
    }
}

type Shared = State<Arc<Checkouts>>;

/// How whoever asks is to be answered.
struct Guest {
    wants: WantsJson,
    themes: Themes,
    /// The language that was chosen on the page, now or before.
    chosen: Option<Language>,
    /// The best that the browser asks for.
    accepted: Option<Language>,
    has_certificate: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Guest
where
    Themes: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let wants = WantsJson::from_request_parts(parts, state).await?;
        let now = language_in_query(parts);
        let before = || cookie(&parts.headers, LANGUAGE_COOKIE).and_then(Language::known);
        let accepted = parts.headers.get(header::ACCEPT_LANGUAGE);
        let peer = parts.extensions.get::<PeerCertificates>();
        Ok(Self {
            wants,
            themes: Themes::from_ref(state),
            chosen: now.or_else(before),
            accepted: accepted.and_then(|value| Language::accepted(value.to_str().ok()?)),
            has_certificate: peer.is_some_and(|peer| !peer.0.is_empty()),
        })
    }
}

impl Guest {
    /// What was chosen, else what the merchant asked for, else what the browser asks for.
    fn language(&self, shown: Option<&Shown>) -> Language {
        let merchants = || shown.and_then(|shown| shown.locale).map(Language::from);
        let chosen = self.chosen.clone().or_else(merchants);
        chosen.or_else(|| self.accepted.clone()).unwrap_or_default()
    }

    fn page(&self, shown: Option<&Shown>, problem: Option<&Problem>) -> Response {
        let look = Look {
            themes: &self.themes,
            language: self.language(shown),
            has_certificate: self.has_certificate,
        };
        page::checkout(shown, &look, problem)
    }

    fn problem(&self, problem: &Problem) -> Response {
        match self.wants {
            WantsJson(true) => problem.clone().into_response(),
            WantsJson(false) => self.page(None, Some(problem)),
        }
    }
}

/// Who asks for which page, and how it is to be answered.
struct Visit {
    id: String,
    session: Option<SessionId>,
    peer: PeerCertificates,
    guest: Guest,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit
where
    Themes: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Ok(guest) = Guest::from_request_parts(parts, state).await;
        // Bytes that are not UTF-8 name no checkout.
        let Path(id) = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| guest.problem(&no_checkout()))?;
        let peer = parts.extensions.get::<PeerCertificates>().cloned();
        let session = cookie(&parts.headers, SESSION_COOKIE);
        Ok(Self {
            id,
            // A forged one is only a session that nothing waits in.
            session: session.and_then(|value| SessionId::try_from(value.to_owned()).ok()),
            peer: peer.unwrap_or_default(),
            guest,
        })
    }
}

impl Visit {
    /// The checkout, and the session, without which nothing is done.
    fn begun(&self) -> Result<(CheckoutId, &SessionId), CheckoutError> {
        let session = self.session.as_ref().ok_or_else(no_session)?;
        Ok((checkout_id(&self.id)?, session))
    }

    async fn shown(&self, checkouts: &Checkouts) -> Result<Shown, CheckoutError> {
        checkouts.view(&checkout_id(&self.id)?, self.session.as_ref()).await
    }

    /// The answer to a form: the checkout as it stands as JSON, a way back to its page, or what is wrong, on the page.
    async fn answer(self, checkouts: &Checkouts, done: Result<(), CheckoutError>) -> Response {
        match (done, self.guest.wants) {
            (Ok(()), WantsJson(true)) => match self.shown(checkouts).await {
                Ok(shown) => Json(shown.view).into_response(),
                Err(error) => Problem::from(error).into_response(),
            },
            (Ok(()), WantsJson(false)) => {
                Redirect::to(&format!("/pay/{}", self.id)).into_response()
            }
            (Err(error), WantsJson(true)) => Problem::from(error).into_response(),
            (Err(error), WantsJson(false)) => {
                let shown = self.shown(checkouts).await.ok();
                self.guest.page(shown.as_ref(), Some(&error.into()))
            }
        }
    }
}

async fn show(State(checkouts): Shared, visit: Visit) -> Response {
    let shown = async {
        let shown = visit.shown(&checkouts).await?;
        let new = match visit.session {
            Some(_) => None,
            None => Some(SessionId::random(checkouts.ports.entropy.as_ref()).map_err(Error::from)?),
        };
        Ok::<_, CheckoutError>((shown, new))
    };
    let (shown, new) = match shown.await {
        Ok(shown) => shown,
        Err(error) => return visit.guest.problem(&error.into()),
    };
    let mut response = match visit.guest.wants {
        WantsJson(true) => Json(shown.view).into_response(),
        WantsJson(false) => visit.guest.page(Some(&shown), None),
    };
    let session = new.map(|session| (SESSION_COOKIE, session.to_string()));
    let language = visit.guest.chosen.map(|language| (LANGUAGE_COOKIE, language.tag()));
    for (name, value) in session.into_iter().chain(language) {
        // `Lax`: the payer comes from the shop by a link; forms of other sites come without it.
        let cookie = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

async fn pay(
    State(checkouts): Shared,
    visit: Visit,
    form: Result<Form<PayForm>, FormRejection>,
) -> Response {
    let paid = async {
        let hint = form.map_err(malformed)?.0.try_into()?;
        let (id, session) = visit.begun()?;
        let locale = visit.guest.language(None).locale();
        checkouts.pay(&id, session, hint, &visit.peer, locale).await
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

/// A relying party's logo, for its pages.
async fn logo(
    State(themes): State<Themes>,
    party: Result<Path<RelyingPartyId>, axum::extract::rejection::PathRejection>,
    guest: Guest,
) -> Response {
    let theme = party.ok().and_then(|Path(party)| themes.of(&party));
    match theme.and_then(|theme| theme.logo.clone()) {
        Some(logo) => logo.into_response(),
        None => guest.problem(&Problem::not_found("There is no such picture.")),
    }
}

fn checkout_id(text: &str) -> Result<CheckoutId, CheckoutError> {
    CheckoutId::try_from(text.to_owned()).map_err(|_| CheckoutError::Problem(no_checkout()))
}

fn no_checkout() -> Problem {
    Problem::not_found("There is no such checkout. Go back to the shop.")
}

/// The value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// The language that a link of the page asks for.
fn language_in_query(parts: &Parts) -> Option<Language> {
    #[derive(Deserialize)]
    struct Asked {
        language: String,
    }
    let Query(asked) = Query::<Asked>::try_from_uri(&parts.uri).ok()?;
    Language::known(&asked.language)
}

fn no_session() -> CheckoutError {
    let title = "There is no session";
    let detail = "Open the checkout's page first, and let your browser keep its cookie.";
    CheckoutError::Problem(Problem::new(StatusCode::FORBIDDEN, "no-session", title, detail))
}

/// What the form reader says may quote a value, so it is not passed on.
fn malformed(rejection: FormRejection) -> CheckoutError {
    let detail =
        "Send application/x-www-form-urlencoded with the fields of the page's form, and no other.";
    let title = "The form cannot be read";
    CheckoutError::Problem(Problem::new(rejection.status(), "malformed-form", title, detail))
}

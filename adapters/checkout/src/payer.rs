//! The payer's pages: HTML for browsers in their language, the same as JSON for clients that ask for it.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, FromRef, FromRequestParts, Path, State, rejection::PathRejection},
    http::{StatusCode, request::Parts},
    middleware::{from_fn, map_response},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use countersign_domain::{
    error::Error,
    id::{RelyingPartyId, SessionId},
};
use countersign_web::{
    answer::guarded,
    astray::to_its_page,
    body::{FormBody, Segment},
    client_address::ClientAddress,
    code_page::{beside_pin, response},
    guest::Guest,
    own_forms::own_forms_only,
    page::WantsJson,
    peer_certificate::PeerCertificates,
    problem::Problem,
    session::{self, Session},
    step::to_the_end,
    theme::Themes,
};

use crate::{
    error::{CheckoutError, no_checkout},
    flow::Checkouts,
    message::{CodeForm, PayForm},
    page::{self, Wrong},
    record::CheckoutId,
    view::{CANCELLED, CheckoutView, PayerView, Status},
};

/// Longest form that is read, in bytes.
const MAX_FORM_BYTES: usize = 4 * 1024;

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
        .route("/pay/{id}/code", get(to_its_page).post(code))
        .route("/pay/{id}/resend", get(to_its_page).post(resend))
        .route("/pay/{id}/cancel", get(to_its_page).post(cancel))
        .route("/theme/{relying_party}/logo", get(logo))
        .fallback(async |guest: Guest| {
            wrong(&guest, &Problem::shared(StatusCode::NOT_FOUND, "not-found"), "")
        })
        .method_not_allowed_fallback(async |guest: Guest| {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            wrong(&guest, &Problem::shared(status, "method-not-allowed"), "")
        })
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(from_fn(own_forms_only))
        .layer(Extension(checkouts.public_origin.clone()))
        .layer(map_response(guarded))
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

/// What is wrong, where there is no checkout to show at that path.
fn wrong(guest: &Guest, problem: &Problem, path: &str) -> Response {
    match guest.wants {
        WantsJson(true) => problem.clone().look_again_at(path).into_response(),
        WantsJson(false) => page::problem(problem, &guest.language(None), path),
    }
}

/// A request for a checkout's page or from its forms: which one, in which session, and how it is to be answered.
struct Visit {
    id: Segment,
    session: Session,
    peer: PeerCertificates,
    client: ClientAddress,
    guest: Guest,
    themes: Themes,
    /// Whether the form of the certificate was sent.
    is_by_certificate: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit
where
    Themes: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<PeerCertificates>().cloned();
        Ok(Self {
            id: Path::from_request_parts(parts, state).await,
            session: Session::from_request_parts(parts, state).await?,
            peer: peer.unwrap_or_default(),
            client: ClientAddress::from_request_parts(parts, state).await?,
            guest: Guest::from_request_parts(parts, state).await?,
            themes: Themes::from_ref(state),
            is_by_certificate: false,
        })
    }
}

impl Visit {
    fn checkout(&self) -> Result<CheckoutId, Problem> {
        let Ok(Path(text)) = &self.id else {
            return Err(no_checkout());
        };
        CheckoutId::try_from(text.clone()).map_err(|_| no_checkout())
    }

    /// The checkout, and the session, without which nothing is done.
    fn begun(&self) -> Result<(CheckoutId, SessionId), Problem> {
        let session = self.session.begun()?;
        Ok((self.checkout()?, session.clone()))
    }

    /// Where the checkout's page is; nothing where the address names none.
    fn path(&self) -> String {
        self.checkout().map_or_else(|_| String::new(), |id| format!("/pay/{id}"))
    }

    async fn shown(&self, checkouts: &Checkouts) -> Result<PayerView, Problem> {
        match checkouts.view(&self.checkout()?, self.session.id()).await {
            Err(CheckoutError::Domain(Error::NotFound { .. })) => Err(no_checkout()),
            shown => Ok(shown?),
        }
    }

    fn page(&self, shown: &PayerView, problem: Option<&Problem>) -> Response {
        let language = self.guest.language(shown.locale.as_ref());
        let has_certificate = !self.peer.0.is_empty();
        let is_beside_certificate = self.is_by_certificate;
        let wrong = problem.map(|problem| Wrong { problem, is_beside_certificate });
        page::checkout(shown, &language, has_certificate, &self.themes, wrong)
    }

    /// The answer to a form: the checkout as it stands as JSON, a way back to its page, or what is wrong, on the page.
    ///
    /// A form that is sent twice (two clicks, two tabs) did its work the first time: to a person, whose page is where the
    /// second was to lead, that is no problem.
    async fn answer(
        self,
        checkouts: &Checkouts,
        done: Result<(), Problem>,
        is_reached: fn(&CheckoutView) -> bool,
    ) -> Response {
        match (done, self.guest.wants) {
            (Ok(()), WantsJson(true)) => match self.shown(checkouts).await {
                Ok(shown) => Json(shown.view).into_response(),
                Err(problem) => problem.look_again_at(self.path()).into_response(),
            },
            (Ok(()), WantsJson(false)) => match self.checkout() {
                Ok(_) => Redirect::to(&self.path()).into_response(),
                Err(problem) => wrong(&self.guest, &problem, ""),
            },
            (Err(problem), WantsJson(true)) => problem.look_again_at(self.path()).into_response(),
            (Err(problem), WantsJson(false)) => match self.shown(checkouts).await {
                Ok(shown) if problem.is_moved_on() && shown.is_own && is_reached(&shown.view) => {
                    Redirect::to(&format!("/pay/{}", shown.view.id)).into_response()
                }
                Ok(shown) => self.page(&shown, Some(&problem)),
                Err(_) => wrong(&self.guest, &problem, &self.path()),
            },
        }
    }
}

async fn show(State(checkouts): Shared, visit: Visit) -> Response {
    let shown = async {
        let shown = visit.shown(&checkouts).await?;
        let new = visit.session.begin(checkouts.ports.entropy.as_ref());
        let new = new.map_err(|error| Problem::from(&Error::from(error)))?;
        Ok::<_, Problem>((shown, new))
    };
    let (shown, new) = match shown.await {
        Ok(shown) => shown,
        Err(problem) => return wrong(&visit.guest, &problem, &visit.path()),
    };
    let mut response = match visit.guest.wants {
        WantsJson(true) => Json(shown.view).into_response(),
        WantsJson(false) => visit.page(&shown, None),
    };
    if let Some(new) = new {
        session::keep(&mut response, &new);
    }
    visit.guest.keep_language(&mut response);
    response
}

// What changes something runs to its end although the payer has gone: a browser that reloads must not leave a payment to
// be resumed a minute later.

async fn pay(State(checkouts): Shared, mut visit: Visit, fields: FormBody<PayForm>) -> Response {
    let fields = fields.read();
    visit.is_by_certificate = fields.as_ref().is_ok_and(PayForm::is_by_certificate);
    let paid = async {
        let hint = fields?.try_into()?;
        let (id, session) = visit.begun()?;
        let (checkouts, peer) = (Arc::clone(&checkouts), visit.peer.clone());
        let client = visit.client;
        let locale = visit.guest.language(None).locale();
        to_the_end(async move { checkouts.pay(&id, &session, hint, &peer, client, locale).await })
            .await?;
        Ok(())
    };
    let done = paid.await;
    let is_reached = |view: &CheckoutView| match view.status {
        Status::AwaitingCode | Status::Processing | Status::Paid => true,
        Status::Open | Status::Declined | Status::Releasing | Status::Voided | Status::Expired => {
            false
        }
    };
    visit.answer(&checkouts, done, is_reached).await
}

async fn code(State(checkouts): Shared, visit: Visit, fields: FormBody<CodeForm>) -> Response {
    let finished = async {
        let CodeForm { code, pin, new_pin } = fields.read()?;
        let has_pin = pin.is_some();
        let response = response(code, pin.unwrap_or_default(), new_pin)?;
        let (id, session) = visit.begun()?;
        let checkouts = Arc::clone(&checkouts);
        let finish = async move { checkouts.finish(&id, &session, response).await };
        to_the_end(finish).await.map_err(|error| beside_pin(Problem::from(error), has_pin))
    };
    let done = finished.await;
    let is_reached = |view: &CheckoutView| matches!(view.status, Status::Processing | Status::Paid);
    visit.answer(&checkouts, done, is_reached).await
}

async fn resend(State(checkouts): Shared, visit: Visit) -> Response {
    let resent = async {
        let (id, session) = visit.begun()?;
        let checkouts = Arc::clone(&checkouts);
        to_the_end(async move { checkouts.resend(&id, &session).await }).await?;
        Ok(())
    };
    let done = resent.await;
    visit.answer(&checkouts, done, |_| false).await
}

async fn cancel(State(checkouts): Shared, visit: Visit) -> Response {
    let cancelled = async {
        let (id, session) = visit.begun()?;
        let checkouts = Arc::clone(&checkouts);
        to_the_end(async move { checkouts.cancel(&id, &session).await }).await?;
        Ok(())
    };
    let done = cancelled.await;
    visit.answer(&checkouts, done, |view| view.cause == Some(CANCELLED)).await
}

/// A relying party's logo, for its pages.
async fn logo(
    State(themes): State<Themes>,
    party: Result<Path<RelyingPartyId>, PathRejection>,
    guest: Guest,
) -> Response {
    let theme = party.ok().and_then(|Path(party)| themes.of(&party));
    match theme.and_then(|theme| theme.logo.clone()) {
        Some(logo) => logo.into_response(),
        None => wrong(&guest, &Problem::shared(StatusCode::NOT_FOUND, "not-found"), ""),
    }
}

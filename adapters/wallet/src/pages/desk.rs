//! What every page has: the visit of its request, its frame, and what is said when something is not done.

use std::{convert::Infallible, fmt::Display, sync::Arc};

use askama::Template;
use axum::{
    extract::{FromRequestParts, Request},
    http::{Method, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use countersign_domain::{error::Error, hex, id::SessionId, locale::Locale};
use countersign_web::{
    client_address::ClientAddress,
    code_page::CodeView,
    guest::Guest,
    page::{Brand, PageStyle, page_handing_to},
    problem::Problem,
    return_url::ReturnUrl,
    session::{self, Session},
    words::Language,
};

use super::{visit::Welcome, voice::Voice};
use crate::{
    Wallets,
    error::WalletError,
    flow::{CodeAsked, Visitor},
    http,
    message::Token,
};

/// A page, or what is said in its place.
pub(super) type Answer = Result<Response, Trouble>;

/// Why something is not done; [`as_pages`] makes a page of it.
#[derive(Clone, Debug)]
pub(super) struct Trouble(pub(super) Problem);

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<WalletError> for Trouble {
    fn from(error: WalletError) -> Self {
        Self(error.into())
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        WalletError::from(error).into()
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = self.0.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Shows what is not done as a page in the person's language; to somebody who is not signed in, with the way in.
pub(super) async fn as_pages(desk: Desk, request: Request, next: Next) -> Response {
    // What was sent cannot be asked for again: how it stands is seen from the first page on.
    let again = match *request.method() {
        Method::GET => request.uri().to_string(),
        _ => "/".to_owned(),
    };
    let response = next.run(request).await;
    match response.extensions().get::<Trouble>() {
        Some(Trouble(problem)) => desk.trouble(problem, &again),
        None => response,
    }
}

/// A request to a page.
pub(super) struct Desk {
    pub(super) wallets: Arc<Wallets>,
    pub(super) language: Language,
    session: Session,
    client: ClientAddress,
    guest: Guest,
}

impl FromRequestParts<Arc<Wallets>> for Desk {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        wallets: &Arc<Wallets>,
    ) -> Result<Self, Infallible> {
        let session = Session::from_request_parts(parts, wallets).await?;
        let guest = Guest::from_request_parts(parts, wallets).await?;
        let client = ClientAddress::from_request_parts(parts, wallets).await?;
        let language = guest.language(None);
        Ok(Self { wallets: Arc::clone(wallets), language, session, client, guest })
    }
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct Back<'a> {
    voice: Voice<'a>,
    house: &'a str,
}

impl Desk {
    pub(super) const fn voice(&self) -> Voice<'_> {
        Voice(&self.language)
    }

    pub(super) fn locale(&self) -> Locale {
        self.language.locale()
    }

    pub(super) fn house(&self) -> &str {
        self.wallets.house.name.as_str()
    }

    /// The session; begun here if need be, and then to be kept.
    pub(super) fn session(&self) -> Result<(Option<SessionId>, SessionId), Problem> {
        http::at(&self.wallets, &self.session)
    }

    /// Where the request comes from.
    pub(super) const fn client(&self) -> ClientAddress {
        self.client
    }

    /// The session that a code was asked for at.
    pub(super) fn begun(&self) -> Result<SessionId, Problem> {
        self.session.begun().cloned()
    }

    pub(super) async fn visitor(&self) -> Result<Visitor, WalletError> {
        let session = self.session.id().ok_or(WalletError::NotSignedIn)?;
        Ok(self.wallets.visitor(session, self.locale()).await?.at(self.client))
    }

    /// The same; none where nobody is signed in.
    pub(super) async fn visitor_if_any(&self) -> Result<Option<Visitor>, WalletError> {
        match self.visitor().await {
            Ok(visitor) => Ok(Some(visitor)),
            Err(WalletError::NotSignedIn) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Runs what changes something to its end.
    pub(super) async fn done<T, F>(
        &self,
        step: impl FnOnce(Arc<Wallets>) -> F,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, WalletError>> + Send + 'static,
    {
        http::done(step(Arc::clone(&self.wallets))).await
    }

    /// A name that was used by nobody: a form that is sent twice does one thing.
    pub(super) fn fresh(&self) -> Result<Token, WalletError> {
        let mut drawn = [0; 16];
        self.wallets.ports.entropy.fill(&mut drawn)?;
        Ok(hex::encode(&drawn).try_into()?)
    }

    /// What may be shown of a code that is awaited.
    pub(super) async fn code(&self, asked: &CodeAsked) -> Result<CodeView, WalletError> {
        let (challenge, message) = self.wallets.code(asked).await?;
        let now = self.wallets.ports.clock.now();
        Ok(message.map_or_else(
            || CodeView::untold(&challenge, now),
            |message| CodeView::of(&challenge, &message, now),
        ))
    }

    /// The same; or why no response is accepted any more.
    pub(super) async fn code_or_over(
        &self,
        asked: &CodeAsked,
    ) -> Result<(Option<CodeView>, Option<Problem>), WalletError> {
        match self.code(asked).await {
            Ok(view) => Ok((Some(view), None)),
            Err(WalletError::Refused(refusal)) => Ok((None, Some(Problem::from(&refusal)))),
            Err(error) => Err(error),
        }
    }

    /// A page that can be asked for at `path` in another language; `None` for what answers a form.
    pub(super) fn show(
        &self,
        title: &str,
        path: Option<&str>,
        problem: Option<&Problem>,
        main: &impl Template,
    ) -> Response {
        self.show_handing_to(None, &[title], path, problem, main)
    }

    /// The same, called by several names, the closest first, and with a form that goes to that address of a merchant.
    pub(super) fn show_handing_to(
        &self,
        other: Option<&ReturnUrl>,
        titles: &[&str],
        path: Option<&str>,
        problem: Option<&Problem>,
        main: &impl Template,
    ) -> Response {
        let main = match main.render() {
            Ok(main) => main,
            Err(error) => {
                tracing::error!(%error, "cannot render a wallet's page");
                return Problem::internal().into_response();
            }
        };
        let house = &self.wallets.house;
        let party = Some(Brand { id: &house.party, name: house.name.as_str(), theme: None });
        let style = PageStyle { language: &self.language, party, path };
        let titles: Vec<String> = titles.iter().map(|title| self.voice().say(title)).collect();
        let title = titles.join(" · ");
        let mut response = page_handing_to(other, &title, style, problem, &main);
        self.guest.keep_language(&mut response);
        response
    }

    fn trouble(&self, problem: &Problem, again: &str) -> Response {
        if problem.name() == "not-signed-in" {
            let welcome =
                Welcome { voice: self.voice(), identifier: "", ticket: "", problem: None };
            return self.show("your-wallets", None, Some(problem), &welcome);
        }
        let back = Back { voice: self.voice(), house: self.house() };
        let again = problem.is_outcome_unknown().then_some(again);
        self.show("your-wallets", again, Some(problem), &back)
    }
}

/// To a page of ours, and with a session that begins here.
pub(super) fn to(path: impl Display, begun: Option<SessionId>) -> Response {
    let mut response = Redirect::to(&path.to_string()).into_response();
    begun.inspect(|id| session::keep(&mut response, id));
    response
}

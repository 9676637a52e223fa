//! The page: an order's address, the password, the code; in English and French, and without a script.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Query, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    middleware::from_fn,
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use countersign_certs::Error as CertsError;
use countersign_domain::{code::TypedCode, error::Error, pin::TypedPin};
use countersign_web::{
    astray::{Way, astray, to_its_page},
    body::{FormBody, Segment, record_id},
    code_page::{CodeForm, CodeView, beside_pin},
    guest::Guest,
    own_forms::own_forms_only,
    page::{IS_THE_PROBLEM, PageStyle, page},
    problem::Problem,
    step::to_the_end,
    words::{Filling, FluentValue, Language, Words},
};
use serde::Deserialize;

use super::{CardholderError, CardholderServer, HeldId, Outcome, Seen, Step};
use crate::{
    cardholder::WalletError, link::HttpError, record::Bytes, wallet_file::WalletFileError,
    wire::Failure,
};

/// Longest form that is read.
const MAX_BODY_BYTES: usize = 8 * 1024;

fluent_templates::static_loader! {
    static FILES = {
        locales: "./locales",
        fallback_language: "en",
        // The marks would be copied with an amount, and are not needed for left-to-right scripts.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

/// The words of this page.
static WORDS: Words = Words::new(&FILES);

type Shared = State<Arc<CardholderServer>>;

/// A cardholder's pages, to be mounted under TLS where only the cardholder's browser is.
pub fn cardholder_routes(server: Arc<CardholderServer>) -> Router {
    Router::new()
        .route("/", get(start).post(offer))
        .route("/purchases/{id}", get(show))
        .route("/purchases/{id}/pay", get(to_its_page).post(pay))
        .route("/purchases/{id}/code", get(to_its_page).post(type_code))
        .route("/purchases/{id}/receipt", get(receipt))
        .fallback(async |guest: Guest, headers: HeaderMap| {
            nowhere(&guest, &headers, &Problem::shared(StatusCode::NOT_FOUND, "not-found"))
        })
        .method_not_allowed_fallback(async |guest: Guest, headers: HeaderMap| {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            nowhere(&guest, &headers, &Problem::shared(status, "method-not-allowed"))
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(own_forms_only))
        .with_state(server)
}

fn nowhere(guest: &Guest, headers: &HeaderMap, problem: &Problem) -> Response {
    let name = &WORDS.say(&guest.language(None), "wallet", &[]);
    astray(headers, guest, problem, Way { name, path: "/" })
}

/// The form for an order's address.
#[derive(Template)]
#[template(path = "order.html")]
struct Start<'a> {
    language: &'a Language,
    order: &'a str,
    problem: Option<&'a Problem>,
}

impl Start<'_> {
    fn say(&self, name: &str) -> String {
        WORDS.say(self.language, name, &[])
    }
}

/// A purchase in each of its states.
#[derive(Template)]
#[template(path = "purchase.html")]
struct Purchase<'a> {
    language: &'a Language,
    path: &'a str,
    seen: &'a Seen,
    code: Option<CodeView>,
    problem: Option<&'a Problem>,
}

impl Purchase<'_> {
    fn say(&self, name: &str) -> String {
        WORDS.say(self.language, name, &[])
    }

    fn say_with<'v>(&self, name: &str, what: &str, value: impl Into<FluentValue<'v>>) -> String {
        WORDS.say(self.language, name, &[(what, value.into())])
    }

    /// As people of that language write it.
    fn amount(&self) -> String {
        let (amount, mark) = (&self.seen.amount, self.say("decimal-mark"));
        format!("{}\u{a0}{}", amount.to_decimal().replace('.', &mark), amount.currency().code())
    }

    fn pay(&self) -> String {
        self.say_with("pay-amount", "amount", self.amount())
    }

    fn paid(&self) -> String {
        let amount: Filling<'_> = ("amount", self.amount().into());
        let payee: Filling<'_> = ("payee", self.seen.merchant.as_str().into());
        WORDS.say(self.language, "paid-detail", &[amount, payee])
    }

    /// Why nothing was paid, and what to do.
    fn why(&self, cause: &str) -> String {
        let named = WORDS.find(self.language, &format!("cause-{cause}"), &[]);
        named.unwrap_or_else(|| self.say("cause-other"))
    }

    fn is_wrong(&self, name: &str) -> bool {
        self.problem.is_some_and(|problem| problem.name() == name)
    }

    /// What is wrong, beside the field.
    fn wrong(&self) -> String {
        self.problem.map(|problem| problem.beside_field(self.language)).unwrap_or_default()
    }

    fn code_form(&self) -> Option<CodeForm<'_>> {
        Some(CodeForm {
            language: self.language,
            view: self.code.as_ref()?,
            path: self.path,
            advice: Some(self.say("compare")),
            fields: String::new(),
            button: self.pay(),
            resend_fields: None,
            cancel: None,
            problem: self.problem,
        })
    }
}

impl Step {
    /// What a page of it is called.
    const fn title(&self) -> &'static str {
        match self {
            Self::Offered => "open-wallet",
            Self::CodeAsked(_) => "type-code",
            Self::UnderWay { .. } => "under-way",
            Self::Over(Outcome::Paid, _) => "paid",
            Self::Over(Outcome::NotPaid(_), _) => "not-paid",
        }
    }
}

impl Seen {
    /// The code that is waited for.
    fn code(&self) -> Option<CodeView> {
        let Step::CodeAsked(asked) = &self.step else { return None };
        Some(CodeView {
            number: String::new(),
            reference: self.reference.clone().unwrap_or_default(),
            message: "sent",
            attempts_left: asked.attempts_left,
            expires_in_seconds: asked.expires_at.seconds_from(self.now),
            resend_in_seconds: None,
            pin: asked.asks_pin.then_some("asked"),
        })
    }
}

async fn start(guest: Guest, query: Result<Query<OrderForm>, QueryRejection>) -> Response {
    let order = query.map(|Query(form)| form.order).unwrap_or_default();
    let language = guest.language(None);
    let mut response = starting(&language, &order, None);
    guest.keep_language(&mut response);
    response
}

/// The form, with what is wrong if anything is.
fn starting(language: &Language, order: &str, problem: Option<&Problem>) -> Response {
    let main = Start { language, order, problem }.render();
    framed(main, &["wallet"], language, Some("/").filter(|_| order.is_empty()), problem)
}

fn framed(
    main: askama::Result<String>,
    titles: &[&str],
    language: &Language,
    path: Option<&str>,
    problem: Option<&Problem>,
) -> Response {
    match main {
        Ok(main) => {
            let style = PageStyle { language, party: None, path };
            let said = titles.iter().map(|title| WORDS.say(language, title, &[]));
            page(&said.collect::<Vec<_>>().join(" · "), style, problem, &main)
        }
        Err(error) => {
            tracing::error!(%error, "cannot render the wallet's page");
            Problem::internal().into_response()
        }
    }
}

#[derive(Default, Deserialize)]
struct OrderForm {
    #[serde(default)]
    order: String,
}

async fn offer(State(server): Shared, guest: Guest, fields: FormBody<OrderForm>) -> Response {
    let language = guest.language(None);
    let order = match fields.read() {
        Ok(OrderForm { order }) => order,
        Err(problem) => return starting(&language, "", Some(&problem)),
    };
    match server.offer(order.trim()).await {
        Ok(id) => Redirect::to(&path_of(&id)).into_response(),
        Err(error) => starting(&language, &order, Some(&error.into())),
    }
}

async fn show(State(server): Shared, guest: Guest, id: Segment) -> Result<Response, Problem> {
    let mut response = shown(&server, &guest, &record_id(id)?, None).await?;
    guest.keep_language(&mut response);
    Ok(response)
}

async fn shown(
    server: &CardholderServer,
    guest: &Guest,
    id: &HeldId,
    problem: Option<&Problem>,
) -> Result<Response, Problem> {
    let (language, path) = (guest.language(None), path_of(id));
    let (language, path) = (&language, path.as_str());
    let seen = match server.look(id).await.map_err(Problem::from) {
        Ok(seen) => seen,
        Err(unknown) if unknown.is_outcome_unknown() => {
            let nothing = Ok(String::new());
            return Ok(framed(nothing, &["your-purchase"], language, Some(path), Some(&unknown)));
        }
        Err(problem) => return Err(problem),
    };
    let main = Purchase { language, path, code: seen.code(), seen: &seen, problem }.render();
    Ok(framed(main, &[seen.step.title(), "your-purchase"], language, Some(path), problem))
}

fn path_of(id: &HeldId) -> String {
    format!("/purchases/{}", id.as_str())
}

/// Back to the page; with what is wrong if anything is.
async fn done(
    server: &CardholderServer,
    guest: &Guest,
    id: &HeldId,
    done: Result<(), CardholderError>,
) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(Redirect::to(&path_of(id)).into_response()),
        Err(error) => shown(server, guest, id, Some(&error.into())).await,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordForm {
    password: String,
}

async fn pay(
    State(server): Shared,
    guest: Guest,
    id: Segment,
    fields: FormBody<PasswordForm>,
) -> Result<Response, Problem> {
    let (id, PasswordForm { password }): (HeldId, _) = (record_id(id)?, fields.read()?);
    let (paying, held) = (Arc::clone(&server), id.clone());
    let paid = to_the_end(async move { paying.pay(&held, password).await }).await;
    done(&server, &guest, &id, paid).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedForm {
    code: String,
    /// Not there where none is asked for.
    pin: Option<String>,
}

async fn type_code(
    State(server): Shared,
    guest: Guest,
    id: Segment,
    fields: FormBody<TypedForm>,
) -> Result<Response, Problem> {
    let (id, TypedForm { code, pin }): (HeldId, _) = (record_id(id)?, fields.read()?);
    let has_pin = pin.is_some();
    let (typing, held) = (Arc::clone(&server), id.clone());
    let typed = async move {
        let code = TypedCode::try_from(code.as_str())?;
        let pin = pin.filter(|pin| !pin.is_empty()).map(TypedPin::try_from).transpose()?;
        to_the_end(async move { typing.type_code(&held, &code, pin.as_ref()).await }).await
    };
    match typed.await {
        Ok(()) => done(&server, &guest, &id, Ok(())).await,
        Err(error) => {
            let problem = beside_pin(Problem::from(error), has_pin);
            shown(&server, &guest, &id, Some(&problem)).await
        }
    }
}

/// The gateway's receipt, as it was signed (CMS SignedData, DER).
async fn receipt(State(server): Shared, id: Segment) -> Result<Response, Problem> {
    let id: HeldId = record_id(id)?;
    match server.look(&id).await?.step {
        Step::Over(Outcome::Paid, Some(Bytes(receipt))) => {
            let headers = [
                (header::CONTENT_TYPE, "application/pkcs7-mime; smime-type=signed-data"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"receipt.p7m\""),
                (header::CACHE_CONTROL, "no-store"),
            ];
            Ok((headers, receipt).into_response())
        }
        Step::Offered | Step::UnderWay { .. } | Step::CodeAsked(_) | Step::Over(..) => {
            Err(Problem::shared(StatusCode::NOT_FOUND, "not-found").worded("no-record"))
        }
    }
}

impl From<CardholderError> for Problem {
    fn from(error: CardholderError) -> Self {
        let ours = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "a step of a purchase could not be done");
            Self::internal()
        };
        let theirs = |name| WORDS.problem(StatusCode::BAD_GATEWAY, name);
        match error {
            CardholderError::Failed(error) => Self::from(&error),
            CardholderError::Lost(error) => error.into(),
            CardholderError::Invalid(error) => error.into(),
            CardholderError::WrongCode => {
                Self::shared(StatusCode::UNPROCESSABLE_ENTITY, "wrong-code")
            }
            CardholderError::File(WalletFileError::Certs(CertsError::WrongPassphrase)) => {
                WORDS.problem(StatusCode::FORBIDDEN, "wrong-password")
            }
            CardholderError::File(error) => ours(&error),
            CardholderError::Http(HttpError::Address(_)) => {
                WORDS.problem(StatusCode::UNPROCESSABLE_ENTITY, "order-address")
            }
            CardholderError::Http(error) => {
                tracing::warn!(%error, "the merchant was not reached");
                theirs("merchant-unreachable")
            }
            CardholderError::Wallet(WalletError::Answered(code)) => {
                tracing::warn!(%code, "the merchant cannot process a message");
                theirs("merchant-refused")
            }
            CardholderError::Wallet(WalletError::Failed(Failure::Domain(error))) => {
                Self::from(&error)
            }
            CardholderError::Wallet(WalletError::Failed(Failure::Entropy(error))) => {
                Self::from(&Error::from(error))
            }
            CardholderError::Wallet(
                error @ WalletError::Failed(
                    Failure::Encoding(_) | Failure::Protecting(_) | Failure::Issuing(_),
                ),
            ) => ours(&error),
            CardholderError::Wallet(
                error @ (WalletError::Unreadable(_)
                | WalletError::NotAuthentic(_)
                | WalletError::Mismatch(_)
                | WalletError::Referred(_)
                | WalletError::Money),
            ) => {
                tracing::warn!(%error, "what the merchant sent is refused");
                theirs("merchant-not-authentic")
            }
        }
    }
}

//! The server's side over HTTP, for the programs of people: JSON under the session's cookie.
//!
//! What a request begins runs to its end, even when its client hangs up.

mod answer;
mod body;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{
        DefaultBodyLimit, FromRef, FromRequestParts, Query, State, rejection::QueryRejection,
    },
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::from_fn,
    response::{IntoResponse as _, Response},
    routing::{delete, get, post},
};
use countersign_domain::id::SessionId;
use countersign_statement::Unfit;
use countersign_web::{
    astray::{Way, astray},
    body::{JsonBody, MAX_BODY_BYTES, Segment, created, record_id},
    client_address::ClientAddress,
    code_page::beside_pin,
    guest::Guest,
    own_forms::own_forms_only,
    problem::Problem,
    session::{self, Session},
    step::to_the_end,
};
use serde::Serialize;

use self::{
    answer::{
        CardAnswer, CodeAnswer, OpeningAnswer, PaymentAnswer, StatementAnswer, TicketAnswer,
        TransferAnswer, VisitAnswer, WalletAnswer,
    },
    body::{NewCard, NewOpening, NewTransferBody, ShownTicket, SignIn, StatementQuery, Typed},
};
use crate::{
    WalletStatement, Wallets,
    error::{TicketRefusal, WalletError},
    flow::{NewTransfer, TransferView, Visitor},
    message::{CardId, CodeTyped, PaymentRequest, PurchaseId, WalletNumber},
    record::{OpeningId, TransferId},
    words::WORDS,
};

type Shared = State<Arc<Wallets>>;
type Answer = Result<Response, Problem>;

/// The routes, to be mounted under TLS where people's programs reach them.
pub fn client_routes(wallets: Arc<Wallets>) -> Router {
    Router::new()
        .route("/jwks.json", get(keys))
        .route("/v1/openings", post(start_opening))
        .route("/v1/openings/{id}/code", post(finish_opening))
        .route("/v1/visit", post(start_sign_in).delete(sign_out))
        .route("/v1/visit/code", post(finish_sign_in))
        .route("/v1/wallets", get(list_wallets))
        .route("/v1/wallets/{number}", get(show_wallet))
        .route("/v1/wallets/{number}/statement", get(statement))
        .route("/v1/wallets/{number}/close", post(close))
        .route("/v1/cards", get(list_cards).post(tie_card))
        .route("/v1/cards/{id}", delete(untie_card))
        .route("/v1/pay-ins", post(start_pay_in))
        .route("/v1/pay-ins/{id}/code", post(finish_pay_in))
        .route("/v1/take-outs", post(take_out))
        .route("/v1/transfers/{id}", get(show_transfer))
        .route("/v1/tickets", post(show_ticket))
        .route("/v1/payments", post(start_payment))
        .route("/v1/payments/{id}", get(show_payment))
        .route("/v1/payments/{id}/code", post(finish_payment))
        .route("/v1/payments/{id}/resend", post(resend))
        .route("/v1/payments/{id}/cancel", post(cancel))
        .fallback(async |guest: Guest, headers: HeaderMap| {
            nowhere(&guest, &headers, &Problem::no_record())
        })
        .method_not_allowed_fallback(async |guest: Guest, headers: HeaderMap| {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            nowhere(&guest, &headers, &Problem::shared(status, "method-not-allowed"))
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(own_forms_only))
        .with_state(wallets)
}

/// To programs the problem, and to browsers the way to the pages, which are at the same address.
fn nowhere(guest: &Guest, headers: &HeaderMap, problem: &Problem) -> Response {
    let name = &WORDS.say(&guest.language(None), "to-your-wallets", &[]);
    astray(headers, guest, problem, Way { name, path: "/" })
}

/// The person who signed in at the session of the request.
struct SignedIn(Visitor);

impl<S: Send + Sync> FromRequestParts<S> for SignedIn
where
    Arc<Wallets>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(session) = Session::from_request_parts(parts, state).await;
        let Ok(guest) = Guest::from_request_parts(parts, state).await;
        let Ok(client) = ClientAddress::from_request_parts(parts, state).await;
        let session = session.id().ok_or(WalletError::NotSignedIn)?;
        let wallets = Arc::<Wallets>::from_ref(state);
        Ok(Self(wallets.visitor(session, guest.language(None).locale()).await?.at(client)))
    }
}

/// Runs what changes something to its end.
pub(crate) async fn done<T: Send + 'static>(
    step: impl Future<Output = Result<T, WalletError>> + Send + 'static,
) -> Result<T, Problem> {
    to_the_end(async move { step.await.map_err(Problem::from) }).await
}

/// What is a person's own, which nothing on the way may keep.
fn private(status: StatusCode, body: impl Serialize) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn shown(body: impl Serialize) -> Answer {
    Ok(private(StatusCode::OK, body))
}

fn nothing() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What receipts are and were signed with (RFC 7517 section 5): a merchant fetches it once, and verifies offline until a
/// receipt names a key that it does not know.
async fn keys(State(wallets): Shared) -> Response {
    let keys = Json(wallets.house.key_set()).into_response().into_body();
    ([(header::CONTENT_TYPE, "application/jwk-set+json")], keys).into_response()
}

async fn start_opening(
    State(wallets): Shared,
    session: Session,
    guest: Guest,
    client: ClientAddress,
    body: JsonBody,
) -> Answer {
    let new = body.read::<NewOpening>()?.new_wallet()?;
    let (begun, id) = at(&wallets, &session)?;
    let (ports, locale) = (wallets.ports.clone(), guest.language(None).locale());
    let step = async move { wallets.start_opening(new, id, locale, client).await };
    let (opening, asked) = done(step).await?;
    let location = format!("/v1/openings/{}", opening.as_str());
    let code = CodeAnswer::of(&asked, ports.clock.now());
    let mut response = created(&location, &OpeningAnswer { opening, code });
    begun.inspect(|id| session::keep(&mut response, id));
    Ok(response)
}

async fn finish_opening(
    State(wallets): Shared,
    session: Session,
    id: Segment,
    body: JsonBody,
) -> Answer {
    let (id, session): (OpeningId, _) = (record_id(id)?, session.begun()?.clone());
    let (response, has_pin) = body.read::<Typed>()?.response()?;
    let opened = done(async move { wallets.finish_opening(&id, &session, response).await }).await;
    let wallet = opened.map_err(|problem| beside_pin(problem, has_pin))?;
    shown(serde_json::json!({ "wallet": wallet }))
}

async fn start_sign_in(
    State(wallets): Shared,
    session: Session,
    guest: Guest,
    client: ClientAddress,
    body: JsonBody,
) -> Answer {
    let SignIn { identifier } = body.read()?;
    let (begun, id) = at(&wallets, &session)?;
    let (ports, locale) = (wallets.ports.clone(), guest.language(None).locale());
    let step = async move { wallets.start_sign_in(&identifier, id, locale, client).await };
    let asked = done(step).await?;
    let mut response = private(StatusCode::ACCEPTED, VisitAnswer::of(asked, ports.clock.now()));
    begun.inspect(|id| session::keep(&mut response, id));
    Ok(response)
}

/// The session, and whether it begins here.
pub(crate) fn at(
    wallets: &Wallets,
    session: &Session,
) -> Result<(Option<SessionId>, SessionId), Problem> {
    let begun = session.begin(wallets.ports.entropy.as_ref()).map_err(WalletError::from)?;
    let id = begun.as_ref().or_else(|| session.id()).cloned().ok_or(WalletError::NotSignedIn)?;
    Ok((begun, id))
}

async fn finish_sign_in(
    State(wallets): Shared,
    session: Session,
    guest: Guest,
    body: JsonBody,
) -> Answer {
    let (session, locale) = (session.begun()?.clone(), guest.language(None).locale());
    let (response, has_pin) = body.read::<Typed>()?.response()?;
    let entered =
        done(async move { wallets.finish_sign_in(&session, locale, response).await }).await;
    entered.map_err(|problem| beside_pin(problem, has_pin))?;
    nothing()
}

async fn sign_out(State(wallets): Shared, SignedIn(visitor): SignedIn) -> Answer {
    done(async move { wallets.sign_out(&visitor).await }).await?;
    nothing()
}

async fn list_wallets(State(wallets): Shared, SignedIn(visitor): SignedIn) -> Answer {
    let found = wallets.wallets(&visitor).await?;
    shown(found.into_iter().map(WalletAnswer::from).collect::<Vec<_>>())
}

async fn show_wallet(
    State(wallets): Shared,
    SignedIn(visitor): SignedIn,
    number: Segment,
) -> Answer {
    let number: WalletNumber = record_id(number)?;
    shown(WalletAnswer::from(wallets.wallet(&visitor, &number).await?))
}

/// As JSON, or in the format that is asked for.
async fn statement(
    State(wallets): Shared,
    SignedIn(visitor): SignedIn,
    number: Segment,
    query: Result<Query<StatementQuery>, QueryRejection>,
) -> Answer {
    let number: WalletNumber = record_id(number)?;
    let query = query.map(|Query(query)| query);
    let query = query.map_err(|_| {
        Problem::invalid("The query is from, to and format, none of which is needed.")
    })?;
    let (from, to) = query.span();
    let statement = wallets.statement(&visitor, &number, from, to).await?;
    match query.format {
        body::Format::Json => shown(StatementAnswer::of(&statement)),
        body::Format::Csv => {
            file("text/csv; charset=utf-8", "csv", WalletStatement::csv, &statement)
        }
        body::Format::Camt053 => {
            file("application/xml", "xml", WalletStatement::camt053, &statement)
        }
    }
}

fn file(
    media_type: &'static str,
    ending: &str,
    write: fn(&WalletStatement) -> Result<String, Unfit>,
    statement: &WalletStatement,
) -> Answer {
    let text = write(statement).map_err(|error| Problem::broken_rule(&error))?;
    let name = format!("attachment; filename=\"{}.{ending}\"", statement.wallet);
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_DISPOSITION, name.as_str()),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, text).into_response())
}

async fn close(State(wallets): Shared, SignedIn(visitor): SignedIn, number: Segment) -> Answer {
    let number: WalletNumber = record_id(number)?;
    done(async move { wallets.close(&visitor, &number).await }).await?;
    nothing()
}

async fn list_cards(State(wallets): Shared, SignedIn(visitor): SignedIn) -> Answer {
    let found = wallets.cards(&visitor).await?;
    shown(found.into_iter().map(CardAnswer::from).collect::<Vec<_>>())
}

async fn tie_card(State(wallets): Shared, SignedIn(visitor): SignedIn, body: JsonBody) -> Answer {
    let (name, card) = body.read::<NewCard>()?.named()?;
    let id = done(async move { wallets.tie_card(&visitor, &name, &card).await }).await?;
    Ok(created(&format!("/v1/cards/{}", id.as_str()), &serde_json::json!({ "card": id })))
}

async fn untie_card(State(wallets): Shared, SignedIn(visitor): SignedIn, id: Segment) -> Answer {
    let id: CardId = record_id(id)?;
    done(async move { wallets.untie_card(&visitor, &id).await }).await?;
    nothing()
}

async fn start_pay_in(
    State(wallets): Shared,
    SignedIn(visitor): SignedIn,
    body: JsonBody,
) -> Answer {
    let (new, clock) = (transfer(body)?, wallets.ports.clock.clone());
    let again = transfer_path(&TransferId::of(&visitor.person().identifier, &new.key)?);
    let view = done(async move { wallets.start_pay_in(&visitor, &new).await }).await;
    let view = view.map_err(|problem| problem.look_again_at(again))?;
    Ok(begun(&view, &TransferAnswer::of(&view, clock.now())))
}

async fn take_out(State(wallets): Shared, SignedIn(visitor): SignedIn, body: JsonBody) -> Answer {
    let (new, clock) = (transfer(body)?, wallets.ports.clock.clone());
    let again = transfer_path(&TransferId::of(&visitor.person().identifier, &new.key)?);
    let view = done(async move { wallets.take_out(&visitor, &new).await }).await;
    let view = view.map_err(|problem| problem.look_again_at(again))?;
    Ok(begun(&view, &TransferAnswer::of(&view, clock.now())))
}

fn transfer(body: JsonBody) -> Result<NewTransfer, Problem> {
    body.read::<NewTransferBody>()?.transfer()
}

fn begun(view: &TransferView, answer: &TransferAnswer) -> Response {
    created(&transfer_path(&view.id), answer)
}

fn transfer_path(id: &TransferId) -> String {
    format!("/v1/transfers/{}", id.as_str())
}

fn payment_path(id: &PurchaseId) -> String {
    format!("/v1/payments/{}", id.as_str())
}

async fn finish_pay_in(
    State(wallets): Shared,
    SignedIn(visitor): SignedIn,
    id: Segment,
    body: JsonBody,
) -> Answer {
    let (id, clock): (TransferId, _) = (record_id(id)?, wallets.ports.clock.clone());
    let (response, has_pin) = body.read::<Typed>()?.response()?;
    let again = transfer_path(&id);
    let done = done(async move { wallets.finish_pay_in(&visitor, &id, response).await }).await;
    let view = done.map_err(|problem| beside_pin(problem, has_pin).look_again_at(again))?;
    shown(TransferAnswer::of(&view, clock.now()))
}

async fn show_transfer(State(wallets): Shared, SignedIn(visitor): SignedIn, id: Segment) -> Answer {
    let id: TransferId = record_id(id)?;
    let view = wallets.transfer(&visitor, &id).await?;
    shown(TransferAnswer::of(&view, wallets.ports.clock.now()))
}

/// What a ticket says, once it is verified. Nobody needs to be signed in: the merchant signed it for anybody.
async fn show_ticket(State(wallets): Shared, body: JsonBody) -> Answer {
    let ShownTicket { ticket } = body.read()?;
    shown(TicketAnswer::from(wallets.show_ticket(&ticket.0).await?))
}

/// GRT2; the answer is CAC where a code was asked for.
async fn start_payment(
    State(wallets): Shared,
    SignedIn(visitor): SignedIn,
    body: JsonBody,
) -> Answer {
    let request: PaymentRequest = body.read()?;
    let (paying, payer) = (Arc::clone(&wallets), visitor.clone());
    let started = done(async move { paying.start_payment(&payer, &request).await }).await?;
    let location = payment_path(&started.payment);
    match started.challenge_started() {
        Some(asked) => Ok(created(&location, &asked)),
        None => {
            let view = wallets.payment(&visitor, &started.payment).await?;
            Ok(created(&location, &PaymentAnswer::of(view, wallets.ports.clock.now())))
        }
    }
}

async fn show_payment(State(wallets): Shared, SignedIn(visitor): SignedIn, id: Segment) -> Answer {
    let id: PurchaseId = record_id(id)?;
    let view = wallets.payment(&visitor, &id).await?;
    shown(PaymentAnswer::of(view, wallets.ports.clock.now()))
}

/// CAR.
async fn finish_payment(
    State(wallets): Shared,
    SignedIn(visitor): SignedIn,
    id: Segment,
    body: JsonBody,
) -> Answer {
    let (id, clock): (PurchaseId, _) = (record_id(id)?, wallets.ports.clock.clone());
    let typed: CodeTyped = body.read()?;
    if typed.payment != id {
        return Err(WalletError::Ticket(TicketRefusal::OtherTransaction).into());
    }
    let has_pin = typed.pin.is_some();
    let paid = done(async move { wallets.finish_payment(&visitor, &typed).await }).await;
    let view =
        paid.map_err(|problem| beside_pin(problem, has_pin).look_again_at(payment_path(&id)))?;
    shown(PaymentAnswer::of(view, clock.now()))
}

async fn resend(State(wallets): Shared, SignedIn(visitor): SignedIn, id: Segment) -> Answer {
    let id: PurchaseId = record_id(id)?;
    let again = payment_path(&id);
    let sent = done(async move { wallets.resend_code(&visitor, &id).await }).await;
    sent.map_err(|problem| problem.look_again_at(again))?;
    nothing()
}

async fn cancel(State(wallets): Shared, SignedIn(visitor): SignedIn, id: Segment) -> Answer {
    let (id, clock): (PurchaseId, _) = (record_id(id)?, wallets.ports.clock.clone());
    let again = payment_path(&id);
    let view = done(async move { wallets.cancel_payment(&visitor, &id).await }).await;
    let view = view.map_err(|problem| problem.look_again_at(again))?;
    shown(PaymentAnswer::of(view, clock.now()))
}

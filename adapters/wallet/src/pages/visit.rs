//! Coming in: by the code of a wallet that is opened, or of one's phone; the list of what one has; leaving.
//!
//! A ticket that somebody was about to pay is carried along as text, and looked at when it is paid: it leads to a page of
//! ours and nowhere else.

use std::mem;

use askama::Template;
use axum::{extract::Query, response::Response};
use countersign_domain::{
    address::Msisdn, amount::Currency, id::Identifier, invalid::InvalidInput,
};
use countersign_web::{
    body::{FormBody, Segment, record_id},
    code_page::{CodeForm, beside_pin},
    problem::Problem,
};
use serde::Deserialize;

use super::{
    desk::{Answer, Desk, to},
    typed::TypedForm,
    voice::{Voice, field_of},
};
use crate::{
    flow::{CardView, CodeAsked, NewWallet, Visitor, WalletView},
    message::WalletName,
    record::OpeningId,
};

/// Longest ticket that is carried along, in bytes: the longest that is read.
const MAX_TICKET_BYTES: usize = 16 * 1024;

/// The ticket, as it can stand in an address; nothing for what is no message in the compact form (RFC 7515 section 7.1).
pub(super) fn carried(ticket: &str) -> &str {
    let is_of_one = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_one = ticket.len() <= MAX_TICKET_BYTES && ticket.bytes().all(is_of_one);
    if is_one { ticket } else { "" }
}

/// A path of ours, with the ticket that is carried along.
fn with_ticket(path: &str, ticket: &str) -> String {
    match carried(ticket) {
        "" => path.to_owned(),
        ticket => format!("{path}?ticket={ticket}"),
    }
}

/// Where to after coming in.
fn onward(ticket: &str) -> String {
    if carried(ticket).is_empty() { "/".to_owned() } else { with_ticket("/pay", ticket) }
}

/// What may stand in a page's address beside the language.
#[derive(Default, Deserialize)]
pub(super) struct Carried {
    #[serde(default)]
    ticket: String,
}

/// The form of those who have a wallet, and the way for those who have none.
#[derive(Template)]
#[template(path = "welcome.html")]
pub(super) struct Welcome<'a> {
    pub(super) voice: Voice<'a>,
    pub(super) identifier: &'a str,
    /// Empty when there is none.
    pub(super) ticket: &'a str,
    pub(super) problem: Option<&'a Problem>,
}

impl Welcome<'_> {
    fn open_path(&self) -> String {
        with_ticket("/open", self.ticket)
    }

    fn is_wrong(&self) -> bool {
        self.problem.is_some_and(|problem| field_of(problem) == Some("identifier"))
    }
}

#[derive(Template)]
#[template(path = "wallets.html")]
struct Home<'a> {
    voice: Voice<'a>,
    wallets: Vec<WalletView>,
    cards: Vec<CardView>,
}

impl Home<'_> {
    fn available(&self, wallet: &WalletView) -> String {
        self.voice.money(wallet.available_minor.into(), wallet.currency)
    }

    fn held(&self, wallet: &WalletView) -> String {
        let held = self.voice.money(wallet.held_minor.into(), wallet.currency);
        self.voice.say_with("held-amount", "amount", held)
    }
}

/// What a person has; the way in for those who are not signed in.
pub(super) async fn home(desk: Desk) -> Answer {
    let Some(visitor) = desk.visitor_if_any().await? else {
        let main = Welcome { voice: desk.voice(), identifier: "", ticket: "", problem: None };
        return Ok(desk.show("your-wallets", Some("/"), None, &main));
    };
    let wallets = desk.wallets.wallets(&visitor).await?;
    let cards = desk.wallets.cards(&visitor).await?;
    let main = Home { voice: desk.voice(), wallets, cards };
    Ok(desk.show("your-wallets", Some("/"), None, &main))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignInForm {
    identifier: String,
    #[serde(default)]
    ticket: String,
}

pub(super) async fn start_sign_in(desk: Desk, fields: FormBody<SignInForm>) -> Answer {
    let SignInForm { identifier, ticket } = fields.read()?;
    let (begun, session) = desk.session()?;
    let (locale, client) = (desk.locale(), desk.client());
    let asked = match Identifier::try_from(identifier.trim().to_owned()) {
        Err(error) => Err(error.into()),
        Ok(identifier) => {
            desk.done(|wallets| async move {
                wallets.start_sign_in(&identifier, session, locale, client).await
            })
            .await
        }
    };
    match asked {
        Ok(_) => Ok(to(with_ticket("/sign-in", &ticket), begun)),
        Err(problem) => {
            let (ticket, problem) = (carried(&ticket), Some(&problem));
            let main = Welcome { voice: desk.voice(), identifier: &identifier, ticket, problem };
            Ok(desk.show("your-wallets", None, problem, &main))
        }
    }
}

/// A code that is for nothing but coming in.
#[derive(Template)]
#[template(path = "coming_in.html")]
struct ComingIn<'a> {
    voice: Voice<'a>,
    title: &'a str,
    form: String,
}

impl Desk {
    /// The page that asks for a code by which somebody comes in. When no code is accepted any more, it says so.
    async fn coming_in(
        &self,
        title: &str,
        path: &str,
        ticket: &str,
        asked: &CodeAsked,
        problem: Option<&Problem>,
    ) -> Answer {
        let view = self.code(asked).await?;
        let code = CodeForm {
            language: &self.language,
            view: &view,
            path,
            advice: None,
            fields: hidden("ticket", carried(ticket)),
            button: self.voice().say("come-in"),
            resend_fields: Some(hidden("ticket", carried(ticket))),
            cancel: None,
            problem,
        };
        let form = code.render().map_err(|error| {
            tracing::error!(%error, "cannot render a code's form");
            Problem::internal()
        })?;
        let here = (problem.is_none()).then(|| with_ticket(path, ticket));
        let main = ComingIn { voice: self.voice(), title, form };
        Ok(self.show_handing_to(None, &["type-code", title], here.as_deref(), problem, &main))
    }
}

/// A field that nobody sees; none where there is nothing in it. What is in it needs no escape.
fn hidden(name: &str, value: &str) -> String {
    match value {
        "" => String::new(),
        value => format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"),
    }
}

pub(super) async fn sign_in_code(desk: Desk, Query(carried): Query<Carried>) -> Answer {
    match desk.wallets.asked_at_visit(&desk.begun()?).await? {
        Some(asked) => desk.coming_in("sign-in", "/sign-in", &carried.ticket, &asked, None).await,
        None => Ok(to("/", None)),
    }
}

pub(super) async fn finish_sign_in(desk: Desk, fields: FormBody<TypedForm>) -> Answer {
    let mut typed: TypedForm = fields.read()?;
    let (has_pin, ticket) = (typed.has_pin(), mem::take(&mut typed.ticket));
    let (session, locale) = (desk.begun()?, desk.locale());
    let asked = desk.wallets.asked_at_visit(&session).await?;
    let entered = match typed.response() {
        Err(problem) => Err(problem),
        Ok(response) => desk
            .done(|wallets| async move { wallets.finish_sign_in(&session, locale, response).await })
            .await
            .map(drop)
            .map_err(|problem| beside_pin(problem, has_pin)),
    };
    match (entered, asked) {
        (Ok(()), _) => Ok(to(onward(&ticket), None)),
        (Err(problem), Some(asked)) => {
            desk.coming_in("sign-in", "/sign-in", &ticket, &asked, Some(&problem)).await
        }
        // The form was sent twice, and the first one signed in.
        (Err(_), None) if desk.visitor_if_any().await?.is_some() => Ok(to(onward(&ticket), None)),
        (Err(problem), None) => Err(problem.into()),
    }
}

pub(super) async fn resend_sign_in_code(desk: Desk, fields: FormBody<Carried>) -> Answer {
    let (typed, session): (Carried, _) = (fields.read()?, desk.begun()?);
    let asked = desk.wallets.asked_at_visit(&session).await?;
    let sent =
        desk.done(|wallets| async move { wallets.resend_sign_in_code(&session).await }).await;
    match (sent, asked) {
        (Err(problem), Some(asked)) => {
            desk.coming_in("sign-in", "/sign-in", &typed.ticket, &asked, Some(&problem)).await
        }
        (Ok(()) | Err(_), _) => Ok(to(with_ticket("/sign-in", &typed.ticket), None)),
    }
}

pub(super) async fn sign_out(desk: Desk) -> Answer {
    let visitor = desk.visitor().await?;
    desk.done(|wallets| async move { wallets.sign_out(&visitor).await }).await?;
    Ok(to("/", None))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OpenForm {
    identifier: String,
    number: String,
    name: String,
    currency: String,
    ticket: String,
}

impl OpenForm {
    /// Of somebody who is signed in, who and with which phone is known.
    fn new_wallet(&self, visitor: Option<&Visitor>) -> Result<NewWallet, InvalidInput> {
        let (identifier, address) = match visitor {
            Some(visitor) => {
                (visitor.person().identifier.clone(), visitor.person().address.clone())
            }
            None => (
                Identifier::try_from(self.identifier.trim().to_owned())?,
                Msisdn::typed(&self.number)?.into(),
            ),
        };
        let name = WalletName::try_from(self.name.trim().to_owned())?;
        Ok(NewWallet { identifier, address, name, currency: self.currency.as_str().try_into()? })
    }
}

#[derive(Template)]
#[template(path = "open.html")]
struct Open<'a> {
    voice: Voice<'a>,
    is_known: bool,
    typed: &'a OpenForm,
    currencies: Vec<Currency>,
    problem: Option<&'a Problem>,
}

impl Open<'_> {
    fn wrong(&self, field: &str) -> Option<String> {
        let problem = self.problem.filter(|problem| field_of(problem) == Some(field))?;
        Some(self.voice.wrong(problem))
    }

    fn is_chosen(&self, currency: &Currency) -> bool {
        self.typed.currency == currency.code()
    }
}

impl Desk {
    fn opening(
        &self,
        visitor: Option<&Visitor>,
        typed: &OpenForm,
        problem: Option<&Problem>,
    ) -> Response {
        let now = self.wallets.ports.clock.now();
        let kept = self.wallets.house.limits.iter().map(|limits| limits.currency);
        let main = Open {
            voice: self.voice(),
            is_known: visitor.is_some(),
            typed,
            currencies: kept.filter(|kept| kept.must_be_payable(now).is_ok()).collect(),
            problem,
        };
        let here = problem.is_none().then(|| with_ticket("/open", &typed.ticket));
        self.show("open-wallet", here.as_deref(), problem, &main)
    }
}

pub(super) async fn open(desk: Desk, Query(asked): Query<Carried>) -> Answer {
    let visitor = desk.visitor_if_any().await?;
    let ticket = carried(&asked.ticket).to_owned();
    Ok(desk.opening(visitor.as_ref(), &OpenForm { ticket, ..OpenForm::default() }, None))
}

pub(super) async fn start_opening(desk: Desk, fields: FormBody<OpenForm>) -> Answer {
    let typed = fields.read()?;
    let visitor = desk.visitor_if_any().await?;
    let (begun, session) = desk.session()?;
    let (locale, client) = (desk.locale(), desk.client());
    let opened = match typed.new_wallet(visitor.as_ref()) {
        Err(error) => Err(error.into()),
        Ok(new) => {
            desk.done(
                |wallets| async move { wallets.start_opening(new, session, locale, client).await },
            )
            .await
        }
    };
    match opened {
        Ok((id, _)) => Ok(to(with_ticket(&path_of(&id), &typed.ticket), begun)),
        Err(problem) => Ok(desk.opening(visitor.as_ref(), &typed, Some(&problem))),
    }
}

fn path_of(id: &OpeningId) -> String {
    format!("/openings/{}", id.as_str())
}

pub(super) async fn opening_code(
    desk: Desk,
    id: Segment,
    Query(carried): Query<Carried>,
) -> Answer {
    let id: OpeningId = record_id(id)?;
    match desk.wallets.asked_at_opening(&id, &desk.begun()?).await? {
        Some(asked) => {
            let path = path_of(&id);
            desk.coming_in("open-wallet", &path, &carried.ticket, &asked, None).await
        }
        None => Ok(to("/", None)),
    }
}

pub(super) async fn finish_opening(desk: Desk, id: Segment, fields: FormBody<TypedForm>) -> Answer {
    let (id, mut typed): (OpeningId, TypedForm) = (record_id(id)?, fields.read()?);
    let (has_pin, ticket) = (typed.has_pin(), mem::take(&mut typed.ticket));
    let session = desk.begun()?;
    let asked = desk.wallets.asked_at_opening(&id, &session).await?;
    let path = path_of(&id);
    let opened = match typed.response() {
        Err(problem) => Err(problem),
        Ok(response) => desk
            .done(|wallets| async move { wallets.finish_opening(&id, &session, response).await })
            .await
            .map(drop)
            .map_err(|problem| beside_pin(problem, has_pin)),
    };
    match (opened, asked) {
        (Ok(()), _) => Ok(to(onward(&ticket), None)),
        (Err(problem), Some(asked)) => {
            desk.coming_in("open-wallet", &path, &ticket, &asked, Some(&problem)).await
        }
        // The form was sent twice, and the first one opened the wallet.
        (Err(_), None) if desk.visitor_if_any().await?.is_some() => Ok(to(onward(&ticket), None)),
        (Err(problem), None) => Err(problem.into()),
    }
}

pub(super) async fn resend_opening_code(
    desk: Desk,
    id: Segment,
    fields: FormBody<Carried>,
) -> Answer {
    let (id, typed): (OpeningId, Carried) = (record_id(id)?, fields.read()?);
    let session = desk.begun()?;
    let asked = desk.wallets.asked_at_opening(&id, &session).await?;
    let path = path_of(&id);
    let sent =
        desk.done(|wallets| async move { wallets.resend_opening_code(&id, &session).await }).await;
    match (sent, asked) {
        (Err(problem), Some(asked)) => {
            desk.coming_in("open-wallet", &path, &typed.ticket, &asked, Some(&problem)).await
        }
        (Ok(()) | Err(_), _) => Ok(to(with_ticket(&path, &typed.ticket), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_that_is_carried_along_leads_to_our_page_and_nowhere_else() {
        assert_eq!(onward("a-_.B9"), "/pay?ticket=a-_.B9");
        for other in ["", "//evil.example", "a&b", "a b", "a\"b", "é", &"a".repeat(16_385)] {
            assert_eq!(onward(other), "/", "{other}");
        }
    }
}

//! A wallet: what is in it and what moved, paying in with the code, taking out, closing.

use askama::Template;
use axum::{extract::Query, response::Response};
use countersign_domain::{
    amount::{Amount, Currency},
    invalid::InvalidInput,
    register::Entry,
    time::Timestamp,
};
use countersign_web::{
    body::{FormBody, Segment, record_id},
    code_page::{CodeForm, CodeView, beside_pin},
    page::looking_again,
    problem::Problem,
};
use serde::Deserialize;

use super::{
    desk::{Answer, Desk, to},
    typed::TypedForm,
    voice::{Voice, field_of},
};
use crate::{
    WalletStatement,
    error::WalletError,
    flow::{CardView, NewTransfer, TransferStatus, TransferView, Visitor, WalletView},
    message::{CardId, Token, WalletNumber},
    purse::about,
    record::{NotPaid, TransferId},
};

const SECONDS_OF_A_DAY: u64 = 86_400;
/// For how long a page shows what moved, in days, by the person's choice; the first if there is none.
const SPANS: [u16; 3] = [30, 7, 365];

/// A form for money between a wallet and a card, and what was wrong with it.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Way {
    In,
    Out,
}

struct Movement {
    /// The page of the payment or the transfer that it is of.
    page: String,
    what: String,
    at: String,
    amount: String,
    balance: String,
}

/// What moved in a time, oldest last, as people read it.
struct Moved {
    opening: String,
    closing: String,
    movements: Vec<Movement>,
}

#[derive(Template)]
#[template(path = "wallet.html")]
struct Page<'a> {
    voice: Voice<'a>,
    wallet: &'a WalletView,
    cards: Vec<CardView>,
    key: Token,
    /// None where more moved than a page can have.
    moved: Option<Moved>,
    from: Timestamp,
    days: u16,
    typed: Option<&'a Typed>,
    problem: Option<&'a Problem>,
}

/// A form that was refused, as it was typed.
struct Typed {
    way: Way,
    amount: String,
    card: String,
}

impl Page<'_> {
    fn available(&self) -> String {
        self.voice.money(self.wallet.available_minor.into(), self.wallet.currency)
    }

    fn held(&self) -> String {
        self.voice.money(self.wallet.held_minor.into(), self.wallet.currency)
    }

    fn amount_in(&self) -> String {
        self.voice.say_with("amount-in", "currency", self.wallet.currency.code())
    }

    fn spans(&self) -> [u16; 3] {
        SPANS
    }

    fn last_days(&self, days: &u16) -> String {
        self.voice.say_with("last-days", "days", *days)
    }

    fn file(&self, format: &str) -> String {
        let (number, from) = (&self.wallet.number, self.from.unix_seconds());
        format!("/v1/wallets/{number}/statement?from={from}&format={format}")
    }

    fn wrong(&self, way: &Way, field: &str) -> Option<String> {
        self.typed.filter(|typed| typed.way == *way)?;
        let problem = self.problem.filter(|problem| field_of(problem) == Some(field))?;
        Some(self.voice.wrong(problem))
    }

    fn typed_amount(&self, way: &Way) -> &str {
        let typed = self.typed.filter(|typed| typed.way == *way);
        typed.map_or("", |typed| typed.amount.as_str())
    }

    fn is_chosen(&self, way: &Way, card: &CardView) -> bool {
        self.typed.is_some_and(|typed| typed.way == *way && typed.card == card.id.as_str())
    }
}

impl Moved {
    fn of(statement: &WalletStatement, voice: Voice<'_>) -> Self {
        let money = |minor| voice.money(minor, statement.currency);
        let movement = |entry: &Entry| Movement::of(entry, statement, voice);
        Self {
            opening: money(statement.statement.opening.net_minor()),
            closing: money(statement.statement.closing.net_minor()),
            movements: statement.statement.entries.iter().rev().map(movement).collect(),
        }
    }
}

impl Movement {
    fn of(entry: &Entry, statement: &WalletStatement, voice: Voice<'_>) -> Self {
        let (id, is_credit) = (about(entry), statement.is_credit(entry));
        let is_transfer = TransferId::try_from(id.to_owned()).is_ok();
        // What comes back from what was held did not come from outside.
        let comes_back = is_credit && entry.posting.debit.as_str().starts_with("wallet_held:");
        let what = match (is_transfer, is_credit) {
            _ if comes_back => "moved-back",
            (true, true) => "moved-in",
            (true, false) => "moved-out",
            (false, _) => "moved-payment",
        };
        let minor = i128::from(entry.posting.amount.amount_minor());
        let amount = if is_credit { minor } else { -minor };
        Self {
            page: format!("/{}/{id}", if is_transfer { "transfers" } else { "payments" }),
            what: voice.say(what),
            at: voice.time(&entry.posting.at),
            amount: voice.money(amount, statement.currency),
            balance: voice.money(entry.balance.net_minor(), statement.currency),
        }
    }
}

#[derive(Default, Deserialize)]
pub(super) struct Span {
    days: Option<u16>,
}

impl Desk {
    async fn wallet(
        &self,
        visitor: &Visitor,
        number: &WalletNumber,
        days: u16,
        typed: Option<&Typed>,
        problem: Option<&Problem>,
    ) -> Result<Response, WalletError> {
        let wallet = &self.wallets.wallet(visitor, number).await?;
        let now = self.wallets.ports.clock.now().unix_seconds();
        let from = now.saturating_sub(u64::from(days).saturating_mul(SECONDS_OF_A_DAY));
        let from = Timestamp::from_unix_seconds(from);
        let moved = match self.wallets.statement(visitor, number, Some(from), None).await {
            Ok(statement) => Some(Moved::of(&statement, self.voice())),
            Err(WalletError::StatementTooLong) => None,
            Err(error) => return Err(error),
        };
        let main = Page {
            voice: self.voice(),
            wallet,
            cards: self.wallets.cards(visitor).await?,
            key: self.fresh()?,
            moved,
            from,
            days,
            typed,
            problem,
        };
        let path = format!("/wallets/{number}?days={days}");
        Ok(self.show("your-wallet", Some(&path), problem, &main))
    }
}

pub(super) async fn show(desk: Desk, number: Segment, Query(span): Query<Span>) -> Answer {
    let number: WalletNumber = record_id(number)?;
    let visitor = desk.visitor().await?;
    let days = span.days.filter(|days| SPANS.contains(days)).unwrap_or(SPANS[0]);
    Ok(desk.wallet(&visitor, &number, days, None, None).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TransferForm {
    key: String,
    amount: String,
    card: String,
}

impl TransferForm {
    fn transfer(
        &self,
        wallet: &WalletNumber,
        currency: Currency,
    ) -> Result<NewTransfer, InvalidInput> {
        Ok(NewTransfer {
            key: self.key.as_str().try_into()?,
            wallet: wallet.clone(),
            card: CardId::try_from(self.card.clone())?,
            // Either mark is typed, whatever the page's language is.
            amount: Amount::from_decimal(&self.amount.trim().replace(',', "."), currency)?,
        })
    }
}

pub(super) async fn pay_in(desk: Desk, number: Segment, fields: FormBody<TransferForm>) -> Answer {
    desk.move_money(Way::In, record_id(number)?, fields.read()?).await
}

pub(super) async fn take_out(
    desk: Desk,
    number: Segment,
    fields: FormBody<TransferForm>,
) -> Answer {
    desk.move_money(Way::Out, record_id(number)?, fields.read()?).await
}

impl Desk {
    async fn move_money(&self, way: Way, number: WalletNumber, form: TransferForm) -> Answer {
        let visitor = self.visitor().await?;
        let currency = self.wallets.wallet(&visitor, &number).await?.currency;
        let begun = match form.transfer(&number, currency) {
            Err(error) => Err(Problem::from(error)),
            Ok(new) => {
                let visitor = visitor.clone();
                self.done(|wallets| async move {
                    match way {
                        Way::In => wallets.start_pay_in(&visitor, &new).await,
                        Way::Out => wallets.take_out(&visitor, &new).await,
                    }
                })
                .await
            }
        };
        match begun {
            Ok(view) => Ok(to(path_of(&view.id), None)),
            Err(problem) => {
                let typed = Typed { way, amount: form.amount, card: form.card };
                let (typed, problem) = (Some(&typed), Some(&problem));
                Ok(self.wallet(&visitor, &number, SPANS[0], typed, problem).await?)
            }
        }
    }
}

pub(super) async fn close(desk: Desk, number: Segment) -> Answer {
    let number: WalletNumber = record_id(number)?;
    let visitor = desk.visitor().await?;
    let (holder, closing) = (visitor.clone(), number.clone());
    let closed = desk.done(|wallets| async move { wallets.close(&holder, &closing).await }).await;
    match closed {
        Ok(()) => Ok(to("/", None)),
        Err(problem) => Ok(desk.wallet(&visitor, &number, SPANS[0], None, Some(&problem)).await?),
    }
}

fn path_of(id: &TransferId) -> String {
    format!("/transfers/{}", id.as_str())
}

#[derive(Template)]
#[template(path = "transfer.html")]
struct Transfer<'a> {
    voice: Voice<'a>,
    view: &'a TransferView,
    house: &'a str,
    path: &'a str,
    code: Option<CodeView>,
    problem: Option<&'a Problem>,
}

impl Transfer<'_> {
    fn amount(&self) -> String {
        self.voice.amount(self.view.amount)
    }

    fn why(&self, cause: &NotPaid) -> String {
        self.voice.why(cause)
    }

    fn balance(&self, minor: &u64) -> String {
        let balance = self.voice.money((*minor).into(), self.view.amount.currency());
        self.voice.say_with("balance-after", "amount", balance)
    }

    fn code_form(&self) -> Option<CodeForm<'_>> {
        Some(CodeForm {
            language: self.voice.0,
            view: self.code.as_ref()?,
            path: self.path,
            advice: Some(self.voice.say("compare-transfer")),
            fields: String::new(),
            button: self.voice.say_with("pay-in-amount", "amount", self.amount()),
            resend_fields: Some(String::new()),
            cancel: None,
            problem: self.problem,
        })
    }
}

impl TransferView {
    /// What a page of it is called.
    const fn title(&self) -> &'static str {
        match self.status {
            TransferStatus::AwaitingCode(_) => "type-code",
            TransferStatus::Processing => "processing",
            TransferStatus::Done { .. } if self.comes_in => "paid-in",
            TransferStatus::Done { .. } => "taken-out",
            TransferStatus::NotMade { .. } => "no-money-moved",
        }
    }
}

impl Desk {
    /// Whether the money moved, or is about to.
    async fn is_made(&self, visitor: &Visitor, id: &TransferId) -> Result<bool, WalletError> {
        let status = self.wallets.transfer(visitor, id).await?.status;
        Ok(matches!(status, TransferStatus::Processing | TransferStatus::Done { .. }))
    }

    async fn transfer(
        &self,
        visitor: &Visitor,
        id: &TransferId,
        problem: Option<&Problem>,
    ) -> Result<Response, WalletError> {
        let view = &self.wallets.transfer(visitor, id).await?;
        let (code, over) = match &view.status {
            TransferStatus::AwaitingCode(asked) => self.code_or_over(asked).await?,
            TransferStatus::Processing
            | TransferStatus::Done { .. }
            | TransferStatus::NotMade { .. } => (None, None),
        };
        let (path, problem) = (path_of(id), problem.or(over.as_ref()));
        let (house, voice) = (self.house(), self.voice());
        let main = Transfer { voice, view, house, path: &path, code, problem };
        let titles = [view.title(), "your-transfer"];
        let page = self.show_handing_to(None, &titles, Some(&path), problem, &main);
        Ok(match view.status {
            TransferStatus::Processing => looking_again(page, &path),
            TransferStatus::AwaitingCode(_)
            | TransferStatus::Done { .. }
            | TransferStatus::NotMade { .. } => page,
        })
    }
}

pub(super) async fn transfer(desk: Desk, id: Segment) -> Answer {
    let id: TransferId = record_id(id)?;
    let visitor = desk.visitor().await?;
    Ok(desk.transfer(&visitor, &id, None).await?)
}

pub(super) async fn type_code(desk: Desk, id: Segment, fields: FormBody<TypedForm>) -> Answer {
    let (id, typed): (TransferId, TypedForm) = (record_id(id)?, fields.read()?);
    let visitor = desk.visitor().await?;
    let has_pin = typed.has_pin();
    let typed = match typed.response() {
        Err(problem) => Err(problem),
        Ok(response) => {
            let (holder, id) = (visitor.clone(), id.clone());
            desk.done(|wallets| async move { wallets.finish_pay_in(&holder, &id, response).await })
                .await
                .map_err(|problem| beside_pin(problem, has_pin))
        }
    };
    match typed {
        Ok(_) => Ok(to(path_of(&id), None)),
        // It was sent twice, and the first did its work.
        Err(problem) if problem.is_moved_on() && desk.is_made(&visitor, &id).await? => {
            Ok(to(path_of(&id), None))
        }
        Err(problem) => Ok(desk.transfer(&visitor, &id, Some(&problem)).await?),
    }
}

pub(super) async fn resend(desk: Desk, id: Segment) -> Answer {
    let id: TransferId = record_id(id)?;
    let visitor = desk.visitor().await?;
    let (holder, transfer) = (visitor.clone(), id.clone());
    let sent =
        desk.done(|wallets| async move { wallets.resend_pay_in_code(&holder, &transfer).await });
    match sent.await {
        Ok(()) => Ok(to(path_of(&id), None)),
        Err(problem) => Ok(desk.transfer(&visitor, &id, Some(&problem)).await?),
    }
}

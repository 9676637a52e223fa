//! Paying a ticket: what the merchant signed, wallet or card, the code with all of the transaction, the receipt for the
//! merchant (F12.2 to F12.6).

use askama::Template;
use axum::{
    extract::Query,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use countersign_domain::{
    amount::{Amount, Currency},
    digest::Sha256Digest,
    error::Error,
    refusal::Refusal,
    transaction::{Item, Transaction},
};
use countersign_web::{
    body::{FormBody, Segment, record_id},
    code_page::{CodeForm, CodeView, beside_pin},
    page::looking_again,
    problem::Problem,
    return_url::ReturnUrl,
};
use serde::Deserialize;

use super::{
    desk::{Answer, Desk, to},
    visit::{Welcome, carried},
    voice::Voice,
};
use crate::{
    error::WalletError,
    flow::{CardView, PaymentStatus, PaymentView, TicketView, Visitor, WalletView},
    message::{
        CardId, Code, CodeTyped, Compact, MerchantNumber, Minor, PaymentRequest, Pin, PurchaseId,
        Source, Token, WalletNumber,
    },
    record::NotPaid,
    words::WORDS,
};

/// What is bought, of whom, for how much: the same before and after it is paid.
struct Bought {
    amount: Amount,
    payee: String,
    reference: String,
    items: Vec<Item>,
}

impl Bought {
    fn offered(view: &TicketView) -> Result<Self, WalletError> {
        let ticket = &view.ticket;
        Ok(Self {
            amount: Amount::new(ticket.amount_minor.get(), ticket.currency)?,
            payee: view.payee.to_string(),
            reference: ticket.reference.to_string(),
            items: ticket.goods.items(),
        })
    }

    fn of(transaction: &Transaction) -> Self {
        Self {
            amount: transaction.amount(),
            payee: transaction.payee().to_string(),
            reference: transaction.reference().to_string(),
            items: transaction.items().to_vec(),
        }
    }
}

/// What a person may pay a ticket with.
struct Sources {
    wallets: Vec<WalletView>,
    cards: Vec<CardView>,
    nonce: Token,
}

impl Sources {
    fn first(&self) -> Option<&str> {
        let wallet = self.wallets.first().map(|wallet| wallet.number.as_str());
        wallet.or_else(|| self.cards.first().map(|card| card.id.as_str()))
    }
}

#[derive(Template)]
#[template(path = "ticket.html")]
struct Offered<'a> {
    voice: Voice<'a>,
    bought: &'a Bought,
    signed: &'a str,
    /// None where nobody is signed in: then there is the way in.
    sources: Option<Sources>,
    way_in: Welcome<'a>,
    chosen: &'a str,
}

impl Offered<'_> {
    fn amount(&self) -> String {
        self.voice.amount(self.bought.amount)
    }

    fn pay(&self) -> String {
        self.voice.say_with("pay-amount", "amount", self.amount())
    }

    fn wallet(&self, wallet: &WalletView) -> String {
        let available = self.voice.money(wallet.available_minor.into(), wallet.currency);
        let (name, amount) = (wallet.name.as_str().into(), available.into());
        self.voice.say_all("pay-from-wallet", &[("name", name), ("amount", amount)])
    }

    fn card(&self, card: &CardView) -> String {
        format!("{}, {}", card.name, card.masked)
    }

    /// The first is chosen as long as the person has chosen none.
    fn is_chosen(&self, source: &str) -> bool {
        if !self.chosen.is_empty() {
            return self.chosen == source;
        }
        let sources = self.sources.as_ref();
        sources.and_then(Sources::first).is_some_and(|first| first == source)
    }
}

#[derive(Deserialize)]
pub(super) struct Handed {
    #[serde(default)]
    ticket: String,
}

/// The ticket that the merchant sent the person's browser here with. To look at it begins nothing.
pub(super) async fn ticket(desk: Desk, Query(Handed { ticket }): Query<Handed>) -> Answer {
    let visitor = desk.visitor_if_any().await?;
    let offered = desk.wallets.show_ticket(&ticket).await?;
    if let Some(visitor) = &visitor
        && desk.is_under_way(visitor, &offered).await?
    {
        return Ok(to(path_of(&offered.payment), None));
    }
    let here = format!("/pay?ticket={}", carried(&ticket));
    let looked = Looked { ticket: &ticket, offered: &offered, chosen: "" };
    desk.offer(visitor.as_ref(), &looked, Some(&here), None).await
}

/// A ticket that is looked at, and what was chosen to pay it with.
struct Looked<'a> {
    ticket: &'a str,
    offered: &'a TicketView,
    chosen: &'a str,
}

impl Desk {
    /// Whether this person began to pay it, or paid it.
    async fn is_under_way(
        &self,
        visitor: &Visitor,
        offered: &TicketView,
    ) -> Result<bool, WalletError> {
        match self.wallets.payment(visitor, &offered.payment).await {
            Ok(view) => Ok(view.ticket_sha256 == offered.ticket_sha256
                && !matches!(view.status, PaymentStatus::NotPaid { .. })),
            Err(WalletError::Domain(Error::NotFound { .. })) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn offer(
        &self,
        visitor: Option<&Visitor>,
        Looked { ticket, offered, chosen }: &Looked<'_>,
        here: Option<&str>,
        problem: Option<&Problem>,
    ) -> Answer {
        let bought = &Bought::offered(offered)?;
        let sources = match visitor {
            Some(visitor) => Some(self.sources(visitor, bought.amount.currency()).await?),
            None => None,
        };
        let (voice, signed) = (self.voice(), carried(ticket));
        let way_in = Welcome { voice, identifier: "", ticket: signed, problem: None };
        let main = Offered { voice, bought, signed, sources, way_in, chosen };
        Ok(self.show("your-purchase", here, problem, &main))
    }

    async fn sources(&self, visitor: &Visitor, currency: Currency) -> Result<Sources, WalletError> {
        let mut wallets = self.wallets.wallets(visitor).await?;
        wallets.retain(|wallet| wallet.currency == currency && wallet.closed_at.is_none());
        let cards = self.wallets.cards(visitor).await?;
        Ok(Sources { wallets, cards, nonce: self.fresh()? })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PayForm {
    ticket: String,
    nonce: Token,
    #[serde(default)]
    source: String,
}

impl PayForm {
    /// The wallet or the card that was chosen, if one was.
    fn chosen(&self) -> Option<Source> {
        let wallet = WalletNumber::try_from(self.source.clone()).ok().map(Source::Wallet);
        wallet.or_else(|| CardId::try_from(self.source.clone()).ok().map(Source::Card))
    }
}

/// GRT2.
pub(super) async fn start(desk: Desk, fields: FormBody<PayForm>) -> Answer {
    let typed = fields.read()?;
    let Some(visitor) = desk.visitor_if_any().await? else {
        return Ok(to(format!("/pay?ticket={}", carried(&typed.ticket)), None));
    };
    let Some(source) = typed.chosen() else {
        let problem = WORDS.problem(StatusCode::UNPROCESSABLE_ENTITY, "no-source");
        return desk.offer_again(&visitor, &typed, &problem).await;
    };
    let (payer, nonce) = (visitor.clone(), typed.nonce.clone());
    let request = PaymentRequest { ticket: Compact(typed.ticket.clone()), source, nonce };
    let started =
        desk.done(|wallets| async move { wallets.start_payment(&payer, &request).await }).await;
    match started {
        Ok(started) => Ok(to(path_of(&started.payment), None)),
        Err(problem) => desk.offer_again(&visitor, &typed, &problem).await,
    }
}

impl Desk {
    /// The ticket once more, with what was wrong with the choice.
    async fn offer_again(&self, visitor: &Visitor, typed: &PayForm, problem: &Problem) -> Answer {
        let offered = &self.wallets.show_ticket(&typed.ticket).await?;
        let looked = Looked { ticket: &typed.ticket, offered, chosen: &typed.source };
        // Its payment may have been begun: whoever asks for the ticket then is led to it.
        let again = problem.is_outcome_unknown();
        let again = again.then(|| format!("/pay?ticket={}", carried(&typed.ticket)));
        self.offer(Some(visitor), &looked, again.as_deref(), Some(problem)).await
    }
}

fn path_of(id: &PurchaseId) -> String {
    format!("/payments/{}", id.as_str())
}

#[derive(Template)]
#[template(path = "payment.html")]
struct Payment<'a> {
    voice: Voice<'a>,
    bought: &'a Bought,
    view: &'a PaymentView,
    path: &'a str,
    code: Option<CodeView>,
    return_url: Option<&'a ReturnUrl>,
    problem: Option<&'a Problem>,
}

impl Payment<'_> {
    fn amount(&self) -> String {
        self.voice.amount(self.bought.amount)
    }

    fn paid(&self) -> String {
        let payee = self.bought.payee.as_str().into();
        self.voice.say_all("paid-detail", &[("amount", self.amount().into()), ("payee", payee)])
    }

    fn balance(&self, minor: &u64) -> String {
        let balance = self.voice.money((*minor).into(), self.bought.amount.currency());
        self.voice.say_with("balance-after", "amount", balance)
    }

    fn why(&self, cause: &NotPaid) -> String {
        self.voice.why(cause)
    }

    fn back_to(&self) -> String {
        self.voice.say_with("back-to", "payee", self.bought.payee.as_str())
    }

    /// The code is typed beside all that it is joined to (F12.5); none of it needs an escape.
    fn code_form(&self) -> Option<CodeForm<'_>> {
        let amount = self.bought.amount;
        let hidden = [
            ("ticket_sha256", self.view.ticket_sha256.to_string()),
            ("merchant", self.view.merchant.to_string()),
            ("amount_minor", amount.amount_minor().to_string()),
            ("currency", amount.currency().to_string()),
        ];
        let field = |(name, value): &(&str, String)| {
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
        };
        Some(CodeForm {
            language: self.voice.0,
            view: self.code.as_ref()?,
            path: self.path,
            advice: Some(self.voice.say("compare-payment")),
            fields: hidden.iter().map(field).collect(),
            button: self.voice.say_with("pay-amount", "amount", self.amount()),
            resend_fields: Some(String::new()),
            cancel: Some(self.voice.say("cancel-payment")),
            problem: self.problem,
        })
    }
}

impl PaymentStatus {
    /// What a page of it is called.
    const fn title(&self) -> &'static str {
        match self {
            Self::AwaitingCode(_) => "type-code",
            Self::Processing => "processing",
            Self::Paid { .. } => "paid",
            Self::NotPaid { .. } => "not-paid",
        }
    }
}

impl Desk {
    async fn payment(
        &self,
        visitor: &Visitor,
        id: &PurchaseId,
        problem: Option<&Problem>,
    ) -> Result<Response, WalletError> {
        let view = &self.wallets.payment(visitor, id).await?;
        let (code, over) = match &view.status {
            PaymentStatus::AwaitingCode(asked) => self.code_or_over(asked).await?,
            PaymentStatus::Processing
            | PaymentStatus::Paid { .. }
            | PaymentStatus::NotPaid { .. } => (None, None),
        };
        let return_url = match &view.status {
            PaymentStatus::Paid { .. } => self.wallets.return_url(&view.merchant).await?,
            PaymentStatus::AwaitingCode(_)
            | PaymentStatus::Processing
            | PaymentStatus::NotPaid { .. } => None,
        };
        let (path, problem, bought) =
            (path_of(id), problem.or(over.as_ref()), &Bought::of(&view.transaction));
        let (voice, return_url) = (self.voice(), return_url.as_ref());
        let main = Payment { voice, bought, view, path: &path, code, return_url, problem };
        let titles = [view.status.title(), "your-purchase"];
        let page = self.show_handing_to(return_url, &titles, Some(&path), problem, &main);
        Ok(match view.status {
            PaymentStatus::Processing => looking_again(page, &path),
            PaymentStatus::AwaitingCode(_)
            | PaymentStatus::Paid { .. }
            | PaymentStatus::NotPaid { .. } => page,
        })
    }
}

pub(super) async fn show(desk: Desk, id: Segment) -> Answer {
    let id: PurchaseId = record_id(id)?;
    let visitor = desk.visitor().await?;
    Ok(desk.payment(&visitor, &id, None).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeTypedForm {
    ticket_sha256: Sha256Digest,
    merchant: MerchantNumber,
    amount_minor: Minor,
    currency: Currency,
    code: Code,
    pin: Option<Pin>,
    new_pin: Option<Pin>,
}

/// CAR.
pub(super) async fn type_code(desk: Desk, id: Segment, fields: FormBody<CodeTypedForm>) -> Answer {
    let payment: PurchaseId = record_id(id)?;
    let CodeTypedForm { ticket_sha256, merchant, amount_minor, currency, code, pin, new_pin } =
        fields.read()?;
    let visitor = desk.visitor().await?;
    let (payer, id) = (visitor.clone(), payment.clone());
    let has_pin = pin.is_some();
    let typed =
        CodeTyped { payment, ticket_sha256, merchant, amount_minor, currency, code, pin, new_pin };
    let paid =
        desk.done(|wallets| async move { wallets.finish_payment(&payer, &typed).await }).await;
    let paid = paid.map_err(|problem| beside_pin(problem, has_pin));
    let is_reached =
        |status: &_| matches!(status, PaymentStatus::Processing | PaymentStatus::Paid { .. });
    desk.after(&visitor, &id, paid, is_reached).await
}

pub(super) async fn resend(desk: Desk, id: Segment) -> Answer {
    let id: PurchaseId = record_id(id)?;
    let visitor = desk.visitor().await?;
    let (payer, payment) = (visitor.clone(), id.clone());
    let sent =
        desk.done(|wallets| async move { wallets.resend_code(&payer, &payment).await }).await;
    desk.after(&visitor, &id, sent, |_| false).await
}

pub(super) async fn cancel(desk: Desk, id: Segment) -> Answer {
    let id: PurchaseId = record_id(id)?;
    let visitor = desk.visitor().await?;
    let (payer, payment) = (visitor.clone(), id.clone());
    let cancelled =
        desk.done(|wallets| async move { wallets.cancel_payment(&payer, &payment).await }).await;
    let is_reached = |status: &_| {
        let cancelled = NotPaid::Code { refusal: Refusal::Cancelled };
        matches!(status, PaymentStatus::NotPaid { cause, .. } if *cause == cancelled)
    };
    desk.after(&visitor, &id, cancelled, is_reached).await
}

impl Desk {
    /// Back to the payment; with what is wrong, if anything is. A form that is sent twice (two clicks, two tabs) did its work
    /// the first time: that is no problem.
    async fn after<T>(
        &self,
        visitor: &Visitor,
        id: &PurchaseId,
        done: Result<T, Problem>,
        is_reached: fn(&PaymentStatus) -> bool,
    ) -> Answer {
        match done {
            Ok(_) => Ok(to(path_of(id), None)),
            Err(problem)
                if problem.is_moved_on()
                    && is_reached(&self.wallets.payment(visitor, id).await?.status) =>
            {
                Ok(to(path_of(id), None))
            }
            Err(problem) => Ok(self.payment(visitor, id, Some(&problem)).await?),
        }
    }
}

/// The receipt as a file: for a merchant that takes it in otherwise than from a browser.
pub(super) async fn receipt(desk: Desk, id: Segment) -> Answer {
    let id: PurchaseId = record_id(id)?;
    let visitor = desk.visitor().await?;
    match desk.wallets.payment(&visitor, &id).await?.status {
        PaymentStatus::Paid { receipt, .. } => {
            let headers = [
                (header::CONTENT_TYPE, "application/jose"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"receipt.jws\""),
                (header::CACHE_CONTROL, "no-store"),
            ];
            Ok((headers, receipt).into_response())
        }
        PaymentStatus::AwaitingCode(_)
        | PaymentStatus::Processing
        | PaymentStatus::NotPaid { .. } => Err(WalletError::NotNow("not paid").into()),
    }
}

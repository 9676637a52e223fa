//! The wallet: the cardholder's program (1101), with a page instead of a window. It speaks to merchant and gateway over HTTPS
//! and knows nothing of the server but what they answer.

use std::{collections::VecDeque, sync::Arc};

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, State, rejection::FormRejection},
    response::{IntoResponse as _, Redirect},
    routing::{get, post},
};
use countersign_domain::{amount::Amount, ports::Clock as _, time::Timestamp};
use countersign_server::SystemEntropy;
use countersign_set::{
    cardholder::{Offer, Progress, Sent, Wallet, WalletError},
    link::{HttpClient, HttpError},
    message::{authorization::AuthCode, purchase::CompletionCode},
    wallet_file::{WalletFile, WalletFileError},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    counterparties::Counterparties,
    error::SandboxError,
    flows::checkout::good,
    merchant::trusting,
    page::{Answer, Frame, show},
    problem::ControlError,
};

/// Purchases that the wallet remembers; the oldest give way.
const MAX_PURCHASES: usize = 64;

pub(super) fn routes(counterparties: Arc<Counterparties>) -> Result<Router, SandboxError> {
    let desk = Desk {
        client: HttpClient::new(trusting(&counterparties.facts.authority)?),
        file: WalletFile::read(&counterparties.facts.wallet.file)?,
        shared: counterparties,
        purchases: Mutex::default(),
    };
    Ok(Router::new()
        .route("/wallet", post(wake))
        .route("/wallet/{order}", get(page))
        .route("/wallet/{order}/pay", post(pay))
        .route("/wallet/{order}/code", post(code))
        .with_state(Arc::new(desk)))
}

/// The wallet at work.
struct Desk {
    shared: Arc<Counterparties>,
    client: HttpClient,
    file: WalletFile,
    purchases: Mutex<VecDeque<(String, Shown)>>,
}

/// A purchase as its page shows it.
struct Shown {
    merchant: String,
    amount: Amount,
    goods: String,
    /// What the message must say, too (W12); known once the merchant has named the purchase.
    reference: Option<String>,
    step: Step,
    /// What went wrong at the last try.
    wrong: Option<&'static str>,
}

/// How far a purchase is.
enum Step {
    /// The key is locked (F11.7).
    Locked(Box<Offer>),
    /// A code is on its way to the phone.
    Asked { sent: Box<Sent>, wallet: Box<Wallet>, phone: String, digits: u8, left: Option<u8> },
    /// It is paid, or will not be.
    Over { words: &'static str, is_paid: bool, receipt: Option<String> },
}

type Shared = State<Arc<Desk>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuyForm {
    good: String,
}

/// The shop makes an order, and the browser hands its address to the wallet.
async fn wake(State(desk): Shared, form: Result<Form<BuyForm>, FormRejection>) -> Answer {
    let Form(BuyForm { good: key }) = form?;
    let good = good(&key).ok_or_else(|| ControlError::invalid("The shop does not sell that."))?;
    let order = json!({
        "amount": { "value": good.price, "currency": "EUR" },
        "description": good.name,
    });
    let created = desk.shared.merchant.call("POST", "/v1/set/orders", &order).await?;
    let text = |member: &str| created.get(member).and_then(Value::as_str).unwrap_or_default();
    let (id, url) = (text("id").to_owned(), text("url"));
    let opened = desk.open(url).await?;
    let mut purchases = desk.purchases.lock().await;
    if purchases.len() >= MAX_PURCHASES {
        purchases.pop_front();
    }
    purchases.push_back((id.clone(), opened));
    Ok(Redirect::to(&format!("/wallet/{id}")).into_response())
}

impl Desk {
    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Looks at what the shop offers (F11.2). The wallet is locked as yet.
    async fn open(&self, url: &str) -> Result<Shown, ControlError> {
        let wake_up = self.client.wake_up(url).await?;
        let offer = Offer::read(&wake_up, &self.file.anchors()?, self.now())?;
        Ok(Shown {
            merchant: offer.merchant_name().to_owned(),
            amount: offer.amount()?,
            goods: offer.description().to_owned(),
            reference: None,
            step: Step::Locked(Box::new(offer)),
            wrong: None,
        })
    }

    /// Opens the wallet (F11.7), has the purchase named (F11.3), and sends it, signed (F11.4).
    async fn pay(&self, shown: &mut Shown, password: String) -> Result<(), ControlError> {
        let Step::Locked(offer) = &shown.step else { return Ok(()) };
        let file = self.file.clone();
        // Deriving a key from a password takes a while on purpose.
        let opening = tokio::task::spawn_blocking(move || file.open(&password));
        let opened = opening.await.map_err(|error| ControlError::internal(&error.to_string()))?;
        let wallet = match opened {
            Err(WalletFileError::Certs(countersign_certs::Error::WrongPassphrase)) => {
                shown.wrong = Some("The password is wrong. Nothing was sent.");
                return Ok(());
            }
            opened => opened?,
        };
        let (url, entropy) = (offer.url().to_owned(), SystemEntropy::default());
        let (message, begun) = offer.as_ref().clone().begin(&wallet, &entropy, self.now())?;
        let answer = self.client.exchange(&url, message).await?;
        let purchase = begun.accept(&answer, &wallet, self.now())?;
        shown.reference = Some(purchase.reference()?.as_str().to_owned());
        let (message, asked, sent) = purchase.request(&wallet, &entropy, self.now())?;
        let answer = self.client.exchange(&url, message).await?;
        let progress = sent.answer(&asked, &answer, &wallet, self.now())?;
        shown.wrong = None;
        shown.step = step(progress, Box::new(sent), Box::new(wallet), None);
        Ok(())
    }

    /// Sends the typed code, encrypted to the gateway, through the merchant (F11.11).
    async fn code(&self, shown: &mut Shown, code: &str) -> Result<(), ControlError> {
        let Step::Asked { sent, wallet, phone, digits, .. } = &shown.step else { return Ok(()) };
        if code.is_empty() || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            shown.wrong = Some("The code is made of digits. Nothing was sent.");
            return Ok(());
        }
        let (message, asked) = sent.code_forward(code, &SystemEntropy::default(), self.now())?;
        let answer = self.client.exchange(sent.purchase().offer().url(), message).await?;
        let progress = sent.answer(&asked, &answer, wallet, self.now())?;
        let is_wrong = progress.auth_code == Some(AuthCode::CodeWrong);
        shown.wrong =
            is_wrong.then_some("That is not the code. Look at the message on the phone again.");
        let asked = Some((phone.clone(), *digits));
        let before = std::mem::replace(&mut shown.step, UNKNOWN);
        if let Step::Asked { sent, wallet, .. } = before {
            shown.step = step(progress, sent, wallet, asked);
        }
        Ok(())
    }
}

const UNKNOWN: Step =
    Step::Over { words: "It is not known yet how this ends.", is_paid: false, receipt: None };

/// How far a purchase is, by what the merchant answered; `asked` is the phone that is waited for already.
fn step(
    progress: Progress,
    sent: Box<Sent>,
    wallet: Box<Wallet>,
    asked: Option<(String, u8)>,
) -> Step {
    let start = progress.code.map(|start| (start.phone, start.digits)).or(asked);
    let over = |words, is_paid| Step::Over { words, is_paid, receipt: None };
    match (progress.completion, start) {
        (CompletionCode::CodeAsked, Some((phone, digits))) => {
            Step::Asked { sent, wallet, phone, digits, left: progress.attempts_left }
        }
        (CompletionCode::CapturePerformed | CompletionCode::AuthorizationPerformed, _) => {
            let receipt = progress.receipt.map(|(receipt, _)| {
                let code = if receipt.code_verified { "a code" } else { "no code" };
                format!("signed by the gateway: {}, with {code}", receipt.auth_code)
            });
            Step::Over { words: "Paid.", is_paid: true, receipt }
        }
        (CompletionCode::NotAuthorized, _) => over(refused(progress.auth_code), false),
        (CompletionCode::OrderRejected, _) => {
            over("The merchant refuses the order. Nothing was paid.", false)
        }
        (
            CompletionCode::CodeAsked
            | CompletionCode::OrderReceived
            | CompletionCode::OrderNotReceived
            | CompletionCode::CreditPerformed
            | CompletionCode::SignatureRequired,
            _,
        ) => UNKNOWN,
    }
}

const fn refused(code: Option<AuthCode>) -> &'static str {
    match code {
        Some(AuthCode::CodeLocked) => "Too many wrong codes. Nothing was paid.",
        Some(AuthCode::CodeExpired) => "The code came too late. Nothing was paid.",
        Some(AuthCode::Declined) => "The bank declined. Nothing was paid.",
        Some(AuthCode::NoPhone) => "The message cannot reach the phone. Nothing was paid.",
        Some(_) | None => "The gateway refuses the payment. Nothing was paid.",
    }
}

#[derive(Template)]
#[template(path = "wallet.html")]
struct WalletPage<'a> {
    frame: Frame,
    order: &'a str,
    shown: &'a Shown,
    password: &'static str,
}

async fn page(State(desk): Shared, Path(order): Path<String>) -> Answer {
    let purchases = desk.purchases.lock().await;
    let shown = purchases.iter().find(|(id, _)| *id == order).map(|(_, shown)| shown);
    let shown = shown.ok_or_else(unknown)?;
    let frame = desk.shared.places.at("");
    let password = desk.shared.facts.wallet.password;
    show(&WalletPage { frame, order: &order, shown, password })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordForm {
    password: String,
}

async fn pay(
    State(desk): Shared,
    Path(order): Path<String>,
    form: Result<Form<PasswordForm>, FormRejection>,
) -> Answer {
    let Form(PasswordForm { password }) = form?;
    let mut purchases = desk.purchases.lock().await;
    desk.pay(find(&mut purchases, &order)?, password).await?;
    Ok(Redirect::to(&format!("/wallet/{order}")).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeForm {
    code: String,
}

async fn code(
    State(desk): Shared,
    Path(order): Path<String>,
    form: Result<Form<CodeForm>, FormRejection>,
) -> Answer {
    let Form(CodeForm { code }) = form?;
    let mut purchases = desk.purchases.lock().await;
    desk.code(find(&mut purchases, &order)?, code.trim()).await?;
    Ok(Redirect::to(&format!("/wallet/{order}")).into_response())
}

fn find<'a>(
    purchases: &'a mut MutexGuard<'_, VecDeque<(String, Shown)>>,
    order: &str,
) -> Result<&'a mut Shown, ControlError> {
    let found = purchases.iter_mut().find(|(id, _)| id == order).map(|(_, shown)| shown);
    found.ok_or_else(unknown)
}

fn unknown() -> ControlError {
    ControlError::not_found("The wallet knows no such order: buy something in the shop.")
}

impl From<WalletFileError> for ControlError {
    fn from(error: WalletFileError) -> Self {
        Self::internal(&error.to_string())
    }
}

impl From<WalletError> for ControlError {
    fn from(error: WalletError) -> Self {
        Self::not_done(error.to_string())
    }
}

impl From<HttpError> for ControlError {
    fn from(error: HttpError) -> Self {
        Self::not_done(error.to_string())
    }
}

//! `countersign set pay`: the cardholder at the command line, from the wake-up to the receipt.

use std::{
    io::{self, BufRead as _, Write as _},
    time::Duration,
};

use countersign_domain::{code::TypedCode, ports::Clock as _, time::Timestamp};
use countersign_set::{
    cardholder::{CodeStart, Offer, Progress, Purchase, Sent, Typed, Wallet},
    link::{HttpClient, HttpError},
    message::{authorization::AuthCode, purchase::CompletionCode},
    wallet_file::WalletFile,
};
use serde_json::json;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use super::{Outcome, arguments::Pay, wallet::password};
use crate::{
    config::Files,
    file::{Failure, Place, ROOM, unusable},
    system::{SystemClock, SystemEntropy},
    tls,
};

/// How long an answer to one message is waited for: servers are started again meanwhile.
const PATIENCE: Duration = Duration::from_secs(45);
/// How often it is asked how a purchase stands that is under way.
const INQUIRIES: usize = 20;
/// Between two of them.
const PAUSE: Duration = Duration::from_secs(1);

/// Pays an order.
pub(super) async fn pay(arguments: &Pay) -> Result<Outcome, Failure> {
    let files = Files::default();
    let authorities = arguments.tls_authorities.as_deref();
    let client = HttpClient::new(tls::client(&files, authorities, "--tls-authorities")?);
    let path = &arguments.wallet;
    let file = WalletFile::read(path).map_err(|error| unusable(path, &error))?;
    let wake_up = client.wake_up(&arguments.order_url).await?;
    let offer = Offer::read(&wake_up, &file.anchors()?, now())?;
    let teller = Teller { json: arguments.json };
    teller.offer(&offer)?;
    let receipt = arguments.receipt.as_deref().map(|path| Place::with_room_for(path, ROOM));
    let receipt = receipt.transpose()?;
    let secret = password(arguments.password_file.as_deref(), "Password of the wallet: ")?;
    let wallet = file.open(&secret).map_err(|error| unusable(path, &error))?;
    let payer = Payer { arguments, client, wallet, teller, entropy: SystemEntropy::default() };
    payer.pay(offer, receipt).await
}

/// Where a purchase is, as far as the cardholder is concerned.
enum Step {
    Paid,
    NotPaid,
    /// A code is waited for.
    Code,
    /// It is not known yet.
    UnderWay,
}

impl Step {
    const fn of(progress: &Progress) -> Self {
        match progress.completion {
            CompletionCode::CapturePerformed | CompletionCode::AuthorizationPerformed => Self::Paid,
            CompletionCode::CodeAsked => Self::Code,
            CompletionCode::OrderReceived => Self::UnderWay,
            CompletionCode::OrderRejected
            | CompletionCode::OrderNotReceived
            | CompletionCode::CreditPerformed
            | CompletionCode::SignatureRequired
            | CompletionCode::NotAuthorized => Self::NotPaid,
        }
    }
}

/// A cardholder who pays.
struct Payer<'a> {
    arguments: &'a Pay,
    client: HttpClient,
    wallet: Wallet,
    teller: Teller,
    entropy: SystemEntropy,
}

impl Payer<'_> {
    /// The receipt's place was found before anything is paid.
    async fn pay(&self, offer: Offer, receipt: Option<Place>) -> Result<Outcome, Failure> {
        let merchant = offer.url().to_owned();
        let (message, begun) = offer.begin(&self.wallet, &self.entropy, now())?;
        let answer = self.send(&merchant, &message).await?;
        let purchase = begun.accept(&answer, &self.wallet, now())?;
        self.teller.reference(&purchase)?;
        if !self.arguments.yes && !self.teller.is_agreed()? {
            return self.teller.called_off();
        }
        let (message, asked, sent) = purchase.request(&self.wallet, &self.entropy, now())?;
        let answer = self.send(&merchant, &message).await?;
        let mut progress = sent.answer(&asked, &answer, &self.wallet.trust, now())?;
        let mut start = None;
        let mut inquiries = 0;
        loop {
            start = progress.code.take().or(start);
            progress = match (Step::of(&progress), &start) {
                (Step::Paid, _) => return self.paid(&progress, receipt),
                (Step::NotPaid, _) => return self.teller.not_paid(&progress),
                (Step::Code, Some(start)) => {
                    let Some(code) = self.teller.code(start, &progress)? else {
                        return self.teller.called_off();
                    };
                    let pin = self.pin(start)?;
                    let pin = pin.as_ref().map(|pin| pin.as_str());
                    self.submit(&sent, Typed { code: code.expose(), pin }, start).await?
                }
                (Step::Code, None) => {
                    return Err("the gateway has not said whom it has sent a code to".into());
                }
                (Step::UnderWay, _) if inquiries == INQUIRIES => {
                    return Err(
                        "it is not known yet how the purchase ends: ask the merchant".into()
                    );
                }
                (Step::UnderWay, _) => {
                    inquiries += 1;
                    sleep(PAUSE).await;
                    self.inquire(&sent).await?
                }
            };
        }
    }

    /// Sends a code on the way that was chosen.
    async fn submit(
        &self,
        sent: &Sent,
        typed: Typed<'_>,
        start: &CodeStart,
    ) -> Result<Progress, Failure> {
        if !self.arguments.direct {
            let (message, asked) = sent.code_forward(typed, &self.entropy, now())?;
            let answer = self.send(sent.purchase().offer().url(), &message).await?;
            return Ok(sent.answer(&asked, &answer, &self.wallet.trust, now())?);
        }
        let (message, rrpid) = sent.code_direct(typed, &self.entropy, now())?;
        let answer = self.send(&start.gateway_url, &message).await?;
        let progress = sent.direct_answer(&rrpid, &answer, &self.wallet.trust, now())?;
        if matches!(Step::of(&progress), Step::Paid) {
            // So that the merchant learns it; should this fail, the merchant asks the gateway.
            if let Err(error) = self.inquire(sent).await {
                tracing::warn!(%error, "the merchant could not be told");
            }
        }
        Ok(progress)
    }

    /// The PIN, where it is asked for: from a file, or typed without being shown.
    fn pin(&self, start: &CodeStart) -> Result<Option<Zeroizing<String>>, Failure> {
        if !start.asks_pin {
            return Ok(None);
        }
        let file = self.arguments.pin_file.as_deref();
        Ok(Some(password(file, "PIN or password of the card's holder: ")?))
    }

    async fn inquire(&self, sent: &Sent) -> Result<Progress, Failure> {
        let (message, asked) = sent.inquiry(&self.wallet, &self.entropy, now())?;
        let answer = self.send(sent.purchase().offer().url(), &message).await?;
        Ok(sent.answer(&asked, &answer, &self.wallet.trust, now())?)
    }

    async fn send(&self, url: &str, message: &[u8]) -> Result<Vec<u8>, HttpError> {
        until_answered(url, || self.client.exchange(url, message.to_vec())).await
    }

    fn paid(&self, progress: &Progress, place: Option<Place>) -> Result<Outcome, Failure> {
        if let (Some(place), Some((_, receipt))) = (place, &progress.receipt) {
            place.fill(receipt)?;
        }
        self.teller.paid(progress)
    }
}

/// Sends a message until it is answered: the same message, so that nothing is done twice.
pub(super) async fn until_answered<F>(
    url: &str,
    exchange: impl Fn() -> F,
) -> Result<Vec<u8>, HttpError>
where
    F: Future<Output = Result<Vec<u8>, HttpError>>,
{
    let mut last = HttpError::Late { host: url.to_owned() };
    let sending = async {
        loop {
            match exchange().await {
                Err(error) if error.may_pass() => {
                    tracing::warn!(%error, "sending the message again");
                    last = error;
                    sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    };
    let sent = timeout(PATIENCE, sending).await;
    sent.unwrap_or(Err(last))
}

/// Tells the person, or the script, what happens.
struct Teller {
    json: bool,
}

impl Teller {
    fn offer(&self, offer: &Offer) -> Result<(), Failure> {
        let amount = offer.amount()?;
        let (value, currency) = (amount.to_decimal(), amount.currency());
        if self.json {
            return line(&json!({
                "event": "offer", "merchant": offer.merchant_name(),
                "amount": { "value": value, "currency": currency.code() },
                "description": offer.description(),
            }));
        }
        line(&format_args!(
            "{value} {} to {}\n{}",
            currency.code(),
            offer.merchant_name(),
            offer.description()
        ))
    }

    /// The few characters that the message to the phone must show, too (W12).
    fn reference(&self, purchase: &Purchase) -> Result<(), Failure> {
        let reference = purchase.reference()?;
        if self.json {
            return line(&json!({ "event": "reference", "reference": reference.as_str() }));
        }
        line(&format_args!(
            "Reference {}: the message to your phone must show it, too.",
            reference.as_str()
        ))
    }

    fn is_agreed(&self) -> Result<bool, Failure> {
        self.ask("Pay? [y/N] ")?;
        Ok(typed()?.is_some_and(|answer| matches!(answer.as_str(), "y" | "Y" | "yes")))
    }

    /// The code that the person types; none when the person gives up.
    fn code(&self, start: &CodeStart, progress: &Progress) -> Result<Option<TypedCode>, Failure> {
        let mut wrong = progress.auth_code == Some(AuthCode::CodeWrong);
        loop {
            let left = progress.attempts_left;
            if self.json {
                line(&json!({
                    "event": if wrong { "code_wrong" } else { "code_asked" },
                    "phone": start.phone, "digits": start.digits, "attempts_left": left,
                    "pin": start.asks_pin,
                }))?;
            } else if wrong {
                let what = if start.asks_pin {
                    "Code or PIN is not right."
                } else {
                    "This is not the code."
                };
                line(&what)?;
            }
            self.ask(&format!("Code ({} digits) sent to the card's phone: ", start.digits))?;
            let Some(typed) = typed()? else { return Ok(None) };
            // What cannot be a code costs no attempt.
            match TypedCode::try_from(typed) {
                Ok(code) if start.can_be(&code) => return Ok(Some(code)),
                Ok(_) | Err(_) => wrong = true,
            }
        }
    }

    fn paid(&self, progress: &Progress) -> Result<Outcome, Failure> {
        let captured = matches!(progress.completion, CompletionCode::CapturePerformed);
        if self.json {
            line(&json!({ "event": "paid", "captured": captured }))?;
        } else {
            line(&if captured { "Paid." } else { "Authorized: the merchant debits it later." })?;
        }
        Ok(Outcome::Done)
    }

    fn not_paid(&self, progress: &Progress) -> Result<Outcome, Failure> {
        let cause = progress.auth_code.map_or_else(|| progress.completion.name(), AuthCode::name);
        if self.json {
            line(&json!({ "event": "not_paid", "cause": cause }))?;
        } else {
            line(&format_args!("Not paid: {cause}."))?;
        }
        Ok(Outcome::NotPaid)
    }

    fn called_off(&self) -> Result<Outcome, Failure> {
        if self.json {
            line(&json!({ "event": "not_paid", "cause": "calledOff" }))?;
        } else {
            line(&"Not paid: called off.")?;
        }
        Ok(Outcome::NotPaid)
    }

    /// A question stands beside what a script reads.
    fn ask(&self, question: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { ask(question) }
    }
}

/// A question to the person at the terminal.
pub(super) fn ask(question: &str) -> Result<(), Failure> {
    let mut terminal = io::stderr();
    write!(terminal, "{question}")?;
    Ok(terminal.flush()?)
}

/// The code in what was typed; what cannot be one costs no attempt.
pub(super) fn code_in(typed: &str, digits: u8) -> Option<String> {
    let code = TypedCode::try_from(typed).ok()?;
    (code.expose().len() == usize::from(digits)).then(|| code.expose().to_owned())
}

/// A line for the person or the script, at once.
pub(super) fn line(text: &dyn std::fmt::Display) -> Result<(), Failure> {
    let mut out = io::stdout();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// What is typed, or that nothing is.
pub(super) fn typed() -> Result<Option<String>, Failure> {
    let mut text = String::new();
    io::stdin().lock().read_line(&mut text)?;
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

pub(super) fn now() -> Timestamp {
    SystemClock::default().now()
}

//! The cardholder's program as a server: a wallet, its purchases in the store, and a page (page.rs) instead of a command line.
//!
//! ```text
//!   offer   address of an order -> wake-up kept
//!   pay     password            -> PInitReq, PInitRes; PReq kept, then sent -> PRes
//!   type    code                -> CodeForwardReq                          -> PRes
//!   pay     password, again     -> PReq once more, or InqReq               -> PRes
//! ```
//!
//! Nothing of the wallet that its password guards is kept anywhere: the password opens it for one step.

mod page;
mod record;

use countersign_certs::TrustAnchors;
use countersign_domain::{
    amount::Amount,
    code::TypedCode,
    error::Error,
    invalid::InvalidInput,
    keys::SealedSecret,
    pin::TypedPin,
    ports::Ports,
    record::{Batch, StoreError, Versioned},
    reseal::Kind,
    time::Timestamp,
};
use countersign_web::step::StepLost;
use thiserror::Error as ThisError;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

pub use page::cardholder_routes;
pub use record::{HeldId, Outcome};

use crate::{
    cardholder::{Asked, KeptSent, Offer, Progress, Sent, Typed, Wallet, WalletError},
    link::{HttpClient, HttpError},
    message::{authorization::AuthCode, purchase::CompletionCode},
    record::Bytes,
    wallet_file::{WalletFile, WalletFileError},
};
pub(crate) use record::Held;
use record::{CodeAsked, Question, Step};

/// A cardholder's program. Holds no state of its own.
pub struct CardholderServer {
    /// Store, time, randomness and keys.
    ports: Ports,
    /// The wallet, locked.
    file: WalletFile,
    trust: TrustAnchors,
    /// The way to merchants.
    client: HttpClient,
    /// Deriving a key from a password is work on purpose: one at a time.
    opening: Semaphore,
}

/// Why a step was not done.
#[derive(Debug, ThisError, PartialEq)]
pub enum CardholderError {
    /// It failed on this side.
    #[error(transparent)]
    Failed(#[from] Error),
    /// The step did not come to its end.
    #[error(transparent)]
    Lost(#[from] StepLost),
    /// A value breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// The other side cannot be reached, or does not answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// What the other side sent is refused.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The wallet does not open.
    #[error(transparent)]
    File(#[from] WalletFileError),
    /// The gateway says that the code is wrong.
    #[error("the code is wrong")]
    WrongCode,
}

impl From<StoreError> for CardholderError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// A purchase, to be shown.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) amount: Amount,
    pub(crate) merchant: String,
    pub(crate) goods: String,
    /// What the message to the phone must say, too (W12); known once the merchant has named the purchase.
    pub(crate) reference: Option<String>,
    pub(crate) step: Step,
    pub(crate) now: Timestamp,
}

impl CardholderServer {
    /// A program for that wallet.
    ///
    /// # Errors
    /// When the wallet trusts no authority yet.
    pub fn new(
        ports: Ports,
        file: WalletFile,
        client: HttpClient,
    ) -> Result<Self, WalletFileError> {
        let trust = file.anchors()?;
        Ok(Self { ports, file, trust, client, opening: Semaphore::new(1) })
    }

    fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Looks at what is offered there, and keeps it (F11.2). Nothing is agreed to yet.
    pub(crate) async fn offer(&self, order_url: &str) -> Result<HeldId, CardholderError> {
        let (wake_up, now) = (self.client.wake_up(order_url).await?, self.now());
        Offer::read(&wake_up, &self.trust, now)?;
        let id = HeldId::made_at(now, self.ports.entropy.as_ref()).map_err(Error::from)?;
        let held = Held::offered(id, wake_up, now);
        let mut batch = Batch::default();
        batch.insert(&held)?;
        self.ports.store.commit(batch).await?;
        Ok(held.id)
    }

    /// How a purchase stands.
    pub(crate) async fn look(&self, id: &HeldId) -> Result<Seen, CardholderError> {
        let held = self.ports.store.expect::<Held>(id.as_str()).await?.value;
        let offer = self.offered(&held)?;
        Ok(Seen {
            amount: offer.amount()?,
            merchant: offer.merchant_name().to_owned(),
            goods: offer.description().to_owned(),
            reference: held.reference,
            step: held.step,
            now: self.now(),
        })
    }

    /// Opens the wallet (F11.7). A purchase that was offered is named and sent; of one that was sent it is found out how it
    /// stands; another stays as it is.
    pub(crate) async fn pay(&self, id: &HeldId, password: String) -> Result<(), CardholderError> {
        let found = self.ports.store.expect::<Held>(id.as_str()).await?;
        let wallet = self.open(password).await?;
        let sent = match &found.value.step {
            Step::Offered => self.signed(found, &wallet).await?,
            Step::UnderWay { .. } => Some(found),
            Step::CodeAsked(_) | Step::Over(..) => None,
        };
        match sent {
            Some(found) => self.ask(found, &wallet).await,
            // Another request was faster, or it is past that.
            None => Ok(()),
        }
    }

    /// Has the purchase named (F11.3), and signs it (F11.4). It is kept before it is sent: whatever happens then, it is sent
    /// once, or again as it is.
    async fn signed(
        &self,
        mut found: Versioned<Held>,
        wallet: &Wallet,
    ) -> Result<Option<Versioned<Held>>, CardholderError> {
        let (offer, entropy) = (self.offered(&found.value)?, self.ports.entropy.as_ref());
        let url = offer.url().to_owned();
        let (message, begun) = offer.begin(wallet, entropy, self.now())?;
        let answer = self.client.exchange(&url, message).await?;
        let purchase = begun.accept(&answer, wallet, self.now())?;
        found.value.reference = Some(purchase.reference()?.as_str().to_owned());
        let (message, asked, sent) = purchase.request(wallet, entropy, self.now())?;
        let sent = self.sealed(&found.value.id, &sent)?;
        let unanswered = Some(Question::new(&asked, message));
        self.put(found, Step::UnderWay { sent, unanswered }).await
    }

    /// Sends the purchase as it was signed, or asks how it stands once it was answered.
    async fn ask(&self, found: Versioned<Held>, wallet: &Wallet) -> Result<(), CardholderError> {
        let Step::UnderWay { sent: sealed, unanswered } = &found.value.step else { return Ok(()) };
        let sent = self.sent(&found.value, sealed)?;
        let (message, asked) = match unanswered {
            Some(question) => (question.message.0.clone(), question.asked()?),
            None => sent.inquiry(wallet, self.ports.entropy.as_ref(), self.now())?,
        };
        let progress = self.exchange(&sent, message, &asked).await?;
        let step = step(progress, sealed.clone(), None);
        self.put(found, step).await.map(drop)
    }

    /// Sends a typed code, encrypted to the gateway, through the merchant (F11.11).
    pub(crate) async fn type_code(
        &self,
        id: &HeldId,
        code: &TypedCode,
        pin: Option<&TypedPin>,
    ) -> Result<(), CardholderError> {
        let found = self.ports.store.expect::<Held>(id.as_str()).await?;
        let Step::CodeAsked(waiting) = &found.value.step else { return Ok(()) };
        // What cannot be the code costs no attempt.
        if code.expose().len() != usize::from(waiting.digits) {
            return Err(CardholderError::WrongCode);
        }
        let sent = self.sent(&found.value, &waiting.sent)?;
        let entropy = self.ports.entropy.as_ref();
        let typed = Typed { code: code.expose(), pin: pin.map(TypedPin::expose) };
        let (message, asked) = sent.code_forward(typed, entropy, self.now())?;
        let progress = self.exchange(&sent, message, &asked).await?;
        let is_wrong = progress.auth_code == Some(AuthCode::CodeWrong);
        let step = step(progress, waiting.sent.clone(), Some(waiting));
        self.put(found, step).await?;
        if is_wrong { Err(CardholderError::WrongCode) } else { Ok(()) }
    }

    async fn exchange(
        &self,
        sent: &Sent,
        message: Vec<u8>,
        asked: &Asked,
    ) -> Result<Progress, CardholderError> {
        let answer = self.client.exchange(sent.purchase().offer().url(), message).await?;
        Ok(sent.answer(asked, &answer, &self.trust, self.now())?)
    }

    /// Keeps the next step. None when another request was faster: then its step is the one.
    async fn put(
        &self,
        mut found: Versioned<Held>,
        step: Step,
    ) -> Result<Option<Versioned<Held>>, CardholderError> {
        found.value.step = step;
        let mut batch = Batch::default();
        batch.replace(&found)?;
        match self.ports.store.commit(batch).await {
            Ok(()) => Ok(Some(Versioned { version: found.version.next(), value: found.value })),
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The offer as it was verified when it came.
    fn offered(&self, held: &Held) -> Result<Offer, CardholderError> {
        Ok(Offer::read(&held.wake_up.0, &self.trust, held.begun_at)?)
    }

    async fn open(&self, password: String) -> Result<Wallet, CardholderError> {
        let lost = |_| CardholderError::Lost(StepLost);
        let _one = self.opening.acquire().await.map_err(|_| CardholderError::Lost(StepLost))?;
        let (file, password) = (self.file.clone(), Zeroizing::new(password));
        let opened = tokio::task::spawn_blocking(move || file.open(&password)).await;
        Ok(opened.map_err(lost)??)
    }

    fn sealed(&self, id: &HeldId, sent: &Sent) -> Result<SealedSecret, CardholderError> {
        let kept = serde_json::to_vec(&KeptSent::of(sent)?);
        let kept = Zeroizing::new(kept.map_err(|_| Error::Sealed)?);
        Ok(self.ports.keys.seal(&kept, id.as_str(), self.ports.entropy.as_ref())?)
    }

    fn sent(&self, held: &Held, sealed: &SealedSecret) -> Result<Sent, CardholderError> {
        let kept = self.ports.keys.open(sealed, held.id.as_str())?;
        let kept: KeptSent = serde_json::from_slice(&kept).map_err(|_| Error::Sealed)?;
        Ok(kept.sent(self.offered(held)?, &self.trust, held.begun_at)?)
    }
}

/// Purchases of a cardholder's program, which keep sealed what was sent, for [`countersign_domain::reseal`].
pub fn sealed() -> Kind {
    Kind::of::<Held>()
}

/// Where a purchase stands after an answer; `waiting` is the code that is waited for already.
fn step(progress: Progress, sent: SealedSecret, waiting: Option<&CodeAsked>) -> Step {
    let left = progress.attempts_left;
    let started = progress.code.map(|start| CodeAsked {
        sent: sent.clone(),
        phone: start.phone,
        digits: start.digits,
        attempts_left: left.unwrap_or(start.attempts_left),
        expires_at: start.expires_at,
        asks_pin: start.asks_pin,
    });
    let asked = started.or_else(|| {
        waiting.map(|waiting| CodeAsked {
            attempts_left: left.unwrap_or(waiting.attempts_left),
            ..waiting.clone()
        })
    });
    match (progress.completion, asked) {
        (CompletionCode::CodeAsked, Some(asked)) => Step::CodeAsked(asked),
        (CompletionCode::CapturePerformed | CompletionCode::AuthorizationPerformed, _) => {
            let receipt = progress.receipt.map(|(_, receipt)| Bytes(receipt));
            Step::Over(Outcome::Paid, receipt)
        }
        (CompletionCode::NotAuthorized, _) => {
            let cause = progress.auth_code.map_or("notAuthorized", AuthCode::name);
            Step::Over(Outcome::NotPaid(cause.to_owned()), None)
        }
        (
            completion @ (CompletionCode::OrderRejected
            | CompletionCode::OrderNotReceived
            | CompletionCode::CreditPerformed
            | CompletionCode::SignatureRequired),
            _,
        ) => Step::Over(Outcome::NotPaid(completion.name().to_owned()), None),
        (CompletionCode::CodeAsked | CompletionCode::OrderReceived, _) => {
            Step::UnderWay { sent, unanswered: None }
        }
    }
}

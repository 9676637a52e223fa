//! The merchant's side (1102): offers, names a purchase, checks the order, and asks the gateway. It has no key that opens
//! a payment.
//!
//! ```text
//!   order (the shop's own)  -> wake-up
//!   PInitReq                -> PInitRes: the purchase has a name
//!   PReq                    -> order.rs: is it the order that was offered? -> AuthReq -> PRes
//!   CodeForwardReq          -> CodeReq with the code                       -> PRes
//!   InqReq                  -> CodeReq without one, if it is not over      -> InqRes
//!   every answer            -> kept under its request and given again byte for byte
//! ```

mod authorization;
mod batch;
mod known_gateway;
mod order;
mod settlement;

pub(crate) use authorization::is_final;
pub use known_gateway::KnownGateway;

use std::sync::Arc;

use async_trait::async_trait;
use countersign_certs::{Certificate, RecipientKey, SigningKey, cms::signed::Signer, sha256};
use countersign_domain::{
    amount::Amount,
    error::Error,
    hex,
    id::RelyingPartyId,
    ports::Ports,
    record::{Batch, Versioned},
    transaction::Payee,
};
use der::Encode as _;
use thiserror::Error as ThisError;

use crate::{
    asn1::{Random, Received, Text},
    cardholder::completion_of,
    message::{
        code::CodeForwardReq,
        common::{CurrencyAmount, MerchantId, OrderText, TransIds, Url},
        failure::{ErrorCode, ErrorMessage, ErrorTbs},
        initiation::{PInitReq, PInitResData, PWakeUpData},
        inquiry::{InqReq, InqReqData},
        purchase::{CompletionCode, PReq, PResData},
        wrapper::{Message, MessageHeader},
    },
    name::{generalized_time, random, unix_time},
    protect::{Merchant, Signed},
    record::{Answered, Order, OrderId, Sale},
    stop::Stop,
    trust::{Trust, to_chain},
    wire::{Failure, unwrap, wrap},
};

/// How often one order may be given a name: enough for lost messages, too few for trying short references (W12).
const MAX_SALES: u8 = 8;
/// How long an order may be paid, in seconds.
const LIFE_SECONDS: u32 = 30 * 60;

/// The way to the gateway.
#[async_trait]
pub trait GatewayLink: Send + Sync {
    /// Sends a message, and gives the answer.
    ///
    /// # Errors
    /// When there is none: whether the message arrived is not known.
    async fn exchange(&self, message: Vec<u8>) -> Result<Vec<u8>, LinkError>;
}

/// The gateway did not answer.
#[derive(Clone, Debug, ThisError, PartialEq)]
#[error("the gateway did not answer: {cause}")]
pub struct LinkError {
    /// What failed.
    pub cause: String,
}

/// A merchant's certificates and keys.
pub struct MerchantKeys {
    /// The certificate of the key that signs.
    pub certificate: Certificate,
    /// Those above it.
    pub above: Vec<Certificate>,
    /// The key that signs.
    pub key: Arc<dyn SigningKey>,
    /// The certificate that answers are encrypted to, and those above it.
    pub exchange: Vec<Certificate>,
    /// The key that opens them.
    pub exchange_key: RecipientKey,
}

/// What a merchant is, and how it sells.
#[derive(Clone, Debug)]
pub struct MerchantSettings {
    /// Its id at the gateway: the common name in its certificates.
    pub id: RelyingPartyId,
    /// The name that people know.
    pub name: Payee,
    /// Where it takes messages.
    pub url: Url,
    /// Whether it takes purchases without a client certificate (2KP, F11.v1).
    pub unsigned: bool,
    /// Whether the amount is debited when it is authorized.
    pub capture_now: bool,
    /// Where the gateway takes a code without the merchant in between.
    pub gateway_url: Url,
}

/// A merchant. Holds no state of its own, but which certificate the gateway has.
pub struct MerchantServer {
    /// Store, time, randomness and keys.
    pub ports: Ports,
    /// Its certificates and keys.
    pub keys: MerchantKeys,
    /// What it is, and how it sells.
    pub settings: MerchantSettings,
    /// The authorities that are trusted.
    pub trust: Trust,
    /// The gateway that it works with.
    pub gateway: KnownGateway,
    /// The way to the gateway.
    pub link: Arc<dyn GatewayLink>,
}

/// What a shop wants to be paid.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// What is to be paid.
    pub amount: Amount,
    /// The goods in words, as the cardholder sees them and the gateway does not.
    pub description: OrderText,
}

impl MerchantServer {
    /// Makes an order that can be paid. The caller's `batch` is committed with it.
    ///
    /// # Errors
    /// When a port fails.
    pub async fn create_order(&self, new: NewOrder, batch: Batch) -> Result<Order, Failure> {
        let id = OrderId::random(self.ports.entropy.as_ref())?;
        self.create_order_as(id, new, batch).await
    }

    /// As [`Self::create_order`], under an id that the caller's `batch` may name.
    pub(crate) async fn create_order_as(
        &self,
        id: OrderId,
        new: NewOrder,
        mut batch: Batch,
    ) -> Result<Order, Failure> {
        let now = self.ports.clock.now();
        new.amount.currency().must_be_payable(now)?;
        let order = Order {
            id,
            amount: new.amount,
            description: new.description.as_str().to_owned(),
            expires_at: now.plus_seconds(LIFE_SECONDS),
            named: 0,
            sale: None,
        };
        batch.insert(&order)?;
        self.ports.store.commit(batch).await?;
        Ok(order)
    }

    /// An order, and the sale that it came to so far.
    ///
    /// # Errors
    /// When there is none, or a port fails.
    pub async fn order(&self, id: &OrderId) -> Result<(Order, Option<Sale>), Failure> {
        let order = self.ports.store.expect::<Order>(id.as_str()).await?.value;
        let sale = match &order.sale {
            Some(sale) => Some(self.ports.store.expect::<Sale>(sale).await?.value),
            None => None,
        };
        Ok((order, sale))
    }

    /// As [`Self::order`]; of a purchase that is not over the gateway is asked, and where it does not answer, the sale
    /// is as it was.
    ///
    /// # Errors
    /// When there is no such order, or a port fails.
    pub async fn inquired(&self, id: &OrderId) -> Result<(Order, Option<Sale>), Failure> {
        let order = self.ports.store.expect::<Order>(id.as_str()).await?.value;
        let Some(sale) = &order.sale else {
            return Ok((order, None));
        };
        let found = self.ports.store.expect::<Sale>(sale).await?.value;
        let before = found.clone();
        let rrpid = Random::from(random(self.ports.entropy.as_ref())?);
        match self.ask(found, &rrpid, None).await {
            Ok(sale) => Ok((order, Some(sale))),
            Err(Stop::Failed(failure)) => Err(failure),
            Err(Stop::Told(_)) => Ok((order, Some(before))),
        }
    }

    /// Where the wake-up of an order is.
    pub fn order_url(&self, id: &OrderId) -> String {
        format!("{}/orders/{id}", self.settings.url.as_str())
    }

    /// The wake-up of an order, signed (F11.2, F11.8).
    ///
    /// # Errors
    /// When there is no such order, or a port fails.
    pub async fn wake_up(&self, id: &OrderId) -> Result<Vec<u8>, Failure> {
        let (order, _) = self.order(id).await?;
        let now = self.ports.clock.now();
        let data = PWakeUpData {
            lid_m: order.lid_m()?,
            order_description: OrderText::try_from(order.description.as_str())?,
            purch_amt: CurrencyAmount::try_from(order.amount)?,
            merchant_id: self.merchant_id()?,
            merchant_name: Text::try_from(self.settings.name.as_str())?,
            set_url: self.settings.url.clone(),
            date: generalized_time(now)?,
        };
        let signed: Signed<_, Merchant> =
            Signed::sign(&Received::new(data)?, &self.signer(), unix_time(now))?;
        Ok(signed.to_der()?)
    }

    /// The answer to a message, whatever it is.
    ///
    /// # Errors
    /// When not even an error can be said: a key or the source of randomness fails.
    pub async fn answer(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let (rrpid, answered) = match unwrap(message) {
            Err(code) => (None, Err(Stop::Told(code))),
            Ok(wrapper) => {
                let header = wrapper.header;
                let answered = match wrapper.message {
                    Message::PInitReq(request) => self.name(&header, &request, message).await,
                    Message::PReq(request) => self.purchase(&header, &request, message).await,
                    Message::CodeForwardReq(request) => self.code(&header, &request, message).await,
                    Message::InqReq(request) => self.inquiry(&header, &request, message).await,
                    Message::PInitRes(_)
                    | Message::PRes(_)
                    | Message::InqRes(_)
                    | Message::AuthReq(_)
                    | Message::AuthRes(_)
                    | Message::AuthRevReq(_)
                    | Message::AuthRevRes(_)
                    | Message::CapReq(_)
                    | Message::CapRes(_)
                    | Message::CapRevReq(_)
                    | Message::CapRevRes(_)
                    | Message::CredReq(_)
                    | Message::CredRes(_)
                    | Message::CredRevReq(_)
                    | Message::CredRevRes(_)
                    | Message::BatchAdminReq(_)
                    | Message::BatchAdminRes(_)
                    | Message::PCertReq(_)
                    | Message::PCertRes(_)
                    | Message::CodeReq(_)
                    | Message::CodeRes(_)
                    | Message::CodeForwardRes(_)
                    | Message::CodeDirectReq(_)
                    | Message::CodeDirectRes(_)
                    | Message::CardCInitReq(_)
                    | Message::CardCInitRes(_)
                    | Message::MeAqCInitReq(_)
                    | Message::MeAqCInitRes(_)
                    | Message::RegFormReq(_)
                    | Message::RegFormRes(_)
                    | Message::CertReq(_)
                    | Message::CertRes(_)
                    | Message::CertInqReq(_)
                    | Message::CertInqRes(_)
                    | Message::Error(_) => Err(Stop::Told(ErrorCode::MessageNotSupported)),
                };
                (Some(header.rrpid), answered)
            }
        };
        match answered {
            Ok(answer) => Ok(answer),
            Err(stop) => self.error(stop.told("merchant"), rrpid),
        }
    }

    /// An error, signed.
    fn error(&self, code: ErrorCode, rrpid: Option<Random>) -> Result<Vec<u8>, Failure> {
        let (entropy, now) = (self.ports.entropy.as_ref(), self.ports.clock.now());
        let nonce = Random::from(random(entropy)?);
        let about = rrpid.clone().unwrap_or_else(|| nonce.clone());
        let tbs = Received::new(ErrorTbs { error_code: code, error_nonce: nonce, rrpid })?;
        let error = ErrorMessage::OfMerchant(Signed::sign(&tbs, &self.signer(), unix_time(now))?);
        Ok(wrap(Message::Error(error), &about, None, now)?)
    }

    /// Names a purchase (F11.2, F11.8).
    async fn name(
        &self,
        header: &MessageHeader,
        request: &PInitReq,
        message: &[u8],
    ) -> Result<Vec<u8>, Stop> {
        let rrpid = &header.rrpid;
        if request.rrpid != *rrpid {
            return Err(Stop::Told(ErrorCode::WrapperMsgMismatch));
        }
        let asked = sha256(message);
        let mut others: u8 = 0;
        loop {
            if let Some(answer) = self.answered(rrpid, &asked).await? {
                return Ok(answer);
            }
            match self.named(request, &asked).await {
                // Another purchase of the same order was given its name at the same time.
                Err(Stop::Failed(Failure::Domain(Error::Contention))) if others < MAX_SALES => {
                    others = others.saturating_add(1);
                }
                named => return named,
            }
        }
    }

    async fn named(&self, request: &PInitReq, asked: &[u8; 32]) -> Result<Vec<u8>, Stop> {
        let rrpid = &request.rrpid;
        let now = self.ports.clock.now();
        let unknown = || Stop::Told(ErrorCode::UnknownLid);
        let order = Order::id_of(&request.lid_m).ok_or_else(unknown)?;
        let found = self.ports.store.find::<Order>(order.as_str()).await?.ok_or_else(unknown)?;
        let Versioned { version, value: mut order } = found;
        if order.named >= MAX_SALES || now >= order.expires_at {
            return Err(unknown());
        }
        order.named = order.named.saturating_add(1);
        let entropy = self.ports.entropy.as_ref();
        let trans_ids = TransIds {
            lid_c: request.lid_c.clone(),
            lid_m: request.lid_m.clone(),
            xid: random(entropy)?.into(),
            p_req_date: generalized_time(now)?,
            language: request.language.clone(),
        };
        let chall_m = Random::from(random(entropy)?);
        let sale = Sale::named(&order, &trans_ids, &chall_m, &request.brand_id)?;
        let data = PInitResData {
            trans_ids,
            rrpid: rrpid.clone(),
            chall_c: request.chall_c.clone(),
            chall_m,
            merchant_id: self.merchant_id()?,
            gateway_url: self.settings.gateway_url.clone(),
            pe_certificates: to_chain(&self.gateway.current())?,
        };
        let xid = data.trans_ids.xid.clone();
        let signed = Signed::sign(&Received::new(data)?, &self.signer(), unix_time(now))?;
        let answer = wrap(Message::PInitRes(signed), rrpid, Some(&xid), now)?;
        let mut batch = Batch::default();
        batch.replace(&Versioned { version, value: order })?;
        batch.insert(&sale)?;
        self.keep(batch, rrpid, asked, answer).await
    }

    /// A purchase (F11.5).
    async fn purchase(
        &self,
        header: &MessageHeader,
        request: &PReq,
        message: &[u8],
    ) -> Result<Vec<u8>, Stop> {
        let rrpid = &header.rrpid;
        let asked = sha256(message);
        if let Some(answer) = self.answered(rrpid, &asked).await? {
            return Ok(answer);
        }
        let oi_data = request.oi_data();
        let bought = match self.ordered(request, header).await? {
            Ok(ordered) => self.begin(ordered, rrpid, &asked).await?,
            Err(completion_code) => Err(completion_code),
        };
        let answer = match bought {
            Ok(sale) => {
                let sale = self.authorize(sale.value).await?;
                self.standing(&sale, rrpid, oi_data.chall_c.clone())?
            }
            Err(completion_code) => PResData {
                trans_ids: oi_data.trans_ids.clone(),
                rrpid: rrpid.clone(),
                chall_c: oi_data.chall_c.clone(),
                completion_code,
                auth_code: None,
                attempts_left: None,
                code_start: None,
                receipt: None,
            },
        };
        self.say(answer, Message::PRes, &asked).await
    }

    /// A code on its way to the gateway (F11.11).
    async fn code(
        &self,
        header: &MessageHeader,
        request: &CodeForwardReq,
        message: &[u8],
    ) -> Result<Vec<u8>, Stop> {
        let rrpid = &header.rrpid;
        if !header.names(&request.rrpid, Some(&request.trans_ids.xid)) {
            return Err(Stop::Told(ErrorCode::WrapperMsgMismatch));
        }
        let asked = sha256(message);
        if let Some(answer) = self.answered(rrpid, &asked).await? {
            return Ok(answer);
        }
        let sale = self.sale(&request.trans_ids).await?;
        let sale = self.ask(sale.value, rrpid, Some(request.code_submission.clone())).await?;
        let answer = self.standing(&sale, rrpid, request.chall_c.clone())?;
        self.say(answer, Message::CodeForwardRes, &asked).await
    }

    /// How a purchase stands; of a signed one only its signer may know.
    async fn inquiry(
        &self,
        header: &MessageHeader,
        request: &InqReq,
        message: &[u8],
    ) -> Result<Vec<u8>, Stop> {
        let rrpid = &header.rrpid;
        let asked = sha256(message);
        if let Some(answer) = self.answered(rrpid, &asked).await? {
            return Ok(answer);
        }
        let (data, signer): (InqReqData, Option<[u8; 32]>) = match request {
            InqReq::Unsigned(data) => (data.clone(), None),
            InqReq::Signed(signed) => {
                let now = unix_time(self.ports.clock.now());
                let not_authentic = |_| Stop::Told(ErrorCode::SignatureFailure);
                let (data, signer) =
                    signed.verify(&self.trust.anchors(), now).map_err(not_authentic)?;
                (data.into_value(), Some(*signer.key_sha256()))
            }
        };
        if !header.names(&data.rrpid, Some(&data.trans_ids.xid)) {
            return Err(Stop::Told(ErrorCode::WrapperMsgMismatch));
        }
        let found = self.sale(&data.trans_ids).await?;
        // Before the purchase there is nothing to be told but that it did not arrive.
        if found.value.bought.is_some() && found.value.signer() != signer {
            return Err(Stop::Told(ErrorCode::SignatureFailure));
        }
        let sale = self.ask(found.value, rrpid, None).await?;
        let answer = self.standing(&sale, rrpid, data.chall_c2)?;
        self.say(answer, Message::InqRes, &asked).await
    }

    /// How a sale stands, for its cardholder.
    fn standing(&self, sale: &Sale, rrpid: &Random, chall_c: Random) -> Result<PResData, Stop> {
        let answer = sale.answer()?;
        let completion_code = match &answer {
            None if sale.bought.is_some() => CompletionCode::OrderReceived,
            None => CompletionCode::OrderNotReceived,
            Some(_) if sale.credited().is_some() => CompletionCode::CreditPerformed,
            Some(answer) => {
                completion_of(answer.auth_code, answer.captured || sale.captured().is_some())
            }
        };
        Ok(PResData {
            trans_ids: sale.trans_ids()?,
            rrpid: rrpid.clone(),
            chall_c,
            completion_code,
            auth_code: answer.as_ref().map(|answer| answer.auth_code),
            attempts_left: answer.as_ref().and_then(|answer| answer.attempts_left),
            code_start: answer.as_ref().and_then(|answer| answer.code_start.clone()),
            receipt: answer.and_then(|answer| answer.receipt),
        })
    }

    /// Signs what is said to a cardholder, and keeps it.
    async fn say(
        &self,
        data: PResData,
        as_message: fn(Signed<PResData, Merchant>) -> Message,
        asked: &[u8; 32],
    ) -> Result<Vec<u8>, Stop> {
        let now = self.ports.clock.now();
        let (rrpid, xid) = (data.rrpid.clone(), data.trans_ids.xid.clone());
        let signed = Signed::sign(&Received::new(data)?, &self.signer(), unix_time(now))?;
        let message = wrap(as_message(signed), &rrpid, Some(&xid), now)?;
        self.keep(Batch::default(), &rrpid, asked, message).await
    }

    /// The sale of that name, if the other names are right, too (SET book 2, the merchant's checks).
    async fn sale(&self, trans_ids: &TransIds) -> Result<Versioned<Sale>, Stop> {
        let id = Sale::id_of(&trans_ids.xid);
        let found = self.ports.store.find::<Sale>(&id).await?;
        let found = found.ok_or(Stop::Told(ErrorCode::UnknownXid))?;
        match found.value.trans_ids()? == *trans_ids {
            true => Ok(found),
            false => Err(Stop::Told(ErrorCode::UnknownLid)),
        }
    }

    async fn answered(&self, rrpid: &Random, asked: &[u8; 32]) -> Result<Option<Vec<u8>>, Stop> {
        let id = request_id(rrpid);
        Answered::find(self.ports.store.as_ref(), &id, asked).await
    }

    /// Keeps an answer under its request before it is given, with what else is to be kept.
    async fn keep(
        &self,
        batch: Batch,
        rrpid: &Random,
        asked: &[u8; 32],
        message: Vec<u8>,
    ) -> Result<Vec<u8>, Stop> {
        let id = request_id(rrpid);
        Answered::keep(&self.ports, batch, id, asked, message).await
    }

    fn merchant_id(&self) -> der::Result<MerchantId> {
        MerchantId::try_from(self.settings.id.as_str())
    }

    fn signer(&self) -> Signer<'_> {
        Signer {
            certificate: &self.keys.certificate,
            key: self.keys.key.as_ref(),
            above: &self.keys.above,
        }
    }
}

/// Under which a request's answer is kept.
fn request_id(rrpid: &Random) -> String {
    format!("merchant:{}", hex::encode(rrpid.as_bytes()))
}

//! What the gateway and the merchant keep: a purchase each, and every answer that was given.

mod batch;

pub(crate) use batch::{BatchEntry, GatewayBatch, Place};
pub use batch::{BatchNumber, BatchRecord};
use countersign_certs::CertificateDer;
use countersign_domain::{
    amount::Amount,
    error::Error,
    hex,
    id::{PaymentId, RelyingPartyId},
    ports::{Ports, Store},
    random_id,
    record::{Batch, StoreError, Stored},
    time::Timestamp,
};
use der::{Decode as _, Encode as _};
use serde::{Deserialize, Serialize};

use crate::{
    asn1::Random,
    message::{
        authorization::{Answer, AuthCode, AuthReqTbs},
        common::{BrandId, LocalId, TransIds},
        failure::ErrorCode,
        purchase::{HodInput, Mode, PiTbs},
        settlement::{SettlementCode, SettlementKind},
    },
    protect::{Digest, Gateway, KeyOf, Merchant},
    stop::Stop,
};

/// Bytes in a record: hexadecimal in its JSON.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl TryFrom<String> for Bytes {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        hex::decode(&text).map(Self).ok_or("is not hexadecimal")
    }
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> Self {
        hex::encode(&bytes.0)
    }
}

/// Thirty-two octets in a record.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Hash(pub(crate) [u8; 32]);

impl TryFrom<String> for Hash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let bytes = hex::decode(&text).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or("is not 64 hexadecimal digits")
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hex::encode(&hash.0)
    }
}

/// An answer that was given: the same request gets it again, byte for byte.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Answered {
    id: String,
    /// What was asked, as it was signed.
    asked: Hash,
    message: Bytes,
    /// When it was given first; none of those that an earlier version kept, and these stay.
    #[serde(default)]
    at: Option<Timestamp>,
}

impl Stored for Answered {
    const COLLECTION: &'static str = "set_answer";

    fn id(&self) -> &str {
        &self.id
    }

    /// The records of what was asked stay, without anybody's data in them: a request that is sent again when its answer is gone is
    /// not carried out again.
    fn final_at(&self) -> Option<Timestamp> {
        self.at
    }
}

impl Answered {
    /// What was answered to that request, if it was asked before. The same request with another content is refused.
    pub(crate) async fn find(
        store: &dyn Store,
        id: &str,
        asked: &[u8; 32],
    ) -> Result<Option<Vec<u8>>, Stop> {
        match store.find::<Self>(id).await? {
            None => Ok(None),
            Some(found) if found.value.asked.0 == *asked => Ok(Some(found.value.message.0)),
            Some(_) => Err(Stop::Told(ErrorCode::UnknownRrpid)),
        }
    }

    /// Keeps an answer under its request, with what else is to be kept, before it is given.
    pub(crate) async fn keep(
        ports: &Ports,
        mut batch: Batch,
        id: String,
        asked: &[u8; 32],
        message: Vec<u8>,
    ) -> Result<Vec<u8>, Stop> {
        let (store, message) = (ports.store.as_ref(), Bytes(message));
        let answered = Self { id, asked: Hash(*asked), message, at: Some(ports.clock.now()) };
        batch.insert(&answered)?;
        match store.commit(batch).await {
            Ok(()) => Ok(answered.message.0),
            // It was answered at the same time: that answer is the one.
            Err(StoreError::Conflict { .. }) => {
                let other = Self::find(store, &answered.id, asked).await?;
                other.ok_or_else(|| Stop::Failed(Error::Contention.into()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A purchase at the gateway: what was checked, and the payment that it became.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct GatewayPurchase {
    id: String,
    trans_ids: Bytes,
    pub(crate) merchant: RelyingPartyId,
    /// The merchant's key: what the cardholder's payment names (W11).
    merchant_key: Hash,
    /// The request that began it, by the name its answer is kept under.
    pub(crate) request: String,
    /// That request, as it was signed.
    asked: Hash,
    pub(crate) payment: PaymentId,
    pi_tbs: Hash,
    hod: Hash,
    gateway: Hash,
    signed: bool,
}

impl Stored for GatewayPurchase {
    const COLLECTION: &'static str = "set_gateway_purchase";

    fn id(&self) -> &str {
        &self.id
    }
}

/// What a purchase at the gateway is made of.
pub(crate) struct NewPurchase<'a> {
    pub(crate) trans_ids: &'a TransIds,
    pub(crate) merchant: RelyingPartyId,
    pub(crate) merchant_key: &'a KeyOf<Merchant>,
    pub(crate) request: String,
    pub(crate) asked: &'a Digest<AuthReqTbs>,
    pub(crate) payment: PaymentId,
    pub(crate) pi_tbs: &'a Digest<PiTbs>,
    pub(crate) hod: &'a Digest<HodInput>,
    pub(crate) gateway: &'a KeyOf<Gateway>,
    pub(crate) mode: Mode,
}

impl GatewayPurchase {
    pub(crate) fn id_of(xid: &Random) -> String {
        hex::encode(xid.as_bytes())
    }

    pub(crate) fn new(new: NewPurchase<'_>) -> der::Result<Self> {
        Ok(Self {
            id: Self::id_of(&new.trans_ids.xid),
            trans_ids: Bytes(new.trans_ids.to_der()?),
            merchant: new.merchant,
            merchant_key: Hash(*new.merchant_key.as_bytes()),
            request: new.request,
            asked: Hash(*new.asked.as_bytes()),
            payment: new.payment,
            pi_tbs: Hash(*new.pi_tbs.as_bytes()),
            hod: Hash(*new.hod.as_bytes()),
            gateway: Hash(*new.gateway.as_bytes()),
            signed: new.mode == Mode::DualSigned,
        })
    }

    pub(crate) fn trans_ids(&self) -> Result<TransIds, StoreError> {
        TransIds::from_der(&self.trans_ids.0).map_err(|_| corrupt(self))
    }

    pub(crate) const fn merchant_key(&self) -> KeyOf<Merchant> {
        KeyOf::new(self.merchant_key.0)
    }

    pub(crate) const fn asked(&self) -> Digest<AuthReqTbs> {
        Digest::from_bytes(self.asked.0)
    }

    pub(crate) const fn pi_tbs(&self) -> Digest<PiTbs> {
        Digest::from_bytes(self.pi_tbs.0)
    }

    pub(crate) const fn hod(&self) -> Digest<HodInput> {
        Digest::from_bytes(self.hod.0)
    }

    pub(crate) const fn gateway(&self) -> KeyOf<Gateway> {
        KeyOf::new(self.gateway.0)
    }

    pub(crate) const fn mode(&self) -> Mode {
        if self.signed { Mode::DualSigned } else { Mode::Unsigned }
    }
}

/// The cardholder's certificates, of a signed purchase: what is revoked meanwhile pays nothing. They name a person, and so are
/// kept beside the purchase, which stays.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct PurchaseSigner {
    payment: PaymentId,
    /// The own first.
    chain: Vec<Bytes>,
    begun_at: Timestamp,
}

impl Stored for PurchaseSigner {
    const COLLECTION: &'static str = "set_signer";

    fn id(&self) -> &str {
        self.payment.as_str()
    }

    /// Whatever is held for its payment is debited or released within days, which are fewer than anything is kept.
    fn final_at(&self) -> Option<Timestamp> {
        Some(self.begun_at)
    }
}

impl PurchaseSigner {
    pub(crate) fn new(
        payment: PaymentId,
        chain: &[CertificateDer<'static>],
        begun_at: Timestamp,
    ) -> Self {
        Self { payment, chain: chain.iter().map(|der| Bytes(der.to_vec())).collect(), begun_at }
    }

    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.iter().map(|der| CertificateDer::from(der.0.clone())).collect()
    }
}

/// The payment that a purchase became at the gateway, if it came to one: `xid` is the purchase's, in hexadecimal.
///
/// # Errors
/// When the store fails or the record cannot be read.
pub async fn payment_of(store: &dyn Store, xid: &str) -> Result<Option<PaymentId>, StoreError> {
    Ok(store.find::<GatewayPurchase>(xid).await?.map(|found| found.value.payment))
}

random_id!(
    /// Names an [`Order`]: in messages as the merchant's local id, which has 20 octets at most, so that there is no room for
    /// its time beside what nobody guesses.
    OrderId, "ord_"
);

/// What a shop wants to be paid, at the merchant.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// What is to be paid.
    pub amount: Amount,
    /// The goods in words.
    pub description: String,
    /// Until when it may be paid.
    pub expires_at: Timestamp,
    /// How often a purchase of it was given a name.
    pub(crate) named: u8,
    /// The purchase that is under way, or paid.
    pub(crate) sale: Option<String>,
}

impl Stored for Order {
    const COLLECTION: &'static str = "set_order";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    /// What was never bought is over with its time. What was is part of the merchant's books.
    fn final_at(&self) -> Option<Timestamp> {
        self.sale.is_none().then_some(self.expires_at)
    }
}

impl Order {
    /// Its name in messages: the octets of its id.
    pub(crate) fn lid_m(&self) -> der::Result<LocalId> {
        let digits = self.id.as_str().trim_start_matches("ord_");
        LocalId::try_from(hex::decode(digits).unwrap_or_default())
    }

    /// The id of the order that a message names.
    pub fn id_of(lid_m: &LocalId) -> Option<OrderId> {
        OrderId::try_from(format!("ord_{}", hex::encode(lid_m.as_bytes()))).ok()
    }
}

random_id!(
    /// Names a [`SettlementRecord`].
    SettlementId, "stl_"
);

/// A capture, a credit or a reversal that a merchant asks for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SettlementRecord {
    /// Its id.
    pub id: SettlementId,
    /// The order whose purchase it is about.
    pub order: OrderId,
    kind: SettlementKind,
    /// How much is asked for.
    pub amount: Amount,
    pub(crate) question: Question,
    /// In which batch it is counted.
    pub(crate) place: Option<Place>,
    code: Option<String>,
}

impl Stored for SettlementRecord {
    const COLLECTION: &'static str = "set_settlement";

    fn id(&self) -> &str {
        self.id.as_str()
    }
}

impl SettlementRecord {
    pub(crate) const fn new(
        id: SettlementId,
        order: OrderId,
        kind: SettlementKind,
        amount: Amount,
        question: Question,
        place: Option<Place>,
    ) -> Self {
        Self { id, order, kind, amount, question, place, code: None }
    }

    /// What it is.
    pub const fn kind(&self) -> SettlementKind {
        self.kind
    }

    /// What the gateway says; nothing yet when there is none.
    pub fn code(&self) -> Option<SettlementCode> {
        self.code.as_deref().and_then(SettlementCode::from_name)
    }

    /// Whether there is a last word.
    pub(crate) fn is_over(&self) -> bool {
        self.code().is_some_and(|code| code != SettlementCode::UnderWay)
    }

    pub(crate) fn answered(self, code: SettlementCode) -> Self {
        Self { code: Some(code.name().to_owned()), ..self }
    }
}

/// A capture or a credit that the gateway has begun for a request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct SettlementBegun {
    id: String,
    /// How many credits of the payment had been asked for before it.
    pub(crate) credits_before: usize,
}

impl Stored for SettlementBegun {
    const COLLECTION: &'static str = "set_settlement_begun";

    fn id(&self) -> &str {
        &self.id
    }
}

impl SettlementBegun {
    pub(crate) const fn new(request_id: String, credits_before: usize) -> Self {
        Self { id: request_id, credits_before }
    }
}

/// A purchase at the merchant: it has a name; once the cardholder buys, what was sent to the gateway, and what it said.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sale {
    id: String,
    pub(crate) order: OrderId,
    trans_ids: Bytes,
    pub(crate) chall_m: Bytes,
    pub(crate) brand: String,
    pub(crate) bought: Option<Bought>,
    /// When the gateway is asked how it stands, if nobody asks before.
    pub(crate) next_at: Option<Timestamp>,
}

/// What the cardholder sent, and what became of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Bought {
    /// The cardholder's request.
    pub(crate) rrpid: Bytes,
    /// That request, as it came.
    pub(crate) asked: Hash,
    /// The cardholder's key, of a signed purchase.
    pub(crate) signer: Option<Hash>,
    /// What is asked of the gateway: sent again as it is until it is answered, and then forgotten, as the cardholder's card, for
    /// the gateway, and certificates are in it.
    pub(crate) authorization: Option<Question>,
    /// The last question about it, and for which request of the cardholder.
    pub(crate) question: Option<(Bytes, Question)>,
    /// What the gateway said last.
    pub(crate) answer: Option<Bytes>,
    /// What was debited by a message of its own.
    pub(crate) captured: Option<Amount>,
    /// What of it was given back.
    pub(crate) credited: Option<Amount>,
    /// Whether the authorization was reversed: it will not be paid.
    pub(crate) is_reversed: bool,
}

/// A message to the gateway. The wrapper around it is made when it is sent: that may be long after.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Question {
    pub(crate) rrpid: Bytes,
    /// What it was signed over: the answer names it.
    pub(crate) digest: Hash,
    pub(crate) message: Bytes,
}

impl Stored for Sale {
    const COLLECTION: &'static str = "set_sale";

    fn id(&self) -> &str {
        &self.id
    }

    fn due_at(&self) -> Option<Timestamp> {
        self.next_at
    }
}

impl Sale {
    pub(crate) fn id_of(xid: &Random) -> String {
        hex::encode(xid.as_bytes())
    }

    /// A purchase that was just named.
    pub(crate) fn named(
        order: &Order,
        trans_ids: &TransIds,
        chall_m: &Random,
        brand: &BrandId,
    ) -> der::Result<Self> {
        Ok(Self {
            id: Self::id_of(&trans_ids.xid),
            order: order.id.clone(),
            trans_ids: Bytes(trans_ids.to_der()?),
            chall_m: Bytes(chall_m.as_bytes().to_vec()),
            brand: brand.as_str().to_owned(),
            bought: None,
            next_at: None,
        })
    }

    pub(crate) fn trans_ids(&self) -> Result<TransIds, StoreError> {
        TransIds::from_der(&self.trans_ids.0).map_err(|_| corrupt(self))
    }

    /// What the gateway said last.
    pub(crate) fn answer(&self) -> Result<Option<Answer>, StoreError> {
        let Some(bought) = &self.bought else { return Ok(None) };
        let Some(der) = &bought.answer else { return Ok(None) };
        let answer = Answer::from_der(&der.0).map_err(|_| corrupt(self))?;
        Ok(Some(match bought.is_reversed {
            false => answer,
            // What was approved is called off, and its receipt is worth nothing.
            true => Answer { auth_code: AuthCode::Cancelled, receipt: None, ..answer },
        }))
    }

    /// What the gateway said last, and whether the amount is debited.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn standing(&self) -> Result<Option<(AuthCode, bool)>, StoreError> {
        let captured = self.captured().is_some();
        let answer = self.answer()?;
        Ok(answer.map(|answer| (answer.auth_code, answer.captured || captured)))
    }

    /// Whether, as far as is known, the bank holds the amount and has not debited it.
    pub(crate) fn is_only_held(&self) -> Result<bool, StoreError> {
        Ok(self.standing()? == Some((AuthCode::Approved, false)))
    }

    /// What was debited by a message of its own.
    pub(crate) fn captured(&self) -> Option<Amount> {
        self.bought.as_ref().and_then(|bought| bought.captured)
    }

    /// What was given back.
    pub(crate) fn credited(&self) -> Option<Amount> {
        self.bought.as_ref().and_then(|bought| bought.credited)
    }

    /// The cardholder's key, of a signed purchase.
    pub(crate) fn signer(&self) -> Option<[u8; 32]> {
        self.bought.as_ref()?.signer.as_ref().map(|signer| signer.0)
    }
}

/// What is kept is not what was written.
pub(crate) fn corrupt<T: Stored>(record: &T) -> StoreError {
    StoreError::Corrupt {
        key: record.key().to_string(),
        cause: "a message in it cannot be read".to_owned(),
    }
}

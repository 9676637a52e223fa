//! What gateway and merchant keep of batches.

use std::fmt;

use countersign_domain::{
    amount::Amount,
    id::RelyingPartyId,
    record::{StoreError, Stored},
    time::Timestamp,
};
use der::{Decode as _, Encode as _};
use serde::{Deserialize, Serialize};

use super::{Bytes, Hash, Question, corrupt};
use crate::{
    asn1::Random,
    message::{
        batch::{BaStatus, BatchId},
        common::TransIds,
        settlement::{SettlementCode, SettlementKind},
    },
    protect::{KeyOf, Merchant},
    tally::Tally,
};

/// A merchant's batch at the gateway.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct GatewayBatch {
    id: String,
    number: i64,
    /// By which key it was opened.
    merchant_key: Hash,
    pub(crate) opened_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
    /// The highest number of an item.
    pub(crate) last: i64,
    pub(crate) tally: Tally,
}

impl Stored for GatewayBatch {
    const COLLECTION: &'static str = "set_gateway_batch";

    fn id(&self) -> &str {
        &self.id
    }
}

impl GatewayBatch {
    pub(crate) fn id_of(merchant: &RelyingPartyId, number: BatchId) -> String {
        format!("{merchant}:{}", number.get())
    }

    pub(crate) fn new(
        merchant: &RelyingPartyId,
        merchant_key: &KeyOf<Merchant>,
        number: BatchId,
        tally: Tally,
        opened_at: Timestamp,
    ) -> Self {
        Self {
            id: Self::id_of(merchant, number),
            number: number.get(),
            merchant_key: Hash(*merchant_key.as_bytes()),
            opened_at,
            closed_at: None,
            last: 0,
            tally,
        }
    }

    pub(crate) const fn number(&self) -> i64 {
        self.number
    }

    pub(crate) const fn merchant_key(&self) -> KeyOf<Merchant> {
        KeyOf::new(self.merchant_key.0)
    }
}

/// An item of a batch at the gateway: inserted with what is counted, so that one number is one item.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct BatchEntry {
    id: String,
    pub(crate) number: i64,
    /// The request, by the name its answer is kept under.
    pub(crate) request: String,
    trans_ids: Bytes,
    rrpid: Bytes,
    kind: SettlementKind,
    pub(crate) amount: Amount,
    code: Option<String>,
}

impl Stored for BatchEntry {
    const COLLECTION: &'static str = "set_batch_entry";

    fn id(&self) -> &str {
        &self.id
    }
}

impl BatchEntry {
    pub(crate) fn id_of(merchant: &RelyingPartyId, batch: i64, number: i64) -> String {
        format!("{merchant}:{batch}:{number}")
    }

    pub(crate) fn new(
        id: String,
        number: i64,
        request: String,
        trans_ids: &TransIds,
        rrpid: &Random,
        kind: SettlementKind,
        amount: Amount,
    ) -> der::Result<Self> {
        let (trans_ids, rrpid) = (Bytes(trans_ids.to_der()?), Bytes(rrpid.as_bytes().to_vec()));
        Ok(Self { id, number, request, trans_ids, rrpid, kind, amount, code: None })
    }

    pub(crate) const fn kind(&self) -> SettlementKind {
        self.kind
    }

    /// What became of it, once that is known.
    pub(crate) fn code(&self) -> Option<SettlementCode> {
        self.code.as_deref().and_then(SettlementCode::from_name)
    }

    pub(crate) fn end(&mut self, code: SettlementCode) {
        self.code = Some(code.name().to_owned());
    }

    pub(crate) fn trans_ids(&self) -> Result<TransIds, StoreError> {
        TransIds::from_der(&self.trans_ids.0).map_err(|_| corrupt(self))
    }

    pub(crate) fn rrpid(&self) -> der::Result<Random> {
        Random::try_from(self.rrpid.0.clone())
    }
}

/// A merchant's own number of a batch.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct BatchNumber(u32);

impl BatchNumber {
    /// As it stands in messages.
    pub(crate) fn to_id(self) -> der::Result<BatchId> {
        i64::from(self.0).try_into()
    }
}

impl TryFrom<u32> for BatchNumber {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, &'static str> {
        let is_one = BatchId::try_from(i64::from(number)).is_ok();
        is_one.then_some(Self(number)).ok_or("is not 1 to 999999999")
    }
}

impl TryFrom<String> for BatchNumber {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::try_from(text.parse::<u32>().unwrap_or(0))
    }
}

impl From<BatchNumber> for u32 {
    fn from(number: BatchNumber) -> Self {
        number.0
    }
}

impl fmt::Display for BatchNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a settlement is counted at the merchant.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Place {
    pub(crate) batch: BatchNumber,
    pub(crate) number: u32,
}

/// A batch at the merchant.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BatchRecord {
    id: String,
    /// The merchant's own number of it.
    pub number: BatchNumber,
    /// The number of its next item.
    pub(crate) next: u32,
    /// What the merchant has counted.
    pub tally: Tally,
    pub(crate) opening: Question,
    opened: Option<String>,
    pub(crate) closing: Option<Question>,
    closed: Option<String>,
}

impl Stored for BatchRecord {
    const COLLECTION: &'static str = "set_batch";

    fn id(&self) -> &str {
        &self.id
    }
}

impl BatchRecord {
    pub(crate) fn id_of(merchant: &RelyingPartyId, number: BatchNumber) -> String {
        format!("{merchant}:{number}")
    }

    pub(crate) fn new(
        merchant: &RelyingPartyId,
        number: BatchNumber,
        tally: Tally,
        opening: Question,
    ) -> Self {
        let id = Self::id_of(merchant, number);
        Self { id, number, next: 1, tally, opening, opened: None, closing: None, closed: None }
    }

    /// What the gateway says to its opening; nothing yet when there is none.
    pub fn opened(&self) -> Option<BaStatus> {
        self.opened.as_deref().and_then(BaStatus::from_name)
    }

    /// What the gateway says to its being closed; nothing yet when there is none.
    pub fn closed(&self) -> Option<BaStatus> {
        self.closed.as_deref().and_then(BaStatus::from_name)
    }

    /// Whether items may be counted in it.
    pub fn is_open(&self) -> bool {
        self.opened() == Some(BaStatus::Success)
            && match self.closed() {
                Some(status) => status != BaStatus::Success,
                None => self.closing.is_none(),
            }
    }

    pub(crate) fn answered(&mut self, is_closing: bool, status: BaStatus) {
        let said = Some(status.name().to_owned());
        if is_closing { self.closed = said } else { self.opened = said }
    }

    pub(crate) fn close(&mut self, question: Question) {
        (self.closing, self.closed) = (Some(question), None);
    }
}

//! What the merchant does with an authorization: capture all or a part, release it, give some back, undo that. Each is a record with
//! its question to the gateway, kept before it is sent, and sent again as it is until it is answered.

use super::{MerchantServer, authorization::question};
use crate::{
    asn1::Received,
    message::{
        authorization::AuthTags,
        batch::BatchItem,
        common::CurrencyAmount,
        settlement::{
            AuthRevReqTbs, CapReqTbs, CapRevReqTbs, CredReqTbs, CredRevReqTbs, Settled, Settlement,
            SettlementCode, SettlementKind,
        },
    },
    record::{
        BatchNumber, BatchRecord, Order, OrderId, Place, Question, Sale, SettlementId,
        SettlementRecord,
    },
    trust::to_chain,
    wire::{Failure, unwrap},
};
use countersign_domain::{
    amount::Amount,
    error::Error,
    invalid::{Field, InvalidInput},
    record::{Batch, Stored as _, Versioned},
};

/// How many items a batch can have.
const MAX_ITEMS: u32 = 9_999;

impl MerchantServer {
    /// Asks for a capture, a credit or a reversal of an order's purchase: of all of it when there is no amount. It is counted
    /// in a batch if one is named. The caller's `batch`, such as the answer to an idempotency key, is committed together with
    /// the question.
    ///
    /// # Errors
    /// [`Error::NotNow`] when nothing was bought or the batch is not open, and when a port fails. What the gateway says is no error: see
    /// [`SettlementRecord::code`].
    pub async fn settle(
        &self,
        id: SettlementId,
        order: &OrderId,
        kind: SettlementKind,
        amount: Option<Amount>,
        counted_in: Option<BatchNumber>,
        batch: Batch,
    ) -> Result<SettlementRecord, Failure> {
        let (order, sale) = self.order(order).await?;
        let not_now = || Error::NotNow {
            collection: Order::COLLECTION,
            id: order.id.to_string(),
            state: "not bought",
        };
        let sale = sale.filter(|sale| sale.bought.is_some()).ok_or_else(not_now)?;
        let amount = amount.unwrap_or(order.amount);
        let Some(number) = counted_in else {
            let question = self.ask_for(kind, &sale, amount, None)?;
            let record = SettlementRecord::new(id, order.id, kind, amount, question, None);
            let mut batch = batch;
            batch.insert(&record)?;
            self.ports.store.commit(batch).await?;
            return self.settlement(&record.id).await;
        };
        if kind.direction().is_none() {
            return Err(
                InvalidInput::new(Field::Batch, "counts no reversal of an authorization").into()
            );
        }
        let count = |found: &mut BatchRecord| {
            let place = next_place(found)?;
            let question = self.ask_for(kind, &sale, amount, Some(place))?;
            let (id, order) = (id.clone(), order.id.clone());
            let record = SettlementRecord::new(id, order, kind, amount, question, Some(place));
            let mut batch = batch.clone();
            batch.insert(&record)?;
            Ok(batch)
        };
        self.change_batch(number, count).await?;
        self.settlement(&id).await
    }

    /// The question, to be kept before it is sent.
    fn ask_for(
        &self,
        kind: SettlementKind,
        sale: &Sale,
        amount: Amount,
        place: Option<Place>,
    ) -> Result<Question, Failure> {
        match kind {
            SettlementKind::AuthReversal => self.request::<AuthRevReqTbs>(sale, amount, place),
            SettlementKind::Capture => self.request::<CapReqTbs>(sale, amount, place),
            SettlementKind::CaptureReversal => self.request::<CapRevReqTbs>(sale, amount, place),
            SettlementKind::Credit => self.request::<CredReqTbs>(sale, amount, place),
            SettlementKind::CreditReversal => self.request::<CredRevReqTbs>(sale, amount, place),
        }
    }

    /// A capture, a reversal or a credit; the gateway is asked again if it has not answered yet.
    ///
    /// # Errors
    /// When there is none, or a port fails.
    pub async fn settlement(&self, id: &SettlementId) -> Result<SettlementRecord, Failure> {
        let found = self.ports.store.expect::<SettlementRecord>(id.as_str()).await?;
        if found.value.is_over() {
            return Ok(found.value);
        }
        let (_, sale) = self.order(&found.value.order).await?;
        let Some(sale) = sale else { return Ok(found.value) };
        let answered = match self.send(&found.value.question, Some(&sale.trans_ids()?.xid)).await? {
            Ok(answered) => answered,
            Err(error) => {
                tracing::warn!(settlement = %id, %error, "asking the gateway again later");
                return Ok(found.value);
            }
        };
        let settled = match found.value.kind() {
            SettlementKind::AuthReversal => {
                self.settled::<AuthRevReqTbs>(&answered, &found.value, &sale)
            }
            SettlementKind::Capture => self.settled::<CapReqTbs>(&answered, &found.value, &sale),
            SettlementKind::CaptureReversal => {
                self.settled::<CapRevReqTbs>(&answered, &found.value, &sale)
            }
            SettlementKind::Credit => self.settled::<CredReqTbs>(&answered, &found.value, &sale),
            SettlementKind::CreditReversal => {
                self.settled::<CredRevReqTbs>(&answered, &found.value, &sale)
            }
        };
        match settled? {
            Ok(settled) => self.keep_settled(found, settled).await,
            Err(why) => {
                tracing::error!(settlement = %id, why, "the gateway's answer is not accepted");
                Ok(found.value)
            }
        }
    }

    /// Keeps what the gateway says, with what it means to the sale.
    async fn keep_settled(
        &self,
        found: Versioned<SettlementRecord>,
        settled: Settled,
    ) -> Result<SettlementRecord, Failure> {
        let amount =
            |money: &Option<CurrencyAmount>| money.as_ref().map(Amount::try_from).transpose();
        let (captured, credited) = (amount(&settled.captured_amt)?, amount(&settled.credited_amt)?);
        let is_done = settled.code == SettlementCode::Success;
        let is_reversed = found.value.kind() == SettlementKind::AuthReversal && is_done;
        // What was to be debited may be released: the gateway is asked how the purchase stands.
        let is_in_doubt = found.value.kind() == SettlementKind::Capture && !is_done;
        let now = self.ports.clock.now();
        let change = |found: Versioned<SettlementRecord>| async move {
            let mut batch = Batch::default();
            // Another request has asked at the same time: it is kept, and counted.
            if found.value.is_over() {
                return Ok((batch, found.value));
            }
            let order = self.ports.store.expect::<Order>(found.value.order.as_str()).await?;
            if let Some(sale) = &order.value.sale {
                let mut sale = self.ports.store.expect::<Sale>(sale).await?;
                if let Some(bought) = &mut sale.value.bought {
                    (bought.captured, bought.credited) = (captured, credited);
                    bought.is_reversed |= is_reversed;
                    if is_in_doubt {
                        sale.value.next_at = Some(now);
                    }
                    batch.replace(&sale)?;
                }
            }
            let value = found.value.answered(settled.code);
            if let (Some(place), true) = (value.place, value.is_over()) {
                let counted = BatchRecord::id_of(&self.settings.id, place.batch);
                let mut counted = self.ports.store.expect::<BatchRecord>(&counted).await?;
                let tally = counted.value.tally;
                counted.value.tally = tally.ended(value.kind(), value.amount, settled.code);
                batch.replace(&counted)?;
            }
            let next = Versioned { version: found.version, value };
            batch.replace(&next)?;
            Ok((batch, next.value))
        };
        Ok(self.ports.store.change_found(found, change).await?)
    }

    fn request<T: Settlement>(
        &self,
        sale: &Sale,
        amount: Amount,
        place: Option<Place>,
    ) -> Result<Question, Failure> {
        let (auth_rr_tags, own) = self.tags()?;
        let auth_tags = AuthTags { auth_rr_tags, trans_ids: sale.trans_ids()? };
        let req_amt = CurrencyAmount::try_from(amount)?;
        let tbs = T::new(auth_tags, req_amt, to_chain(&self.keys.exchange)?);
        let tbs = match place {
            Some(Place { batch, number }) => tbs.counted(BatchItem {
                batch_id: batch.to_id()?,
                batch_sequence_num: i64::from(number).try_into()?,
            }),
            None => tbs,
        };
        let tbs = Received::new(tbs)?;
        let message = T::request_message(self.sealed(&tbs)?);
        question(&tbs, &message, &own)
    }

    /// What became of a question, if the answer is authentic and to it (W3). The inner error says why it is not accepted.
    fn settled<T: Settlement>(
        &self,
        answered: &[u8],
        record: &SettlementRecord,
        sale: &Sale,
    ) -> Result<Result<Settled, &'static str>, Failure> {
        let now = self.ports.clock.now();
        let message = unwrap(answered).map(|one| one.message);
        let Some(sealed) = message.ok().and_then(T::result_in) else {
            return Ok(Err("it is no answer to this question"));
        };
        let Some((result, signer)) = self.opened(&sealed, now) else {
            return Ok(Err("it is not authentic"));
        };
        let (rr_tags, digest, settled) = T::result_parts(&result);
        let checks = [
            (self.gateway.is_named(&signer), "another gateway has signed it"),
            (rr_tags.rrpid.as_bytes() == record.question.rrpid.0, "it is to another request"),
            (
                rr_tags.merchant_id.as_str() == self.settings.id.as_str(),
                "it is to another merchant",
            ),
            (*digest == record.question.digest.0, "it is to another content"),
            (settled.trans_ids == sale.trans_ids()?, "it is of another purchase"),
            (
                settled.req_amt == CurrencyAmount::try_from(record.amount)?,
                "it is about another amount",
            ),
        ];
        let wrong = checks.into_iter().find_map(|(fits, why)| (!fits).then_some(why));
        Ok(wrong.map_or_else(|| Ok(settled.clone()), Err))
    }
}

/// The next place in a batch; the item is under way from now on.
fn next_place(batch: &mut BatchRecord) -> Result<Place, Error> {
    let number = batch.next;
    if !batch.is_open() || number > MAX_ITEMS {
        return Err(Error::NotNow {
            collection: BatchRecord::COLLECTION,
            id: batch.number.to_string(),
            state: "not open",
        });
    }
    batch.next = number.saturating_add(1);
    batch.tally = batch.tally.with_item();
    Ok(Place { batch: batch.number, number })
}

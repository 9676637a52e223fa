//! Batches: what a merchant has counted, counted here, too, in the same commit as the deed, and compared when it asks.

use countersign_domain::{
    error::Error,
    record::{Batch, Stored as _, Versioned},
};

use super::{
    PaymentGateway,
    envelope::{Asking, Caller, authentic},
    settlement::Wanted,
};
use crate::{
    asn1::{List, Received},
    message::{
        batch::{
            BaStatus, BatchAdminReq, BatchAdminReqData, BatchAdminResData, BatchId, BatchItem,
            BatchOperation, BatchStatus, ReturnTransactionDetail, TransDetails, TransactionDetail,
        },
        common::CurrencyAmount,
        settlement::SettlementCode,
        wrapper::{Message, MessageHeader},
    },
    name::generalized_time,
    protect::Digest,
    record::{Answered, BatchEntry, GatewayBatch},
    stop::Stop,
    tally::Tally,
    wire::{Failure, wrap},
};

/// How often an answer is made again because the batch has changed meanwhile.
const MAX_TRIES: usize = 16;
/// How many numbers of a batch are looked at for one answer: numbers may be left out.
const MAX_LOOKED_AT: i64 = 256;

/// Whether a conflict was about a batch.
pub(super) fn is_of_a_batch(key: &str) -> bool {
    key.strip_prefix(GatewayBatch::COLLECTION).is_some_and(|rest| rest.starts_with(' '))
}

impl PaymentGateway {
    /// Opens or closes a batch, or says how it stands.
    pub(super) async fn administer(
        &self,
        header: &MessageHeader,
        request: &BatchAdminReq,
    ) -> Result<Vec<u8>, Stop> {
        let (tbs, caller) = authentic(self, request, header, |tbs: &BatchAdminReqData| Asking {
            rr_tags: &tbs.rr_tags,
            xid: None,
            chain: &tbs.me_certificates,
        })?;
        let asked = Digest::of(&tbs)?;
        let answer = || async {
            let mut batch = Batch::default();
            let (ba_status, found) = self.administered(&tbs, &caller, &mut batch).await?;
            let trans_details = match (&found, &tbs.return_transaction_detail) {
                (Some(found), Some(wanted)) => Some(self.details(&caller, found, wanted).await?),
                _ => None,
            };
            let result = BatchAdminResData {
                rr_tags: tbs.rr_tags.clone(),
                h_batch_admin_req: asked.clone(),
                batch_id: tbs.batch_id,
                ba_status,
                batch_status: found.as_ref().map(status_of).transpose()?,
                trans_details,
            };
            let message = Message::BatchAdminRes(self.sealed(result, &caller)?);
            Ok((batch, wrap(message, &header.rrpid, None, self.ports.clock.now())?))
        };
        self.keep_with(&caller.request_id(&header.rrpid), asked.as_bytes(), answer).await
    }

    /// What is said to the request, and the batch after it; what changes is put into `batch`.
    async fn administered(
        &self,
        tbs: &Received<BatchAdminReqData>,
        caller: &Caller,
        batch: &mut Batch,
    ) -> Result<(BaStatus, Option<GatewayBatch>), Stop> {
        let now = self.ports.clock.now();
        let is_opening = tbs.batch_operation == Some(BatchOperation::Open);
        let id = GatewayBatch::id_of(&caller.merchant, tbs.batch_id);
        let found = self.ports.store.find::<GatewayBatch>(&id).await?;
        let is_own = |batch: &GatewayBatch| self.acts_for(&batch.merchant_key(), caller);
        let Some(mut found) = found else {
            if !is_opening {
                return Ok((BaStatus::UnknownBatchId, None));
            }
            let Some(tally) = tbs.batch_totals.as_ref().and_then(Tally::of_opening) else {
                return Ok((BaStatus::TotalsOutOfBalance, None));
            };
            let opened = GatewayBatch::new(&caller.merchant, &caller.key, tbs.batch_id, tally, now);
            batch.insert(&opened)?;
            return Ok((BaStatus::Success, Some(opened)));
        };
        // A namesake's batch is none of this one's business (W11).
        match is_own(&found.value) {
            true => {}
            false if is_opening => return Ok((BaStatus::BatchIdUnavailable, None)),
            false => return Ok((BaStatus::UnknownBatchId, None)),
        }
        let (is_closed, counted) = (found.value.closed_at.is_some(), found.value.tally.totals()?);
        let fits = match &tbs.batch_totals {
            Some(totals) => *totals == counted,
            None => tbs.batch_operation.is_none(),
        };
        let status = match tbs.batch_operation {
            Some(BatchOperation::Open) if is_closed => BaStatus::BatchIdUnavailable,
            Some(BatchOperation::Open) => BaStatus::BatchAlreadyOpen,
            Some(BatchOperation::Close) if is_closed => BaStatus::BatchClosed,
            Some(BatchOperation::Close) if found.value.tally.under_way > 0 => {
                BaStatus::ItemsUnderWay
            }
            _ if !fits => BaStatus::TotalsOutOfBalance,
            Some(BatchOperation::Close) => {
                found.value.closed_at = Some(now);
                batch.replace(&found)?;
                BaStatus::Success
            }
            None => BaStatus::Success,
        };
        Ok((status, Some(found.value)))
    }

    /// A merchant's batch: one that was opened by its key, or by one before it (decision 28).
    async fn batch_of(
        &self,
        caller: &Caller,
        number: BatchId,
    ) -> Result<Option<Versioned<GatewayBatch>>, Stop> {
        let id = GatewayBatch::id_of(&caller.merchant, number);
        let found = self.ports.store.find::<GatewayBatch>(&id).await?;
        Ok(found.filter(|found| self.acts_for(&found.value.merchant_key(), caller)))
    }

    /// The items from a number on.
    async fn details(
        &self,
        caller: &Caller,
        batch: &GatewayBatch,
        wanted: &ReturnTransactionDetail,
    ) -> Result<TransDetails, Stop> {
        let (mut items, mut number) = (Vec::new(), wanted.starting_point.get());
        let most = usize::try_from(wanted.maximum_items.get()).unwrap_or(0);
        let end = number.saturating_add(MAX_LOOKED_AT);
        while number <= batch.last && number < end && items.len() < most {
            let id = BatchEntry::id_of(&caller.merchant, batch.number(), number);
            if let Some(entry) = self.ports.store.find::<BatchEntry>(&id).await? {
                items.push(detail_of(&entry.value)?);
            }
            number = number.saturating_add(1);
        }
        let next = (number <= batch.last).then_some(number);
        Ok(TransDetails {
            transaction_detail_seq: List::try_from(items)?,
            next_starting_point: next.map(TryInto::try_into).transpose()?,
        })
    }

    /// Counts an item in, if it may be: in its order of checks, each with its code. What changes is put into `batch`, to be
    /// committed with the deed.
    pub(super) async fn join(
        &self,
        wanted: &Wanted<'_>,
        item: &BatchItem,
        batch: &mut Batch,
    ) -> Result<Result<(), SettlementCode>, Stop> {
        let (merchant, number) = (&wanted.caller.merchant, item.batch_sequence_num.get());
        let Some(mut found) = self.batch_of(wanted.caller, item.batch_id).await? else {
            return Ok(Err(SettlementCode::BatchUnknown));
        };
        if found.value.closed_at.is_some() {
            return Ok(Err(SettlementCode::BatchClosed));
        }
        let id = BatchEntry::id_of(merchant, item.batch_id.get(), number);
        if self.ports.store.find::<BatchEntry>(&id).await?.is_some() {
            return Ok(Err(SettlementCode::SequenceNumUsed));
        }
        if wanted.amount.currency() != found.value.tally.currency {
            return Ok(Err(SettlementCode::AmountError));
        }
        let (rrpid, request) = (wanted.rrpid, wanted.caller.request_id(wanted.rrpid));
        let trans_ids = wanted.purchase.trans_ids()?;
        let (kind, amount) = (wanted.kind, wanted.amount);
        batch.insert(&BatchEntry::new(id, number, request, &trans_ids, rrpid, kind, amount)?)?;
        found.value.tally = found.value.tally.with_item();
        found.value.last = found.value.last.max(number);
        batch.replace(&found)?;
        Ok(Ok(()))
    }

    /// Counts what became of an item; what changes is put into `batch`, to be committed with the answer that says so.
    pub(super) async fn count(
        &self,
        caller: &Caller,
        item: &BatchItem,
        request_id: &str,
        code: SettlementCode,
        batch: &mut Batch,
    ) -> Result<(), Stop> {
        let (number, sequence) = (item.batch_id.get(), item.batch_sequence_num.get());
        let id = BatchEntry::id_of(&caller.merchant, number, sequence);
        let Some(mut entry) = self.ports.store.find::<BatchEntry>(&id).await? else {
            return Ok(());
        };
        // What was refused before it was begun is no item.
        if entry.value.request != request_id || entry.value.code().is_some() {
            return Ok(());
        }
        let Some(mut found) = self.batch_of(caller, item.batch_id).await? else { return Ok(()) };
        found.value.tally = found.value.tally.ended(entry.value.kind(), entry.value.amount, code);
        entry.value.end(code);
        batch.replace(&found)?;
        batch.replace(&entry)?;
        Ok(())
    }

    /// Keeps an answer under its request with what it says is done, unless it was answered before. When something else has
    /// changed the same meanwhile, it is made anew.
    pub(super) async fn keep_with<F>(
        &self,
        request_id: &str,
        asked: &[u8; 32],
        answer: impl Fn() -> F,
    ) -> Result<Vec<u8>, Stop>
    where
        F: Future<Output = Result<(Batch, Vec<u8>), Stop>>,
    {
        for _ in 0..MAX_TRIES {
            if let Some(answer) = self.answered(request_id, asked).await? {
                return Ok(answer);
            }
            let (batch, message) = answer().await?;
            match Answered::keep(&self.ports, batch, request_id.to_owned(), asked, message).await {
                Err(Stop::Failed(Failure::Domain(Error::Contention))) => {}
                kept => return kept,
            }
        }
        Err(Error::Contention.into())
    }
}

/// How a batch stands, in the words of the protocol.
fn status_of(batch: &GatewayBatch) -> der::Result<BatchStatus> {
    Ok(BatchStatus {
        open_date_time: generalized_time(batch.opened_at)?,
        items_under_way: i64::from(batch.tally.under_way).try_into()?,
        batch_totals: batch.tally.totals()?,
        closed_when: batch.closed_at.map(generalized_time).transpose()?,
    })
}

fn detail_of(entry: &BatchEntry) -> Result<TransactionDetail, Stop> {
    let direction = entry.kind().direction();
    Ok(TransactionDetail {
        trans_ids: entry.trans_ids()?,
        rrpid: entry.rrpid()?,
        batch_sequence_num: entry.number.try_into()?,
        transaction_amt: CurrencyAmount::try_from(entry.amount)?,
        transaction_amt_type: direction.ok_or_else(|| crate::record::corrupt(entry))?,
        code: entry.code().unwrap_or(SettlementCode::UnderWay),
    })
}

//! The merchant's batches: opened and closed at the gateway by questions that are kept before they are sent, and compared.

use countersign_domain::{
    amount::Currency,
    error::Error,
    record::{Batch, StoreError, Stored as _, Versioned},
};

use super::{MerchantServer, authorization::question};
use crate::{
    asn1::Received,
    message::{
        batch::{
            BatchAdminReqData, BatchAdminResData, BatchOperation, BatchSequenceNum, MAX_DETAILS,
            ReturnTransactionDetail,
        },
        wrapper::Message,
    },
    record::{BatchNumber, BatchRecord, Question},
    tally::Tally,
    trust::to_chain,
    wire::{Failure, unwrap},
};

/// How often a change is made again because another was made at the same time.
const MAX_TRIES: usize = 64;

impl MerchantServer {
    /// Opens a batch of one currency; one that has that number already is left as it is, and given.
    ///
    /// # Errors
    /// When a port fails. What the gateway says is no error: see [`BatchRecord::opened`].
    pub async fn open_batch(
        &self,
        number: BatchNumber,
        currency: Currency,
    ) -> Result<BatchRecord, Failure> {
        let tally = Tally::none(currency);
        let opening = self.batch_question(number, Some(BatchOperation::Open), tally, None)?;
        let record = BatchRecord::new(&self.settings.id, number, tally, opening);
        let mut batch = Batch::default();
        batch.insert(&record)?;
        match self.ports.store.commit(batch).await {
            Ok(()) | Err(StoreError::Conflict { .. }) => self.batch(number).await,
            Err(error) => Err(error.into()),
        }
    }

    /// A batch as the merchant counts it; the gateway is asked again for what it has not answered yet.
    ///
    /// # Errors
    /// When there is none, or a port fails.
    pub async fn batch(&self, number: BatchNumber) -> Result<BatchRecord, Failure> {
        let id = BatchRecord::id_of(&self.settings.id, number);
        let mut batch = self.ports.store.expect::<BatchRecord>(&id).await?.value;
        if batch.opened().is_none() {
            let question = batch.opening.clone();
            batch = self.said(batch, &question, false).await?;
        }
        if let (Some(question), None) = (batch.closing.clone(), batch.closed()) {
            batch = self.said(batch, &question, true).await?;
        }
        Ok(batch)
    }

    /// Closes a batch with what the merchant has counted. When the gateway has counted something else, it stays open.
    ///
    /// # Errors
    /// [`Error::NotNow`] when it is not open, or of some items there is no last word yet; and when a port fails.
    pub async fn close_batch(&self, number: BatchNumber) -> Result<BatchRecord, Failure> {
        let close = |found: &mut BatchRecord| {
            let not_now = |state| Error::NotNow {
                collection: BatchRecord::COLLECTION,
                id: number.to_string(),
                state,
            };
            if !found.is_open() {
                return Err(not_now("not open").into());
            }
            if found.tally.under_way > 0 {
                return Err(not_now("not at rest: of some items there is no last word yet").into());
            }
            let (operation, tally) = (Some(BatchOperation::Close), found.tally);
            found.close(self.batch_question(number, operation, tally, None)?);
            Ok(Batch::default())
        };
        self.change_batch(number, close).await?;
        self.batch(number).await
    }

    /// Changes a batch, in one commit with what the change gives; on a conflict does so again on what another left.
    pub(super) async fn change_batch(
        &self,
        number: BatchNumber,
        change: impl Fn(&mut BatchRecord) -> Result<Batch, Failure> + Send + Sync,
    ) -> Result<(), Failure> {
        let store = self.ports.store.as_ref();
        let id = BatchRecord::id_of(&self.settings.id, number);
        for _ in 0..MAX_TRIES {
            let mut found = store.expect::<BatchRecord>(&id).await?;
            let mut batch = change(&mut found.value)?;
            batch.replace(&found)?;
            match store.commit(batch).await {
                // The caller's own batch may be out of date, too: then it stays so.
                Err(StoreError::Conflict { key }) if key == found.value.key().to_string() => {}
                committed => return Ok(committed?),
            }
        }
        Err(Failure::Domain(Error::Contention))
    }

    /// What the gateway has counted, with its items from a number on; nothing when it does not answer, or not to this.
    ///
    /// # Errors
    /// When there is no such batch, or a port fails.
    pub async fn counted_by_gateway(
        &self,
        batch: &BatchRecord,
        from: BatchSequenceNum,
    ) -> Result<Option<BatchAdminResData>, Failure> {
        let wanted = ReturnTransactionDetail {
            starting_point: from,
            maximum_items: MAX_DETAILS.try_into()?,
        };
        let question = self.batch_question(batch.number, None, batch.tally, Some(wanted))?;
        self.batch_answer(batch.number, &question).await
    }

    /// Asks, and keeps what the gateway says.
    async fn said(
        &self,
        batch: BatchRecord,
        question: &Question,
        is_closing: bool,
    ) -> Result<BatchRecord, Failure> {
        let Some(answer) = self.batch_answer(batch.number, question).await? else {
            return Ok(batch);
        };
        let keep = |mut found: Versioned<BatchRecord>| async move {
            let mut batch = Batch::default();
            // An answer to an earlier question is no answer to this one.
            let asked =
                if is_closing { found.value.closing.as_ref() } else { Some(&found.value.opening) };
            if asked == Some(question) {
                found.value.answered(is_closing, answer.ba_status);
                batch.replace(&found)?;
            }
            Ok((batch, found.value))
        };
        Ok(self.ports.store.change(batch.id(), keep).await?)
    }

    fn batch_question(
        &self,
        number: BatchNumber,
        batch_operation: Option<BatchOperation>,
        tally: Tally,
        return_transaction_detail: Option<ReturnTransactionDetail>,
    ) -> Result<Question, Failure> {
        let (rr_tags, own) = self.tags()?;
        let tbs = Received::new(BatchAdminReqData {
            rr_tags,
            batch_id: number.to_id()?,
            me_certificates: to_chain(&self.keys.exchange)?,
            batch_operation,
            batch_totals: Some(tally.totals()?),
            return_transaction_detail,
        })?;
        question(&tbs, &Message::BatchAdminReq(self.sealed(&tbs)?), &own)
    }

    /// What the gateway says, if it is authentic and to this question (W3).
    async fn batch_answer(
        &self,
        number: BatchNumber,
        question: &Question,
    ) -> Result<Option<BatchAdminResData>, Failure> {
        let answered = match self.send(question, None).await? {
            Ok(answered) => answered,
            Err(error) => {
                tracing::warn!(batch = %number, %error, "asking the gateway again later");
                return Ok(None);
            }
        };
        let now = self.ports.clock.now();
        let opened = match unwrap(&answered).map(|one| one.message) {
            Ok(Message::BatchAdminRes(sealed)) => self.opened(&sealed, now),
            _ => None,
        };
        let Some((result, signer)) = opened else {
            tracing::error!(batch = %number, "the gateway's answer is no authentic answer to this question");
            return Ok(None);
        };
        let checks = [
            (self.gateway.is_named(&signer), "another gateway has signed it"),
            (result.rr_tags.rrpid.as_bytes() == question.rrpid.0, "it is to another request"),
            (
                result.rr_tags.merchant_id.as_str() == self.settings.id.as_str(),
                "it is to another merchant",
            ),
            (*result.h_batch_admin_req.as_bytes() == question.digest.0, "it is to another content"),
            (result.batch_id == number.to_id()?, "it is of another batch"),
        ];
        match checks.into_iter().find_map(|(fits, why)| (!fits).then_some(why)) {
            None => Ok(Some(result.into_value())),
            Some(why) => {
                tracing::error!(batch = %number, why, "the gateway's answer is not accepted");
                Ok(None)
            }
        }
    }
}

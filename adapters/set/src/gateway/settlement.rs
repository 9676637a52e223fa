//! Reversal, capture, credit and their reversals: each request is carried out once, and its answer kept.

use countersign_domain::{
    amount::Amount,
    error::Error,
    event::Event,
    gateway::Credit,
    payment::{Payment, PaymentState},
    record::{Batch, StoreError, Stored as _},
    settlement::Settlement as Confirmed,
};

use super::{
    PaymentGateway,
    batch::is_of_a_batch,
    envelope::{Asking, Caller, authentic},
};
use crate::{
    asn1::Random,
    message::{
        batch::BatchItem,
        common::CurrencyAmount,
        failure::ErrorCode,
        settlement::{Settled, Settlement, SettlementCode, SettlementKind},
        wrapper::MessageHeader,
    },
    protect::{Digest, Gateway, Merchant, Sealed, Signed},
    record::{GatewayPurchase, SettlementBegun},
    stop::Stop,
    wire::wrap,
};

/// How often a request is begun again because other items were counted in its batch at the same time.
const MAX_TRIES: usize = 16;

/// What a merchant wants done.
pub(super) struct Wanted<'a> {
    pub(super) kind: SettlementKind,
    pub(super) amount: Amount,
    pub(super) item: Option<&'a BatchItem>,
    pub(super) purchase: &'a GatewayPurchase,
    pub(super) caller: &'a Caller,
    pub(super) rrpid: &'a Random,
}

impl PaymentGateway {
    /// Carries a request out, or says what became of it when it came before.
    pub(super) async fn settle<T: Settlement>(
        &self,
        header: &MessageHeader,
        request: &Sealed<Signed<T, Merchant>, Gateway>,
    ) -> Result<Vec<u8>, Stop> {
        let (tbs, caller) = authentic(self, request, header, |tbs: &T| {
            let (auth_tags, _, me_certificates) = tbs.parts();
            Asking::of(auth_tags, me_certificates)
        })?;
        let rrpid = &header.rrpid;
        let asked = Digest::of(&tbs)?;
        let request_id = caller.request_id(rrpid);
        if let Some(answer) = self.answered(&request_id, asked.as_bytes()).await? {
            return Ok(answer);
        }
        let (auth_tags, req_amt, _) = tbs.parts();
        let xid = &auth_tags.trans_ids.xid;
        let purchase = self.purchase_of(&caller, xid).await?;
        if purchase.trans_ids()? != auth_tags.trans_ids {
            return Err(Stop::Told(ErrorCode::UnknownLid));
        }
        let (kind, item) = (T::OPERATION, tbs.item());
        let code = match Amount::try_from(req_amt) {
            Ok(amount) => {
                let (purchase, caller) = (&purchase, &caller);
                self.carry_out(&Wanted { kind, amount, item, purchase, caller, rrpid }).await?
            }
            Err(_) => SettlementCode::AmountError,
        };
        let told = || async {
            let settled = self.settled(&purchase, req_amt, code).await?;
            let result = T::result(auth_tags.auth_rr_tags.clone(), asked.clone(), settled);
            let message = T::result_message(self.sealed(result, &caller)?);
            Ok::<_, Stop>(wrap(message, rrpid, Some(xid), self.ports.clock.now())?)
        };
        // What is under way has no last word yet: the same request is to be answered by it.
        if code == SettlementCode::UnderWay {
            return told().await;
        }
        let last_word = || async {
            let mut batch = Batch::default();
            if let Some(item) = item {
                self.count(&caller, item, &request_id, code, &mut batch).await?;
            }
            Ok((batch, told().await?))
        };
        self.keep_with(&request_id, asked.as_bytes(), last_word).await
    }

    async fn carry_out(&self, wanted: &Wanted<'_>) -> Result<SettlementCode, Stop> {
        for _ in 0..MAX_TRIES {
            if let Some(code) = self.carry_out_once(wanted).await? {
                return Ok(code);
            }
        }
        Ok(SettlementCode::UnderWay)
    }

    /// As it says; gives nothing when other items were counted in the batch at the same time.
    async fn carry_out_once(&self, wanted: &Wanted<'_>) -> Result<Option<SettlementCode>, Stop> {
        let store = self.ports.store.as_ref();
        let request_id = wanted.caller.request_id(wanted.rrpid);
        let payment = self.payment_of(wanted.purchase).await?;
        if let Some(begun) = store.find::<SettlementBegun>(&request_id).await? {
            return self.outcome(wanted.kind, &begun.value, &payment).await.map(Some);
        }
        let facts = store.facts(&payment.key()).await?;
        let before = facts.iter().filter(|fact| is_asked(&fact.event)).count();
        let begun = SettlementBegun::new(request_id, before);
        let mut batch = Batch::default();
        batch.insert(&begun)?;
        if let Some(item) = wanted.item
            && let Err(code) = self.join(wanted, item, &mut batch).await?
        {
            return Ok(Some(code));
        }
        match self.begin_settlement(wanted, &payment, batch).await {
            Ok(Some(code)) => Ok(Some(code)),
            Ok(None) => {
                let payment = self.payments.payment(payment.id()).await?;
                self.outcome(wanted.kind, &begun, &payment).await.map(Some)
            }
            Err(Error::NotNow { .. }) => Ok(Some(SettlementCode::NotNow)),
            Err(Error::Invalid(_)) => Ok(Some(SettlementCode::AmountError)),
            Err(Error::Store(StoreError::Conflict { key })) if is_of_a_batch(&key) => Ok(None),
            // Something else was asked of the purchase at the same time, or this very request.
            Err(Error::Store(StoreError::Conflict { .. })) => Ok(Some(SettlementCode::UnderWay)),
            Err(error) => Err(error.into()),
        }
    }

    /// Has the payment do it, in one commit with what says that it was begun, and with the item. Gives what became of it where
    /// that is known at once.
    async fn begin_settlement(
        &self,
        wanted: &Wanted<'_>,
        payment: &Payment,
        batch: Batch,
    ) -> Result<Option<SettlementCode>, Error> {
        let (id, amount) = (payment.id(), wanted.amount);
        Ok(match (wanted.kind, payment.state()) {
            (SettlementKind::AuthReversal, _) if amount != payment.transaction().amount() => {
                Some(SettlementCode::AmountError)
            }
            (SettlementKind::CaptureReversal, PaymentState::Captured(capture))
                if amount != capture.amount || capture.credited_minor > 0 =>
            {
                Some(SettlementCode::AmountError)
            }
            (SettlementKind::AuthReversal, _) => {
                self.payments.cancel_payment(payment).await?;
                None
            }
            (SettlementKind::Capture, _) => {
                let kept = self.kept_from_capture(wanted.purchase, payment).await?;
                if kept.is_none() {
                    self.payments.capture_payment(id, amount, batch).await?;
                }
                kept
            }
            (SettlementKind::CaptureReversal | SettlementKind::Credit, _) => {
                Some(code_of(&self.payments.credit_payment(id, amount, batch).await?))
            }
            (SettlementKind::CreditReversal, _) => {
                Some(code_of(&self.payments.reverse_credit(id, amount, batch).await?))
            }
        })
    }

    /// What became of a request that was begun.
    async fn outcome(
        &self,
        kind: SettlementKind,
        begun: &SettlementBegun,
        payment: &Payment,
    ) -> Result<SettlementCode, Stop> {
        Ok(match (kind, payment.state()) {
            (
                SettlementKind::AuthReversal,
                PaymentState::Voiding { .. } | PaymentState::Voided { .. },
            ) => SettlementCode::Success,
            (SettlementKind::AuthReversal, _) => SettlementCode::NotNow,
            (SettlementKind::Capture, PaymentState::Capturing { .. }) => SettlementCode::UnderWay,
            (SettlementKind::Capture, state) if state.capture().is_some() => {
                SettlementCode::Success
            }
            (SettlementKind::Capture, _) => SettlementCode::Declined,
            (
                SettlementKind::CaptureReversal
                | SettlementKind::Credit
                | SettlementKind::CreditReversal,
                _,
            ) => self.credited(begun, payment).await?,
        })
    }

    /// Credits and their reversals of one payment follow one another: the one that was asked for as the n-th ended as the n-th.
    async fn credited(
        &self,
        begun: &SettlementBegun,
        payment: &Payment,
    ) -> Result<SettlementCode, Stop> {
        let facts = self.ports.store.facts(&payment.key()).await?;
        let mut ended = facts.iter().filter_map(|fact| match &fact.event {
            Event::PaymentCredited { .. } | Event::CreditReversed { .. } => {
                Some(SettlementCode::Success)
            }
            Event::CreditRefused { .. }
            | Event::CreditReversalRefused { .. }
            | Event::PaymentSettled {
                settlement: Confirmed::NotCredited | Confirmed::CreditNotReversed,
                ..
            } => Some(SettlementCode::Declined),
            _ => None,
        });
        Ok(ended.nth(begun.credits_before).unwrap_or(SettlementCode::UnderWay))
    }

    async fn settled(
        &self,
        purchase: &GatewayPurchase,
        req_amt: &CurrencyAmount,
        code: SettlementCode,
    ) -> Result<Settled, Stop> {
        let payment = self.payment_of(purchase).await?;
        let capture = payment.state().capture();
        let captured = capture.map(|capture| capture.amount);
        // Nothing given back is no amount.
        let credited = capture.and_then(|capture| {
            Amount::new(capture.credited_minor, capture.amount.currency()).ok()
        });
        Ok(Settled {
            trans_ids: purchase.trans_ids()?,
            req_amt: req_amt.clone(),
            code,
            captured_amt: captured.map(CurrencyAmount::try_from).transpose()?,
            credited_amt: credited.map(CurrencyAmount::try_from).transpose()?,
        })
    }
}

const fn is_asked(event: &Event) -> bool {
    matches!(event, Event::CreditAsked { .. } | Event::CreditReversalAsked { .. })
}

/// What is said of a credit, or of its reversal.
const fn code_of(credit: &Credit) -> SettlementCode {
    match credit {
        Credit::Done(_) => SettlementCode::Success,
        Credit::Refused(_) => SettlementCode::Declined,
        Credit::UnderWay(_) => SettlementCode::UnderWay,
    }
}

//! Reversal, capture, credit and their reversals: each request is carried out once, and its answer kept.

use countersign_domain::{
    amount::Amount,
    error::Error,
    event::Event,
    gateway::Credit,
    payment::{Payment, PaymentState},
    record::{Batch, RecordKey, StoreError, Stored as _},
};

use super::{PaymentGateway, envelope::authentic};
use crate::{
    message::{
        common::CurrencyAmount,
        failure::ErrorCode,
        settlement::{Settled, Settlement, SettlementCode, SettlementKind},
        wrapper::MessageHeader,
    },
    protect::{Digest, Gateway, Merchant, Sealed, Signed},
    record::{GatewayPurchase, SettlementBegun},
    stop::Stop,
};

impl PaymentGateway {
    /// Carries a request out, or says what became of it when it came before.
    pub(super) async fn settle<T: Settlement>(
        &self,
        header: &MessageHeader,
        request: &Sealed<Signed<T, Merchant>, Gateway>,
    ) -> Result<Vec<u8>, Stop> {
        let (tbs, caller) = authentic(self, request, header, |tbs: &T| {
            let (auth_tags, _, me_certificates) = tbs.parts();
            (auth_tags, me_certificates)
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
        let code = self.carry_out(T::OPERATION, &request_id, &purchase, req_amt).await?;
        let settled = self.settled(&purchase, req_amt, code).await?;
        let rr_tags = auth_tags.auth_rr_tags.clone();
        let result = self.sealed(T::result(rr_tags, asked.clone(), settled), &caller)?;
        let message = T::result_message(result);
        // What is under way has no last word yet: the same request is to be answered by it.
        if code == SettlementCode::UnderWay {
            let now = self.ports.clock.now();
            return Ok(crate::wire::wrap(message, rrpid, Some(xid), now)?);
        }
        self.keep(&caller, rrpid, xid, asked.as_bytes(), message).await
    }

    async fn carry_out(
        &self,
        kind: SettlementKind,
        request_id: &str,
        purchase: &GatewayPurchase,
        req_amt: &CurrencyAmount,
    ) -> Result<SettlementCode, Stop> {
        let Ok(amount) = Amount::try_from(req_amt) else {
            return Ok(SettlementCode::AmountError);
        };
        let payment = self.payments.payment(&purchase.payment).await?;
        let begun = self.ports.store.find::<SettlementBegun>(request_id).await?;
        if let Some(begun) = begun {
            return self.outcome(kind, &begun.value, &payment).await;
        }
        let facts =
            self.ports.store.facts(&RecordKey::of::<Payment>(payment.id().as_str())).await?;
        let before = facts.iter().filter(|fact| is_asked(&fact.event)).count();
        let begun = SettlementBegun::new(request_id.to_owned(), before);
        let mut batch = Batch::default();
        batch.insert(&begun)?;
        let done = match (kind, payment.state()) {
            (SettlementKind::AuthReversal, _) if amount != payment.transaction().amount() => {
                return Ok(SettlementCode::AmountError);
            }
            (SettlementKind::CaptureReversal, PaymentState::Captured(capture))
                if amount != capture.amount || capture.credited_minor > 0 =>
            {
                return Ok(SettlementCode::AmountError);
            }
            (SettlementKind::AuthReversal, _) => {
                self.payments.cancel_payment(&payment).await.map(drop)
            }
            (SettlementKind::Capture, _) => {
                self.payments.capture_payment(payment.id(), amount, batch).await.map(drop)
            }
            (SettlementKind::CaptureReversal | SettlementKind::Credit, _) => {
                match self.payments.credit_payment(payment.id(), amount, batch).await {
                    Ok(credit) => return Ok(code_of(&credit)),
                    Err(error) => Err(error),
                }
            }
            (SettlementKind::CreditReversal, _) => {
                match self.payments.reverse_credit(payment.id(), amount, batch).await {
                    Ok(credit) => return Ok(code_of(&credit)),
                    Err(error) => Err(error),
                }
            }
        };
        match done {
            Ok(()) => {
                let payment = self.payments.payment(&purchase.payment).await?;
                self.outcome(kind, &begun, &payment).await
            }
            Err(Error::NotNow { .. }) => Ok(SettlementCode::NotNow),
            Err(Error::Invalid(_)) => Ok(SettlementCode::AmountError),
            // Something else was asked of the purchase at the same time, or this very request.
            Err(Error::Store(StoreError::Conflict { .. })) => Ok(SettlementCode::UnderWay),
            Err(error) => Err(error.into()),
        }
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
            Event::CreditRefused { .. } | Event::CreditReversalRefused { .. } => {
                Some(SettlementCode::Declined)
            }
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
        let payment = self.payments.payment(&purchase.payment).await?;
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

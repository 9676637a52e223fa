//! How a purchase stands, in the words of the protocol; and the receipt.

use countersign_domain::{
    amount::Amount,
    challenge::Challenge,
    payment::{Payment, PaymentState},
    pin::PinDemand,
    plan::{CodeDemand, Plan},
    refusal::{Refusal, VoidCause},
    transaction::Payee,
};

use super::PaymentGateway;
use crate::{
    asn1::{Received, Text},
    message::{
        authorization::{Answer, AuthCode, AuthReqData},
        code::CodeStartData,
        common::{CurrencyAmount, MerchantId},
        purchase::{Receipt, ReceiptData},
    },
    name::{generalized_time, unix_time},
    protect::{Gateway, Signed},
    record::GatewayPurchase,
    stop::Stop,
};

/// What stands for the phone before the code: somebody who has only typed a card, and the merchant, must not learn digits of its
/// holder's number (ASVS 6.3.8).
const HIDDEN_PHONE: &str = "•••";

impl PaymentGateway {
    /// The answer to an authorization that is refused before a payment is begun.
    pub(crate) fn refused(&self, request: &AuthReqData, code: AuthCode) -> Result<Answer, Stop> {
        tracing::info!(%code, "an authorization is refused");
        Ok(Answer {
            trans_ids: request.auth_tags.trans_ids.clone(),
            auth_amt: request.auth_req_payload.auth_req_amt.clone(),
            auth_code: code,
            captured: false,
            mode: None,
            attempts_left: None,
            code_start: None,
            receipt: None,
        })
    }

    /// How a purchase stands whose payment is that; `refusal` is why a code was just refused.
    pub(crate) async fn standing(
        &self,
        purchase: &GatewayPurchase,
        payment: &Payment,
        refusal: Option<Refusal>,
    ) -> Result<Answer, Stop> {
        let awaits_code = matches!(payment.state(), PaymentState::AwaitingCode { .. });
        let code = match refusal {
            None => code_of(payment.state()),
            // All attempts are counted, but one of them is still looked at and may be right: until the payment is over,
            // nobody is told that it will not be paid.
            Some(Refusal::TooManyAttempts) if awaits_code => AuthCode::UnderWay,
            Some(Refusal::TooManyAttempts) => code_of(payment.state()),
            Some(refusal) => code_of_refusal(&refusal),
        };
        let challenge = match awaits_code {
            true => Some(self.payments.challenge_of(payment).await?),
            false => None,
        };
        let attempts_left = challenge.as_ref().map(Challenge::attempts_left);
        let attempts_left = attempts_left.map(|left| i64::from(left).try_into()).transpose()?;
        let code_start = match &challenge {
            Some(challenge) => Some(self.code_start(purchase, challenge)?),
            None => None,
        };
        let receipt = match code {
            AuthCode::Approved => {
                let (transaction, plan) = (payment.transaction(), payment.plan());
                Some(self.receipt(purchase, transaction.payee(), transaction.amount(), plan)?)
            }
            _ => None,
        };
        Ok(Answer {
            trans_ids: purchase.trans_ids()?,
            auth_amt: CurrencyAmount::try_from(payment.transaction().amount())?,
            auth_code: code,
            captured: payment.state().capture().is_some(),
            mode: Some(purchase.mode()),
            attempts_left,
            code_start,
            receipt,
        })
    }

    /// Asks the cardholder for the code.
    fn code_start(
        &self,
        purchase: &GatewayPurchase,
        challenge: &Challenge,
    ) -> Result<Signed<CodeStartData, Gateway>, Stop> {
        let data = CodeStartData {
            trans_ids: purchase.trans_ids()?,
            h_pi_tbs: purchase.pi_tbs(),
            merchant_id: MerchantId::try_from(purchase.merchant.as_str())?,
            gateway: purchase.gateway(),
            gateway_url: self.settings.url.clone(),
            phone: Text::try_from(HIDDEN_PHONE)?,
            digits: i64::from(challenge.digits()).try_into()?,
            attempts_left: i64::from(challenge.attempts_left()).try_into()?,
            expires_at: generalized_time(challenge.expires_at())?,
            pin_asked: asks_pin(challenge.pin()).then_some(true),
        };
        let now = unix_time(self.ports.clock.now());
        Ok(Signed::sign(&Received::new(data)?, &self.signer(), now)?)
    }

    /// The gateway's word for the cardholder (W4).
    pub(super) fn receipt(
        &self,
        purchase: &GatewayPurchase,
        payee: &Payee,
        amount: Amount,
        plan: Plan,
    ) -> Result<Receipt, Stop> {
        let now = self.ports.clock.now();
        let data = ReceiptData {
            trans_ids: purchase.trans_ids()?,
            merchant_id: MerchantId::try_from(purchase.merchant.as_str())?,
            merchant_name: Text::try_from(payee.as_str())?,
            hod: purchase.hod(),
            purch_amt: CurrencyAmount::try_from(amount)?,
            h_pi_tbs: purchase.pi_tbs(),
            mode: purchase.mode(),
            code_verified: matches!(plan.code(), CodeDemand::Ask),
            auth_code: AuthCode::Approved,
            date: generalized_time(now)?,
        };
        Ok(Signed::sign(&Received::new(data)?, &self.signer(), unix_time(now))?)
    }
}

/// A new one is set elsewhere: what is typed here goes through the merchant's hands, and is only compared.
const fn asks_pin(demand: PinDemand) -> bool {
    match demand {
        PinDemand::Ask | PinDemand::AskOrSet => true,
        PinDemand::No => false,
    }
}

const fn code_of(state: &PaymentState) -> AuthCode {
    match state {
        PaymentState::Authorizing { .. } | PaymentState::Capturing { .. } => AuthCode::UnderWay,
        PaymentState::AwaitingCode { .. } => AuthCode::CodePending,
        PaymentState::Authorized { .. }
        | PaymentState::Captured(_)
        | PaymentState::Crediting { .. }
        | PaymentState::ReversingCredit { .. } => AuthCode::Approved,
        PaymentState::Declined { .. } => AuthCode::Declined,
        PaymentState::Voiding { cause, .. } | PaymentState::Voided { cause, .. } => {
            code_of_void(cause)
        }
    }
}

pub(super) const fn code_of_void(cause: &VoidCause) -> AuthCode {
    match cause {
        VoidCause::NotVerified { refusal } => code_of_refusal(refusal),
        VoidCause::Interrupted => AuthCode::NoReply,
        VoidCause::CalledOff => AuthCode::Cancelled,
        VoidCause::NotCaptured => AuthCode::UnspecifiedFailure,
        VoidCause::CaptureRefused { .. } => AuthCode::Declined,
    }
}

const fn code_of_refusal(refusal: &Refusal) -> AuthCode {
    match refusal {
        Refusal::WrongCode { .. } => AuthCode::CodeWrong,
        Refusal::TooManyAttempts | Refusal::Blocked { .. } | Refusal::Locked => {
            AuthCode::CodeLocked
        }
        Refusal::Late => AuthCode::CodeExpired,
        Refusal::Undeliverable | Refusal::PhoneNotServed => AuthCode::NoPhone,
        Refusal::Cancelled => AuthCode::Cancelled,
        Refusal::OtherSession
        | Refusal::AlreadyUsed
        | Refusal::PinSet
        | Refusal::TooManySends
        | Refusal::TooSoon { .. }
        | Refusal::MessageLimit { .. }
        | Refusal::TooManyWaiting { .. } => AuthCode::InvalidTransaction,
    }
}

//! How a purchase ended whose payment was removed, as its time was over: its facts stay, and they are the last word.

use countersign_domain::{
    event::{Event, Fact},
    payment::Payment,
    record::RecordKey,
    transaction::Payee,
};

use super::{PaymentGateway, answer::code_of_void};
use crate::{
    message::{
        authorization::{Answer, AuthCode},
        common::CurrencyAmount,
        failure::ErrorCode,
    },
    record::GatewayPurchase,
    stop::Stop,
};

impl PaymentGateway {
    /// The answer to its merchant, who sells under that name.
    pub(super) async fn last_word(
        &self,
        purchase: &GatewayPurchase,
        payee: &Payee,
    ) -> Result<Answer, Stop> {
        let about = RecordKey::of::<Payment>(purchase.payment.as_str());
        let facts = self.ports.store.facts(&about).await?;
        let begun = facts.iter().find_map(|Fact { event, .. }| match event {
            Event::PaymentStarted { amount, plan, .. } => Some((*amount, *plan)),
            _ => None,
        });
        let end = facts.iter().rev().find_map(|fact| code_of(&fact.event));
        let (Some((amount, plan)), Some(auth_code)) = (begun, end) else {
            return Err(Stop::Told(ErrorCode::UnknownXid));
        };
        let is_paid = auth_code == AuthCode::Approved;
        let receipt = is_paid.then(|| self.receipt(purchase, payee, amount, plan)).transpose()?;
        Ok(Answer {
            trans_ids: purchase.trans_ids()?,
            auth_amt: CurrencyAmount::try_from(amount)?,
            auth_code,
            captured: is_paid,
            mode: Some(purchase.mode()),
            attempts_left: None,
            code_start: None,
            receipt,
        })
    }
}

/// What a fact says of the end, if it is of the end.
const fn code_of(event: &Event) -> Option<AuthCode> {
    match event {
        Event::PaymentCaptured { .. } => Some(AuthCode::Approved),
        Event::PaymentDeclined { .. } => Some(AuthCode::Declined),
        Event::PaymentVoiding { cause } => Some(code_of_void(cause)),
        _ => None,
    }
}

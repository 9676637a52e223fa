//! What may be shown of a checkout: to the payer, and to its merchant.

use countersign_domain::{
    challenge::Challenge,
    outbox::Message,
    payment::{Payment, PaymentState, VoidCause},
    policy::Selection,
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    message::{AmountBody, ItemBody},
    record::Checkout,
};

/// Where a checkout stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// Nobody has begun to pay, or the last payment failed and another may be begun.
    Open,
    /// A code went to the payer's phone.
    AwaitingCode,
    /// The bank is being asked; look again.
    Processing,
    /// The amount is debited and posted.
    Paid,
    /// The bank refused.
    Declined,
    /// The payment was not made: no right code in time, no phone, or called off.
    Voided,
    /// Nobody paid in time.
    Expired,
}

impl Status {
    pub(crate) fn of(checkout: &Checkout, payment: Option<&Payment>, now: Timestamp) -> Self {
        match payment.map(Payment::state) {
            None | Some(PaymentState::Declined { .. }) if checkout.void => Self::Voided,
            None if now >= checkout.expires_at => Self::Expired,
            None => Self::Open,
            Some(PaymentState::AwaitingCode { .. }) => Self::AwaitingCode,
            Some(PaymentState::Captured { .. }) => Self::Paid,
            Some(PaymentState::Declined { .. }) => Self::Declined,
            Some(PaymentState::Voiding { .. } | PaymentState::Voided { .. }) => Self::Voided,
            Some(_) => Self::Processing,
        }
    }
}

/// A checkout as the payer sees it. No full number, no full card, no code.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CheckoutView {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub status: Status,
    /// How much.
    pub amount: AmountBody,
    /// Who is paid.
    pub payee: String,
    /// What is bought.
    pub items: Vec<ItemBody>,
    /// The card, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Whether a code is asked for (`secured`) or not (`normal`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selection: Option<&'static str>,
    /// The code that is waited for, in this session only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeView>,
    /// Why the payment was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
}

/// The code that is waited for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CodeView {
    /// The phone's number, masked.
    pub number: String,
    /// Where the message stands: `queued`, `sending`, `sent`, `delivered`, `failed`, `unconfirmed`.
    pub message: &'static str,
    /// How many responses are still accepted.
    pub attempts_left: u8,
    /// For how long a response is accepted.
    pub expires_in_seconds: u32,
    /// In how many seconds the message may be asked for again; absent when it is not sent any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resend_in_seconds: Option<u32>,
}

/// A checkout as its merchant sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MerchantView {
    /// What the payer sees.
    #[serde(flatten)]
    pub checkout: CheckoutView,
    /// The merchant's reference of the order.
    pub reference: String,
    /// Where to send the payer's browser.
    pub url: String,
    /// The last payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<String>,
    /// By which the bank knows it: ISO 8583 field 37, the retrieval reference number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bank_reference: Option<String>,
    /// By which logs know it: the trace id of the request's `traceparent`, or one of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

impl CheckoutView {
    pub(crate) fn of(
        checkout: &Checkout,
        payment: Option<&Payment>,
        code: Option<(&Challenge, &Message)>,
        now: Timestamp,
    ) -> Self {
        let transaction = &checkout.transaction;
        Self {
            id: checkout.id.to_string(),
            status: Status::of(checkout, payment, now),
            amount: AmountBody::from(transaction.amount()),
            payee: transaction.payee().to_string(),
            items: transaction.items().iter().map(ItemBody::from).collect(),
            card: payment.map(|payment| payment.card().to_string()),
            selection: payment.map(|payment| match payment.selection() {
                Selection::Secured => "secured",
                Selection::Normal => "normal",
            }),
            code: code.map(|(challenge, message)| CodeView {
                number: challenge.masked_number(),
                message: message.state().name(),
                attempts_left: challenge.attempts_left(),
                expires_in_seconds: challenge.expires_at().seconds_from(now),
                resend_in_seconds: challenge.resend_wait_seconds(now),
            }),
            cause: payment.and_then(cause),
        }
    }
}

/// Why a payment was not made, by a name that is a promise.
fn cause(payment: &Payment) -> Option<&'static str> {
    match payment.state() {
        PaymentState::Declined { .. } => Some("declined-by-bank"),
        PaymentState::Voiding { cause, .. } | PaymentState::Voided { cause, .. } => {
            Some(match cause {
                VoidCause::NotVerified { refusal } => refusal.name(),
                VoidCause::CaptureRefused { .. } => "declined-by-bank",
                _ => "interrupted",
            })
        }
        _ => None,
    }
}

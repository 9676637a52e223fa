//! What may be shown of a checkout: to the payer, and to its merchant.

use countersign_domain::{
    id::RelyingPartyId,
    locale::Locale,
    payment::{Payment, PaymentState},
    plan::{CodeDemand, Exemption},
    refusal::{Refusal, VoidCause},
    time::Timestamp,
};
use countersign_web::{
    code_page::CodeView,
    described::ElementName,
    transaction::{AmountBody, ItemBody},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::record::Checkout;

/// The cause of a payment that its payer, or its merchant, called off.
pub(crate) const CANCELLED: &str = "cancelled";

/// Where a checkout stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CheckoutStatus)]
pub enum Status {
    /// No payment was begun, or the last one failed and another may be begun.
    Open,
    /// A code went to the payer's phone.
    AwaitingCode,
    /// The bank is being asked; look again.
    Processing,
    /// The amount is debited and posted.
    Paid,
    /// The bank refused.
    Declined,
    /// The payment is not made, and the bank has not yet said that it holds nothing for it; look again.
    Releasing,
    /// The payment was not made, and nothing is held for it: no right code in time, no phone, or cancelled.
    Voided,
    /// It was not paid in time.
    Expired,
}

impl Status {
    pub(crate) fn of(checkout: &Checkout, payment: Option<&Payment>, now: Timestamp) -> Self {
        match payment.map(Payment::state) {
            None | Some(PaymentState::Declined { .. }) if checkout.void => Self::Voided,
            None if now >= checkout.expires_at => Self::Expired,
            None => Self::Open,
            Some(PaymentState::AwaitingCode { .. }) => Self::AwaitingCode,
            Some(
                PaymentState::Captured(_)
                | PaymentState::Crediting { .. }
                | PaymentState::ReversingCredit { .. },
            ) => Self::Paid,
            Some(PaymentState::Declined { .. }) => Self::Declined,
            Some(PaymentState::Voiding { .. }) => Self::Releasing,
            Some(PaymentState::Voided { .. }) => Self::Voided,
            Some(
                PaymentState::Authorizing { .. }
                | PaymentState::Authorized { .. }
                | PaymentState::Capturing { .. },
            ) => Self::Processing,
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
    /// What is to be paid.
    pub amount: AmountBody,
    /// The payee, by the name that the payer knows.
    pub payee: String,
    /// What is bought.
    pub items: Vec<ItemBody>,
    /// The card, masked: after the right code, or where the merchant tells whom it does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Whether a code is asked for (`secured`) or not (`normal`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^(secured|normal)$")]
    pub selection: Option<&'static str>,
    /// The code that is waited for, in this session only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<CodeView>,
    /// Why the payment was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    /// In how many seconds another payment may be begun, where a limit refused this one and time ends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<u32>,
    /// The limit, for the words of it.
    #[serde(skip)]
    pub(crate) limit: Option<Refusal>,
}

/// A checkout as its payer is shown it.
#[derive(Clone, Debug)]
pub struct PayerView {
    /// Where it stands.
    pub view: CheckoutView,
    /// Whose it is.
    pub relying_party: RelyingPartyId,
    /// Where the payer may go back to.
    pub return_url: Option<String>,
    /// The language that the merchant asked for.
    pub locale: Option<Locale>,
    /// Whether a payment may be begun.
    pub can_pay: bool,
    /// Whether the last payment is this session's.
    pub is_own: bool,
}

/// Why no code was asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExemptionView {
    /// `low_value`, or `below_limit` where it is the policy's alone.
    #[schema(value_type = String, pattern = "^(low_value|below_limit)$")]
    pub name: &'static str,
    /// The article of the RTS that allows it, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub article: Option<&'static str>,
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
    /// What the last payment's payer proved: `phone`, `certificate_key`, `pin`, `pin_set_by_code`. A phone and a
    /// certificate's key are of one category.
    #[schema(value_type = Vec<ElementName>, example = json!(["phone", "pin"]))]
    pub elements: Vec<&'static str>,
    /// Why no code was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exemption: Option<ExemptionView>,
    /// The last payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<String>,
    /// The bank's name for it: ISO 8583 field 37, the retrieval reference number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bank_reference: Option<String>,
    /// Its name in logs: the trace id of the request's `traceparent`, or one of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
}

impl CheckoutView {
    pub(crate) fn of(
        checkout: &Checkout,
        payment: Option<&Payment>,
        code: Option<CodeView>,
        now: Timestamp,
    ) -> Self {
        let transaction = &checkout.transaction;
        let limit = payment.and_then(|payment| limit(payment, now));
        Self {
            id: checkout.id.to_string(),
            status: Status::of(checkout, payment, now),
            amount: AmountBody::from(transaction.amount()),
            payee: transaction.payee().to_string(),
            items: transaction.items().iter().map(ItemBody::from).collect(),
            // What was not agreed to by a code may be a stranger's, who must not learn whose card is whose.
            card: payment
                .filter(|payment| checkout.tells_unknown || payment.is_agreed())
                .map(|payment| payment.card().to_string()),
            selection: payment.map(|payment| match payment.plan().code() {
                CodeDemand::Ask => "secured",
                CodeDemand::Exempt(Exemption::LowValue | Exemption::BelowLimit) => "normal",
            }),
            code,
            cause: payment.and_then(cause),
            wait_seconds: limit.as_ref().and_then(Refusal::wait_seconds),
            limit,
        }
    }
}

/// The limit by which no code was asked for, with what is left of its time.
fn limit(payment: &Payment, now: Timestamp) -> Option<Refusal> {
    let PaymentState::Voided { cause: VoidCause::NotVerified { refusal }, at } = payment.state()
    else {
        return None;
    };
    match refusal {
        Refusal::TooSoon { .. }
        | Refusal::Blocked { .. }
        | Refusal::Locked
        | Refusal::MessageLimit { .. }
        | Refusal::PhoneNotServed
        | Refusal::TooManyWaiting { .. } => Some(refusal.clone().since(*at, now)),
        Refusal::WrongCode { .. }
        | Refusal::TooManyAttempts
        | Refusal::Late
        | Refusal::AlreadyUsed
        | Refusal::OtherSession
        | Refusal::PinSet
        | Refusal::Undeliverable
        | Refusal::Cancelled
        | Refusal::TooManySends => None,
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
                VoidCause::Interrupted => "interrupted",
                VoidCause::CalledOff => CANCELLED,
                VoidCause::NotCaptured => "not-captured",
            })
        }
        PaymentState::Authorizing { .. }
        | PaymentState::AwaitingCode { .. }
        | PaymentState::Authorized { .. }
        | PaymentState::Capturing { .. }
        | PaymentState::Captured(_)
        | PaymentState::Crediting { .. }
        | PaymentState::ReversingCredit { .. } => None,
    }
}

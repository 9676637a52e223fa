//! The checkout over TLS (figures 7, 8 and 13): what a merchant asks at `/v1/checkouts`. The payer's side is a browser at the
//! page that the merchant is given.

use countersign_domain::amount::Amount;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, Call},
    failure::Failure,
    phrase::{Money, Table, look_up},
    wire::Answer,
};

/// The payment page's forms, after its address.
pub(crate) mod form {
    pub(crate) const PAY: &str = "";
    pub(crate) const CODE: &str = "/code";
    pub(crate) const RESEND: &str = "/resend";
    pub(crate) const CANCEL: &str = "/cancel";
}

/// What a merchant asked for in one scenario.
#[derive(Debug, Default)]
pub(crate) struct Checkouts(pub(crate) Vec<Purchase>);

/// What a merchant asked for.
#[derive(Clone, Debug)]
pub(crate) struct Purchase {
    pub(crate) amount: Amount,
    pub(crate) order: Value,
    pub(crate) key: String,
    pub(crate) id: String,
    /// The payment page.
    pub(crate) url: String,
}

impl Checkouts {
    /// The purchase that is talked of: the last.
    pub(crate) fn last(&self) -> Result<&Purchase, Failure> {
        self.0.last().ok_or_else(|| Failure::new("the merchant has not asked for anything yet"))
    }

    /// Where the sandbox has what was sent for each.
    pub(crate) fn drawn(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|purchase| format!("/purchases/{}/flow.json", purchase.id))
    }
}

/// A purchase that nobody has asked for yet.
pub(crate) fn order(amount: Money, items: &Value, locale: &str) -> Value {
    let Money(amount) = amount;
    json!({
        "amount": { "value": amount.to_decimal(), "currency": amount.currency().code() },
        "reference": "order-1",
        "items": items,
        "locale": locale,
    })
}

/// Asks for a purchase.
pub(crate) async fn create(
    bench: &Bench,
    api_key: Option<&str>,
    idempotency_key: Option<&str>,
    order: &Value,
) -> Result<Answer, Failure> {
    let (method, path) = ("POST", "/v1/checkouts");
    bench.call(Call { method, path, api_key, idempotency_key, body: Some(order) }).await
}

/// Calls a purchase off.
pub(crate) async fn void(bench: &Bench, id: &str) -> Result<Answer, Failure> {
    let path = format!("/v1/checkouts/{id}/void");
    let api_key = Some(bench.description.api_key.as_str());
    bench.call(Call { method: "POST", path: &path, api_key, ..Call::default() }).await
}

/// Looks at a purchase.
pub(crate) async fn view(bench: &Bench, api_key: &str, id: &str) -> Result<Answer, Failure> {
    let path = format!("/v1/checkouts/{id}");
    let api_key = Some(api_key);
    bench.call(Call { method: "GET", path: &path, api_key, ..Call::default() }).await
}

/// Reads the trace of a purchase.
pub(crate) async fn trace(bench: &Bench, id: &str) -> Result<Answer, Failure> {
    let path = format!("/v1/checkouts/{id}/trace");
    let api_key = Some(bench.description.api_key.as_str());
    bench.call(Call { method: "GET", path: &path, api_key, ..Call::default() }).await
}

/// Where a purchase stands.
pub(crate) fn status(words: &str) -> Result<&'static str, String> {
    look_up(STATUSES, words)
}

/// An entry of the trace.
pub(crate) fn event(words: &str) -> Result<&'static str, String> {
    look_up(EVENTS, words)
}

const STATUSES: Table = &[
    ("is open", "open"),
    ("waits for the code", "awaiting_code"),
    ("is paid", "paid"),
    ("is declined", "declined"),
    ("is void", "voided"),
    ("is being released", "releasing"),
    ("is expired", "expired"),
];

const EVENTS: Table = &[
    ("the payment began", "payment_started"),
    ("the bank held the amount", "payment_authorized"),
    ("the bank refused", "payment_declined"),
    ("the code was asked for", "code_asked"),
    ("the payer agreed", "payment_agreed"),
    ("the amount was debited", "payment_captured"),
    ("the bank refused to do so", "bank_refused"),
    ("a person must look", "payment_stuck"),
    ("a person confirmed its end", "payment_settled"),
];
